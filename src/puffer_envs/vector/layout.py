"""The layout of a set of buffers, and how such sets are allocated and sliced."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from puffer_envs.contract.observations import ObservationField

Buffers = dict[str, NDArray[Any]]
"""The contract's arrays by name. `action_masks` and `agent_mask` are missing if the environment has none."""

ALIGNMENT = 64
"""Bytes. Every array starts on a cache line."""


@dataclass(frozen=True)
class BufferLayout:
    """Spaces and sizes of one environment's rows: everything needed to allocate its buffers."""

    agents: int
    """Rows per environment."""
    single_observation_space: gymnasium.spaces.Box
    """Space of one row: uint8, int8 or float32."""
    single_action_space: gymnasium.spaces.Space[Any]
    """Space of one row: Discrete or MultiDiscrete starting at 0, or a one-dimensional float32 Box."""
    masked: bool = False
    """Whether there are action masks."""
    padded: bool = False
    """Whether there is an agent mask."""
    observation_fields: tuple[ObservationField, ...] | None = field(default=None, compare=False)
    """The meaning of observations that are structured bytes; None for plain arrays."""
    notes: tuple[str, ...] = ()
    """What a person should know, a sentence each: observations that were left out."""

    @property
    def choices(self) -> NDArray[np.int64]:
        """Number of choices of each discrete action, (k,); empty for a Box."""
        space = self.single_action_space
        if isinstance(space, gymnasium.spaces.Box):
            return np.zeros(0, np.int64)
        return np.atleast_1d(space.n if isinstance(space, gymnasium.spaces.Discrete) else space.nvec)  # type: ignore[attr-defined]

    def arrays(self, num_envs: int) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
        """Return name -> (shape, dtype) of every buffer for `num_envs` environments."""
        rows = num_envs * self.agents
        observations = ((rows, *self.single_observation_space.shape), np.dtype(self.single_observation_space.dtype))
        space = self.single_action_space
        single = isinstance(space, gymnasium.spaces.Discrete)
        action_dtype = np.dtype(np.float32 if isinstance(space, gymnasium.spaces.Box) else np.int32)
        arrays: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {
            "observations": observations,
            "final_observations": observations,
            "actions": ((rows,) if single else (rows, *(space.shape or ())), action_dtype),
            "rewards": ((rows,), np.dtype(np.float32)),
            "terminals": ((rows,), np.dtype(np.bool_)),
            "truncations": ((rows,), np.dtype(np.bool_)),
        }
        if self.masked:
            arrays["action_masks"] = ((rows, int(self.choices.sum())), np.dtype(np.bool_))
        if self.padded:
            arrays["agent_mask"] = ((rows,), np.dtype(np.bool_))
        return arrays

    def size(self, num_envs: int) -> int:
        """Return the size in bytes of all buffers for `num_envs` environments, each array aligned."""
        return sum(_aligned(math.prod(shape) * dtype.itemsize) for shape, dtype in self.arrays(num_envs).values())

    def carve(self, memory: NDArray[np.uint8], num_envs: int) -> Buffers:
        """Return the buffers as consecutive views of `memory` (uint8, at least `size(num_envs)` bytes)."""
        buffers, start = {}, 0
        for name, (shape, dtype) in self.arrays(num_envs).items():
            size = math.prod(shape) * dtype.itemsize
            buffers[name] = memory[start : start + size].view(dtype).reshape(shape)
            start += _aligned(size)
        return buffers


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def rows_of(buffers: Mapping[str, NDArray[Any]], first: int, last: int) -> Buffers:
    """Return views of rows `first` to `last - 1` of every buffer."""
    return {name: array[first:last] for name, array in buffers.items()}

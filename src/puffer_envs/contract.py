"""The buffer contract as types; docs/contract.md says it in words, `puffer-envs check` tests it."""

from __future__ import annotations

from typing import Any, Protocol

import gymnasium
import numpy as np
from numpy.typing import ArrayLike, NDArray

StepResult = tuple[NDArray[Any], NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]]
"""(observations, rewards, terminals, truncations), the environment's own arrays."""


class BufferEnv(Protocol):
    """A batch of environments over arrays that never change identity; A rows, one per agent."""

    num_envs: int
    """Environments in the batch."""
    num_agents: int
    """Rows of every array: a multiple of `num_envs`."""
    single_observation_space: gymnasium.spaces.Box
    """Of one row."""
    single_action_space: gymnasium.spaces.Space[Any]
    """Of one row: Discrete, MultiDiscrete or Box."""
    observations: NDArray[Any]
    """(A, *obs_shape) of uint8, int8 or float32."""
    final_observations: NDArray[Any]
    """(A, *obs_shape): valid in the rows whose episode ended in the last step."""
    actions: NDArray[Any]
    """(A,) or (A, k) int32, or (A, k) float32."""
    rewards: NDArray[np.float32]
    """(A,)."""
    terminals: NDArray[np.bool_]
    """(A,): the episode ended for good."""
    truncations: NDArray[np.bool_]
    """(A,): the episode was cut off."""
    action_masks: NDArray[np.bool_] | None
    """(A, sum of choices), or None."""
    agent_mask: NDArray[np.bool_] | None
    """(A,), or None."""

    def reset(self, seed: int | None = None) -> NDArray[Any]:
        """Start anew; returns `observations`."""
        ...

    def step(self, actions: ArrayLike) -> StepResult:
        """One step of every environment."""
        ...

    def close(self) -> None:
        """Free everything; may be called twice."""
        ...


class Factory(Protocol):
    """What makes a `BufferEnv`."""

    def __call__(self, num_envs: int, seed: int, **settings: Any) -> BufferEnv:
        """A batch of `num_envs` environments, not yet reset."""
        ...

"""What one row of `actions` holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete, MultiDiscrete
from numpy.typing import NDArray

MAX_SHOWN = 60
"""Characters of a wrong value that a message shows."""


def describe_shape(given: object, array: NDArray[Any]) -> str:
    """What was given where an array of actions belongs: its shape, or itself if it is no array and no list."""
    if array.shape:
        return str(array.shape)
    text = repr(given)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


@dataclass(frozen=True)
class ActionSpec:
    """An action space as policies and policy files describe it."""

    kind: Literal["discrete", "box"]
    """`discrete` for Discrete and MultiDiscrete, `box` for continuous actions."""
    sizes: tuple[int, ...]
    """Choices of each discrete action; `(k,)` for a Box of k numbers."""
    row_shape: tuple[int, ...]
    """Shape of one row: `()` for Discrete, `(k,)` otherwise."""
    low: tuple[float, ...] = ()
    """Lower bounds of a Box, in action units."""
    high: tuple[float, ...] = ()
    """Upper bounds of a Box, in action units."""

    @property
    def dimensions(self) -> int:
        """Numbers in one row of actions."""
        return self.sizes[0] if self.kind == "box" else len(self.sizes)

    @property
    def outputs(self) -> int:
        """Policy outputs needed: one logit per choice, or one mean per number."""
        return sum(self.sizes)


def describe_actions(space: gymnasium.spaces.Space[Any]) -> ActionSpec:
    """Translate the action space of one row.

    Raises:
        ValueError: the contract does not allow it.
    """
    if isinstance(space, Discrete):
        if space.start != 0:
            raise ValueError(f"single_action_space starts at {space.start}; actions are counted from 0")
        return ActionSpec("discrete", (int(space.n),), ())
    if isinstance(space, MultiDiscrete):
        if space.nvec.ndim != 1 or np.any(space.start):
            raise ValueError("single_action_space must be a flat MultiDiscrete whose actions count from 0")
        return ActionSpec("discrete", tuple(int(n) for n in space.nvec), (len(space.nvec),))
    if isinstance(space, Box) and len(space.shape) == 1 and space.dtype == np.float32:
        low, high = (tuple(float(x) for x in bound) for bound in (space.low, space.high))
        return ActionSpec("box", (int(space.shape[0]),), tuple(space.shape), low, high)
    raise ValueError(f"single_action_space is {space}, not Discrete, MultiDiscrete or a flat float32 Box")

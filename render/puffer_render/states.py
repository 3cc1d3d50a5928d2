"""Keeping states, which are live views into an environment."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_envs.environment import State, state_memory

RAW = "_memory"
"""Where a kept state has its bytes."""


def keep(state: Any) -> SimpleNamespace:
    """A copy of all fields as they are now; of a native environment also its bytes, which drawings in C read."""
    kept = SimpleNamespace(**{name: np.copy(getattr(state, name)) for name in state})
    if isinstance(state, State):
        memory, assets = state_memory(state)
        setattr(kept, RAW, (memory.copy(), assets))
    return kept


def memory_of(state: Any) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The bytes of a state of a native environment, live or kept, and of what all in its batch share."""
    return state_memory(state) if isinstance(state, State) else getattr(state, RAW)


def same(one: Any, other: Any) -> bool:
    """Whether all fields of two states of the same environment are equal."""
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in one)

"""Keeping states, which are live views into an environment."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np


def keep(state: Any) -> SimpleNamespace:
    """A copy of all fields as they are now."""
    return SimpleNamespace(**{name: np.copy(getattr(state, name)) for name in state})


def same(one: Any, other: Any) -> bool:
    """Whether all fields of two states of the same environment are equal."""
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in one)

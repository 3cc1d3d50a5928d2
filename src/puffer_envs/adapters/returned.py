"""What `reset` and `step` of a Python environment returned, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

STEP = "the tuple (observation, reward, terminated, truncated, info)"
STEP_OF_MANY = "the tuple (observations, rewards, terminations, truncations, infos), five dicts by agent"
RESET = "the tuple (observation, info)"
RESET_OF_MANY = "the tuple (observations, infos), two dicts by agent"
OLD = "; a single `done` is the interface of the old package gym: split it in two"
PARTS = 5
"""Of what `step` returns."""


def unpack_reset(env: Any, result: Any, wanted: str) -> tuple[Any, Any]:
    """Return the observations and infos that `reset` returned. Raises TypeError if it returned something else."""
    if not isinstance(result, tuple | list) or len(result) != 2 or not isinstance(result[1], Mapping):
        raise TypeError(f"{_class_of(env)}.reset() must return {wanted}, returned {describe(result)}")
    return result[0], result[1]


def refuse_step(env: Any, result: Any, wanted: str = STEP) -> NoReturn:
    """Raise TypeError for what `step` returned."""
    old = OLD if wanted is STEP and is_old_step(result) else ""
    raise TypeError(f"{_class_of(env)}.step() must return {wanted}, returned {describe(result)}{old}")


def is_old_step(result: Any) -> bool:
    """Whether it is what `step` returned in the package gym, before version 0.26."""
    return isinstance(result, tuple) and len(result) == PARTS - 1


def describe(value: Any) -> str:
    """What was given, in a few words."""
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} {value.shape}"
    if isinstance(value, tuple):
        return f"a tuple of {len(value)} ({', '.join(type(part).__name__ for part in value)})"
    text = repr(value)
    return f"{type(value).__name__} {text}" if len(text) <= 40 else f"a {type(value).__name__}"


def _class_of(env: Any) -> str:
    return type(getattr(env, "unwrapped", env)).__name__

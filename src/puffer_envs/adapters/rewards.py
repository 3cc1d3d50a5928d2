"""Rewards of Python environments: numbers, or refused with the value and what is allowed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

GREATEST = float(np.finfo(np.float32).max)
PLAIN = (float, int, np.float64, np.float32)
"""Types that are numbers for sure."""


def as_reward(value: Any) -> float:
    """Return a reward as a number.

    A single number in an array or list of shape (1,) counts. NaN and infinity pass: the trainer reports them.

    Raises:
        ValueError: it is no number, several ones, or beyond float32.
    """
    number = float(value if type(value) in PLAIN else _only_number(value))
    if not -GREATEST <= number <= GREATEST and math.isfinite(number):
        raise ValueError(f"the reward is {value!r}: it must fit float32, at most {GREATEST:.3g}. Scale it down")
    return number


def _only_number(value: Any) -> Any:
    try:
        array = np.asarray(value)
    except ValueError:  # a ragged list
        array = np.asarray(None)
    if array.dtype.kind not in "biuf" or array.size != 1 or array.ndim > 1:
        shown = repr(value)
        kind = shown if len(shown) <= 60 else f"a {type(value).__name__}"
        several = f" of shape {array.shape}" if array.dtype.kind in "biuf" and array.size != 1 else ""
        raise ValueError(f"the reward is {kind}{several}: it must be a single number. Use float(...)")
    return array.reshape(-1)[0]

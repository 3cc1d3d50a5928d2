"""How far a number of ours may be from the reference's."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Within:
    """A tolerance, and why it is not 0."""

    absolute: float
    """The largest difference."""
    why: str
    """Where the difference comes from."""
    period: float = 0.0
    """Numbers that differ by a multiple of it are the same, such as angles by a whole turn; 0: none is."""

    def __post_init__(self) -> None:
        if not (isinstance(self.absolute, (int, float)) and math.isfinite(self.absolute) and self.absolute >= 0):
            raise ValueError(f"Within({self.absolute!r}, ...): the largest difference must be a number from 0")
        if self.absolute > 0 and not (isinstance(self.why, str) and self.why.strip()):
            raise ValueError(f"Within({self.absolute:g}, {self.why!r}): say why the two may differ, such as 'float32'")

    def difference(self, ours: ArrayLike, theirs: ArrayLike) -> NDArray[Any]:
        """How far each pair of numbers is apart; infinite where only one of the two is a number."""
        a, b = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
        with np.errstate(invalid="ignore"):  # infinite numbers
            apart = np.abs(a - b)
            if self.period:
                apart = np.abs(apart - self.period * np.round(apart / self.period))
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        return np.where(same, 0.0, np.where(np.isnan(apart), np.inf, apart))


EXACT = Within(0.0, "")


WIDEST = 10_000.0
"""Times a tolerance of one step: what has grown further says nothing any more."""


@dataclass(frozen=True)
class Growth:
    """How tolerances grow over an episode, in which the two are never brought together again.

    After t steps a tolerance is what the t single ones add up to, each multiplied by `factor` in every later step. Once
    that is ten thousand times one step's, the rest of the episode is not compared step by step.
    """

    factor: float
    """1: differences add up; more: the system itself pulls neighbouring states apart."""
    why: str
    """What pulls them apart."""

    def __post_init__(self) -> None:
        if not (isinstance(self.factor, (int, float)) and 1 <= self.factor < math.inf):
            raise ValueError(f"Growth({self.factor!r}, ...): the factor must be a number from 1")
        if self.factor > 1 and not (isinstance(self.why, str) and self.why.strip()):
            raise ValueError(f"Growth({self.factor:g}, {self.why!r}): say what pulls the two apart")

    def after(self, steps: int) -> float:
        """What a tolerance of one step is multiplied by after so many."""
        if self.factor == 1.0:
            return float(steps)
        if steps > self.steps:
            return math.inf
        return float((self.factor**steps - 1.0) / (self.factor - 1.0))

    @property
    def steps(self) -> int:
        """How many steps of an episode can be compared one by one."""
        if self.factor == 1.0:
            return int(WIDEST)
        return int(math.log(WIDEST * (self.factor - 1.0) + 1.0) / math.log(self.factor))

"""Nine synthetic tasks with known fronts of score against cost, for `benchmarks/sweep.py`.

A run is a place u in [-1, 1]^d. z = (u0 + 1) / 2 sets the cost, c = 200^z; the next six parameters have an optimum that
drifts with z: q = exp(-1/2 sum(((u_i - m_i) / w_i)^2)) is 1 there; the others do nothing. With a score of q f(c), the
true front is f. Each seed draws other optima, drifts and widths.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
MAX_COST = 200.0
ACTIVE = 6
NAMES = ("LIN", "LOG", "PCT", "CUT", "TRAP", "CLIFF", "THRU", "NOISE", "CHIN")

FRONTS: dict[str, Callable[[Any], Any]] = {
    "LIN": lambda c: c / MAX_COST,
    "LOG": lambda c: np.log(c) / math.log(MAX_COST),
    "PCT": lambda c: 1 / (1 + np.exp(-c / 10)),
    "CUT": lambda c: np.minimum(2, np.log10(c)) / 2,
    "TRAP": lambda c: np.maximum(0.6 * (1 - np.exp(-c / 3)), c / MAX_COST),
    "CHIN": lambda c: 1 - c**-0.175,
}
for like_log in ("CLIFF", "THRU", "NOISE"):
    FRONTS[like_log] = FRONTS["LOG"]


@dataclass(frozen=True)
class Bump:
    """Where a score is best, and how that drifts with the cost."""

    first: Floats
    drift: Floats
    width: Floats

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Bump:
        return cls(rng.uniform(-0.6, 0.6, ACTIVE), rng.uniform(-0.5, 0.5, ACTIVE), _widths(rng))

    def centre(self, z: float) -> Floats:
        return np.clip(self.first + self.drift * (z - 0.5), -0.95, 0.95)

    def height(self, u: Floats, z: float) -> float:
        return float(np.exp(-0.5 * (((u - self.centre(z)) / self.width) ** 2).sum()))


def _widths(rng: np.random.Generator) -> Floats:
    return np.exp(rng.uniform(math.log(0.25), math.log(0.6), ACTIVE))


class Task:
    """One of the nine, with the optima of one seed."""

    def __init__(self, name: str, seed: int, dimensions: int = 12) -> None:
        self.name, self.dimensions = name, dimensions
        rng = np.random.default_rng([NAMES.index(name), seed])
        self.bump, self.other = Bump.draw(rng), Bump.draw(rng)
        while name == "TRAP" and np.abs(self.bump.first - self.other.first).max() < 0.8:
            self.other = Bump.draw(rng)
        self.sweet = rng.uniform(-0.6, 0.6)
        self.noise = np.random.default_rng([NAMES.index(name), seed, 1])

    def true(self, u: Floats) -> tuple[float, float]:
        """Return score and cost of a place without noise; a score of NaN is a run that fails."""
        z = (u[0] + 1) / 2
        cost, active = MAX_COST**z, u[1 : 1 + ACTIVE]
        if self.name == "CHIN":
            steps, width = MAX_COST**z, MAX_COST ** ((u[1] + 1) / 2)
            q = self.bump.height(u[2 : 2 + ACTIVE], z)
            return q * (1 - 0.5 * steps**-0.35 - 0.5 * width**-0.35), steps * width
        q = self.bump.height(active, z)
        if self.name == "TRAP":
            cheap = q * 0.6 * (1 - math.exp(-cost / 3))
            return max(cheap, self.other.height(active, z) * cost / MAX_COST), cost
        if self.name == "CLIFF" and active[0] > self.bump.centre(z)[0] + 0.4 * self.bump.width[0]:
            return math.nan, 0.3 * cost
        score = q * float(FRONTS[self.name](cost))
        if self.name == "THRU":
            cost *= 4 ** ((u[1 + ACTIVE] - self.sweet) ** 2)
        return score, cost

    def run(self, u: Floats) -> tuple[float, float]:
        """Return what a run at this place reports."""
        score, cost = self.true(u)
        if self.name == "NOISE":
            a, b, c = self.noise.normal(), self.noise.normal(), self.noise.random()
            score, cost = score * math.exp(0.2 * a) * (0.2 if c < 0.1 else 1), cost * math.exp(0.1 * b)
        return score, cost


def ratio(task: Task, places: list[Floats]) -> float:
    """Return the area under the front that was found, over the true one, in the log of the cost: judged without noise.

    The area is between cost 1 and 200, of the best score at or below each cost.
    """
    grid = np.exp(np.linspace(0, math.log(MAX_COST), 2001))
    best = np.zeros(len(grid))
    for u in places:
        score, cost = task.true(u)
        if math.isfinite(score) and cost <= MAX_COST:
            best[grid >= cost] = np.maximum(best[grid >= cost], score)
    return float(best.sum() / FRONTS[task.name](grid).sum())

"""The front of score against cost: what the best score is that a cost buys, and what a new point would add to it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Front:
    """Points that no other one beats at the same or a lower cost, by rising cost."""

    costs: Floats
    """(k,) logs of costs."""
    scores: Floats
    """(k,) scores, rising."""
    members: NDArray[np.intp]
    """(k,) which of the given points they are."""

    @classmethod
    def of(cls, costs: Floats, scores: Floats) -> Front:
        """Return the front of points: (n,) logs of costs, (n,) scores."""
        order = np.lexsort((-scores, costs))
        best = np.maximum.accumulate(scores[order])
        rises = np.concatenate([[True], best[1:] > best[:-1]]) if len(order) else np.zeros(0, np.bool_)
        members = order[rises]
        return cls(costs[members], scores[members], members)

    def gaps(self, end: float) -> Floats:
        """Return the width of the step behind each point, the last one up to `end`: (k,)."""
        return np.maximum(np.diff(np.append(self.costs, end)), 0.0)

    def expected_gain(self, cost: Floats, outcomes: Floats, chances: Floats, floor: float, end: float) -> Floats:
        """Return by how much the area under the front would grow, in expectation, for each of n candidates.

        With the cost taken as known, the expected growth of the hypervolume (Emmerich et al. 2006) is a sum over the
        steps of the front to the right of it: what is left of the step's width, times the expected improvement over
        its height. A candidate earns by every step that it would raise, so wide gaps and the empty expensive end pay.

        Args:
            cost: (n,) logs of the candidates' costs.
            outcomes: (n, o) scores that each may have.
            chances: (o,) how likely they are, 1 in all.
            floor: Height of the front left of its first point.
            end: Log of the greatest cost that counts.
        """
        starts = np.concatenate([[-math.inf], self.costs])
        ends = np.concatenate([self.costs, [max(end, self.costs[-1] if len(self.costs) else end)]])
        heights = np.concatenate([[floor], self.scores])
        widths = np.maximum(0.0, ends - np.maximum(starts, cost[:, None]))
        above: Floats = np.maximum(0.0, outcomes[:, :, None] - heights)
        gain: Floats = np.einsum("nk,nok,o->n", widths, above, chances)
        return gain


def normal_cdf(z: Floats) -> Floats:
    """Return the distribution function of N(0, 1), to 1e-7: Abramowitz and Stegun (1964), 7.1.26."""
    x = np.abs(z) / math.sqrt(2)
    t = 1 / (1 + 0.3275911 * x)
    rest = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    upper = 0.5 * rest * np.exp(-x * x)
    share: Floats = np.where(z > 0, 1 - upper, upper)
    return share


def normal_quantile(share: Floats) -> Floats:
    """Return the inverse of `normal_cdf` for (n,) numbers between 0 and 1, by bisection."""
    low, high = np.full(len(share), -9.0), np.full(len(share), 9.0)
    for _ in range(50):
        middle = (low + high) / 2
        below = normal_cdf(middle) < share
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    found: Floats = (low + high) / 2
    return found

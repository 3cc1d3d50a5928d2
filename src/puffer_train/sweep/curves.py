"""Whether a run that is training can still reach the front, judged by the curves of earlier runs that ended.

A point of a curve is not the score of a shorter run: learning rates fall to the end. So a run is compared with earlier
ones at the same share of their own steps, and its final score is predicted from those that were most alike. How far
such predictions missed earlier runs says how good it may still become (split conformal prediction, Lei et al. 2018,
with each run left out of its own prediction). It is stopped only if even that is below the front by a margin.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SHARES = (0.25, 0.5, 0.75)
"""Of a run's steps: when it is judged."""
WINDOW = 0.1
"""Share of a run's steps, up to then, whose scores are averaged."""
FEWEST = 20
"""Earlier runs without which none is judged."""
NEAREST = 3
"""Earlier runs whose final scores are the prediction."""
MISS = 0.1
"""Share of runs that may become better than is thought possible."""
MARGIN = 0.05
"""Of the range of scores: how far below the front a run has to stay."""
CHECK_SHARE = 0.2
"""Of the runs that would be stopped: trained to their end all the same, to see whether that was right."""


@dataclass(frozen=True)
class Curve:
    """An earlier run that was trained to its end."""

    heights: tuple[float, ...]
    """Its score in training at each of `SHARES`, NaN where there was none; higher is better."""
    steps: float
    """Agent steps of all of it."""
    score: float
    """Of its evaluation; higher is better."""
    weight: float = 1.0
    """How many runs it stands for: one of a few that were checked, for those that were stopped."""


@dataclass(frozen=True)
class Forecast:
    """What is expected of a run."""

    share: float
    """Of its steps that were done."""
    expected: float
    """Final score; higher is better."""
    most: float
    """Final score that it will hardly exceed."""
    front: float
    """Best score that earlier runs had for its whole cost or less."""
    cost: float
    """Of all of it."""
    margin: float

    @property
    def hopeless(self) -> bool:
        """Whether it will hardly reach the front."""
        return self.most < self.front - self.margin


@dataclass(frozen=True)
class Rule:
    """What a worker needs to judge a run: what was known when it began."""

    curves: tuple[Curve, ...]
    front: tuple[tuple[float, float], ...]
    """Costs and scores of the front; higher scores are better."""
    cost: str
    """Kind of the costs."""
    sign: float = 1.0
    """-1 where a lower score is better."""
    check: bool = False
    """Whether the run is trained to its end whatever is expected."""

    def judge(self, at: int, height: float, steps: float, done: float, cost: float) -> Forecast | None:
        """Return what is expected of a run, None where too little is known.

        Args:
            at: Which of `SHARES` is done.
            height: Score in training there; higher is better.
            steps: Agent steps of the whole run.
            done: Share of them that are done: an iteration may end beyond the one of `SHARES`.
            cost: What it has cost so far.
        """
        known = [curve for curve in self.curves if math.isfinite(curve.heights[at])]
        whole = cost / done
        below = [score for point, score in self.front if point <= whole]
        if len(known) < FEWEST or not below or not math.isfinite(height):
            return None
        scores = np.array([curve.score for curve in known])
        places = np.array(
            [[curve.heights[at], math.log(curve.steps)] for curve in [*known, Curve((height,) * 3, steps, 0)]]
        )
        places /= np.maximum(places[:-1].std(0), 1e-9)
        apart = np.sqrt(np.square(places[:, None] - places[None, :-1]).sum(2))
        np.fill_diagonal(apart[:-1], np.inf)
        expected = scores[np.argsort(apart, 1, kind="stable")[:, :NEAREST]].mean(1)
        miss = _upper(scores - expected[:-1], np.array([curve.weight for curve in known]))
        mine, margin = float(expected[-1]), MARGIN * float(np.ptp(scores))
        return Forecast(done, mine, mine + miss, max(below), whole, margin)


def _upper(misses: Floats, weights: Floats) -> float:
    """Return what a further miss exceeds with a chance of at most `MISS`; each of those known counts by its weight."""
    order = np.argsort(misses)
    shares = np.cumsum(weights[order]) / (weights.sum() + 1)
    enough = np.flatnonzero(shares >= 1 - MISS)
    return float(misses[order[enough[0]]]) if len(enough) else math.inf


@dataclass
class Follower:
    """Follows the score of a run in training."""

    steps: float
    """Agent steps of the whole run."""
    metric: str
    """Statistic that is the score; "" for the environment's own."""
    heights: list[float] = field(default_factory=list)
    """At each of `SHARES` that is done; NaN where no episode had ended."""
    _seen: list[tuple[float, float]] = field(default_factory=list)

    def take(self, report: Mapping[str, float]) -> bool:
        """Take the report of an iteration; return whether one of `SHARES` is done now."""
        names = [self.metric] if self.metric else ["perf", "score", "episode_return"]
        name = next((f"env/{name}" for name in names if f"env/{name}" in report), "")
        done = report["steps"] / self.steps
        if name and math.isfinite(report[name]):
            self._seen.append((done, report[name]))
        before = len(self.heights)
        while len(self.heights) < len(SHARES) and done >= SHARES[len(self.heights)]:
            self.heights.append(_height(self._seen, SHARES[len(self.heights)]))
        return len(self.heights) > before


def _height(seen: Sequence[tuple[float, float]], share: float) -> float:
    """Return the mean score just before a share of the steps, or the last one that there was."""
    near = [value for done, value in seen if done > share - WINDOW]
    return float(np.mean(near)) if near else seen[-1][1] if seen else math.nan

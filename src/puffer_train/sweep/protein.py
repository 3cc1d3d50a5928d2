"""Protein: suggests settings that fill the front of score against cost.

Two models rank candidates around the front: a Gaussian process of the score (as ranks, so that no outlier and no unit
matters) and one of the log of the cost, with a linear part. Every third suggestion is drawn without any model, from a
wide gap of the front: models that are wrong are not asked alone. A suggestion is a function of the seed and of what was
observed, so a search that is started again suggests the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.random import Generator

from puffer_train.errors import ConfigError
from puffer_train.sweep.front import Floats, Front, normal_cdf, normal_quantile
from puffer_train.sweep.gaussian_process import GaussianProcess
from puffer_train.sweep.space import Space

Method = Literal["protein", "pareto", "random"]
"""`pareto` has no models and answers at once; `random` is the control."""

FIRST = 4
"""Suggestions around the start, before anything is known."""
CANDIDATES = 1500
"""How many the models rank."""
SPARSE = 3
"""How many parameters a sparse mutation changes, on average."""
RADIUS = 0.15
"""Standard deviation of a mutation, in places from -1 to 1."""
OUTCOMES, CHANCES = np.polynomial.hermite_e.hermegauss(9)
CHANCES = CHANCES / CHANCES.sum()
"""Places and weights of a quadrature over N(0, 1)."""
BAND = np.array([0.0, -1.0, 1.0])
"""Middle and ends of a `Band`, in standard deviations."""
FAILURE_NOISE = 0.1
"""Variance around the boundary between runs that fail, at -1, and runs that end, at 1."""
CAUTION = 4
"""Power of the chance that a run ends, as a failed one costs and teaches less."""
TRIES = 20
"""Draws without models until one is not expected to fail."""
GROWTH = 2.0
"""How many times as expensive as the most expensive run so far a suggestion may be expected to be."""


@dataclass(frozen=True)
class Switches:
    """Parts of the search that can be switched off, to measure what each is worth."""

    ranks: bool = True
    """Model the ranks of scores rather than the scores."""
    units: bool = True
    """Weigh gains in the unit of the score: many bad runs are far apart in ranks, but not in scores."""
    smooth: bool = True
    """Take the front of the expected scores of what was run, not of the luckiest ones."""
    free: int = 3
    """Every how many suggestions one is drawn without models; 0 is never."""
    gaps: bool = True
    """Draw it from the widest gap of the front rather than from any of its points."""
    sparse: bool = True
    """Mutate few parameters at a time."""
    line: bool = True
    """Let the log of the cost have a linear part, which extrapolates."""
    failures: bool = True
    """Model where runs fail."""
    pending: bool = True
    """Take the runs that are not finished as if they came out as expected."""
    replicates: int = 0
    """Every how many suggestions the point of the front with the fewest runs is run again; 0 is never."""


class Band(NamedTuple):
    """What is expected of one run: two of three end within the band, if the model is right."""

    middle: float
    low: float
    """One standard deviation below."""
    high: float


@dataclass(frozen=True)
class Suggestion:
    """What to run next."""

    values: dict[str, Any]
    """Values of all parameters."""
    source: str
    """`start`, `random`, `free` (without models), `model` or `replicate`."""
    score: Band | None = None
    """Expected score, where the models chose."""
    cost: Band | None = None
    """Expected cost."""


@dataclass(frozen=True)
class Points:
    """Successful runs; those with the same values are one point."""

    places: Floats
    costs: Floats
    """Logs."""
    scores: Floats
    counts: Floats


class Protein:
    """A search. Its state is what was observed, in that order."""

    def __init__(
        self,
        space: Space,
        seed: int = 0,
        *,
        method: Method = "protein",
        start: Mapping[str, Any] | None = None,
        max_cost: float = math.inf,
        switches: Switches | None = None,
    ) -> None:
        """Begin a search.

        Args:
            space: What is searched.
            seed: Same seed and observations, same suggestions.
            method: How to choose.
            start: Values to begin with; None is the middle of the space.
            max_cost: What no run may be expected to cost more than.
            switches: For ablations.

        Raises:
            ConfigError: `start` or `max_cost` does not fit.
        """
        if method not in get_args(Method):
            raise ConfigError(f"there is no method {method!r}; choose {', '.join(get_args(Method))}.")
        if not max_cost > 0:
            raise ConfigError(f"the greatest cost is {max_cost:g}; it must be above 0.")
        self.space, self.seed, self.method, self.max_cost = space, seed, method, max_cost
        self.switches = switches or Switches()
        middle = np.zeros((1, len(space)))
        self._start = space.snap(middle if start is None else space.places(start)[None])[0]
        self._places: list[Floats] = []
        self._scores: list[float] = []
        self._costs: list[float] = []
        self._groups: list[int] = []  # which of the distinct places each run has
        self._kinds: dict[bytes, int] = {}
        self._distinct: list[Floats] = []
        self._fits: dict[str, tuple[int, GaussianProcess]] = {}

    def observe(self, values: Mapping[str, Any], score: float, cost: float, failed: bool = False) -> None:
        """Take in how a run came out.

        Args:
            values: What was run.
            score: Higher is better; not finite counts as failed.
            cost: Above 0, in any unit. Of a failed run it is not used.
            failed: Whether the run failed for a reason that lies in its values.

        Raises:
            ConfigError: The values do not fit the space, or the cost of a run that did not fail is not above 0.
        """
        failed = failed or not math.isfinite(score)
        if not failed and not (cost > 0 and math.isfinite(cost)):
            raise ConfigError(f"the cost of a run is {cost:g}; it must be above 0.")
        place = self.space.snap(self.space.places(values)[None])[0]
        self._places.append(place)
        self._groups.append(self._kinds.setdefault(place.tobytes(), len(self._kinds)))
        if len(self._distinct) < len(self._kinds):
            self._distinct.append(place)
        self._scores.append(math.nan if failed else float(score))
        self._costs.append(math.nan if failed else math.log(cost))

    def suggest(self, pending: Sequence[Mapping[str, Any]] = (), number: int | None = None) -> Suggestion:
        """Return what to run next.

        Args:
            pending: Values of the runs that are not finished.
            number: Which suggestion this is, counted from 0; None is as many as were observed and are pending.
        """
        number = len(self._places) + len(pending) if number is None else number
        rng = np.random.default_rng([self.seed, number])
        if number == 0:
            return self._suggestion(self._start, "start")
        points = self.points()
        if self.method == "random":
            return self._suggestion(rng.uniform(-1, 1, len(self.space)), "random")
        if number < FIRST or len(points.scores) < 2:
            return self._suggestion(self._start + rng.normal(0, RADIUS, len(self.space)), "random")
        switches = self.switches
        if switches.replicates and number % switches.replicates == 0:
            front = Front.of(points.costs, points.scores)
            return self._suggestion(points.places[front.members[points.counts[front.members].argmin()]], "replicate")
        if self.method == "pareto" or (switches.free and number % switches.free == 0):
            return self._suggestion(self._draw_freely(points, rng), "free")
        waiting = [self.space.places(values) for values in pending] if switches.pending else []
        return self._rank(points, np.array(waiting).reshape(-1, len(self.space)), rng)

    # -- without models ------------------------------------------------------------------------------------

    def _draw_freely(self, points: Points, rng: Generator) -> Floats:
        """Return a mutation of the point before a gap of the front, the likelier the wider the gap is."""
        front = Front.of(points.costs, points.scores)
        gaps = front.gaps(self._end(points)) + 1e-9
        shares = gaps / gaps.sum() if self.switches.gaps else None
        centre = points.places[front.members[rng.choice(len(gaps), p=shares)]]
        drawn = self._mutate(np.repeat(centre[None], TRIES, 0), RADIUS, rng, sparse=self.switches.sparse)
        best = int(np.argmax(self.success(drawn) > 0.5)) if self.method == "protein" else 0
        chosen: Floats = drawn[best]
        return chosen

    def _mutate(self, centres: Floats, radius: float, rng: Generator, *, sparse: bool) -> Floats:
        """Return (n, d): each centre, with some of its parameters changed, at least one."""
        n, d = centres.shape
        chosen = rng.random((n, d)) < (SPARSE / d if sparse else 1.0)
        chosen[np.arange(n), rng.integers(0, d, n)] = True
        mutated: Floats = np.clip(centres + chosen * rng.normal(0, radius, (n, d)), -1, 1)
        return mutated

    def _limit(self, points: Points) -> float:
        """Return the log of the greatest cost that a suggestion may be expected to have."""
        return min(math.log(self.max_cost), float(points.costs.max()) + math.log(GROWTH))

    def _end(self, points: Points) -> float:
        """Return the log of the greatest cost that counts: up to it, an empty front is a gap."""
        return math.log(self.max_cost) if math.isfinite(self.max_cost) else self._limit(points)

    # -- with models ---------------------------------------------------------------------------------------

    def _rank(self, points: Points, waiting: Floats, rng: Generator) -> Suggestion:
        """Return the candidate with the greatest expected gain."""
        score, cost = self.models(points)
        heights, places, costs = self._heights(points.scores), points.places, points.costs
        if len(waiting):  # as if they came out as expected: their neighbourhood is no longer uncertain
            heights = np.concatenate([heights, score.predict(waiting)[0]])
            costs = np.concatenate([costs, cost.predict(waiting)[0]])
            places = np.concatenate([places, waiting])
            score.condition(places, heights, np.concatenate([points.counts, np.ones(len(waiting))]))
        if self.switches.smooth:
            heights = score.predict(places)[0]
        scores = self.scores_at(heights, points)
        front = Front.of(costs, scores)
        candidates = self._candidates(places[front.members], rng)
        mean, deviation = score.predict(candidates)
        price, doubt = cost.predict(candidates)
        outcomes = self.scores_at(mean[:, None] + deviation[:, None] * OUTCOMES, points)
        gain = front.expected_gain(price, outcomes, CHANCES, float(scores.min()), self._end(points))
        gain *= self.success(candidates) ** CAUTION * (price <= self._limit(points))
        best = int(gain.argmax())
        around, beside = math.hypot(deviation[best], score.noise), math.hypot(doubt[best], cost.noise)
        expected = self.scores_at(mean[best] + around * BAND, points)
        costs = np.exp(np.minimum(price[best] + beside * BAND, 700.0))
        return self._suggestion(candidates[best], "model", Band(*expected.tolist()), Band(*costs.tolist()))

    def models(self, points: Points) -> tuple[GaussianProcess, GaussianProcess]:
        """Return the models of the heights of scores, see `scores_at`, and of the logs of costs, given all points."""
        score, cost = self._fitted("score"), self._fitted("cost")
        score.condition(points.places, self._heights(points.scores), points.counts)
        cost.condition(points.places, points.costs, points.counts)
        return score, cost

    def _candidates(self, front: Floats, rng: Generator) -> Floats:
        """Return places around those of the front, near and far, with few and with all parameters changed."""
        parts = []
        for radius in (RADIUS / 3, RADIUS):
            for sparse in (True, False) if self.switches.sparse else (False, False):
                centres = front[rng.integers(0, len(front), CANDIDATES // 4)]
                parts.append(self._mutate(centres, radius, rng, sparse=sparse))
        found = np.unique(self.space.snap(np.concatenate(parts)), axis=0)
        fresh = np.array([place.tobytes() not in self._kinds for place in found])
        return found[fresh] if fresh.any() else found

    def _heights(self, scores: Floats) -> Floats:
        """Return what is modelled: the normal quantile of each score's rank, so (rank - 1/2) / n, or the score."""
        if not self.switches.ranks:
            return scores
        _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
        middle = np.cumsum(counts) - counts / 2
        return np.asarray(normal_quantile(middle / len(scores))[inverse])

    def scores_at(self, heights: Floats, points: Points) -> Floats:
        """Return the scores of heights: between those of known runs, and beyond them on a line."""
        if not (self.switches.ranks and self.switches.units):
            return heights
        known, scores = self._heights(points.scores), points.scores
        order = np.argsort(known, kind="stable")
        known, scores = known[order], scores[order]
        middle = len(known) // 2
        slope = (scores[-1] - scores[middle]) / max(1e-9, known[-1] - known[middle])
        beyond = np.maximum(0.0, heights - known[-1])
        return np.asarray(np.interp(heights, known, scores) + slope * beyond)

    def success(self, candidates: Floats) -> Floats:
        """Return the chance that a run comes to its end."""
        failed = np.isnan(self._scores)
        if not failed.any() or not self.switches.failures:
            return np.ones(len(candidates))
        model = self._fitted("success")
        model.condition(np.array(self._places), np.where(failed, -1.0, 1.0))
        mean, deviation = model.predict(candidates)
        return normal_cdf(mean / np.sqrt(deviation**2 + FAILURE_NOISE))

    def _fitted(self, name: str) -> GaussianProcess:
        """Return a model with hyperparameters for what was observed up to the last milestone, and for that alone."""
        count = _milestone(len(self._places))
        if name not in self._fits or self._fits[name][0] != count:
            points, d = self.points(count), len(self.space)
            model = GaussianProcess(d, linear=name == "cost" and self.switches.line)
            if name == "success":
                model.fit(np.array(self._places[:count]), np.where(np.isnan(self._scores[:count]), -1.0, 1.0))
            elif len(points.scores):
                y = points.costs if name == "cost" else self._heights(points.scores)
                model.fit(points.places, y, points.counts)
            self._fits[name] = (count, model)
        return self._fits[name][1]

    # -- bookkeeping ---------------------------------------------------------------------------------------

    def points(self, count: int | None = None) -> Points:
        """Return the successful ones of the first runs, averaged where they had the same values."""
        scores, costs = np.array(self._scores[:count]), np.array(self._costs[:count])
        good = ~np.isnan(scores)
        groups, size = np.array(self._groups[:count], np.intp)[good], len(self._kinds)
        counts = np.bincount(groups, minlength=size).astype(np.float64)
        seen = counts > 0
        sums = [np.bincount(groups, values[good], size)[seen] for values in (costs, scores)]
        places = np.array(self._distinct).reshape(-1, len(self.space))[seen]
        return Points(places, sums[0] / counts[seen], sums[1] / counts[seen], counts[seen])

    def _suggestion(
        self, places: Floats, source: str, score: Band | None = None, cost: Band | None = None
    ) -> Suggestion:
        return Suggestion(self.space.values(self.space.snap(places[None])[0]), source, score, cost)


def _milestone(count: int) -> int:
    """Return the number of observations that models of `count` are fitted to: all of few, rarely of many."""
    step = 1 if count < 16 else max(4, 2 ** (count.bit_length() - 1) // 8)
    return count - count % step

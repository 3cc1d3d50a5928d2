"""What the models make of a whole sweep: the front that they predict, and how much each setting matters."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.random import Generator

from puffer_train.sweep.front import Floats, Front
from puffer_train.sweep.protein import BAND, RADIUS, Protein
from puffer_train.sweep.space import Space

if TYPE_CHECKING:
    from puffer_train.sweep.sweep import Trial

FEWEST = 10
"""Runs with different settings from which a model says anything."""
ROUNDS, CANDIDATES = 5, 1000
"""The predicted front is looked for by mutating the one found so far, so often and with so many places."""
SAMPLES = 2048
"""Places that importance is estimated from."""


@dataclass(frozen=True)
class Prediction:
    """A front as the models expect it, by rising cost."""

    costs: Floats
    """(k,)"""
    scores: Floats
    """(k,) higher is better."""
    low: Floats
    """(k,) one standard deviation of the mean score below."""
    high: Floats


@dataclass(frozen=True)
class Importance:
    """How much settings matter for a quantity: shares of its variance, by setting."""

    alone: Floats
    """(d,) first-order indices: what each setting explains by itself."""
    total: Floats
    """(d,) total indices: with what it does together with others, so that they may sum to more than 1."""
    known: float
    """Share of the variance between runs that the model predicts for runs that it has not seen; below 0 is nothing."""


@dataclass(frozen=True)
class Analysis:
    """All of it."""

    front: Prediction
    score: Importance
    cost: Importance
    """Of the log of the cost."""


def analyse(space: Space, trials: Sequence[Trial], sign: float = 1.0) -> Analysis | None:
    """Return what models of all trials say, whatever method chose these; None where there are too few.

    Args:
        space: What was searched.
        trials: In their order.
        sign: -1 where lower scores are better; the analysis then has their negatives.
    """
    search = Protein(space)
    for trial in trials:
        search.observe(trial.values, sign * trial.score, trial.cost, failed=bool(trial.reason))
    points = search.points()
    if len(points.scores) < FEWEST:
        return None
    score, cost = search.models(points)
    rng = np.random.default_rng(0)

    def scores(places: Floats) -> Floats:
        return search.scores_at(score.mean(places), points)

    left_out = search.scores_at(score.left_out(), points)
    of_score = Importance(*importance(scores, points.places, rng), _known(points.scores, left_out))
    of_cost = Importance(*importance(cost.mean, points.places, rng), _known(points.costs, cost.left_out()))
    return Analysis(_predict_front(search, rng), of_score, of_cost)


def _known(values: Floats, expected: Floats) -> float:
    return 1 - float(np.square(values - expected).sum() / max(1e-300, np.square(values - values.mean()).sum()))


def importance(function: Callable[[Floats], Floats], tried: Floats, rng: Generator) -> tuple[Floats, Floats]:
    """Return the first-order and the total Sobol indices of a function, each (d,).

    The inputs are independent, each drawn from the values that were tried: a model knows nothing of others. The
    estimators are Saltelli's (2010) and Jansen's (1999), as Saltelli et al. (2010, Computer Physics Communications 181,
    table 2, b and f) recommend.

    Args:
        function: From places (n, d) to values (n,).
        tried: (m, d) places that were tried.
        rng: Draws.
    """
    d = tried.shape[1]
    first, second = (np.stack([rng.choice(column, SAMPLES) for column in tried.T], 1) for _ in range(2))
    at_first, at_second = function(first), function(second)
    variance = float(np.concatenate([at_first, at_second]).var())
    alone, total = np.zeros(d), np.zeros(d)
    if variance < 1e-18:
        return alone, total
    for column in range(d):
        mixed = first.copy()
        mixed[:, column] = second[:, column]
        at_mixed = function(mixed)
        alone[column] = np.mean((at_second - at_second.mean()) * (at_mixed - at_first)) / variance
        total[column] = np.mean(np.square(at_first - at_mixed)) / 2 / variance
    return np.clip(alone, 0, 1), np.clip(total, 0, 1)


def _predict_front(search: Protein, rng: Generator) -> Prediction:
    """Return the front of what the models expect of any settings that they expect to end, at costs that were seen."""
    points = search.points()
    score, cost = search.models(points)
    places = points.places
    for _ in range(ROUNDS + 1):
        price, (mean, deviation) = cost.predict(places)[0], score.predict(places)
        allowed = (search.success(places) > 0.5) & (price >= points.costs.min()) & (price <= points.costs.max())
        front = Front.of(np.where(allowed, price, np.inf), np.where(allowed, mean, -np.inf))
        members = front.members[np.isfinite(front.costs)]
        best = (price[members], mean[members], deviation[members])
        places = np.concatenate([places[members], _mutations(places[members], search.space, rng)])
    middle, low, high = (search.scores_at(best[1] + side * best[2], points) for side in BAND)
    return Prediction(np.exp(best[0]), middle, low, high)


def _mutations(centres: Floats, space: Space, rng: Generator) -> Floats:
    chosen = centres[rng.integers(0, len(centres), CANDIDATES)]
    moved = rng.random(chosen.shape) < min(1.0, 3 / len(space))
    steps = rng.normal(0, RADIUS, chosen.shape) * np.exp(rng.uniform(-math.log(4), 0, (CANDIDATES, 1)))
    return space.snap(chosen + moved * steps)

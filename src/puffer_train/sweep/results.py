"""What a sweep's trials say together: the front, when to stop the next one, and whether stops were right."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from puffer_train.sweep.curves import CHECK_SHARE, SHARES, Curve, Forecast, Rule
from puffer_train.sweep.front import Front
from puffer_train.sweep.protein import Band


@dataclass(frozen=True)
class Trial:
    """A finished trial, as a report needs it."""

    number: int
    values: dict[str, Any]
    score: float
    """As the metric has it."""
    cost: float
    source: str
    metric: str
    """Which statistic the score is."""
    expected_score: Band | None = None
    """What the models expected before it ran; None where they did not choose it."""
    expected_cost: Band | None = None
    reason: str = ""
    """Why it failed or was stopped; "" if it came to its end."""
    seed: int = 0
    taken_from: str = ""
    """The run folder that it is a copy of, where the same run had been trained before."""
    steps: float = 0.0
    """Agent steps that were trained."""
    curve: tuple[float, ...] = ()
    """Score in training at each of `curves.SHARES`, NaN where there was none."""
    forecast: Forecast | None = None
    """By which it was stopped, or would have been."""
    stopped: bool = False
    """Whether it was stopped early: its score is that of the policy as it was then, and no result of its settings."""
    where: str = ""
    """Machine and folder, where machines share a database only."""
    scores: tuple[float, ...] = ()
    """Of all runs with these values, in a front: `score` is their mean, `cost` too, and the rest is of the best one."""

    @property
    def failed(self) -> bool:
        """Whether it failed."""
        return bool(self.reason) and not self.stopped


def front(trials: Sequence[Trial], sign: float) -> list[Trial]:
    """Return what nothing beats at the same or a lower cost: the means of runs with the same values.

    Args:
        trials: In any order; those that failed or were stopped do not count.
        sign: -1 where a lower score is better.
    """
    groups: dict[str, list[Trial]] = {}
    for trial in trials:
        if not trial.reason:
            groups.setdefault(json.dumps(trial.values, sort_keys=True), []).append(trial)
    points = [_mean(group, sign) for group in groups.values()]
    costs, scores = (np.array([getattr(point, name) for point in points]) for name in ("cost", "score"))
    return [points[index] for index in Front.of(costs, sign * scores).members]


def _mean(runs: Sequence[Trial], sign: float) -> Trial:
    """Return runs with the same values as one."""
    best = max(runs, key=lambda trial: sign * trial.score)
    cost = math.exp(statistics.mean(math.log(trial.cost) for trial in runs)) if len(runs) > 1 else best.cost
    scores = tuple(trial.score for trial in runs)
    return replace(best, score=statistics.mean(scores), cost=cost, scores=scores)


def make_rule(trials: Sequence[Trial], cost: str, sign: float, seed: int, number: int) -> Rule:
    """Return when a trial is to be stopped, as far as that is known now.

    Args:
        trials: Those that have ended.
        cost: Kind of the costs.
        sign: -1 where a lower score is better.
        seed: Of the sweep.
        number: Of the trial.
    """
    curves = [
        Curve(
            tuple(sign * height for height in trial.curve),
            trial.steps,
            sign * trial.score,
            1.0 if trial.forecast is None else 1 / CHECK_SHARE,
        )
        for trial in trials
        if not trial.reason and len(trial.curve) == len(SHARES)
    ]
    points = [(point.cost, sign * point.score) for point in front(trials, sign)]
    check = bool(np.random.default_rng([seed, number, 1]).random() < CHECK_SHARE)
    return Rule(tuple(curves), tuple(points), cost, sign, check)


def why_stopped(forecast: Forecast, sign: float) -> str:
    """Return why a trial was stopped, as a clause."""
    most, reached = (f"{sign * score:.4g}" for score in (forecast.most, forecast.front))
    return f"at {forecast.share:.0%} of its steps it would hardly pass {most}; the front has {reached} for its cost"


def describe_stops(trials: Sequence[Trial], sign: float) -> str:
    """Return a sentence about the stops and about those that were only checked; "" where there were none."""
    stopped = [trial for trial in trials if trial.stopped and trial.forecast is not None]
    checked = [trial for trial in trials if not trial.reason and trial.forecast is not None]
    if not stopped and not checked:
        return ""
    used = sum(trial.cost for trial in stopped)
    whole = sum(trial.forecast.cost for trial in stopped if trial.forecast is not None)
    saved = (whole - used) / max(1e-9, whole - used + sum(trial.cost for trial in trials))
    wrong = sum(sign * trial.score > trial.forecast.front for trial in checked if trial.forecast is not None)
    return (
        f"{len(stopped)} runs were stopped early, which saved about {saved:.0%} of all costs. "
        f"Of {len(checked)} more that were trained to their end to check, {wrong} passed the front after all."
    )

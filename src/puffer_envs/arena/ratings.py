"""Bradley-Terry ratings on the scale of Elo, with intervals from the curvature of the likelihood.

A player of strength s_a beats one of s_b with probability 1 / (1 + exp(s_b - s_a)); a draw counts as half of a win
(R. A. Bradley and M. E. Terry, Biometrika 39, 1952). The strengths are the most likely ones, found by Newton's method.
One drawn game against a player of mean strength is added for each, without which a player who won every game would
have no rating.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from puffer_envs.arena.match import Tally

SCALE = 400 / np.log(10)
"""Points of rating per unit of strength: 400 points are odds of ten to one."""
PRIOR = 1.0
"""Drawn games added for each player."""
TWO_SIDED_95 = 1.959964
"""Standard errors on each side of a 95 % interval."""
MAX_STEPS = 100
TOLERANCE = 1e-9

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Rating:
    """How strong one player is."""

    rating: float
    """Points; the mean of all players is 0."""
    low: float
    """The interval that holds it with a probability of 95 %."""
    high: float
    score: float
    """Points per game, over all its games."""
    games: int
    """That it played."""


def rate(tallies: Sequence[Tally], keys: Sequence[str]) -> list[Rating]:
    """The ratings of players.

    Args:
        tallies: their games; two players may have several.
        keys: of the players, in the order of the result.
    """
    place = {key: number for number, key in enumerate(keys)}
    points = np.zeros((len(keys), len(keys)))
    for tally in tallies:
        a, b, won = place[tally.first.key], place[tally.second.key], tally.wins + 0.5 * tally.draws
        points[a, b] += won
        points[b, a] += tally.games - won
    best, spread = fit(points)
    low, high = best - TWO_SIDED_95 * spread, best + TWO_SIDED_95 * spread
    own, games = points.sum(axis=1), (points + points.T).sum(axis=1)
    return [
        Rating(*values)
        for values in zip(
            (best * SCALE).tolist(),
            (low * SCALE).tolist(),
            (high * SCALE).tolist(),
            (own / np.maximum(games, 1)).tolist(),
            games.astype(int).tolist(),
            strict=True,
        )
    ]


def fit(points: Floats) -> tuple[Floats, Floats]:
    """The most likely strengths, with a mean of 0, and their standard errors.

    points: of each player against each other, (N, N).
    """
    games = points + points.T
    own = points.sum(axis=1) + PRIOR / 2
    strengths = np.zeros(len(points))
    for _ in range(MAX_STEPS):
        chance, prior = _logistic(strengths[:, None] - strengths[None, :]), _logistic(strengths)
        slope = own - (games * chance).sum(axis=1) - PRIOR * prior
        weights = games * chance * (1 - chance)
        bend = np.diag(weights.sum(axis=1) + PRIOR * prior * (1 - prior)) - weights
        step = np.linalg.solve(bend, slope)
        step *= min(1.0, 2.0 / max(float(np.abs(step).max()), TOLERANCE))  # far from the best they are too long
        strengths += step
        if np.abs(step).max() < TOLERANCE:
            break
    centred = np.eye(len(points)) - 1 / len(points)
    spread = np.sqrt(np.diag(centred @ np.linalg.inv(bend) @ centred))
    return strengths - strengths.mean(), spread


def _logistic(x: Floats) -> Floats:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)))

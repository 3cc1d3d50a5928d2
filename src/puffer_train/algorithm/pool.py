"""The pool: which opponents there are, how they have done, who is met next, and who makes room for a newcomer.

Places are numbered: first the opponents from files, which stay, then as many as snapshots are kept.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from puffer_train.config import SelfplaySettings

MEMORY = 512.0
"""Games against each opponent that count; older ones fade, since the policy changes."""

PRIOR = 8.0
"""Drawn games that every opponent is given before its first: one game says little."""

HARD_POWER = 2
"""Opponents are met as often as the square of the points they get, with `hard`."""

LEAST_CHANCE = 0.01
"""Added to what an opponent's chance is proportional to: one that is always beaten is met now and then, or nobody would
notice when it is no longer."""

LEAST_NEED = 0.1
"""Of rounds that could be against opponents so many are, even if nobody wins: else nobody would notice who does."""

SURE = 2.0
"""So many standard errors below half of the points an opponent counts as one that wins."""


class Pool:
    """Results against opponents, which are numbers here."""

    def __init__(self, settings: SelfplaySettings, fixed: int) -> None:
        """fixed: how many opponents come from files."""
        self.settings, self.fixed = settings, fixed
        places = fixed + (0 if settings.role == "exploiter" else settings.kept)
        self.born = np.full(places, -1, np.int64)
        """(K,): agent steps when each entered; -1 where nobody is."""
        self.born[:fixed] = 0
        self.points = np.zeros(places)
        """(K,): what the policy that learns got against each: 1 for a win, 1/2 for a draw. Old games fade."""
        self.games = np.zeros(places)
        """(K,): how many games that were."""

    @property
    def there(self) -> NDArray[np.bool_]:
        """(K,): where an opponent is."""
        return self.born >= 0

    @property
    def rates(self) -> NDArray[np.float64]:
        """(K,): points per game of the policy that learns against each."""
        return (self.points + 0.5 * PRIOR) / (self.games + PRIOR)

    @property
    def rate(self) -> float:
        """Their mean: every opponent counts the same, however often it was met."""
        return float(self.rates[self.there].mean())

    def chances(self) -> NDArray[np.float64]:
        """(K,): the chance of each to be met next."""
        lost = 1 - self.rates
        weights = {
            "uniform": np.ones(len(lost)),
            "hard": lost**HARD_POWER + LEAST_CHANCE,
            "even": lost * (1 - lost) + LEAST_CHANCE,
        }[self.settings.sampling]
        weights = np.where(self.there, weights, 0.0)
        chances: NDArray[np.float64] = weights / weights.sum()
        return chances

    def need(self) -> float:
        """The chance that a round is played against the pool: 1 unless opponents are only met as needed.

        Then it rises with how sure it is that an opponent wins: to 1 at SURE standard errors below half the points.
        """
        if self.settings.role == "exploiter" or self.settings.meets == "always":
            return 1.0
        errors = 0.5 / np.sqrt(self.games + PRIOR)
        surest = float(((0.5 - self.rates) / errors)[self.there].max())
        return min(1.0, max(LEAST_NEED, surest / SURE))

    def add(self, points: NDArray[np.float64], games: NDArray[np.float64]) -> None:
        """Count games: (K,) each."""
        left = np.clip(MEMORY - games, 0.0, None)
        fading = np.where(self.games > left, left / np.maximum(self.games, 1.0), 1.0)
        self.points = self.points * fading + points
        self.games = self.games * fading + games

    def wants_snapshot(self, iterations: int) -> bool:
        """Whether a snapshot is to enter after this many iterations."""
        settings = self.settings
        due = settings.role == "main" and iterations % settings.every == 0
        return due and (settings.mark == 0 or self.rate >= settings.mark)

    def enter(self, steps: int) -> int:
        """Give a newcomer a place, and return it. steps: agent steps so far."""
        free = np.flatnonzero(~self.there)
        place = int(free[0]) if len(free) else self._leaving()
        self.born[place], self.points[place], self.games[place] = steps, 0.0, 0.0
        return place

    def _leaving(self) -> int:
        """The place of the snapshot that leaves; never that of the newest, unless it is the only one."""
        by_age = self.fixed + np.argsort(self.born[self.fixed :], kind="stable")
        old = by_age[:-1] if len(by_age) > 1 else by_age
        if self.settings.leaves == "weakest":
            return int(old[np.argmax(self.rates[old])])
        if self.settings.leaves == "spread" and len(old) > 1:
            born = self.born[by_age]
            return int(old[1 + np.argmin(born[2:] - born[:-2])])  # that with the closest neighbours; the first stays
        return int(old[0])

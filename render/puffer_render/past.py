"""What a person may go back to, and which level comes next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_MOMENTS = 10_000
"""Steps that can be taken back; a person takes hours for as many."""


@dataclass(frozen=True)
class Moment:
    """A game before a step."""

    snapshot: bytes
    returns: NDArray[np.float64]
    """Of each agent, so far."""
    lengths: NDArray[np.int64]
    """Steps of each agent, so far."""
    recorded: int
    """Steps on the tape."""


class Past:
    """The moments of the game that is played."""

    def __init__(self, env: Any) -> None:
        self.kept = False
        """Whether moments are kept."""
        self._env = env
        self._moments: list[Moment] = []

    def __len__(self) -> int:
        """How many steps can be taken back."""
        return len(self._moments)

    def note(self, returns: NDArray[np.float64], lengths: NDArray[np.int64], recorded: int = 0) -> None:
        """Keep this moment, if moments are kept."""
        if self.kept:
            self._moments.append(Moment(self._env.snapshot(), returns.copy(), lengths.copy(), recorded))
            del self._moments[:-MAX_MOMENTS]

    def return_to(self, number: int) -> Moment:
        """Put the environment back to one of the moments, which ends the list then; -1 is the last."""
        moment = self._moments[number]
        del self._moments[number:]
        self._env.restore(moment.snapshot)
        return moment

    def forget(self) -> None:
        """Begin another game."""
        self._moments.clear()


class Course:
    """The levels of an environment, one at a time, in the order of their ranks.

    With a spread of 0, episodes draw from a single level, which the setting `difficulty` chooses.
    """

    def __init__(self, env: Any) -> None:
        self._env = env

    @staticmethod
    def offered_by(env: Any) -> bool:
        """Whether the environment has levels, and was made to play one at a time."""
        names = {"difficulty", "spread", "num_levels"}
        return names <= set(env.settings) and env.settings["spread"] == 0 and "rank" in env.state(0)

    @property
    def rank(self) -> int:
        """Of the level that the environment plays now."""
        return int(self._env.state(0).rank)

    def go(self, rank: int) -> None:
        """Begin this level, or the first or last one where there is no such level."""
        last = int(self._env.settings["num_levels"]) - 1
        self._env.set("difficulty", min(max(rank, 0), last) / max(last, 1))
        self._env.reset()

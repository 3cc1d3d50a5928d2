"""Which rows of a batch learn, and which are played by opponents that do not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from puffer_train.config import SelfplaySettings
from puffer_train.contract import EnvironmentSpec
from puffer_train.errors import ConfigError


@dataclass(frozen=True)
class Sides:
    """The environments in which an opponent plays one side, and their rows.

    Which they are, and which side learns, depends on an environment's number among those of all processes, and so not
    on how many of them there are.
    """

    envs: NDArray[np.int64]
    """(E,): these environments, numbered within this process."""
    learns: NDArray[np.bool_]
    """(E, agents): which of their agents learn; the opponent has the others."""
    before: int
    """How many of such environments earlier processes have."""
    of_all: int
    """How many of them all processes have."""
    rows_before: int
    """Rows that opponents have in earlier processes."""
    rows_of_all: int
    """Rows that opponents have in all processes."""

    @property
    def rows(self) -> NDArray[np.int64]:
        """(n,): the rows of opponents, in order."""
        agents = self.learns.shape[1]
        envs, their = np.nonzero(~self.learns)
        rows: NDArray[np.int64] = self.envs[envs] * agents + their
        return rows

    @property
    def places(self) -> NDArray[np.int64]:
        """(n,): for each row of an opponent the number of its environment among `envs`."""
        return np.nonzero(~self.learns)[0]

    def learning(self, rows: int) -> NDArray[np.bool_]:
        """(A,): which of all rows of this process learn."""
        learning = np.ones(rows, np.bool_)
        learning[self.rows] = False
        return learning


def divide(settings: SelfplaySettings, spec: EnvironmentSpec, name: str, rank: int = 0, ranks: int = 1) -> Sides:
    """Divide a batch.

    Args:
        settings: Which share of it opponents get, and what a side is.
        spec: The environments of one process.
        name: Theirs, for errors.
        rank: Number of this process.
        ranks: How many processes train together.

    Raises:
        ConfigError: There are no two sides, or the share is less than one environment.
    """
    agents = spec.rows // spec.envs
    if agents < 2:
        raise ConfigError(
            f"selfplay.share is {settings.share:g}, but an environment of {name!r} has one agent: an opponent needs "
            "another one. Some have a setting for that, such as --env.self-play true."
        )
    number = np.arange(ranks * spec.envs + 1)
    share = 1.0 if settings.role == "exploiter" else settings.share
    played = np.floor(number * share + 1e-9).astype(np.int64)
    chosen = np.flatnonzero(np.diff(played))
    if len(chosen) == 0:
        raise ConfigError(f"selfplay.share {share:g} of {ranks * spec.envs} environments is not one: make it larger.")
    side = np.arange(agents) * 2 // agents if settings.sides == "halves" else np.arange(agents) % 2
    learns = side[None] == (np.arange(len(chosen)) % 2)[:, None]
    first = rank * spec.envs
    begin, end = np.searchsorted(chosen, [first, first + spec.envs]).tolist()
    theirs = (~learns).sum(axis=1)
    return Sides(
        envs=chosen[begin:end] - first,
        learns=learns[begin:end],
        before=begin,
        of_all=len(chosen),
        rows_before=int(theirs[:begin].sum()),
        rows_of_all=int(theirs.sum()),
    )

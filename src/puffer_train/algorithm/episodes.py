"""Statistics of finished episodes: counted where the environment keeps none, and brought together where several do."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # the commands bring logs together before they know whether there is a torch
    from puffer_train.algorithm.buffers import Buffers


class EpisodeMeter:
    """Episode statistics for environments that keep none."""

    def __init__(self, rows: int) -> None:
        self.returns = np.zeros(rows)
        self.lengths = np.zeros(rows)
        self.finished: list[tuple[float, float]] = []

    def add(self, rows: slice, buffers: Buffers, t: int) -> None:
        """Count step t of some rows: of those who were there."""
        returns, lengths = self.returns[rows], self.lengths[rows]
        rewards, ends = buffers.rewards[t, rows].numpy(), buffers.ends[t, rows].numpy()
        there = np.ones(len(ends), np.bool_) if buffers.present is None else buffers.present[t, rows].numpy()
        returns += np.where(there & np.isfinite(rewards), rewards, 0)  # or no checkpoint could be written
        lengths += there
        ended = ends & there
        if ended.any():
            self.finished += zip(returns[ended].tolist(), lengths[ended].tolist(), strict=True)
            returns[ended] = 0
            lengths[ended] = 0

    def take(self) -> dict[str, float]:
        """Return means over the episodes finished since the last call, `{}` when there were none."""
        if not self.finished:
            return {}
        returns, lengths = np.array(self.finished).T
        self.finished = []
        return {
            "episode_return": float(returns.mean()),
            "episode_length": float(lengths.mean()),
            "n": float(len(returns)),
        }


def together(logs: list[dict[str, float]]) -> dict[str, float]:
    """Return the means over the episodes of several logs, each of which has means and their number `n`.

    `race.perf` is the mean over `race.n` episodes of one kind, of which a log may have none.
    """
    logs = [log for log in logs if log.get("n")]
    keys = {key: count_of(key, log) for log in logs for key in log}
    having = {count: [log for log in logs if log.get(count)] for count in keys.values()}
    totals = {count: sum(log[count] for log in having[count]) for count in having}
    return {
        key: totals[key] if key == count else sum(log[key] * log[count] for log in having[count]) / totals[count]
        for key, count in keys.items()
        if having[count] and all(key in log for log in having[count])
    }


def count_of(figure: str, log: Collection[str]) -> str:
    """Return the name of the number of episodes that a figure is the mean of: its own kind's, or else `n`."""
    kind, dot, _ = figure.rpartition(".")
    own = f"{kind}{dot}n"
    return own if own in log else "n"

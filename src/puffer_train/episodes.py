"""Statistics of finished episodes: counted where the environment keeps none, and brought together where several do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # the commands bring logs together before they know whether there is a torch
    from puffer_train.buffers import Buffers


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
    """Return the means over the episodes of several logs, each of which has means and their number `n`."""
    logs = [log for log in logs if log.get("n")]
    if not logs:
        return {}
    total = sum(log["n"] for log in logs)
    known = [key for key in logs[0] if all(key in log for log in logs)]
    return {key: sum(log[key] * log["n"] for log in logs) / total for key in known} | {"n": total}

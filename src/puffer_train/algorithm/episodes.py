"""Statistics of finished episodes, for environments that keep none."""

from __future__ import annotations

import numpy as np

from puffer_train.algorithm.buffers import Buffers


class EpisodeMeter:
    """Episode statistics for environments that keep none."""

    def __init__(self, rows: int) -> None:
        self.returns = np.zeros(rows)
        self.lengths = np.zeros(rows)
        self.finished: list[tuple[float, float]] = []

    def restart(self) -> None:
        """Forget the episodes in progress."""
        self.returns[:] = 0
        self.lengths[:] = 0

    def add(self, rows: slice, buffers: Buffers, t: int) -> None:
        """Count step t of some rows, where they held an agent."""
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

"""Sums over finished episodes, for `Block.log`."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

OWN_NAMES = ("n", "episode_return", "episode_length", "score")

COUNTERS = ("lives", "frame_number", "episode_frame_number")
"""What the Arcade Learning Environment says about its state in every step: nothing about how an episode went."""

RECORD = "episode"
"""Where Gymnasium's `RecordEpisodeStatistics` and Stable-Baselines3's `Monitor` put `r`, an episode's return."""


def numbers_in(info: Mapping[Any, Any]) -> dict[str, float]:
    """Return the finite numbers at the top level of a final step's info, by name. True counts as 1.

    A recorded return is the `score`: wrappers around the recorder may have clipped rewards, or ended lives.
    """
    found = {
        key: float(value)
        for key, value in info.items()
        if isinstance(key, str) and key not in OWN_NAMES + COUNTERS and _is_number(value)
    }
    record = info.get(RECORD)
    if isinstance(record, Mapping) and "r" in record:
        value = np.asarray(record["r"])
        if value.size == 1 and _is_number(value.item()):
            found["score"] = float(value.item())
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, numbers.Real | np.bool_) and math.isfinite(value)


def is_recorded(env: object) -> bool:
    """Whether a wrapper around an environment records the return of its episodes."""
    while env is not None:
        if type(env).__name__ in ("RecordEpisodeStatistics", "Monitor") or getattr(env, "records_episodes", False):
            return True
        env = getattr(env, "env", None)
    return False


class EpisodeMeter:
    """Returns and lengths of the episodes of all rows of a block."""

    def __init__(self, num_envs: int, agents: int, recorded: bool = False) -> None:
        """recorded: an episode terminates only where its return was recorded; else a life did, say, within it."""
        self._agents, self._recorded = agents, recorded
        self._returns = np.zeros(num_envs * agents)
        self._lengths = np.zeros(num_envs * agents, np.int64)
        self._sums: list[dict[str, float]] = [{} for _ in range(num_envs)]

    def restart(self) -> None:
        """Start all episodes from zero; unfinished ones do not count."""
        self._returns.fill(0.0)
        self._lengths.fill(0)

    def count(self, rewards: NDArray[np.float32], lived: NDArray[np.bool_] | int = 1) -> None:
        """Add a step's rewards.

        Args:
            rewards: (A,) float32.
            lived: (A,) bool, which rows have an agent; 1 if all do.
        """
        self._returns += rewards
        self._lengths += lived

    def finish(self, row: int, extras: Mapping[str, float], truncated: bool = False) -> None:
        """Record the end of a row's episode; `extras` are additional numbers to sum, or another `score`."""
        if self._recorded and "score" not in extras and not truncated:
            return
        total = float(self._returns[row])
        own = {"n": 1.0, "episode_return": total, "episode_length": float(self._lengths[row]), "score": total}
        self._returns[row] = self._lengths[row] = 0
        _add(self._sums[row // self._agents], own | dict(extras))

    def return_of(self, row: int) -> float:
        """Return what a row's episode has paid so far."""
        return float(self._returns[row])

    def report(self, env: int | None) -> dict[str, float]:
        """Return and clear the sums of one environment, or of all; `{}` if no episode has finished."""
        total: dict[str, float] = {}
        for sums in self._sums if env is None else [self._sums[env]]:
            _add(total, sums)
            sums.clear()
        return total


def _add(total: dict[str, float], more: Mapping[str, float]) -> None:
    for name, value in more.items():
        total[name] = total.get(name, 0.0) + value

"""How a run stands: what the dashboard shows, collected from the reports of its iterations."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from puffer_train.report.signs import Signs
from puffer_train.storage.folder import main_statistic

RATE_SECONDS = 3.0
"""Length of the window over which steps per second are measured."""

MAX_POINTS = 1024
"""Points kept of the trend."""

LEARNING = (
    "entropy",
    "policy_loss",
    "value_loss",
    "explained_variance",
    "approx_kl",
    "clip_fraction",
    "gradient_norm",
    "learning_rate",
)
"""Shown first, in this order; what else is reported follows."""

ELSEWHERE = {"steps", "seconds"}
"""Numbers of the report that are shown in their own place."""

FIRST_STATISTICS = ("score", "perf", "episode_return", "episode_length", "n")
"""Statistics of the environment that come first; its others follow."""


@dataclass
class Progress:
    """What there is to show."""

    name: str
    """Of the environment."""
    run: str
    """Of the run's folder."""
    total: int
    """Steps to train for."""
    steps: int = 0
    """Steps done."""
    real_rate: float | None = None
    """Agent steps per second of one environment in real time; None where it has no such rate."""
    max_seconds: float = math.inf
    """Seconds in which the training ends even if its steps are not done."""
    report: dict[str, float] = field(default_factory=dict)
    """The newest value of every number."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Seconds spent so far, by section."""
    trend: list[tuple[int, float]] = field(default_factory=list)
    """Steps and the main statistic of the episodes that ended then."""

    def __post_init__(self) -> None:
        self.started = time.monotonic()
        self._marks = [(self.started, self.steps)]
        self.signs = Signs()

    def update(self, steps: int, report: Mapping[str, float], seconds: dict[str, float]) -> None:
        """Add the report of one iteration."""
        self.steps, self.seconds = steps, seconds
        self.report.update(report)
        self.signs.update(self.report, self.done)
        self._add_to_trend(report)
        self._mark(steps)

    def within(self, steps: int) -> None:
        """Take the steps that are done in the middle of an iteration."""
        self.steps = steps
        self._mark(steps)

    def _mark(self, steps: int) -> None:
        now = time.monotonic()
        self._marks.append((now, steps))
        while len(self._marks) > 2 and self._marks[1][0] < now - RATE_SECONDS:
            self._marks.pop(0)

    def _add_to_trend(self, report: Mapping[str, float]) -> None:
        if self.main is not None and f"env/{self.main}" in report:
            self.trend.append((self.steps, report[f"env/{self.main}"]))
            if len(self.trend) > MAX_POINTS:
                del self.trend[1::2]

    @property
    def rate(self) -> float:
        """Steps per second lately."""
        (then, before), (now, after) = self._marks[0], self._marks[-1]
        return (after - before) / (now - then) if now > then else 0.0

    @property
    def real_times(self) -> str:
        """How many times faster than in real time: `1,200x real time`; empty if unknown."""
        return f"{self.rate / self.real_rate:,.0f}x real time" if self.real_rate else ""

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    @property
    def left(self) -> float | None:
        """Seconds left at this rate."""
        if self.rate <= 0:
            return None
        return max(0, min((self.total - self.steps) / self.rate, self.max_seconds - self.elapsed))

    @property
    def done(self) -> float:
        """Share of the run that is done, 0 to 1."""
        return min(1.0, max(self.steps / self.total, self.elapsed / self.max_seconds))

    @property
    def statistics(self) -> dict[str, float]:
        """The environment's statistics, the most important first."""
        found = {key[4:]: value for key, value in self.report.items() if key.startswith("env/")}
        return _ordered(found, FIRST_STATISTICS)

    @property
    def main(self) -> str | None:
        """Name of the statistic to look at first."""
        return main_statistic(set(self.statistics))

    @property
    def learning(self) -> dict[str, float]:
        """What learning reports, the most important first."""
        found = {key: value for key, value in self.report.items() if "/" not in key and key not in ELSEWHERE}
        return _ordered(found, LEARNING)


def real_rate(env: object) -> float | None:
    """Return the agent steps per second of one environment in real time, None where it does not tell."""
    rate = getattr(getattr(env, "spec", None), "rate", None)
    agents = getattr(env, "num_agents", 0) / max(1, getattr(env, "num_envs", 0))
    return float(rate) * agents if isinstance(rate, (int, float)) and rate > 0 else None


def _ordered(numbers: dict[str, float], first: tuple[str, ...]) -> dict[str, float]:
    names = [name for name in first if name in numbers]
    return {name: numbers[name] for name in names + [name for name in numbers if name not in first]}

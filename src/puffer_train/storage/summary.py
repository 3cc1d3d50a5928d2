"""A run at a glance, read in a fraction of a millisecond: settings, state, and its newest numbers.

Only `config.json`, the end of `metrics.jsonl`, `evaluation.json` and `labels.json` are read, so that a thousand runs
can be listed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from puffer_train.storage.folder import METRICS, parse_line, read_config, read_evaluation
from puffer_train.storage.identity import facts
from puffer_train.storage.labels import Labels, read_labels
from puffer_train.storage.lock import find_holder

TAIL_BYTES = 4096
"""Of metrics.jsonl are read first: a few lines."""

LIVE, CRASHED = "live", "crashed"

FINISHED = "finished"

OPEN_END = "still running, or killed"
"""How the history of a run says that it ended before it has."""

CLOCKS = ("steps", "seconds")
"""Numbers of a line of metrics that are not statistics."""


@dataclass(frozen=True)
class Summary:
    """A run at a glance."""

    folder: Path
    """As it was found."""
    config: Mapping[str, Any]
    """Content of config.json."""
    lines: list[dict[str, float]]
    """The last lines of metrics.jsonl."""
    evaluation: Mapping[str, Any]
    """Content of evaluation.json, empty without one."""
    labels: Labels
    """Tags and note."""
    holder: str | None
    """Who works in it now."""
    swept: Mapping[str, Any] = field(default_factory=dict)
    """What a sweep knows of it; empty outside of sweeps."""

    @property
    def status(self) -> str:
        """`live`, `finished`, `interrupted`, `failed` (an error was raised) or `crashed` (killed without a word)."""
        return LIVE if self.holder is not None else ended(self.config)

    @cached_property
    def newest(self) -> dict[str, float]:
        """The newest value of each number in the last lines."""
        return {name: value for line in self.lines for name, value in line.items()}

    @property
    def steps(self) -> int:
        """Agent steps done."""
        return int(self.newest.get("steps", 0))

    @property
    def goal(self) -> int:
        """Agent steps to train for."""
        return int(self.config["settings"].get("train", {}).get("steps", 0))

    @property
    def rate(self) -> float:
        """Agent steps per second: of a live run lately, of others on average."""
        first = self.lines[0] if self.lines and self.holder is not None else {}
        steps = self.steps - first.get("steps", 0)
        seconds = self.newest.get("seconds", 0.0) - first.get("seconds", 0.0)
        return steps / seconds if seconds > 0 and steps > 0 else 0.0

    @property
    def remaining(self) -> float | None:
        """Seconds left at this rate; None if unknown."""
        return max(0, self.goal - self.steps) / self.rate if self.rate > 0 else None

    @cached_property
    def evaluated(self) -> dict[str, float]:
        """Means over fresh full episodes, by statistic."""
        means = {name: of.get("mean") for name, of in self.evaluation.items() if isinstance(of, dict)}
        return {name: float(mean) for name, mean in means.items() if isinstance(mean, (int, float))}

    @cached_property
    def trained(self) -> dict[str, float]:
        """The newest statistics of training, those of episodes without their `env/`."""
        return {name.removeprefix("env/"): value for name, value in self.newest.items() if name not in CLOCKS}

    @cached_property
    def values(self) -> dict[str, Any]:
        """Everything that a run can be filtered and sorted by, by name."""
        history = self.config["history"]
        return {
            "run": str(self.folder),
            "env": self.config["environment"],
            "seed": int(self.config["seed"]),
            "status": self.status,
            "steps": self.steps,
            "goal": self.goal,
            "progress": self.steps / self.goal if self.goal else 0.0,
            "seconds": self.newest.get("seconds", 0.0),
            "rate": self.rate,
            "started": history[0]["started"] if history else "",
            "tag": list(self.labels.tags),
            "note": self.labels.note,
            **{name: value for name, value in facts(self.config).items() if name != "environment"},
            **self.trained,
            **self.evaluated,
            **self.swept,
        }


def ended(config: Mapping[str, Any]) -> str:
    """Return how a run ended in which no process works any more."""
    how = str(config["history"][-1]["ended"]) if config["history"] else OPEN_END
    return CRASHED if how == OPEN_END else how


def summarize(folder: Path) -> Summary:
    """Read a run at a glance. Raises `ConfigError` if the folder is not one."""
    config = read_config(folder)
    lines = read_tail(folder / METRICS)
    return Summary(folder, config, lines, read_evaluation(folder) or {}, read_labels(folder), find_holder(folder))


def read_tail(path: Path) -> list[dict[str, float]]:
    """Return some of the last whole lines of a metrics file: at least one, where there is any."""
    size = TAIL_BYTES
    try:
        with path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            while True:
                start = max(0, end - size)
                file.seek(start)
                lines = file.read(end - start).decode("utf-8", "replace").split("\n")[start > 0 :]
                found = [numbers for line in lines if (numbers := parse_line(line))]
                if found or start == 0:
                    return found
                size *= 8
    except OSError:
        return []

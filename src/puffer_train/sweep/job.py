"""What a worker is asked to run, and what it answers."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from puffer_envs.contract.command_line import merge_tables
from puffer_envs.contract.files import write_atomically
from puffer_train import config
from puffer_train.environments import registry
from puffer_train.storage.files import read_object, storing
from puffer_train.sweep.curves import Rule
from puffer_train.sweep.ranges import tables

SWEEP = "sweep.json"
"""In the folder of a sweep: what it is, as `Plan`."""
TRIALS = "trials"
"""In the folder of a sweep: the runs, by number."""
OUTCOME = "trial.json"
"""In the run folder: the `Outcome`, written before it is sent."""

COSTS = ("cpu", "wall", "steps", "flops")
"""Processor seconds of the training, seconds on the clock, agent steps, or floating-point operations of the network."""

SEED = "seed-{}"
"""In the folder of a trial with several seeds: the run of each."""

OK, FAILED, INTERRUPTED, LOST, STOPPED = "ok", "failed", "interrupted", "lost", "stopped"


@dataclass(frozen=True)
class Job:
    """What a worker runs."""

    number: int
    environment: str
    seed: int
    folder: str
    values: dict[str, Any]
    """What the sweep chose, by `table.setting`."""
    fixed: dict[str, Any]
    """Tables of settings that are the same in all trials."""
    metric: str
    """Statistic of the last evaluation that is the score; "" for the environment's own."""
    libraries: list[str] = field(default_factory=list)
    seeds: int = 1
    """How many runs, with seeds from `seed` on; each has a folder of its own in `folder` if there are several."""
    known: tuple[str, ...] = ()
    """For each seed, the folder of a run with the same settings and seed, which may be the same altogether, or ""."""
    rule: Rule | None = None
    """When to stop it; None is never."""

    @property
    def runs(self) -> list[Job]:
        """Jobs of a single run each."""
        if self.seeds == 1:
            return [self]
        return [
            replace(self, seed=seed, seeds=1, folder=f"{self.folder}/{SEED.format(seed)}", known=self.known[i : i + 1])
            for i, seed in enumerate(range(self.seed, self.seed + self.seeds))
        ]

    def settings(self) -> config.Settings:
        """Return all settings of the run. Raises `UserError` where they cannot be."""
        base = config.load(registry.find(self.environment).settings)
        return config.overlay(base, self.tables(), "settings")

    def tables(self) -> dict[str, Any]:
        """Return the tables of settings that differ from the environment's own."""
        return merge_tables(self.fixed, tables(self.values))


@dataclass(frozen=True)
class Outcome:
    """How a trial ended."""

    status: str
    """`ok`, `failed` (its settings are to blame), `lost` (the machine is), `interrupted`, or `stopped` early."""
    reason: str = ""
    metric: str = ""
    score: float | None = None
    costs: dict[str, float] = field(default_factory=dict)
    taken_from: str = ""
    """The run folder that this is a copy of, where the same run had been trained before."""
    curve: list[float | None] = field(default_factory=list)
    """Score in training at each of `curves.SHARES`; None where there was none yet."""
    forecast: dict[str, float] | None = None
    """The `Forecast` by which it was stopped, or would have been. `score` is that of the policy as it was then."""

    def write(self, folder: Path) -> None:
        """Write it into a run folder. Raises `StorageError`."""
        with storing(folder / OUTCOME):
            write_atomically(folder / OUTCOME, (json.dumps(asdict(self), indent=1) + "\n").encode())

    @classmethod
    def read(cls, folder: Path) -> Outcome | None:
        """Return what a run folder holds; None where there is none, or one that cannot be read."""
        with suppress(OSError, ValueError, TypeError, OverflowError):
            found = cls(**read_object(folder / OUTCOME))
            costs = {str(name): float(cost) for name, cost in dict(found.costs).items()}
            score = None if found.score is None else float(found.score)
            if found.status != OK or (score is not None and math.isfinite(score)):
                return replace(found, costs=costs, score=score)
        return None


def judge(evaluation: Mapping[str, Any], metric: str, costs: Mapping[str, float]) -> Outcome:
    """Return the outcome of a run that came to its end.

    Args:
        evaluation: Content of its `evaluation.json`.
        metric: As in `Job`.
        costs: What it used, by kind.
    """
    means = {name: of["mean"] for name, of in evaluation.items() if isinstance(of, dict) and "mean" in of}
    metric = metric or next((name for name in ("perf", "score", "episode_return") if name in means), "")
    if metric not in means:
        return Outcome(FAILED, f"the evaluation has no {metric!r}; it has {', '.join(means)}", costs=dict(costs))
    if not math.isfinite(means[metric]):
        return Outcome(FAILED, f"{metric} is {means[metric]}", metric, costs=dict(costs))
    return Outcome(OK, "", metric, float(means[metric]), dict(costs))

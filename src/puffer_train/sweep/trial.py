"""One trial of a sweep: a run like any other, and in its folder what it cost and what it reached."""

from __future__ import annotations

import json
import math
import shutil
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from puffer_envs.contract.command_line import merge_tables
from puffer_envs.contract.errors import UserError
from puffer_envs.contract.files import write_atomically
from puffer_train.errors import LockedError
from puffer_train.storage.files import storing
from puffer_train.storage.lock import FolderLock, find_holder
from puffer_train.sweep.ranges import tables

if TYPE_CHECKING:
    from puffer_train.run.result import Run

OUTCOME = "trial.json"
"""In the run folder: the `Outcome`, written before it is sent."""

COSTS = ("cpu", "wall", "steps", "flops")
"""Processor seconds of the training, seconds on the clock, agent steps, or floating-point operations of the network."""

OK, FAILED, INTERRUPTED, LOST = "ok", "failed", "interrupted", "lost"


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


@dataclass(frozen=True)
class Outcome:
    """How a trial ended."""

    status: str
    """`ok`, `failed` (its settings are to blame), `interrupted`, or `lost` (the machine is)."""
    reason: str = ""
    metric: str = ""
    score: float | None = None
    costs: dict[str, float] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Write it into a run folder. Raises `StorageError`."""
        with storing(folder / OUTCOME):
            write_atomically(folder / OUTCOME, (json.dumps(asdict(self), indent=1) + "\n").encode())

    @classmethod
    def read(cls, folder: Path) -> Outcome | None:
        """Return what a run folder holds; None where there is none, or one that cannot be read."""
        with suppress(OSError, ValueError, TypeError):
            return cls(**json.loads((folder / OUTCOME).read_text("utf-8")))
        return None


def run_trial(job: Job) -> Outcome:
    """Train, evaluate, and write down the outcome. A run that was interrupted is resumed.

    Raises:
        LockedError: Another process works in its folder.
    """
    folder = Path(job.folder)
    if job.seeds > 1:
        return _run_seeds(job, folder)
    if find_holder(folder) is not None:  # another machine was faster: it will write down how this ends
        return Outcome(INTERRUPTED)
    before = Outcome.read(folder)
    if before is not None and before.status in (OK, FAILED):
        return before
    used = before.costs.get("cpu", 0.0) if before is not None else 0.0
    began = time.process_time()
    outcome = _train(job, folder, resumed=before is not None)
    if outcome.status == INTERRUPTED:
        outcome = Outcome(INTERRUPTED, costs={"cpu": used + time.process_time() - began})
    elif "cpu" in outcome.costs:
        outcome.costs["cpu"] += used
    with suppress(UserError):  # the sweep gets it all the same
        outcome.write(folder)
    return outcome


def seed_folder(seed: int) -> str:
    """Return the name of the folder of one of several runs of a trial."""
    return f"seed-{seed}"


def _run_seeds(job: Job, folder: Path) -> Outcome:
    """Run a trial with each of its seeds; its score and its costs are their means. It fails where one of them does."""
    with storing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with FolderLock(folder):
        ended: list[Outcome] = []
        for seed in range(job.seed, job.seed + job.seeds):
            outcome = run_trial(replace(job, seed=seed, seeds=1, folder=str(folder / seed_folder(seed))))
            ended.append(outcome)
            if outcome.status != OK:
                break
        costs = {name: float(np.mean([each.costs.get(name, 0.0) for each in ended])) for name in outcome.costs}
        score = float(np.mean([each.score for each in ended])) if outcome.status == OK else None
        mean = replace(outcome, score=score, costs=costs)
        with suppress(UserError):
            mean.write(folder)
    return mean


def _train(job: Job, folder: Path, *, resumed: bool) -> Outcome:
    from puffer_train.run.training import train  # noqa: PLC0415 - torch is loaded in the worker only
    from puffer_train.system.signals import Stopped  # noqa: PLC0415

    began, last = time.process_time(), [0.0]

    def note(*_: object) -> None:
        last[0] = time.process_time() - began

    words: dict[str, Any] = {"threads": 1, "video": False, "quiet": True, "newest_seconds": 0.0}
    words |= {"on_iteration": note, "libraries": job.libraries}
    try:
        if resumed:
            run = train(job.environment, resume=folder, **words)
        else:
            _clear(folder)
            settings = merge_tables(job.fixed, tables(job.values))
            run = train(job.environment, settings=settings, seed=job.seed, folder=folder, **words)
    except Stopped:
        return Outcome(INTERRUPTED)
    except LockedError:
        raise
    except UserError as error:
        return Outcome(FAILED, reason=" ".join(str(error).split())[:500], costs={"cpu": last[0]})
    means = {name: of["mean"] for name, of in run.evaluation.items() if isinstance(of, dict) and "mean" in of}
    metric = job.metric or next((name for name in ("perf", "score", "episode_return") if name in means), "")
    metrics = run.metrics
    costs = {"cpu": last[0], "wall": float(metrics["seconds"][-1]), "steps": float(metrics["steps"][-1])}
    costs["flops"] = costs["steps"] * _work_per_step(run)
    if metric not in means:
        return Outcome(FAILED, f"the evaluation has no {metric!r}; it has {', '.join(means)}", costs=costs)
    if not math.isfinite(means[metric]):
        return Outcome(FAILED, f"{metric} is {means[metric]}", metric, costs=costs)
    return Outcome(OK, "", metric, float(means[metric]), costs)


def _work_per_step(run: Run) -> float:
    """Return floating-point operations per agent step: 2 per weight, and 6 more each time that it is learned from."""
    weights = sum(weight.numel() for weight in run.policy.parameters())
    return weights * (2 + 6 * float(run.config["settings"]["train"]["replay_ratio"]))


def _clear(folder: Path) -> None:
    """Remove what a trial left that was killed before its first checkpoint."""
    if folder.exists():
        shutil.rmtree(folder)

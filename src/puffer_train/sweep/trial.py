"""One trial of a sweep: a run like any other, and in its folder what it cost and what it reached."""

from __future__ import annotations

import math
import shutil
import time
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from puffer_envs.contract.errors import UserError
from puffer_train.errors import LockedError, StorageError
from puffer_train.storage.files import storing
from puffer_train.storage.folder import newest_lines
from puffer_train.storage.lock import FolderLock, find_holder
from puffer_train.sweep.curves import Follower, Forecast
from puffer_train.sweep.job import FAILED, INTERRUPTED, LOST, OK, STOPPED, Job, Outcome, judge
from puffer_train.sweep.known import take_over

if TYPE_CHECKING:
    from puffer_train.policy import Policy
    from puffer_train.run.trainer import Trainer


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
    if before is not None and before.status in (OK, FAILED, STOPPED):
        return before
    if before is None and any(job.known):
        taken = take_over(job)
        if taken is not None:
            return taken
    used = before.costs.get("cpu", 0.0) if before is not None else 0.0
    began = time.process_time()
    outcome = _train(job, folder, used, resumed=before is not None)
    if outcome.status == INTERRUPTED:
        outcome = Outcome(INTERRUPTED, costs={"cpu": used + time.process_time() - began})
    with suppress(UserError):  # the sweep gets it all the same
        outcome.write(folder)
    return outcome


def _run_seeds(job: Job, folder: Path) -> Outcome:
    """Run a trial with each of its seeds; its score and its costs are their means. It fails where one of them does."""
    with storing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with FolderLock(folder):
        ended: list[Outcome] = []
        for each in job.runs:
            outcome = run_trial(each)
            ended.append(outcome)
            if outcome.status != OK:
                break
        costs = {name: sum(each.costs.get(name, 0.0) for each in ended) / job.seeds for name in outcome.costs}
        score = float(np.mean([each.score for each in ended])) if outcome.status == OK else None
        taken = {str(Path(each.taken_from).parent) if each.taken_from else "" for each in ended}
        mean = replace(outcome, score=score, costs=costs, taken_from=taken.pop() if len(taken) == 1 else "")
        with suppress(UserError):
            mean.write(folder)
    return mean


class _Watcher:
    """Follows what a run costs and how its score rises, and stops it where that is hopeless."""

    def __init__(self, job: Job, folder: Path, used: float) -> None:
        """used: Processor seconds of earlier processes."""
        self._began, self._used, self._rule = time.process_time(), used, job.rule
        self.costs: dict[str, float] = {}
        self._follower: Follower | None = None
        self._past, self._metric = newest_lines(folder), job.metric
        self.forecast: Forecast | None = None
        self.stopped = False

    def __call__(self, trainer: Trainer, report: dict[str, float]) -> None:
        """Take the report of an iteration."""
        work = trainer.steps * _work_per_step(trainer.policy, trainer.settings.train.replay_ratio)
        used = {"wall": report["seconds"], "steps": float(trainer.steps), "flops": work}
        self.costs.update(used, cpu=self._used + time.process_time() - self._began)
        if self._follower is None:
            self._follower = Follower(trainer.settings.train.steps, self._metric)
            for line in self._past:
                if line["steps"] < trainer.steps:
                    self._follower.take(line)
        follower, rule = self._follower, self._rule
        if not follower.take(report) or rule is None or self.forecast is not None:
            return
        at, cost = len(follower.heights) - 1, self.costs[rule.cost]
        found = rule.judge(at, rule.sign * follower.heights[at], follower.steps, trainer.steps / follower.steps, cost)
        if found is not None and found.hopeless:
            self.forecast, self.stopped = found, not rule.check
            if self.stopped:
                trainer.stop()

    def complete(self, outcome: Outcome) -> Outcome:
        """Return the outcome of the run with what was seen of it."""
        heights = self._follower.heights if self._follower is not None else []
        curve = [height if math.isfinite(height) else None for height in heights]
        status = STOPPED if self.stopped and outcome.status == OK else outcome.status
        forecast = None if self.forecast is None else asdict(self.forecast)
        return replace(outcome, status=status, curve=curve, forecast=forecast)


def _train(job: Job, folder: Path, used: float, *, resumed: bool) -> Outcome:
    from puffer_train.run.training import train  # noqa: PLC0415 - torch is loaded in the worker only
    from puffer_train.system.signals import Stopped  # noqa: PLC0415

    words: dict[str, Any] = {"threads": 1, "video": False, "quiet": True, "newest_seconds": 0.0}
    words |= {"libraries": job.libraries}
    costs: dict[str, float] = {}
    try:
        if not resumed:
            _clear(folder)
        watcher = _Watcher(job, folder, used)
        words["on_iteration"], costs = watcher, watcher.costs
        if resumed:
            run = train(job.environment, resume=folder, **words)
        else:
            run = train(job.environment, settings=job.tables(), seed=job.seed, folder=folder, **words)
    except Stopped:
        return Outcome(INTERRUPTED)
    except LockedError:
        raise
    except StorageError as error:
        return Outcome(LOST, reason=str(error), costs=costs)
    except UserError as error:
        return Outcome(FAILED, reason=" ".join(str(error).split())[:500], costs=costs)
    if not costs:  # it was resumed at its end
        metrics, replay_ratio = run.metrics, float(run.config["settings"]["train"]["replay_ratio"])
        costs |= {name: float(metrics[of][-1]) for name, of in (("wall", "seconds"), ("steps", "steps"))}
        costs |= {"cpu": used, "flops": costs["steps"] * _work_per_step(run.policy, replay_ratio)}
    return watcher.complete(judge(run.evaluation, job.metric, costs))


def _work_per_step(policy: Policy, replay_ratio: float) -> float:
    """Return floating-point operations per agent step: 2 per weight, and 6 more each time that it is learned from."""
    return sum(weight.numel() for weight in policy.parameters()) * (2 + 6 * replay_ratio)


def _clear(folder: Path) -> None:
    """Remove what a trial left that was killed before its first checkpoint."""
    if folder.exists():
        shutil.rmtree(folder)

"""One trial of a sweep: a run like any other, and in its folder what it cost and what it reached."""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from puffer_envs.contract.errors import UserError
from puffer_train.errors import LockedError, StorageError
from puffer_train.storage.files import storing
from puffer_train.storage.lock import FolderLock, find_holder
from puffer_train.sweep.job import FAILED, INTERRUPTED, LOST, OK, Job, Outcome, judge
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
    if before is not None and before.status in (OK, FAILED):
        return before
    if before is None and any(job.known):
        taken = take_over(job)
        if taken is not None:
            return taken
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


def _train(job: Job, folder: Path, *, resumed: bool) -> Outcome:
    from puffer_train.run.training import train  # noqa: PLC0415 - torch is loaded in the worker only
    from puffer_train.system.signals import Stopped  # noqa: PLC0415

    began, costs = time.process_time(), dict[str, float]()

    def note(trainer: Trainer, report: dict[str, float]) -> None:
        work = trainer.steps * _work_per_step(trainer.policy, trainer.settings.train.replay_ratio)
        used = {"wall": report["seconds"], "steps": float(trainer.steps), "flops": work}
        costs.update(used, cpu=time.process_time() - began)

    words: dict[str, Any] = {"threads": 1, "video": False, "quiet": True, "newest_seconds": 0.0}
    words |= {"on_iteration": note, "libraries": job.libraries}
    try:
        if resumed:
            run = train(job.environment, resume=folder, **words)
        else:
            _clear(folder)
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
        costs |= {"cpu": 0.0, "flops": costs["steps"] * _work_per_step(run.policy, replay_ratio)}
    return judge(run.evaluation, job.metric, costs)


def _work_per_step(policy: Policy, replay_ratio: float) -> float:
    """Return floating-point operations per agent step: 2 per weight, and 6 more each time that it is learned from."""
    return sum(weight.numel() for weight in policy.parameters()) * (2 + 6 * replay_ratio)


def _clear(folder: Path) -> None:
    """Remove what a trial left that was killed before its first checkpoint."""
    if folder.exists():
        shutil.rmtree(folder)

"""A sweep: trials suggested, run side by side and written down, until there are enough."""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from puffer_train.storage.folder import newest_lines
from puffer_train.sweep import results
from puffer_train.sweep.curves import Forecast
from puffer_train.sweep.job import INTERRUPTED, OK, STOPPED, TRIALS, Job, Outcome
from puffer_train.sweep.job import LOST as LOST_TRIAL
from puffer_train.sweep.known import Known
from puffer_train.sweep.plan import LOCAL_FIELDS, Plan
from puffer_train.sweep.pool import Engine
from puffer_train.sweep.protein import Band
from puffer_train.sweep.ranges import make_space
from puffer_train.sweep.results import Trial

WHERE = "where"
"""Attribute of a trial: `Trial.where`."""
POLL_SECONDS = 0.5


Tell = Callable[[Trial, int], object]
"""Called with each trial that ends, and how many have."""


class Sweep:
    """Runs trials of a plan in this process's workers; others may do so at the same time."""

    def __init__(self, folder: Path, made: Plan, sampler: Any = None, *, cache: bool = True) -> None:
        """Open the storage. Raises `ConfigError`.

        Args:
            folder: Of the sweep.
            made: What is searched.
            sampler: Another sampler of Optuna's than the one of the plan's method.
            cache: Whether to take over the results of runs that this sweep or one beside it has trained before.
        """
        from puffer_train.sweep import study  # noqa: PLC0415 - Optuna is loaded only for sweeps

        self.folder, self.plan, self._study_module = folder, made, study
        self._known = Known(folder) if cache else None
        space = make_space(made.ranges)
        sampler = sampler or study.ProteinSampler(space, made.search)
        self.study = study.open_study(folder, sampler, made.storage, made.name or study.STUDY)
        if made.storage is not None:
            study.agree(self.study, {name: each for name, each in asdict(made).items() if name not in LOCAL_FIELDS})

    def __enter__(self) -> Sweep:
        """Join the sweep."""
        self._sharing = self._study_module.share(self.study, self.folder, self.plan.storage)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sharing.end()
        if error is not None and self.plan.storage is not None:
            with self._study_module.database_errors():
                raise error

    def run(
        self,
        trials: int,
        seconds: float,
        pool: Engine,
        tell: Tell,
        budget: float = math.inf,
        look: Callable[[], object] = lambda: None,
    ) -> None:
        """Run until so many trials are finished in all, or a limit is reached; running trials are awaited.

        Args:
            trials: How many; those of earlier processes and of others count.
            seconds: After which no trial is begun.
            pool: Runs them.
            tell: Called with every trial that ends.
            budget: What all finished trials cost together before no more are begun.
            look: Called a few times a second.

        Raises:
            KeyboardInterrupt: Ctrl-C; the trials have saved.
        """
        began = time.monotonic()
        try:
            while True:
                over = time.monotonic() - began > seconds or self.spent() >= budget
                waiting, held = self._abandoned({job.number for job in pool.running}, tell)
                while pool.free and not over:
                    if waiting:
                        pool.start(self._prepare(waiting.pop(0)))
                    elif self._count() + len(pool.running) + held < trials:
                        pool.start(self._prepare(self._ask()))
                    else:
                        break
                if not pool.running and (over or not (held and self._sharing.alone())):
                    return
                look()
                self._collect(pool, tell)
        except KeyboardInterrupt:
            pool.interrupt()
            while pool.running:
                self._sharing.look()
                self._collect(pool, tell)
            raise

    def _collect(self, pool: Engine, tell: Tell) -> None:
        for job, outcome in pool.collect(POLL_SECONDS):
            self._take(job, outcome, tell)

    def finished(self) -> list[Trial]:
        """Return all trials that have ended, in their order."""
        return [made for each in self.study.get_trials(deepcopy=False) if (made := self._as_trial(each)) is not None]

    def front(self, trials: Sequence[Trial]) -> list[Trial]:
        """Return what nothing beats at the same or a lower cost: the means of runs with the same values."""
        return results.front(trials, self.sign)

    def _count(self) -> int:
        return sum(each.state.is_finished() for each in self.study.get_trials(deepcopy=False))

    def spent(self) -> float:
        """Return what all finished trials cost together."""
        return self.plan.seeds * sum(trial.cost for trial in self.finished())

    @property
    def sign(self) -> float:
        """-1 where a lower score is better, else 1."""
        return -1.0 if self.plan.minimize else 1.0

    def _ask(self) -> Job:
        trial = self.study.ask()
        self._sharing.begin(trial.number)
        return self._fill(trial)

    def _prepare(self, job: Job) -> Job:
        """Tell a job what its worker should know of the other trials."""
        if self._known is not None:
            job = replace(job, known=tuple(str(self._known.find(run) or "") for run in job.runs))
        if self.plan.stop_early:
            made = self.plan
            rule = results.make_rule(self.finished(), made.cost, self.sign, made.seed, job.number)
            job = replace(job, rule=rule)
        return job

    def _fill(self, trial: Any) -> Job:
        """Give a trial its values and return its job."""
        values = {name: trial._suggest(name, kind) for name, kind in self._distributions().items()}
        return self._job(trial.number, values)

    def _distributions(self) -> dict[str, Any]:
        space = make_space(self.plan.ranges)
        return {parameter.name: self._study_module.distribution(parameter) for parameter in space.parameters}

    def run_folder(self, trial: Trial) -> Path:
        """Return the folder of a trial's run, of the first one if it had several seeds."""
        job = self._job(trial.number, {})
        return Path(job.runs[0].folder)

    def _job(self, number: int, values: Mapping[str, Any]) -> Job:
        folder = self.folder / TRIALS / f"{number:06d}"
        made = self.plan
        seed, values = number * made.seeds + 1, dict(values)
        options = (made.fixed, made.metric, made.libraries, made.seeds)
        return Job(number, made.environment, seed, str(folder), values, *options)

    def _abandoned(self, mine: AbstractSet[int], tell: Tell) -> tuple[list[Job], int]:
        """Return the jobs of processes that are gone, and how many trials others hold; take in what had ended."""
        abandoned, held = [], 0
        running = self._study_module.running(self.study)
        self._sharing.look()  # after the list: who runs one of these has joined before
        for each in running:
            if each.number in mine:
                continue
            job = self._job(each.number, each.params)
            if not self._sharing.take_over(each.number, _began(each), Path(job.folder)):
                held += 1
            elif set(each.params) < set(self.plan.ranges):
                abandoned.append(self._fill(self._study_module.reopen(self.study, each)))
            elif (outcome := Outcome.read(Path(job.folder))) and outcome.status not in (INTERRUPTED, LOST_TRIAL):
                self._take(job, outcome, tell)
            else:
                abandoned.append(job)
        return abandoned, held

    def _take(self, job: Job, outcome: Outcome, tell: Tell) -> None:
        """Write down how a trial ended, unless it is to be resumed."""
        if outcome.status == INTERRUPTED or not self._sharing.owns(job.number):
            return
        costs = _steps_of(job) | outcome.costs
        cost, score = max(costs.get(self.plan.cost, 0.0), 1e-9), None
        if outcome.status == OK and outcome.score is not None:
            score = self.sign * outcome.score
        notes = {"costs": costs, **self._notes(job, outcome)}
        if self.plan.storage is not None:
            notes[WHERE] = f"{socket.gethostname()}:{Path(job.folder).absolute()}"
        study, stopped = self._study_module, outcome.status == STOPPED
        if not study.finish(self.study, job.number, score, cost, notes, stopped=stopped):
            return
        ended = self._as_trial(self.study.get_trials(deepcopy=False)[job.number])
        if ended is not None:
            tell(ended, self._count())

    def _notes(self, job: Job, outcome: Outcome) -> dict[str, Any]:
        """Return what the study keeps of a trial besides its values, score and cost."""
        study = self._study_module
        notes: dict[str, Any] = {"metric": outcome.metric, "seed": job.seed}
        notes |= {"curve": outcome.curve, "forecast": outcome.forecast}
        if outcome.taken_from:
            notes[study.TAKEN_FROM] = outcome.taken_from
        if outcome.status == STOPPED and outcome.forecast is not None:
            forecast = Forecast(**outcome.forecast)
            notes |= {study.PREDICTED: forecast.expected, study.WHOLE_COST: forecast.cost}
            notes |= {"score": self.sign * (outcome.score or 0.0), "reason": results.why_stopped(forecast, self.sign)}
        elif outcome.status != OK or outcome.score is None:
            notes[study.LOST if outcome.status == LOST_TRIAL else "reason"] = outcome.reason or "it failed"
        return notes

    def _as_trial(self, each: Any) -> Trial | None:
        """Return a trial as a report needs it; None for one that has not ended."""
        if not each.state.is_finished():
            return None
        study, notes = self._study_module, each.user_attrs
        costs, forecast = notes.get("costs", {}), notes.get("forecast")
        expected, price = (Band(*found) if (found := notes.get(key)) else None for key in study.EXPECTED)
        if expected is not None and self.plan.minimize:
            expected = Band(-expected.middle, -expected.high, -expected.low)
        score, cost = each.values or (notes.get("score", math.nan), float(costs.get(self.plan.cost, 0.0)))
        return Trial(
            number=each.number,
            values=dict(each.params),
            score=self.sign * score,
            cost=cost,
            source=str(notes.get(study.SOURCE, "")),
            metric=str(notes.get("metric", self.plan.metric)),
            expected_score=expected,
            expected_cost=price,
            reason=str(notes.get("reason", notes.get(study.LOST, ""))),
            seed=int(notes.get("seed", 0)),
            taken_from=str(notes.get(study.TAKEN_FROM, "")),
            steps=float(costs.get("steps", 0.0)),
            curve=tuple(math.nan if height is None else height for height in notes.get("curve", ())),
            forecast=None if forecast is None else Forecast(**forecast),
            stopped=study.PREDICTED in notes,
            where=str(notes.get(WHERE, "")),
        )


def _steps_of(job: Job) -> dict[str, float]:
    """Return how many agent steps a trial took, as costs: its process may have been killed."""
    lines = [newest_lines(Path(run.folder))[-1:] for run in job.runs]
    return {"steps": sum(last["steps"] for found in lines for last in found) / job.seeds}


def _began(trial: Any) -> float:
    return float(trial.datetime_start.timestamp()) if trial.datetime_start else 0.0

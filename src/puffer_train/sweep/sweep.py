"""A sweep: trials suggested, run side by side and written down, until there are enough."""

from __future__ import annotations

import json
import math
import socket
import time
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from puffer_envs.contract.files import write_atomically
from puffer_train import config
from puffer_train.environments import registry
from puffer_train.errors import ConfigError
from puffer_train.storage.files import storing
from puffer_train.sweep.front import Front
from puffer_train.sweep.pool import Engine
from puffer_train.sweep.protein import Band, Method, Protein
from puffer_train.sweep.ranges import make_space, ranges, shipped_ranges, start_of
from puffer_train.sweep.trial import COSTS, INTERRUPTED, OK, Job, Outcome, seed_folder
from puffer_train.sweep.trial import LOST as LOST_TRIAL

SWEEP = "sweep.json"
"""In the folder of a sweep: what it is, as `Plan`."""
TRIALS = "trials"
"""In the folder of a sweep: the runs, by number."""
WHERE = "where"
"""Attribute of a trial: `Trial.where`."""
POLL_SECONDS = 0.5
LOCAL_FIELDS = ("storage", "libraries")
"""Of `Plan`: what may be called otherwise on another machine."""


@dataclass(frozen=True)
class Plan:
    """What a sweep is: everything that its processes must agree on."""

    environment: str
    fixed: dict[str, Any]
    """Tables of settings that are the same in all trials."""
    ranges: dict[str, str]
    """What is searched, as text by setting."""
    metric: str = ""
    """Statistic of the last evaluation that is the score; "" for `perf`, else `score`, else `episode_return`."""
    minimize: bool = False
    """Whether a lower score is better."""
    cost: str = "cpu"
    """One of `COSTS`."""
    max_cost: float = 0.0
    """What no trial may be expected to cost more than; 0 is no limit."""
    method: Method = "protein"
    seed: int = 1
    seeds: int = 1
    """Runs of a trial, whose mean score counts."""
    storage: str | None = None
    """URL of a database; None is the journal in the folder."""
    name: str = ""
    """Of the study in the database."""
    libraries: list[str] = field(default_factory=list)

    def write(self, folder: Path) -> None:
        """Write it into the folder of a sweep. Raises `StorageError`."""
        with storing(folder / SWEEP):
            (folder / TRIALS).mkdir(parents=True, exist_ok=True)
            write_atomically(folder / SWEEP, (json.dumps(asdict(self), indent=1) + "\n").encode())

    @classmethod
    def read(cls, folder: Path) -> Plan:
        """Read the folder of a sweep. Raises `ConfigError` where it is none."""
        try:
            return cls(**json.loads((folder / SWEEP).read_text("utf-8")))
        except (OSError, ValueError, TypeError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise ConfigError(f"{folder} is not the folder of a sweep: {SWEEP}: {reason}.") from None

    @classmethod
    def join(cls, storage: str, name: str, libraries: list[str]) -> Plan:
        """Read the plan of a sweep that keeps its trials in a database. Raises `ConfigError`."""
        from puffer_train.sweep import study  # noqa: PLC0415 - Optuna is loaded only for sweeps

        try:
            return cls(**study.read_plan(storage, name), storage=storage, libraries=libraries)
        except TypeError as error:
            raise ConfigError(f"the sweep {name!r} is of another version: {error}. Install the same one.") from None

    def base(self) -> config.Settings:
        """Return the settings that trials change."""
        source = registry.find(self.environment)
        return config.overlay(config.load(source.settings), self.fixed, "sweep")

    def search(self) -> Protein:
        """Begin the search that the plan describes."""
        space = make_space(self.ranges)
        start = start_of(space, self.base())
        return Protein(space, self.seed, method=self.method, start=start, max_cost=self.max_cost or math.inf)


def plan(environment: str, fixed: Mapping[str, Any], searched: Mapping[str, str], **options: Any) -> Plan:
    """Return the plan of a new sweep, checked.

    Args:
        environment: Name of the environment.
        fixed: Tables of settings that are the same in all trials.
        searched: Ranges to add or to change, as text by setting.
        options: Other fields of `Plan`.

    Raises:
        UserError: Something is unknown or cannot be.
    """
    made = Plan(environment, dict(fixed), {}, **options)
    if made.cost not in COSTS:
        raise ConfigError(f"there is no cost {made.cost!r}; choose {', '.join(COSTS)}.")
    named = {f"{table}.{key}" for table, values in fixed.items() for key in values}
    own = shipped_ranges(registry.find(environment).settings or "")
    chosen = {
        name: text
        for name, text in ranges(made.base(), {**own, **searched}).items()
        if name not in named or name in searched
    }
    made = replace(made, ranges=chosen)
    made.search()
    return made


@dataclass(frozen=True)
class Trial:
    """A finished trial, as a report needs it."""

    number: int
    values: dict[str, Any]
    score: float
    """As the metric has it."""
    cost: float
    source: str
    metric: str
    """Which statistic the score is."""
    expected_score: Band | None = None
    """What the models expected before it ran; None where they did not choose it."""
    expected_cost: Band | None = None
    reason: str = ""
    """Why it failed; "" if it did not."""
    where: str = ""
    """Machine and folder, where machines share a database only."""


Tell = Callable[[Trial, int], object]
"""Called with each trial that ends, and how many have."""


class Sweep:
    """Runs trials of a plan in this process's workers; others may do so at the same time."""

    def __init__(self, folder: Path, made: Plan, sampler: Any = None) -> None:
        """Open the storage. Raises `ConfigError`.

        Args:
            folder: Of the sweep.
            made: What is searched.
            sampler: Another sampler of Optuna's than the one of the plan's method.
        """
        from puffer_train.sweep import study  # noqa: PLC0415 - Optuna is loaded only for sweeps

        self.folder, self.plan, self._study_module = folder, made, study
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
                        pool.start(waiting.pop(0))
                    elif self._count() + len(pool.running) + held < trials:
                        pool.start(self._ask())
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

    def front(self, trials: list[Trial]) -> list[Trial]:
        """Return those that no other one beats at the same or a lower cost."""
        good = [trial for trial in trials if not trial.reason]
        scores = np.array([self._sign(trial.score) for trial in good])
        members = Front.of(np.array([trial.cost for trial in good]), scores).members
        return [good[index] for index in members]

    def _count(self) -> int:
        return sum(each.state.is_finished() for each in self.study.get_trials(deepcopy=False))

    def spent(self) -> float:
        """Return what all finished trials cost together."""
        return self.plan.seeds * sum(trial.cost for trial in self.finished())

    def _sign(self, score: float) -> float:
        return -score if self.plan.minimize else score

    def _ask(self) -> Job:
        trial = self.study.ask()
        self._sharing.begin(trial.number)
        return self._fill(trial)

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
        return Path(job.folder) / seed_folder(job.seed) if job.seeds > 1 else Path(job.folder)

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
        study, cost = self._study_module, max(outcome.costs.get(self.plan.cost, 0.0), 1e-9)
        good = outcome.status == OK and outcome.score is not None
        notes: dict[str, Any] = {"costs": outcome.costs, "metric": outcome.metric}
        if self.plan.storage is not None:
            notes[WHERE] = f"{socket.gethostname()}:{Path(job.folder).absolute()}"
        if not good:
            notes[study.LOST if outcome.status == LOST_TRIAL else "reason"] = outcome.reason or "it failed"
        score = self._sign(outcome.score) if good and outcome.score is not None else None
        if not study.finish(self.study, job.number, score, cost, notes):
            return
        ended = self._as_trial(self.study.get_trials(deepcopy=False)[job.number])
        if ended is not None:
            tell(ended, self._count())

    def _as_trial(self, each: Any) -> Trial | None:
        """Return a trial as a report needs it; None for one that has not ended."""
        if not each.state.is_finished():
            return None
        study, notes = self._study_module, each.user_attrs
        reason = str(notes.get("reason", notes.get(study.LOST, "")))
        score, cost = each.values or (math.nan, float(notes.get("costs", {}).get(self.plan.cost, 0.0)))
        source, metric = str(notes.get(study.SOURCE, "")), str(notes.get("metric", self.plan.metric))
        expected, price = (Band(*found) if (found := notes.get(key)) else None for key in study.EXPECTED)
        if expected is not None and self.plan.minimize:
            expected = Band(-expected.middle, -expected.high, -expected.low)
        where = str(notes.get(WHERE, ""))
        return Trial(
            each.number, dict(each.params), self._sign(score), cost, source, metric, expected, price, reason, where
        )


def _began(trial: Any) -> float:
    return float(trial.datetime_start.timestamp()) if trial.datetime_start else 0.0

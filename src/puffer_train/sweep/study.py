"""Where a sweep's trials are kept: a study of Optuna, so that its storages and its dashboard work.

`ProteinSampler` is a sampler like those of Optuna: give it to `optuna.create_study`, with the directions maximize and
minimize, and any objective that returns score and cost.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from puffer_envs.contract.locks import Mutex
from puffer_train.errors import ConfigError, StorageError
from puffer_train.sweep.presence import SharedFolder, Sharing
from puffer_train.sweep.protein import Protein
from puffer_train.sweep.space import Parameter, Space

try:
    import optuna
    from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
    from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial, TrialState
except ImportError as error:
    raise ConfigError(f'sweeps need Optuna ({error}): pip install "puffer-envs[sweep]"') from None

if TYPE_CHECKING:
    from collections.abc import Callable

JOURNAL, JOURNAL_LOCK = "journal.log", ".journal.lock"
"""In the folder of a sweep: Optuna's journal, for any number of processes that share the folder."""
STUDY = "sweep"
PLAN = "plan"
"""Attribute of a study in a database: the sweep's `Plan`."""
LOST = "lost"
"""Attribute of a failed trial: its reason, where the machine is to blame and not its settings."""
TAKEN_FROM = "taken from"
"""Attribute of a trial that was not run: the folder of the same run."""
PREDICTED, WHOLE_COST = "expected at its end", "cost of all of it"
"""Attributes of a trial that was stopped early: what models take as its score and its cost."""
SOURCE, EXPECTED = "source", ("score band", "cost band")
"""Attributes of a trial: where its values come from, and what the models expected of it: middle, low and high."""


class JournalLock:
    """Lets one process at a time write the journal. Optuna's own locks outlive a process that is killed by 30 s."""

    def __init__(self, path: Path) -> None:
        self._mutex = Mutex(path)

    def acquire(self) -> bool:
        """Wait for the journal."""
        self._mutex.__enter__()
        return True

    def release(self) -> None:
        """Let the others in."""
        self._mutex.__exit__(None, None, None)


class ProteinSampler(BaseSampler):
    """Suggests with `Protein`, from the trials that are finished, failed and running."""

    def __init__(self, space: Space, make: Callable[[], Protein]) -> None:
        """space: What is searched. make: Begins a search; called again where trials appear in another order."""
        self._space, self._make = space, make
        self._search = make()
        self._seen: list[int] = []

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the distributions of all parameters."""
        return {parameter.name: distribution(parameter) for parameter in self._space.parameters}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the values of a trial, and write down where they come from."""
        trials = study._storage.get_all_trials(study._study_id, deepcopy=False)
        self._observe([each for each in trials if each.state.is_finished()])
        pending = [
            each.system_attrs.get("values") or each.params
            for each in trials
            if each.state == TrialState.RUNNING and each.number != trial.number
        ]
        pending = [values for values in pending if set(values) >= set(self._space.names)]
        made = self._search.suggest(pending, trial.number)
        storage = study._storage
        storage.set_trial_system_attr(trial._trial_id, "values", made.values)
        notes = {SOURCE: made.source, **dict(zip(EXPECTED, (made.score, made.cost), strict=True))}
        for name, note in notes.items():
            if note is not None:
                storage.set_trial_user_attr(trial._trial_id, name, note)
        return made.values

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Refuse a parameter that is not in the space."""
        raise ConfigError(f"{param_name!r} is not searched: the space has {', '.join(self._space.names)}.")

    def _observe(self, finished: Sequence[FrozenTrial]) -> None:
        """Take in what is new; begin again where the order of what was known has changed."""
        known = sorted(finished, key=lambda trial: (str(trial.datetime_complete), trial.number))
        known = [
            trial for trial in known if LOST not in trial.user_attrs and set(trial.params) >= set(self._space.names)
        ]
        numbers = [trial.number for trial in known]
        if numbers[: len(self._seen)] != self._seen:
            self._search, self._seen = self._make(), []
        for trial in known[len(self._seen) :]:
            notes = trial.user_attrs
            score, cost = trial.values or (notes.get(PREDICTED, math.nan), notes.get(WHOLE_COST, 0.0))
            self._search.observe(trial.params, score, cost, failed=trial.state == TrialState.FAIL)
        self._seen = numbers


def distribution(parameter: Parameter) -> BaseDistribution:
    """Return how Optuna writes a parameter down."""
    if parameter.kind == "choice":
        return CategoricalDistribution(parameter.choices)
    if parameter.kind == "power":
        first, last = int(math.log2(parameter.low)), int(math.log2(parameter.high))
        return CategoricalDistribution([int(2**power) for power in range(first, last + 1)])
    log = parameter.kind == "log"
    if parameter.integer:
        return IntDistribution(math.ceil(parameter.low), math.floor(parameter.high), log=log)
    return FloatDistribution(parameter.low, parameter.high, log=log)


def open_study(
    folder: Path, sampler: BaseSampler | None = None, storage: str | None = None, name: str = STUDY
) -> optuna.Study:
    """Open the study of a sweep, or make it.

    Args:
        folder: Of the sweep.
        sampler: Suggests; None only reads.
        storage: URL of a database; None is the journal in the folder.
        name: Of the study.

    Raises:
        ConfigError: The storage cannot be used.
    """
    from optuna.storages import JournalStorage  # noqa: PLC0415
    from optuna.storages.journal import JournalFileBackend  # noqa: PLC0415

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        lock: Any = JournalLock(folder / JOURNAL_LOCK)  # of the kind of Optuna's, which it does not export
        path = str(folder / JOURNAL)
        kept = _database(storage) if storage else JournalStorage(JournalFileBackend(path, lock_obj=lock))
        return optuna.create_study(
            study_name=name,
            storage=kept,
            sampler=sampler,
            directions=["maximize", "minimize"],
            load_if_exists=True,
        )
    except Exception as error:
        raise ConfigError(
            f"the sweep's storage {storage or folder / JOURNAL} cannot be used: {_first_line(error)}."
        ) from None


def _database(storage: str) -> Any:
    """Open a database as a storage."""
    from optuna.storages import RDBStorage  # noqa: PLC0415

    from puffer_train.sweep.shared_database import connection_options  # noqa: PLC0415 - SQLAlchemy

    return RDBStorage(storage, engine_kwargs=connection_options(storage))


def share(study: optuna.Study, folder: Path, storage: str | None) -> Sharing:
    """Join the other processes of a sweep. storage: URL of a database; None if they all share the folder."""
    if storage is None:
        return SharedFolder(folder)
    from puffer_train.sweep.shared_database import SharedDatabase, prepare  # noqa: PLC0415 - SQLAlchemy

    with database_errors():
        return SharedDatabase(prepare(storage), study._study_id, folder)


def agree(study: optuna.Study, plan: Mapping[str, Any]) -> None:
    """Write into a database what is searched, for `read_plan`. Raises `ConfigError` where it has another sweep."""
    with database_errors():
        there = study.user_attrs.get(PLAN)
        if there is None:
            study.set_user_attr(PLAN, dict(plan))
        elif any(there[name] != each for name, each in json.loads(json.dumps(plan)).items() if name in there):
            raise ConfigError(
                f"the database has another sweep {study.study_name!r}: names are unique. Choose another --run-dir."
            )


def read_plan(storage: str, name: str) -> dict[str, Any]:
    """Return what `agree` wrote. Raises `ConfigError` where the database has no such sweep."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    from puffer_train.sweep import shared_database  # noqa: PLC0415 - slow to load, and of databases only

    try:
        shared_database.check_file(storage)
        there = optuna.get_all_study_summaries(_database(storage))
    except Exception as error:
        raise ConfigError(f"the database cannot be used: {_first_line(error)}.") from None
    for each in there:
        if each.study_name == name and PLAN in each.user_attrs:
            return dict(each.user_attrs[PLAN])
    names = sorted(each.study_name for each in there if PLAN in each.user_attrs)
    raise ConfigError(f"the database has no sweep {name!r}: it has {', '.join(names) or 'none'}.")


@contextmanager
def database_errors() -> Iterator[None]:
    """A context for the use of a database: what it raises becomes a `StorageError`."""
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 - slow to load, and of databases only

    try:
        yield
    except (SQLAlchemyError, StorageInternalError) as error:
        reason = _first_line(error.__cause__ or error)
        raise StorageError(f"the sweep's database does not answer: {reason}. Resume the sweep when it does.") from None


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


def running(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that have not ended."""
    return study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))


def reopen(study: optuna.Study, trial: FrozenTrial) -> optuna.Trial:
    """Return a trial whose process ended before all its values were written down; it gets the same ones."""
    return optuna.Trial(study, trial._trial_id)


def finish(
    study: optuna.Study, number: int, score: float | None, cost: float, notes: Mapping[str, Any], *, stopped: bool
) -> bool:
    """Write down how a trial ended; return False where another process has just done so.

    score: None if it failed, or was stopped early.
    """
    trial = next(each for each in study.get_trials(deepcopy=False) if each.number == number)
    try:
        for name, note in notes.items():
            study._storage.set_trial_user_attr(trial._trial_id, name, note)
    except UpdateFinishedTrialError:
        return False
    if score is None:
        study.tell(number, state=TrialState.PRUNED if stopped else TrialState.FAIL, skip_if_finished=True)
    else:
        study.tell(number, [score, cost], skip_if_finished=True)
    return True

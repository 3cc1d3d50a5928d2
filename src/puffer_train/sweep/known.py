"""Results that are there already: a run follows from its code, settings and seed, so none has to be trained twice."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from puffer_envs.contract.errors import UserError
from puffer_envs.contract.files import replace
from puffer_train.environments import registry
from puffer_train.errors import ConfigError
from puffer_train.storage.folder import EVALUATION, read_config, read_evaluation
from puffer_train.storage.identity import compare_runs
from puffer_train.storage.lock import LOCK
from puffer_train.storage.timeline import REPLACED, RESTARTED
from puffer_train.sweep.job import OK, OUTCOME, SEED, SWEEP, TRIALS, Job, Outcome, judge


class Known:
    """The finished trials of a sweep and of the sweeps beside it, by environment, settings and seed."""

    def __init__(self, folder: Path) -> None:
        """folder: Of the sweep. What is there is read when it is first asked for."""
        self._beside, self._seen = folder.absolute().parent, set[Path]()
        self._found: dict[str, Path] = {}

    def find(self, job: Job) -> Path | None:
        """Return the folder of a run that agrees in all of that; whether its code is the same has to be seen."""
        try:
            key = _key(job.environment, job.settings().as_dict(), job.seed)
        except UserError:  # it will fail for that
            return None
        for sweep in self._beside.glob(f"*/{SWEEP}"):
            trials = sweep.parent / TRIALS
            found = {*trials.glob(f"*/{OUTCOME}"), *trials.glob(f"*/{SEED.format('*')}/{OUTCOME}")}
            for path in found - self._seen:
                self._take(path.parent)
                self._seen.add(path)
        return self._found.get(key)

    def _take(self, folder: Path) -> None:
        outcome = Outcome.read(folder)
        if outcome is None or outcome.status != OK or not (folder / EVALUATION).is_file():
            return
        with suppress(ConfigError, KeyError):
            saved = read_config(folder)
            if _is_sound(saved):
                self._found.setdefault(_key(saved["environment"], saved["settings"], saved["seed"]), folder)


def _key(environment: str, settings: Mapping[str, Any], seed: int) -> str:
    return json.dumps([environment, settings, seed], sort_keys=True)


def _is_sound(saved: Mapping[str, Any]) -> bool:
    """Whether a run follows from its settings and seed: no clock ended it, nothing was changed on the way."""
    parts = saved["history"]
    whole = not any(part.get(REPLACED) or part.get(RESTARTED) for part in parts)
    return whole and "parent" not in saved and not saved["settings"]["train"]["max_seconds"]


def take_over(job: Job) -> Outcome | None:
    """Copy the run that `job.known[0]` names, if it is the same to the last bit; return its outcome, else None.

    Its environment is opened to see: the code of its rules, of this package and of the user's own must be the same.
    """
    other, folder = Path(job.known[0]), Path(job.folder)
    before = Outcome.read(other)
    if before is None or before.status != OK:
        return None
    with suppress(UserError, OSError):
        if compare_runs([_made_of(job), read_config(other)]) is not None:
            return None
        found = judge(read_evaluation(other) or {}, job.metric, before.costs)
        outcome = Outcome(**{**vars(found), "taken_from": before.taken_from or str(other), "curve": before.curve})
        temporary = folder.with_name(f".{folder.name}.{os.getpid()}")
        shutil.copytree(other, temporary, ignore=shutil.ignore_patterns(LOCK, OUTCOME), dirs_exist_ok=True)
        outcome.write(temporary)
        shutil.rmtree(folder, ignore_errors=True)
        replace(temporary, folder)
        return outcome
    return None


def _made_of(job: Job) -> dict[str, Any]:
    """Return what the `config.json` of a run of this job would say about what it is made of."""
    from puffer_train.run.opened import opened_ppo  # noqa: PLC0415 - torch is loaded in the worker only
    from puffer_train.run.state import RunOptions, RunState  # noqa: PLC0415
    from puffer_train.system.ranks import ALONE  # noqa: PLC0415

    registry.load_libraries([Path(path) for path in job.libraries])
    source, options = registry.find(job.environment), RunOptions(threads=1, quiet=True)
    with opened_ppo(source, job.settings(), job.seed, 1, options, ALONE) as ppo:
        made: dict[str, Any] = json.loads(json.dumps(RunState(Path(), source, ppo, 1, options).made_of()))
        return made | {"history": []}

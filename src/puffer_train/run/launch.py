"""Opening a run, a new one or one to resume: environment, algorithm and folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from puffer_train import config
from puffer_train.environments import registry
from puffer_train.run.consent import check_consent, check_libraries
from puffer_train.run.folders import locked_run, new_folder, read_run
from puffer_train.run.opened import opened_ppo, share_of_cores
from puffer_train.run.restoring import resume
from puffer_train.run.state import RunOptions, RunState
from puffer_train.storage.folder import CONFIG, read_config
from puffer_train.storage.timeline import REPLACED, replaced
from puffer_train.system.ranks import joined


@contextmanager
def new_run(
    source: registry.EnvironmentSource, settings: config.Settings, seed: int, folder: Path | None, options: RunOptions
) -> Iterator[RunState]:
    """Open a run that starts from scratch in a new folder.

    Args:
        source: The environment to train on.
        settings: Everything the run depends on besides its seed.
        seed: Same seed, same numbers.
        folder: Where to write the run; None for `runs/NAME-TIME`.
        options: Threads, learner, loggers, video.

    Raises:
        UserError: Settings, environment or folder do not fit.
    """
    with joined() as ranks:
        cores = options.threads or share_of_cores(ranks)
        with (
            opened_ppo(source, settings, seed, cores, options, ranks) as ppo,
            new_folder(folder, source.name) if ranks.leads else nullcontext() as lock,
        ):
            yield RunState(lock.folder if lock else Path(), source, ppo, cores, options, lock=lock)


@contextmanager
def resumed_run(
    folder: Path, name: str | None, given: Mapping[str, object], origin: str, options: RunOptions
) -> Iterator[RunState]:
    """Open the run in `folder` where its newest checkpoint was written.

    Args:
        folder: The run folder.
        name: The environment's name, needed where it imports code; None for the run's own.
        given: Settings to change, as tables for `config.overlay`.
        origin: Where they come from, for errors.
        options: As for `new_run`; loggers are added to those of the run.

    Raises:
        UserError: The folder holds no run, or what is given does not fit it.
    """
    with joined() as ranks, locked_run(folder) if ranks.leads else nullcontext() as lock:
        saved, found = read_run(folder, ranks)
        check_libraries(folder, saved.get("libraries", ()), options.libraries)
        source = registry.find(registry.resolve_name(folder, saved["environment"], name))
        check_consent(folder, saved["settings"], given)
        settings = config.overlay(config.Settings(), saved["settings"], str(folder / CONFIG))
        settings = config.overlay(settings, given, origin)
        cores = options.threads or saved.get("threads", {}).get("environments") or share_of_cores(ranks)
        options = replace(options, log=list(dict.fromkeys([*saved["log"], *options.log])))
        with opened_ppo(source, settings, saved["seed"], cores, options, ranks) as ppo:
            history = _history(saved, settings)
            run = RunState(folder, source, ppo, cores, options, history, lock=lock, parent=saved.get("parent"))
            resume(run, found, set(cast(Mapping[str, object], given.get("env", {}))))
            yield run


def _history(saved: Mapping[str, Any], now: config.Settings) -> list[dict[str, Any]]:
    """Return a run's history, with the settings that its last process had and this one changes."""
    history: list[dict[str, Any]] = list(saved["history"])
    changed = replaced(config.flat(saved["settings"]), config.flat(now.as_dict()))
    if history and changed:
        history[-1] = history[-1] | {REPLACED: changed}
    return history


def settings_like(folder: Path, name: str | None, given: Mapping[str, object]) -> tuple[str, config.Settings, int]:
    """Return environment, settings and seed of an earlier run.

    Raises:
        UserError: The folder holds no run, or one in another environment than `name`.
    """
    saved = read_config(folder)
    check_consent(folder, saved["settings"], given)
    found = registry.resolve_name(folder, saved["environment"], name)
    return found, config.overlay(config.Settings(), saved["settings"], str(folder / CONFIG)), int(saved["seed"])

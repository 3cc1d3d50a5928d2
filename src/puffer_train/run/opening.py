"""What `Trainer` is given, checked, and what opens the run that it asks for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from torch import nn

from puffer_train import config
from puffer_train.environments import registry
from puffer_train.errors import ConfigError
from puffer_train.report.loggers import check_loggers
from puffer_train.run.branch import branched_run
from puffer_train.run.launch import new_run, resumed_run, settings_like
from puffer_train.run.state import RunOptions, RunState
from puffer_train.shipped import given_tables

GivenSettings = config.Settings | Mapping[str, object] | str | Path | None
"""Settings as a user gives them: all of them, or tables of changes, or the path of a TOML file with such tables, or
`fast` or `best`, which ship for an environment."""


GivenNetwork = str | type[nn.Module] | None
"""A network of the user's own, as `module:Class` or as the class; None for ours."""


def load_libraries(paths: Sequence[str | Path]) -> list[str]:
    """Load shared libraries with the user's own environments; return their absolute paths.

    Raises:
        ConfigError: A library cannot be loaded.
    """
    return registry.load_libraries(paths)


def opening(
    environment: str | None,
    ending: Mapping[str, object],
    seed: int | None,
    settings: GivenSettings,
    network: GivenNetwork,
    folder: str | Path | None,
    resume: str | Path | None,
    like: str | Path | None,
    start_from: str | None,
    options: RunOptions,
) -> AbstractContextManager[RunState]:
    """Check what `Trainer` was given and return what opens the run. ending: settings of when to end, or None.

    Raises:
        UserError: Something is unknown, or does not fit with the rest.
    """
    check_loggers(list(options.log))
    if options.learner not in config.LEARNERS:
        raise ConfigError(f"learner is {options.learner!r}; it must be one of {', '.join(config.LEARNERS)}.")
    _check_whole("seed", seed, 0, (1 << 63) - 1)
    _check_whole("threads", options.threads, 1, 1024)
    if not 0 <= options.newest_seconds < math.inf:
        raise ConfigError(f"newest_seconds is {options.newest_seconds!r}; it must be a number of at least 0.")
    origin = "command line" if options.command else "settings"
    if isinstance(settings, (str, Path)):
        settings = given_tables(settings, None if environment is None else registry.find(environment).settings)
    changes = _changes(settings, ending, network)
    if resume is not None:
        foreign = {"folder": folder, "like": like, "start_from": start_from, "seed": seed}
        excluded = ", ".join(name for name, value in foreign.items() if value is not None)
        if excluded:
            raise ConfigError(f"a resumed run keeps its own folder, settings and seed: leave out {excluded}.")
        return resumed_run(Path(resume), environment, changes, origin, options)
    target = None if folder is None else Path(folder)
    if start_from is not None:
        excluded = ", ".join(name for name, value in {"like": like, "seed": seed}.items() if value is not None)
        if excluded:
            raise ConfigError(f"a branch keeps the settings and the seed of its run: leave out {excluded}.")
        return branched_run(start_from, environment, changes, origin, target, options)
    base = settings if isinstance(settings, config.Settings) else None
    if like is not None:
        environment, of_other, other_seed = settings_like(Path(like), environment, changes)
        base, seed = base or of_other, other_seed if seed is None else seed
    if environment is None:
        raise ConfigError("no environment is given: write its name, or `resume` or `like` with a run folder.")
    source = registry.find(environment)
    chosen = config.overlay(base or config.load(source.settings), changes, origin)
    return new_run(source, chosen, 1 if seed is None else seed, target, options)


def _check_whole(name: str, value: object, low: int, high: int) -> None:
    """Raise `ConfigError` unless a value is None or a whole number in this range."""
    if value is not None and (type(value) is not int or not low <= value <= high):
        raise ConfigError(f"{name} is {value!r}; it must be a whole number from {low} to {high}.")


def _changes(
    settings: config.Settings | Mapping[str, object] | None, ending: Mapping[str, object], network: GivenNetwork
) -> dict[str, object]:
    """Return tables of changes for `config.overlay`; those of `ending` that are not None belong to [train]."""
    tables: dict[str, object] = dict(settings) if isinstance(settings, Mapping) else {}
    given = {"train": ending, "policy": {"network": network}}
    for name, values in given.items():
        table, changed = tables.get(name, {}), {key: value for key, value in values.items() if value is not None}
        if changed and isinstance(table, Mapping):
            tables[name] = {**table, **changed}
    return tables

"""Opening a run, a new one or one to resume: environment, algorithm and folder."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from puffer_envs.contract.machine import available_cores
from puffer_train import config
from puffer_train.algorithm.ppo import PPO
from puffer_train.environments import registry
from puffer_train.errors import ConfigError
from puffer_train.own_code import named_code
from puffer_train.report.loggers import check_loggers
from puffer_train.run.folders import locked_run, new_folder, read_run
from puffer_train.run.restoring import resume
from puffer_train.run.state import RunOptions, RunState
from puffer_train.shipped import read_tables
from puffer_train.storage.folder import CONFIG, read_config
from puffer_train.storage.policy_file import identify
from puffer_train.system import runtime
from puffer_train.system.crashes import report_crashes
from puffer_train.system.machine import versions
from puffer_train.system.ranks import Ranks, check_shares, joined

GivenSettings = config.Settings | Mapping[str, object] | str | Path | None
"""Settings as a user gives them: all of them, or tables of changes, or the path of a TOML file with such tables."""


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
    folder: str | Path | None,
    resume: str | Path | None,
    like: str | Path | None,
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
    changes = _changes(settings, ending)
    if resume is not None:
        foreign = {"folder": folder, "like": like, "seed": seed}
        excluded = ", ".join(name for name, value in foreign.items() if value is not None)
        if excluded:
            raise ConfigError(f"a resumed run keeps its own folder, settings and seed: leave out {excluded}.")
        return resumed_run(Path(resume), environment, changes, origin, options)
    base = settings if isinstance(settings, config.Settings) else None
    if like is not None:
        environment, of_other, other_seed = settings_like(Path(like), environment, changes)
        base, seed = base or of_other, other_seed if seed is None else seed
    if environment is None:
        raise ConfigError("no environment is given: write its name, or `resume` or `like` with a run folder.")
    source = registry.find(environment)
    chosen = config.overlay(base or config.load(source.settings), changes, origin)
    return new_run(source, chosen, 1 if seed is None else seed, None if folder is None else Path(folder), options)


def _check_whole(name: str, value: object, low: int, high: int) -> None:
    """Raise `ConfigError` unless a value is None or a whole number in this range."""
    if value is not None and (type(value) is not int or not low <= value <= high):
        raise ConfigError(f"{name} is {value!r}; it must be a whole number from {low} to {high}.")


def _changes(settings: GivenSettings, ending: Mapping[str, object]) -> dict[str, object]:
    """Return tables of changes for `config.overlay`; those of `ending` that are not None belong to [train]."""
    tables: dict[str, object] = {}
    if isinstance(settings, (str, Path)):
        tables |= read_tables(Path(settings))
    elif isinstance(settings, Mapping):
        tables |= settings
    given, train = {key: value for key, value in ending.items() if value is not None}, tables.get("train", {})
    return tables | ({"train": {**train, **given}} if given and isinstance(train, Mapping) else {})


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
        cores = options.threads or _share_of_cores(ranks)
        with (
            _opened(source, settings, seed, cores, options, ranks) as ppo,
            new_folder(folder, source.name) if ranks.leads else nullcontext(Path()) as chosen,
        ):
            yield RunState(chosen, source, ppo, cores, options)


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
    with joined() as ranks, locked_run(folder) if ranks.leads else nullcontext():
        saved, found = read_run(folder, ranks)
        if saved.get("libraries") and not options.libraries:
            given_before = " ".join(f"--library {path}" for path in saved["libraries"])
            raise ConfigError(f"{folder} was trained with {given_before}: give that as well if you trust it.")
        source = registry.find(registry.resolve_name(folder, saved["environment"], name))
        _check_consent(folder, saved["settings"], given)
        settings = config.overlay(config.Settings(), saved["settings"], str(folder / CONFIG))
        settings = config.overlay(settings, given, origin)
        cores = options.threads or saved.get("threads", {}).get("environments") or _share_of_cores(ranks)
        options = replace(options, log=list(dict.fromkeys([*saved["log"], *options.log])))
        with _opened(source, settings, saved["seed"], cores, options, ranks) as ppo:
            run = RunState(folder, source, ppo, cores, options, saved["history"])
            resume(run, found, set(cast(Mapping[str, object], given.get("env", {}))))
            yield run


def settings_like(folder: Path, name: str | None, given: Mapping[str, object]) -> tuple[str, config.Settings, int]:
    """Return environment, settings and seed of an earlier run.

    Raises:
        UserError: The folder holds no run, or one in another environment than `name`.
    """
    saved = read_config(folder)
    _check_consent(folder, saved["settings"], given)
    found = registry.resolve_name(folder, saved["environment"], name)
    return found, config.overlay(config.Settings(), saved["settings"], str(folder / CONFIG)), int(saved["seed"])


def _check_consent(folder: Path, saved: Mapping[str, Any], given: Mapping[str, object]) -> None:
    """Raise `ConfigError` if a folder's settings name code that was not given again: it could be `os:system`."""
    for setting, name in named_code(saved).items():
        table, _, key = setting.partition(".")
        now = given.get(table)
        if not isinstance(now, Mapping) or key not in now:
            raise ConfigError(
                f"{folder} was trained with your own code, {setting} {name!r}: give that as well if you trust it."
            )


@contextmanager
def _opened(
    source: registry.EnvironmentSource,
    settings: config.Settings,
    seed: int,
    cores: int,
    options: RunOptions,
    ranks: Ranks,
) -> Iterator[PPO]:
    """Make this rank's share of the environments and the algorithm for them; close the environments in the end."""
    report_crashes()
    ranks.check_agreement(
        {"environment": source.name, "seed": seed, "learner": options.learner}
        | {name: version for name, version in versions().items() if name in ("puffer-envs", "torch")}
        | config.flat(settings.as_dict())
    )
    check_shares(settings.train, ranks.count)
    count = settings.train.num_envs // ranks.count
    first = None if ranks.count == 1 else ranks.rank * count
    with source.opened(count, seed, cores, settings.env, first, training=True) as env:
        about = identify(env, source.name, settings.env)
        ranks.check_agreement({"environment version": about.version} | config.flat({"env": about.settings}))
        ppo = PPO(env, settings, seed, source.name, threads=cores, learner=options.learner, ranks=ranks)
        _tune(ppo, options.threads if ranks.count == 1 else cores)
        yield ppo


def _share_of_cores(ranks: Ranks) -> int:
    """Return how many threads are a rank's share of this machine."""
    return max(1, available_cores() // ranks.local_count)


def _tune(ppo: PPO, threads: int | None) -> None:
    """Prepare torch for the matrix products of this run."""
    spec, settings, layers = ppo.spec, ppo.settings.train, ppo.policy.products()
    acting = [(spec.rows, i, o) for i, o in layers]
    learning = [(settings.minibatch, i, o) for i, o in layers] + [(i, settings.minibatch, o) for i, o in layers]
    runtime.tune(threads, acting + learning)

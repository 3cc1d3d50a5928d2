"""Starting a new run or resuming one: prepares environment, trainer and folder, then calls `run.train`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import cast

from puffer_envs.contract.machine import available_cores
from puffer_train import config
from puffer_train.algorithm.ppo import PPO
from puffer_train.environments import registry
from puffer_train.errors import ConfigError
from puffer_train.report.loggers import flat
from puffer_train.run.folders import locked_run, new_folder, read_run
from puffer_train.run.restoring import restore
from puffer_train.run.run import train
from puffer_train.run.state import Run, RunOptions
from puffer_train.storage.folder import CONFIG
from puffer_train.storage.policy_file import identify
from puffer_train.system import runtime
from puffer_train.system.crashes import report_crashes
from puffer_train.system.machine import versions
from puffer_train.system.ranks import Ranks, check_shares, joined


def start(
    source: registry.EnvironmentSource, settings: config.Settings, seed: int, folder: Path | None, options: RunOptions
) -> int:
    """Train from scratch in a new folder; return the exit status.

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
            _trainer(source, settings, seed, cores, options, ranks) as trainer,
            new_folder(folder, source.name) if ranks.leads else nullcontext(Path()) as chosen,
        ):
            return train(Run(chosen, source, trainer, cores, options))


def resume(folder: Path, name: str | None, given: Mapping[str, object], options: RunOptions) -> int:
    """Resume the run in `folder`; return the exit status.

    Args:
        folder: The run folder.
        name: The environment's name, needed where it imports code; None for the run's own.
        given: Settings to change, as tables for `config.overlay`.
        options: As for `start`; loggers are added to those of the run.

    Raises:
        UserError: The folder holds no run, or what is given does not fit it.
    """
    with joined() as ranks, locked_run(folder) if ranks.leads else nullcontext():
        saved, found = read_run(folder, ranks)
        if saved.get("libraries") and not options.libraries:
            given_before = " ".join(f"--library {path}" for path in saved["libraries"])
            raise ConfigError(f"{folder} was trained with {given_before}: give that as well if you trust it.")
        source = registry.find(registry.resolve_name(folder, saved["environment"], name))
        settings = config.overlay(config.Settings(), saved["settings"], str(folder / CONFIG))
        settings = config.overlay(settings, given, "command line")
        cores = options.threads or saved.get("threads", {}).get("environments") or _share_of_cores(ranks)
        options = replace(options, log=list(dict.fromkeys([*saved["log"], *options.log])))
        with _trainer(source, settings, saved["seed"], cores, options, ranks) as trainer:
            run = Run(folder, source, trainer, cores, options, saved["history"])
            restore(run, found, set(cast(Mapping[str, object], given.get("env", {}))))
            return train(run)


@contextmanager
def _trainer(
    source: registry.EnvironmentSource,
    settings: config.Settings,
    seed: int,
    cores: int,
    options: RunOptions,
    ranks: Ranks,
) -> Iterator[PPO]:
    """Make this rank's share of the environments and a trainer for them; close the environments in the end."""
    report_crashes()
    ranks.check_agreement(
        {"environment": source.name, "seed": seed, "learner": options.learner}
        | {name: version for name, version in versions().items() if name in ("puffer-envs", "torch")}
        | flat(settings.as_dict())
    )
    check_shares(settings.train, ranks.count)
    count = settings.train.num_envs // ranks.count
    first = None if ranks.count == 1 else ranks.rank * count
    with source.opened(count, seed, cores, settings.env, first, training=True) as env:
        about = identify(env, source.name, settings.env)
        ranks.check_agreement({"environment version": about.version} | flat({"env": about.settings}))
        trainer = PPO(env, settings, seed, source.name, threads=cores, learner=options.learner, ranks=ranks)
        _tune(trainer, options.threads if ranks.count == 1 else cores)
        yield trainer


def _share_of_cores(ranks: Ranks) -> int:
    """Return how many threads are a rank's share of this machine."""
    return max(1, available_cores() // ranks.local_count)


def _tune(trainer: PPO, threads: int | None) -> None:
    """Prepare torch for the matrix products of this run."""
    spec, settings, layers = trainer.spec, trainer.settings.train, trainer.policy.products()
    acting = [(spec.rows, i, o) for i, o in layers]
    learning = [(settings.minibatch, i, o) for i, o in layers] + [(i, settings.minibatch, o) for i, o in layers]
    runtime.tune(threads, acting + learning)

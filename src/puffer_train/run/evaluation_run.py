"""`puffer-eval`: load a policy or a checkpoint, play fresh full episodes, report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from rich.console import Console

from puffer_envs.contract.machine import available_cores
from puffer_train import config
from puffer_train.algorithm.evaluate import Evaluation, evaluate, evaluation_envs, record, records
from puffer_train.contract import describe
from puffer_train.environments import registry
from puffer_train.errors import ConfigError
from puffer_train.report.evaluation import report_comparison, report_evaluation
from puffer_train.report.waiting import Waiting
from puffer_train.run.trained import Trained
from puffer_train.storage.discovery import run_folder
from puffer_train.storage.folder import read_config
from puffer_train.storage.identity import compare_runs
from puffer_train.system.crashes import report_crashes


def judge(
    name: str | None,
    *,
    policy_file: Path | None,
    checkpoint: Path | None,
    against: Path | None,
    episodes: int,
    seed: int,
    threads: int | None,
    deterministic: bool,
    replay: Path | None,
    statistic: str | None,
    max_steps: int | None,
    env_settings: Mapping[str, object],
    networks: Sequence[str] = (),
) -> int:
    """Evaluate a policy, or two on the same games; return the exit status.

    They play in the environment that the (first) policy was trained in, with its settings, changed by `env_settings`;
    or in the one called `name`: another variant of the same game, say. Its observations and actions must be the same.

    networks: names of the policies' own networks, which may then be imported.

    Raises:
        UserError: Policy, environment and options do not fit together.
    """
    report_crashes()
    judged = [Trained.find(policy_file) if policy_file is not None else Trained.from_checkpoint(checkpoint)]
    judged += [] if against is None else [Trained.find(against)]
    first, last = judged[0], judged[-1]
    trained_in = first.environment
    name = registry.resolve_name(first.path, trained_in, None) if name is None else name
    if last.environment != trained_in:
        raise ConfigError(
            f"{last.path} is for {last.environment!r}, {first.path} for {trained_in!r}: these are different games."
        )
    source = registry.find(name)
    overlaid = config.overlay(config.Settings(env=first.settings), {"env": env_settings}, "command line")
    threads = threads or available_cores()
    torch.set_num_threads(threads)
    console = Console()
    if name != trained_in:
        _say(console, f"Trained in {trained_in}, evaluated in {name}.")
    max_steps = max_steps or config.load(source.settings).train.eval_max_steps

    try:
        single = source.make(1, seed, 1, overlaid.env)
    except ConfigError as error:
        if name == trained_in or not first.settings:
            raise
        raise ConfigError(f"the policy's settings of {trained_in} do not fit: {error}") from None
    try:
        spec = describe(single, name)
        if replay is not None and not records(single):
            raise ConfigError(f"environment {name!r} cannot record replays.")
        policies = [trained.load(spec, networks) for trained in judged]
        env = source.make(evaluation_envs(spec, episodes), seed, threads, overlaid.env)
        try:
            results = []
            for policy in policies:
                with Waiting(console, max_steps) as waiting:
                    results.append(
                        evaluate(
                            env, policy, seed, deterministic=deterministic, longest=max_steps, watch=waiting, name=name
                        )
                    )
        finally:
            env.close()
        _check_statistic(statistic, results)
        if against is None:
            report_evaluation(results[0], console, statistic)
        else:
            _report_two(first, last, results, console, statistic)
        if replay is not None:
            try:
                record(single, policies[0], seed, replay, deterministic=deterministic)
            except OSError as error:
                raise ConfigError(f"cannot write the replay {replay}: {error.strerror or error}.") from error
            _say(console, f"  replay  {replay}")
    finally:
        single.close()
    return 0


def _check_statistic(statistic: str | None, results: list[Evaluation]) -> None:
    """Raise `ConfigError` for a statistic that the finished episodes do not have."""
    for result in results:
        if statistic is not None and result.episodes and statistic not in result.figures:
            raise ConfigError(f"the episodes have no statistic {statistic!r}: {', '.join(sorted(result.figures))}.")


def _report_two(a: Trained, b: Trained, results: list[Evaluation], console: Console, statistic: str | None) -> None:
    _say(console, f"A: {a.path}")
    _say(console, f"B: {b.path}")
    _say(console, how_they_differ(a.path, b.path))
    if b.settings != a.settings:
        _say(console, f"B was trained with other settings of the environment, {b.settings}; both play with A's.")
    report_comparison(results[0], results[1], console, statistic)


def how_they_differ(a: Path, b: Path) -> str:
    """Return a sentence about how the trainings of two policies or checkpoints differ, from their run folders."""
    folders = run_folder(a), run_folder(b)
    try:
        configs = [read_config(folder) for folder in folders if folder is not None]
    except ConfigError as error:
        return f"It is unknown how their trainings differ: {error}"
    if len(configs) < 2:
        return "It is unknown how their trainings differ: only a policy in its run folder tells."
    difference = compare_runs(configs)
    seeds = [config["seed"] for config in configs]
    if difference is not None:
        return f"These are different trainings: {difference}."
    if folders[0] == folders[1]:
        return "Both are of the same run."
    return f"The same training with seeds {seeds[0]} and {seeds[1]}." if len(set(seeds)) > 1 else "The same training."


def _say(console: Console, line: str) -> None:
    console.print(line, soft_wrap=True, markup=False, highlight=False)

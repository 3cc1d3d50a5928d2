"""`puffer-eval`: load a policy or a checkpoint, play fresh full episodes, report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from puffer_envs.contract.machine import available_cores
from puffer_envs.contract.policy_file import PolicyFile
from puffer_train import config
from puffer_train.algorithm.evaluate import Evaluation, evaluate, evaluation_envs, record, records
from puffer_train.contract import EnvironmentSpec, describe
from puffer_train.environments import registry
from puffer_train.errors import CheckpointError, ConfigError
from puffer_train.policy import Policy, normalize_of, settings_of
from puffer_train.report.evaluation import report_comparison, report_evaluation
from puffer_train.storage import checkpoint
from puffer_train.storage.policy_file import read_policy
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
    env_settings: Mapping[str, object],
) -> int:
    """Evaluate a policy in the environment it was trained in, or two on the same games; return the exit status.

    The environment's settings are those of the (first one's) training, changed by `env_settings`.

    Raises:
        UserError: Policy, environment and options do not fit together.
    """
    report_crashes()
    judged = [Trained.find(policy_file) if policy_file is not None else Trained.from_checkpoint(checkpoint)]
    judged += [] if against is None else [Trained.find(against)]
    first, last = judged[0], judged[-1]
    name = registry.resolve_name(first.path, first.environment, name)
    if last.environment != name:
        raise ConfigError(
            f"{last.path} is for {last.environment!r}, {first.path} for {name!r}: these are different games."
        )
    source = registry.find(name)
    overlaid = config.overlay(config.Settings(env=first.settings), {"env": env_settings}, "command line")
    threads = threads or available_cores()
    torch.set_num_threads(threads)
    console = Console()

    single = source.make(1, seed, 1, overlaid.env)
    try:
        spec = describe(single, name)
        if replay is not None and not records(single):
            raise ConfigError(f"environment {name!r} cannot record replays.")
        policies = [trained.load(spec) for trained in judged]
        env = source.make(evaluation_envs(spec, episodes), seed, threads, overlaid.env)
        try:
            results = [evaluate(env, policy, seed, deterministic=deterministic, name=name) for policy in policies]
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
    if b.settings != a.settings:
        _say(console, f"B was trained with other settings of the environment, {b.settings}; both play with A's.")
    report_comparison(results[0], results[1], console, statistic)


def _say(console: Console, line: str) -> None:
    console.print(line, soft_wrap=True, markup=False, highlight=False)


class Trained:
    """A policy on disk, exported or in a checkpoint."""

    def __init__(self, path: Path, environment: Any, settings: Any, saved: checkpoint.Checkpoint | None = None) -> None:
        """environment, settings: as found in the file. Raises `CheckpointError` when they are invalid."""
        if not isinstance(environment, str) or not isinstance(settings, dict):
            raise CheckpointError(f"{path} is damaged: it does not name its environment.")
        self.path, self.environment, self.settings = path, environment, settings
        self._checkpoint = saved

    @classmethod
    def find(cls, path: Path) -> Trained:
        """Read an exported policy, a checkpoint, or a run folder: its policy, or else its newest checkpoint."""
        unfinished = path.is_dir() and not (path / "policy.safetensors").exists()
        within = path if path.is_dir() else path.parent
        if (within / checkpoint.MANIFEST).exists() or (unfinished and (path / "checkpoints").is_dir()):
            return cls.from_checkpoint(path)
        return cls.from_policy(path)

    @classmethod
    def from_policy(cls, path: Path) -> Trained:
        """Read an exported policy, or that of a run folder."""
        path = path / "policy.safetensors" if path.is_dir() else path
        info = PolicyFile.read(path).info
        return cls(path, info.environment, info.settings)

    @classmethod
    def from_checkpoint(cls, path: Path | None) -> Trained:
        """Read a checkpoint, given as folder or file, or the newest intact one of a run folder."""
        assert path is not None
        if path.is_file():
            path = path.parent
        if (path / checkpoint.MANIFEST).exists():
            saved = checkpoint.load(path)
        else:
            folder = path / "checkpoints" if (path / "checkpoints").is_dir() else path
            saved = checkpoint.load_latest(folder, lambda line: print(f"WARNING: {line}"))
        identity, settings = saved.manifest["identity"], saved.manifest["settings"]
        return cls(saved.path, identity.get("environment"), settings.get("env"), saved)

    def load(self, spec: EnvironmentSpec) -> Policy:
        """Return the policy for this environment. Raises `CheckpointError` naming what differs."""
        if self._checkpoint is None:
            return read_policy(self.path, spec)
        identity = self._checkpoint.manifest["identity"]
        checkpoint.check_identity(identity, spec.identity(), self.path)
        policy = Policy(spec, settings_of(identity, self.path), torch.Generator(), normalize_of(identity))
        checkpoint.check_identity(identity, policy.identity(), self.path)
        wanted = {f"policy.{name}": tensor for name, tensor in policy.learned().items()}
        checkpoint.check_shapes(self._checkpoint.tensors, wanted, self.path)
        for name, tensor in wanted.items():
            tensor.copy_(self._checkpoint.tensors[name])
        return policy

"""What `puffer-eval` does: load a policy or a checkpoint, play fresh full episodes, report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from puffer_train import checkpoint, config, registry, runtime
from puffer_train.contract import EnvironmentSpec, describe
from puffer_train.errors import CheckpointError, ConfigError
from puffer_train.evaluate import evaluate, record, records
from puffer_train.export import read_policy, read_policy_info
from puffer_train.policy import Policy, completed, settings_of
from puffer_train.run import evaluation_envs, report_evaluation


def judge(
    name: str | None,
    *,
    policy_file: Path | None,
    checkpoint: Path | None,
    episodes: int,
    seed: int,
    threads: int | None,
    deterministic: bool,
    replay: Path | None,
    env_settings: dict[str, object],
) -> int:
    """Evaluate a policy file or a checkpoint in the environment it was trained in; return the exit status.

    The environment's settings are those of the training, changed by `env_settings`. Raises `UserError`s.
    """
    source_file = Trained.from_policy(policy_file) if policy_file is not None else Trained.from_checkpoint(checkpoint)
    name = name or source_file.environment
    if name != source_file.environment:
        raise ConfigError(f"{source_file.path} was trained in {source_file.environment!r}, not in {name!r}.")
    source = registry.find(name)
    overlaid = config.overlay(config.Settings(env=source_file.settings), {"env": env_settings}, "command line")
    threads = threads or runtime.available_cores()
    torch.set_num_threads(threads)
    console = Console()

    single = source.make(1, seed, 1, overlaid.env)
    try:
        spec = describe(single, name)
        if replay is not None and not records(single):
            raise ConfigError(f"environment {name!r} cannot record replays.")
        policy = source_file.load(spec)
        env = source.make(evaluation_envs(spec, episodes), seed, threads, overlaid.env)
        try:
            report_evaluation(evaluate(env, policy, seed, deterministic=deterministic, name=name), console)
        finally:
            env.close()
        if replay is not None:
            try:
                record(single, policy, seed, replay, deterministic=deterministic)
            except OSError as error:
                raise ConfigError(f"cannot write the replay {replay}: {error.strerror or error}.") from error
            console.print(f"  replay  {replay}", soft_wrap=True, markup=False, highlight=False)
    finally:
        single.close()
    return 0


class Trained:
    """A policy on disk, whichever way it was saved."""

    def __init__(self, path: Path, environment: str, settings: dict[str, Any], saved: Any = None) -> None:
        self.path, self.environment, self.settings = path, environment, settings
        self._checkpoint: checkpoint.Checkpoint | None = saved

    @classmethod
    def from_policy(cls, path: Path) -> Trained:
        """Look into an exported policy, or the one of a run folder."""
        path = path / "policy.safetensors" if path.is_dir() else path
        about = read_policy_info(path)
        environment, settings = about.get("environment"), about.get("settings")
        if not isinstance(environment, str) or not isinstance(settings, dict):
            raise CheckpointError(f"{path} is damaged: it does not say which environment it is for.")
        return cls(path, environment, settings)

    @classmethod
    def from_checkpoint(cls, path: Path | None) -> Trained:
        """Read a checkpoint, one of its files' folder, or the newest whole one of a run folder."""
        assert path is not None
        if path.is_file():
            path = path.parent
        if (path / checkpoint.MANIFEST).exists():
            saved = checkpoint.load(path)
        else:
            folder = path / "checkpoints" if (path / "checkpoints").is_dir() else path
            saved = checkpoint.load_latest(folder, lambda line: print(f"WARNING: {line}"))
        manifest = saved.manifest
        return cls(saved.path, manifest["identity"]["environment"], manifest["settings"]["env"], saved)

    def load(self, spec: EnvironmentSpec) -> Policy:
        """Return the policy for this environment. Raises `CheckpointError` naming what differs."""
        if self._checkpoint is None:
            return read_policy(self.path, spec)
        identity = self._checkpoint.manifest["identity"]
        checkpoint.check_identity(identity, spec.identity(), self.path)
        policy = Policy(spec, settings_of(identity, self.path), torch.Generator())
        checkpoint.check_identity(completed(identity), policy.identity(), self.path)
        wanted = {f"policy.{name}": parameter.detach() for name, parameter in policy.named_parameters()}
        checkpoint.check_shapes(self._checkpoint.tensors, wanted, self.path)
        for name, parameter in wanted.items():
            parameter.copy_(self._checkpoint.tensors[name])
        return policy

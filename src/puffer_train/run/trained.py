"""A policy on disk: exported, or in a checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from puffer_envs.contract.policy_file import PolicyFile
from puffer_train.contract import EnvironmentSpec
from puffer_train.errors import CheckpointError
from puffer_train.policy import Policy, check_permission, make_policy, normalize_of, settings_of
from puffer_train.storage import checkpoint
from puffer_train.storage.policy_file import read_policy


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

    def load(self, spec: EnvironmentSpec, networks: Sequence[str] = ()) -> Policy:
        """Return the policy for this environment.

        networks: the names of networks that may be imported.

        Raises:
            CheckpointError: It is for something else; names the difference.
            ConfigError: It has a network of its own whose name was not given.
        """
        if self._checkpoint is None:
            return read_policy(self.path, spec, networks)
        identity = self._checkpoint.manifest["identity"]
        checkpoint.check_identity(identity, spec.identity(), self.path)
        settings = settings_of(identity, self.path)
        settings = replace(settings, network=check_permission(self.path, settings.network, networks))
        policy = make_policy(spec, settings, torch.Generator(), normalize_of(identity))
        checkpoint.check_identity(identity, policy.identity(), self.path)
        wanted = {f"policy.{name}": tensor for name, tensor in policy.saved_tensors().items()}
        checkpoint.check_shapes(self._checkpoint.tensors, wanted, self.path)
        for name, tensor in wanted.items():
            tensor.copy_(self._checkpoint.tensors[name])
        return policy

"""Policies to and from policy files (`puffer_envs.contract.policy_file`), which NumPy alone can run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from puffer_envs.contract.policy_file import PolicyFile
from puffer_envs.contract.policy_info import is_setting, read_info
from puffer_train.contract import EnvironmentSpec
from puffer_train.policy import Policy, normalize_of, settings_of
from puffer_train.storage.checkpoint import check_identity
from puffer_train.storage.files import storing


@dataclass(frozen=True)
class EnvironmentIdentity:
    """Which environment a policy was trained in."""

    name: str
    """Name, or `module:factory`."""
    version: int
    """Version of its rules; 0 where it has none."""
    settings: dict[str, Any]
    """All its settings, or only those given if it does not report them."""


def identify(env: object, name: str, given: Mapping[str, object]) -> EnvironmentIdentity:
    """Read the version and settings from the environment's `spec.version` and `settings`, if it has them."""
    version = getattr(getattr(env, "spec", None), "version", 0)
    settings = getattr(env, "settings", given)
    return EnvironmentIdentity(name, version if isinstance(version, int) else 0, dict(settings))


def write_policy(path: Path, policy: Policy, environment: EnvironmentIdentity) -> None:
    """Write the policy file; one policy gives the same bytes every time.

    Settings that such a file cannot hold (lists, say) are left out.

    Raises:
        PolicyError: a weight is not finite.
        StorageError: the file cannot be written.
    """
    info = read_info(
        {
            "environment": environment.name,
            "environment_version": environment.version,
            **policy.spec.identity(),
            **policy.identity(),
            "settings": {name: value for name, value in environment.settings.items() if is_setting(value)},
        }
    )
    tensors = {name: tensor.cpu().numpy() for name, tensor in _tensors(policy).items()}
    with storing(path):
        PolicyFile(info, tensors).write(path)


def read_policy(path: Path, spec: EnvironmentSpec) -> Policy:
    """Load a policy file for an environment.

    Raises:
        PolicyError: it is damaged, or not a policy file.
        CheckpointError: it is for something else; names the difference.
    """
    file = PolicyFile.read(path)
    about = file.info.as_json()
    check_identity(about, spec.identity(), path)
    policy = Policy(spec, settings_of(about, path), torch.Generator(), normalize_of(about))
    check_identity(about, policy.identity(), path)
    tensors = {name: torch.from_numpy(tensor) for name, tensor in file.tensors.items()}
    with torch.no_grad():
        if len(policy.input_scale):
            policy.input_scale.copy_(tensors["input_scale"])
        if policy.input_mean is not None:
            policy.input_mean.copy_(tensors["input_mean"])
        policy.encoder.copy_(tensors["encoder.weight"])
        policy.core.copy_(torch.stack([tensors[f"core.{i}.weight"] for i in range(policy.layers)]))
        for name, tensor in ({} if policy.front is None else policy.front.tensors()).items():
            tensor.copy_(tensors[name])
        policy.head.copy_(tensors["head.weight"])
        if policy.log_std is not None:
            policy.head[: spec.action.outputs] /= policy.action_scale.unsqueeze(-1)
            policy.log_std.copy_(tensors["log_std"] - policy.action_scale.log())
    return policy


def _tensors(policy: Policy) -> dict[str, Tensor]:
    """Return the tensors of the policy file; continuous actions in the environment's units."""
    head = policy.head.detach().clone()
    tensors = {
        "input_scale": policy.input_scale.clone(),
        "encoder.weight": policy.encoder.detach().clone(),
        "head.weight": head,
    }
    if policy.input_mean is not None:
        tensors["input_mean"] = policy.input_mean.clone()
    tensors |= {f"core.{i}.weight": weight.detach().clone() for i, weight in enumerate(policy.core)}
    if policy.front is not None:
        tensors |= {name: tensor.clone() for name, tensor in policy.front.tensors().items()}
    if policy.log_std is not None:
        head[: policy.spec.action.outputs] *= policy.action_scale.unsqueeze(-1)
        tensors["log_std"] = policy.log_std.detach() + policy.action_scale.log()
    return tensors

"""The policy file: a trained policy that NumPy alone can run. Its format is in docs/contract.md."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from puffer_train.contract import EnvironmentSpec
from puffer_train.errors import CheckpointError
from puffer_train.policy import Policy, completed, settings_of
from puffer_train.storage.checkpoint import check_identity, check_shapes
from puffer_train.storage.files import replace_durable, storing
from puffer_train.storage.safetensors_file import is_whole, pack

FORMAT = "puffer-policy-1"


@dataclass(frozen=True)
class EnvironmentIdentity:
    """Which environment a policy was trained in."""

    name: str
    """Name, or `module:factory`."""
    version: int
    """Version of its rules; 0 where it has none."""
    settings: dict[str, Any]
    """All its settings, or those given where it does not tell."""


def identify(env: object, name: str, given: Mapping[str, object]) -> EnvironmentIdentity:
    """Read the version and settings from the environment's `spec.version` and `settings`, if it has them."""
    version = getattr(getattr(env, "spec", None), "version", 0)
    settings = getattr(env, "settings", given)
    return EnvironmentIdentity(name, version if isinstance(version, int) else 0, dict(settings))


def write_policy(path: Path, policy: Policy, environment: EnvironmentIdentity) -> None:
    """Write the policy file; one policy gives the same bytes every time.

    Raises `CheckpointError` when a weight is not finite, `StorageError` when the disk refuses.
    """
    for name, parameter in policy.named_parameters():
        if not torch.isfinite(parameter).all():
            raise CheckpointError(f"no policy was exported: {name!r} holds a value that is not finite.")
    about = {
        "environment": environment.name,
        "environment_version": environment.version,
        **policy.spec.identity(),
        **policy.identity(),
        "settings": environment.settings,
    }
    with storing(path):
        replace_durable(path, pack(_tensors(policy), FORMAT, json.dumps(about)))


def read_policy_info(path: Path) -> dict[str, Any]:
    """Return what a policy file says about itself. Raises `CheckpointError` when it is none, or damaged."""
    try:
        with safetensors.safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
        if metadata.get("format") != FORMAT:
            raise CheckpointError(f"{path} is no policy file of format {FORMAT!r}.")
        about = json.loads(metadata["policy"])
        if not is_whole(path.read_bytes(), metadata):
            raise CheckpointError(f"{path} is damaged: its checksum does not match.")
    except (OSError, safetensors.SafetensorError, ValueError, KeyError, RecursionError) as error:
        raise CheckpointError(f"{path} cannot be read as a policy file: {error}.") from error
    if not isinstance(about, dict):
        raise CheckpointError(f"{path} cannot be read as a policy file: its metadata is no JSON object.")
    return about


def read_policy(path: Path, spec: EnvironmentSpec) -> Policy:
    """Load a policy file for an environment. Raises `CheckpointError` naming what is damaged or different."""
    about = read_policy_info(path)
    check_identity(about, spec.identity(), path)
    policy = Policy(spec, settings_of(about, path), torch.Generator())
    check_identity(completed(about), policy.identity(), path)
    try:
        tensors = safetensors.torch.load(path.read_bytes())
    except (OSError, safetensors.SafetensorError) as error:
        raise CheckpointError(f"{path} cannot be read as a policy file: {error}.") from error
    check_shapes(tensors, _tensors(policy), path)
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise CheckpointError(f"{path} is damaged: {name!r} holds a value that is not finite.")
    with torch.no_grad():
        policy.input_scale.copy_(tensors["input_scale"])
        policy.encoder.copy_(tensors["encoder.weight"])
        policy.core.copy_(torch.stack([tensors[f"core.{i}.weight"] for i in range(policy.layers)]))
        for i, kernels in enumerate(policy.convolution_weights):
            kernels.copy_(tensors[f"convolution.{i}.weight"])
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
    tensors |= {f"core.{i}.weight": weight.detach().clone() for i, weight in enumerate(policy.core)}
    tensors |= {f"convolution.{i}.weight": w.detach().clone() for i, w in enumerate(policy.convolution_weights)}
    if policy.log_std is not None:
        head[: policy.spec.action.outputs] *= policy.action_scale.unsqueeze(-1)
        tensors["log_std"] = policy.log_std.detach() + policy.action_scale.log()
    return tensors

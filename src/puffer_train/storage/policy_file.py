"""Policies to and from policy files (`puffer_envs.contract.policy_file`), which NumPy alone can run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from puffer_envs.contract.policy_file import PolicyFile
from puffer_envs.contract.policy_info import NETWORK_TENSOR, PolicyInfo, is_setting, read_info
from puffer_train.contract import EnvironmentSpec
from puffer_train.policy import Policy, check_permission, make_policy, normalize_of, settings_of
from puffer_train.policy.encoders import Convolutions, FieldConvolutions
from puffer_train.policy.own import OwnFront
from puffer_train.policy.whole import WholePolicy
from puffer_train.storage.checkpoint import check_identity, check_shapes
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


def describe_policy(policy: Policy, environment: EnvironmentIdentity) -> PolicyInfo:
    """Return what a policy file says about a policy. Settings that it cannot hold (lists, say) are left out."""
    return read_info(
        {
            "environment": environment.name,
            "environment_version": environment.version,
            **policy.spec.identity(),
            **policy.identity(),
            "settings": {name: value for name, value in environment.settings.items() if is_setting(value)},
        }
    )


def write_policy(path: Path, policy: Policy, environment: EnvironmentIdentity) -> None:
    """Write the policy file; one policy gives the same bytes every time.

    Raises:
        PolicyError: a weight is not finite.
        StorageError: the file cannot be written.
    """
    tensors = {name: tensor.cpu().numpy() for name, tensor in _tensors(policy).items()}
    with storing(path):
        PolicyFile(describe_policy(policy, environment), tensors).write(path)


def read_policy(path: Path, spec: EnvironmentSpec, networks: Sequence[str] = ()) -> Policy:
    """Load a policy file for an environment.

    Args:
        path: The file.
        spec: What the environment is like.
        networks: Names of networks of the user's own that may be imported, if the file has one.

    Raises:
        PolicyError: it is damaged, or not a policy file.
        CheckpointError: it is for something else; names the difference.
        ConfigError: it has a network of its own whose name was not given.
    """
    file = PolicyFile.read(path)
    about = file.info.as_json()
    check_identity(about, spec.identity(), path)
    settings = settings_of(about, path)
    settings = replace(settings, network=check_permission(path, settings.network, networks))
    policy = make_policy(spec, settings, torch.Generator(), normalize_of(about))
    check_identity(about, policy.identity(), path)
    wanted = _tensors(policy)
    tensors = {name: torch.from_numpy(tensor) for name, tensor in file.tensors.items()}
    check_shapes(tensors, wanted, path)
    with torch.no_grad():
        for name, tensor in _own_tensors(policy).items():
            tensor.copy_(tensors[name])
        if policy.log_std is not None:
            policy.log_std.copy_(tensors["log_std"] - policy.action_scale.log())
            if not isinstance(policy, WholePolicy):
                policy.head[: spec.action.outputs] /= policy.action_scale.unsqueeze(-1)
    return policy


def _tensors(policy: Policy) -> dict[str, Tensor]:
    """Return the tensors of the policy file; continuous actions in the environment's units."""
    tensors = {name: tensor.detach().clone() for name, tensor in _own_tensors(policy).items()}
    if policy.log_std is not None:
        tensors["log_std"] = policy.log_std.detach() + policy.action_scale.log()
        if not isinstance(policy, WholePolicy):  # what a network of the user's own returns stays in its own units
            tensors["head.weight"][: policy.spec.action.outputs] *= policy.action_scale.unsqueeze(-1)
    return tensors


def _own_tensors(policy: Policy) -> dict[str, Tensor]:
    """Return what is stored as it is, by its name in the file."""
    network = policy if isinstance(policy, WholePolicy) else policy.front
    tensors = {}
    if isinstance(network, (WholePolicy, OwnFront)):
        tensors["input_scale"] = torch.tensor(policy.spec.observation_scale)  # which the network may read
        tensors |= {f"{NETWORK_TENSOR}{name}": tensor for name, tensor in network.net.state_dict().items()}
    if isinstance(policy, WholePolicy):
        return tensors
    tensors.setdefault("input_scale", policy.input_scale)
    if policy.input_mean is not None:
        tensors["input_mean"] = policy.input_mean
    if isinstance(network, Convolutions | FieldConvolutions):
        tensors |= network.tensors()
    tensors |= {f"core.{i}.weight": weight for i, weight in enumerate(policy.core)}
    return tensors | {"encoder.weight": policy.encoder, "head.weight": policy.head}

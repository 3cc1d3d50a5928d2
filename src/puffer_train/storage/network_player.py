"""Policies with a network of the user's own, for players that know NumPy only: the entry point `puffer.networks`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from puffer_envs.contract.actions import ActionSpec
from puffer_envs.contract.policy_file import PolicyFile
from puffer_envs.contract.policy_info import PolicyInfo
from puffer_envs.contract.tensor_file import Floats
from puffer_train.contract import EnvironmentSpec
from puffer_train.policy import Policy
from puffer_train.storage.policy_file import read_policy


def open_network(path: Path, file: PolicyFile, networks: Sequence[str]) -> TorchNetwork:
    """Return the network of a policy file that names one of the user's own.

    Args:
        path: The file, for errors.
        file: What it holds.
        networks: Names of networks that may be imported.

    Raises:
        UserError: The name was not given, or the network cannot be imported, failed, or has changed.
    """
    return TorchNetwork(read_policy(path, spec_of(file.info, file.tensors["input_scale"]), networks))


def spec_of(info: PolicyInfo, scale: Floats) -> EnvironmentSpec:
    """Return the spec of one environment that a policy with a network of the user's own was trained for."""
    shape = info.action_sizes if info.action_kind == "box" or len(info.action_sizes) > 1 else ()
    return EnvironmentSpec(
        rows=1,
        envs=1,
        observation_shape=info.observation_shape,
        observation_dtype=info.observation_dtype,
        observation_scale=tuple(scale.tolist()),
        action=ActionSpec(
            info.action_kind,
            info.action_sizes,
            shape if info.action_kind == "box" else (len(shape),) if shape else (),
            tuple(info.action_low.tolist()),
            tuple(info.action_high.tolist()),
        ),
        observation_fields=info.observation_fields,
        observation_range=None if info.network is None else info.network.observation_range,
    )


class TorchNetwork:
    """What `puffer_envs.policy.network.Network` asks for, by torch."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    def initial_state(self, rows: int) -> Floats:
        """Return zeros (L, rows, S)."""
        return self.policy.initial_state(rows).numpy()

    def step(self, observations: NDArray[Any], state: Floats) -> Floats:
        """Return logits or means in the environment's units, then the value: (A, K + V); state is updated in place."""
        output = self.policy.step(torch.from_numpy(np.ascontiguousarray(observations)), torch.from_numpy(state))
        if self.policy.log_std is not None:
            output[: self.policy.spec.action.outputs] *= self.policy.action_scale.unsqueeze(-1)
        return output.T.numpy()

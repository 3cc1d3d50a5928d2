"""Policy files, for tests that need somebody who plays."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from puffer_envs.contract.policy_file import PolicyFile
from puffer_envs.contract.policy_info import read_info


def write_policy(
    path: Path,
    environment: str,
    inputs: int,
    choices: int,
    *,
    version: int = 0,
    dtype: str = "float32",
    encoder: np.ndarray | None = None,
    head: np.ndarray | None = None,
    settings: dict[str, object] | None = None,
) -> Path:
    """A policy of one unit; without weights it draws its actions evenly."""
    tensors = {
        "input_scale": np.ones(inputs, np.float32),
        "encoder.weight": np.zeros((1, inputs), np.float32) if encoder is None else encoder,
        "head.weight": np.zeros((choices + 1, 1), np.float32) if head is None else head,
    }
    about = {
        "environment": environment,
        "environment_version": version,
        "observation_shape": [inputs],
        "observation_dtype": dtype,
        "observation_fields": [],
        "action_kind": "discrete",
        "action_sizes": [choices],
        "hidden": 1,
        "layers": 0,
        "cell": "mingru",
        "encoder": "flat",
        "value_head": "scalar",
        "settings": settings or {},
    }
    PolicyFile(read_info(about), tensors).write(path)
    return path

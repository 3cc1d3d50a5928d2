"""The tensors of a policy file: which there are, and reading them with all checks."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from puffer_envs.policy.cells import CELLS
from puffer_envs.policy.info import Floats, PolicyError, PolicyInfo


def check_sum(path: Path, metadata: dict[str, str]) -> None:
    """Hold a file against the SHA-256 that it carries. Raises PolicyError."""
    if metadata.keys() <= {"format", "policy"}:
        return  # older files carry none
    data = path.read_bytes()
    tensors = data[8 + int.from_bytes(data[:8], "little") :]
    if hashlib.sha256(metadata.get("policy", "").encode() + tensors).hexdigest() != metadata.get("sha256"):
        raise PolicyError("it is damaged: its checksum does not match.")


def read_tensors(file: Any, info: PolicyInfo) -> dict[str, Floats]:
    """All tensors, after checking that there are exactly the promised ones, in float32, and all finite."""
    shapes = _expected_shapes(info)
    names = set(file.keys())
    if names != set(shapes):
        missing, extra = sorted(set(shapes) - names), sorted(names - set(shapes))
        raise PolicyError(f"its tensors do not fit its metadata (missing: {missing[:4]}, unexpected: {extra[:4]}).")
    tensors = {}
    for name, shape in shapes.items():
        entry = file.get_slice(name)
        found = (tuple(entry.get_shape()), entry.get_dtype())
        if found != (shape, "F32"):
            raise PolicyError(f"tensor {name!r} is {found[1]} {found[0]}, expected F32 {shape}.")
        tensors[name] = np.ascontiguousarray(file.get_tensor(name))
        if not np.isfinite(tensors[name]).all():
            raise PolicyError(f"tensor {name!r} holds NaN or infinity.")
    return tensors


def _expected_shapes(info: PolicyInfo) -> dict[str, tuple[int, ...]]:
    """Every tensor of a policy file with its shape."""
    shapes: dict[str, tuple[int, ...]] = {"head.weight": (info.head_rows + info.value_rows, info.hidden)}
    inputs = scales = info.inputs
    if info.encoder != "flat":
        channels, height, width = info.planes
        for i, layer in enumerate(info.convolutions):
            shapes[f"convolution.{i}.weight"] = (layer.channels, channels * layer.kernel**2)
            channels, height, width = layer.channels, layer.places(height), layer.places(width)
        inputs, scales = channels * height * width, 1
    shapes |= {"input_scale": (scales,), "encoder.weight": (info.hidden, inputs)}
    rows, columns = CELLS[info.cell].weight_shape
    for i in range(info.layers):
        shapes[f"core.{i}.weight"] = (rows * info.hidden, columns * info.hidden)
    if info.action_kind == "box":
        shapes["log_std"] = (info.head_rows,)
    return shapes

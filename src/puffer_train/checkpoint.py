"""Checkpoints: everything needed to go on with a run.

A checkpoint is a folder `step_STEPS` with two files, `tensors.safetensors` and `manifest.json`. The
manifest says what the tensors belong to and holds their SHA-256 and its own, so that a flipped bit anywhere
is noticed. Both files are written in a hidden folder, forced to the disk, and then the folder is renamed: a
checkpoint is complete or not there. Nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from puffer_train.errors import CheckpointError
from puffer_train.files import sync_folder, write_durable

FORMAT = "puffer-checkpoint-1"
TENSORS, MANIFEST = "tensors.safetensors", "manifest.json"
PREFIX = "step_"


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was read and found whole."""

    path: Path
    """Its folder."""
    tensors: dict[str, Tensor]
    """By name, as they were saved."""
    manifest: dict[str, Any]
    """What was saved beside them, plus `format` and the checksums."""


def save(folder: Path, steps: int, tensors: dict[str, Tensor], manifest: dict[str, Any], kept: int = 3) -> Path:
    """Write a checkpoint into `folder`, remove all but the newest `kept`, and return its path.

    manifest: JSON values. Raises `CheckpointError` when a tensor is not finite, so that no such checkpoint
    exists, or when the disk refuses; earlier checkpoints are untouched then.
    """
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise CheckpointError(f"no checkpoint was written: {name!r} holds a value that is not finite.")
    data = safetensors.torch.save({name: tensor.detach().contiguous() for name, tensor in tensors.items()})
    content = {
        "format": FORMAT,
        **manifest,
        "tensors_bytes": len(data),
        "tensors_sha256": hashlib.sha256(data).hexdigest(),
    }
    target = _free_name(folder, steps)
    temporary = folder / f".{target.name}.{os.getpid()}.tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for abandoned in folder.glob(f".{PREFIX}*.tmp"):
            shutil.rmtree(abandoned, ignore_errors=True)
        temporary.mkdir()
        write_durable(temporary / TENSORS, data)
        write_durable(temporary / MANIFEST, _sealed(content))
        sync_folder(temporary)
        temporary.replace(target)
        sync_folder(folder)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise CheckpointError(f"cannot write a checkpoint to {folder}: {error.strerror or error}.") from error
    for older in list_checkpoints(folder)[:-kept]:
        _remove(older)
    return target


def list_checkpoints(folder: Path) -> list[Path]:
    """Return the checkpoints in `folder`, oldest first; whether they are still whole, `load` tells."""
    return sorted(path for path in folder.glob(f"{PREFIX}*") if path.is_dir())


def load(path: Path) -> Checkpoint:
    """Read one checkpoint. Raises `CheckpointError` with its path when anything is missing or changed."""
    try:
        sealed = (path / MANIFEST).read_bytes()
        data = (path / TENSORS).read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path} is no complete checkpoint: {error.strerror}: {error.filename}.") from error
    manifest = _unsealed(sealed, path / MANIFEST)
    if manifest.get("format") != FORMAT:
        raise CheckpointError(f"{path} has format {manifest.get('format')!r}; this version reads {FORMAT!r}.")
    if len(data) != manifest["tensors_bytes"]:
        raise CheckpointError(f"{path / TENSORS} is damaged: {len(data)} bytes instead of {manifest['tensors_bytes']}.")
    if hashlib.sha256(data).hexdigest() != manifest["tensors_sha256"]:
        raise CheckpointError(f"{path / TENSORS} is damaged: its checksum is not the one in {MANIFEST}.")
    try:
        tensors = safetensors.torch.load(data)
    except SafetensorError as error:
        raise CheckpointError(f"{path / TENSORS} is not a safetensors file: {error}.") from error
    return Checkpoint(path, tensors, manifest)


def load_latest(folder: Path, warn: Callable[[str], None]) -> Checkpoint:
    """Read the newest checkpoint that is whole; every newer one that is not is reported through `warn`.

    Raises `CheckpointError` when there is none: training never starts afresh by itself.
    """
    candidates = list_checkpoints(folder)
    for path in reversed(candidates):
        try:
            return load(path)
        except CheckpointError as error:
            warn(f"{error} Falling back to the checkpoint before it.")
    found = f"none of its {len(candidates)} checkpoints is whole" if candidates else "it holds no checkpoint"
    raise CheckpointError(f"cannot go on from {folder}: {found}.")


def check_identity(found: dict[str, Any], wanted: dict[str, Any], path: Path) -> None:
    """Raise `CheckpointError` naming the first thing in which a file differs from its intended use."""
    for key, value in wanted.items():
        if key == "observation_fields":
            difference = _field_difference(found.get(key, []), value)
        else:
            difference = (f"its {key.replace('_', ' ')}", found.get(key), value)
        if difference[1] != difference[2]:
            raise CheckpointError(
                f"{path} does not fit: {difference[0]} is {difference[1]!r}, here it is {difference[2]!r}."
            )


def _field_difference(found: Any, wanted: list[dict[str, Any]]) -> tuple[str, Any, Any]:
    """Return what to compare of two lists of observation fields: the first property that differs, if any does."""
    if not isinstance(found, list) or not all(isinstance(field, dict) for field in found):
        return "its list of observation fields", found, wanted
    if len(found) != len(wanted):
        return "its number of observation fields", len(found), len(wanted)
    for number, (mine, here) in enumerate(zip(found, wanted, strict=True)):
        for key, value in here.items():
            if mine.get(key) != value:
                what = f"observation field {number}" if key == "name" else f"observation field {here['name']!r}"
                return f"the {key} of its {what}", mine.get(key), value
    return "", None, None


def check_shapes(tensors: dict[str, Tensor], wanted: dict[str, Tensor], path: Path) -> None:
    """Raise `CheckpointError` when a wanted tensor is missing or has another shape or dtype."""
    for name, tensor in wanted.items():
        found = tensors.get(name)
        if found is None:
            raise CheckpointError(f"{path} does not fit: it has no tensor {name!r}.")
        if found.shape != tensor.shape or found.dtype != tensor.dtype:
            raise CheckpointError(
                f"{path} does not fit: {name!r} is {found.dtype} {tuple(found.shape)}, "
                f"here it is {tensor.dtype} {tuple(tensor.shape)}."
            )


def _free_name(folder: Path, steps: int) -> Path:
    """Return a name that sorts behind all checkpoints of this or fewer steps: a second one gets a suffix."""
    target, again = folder / f"{PREFIX}{steps:015d}", 0
    while target.exists():
        again += 1
        target = folder / f"{PREFIX}{steps:015d}.{again:03d}"
    return target


def _remove(path: Path) -> None:
    """Hide a checkpoint before deleting it, so that no half-deleted one is ever listed."""
    hidden = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.replace(hidden)
    except OSError:
        return  # it stays, whole
    shutil.rmtree(hidden, ignore_errors=True)


def _sealed(content: dict[str, Any]) -> bytes:
    """Serialise a manifest together with the checksum of all the rest of it."""
    checksum = hashlib.sha256(_canonical(content)).hexdigest()
    return _canonical(content | {"manifest_sha256": checksum})


def _unsealed(data: bytes, path: Path) -> dict[str, Any]:
    """Parse a manifest and make sure that it is, byte for byte, what was written."""
    try:
        manifest = json.loads(data)
        content = {key: value for key, value in manifest.items() if key != "manifest_sha256"}
        whole = _sealed(content) == data
    except (ValueError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged: it is not readable JSON.") from error
    if not whole:
        raise CheckpointError(f"{path} is damaged: it is not what was written.")
    return content


def _canonical(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=2, sort_keys=True) + "\n").encode()

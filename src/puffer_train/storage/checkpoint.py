"""Checkpoints: everything needed to resume a run.

A checkpoint is a folder `step_STEPS` with two files, `tensors.safetensors` and `manifest.json`. The
manifest says what the tensors belong to and holds their SHA-256 and its own, so that any flipped bit
is noticed. Both files are written in a hidden folder, forced to the disk, and then the folder is renamed: a
checkpoint is complete or not there. Nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from puffer_envs.contract.files import replace, sync_folder, write_durable
from puffer_train.errors import CheckpointError
from puffer_train.storage.checksummed_json import seal, unseal
from puffer_train.storage.files import storing

FORMAT = "puffer-checkpoint-1"
"""Version of this format, in every manifest."""

TENSORS, MANIFEST = "tensors.safetensors", "manifest.json"
"""The two files of a checkpoint."""

PREFIX = "step_"
"""Prefix of the names of checkpoints; the number of agent steps follows."""

NETWORK_SOURCE = "network.py"
"""In a run folder: the source of the user's own network, as it was when the run began."""

CHECKSUM_KEY = "manifest_sha256"
"""Key in the manifest of the checksum of everything else in it."""

CONTENT: dict[str, type] = {"counters": dict, "identity": dict, "seed": int, "settings": dict, "versions": dict}
"""What every manifest holds besides the checksums."""

RUN_AMOUNTS = ("step_scale", "retreats", "seconds")
"""Numbers of at least 0 that its table `run` may hold."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was read and is complete."""

    path: Path
    """Its folder."""
    tensors: dict[str, Tensor]
    """By name, as they were saved."""
    manifest: dict[str, Any]
    """What was saved with them, plus `format` and the checksums."""


def save(
    folder: Path, steps: int, tensors: dict[str, Tensor], manifest: dict[str, Any], kept: int = 3, spread: int = 0
) -> Path:
    """Write a checkpoint into `folder`, remove those that are too many, and return its path.

    Args:
        folder: The folder of checkpoints, made if it is missing.
        steps: Agent steps trained so far; names the checkpoint.
        tensors: What to save, by name.
        manifest: JSON values under the keys of `CONTENT`.
        kept: How many of the newest to keep.
        spread: How many older ones to keep besides: the oldest, and others about evenly spread over the steps.

    Raises:
        CheckpointError: A tensor is not finite. No such checkpoint exists anywhere.
        StorageError: It cannot be written. Earlier checkpoints are untouched.
    """
    bad = _not_finite(tensors)
    if bad is not None:
        raise CheckpointError(f"no checkpoint was written: {bad!r} holds a value that is not finite.")
    data = safetensors.torch.save({name: tensor.detach().contiguous() for name, tensor in tensors.items()})
    sums = {"tensors_bytes": len(data), "tensors_sha256": hashlib.sha256(data).hexdigest()}
    files = {TENSORS: data, MANIFEST: seal({"format": FORMAT, **manifest, **sums}, CHECKSUM_KEY)}
    with storing(f"a checkpoint to {folder}"):
        target = _write(folder, steps, files)
    _prune(target, kept, spread)
    return target


def _write(folder: Path, steps: int, files: dict[str, bytes]) -> Path:
    """Write the files into a hidden folder, force them to the disk, and rename the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for abandoned in folder.glob(f".{PREFIX}*.tmp"):
        shutil.rmtree(abandoned, ignore_errors=True)
    target = _free_name(folder, steps)
    temporary = folder / f".{target.name}.{os.getpid()}.tmp"
    try:
        temporary.mkdir()
        for name, data in files.items():
            write_durable(temporary / name, data)
        sync_folder(temporary)
        replace(temporary, target)
        sync_folder(folder)
    except OSError:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return target


def _prune(newest: Path, kept: int, spread: int) -> None:
    """Remove checkpoints up to the newest, but for the last `kept` and `spread` older ones.

    Those that sort after it were damaged when the run was resumed from an older one, and do not count.
    """
    with suppress(CheckpointError):  # they stay where the folder cannot be read
        paths = [path for path in list_checkpoints(newest.parent) if path.name <= newest.name]
        old = paths[: max(0, len(paths) - kept)]
        for path in old if spread == 0 else _crowded([steps_of(path) for path in paths[: len(old) + 1]], old, spread):
            remove(path)


def _crowded(steps: list[int], paths: list[Path], kept: int) -> list[Path]:
    """Return the paths to remove so that `kept` are left, one by one that with the closest neighbours.

    The first stays. steps: those of the paths, and of what follows them.
    """
    steps, paths, crowded = list(steps), list(paths), []
    while len(paths) > kept:
        least = min(range(1, len(paths)), key=lambda i: steps[i + 1] - steps[i - 1], default=0)
        crowded.append(paths.pop(least))
        steps.pop(least)
    return crowded


def steps_of(path: Path) -> int:
    """Return the agent steps in a checkpoint's name; 0 where there are none."""
    number = path.name.removeprefix(PREFIX).partition(".")[0]
    return int(number) if number.isdecimal() else 0


def list_checkpoints(folder: Path) -> list[Path]:
    """Return the checkpoints in `folder`, oldest first; `load` finds out whether they are intact.

    Raises:
        CheckpointError: The folder cannot be read.
    """
    try:
        return sorted(path for path in folder.glob(f"{PREFIX}*") if path.is_dir())
    except OSError as error:
        raise CheckpointError(f"cannot read {folder}: {error.strerror or error}.") from error


def load(path: Path) -> Checkpoint:
    """Read one checkpoint.

    Raises:
        CheckpointError: Anything is missing or changed; the message has the path.
    """
    try:
        sealed = (path / MANIFEST).read_bytes()
        data = (path / TENSORS).read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path} is not a complete checkpoint: {error.strerror}: {error.filename}.") from error
    try:
        manifest = unseal(sealed, CHECKSUM_KEY)
    except ValueError as error:
        raise CheckpointError(f"{path / MANIFEST} is damaged: {error}.") from error
    _check_manifest(manifest, path)
    if len(data) != manifest["tensors_bytes"]:
        raise CheckpointError(f"{path / TENSORS} is damaged: {len(data)} bytes instead of {manifest['tensors_bytes']}.")
    if hashlib.sha256(data).hexdigest() != manifest["tensors_sha256"]:
        raise CheckpointError(f"{path / TENSORS} is damaged: its checksum is not the one in {MANIFEST}.")
    try:
        tensors = safetensors.torch.load(data)
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{path / TENSORS} is not a safetensors file: {error}.") from error
    bad = _not_finite(tensors)
    if bad is not None:
        raise CheckpointError(f"{path} is unusable: {bad!r} holds a value that is not finite.")
    return Checkpoint(path, tensors, manifest)


def _check_manifest(manifest: dict[str, Any], path: Path) -> None:
    """Raise `CheckpointError` for an intact manifest that something else wrote."""
    if manifest.get("format") != FORMAT:
        raise CheckpointError(f"{path} has format {manifest.get('format')!r}; this version reads {FORMAT!r}.")
    for key, kind in (CONTENT | {"tensors_bytes": int, "tensors_sha256": str}).items():
        if not isinstance(manifest.get(key), kind):
            raise CheckpointError(f"{path / MANIFEST} is not the manifest of a checkpoint: it has no valid {key!r}.")
    about = manifest.get("run", {})
    amounts = [manifest.get("ranks", 1), *(about.get(name, 0) for name in RUN_AMOUNTS if isinstance(about, dict))]
    if not isinstance(about, dict) or not all(map(_is_amount, amounts)):
        raise CheckpointError(f"{path / MANIFEST} is not the manifest of a checkpoint: it has no valid 'run'.")


def _is_amount(value: object) -> bool:
    """Whether something is a number that a manifest may count or time something with."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1 << 63


def load_latest(folder: Path, warn: Callable[[str], None]) -> Checkpoint:
    """Read the newest intact checkpoint; report every damaged newer one through `warn`.

    Raises:
        CheckpointError: There is none. Training never starts from scratch by itself.
    """
    candidates = list_checkpoints(folder)
    for number, path in reversed(list(enumerate(candidates))):
        try:
            return load(path)
        except CheckpointError as error:
            warn(f"{error} Falling back to the checkpoint before it." if number else str(error))
    match len(candidates):
        case 0:
            found = "it holds no checkpoint"
        case 1:
            found = "its only checkpoint is damaged"
        case many:
            found = f"none of its {many} checkpoints is intact"
    raise CheckpointError(f"cannot resume from {folder}: {found}.")


def check_identity(found: dict[str, Any], wanted: dict[str, Any], path: Path) -> None:
    """Compare what a file was made for with what it is used for.

    Raises:
        CheckpointError: They differ; the message names the first difference.
    """
    for key, value in wanted.items():
        if key == "environment_settings":
            continue  # `check_settings` knows which may differ
        if key == "observation_fields":
            difference = _field_difference(found.get(key), value)
        elif key == "opponents" and found.get(key) != value:
            raise CheckpointError(
                f"{path} was trained against other opponents: --selfplay.opponents must be as before."
            )
        elif key == "network":
            difference = _network_difference(found.get(key), value, path)
        else:
            difference = (f"its {key.replace('_', ' ')}", found.get(key), value)
        if difference[1] != difference[2]:
            raise CheckpointError(
                f"{path} does not fit: {difference[0]} is {difference[1]!r}, here it is {difference[2]!r}."
            )


def check_settings(found: dict[str, Any], wanted: dict[str, Any], changed: set[str], path: Path) -> None:
    """Compare the environment's settings; those in `changed` may differ.

    Raises:
        CheckpointError: Another one differs; the message names it.
    """
    mine, here = (identity.get("environment_settings") for identity in (found, wanted))
    mine, here = (settings if isinstance(settings, dict) else {} for settings in (mine, here))
    for key in sorted(mine.keys() | here.keys()):
        if key not in changed and mine.get(key) != here.get(key):
            raise CheckpointError(
                f"{path} does not fit: its setting env.{key} is {mine.get(key)!r}, here it is {here.get(key)!r}. "
                f"Give --env.{key.replace('_', '-')} to choose one."
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


def _network_difference(found: Any, wanted: dict[str, Any], path: Path) -> tuple[str, Any, Any]:
    """Return what to compare of two networks of the user's own. Raises `CheckpointError` where the source differs."""
    if not isinstance(found, dict) or found.get("name") != wanted["name"]:
        return "its network", found.get("name") if isinstance(found, dict) else None, wanted["name"]
    if found.get("sha256") != wanted["sha256"]:
        raise CheckpointError(
            f"{path} was trained with another version of {wanted['name']!r}: its source has changed. Undo that (the "
            f"run folder has the old source in {NETWORK_SOURCE}), or train a new run."
        )
    for key, value in wanted.items():
        if found.get(key) != value:
            return f"the {key.replace('_', ' ')} of its network", found.get(key), value
    return "", None, None


def check_counters(counters: dict[str, Any], wanted: dict[str, int], path: Path) -> None:
    """Check counters.

    Raises:
        CheckpointError: A wanted one is missing, or is not a whole number of at least 0.
    """
    for name in wanted:
        found = counters.get(name)
        if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found < 1 << 63:
            raise CheckpointError(f"{path} does not fit: its counter {name!r} is {found!r}.")


def check_generators(tensors: dict[str, Tensor], path: Path) -> None:
    """Check the tensors called `generator.NAME`.

    Raises:
        CheckpointError: One is not the state of a random generator.
    """
    for name, tensor in tensors.items():
        if name.startswith("generator."):
            try:
                torch.Generator().set_state(tensor)
            except (RuntimeError, TypeError) as error:
                raise CheckpointError(f"{path} is unusable: {name!r} is not the state of a generator.") from error


def check_shapes(tensors: dict[str, Tensor], wanted: dict[str, Tensor], path: Path) -> None:
    """Check shapes and dtypes.

    Raises:
        CheckpointError: A wanted tensor is missing or differs.
    """
    for name, tensor in wanted.items():
        found = tensors.get(name)
        if found is None:
            raise CheckpointError(f"{path} does not fit: it has no tensor {name!r}.")
        if found.shape != tensor.shape or found.dtype != tensor.dtype:
            raise CheckpointError(
                f"{path} does not fit: {name!r} is {found.dtype} {tuple(found.shape)}, "
                f"here it is {tensor.dtype} {tuple(tensor.shape)}."
            )


def _not_finite(tensors: dict[str, Tensor]) -> str | None:
    """Return the name of the first tensor with a NaN or an infinity, None where there is none."""
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            return name
    return None


def _free_name(folder: Path, steps: int) -> Path:
    """Return a name that sorts after all checkpoints of up to `steps` steps: a second one gets a suffix."""
    target, again = folder / f"{PREFIX}{steps:015d}", 0
    while target.exists():
        again += 1
        target = folder / f"{PREFIX}{steps:015d}.{again:03d}"
    return target


def remove(path: Path) -> None:
    """Hide a checkpoint before deleting it, so that no half-deleted one is ever listed."""
    hidden = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        replace(path, hidden)
    except OSError:
        return  # it stays, intact
    shutil.rmtree(hidden, ignore_errors=True)

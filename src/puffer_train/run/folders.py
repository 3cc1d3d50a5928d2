"""The folder of a run: made for a new run, locked while a process works in it, read when the run is resumed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import safetensors.torch

from puffer_train.errors import CheckpointError, ConfigError
from puffer_train.report.loggers import LOGGERS
from puffer_train.report.terminal import lasting_console
from puffer_train.run.state import CHECKPOINTS, CHECKSUM_KEY
from puffer_train.storage import checkpoint
from puffer_train.storage.checksummed_json import unseal
from puffer_train.storage.files import dated_folder, storing
from puffer_train.storage.folder import CONFIG
from puffer_train.storage.lock import LOCK, FolderLock
from puffer_train.system.ranks import Ranks

SAVED_TYPES = {"environment": str, "seed": int, "settings": dict, "log": list, "history": list}
"""Keys that a run is resumed from, and the types of their values."""


@contextmanager
def new_folder(folder: Path | None, name: str) -> Iterator[FolderLock]:
    """Make the folder of a new run and keep other processes out of it; yield its lock.

    Args:
        folder: Where; None for `runs/NAME-TIME`.
        name: The environment's name.

    Raises:
        ConfigError: The folder is not empty.
        StorageError: The folder cannot be made.
    """
    with storing(f"to the run folder {folder or 'in runs'}"):
        chosen = dated_folder(Path("runs"), name) if folder is None else folder
        chosen.mkdir(parents=True, exist_ok=True)
    with FolderLock(chosen) as lock:
        found = {path.name for path in chosen.iterdir()} - {LOCK}
        if CHECKPOINTS in found:
            raise ConfigError(f"{chosen} already holds a run: resume it with --resume {chosen}, or choose another.")
        if found:
            what = "holds a run that saved nothing" if CONFIG in found else "is not empty"
            raise ConfigError(f"{chosen} {what}: choose a new folder for --run-dir, or empty this one.")
        yield lock


@contextmanager
def locked_run(folder: Path) -> Iterator[FolderLock]:
    """Keep other processes out of the folder of a run, and remove the partial files that a killed one left.

    Raises:
        ConfigError: The folder holds no run.
        LockedError: Another process works in it.
    """
    if not (folder / CONFIG).exists() and not (folder / CHECKPOINTS).is_dir():
        raise ConfigError(f"{folder} is not a run folder: it has neither {CONFIG} nor {CHECKPOINTS}.")
    with FolderLock(folder) as lock:
        for path in folder.glob(".*.tmp"):
            path.unlink(missing_ok=True)
        yield lock


def read_run(folder: Path, ranks: Ranks) -> tuple[dict[str, Any], checkpoint.Checkpoint]:
    """Return what `config.json` says of a run, and its newest complete checkpoint.

    Rank 0 reads both and sends them to the others, whose machines need not see the folder.

    Raises:
        CheckpointError: There is no complete checkpoint, or the run cannot be resumed from it.
    """
    saved, found = _read_run(folder) if ranks.leads else ({}, None)
    if ranks.count > 1:
        saved = json.loads(ranks.share(json.dumps(saved).encode() if ranks.leads else None))
    found = share_checkpoint(ranks, found)
    assert found is not None
    return saved, found


def share_checkpoint(ranks: Ranks, found: checkpoint.Checkpoint | None) -> checkpoint.Checkpoint | None:
    """Return what rank 0 found; the others pass None."""
    if ranks.count == 1:
        return found
    about = tensors = None
    if ranks.leads:
        about = json.dumps(None if found is None else [str(found.path), found.manifest]).encode()
        tensors = b"" if found is None else safetensors.torch.save(found.tensors)
    shared = json.loads(ranks.share(about))
    if shared is None:
        return None
    path, manifest = shared
    return checkpoint.Checkpoint(Path(path), safetensors.torch.load(ranks.share(tensors)), manifest)


def _read_run(folder: Path) -> tuple[dict[str, Any], checkpoint.Checkpoint]:
    """Read a run. Where config.json is damaged, the settings come from the checkpoint, which has its own copy."""

    def warn(line: str) -> None:
        lasting_console().print(f"WARNING: {line}", soft_wrap=True, markup=False, highlight=False)

    found = checkpoint.load_latest(folder / CHECKPOINTS, warn)
    manifest = found.manifest
    saved = {"environment": manifest["identity"].get("environment"), **manifest}
    try:
        saved = unseal((folder / CONFIG).read_bytes(), CHECKSUM_KEY)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        warn(f"{folder / CONFIG} is damaged or was edited ({reason}): using the settings in {found.path}.")
    for key, kind in SAVED_TYPES.items():
        if not isinstance(saved.setdefault(key, kind()), kind):
            raise CheckpointError(f"{folder} is not a run folder: its {key} is {str(saved[key])[:60]!r}.")
    if saved["seed"] < 0 or not all(name in LOGGERS for name in map(str, saved["log"])):
        raise CheckpointError(f"{folder} is not a run folder: its seed is {saved['seed']}, its log {saved['log']!r}.")
    return saved, found

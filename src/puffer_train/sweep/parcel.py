"""Run folders as bytes, to send them to another machine: a few files, about 100 kB."""

from __future__ import annotations

import shutil
from pathlib import Path

from puffer_envs.contract.files import write_atomically
from puffer_train.storage.lock import LOCK
from puffer_train.sweep.trial import OUTCOME

Files = dict[str, bytes]
"""What is in a folder, by path."""


def pack(folder: Path) -> Files:
    """Return all files of a run folder, its outcome last."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != LOCK]
    paths.sort(key=lambda path: (path == folder / OUTCOME, path))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def unpack(files: Files, folder: Path) -> None:
    """Replace what a run folder holds. Without the outcome, which is last, it counts as empty."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / OUTCOME).unlink(missing_ok=True)
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != LOCK:
            path.unlink()
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / name, content)

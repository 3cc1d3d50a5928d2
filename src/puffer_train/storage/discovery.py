"""Finding the folders of runs: those below a folder, and the one that a user names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from puffer_envs.contract.names import suggest
from puffer_train.errors import ConfigError
from puffer_train.storage.folder import CONFIG

ROOT = Path("runs")
"""Where runs are looked for unless other folders are named."""

MAX_DEPTH = 4
"""Levels of folders below a named one that are searched: sweeps/NAME/trials/NUMBER/seed-N has so many."""


def find_runs(roots: Iterable[Path]) -> list[Path]:
    """Return the folders of all runs in these folders and below, sorted, each once.

    Raises:
        ConfigError: A folder does not exist.
    """
    found: dict[Path, Path] = {}
    for root in roots:
        if not root.is_dir():
            raise ConfigError(missing(root))
        found |= {folder.resolve(): folder for folder in sorted(_runs_in(root, MAX_DEPTH))}
    return list(found.values())


def missing(path: Path, others: Iterable[str] = ()) -> str:
    """Return a sentence about a folder that does not exist, with the name that may be meant.

    others: Further names that may be meant.
    """
    try:
        near = [other.name for other in path.parent.iterdir() if other.is_dir()]
    except OSError:
        near = []
    hint = suggest(path.name, [*others, *near])
    return f"{path}: there is no such folder.{hint if 'Did you mean' in hint else ''}"


def _runs_in(folder: Path, depth: int) -> Iterator[Path]:
    if (folder / CONFIG).is_file():
        yield folder
        return
    try:
        inside = [Path(entry.path) for entry in os.scandir(folder) if entry.is_dir() and entry.name[0] != "."]
    except OSError:
        return
    for path in inside if depth else []:
        yield from _runs_in(path, depth - 1)


def run_folder(path: Path) -> Path | None:
    """Return the run folder that a policy or a checkpoint is in, None where that is none."""
    return next((folder for folder in path.resolve().parents[:2] if (folder / CONFIG).is_file()), None)


def select(name: str, root: Path = ROOT) -> Path:
    """Return the folder of the run that a user names: a path, or the name of a folder in `root`.

    Raises:
        ConfigError: There is none; the message suggests the nearest.
    """
    for path in (Path(name), root / name):
        if (path / CONFIG).is_file():
            return path
    if Path(name).is_dir():
        raise ConfigError(f"{name} is not a run folder: it has no {CONFIG}.")
    known = [str(path) for path in find_runs([root])] if root.is_dir() else []
    hint = suggest(name, known) if os.sep in name else suggest(name, [Path(path).name for path in known])
    raise ConfigError(f"there is no run {name!r}.{hint or f' `puffer-runs` lists those in {root}.'}")

"""New folders, and errors of the disk as one sentence. Writing is in `puffer_envs.contract.files`."""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from puffer_train.errors import StorageError


@contextmanager
def storing(what: str | Path) -> Iterator[None]:
    """A context for writing `what`: an `OSError` becomes a `StorageError` of one sentence that names it."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"cannot write {what}: {error.strerror or error}.") from error


def read_object(path: Path) -> dict[str, Any]:
    """Return the JSON object that a file holds. Raises OSError, or ValueError for anything else that it may hold."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError("it is not a JSON object")
    return found


def dated_folder(parent: Path, name: str) -> Path:
    """Make a folder that no other process has, named after the environment and the time."""
    fitting = re.sub(r"[^\w.-]+", "-", name)
    dated = parent / f"{fitting}-{time.strftime('%Y%m%d-%H%M%S')}"
    for number in itertools.count(1):
        chosen = dated if number == 1 else dated.with_name(f"{dated.name}_{number}")
        try:
            chosen.mkdir(parents=True)
        except FileExistsError:
            continue
        return chosen
    raise AssertionError

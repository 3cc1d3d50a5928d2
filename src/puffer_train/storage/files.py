"""Errors of the disk as one sentence. The writing itself is in `puffer_envs.contract.files`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from puffer_train.errors import StorageError


@contextmanager
def storing(what: str | Path) -> Iterator[None]:
    """A context for writing `what`: an `OSError` becomes a `StorageError` of one sentence that names it."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"cannot write {what}: {error.strerror or error}.") from error

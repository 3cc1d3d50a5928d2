"""Writing files so that whoever reads them, after a crash too, finds the old or the new one, never a part."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from puffer_train.errors import StorageError


@contextmanager
def storing(what: str | Path) -> Iterator[None]:
    """A context for writing `what`: an `OSError` becomes a `StorageError` of one sentence that names it."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"cannot write {what}: {error.strerror or error}.") from error


def write_durable(path: Path, data: bytes) -> None:
    """Write `data` to a new file and return once it is on the disk."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make renames inside `folder` permanent. Windows cannot sync a folder, and needs no such call."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems know no such thing
            raise
    finally:
        os.close(descriptor)


def replace_durable(path: Path, data: bytes) -> None:
    """Write `data` to `path`, replacing what was there in one step. Raises `OSError`; the old file stays then."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write_durable(temporary, data)
        temporary.replace(path)
    except OSError:
        with suppress(OSError):  # the first error is the one that tells
            temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)

"""Writing files so that a reader, even after a crash, finds the old file or the new one, never a part of one."""

from __future__ import annotations

import errno
import os
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

WINDOWS = sys.platform == "win32"

LOOKS, LOOK_SECONDS = 200, 0.01
"""How often, and at which distance, Windows is asked to rename a file that others may have open."""


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` to `path` and return once it is on the disk; an existing file is replaced in one step.

    The temporary file beside it is called `.NAME.PID.THREAD.tmp`. Only a killed process leaves one behind.

    Raises:
        OSError: it cannot be written; an existing file is unchanged.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        write_durable(temporary, data)
        replace(temporary, path)
    except BaseException:
        with suppress(OSError):  # the first error is the one that matters
            temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def replace(source: Path, target: Path) -> None:
    """Rename a file or folder in one step; a file that has that name already is replaced.

    On Windows that is refused while somebody, such as another command or a virus scanner, has one of them open: it is
    tried for two seconds.

    Raises:
        OSError: It cannot be renamed. Nothing has changed.
    """
    for _ in range(LOOKS - 1 if WINDOWS else 0):
        try:
            source.replace(target)
            return
        except PermissionError:
            time.sleep(LOOK_SECONDS)
    source.replace(target)


def write_durable(path: Path, data: bytes) -> None:
    """Write `data` to a new file and return once it is on the disk. Raises OSError."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make renames inside `folder` permanent. Windows cannot sync a folder, and does not need it."""
    if WINDOWS:
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems cannot sync folders
            raise
    finally:
        os.close(descriptor)

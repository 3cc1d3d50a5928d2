"""Locks on files. The operating system releases them when the process ends, even by SIGKILL or a crash."""

from __future__ import annotations

import errno
import os
import sys
import time
from pathlib import Path
from types import TracebackType

NO_LOCKS_HERE = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP)
"""Errors of file systems without locks, as on some clusters. What is done there is not protected."""

LOOK_SECONDS = 0.02
"""How often a lock is tried that another process has."""

LOCKED_BYTE = 1 << 20
"""The byte that is locked on Windows, where locked bytes cannot be read: far behind the text."""


class Mutex:
    """Keeps other processes out for a moment. A process that dies releases it. A context manager."""

    def __init__(self, path: Path) -> None:
        """path: A file that is made if it is not there, and stays."""
        self._path, self._descriptor = path, -1

    def __enter__(self) -> Mutex:
        """Wait until no other process is inside. Raises OSError."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            while not try_lock(descriptor):
                time.sleep(LOOK_SECONDS)
        except BaseException:  # Ctrl-C, as a rule
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the next one in."""
        os.close(self._descriptor)


if sys.platform == "win32":
    import msvcrt

    def try_lock(descriptor: int) -> bool:
        """Lock an open file until it is closed; False where another process has it."""
        os.lseek(descriptor, LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)
        return True

else:
    import fcntl

    def try_lock(descriptor: int) -> bool:
        """Lock an open file until it is closed; False where another process has it."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno not in NO_LOCKS_HERE:
                raise
        return True

"""One process at a time in a run folder.

The operating system keeps the lock and releases it when the process ends, even by SIGKILL or a crash. The content of
the lock file, who holds it, is only for the message to the next process.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from puffer_envs.contract.locks import LOOK_SECONDS, try_lock
from puffer_train.errors import LockedError, StorageError
from puffer_train.storage.files import storing

LOCK = ".lock"
"""The lock file of a run folder. Left behind, it does no harm."""

PRESENT = ".working-"
"""First part of the names of the files of `Presence`; host and process follow."""

LOOKS = 5
"""How often a lock is tried: `find_holder` has it for microseconds."""


class FolderLock:
    """A context in which this process alone works in `folder`, which must exist.

    Raises:
        LockedError: On entering; another process works there, and the message names it.
        StorageError: On entering; the folder cannot be written to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / LOCK
        self._descriptor = -1

    def __enter__(self) -> FolderLock:
        with storing(f"to the run folder {self.folder}"):
            while not self._open_and_lock():
                pass
            holder = {"pid": os.getpid(), "host": socket.gethostname()}
            os.ftruncate(self._descriptor, 0)
            os.write(self._descriptor, json.dumps(holder).encode())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):  # impossible for an open file on Windows, or in a read-only folder
            if self.in_place():  # else it is the lock of a process that works where our folder was
                self.path.unlink()
        os.close(self._descriptor)

    def in_place(self) -> bool:
        """Return whether the folder is still where it was."""
        return _is_at(self._descriptor, self.path)

    def find(self) -> Path:
        """Return where the folder is now, after it was moved.

        Raises:
            StorageError: It was removed, or this system cannot tell.
        """
        with suppress(OSError):
            path = _path_of(self._descriptor)
            if path is not None and _is_at(self._descriptor, path):
                self.folder, self.path = path.parent, path
                return self.folder
        raise StorageError(f"the run folder {self.folder} was moved or removed while it was in use.")

    def _open_and_lock(self) -> bool:
        """Return whether the locked file is still the one in the folder: its last holder may just have removed it."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if not _try_lock_patiently(descriptor):
                who = _read_holder(descriptor)
                raise LockedError(
                    f"{self.folder} is in use by {who}: wait for it, stop it, or train in another folder."
                )
            if _is_at(descriptor, self.path):
                self._descriptor, descriptor = descriptor, -1
                return True
            return False
        finally:
            if descriptor >= 0:
                os.close(descriptor)


class Presence:
    """Shows others that this process works in a folder, until it calls `end` or dies."""

    def __init__(self, folder: Path) -> None:
        """folder: Where it works."""
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        """No other process has the same, on any machine."""
        self._path = folder / f"{PRESENT}{self.name}"
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        try_lock(self._descriptor)

    def alone(self) -> bool:
        """Return whether nobody else works there now."""
        return not any(_is_locked(path) for path in self._path.parent.glob(f"{PRESENT}*") if path != self._path)

    def lives(self, name: str) -> bool | None:
        """Return whether another process lives, by its `name`; None if it is not in this folder and on this machine."""
        path = self._path.with_name(f"{PRESENT}{name}")
        here = name.startswith(f"{socket.gethostname()}-") and path.exists()
        return _is_locked(path) if here else None

    def end(self) -> None:
        """Leave."""
        os.close(self._descriptor)  # first: Windows removes no open file
        with suppress(OSError):
            self._path.unlink()


def find_holder(folder: Path) -> str | None:
    """Return who works in a folder, `process 12 on HOST`, and None where nobody does. Nothing is written."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDWR)
    except OSError:
        return None
    try:
        return None if try_lock(descriptor) else _read_holder(descriptor)
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _try_lock_patiently(descriptor: int) -> bool:
    """Lock an open file; False where another process keeps it."""
    for _ in range(LOOKS):
        if try_lock(descriptor):
            return True
        time.sleep(LOOK_SECONDS)
    return False


def _is_locked(path: Path) -> bool:
    """Return whether a living process holds a file."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        return not try_lock(descriptor)
    finally:
        os.close(descriptor)


def _read_holder(descriptor: int) -> str:
    """Return who wrote the lock file."""
    try:
        holder = json.loads(os.read(descriptor, 4096))
        return f"process {int(holder['pid'])} on {holder['host']}"
    except (ValueError, KeyError, TypeError, RecursionError):  # it holds the lock but has not written yet
        return "another process"


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except (FileNotFoundError, NotADirectoryError):
        return False


def _path_of(descriptor: int) -> Path | None:
    """Return where an open file is now; None on systems that do not tell."""
    if sys.platform == "linux":
        return Path(f"/proc/self/fd/{descriptor}").readlink()
    if sys.platform == "darwin":
        import fcntl  # noqa: PLC0415

        return Path(os.fsdecode(fcntl.fcntl(descriptor, fcntl.F_GETPATH, bytes(1024)).rstrip(b"\0")))
    return None

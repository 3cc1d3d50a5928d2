"""A disk whose n-th call fails, with any error."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

CALLS = ((Path, "mkdir"), (Path, "replace"), (Path, "open"), (os, "fsync"), (os, "open"))
"""What changes a disk. `Path.open` counts for writing only, and then so does every `write` to what it opened."""


class FailingDisk:
    """Counts the calls that change files below a folder, and lets some of them fail."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls: list[str] = []
        """What was called so far, failing or not."""
        self.first = -1
        """Number of the call that fails; -1 is none."""
        self.last = -1
        """Number of the last one that does."""
        self.error = 0
        """Error number of the failure."""

    def fail(self, first: int, error: int, last: int | None = None) -> None:
        """From now on, calls `first` to `last` (`first` alone if None) counted from here fail."""
        self.calls.clear()
        self.first, self.last, self.error = first, first if last is None else last, error

    def call(self, name: str) -> None:
        """Count one call, or fail in its place."""
        self.calls.append(name)
        if self.first <= len(self.calls) - 1 <= self.last:
            raise OSError(self.error, os.strerror(self.error))

    @contextmanager
    def mounted(self) -> Iterator[FailingDisk]:
        """Watch the calls inside."""
        with pytest.MonkeyPatch.context() as patch:
            for owner, name in CALLS:
                patch.setattr(owner, name, self._watch(owner, name))
            yield self

    def _watch(self, owner: Any, name: str) -> Any:
        original, opens = getattr(owner, name), (owner, name) == (Path, "open")

        def call(*arguments: Any, **options: Any) -> Any:
            mode = str(options.get("mode") or (arguments[1] if len(arguments) > 1 else "r"))
            if (opens and "r" in mode) or not self._is_mine(arguments[0]):
                return original(*arguments, **options)
            self.call(name)
            result = original(*arguments, **options)
            return FailingFile(result, self) if opens else result

        return call

    def _is_mine(self, what: Any) -> bool:
        """Whether a path or a descriptor is below the folder."""
        path = Path(f"/proc/self/fd/{what}").resolve() if isinstance(what, int) else Path(what)
        return path.is_relative_to(self.folder)


class FailingFile:
    """A file whose `write` is on the failing disk: it leaves half of the data when it fails."""

    def __init__(self, file: IO[Any], disk: FailingDisk) -> None:
        self._file, self._disk = file, disk

    def __enter__(self) -> FailingFile:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, data: Any) -> int:
        try:
            self._disk.call("write")
        except OSError:
            self._file.write(data[: len(data) // 2])
            raise
        return self._file.write(data)

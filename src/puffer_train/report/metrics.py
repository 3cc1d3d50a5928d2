"""The run's numbers as JSON, one object per line, for people and programs to read while it runs or after."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from math import inf
from pathlib import Path
from types import TracebackType

from puffer_envs.contract.files import replace, sync_folder
from puffer_train.report.thinning import chosen_lines
from puffer_train.storage.folder import parse_line

MAX_BYTES = 20_000_000
"""Size at which the file is thinned to about half of it."""


class MetricsFile:
    """The logger that every run has: appends to `metrics.jsonl`, whole lines at a time.

    A run that is killed leaves a readable file, and so does a full disk: lines are missing until there is room again.
    Lines hold `steps`, the trainer's report, and `seconds` of training. The file of a long run stays below `max_bytes`:
    the newest lines are all there, older ones are spread evenly over its steps.
    """

    def __init__(
        self,
        path: Path,
        resume_at: int | None = None,
        warn: Callable[[str], None] = lambda line: None,
        *,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        """Open the file; with `resume_at`, lines beyond that many steps are removed, since they will be written again.

        warn: called once when lines can no longer be written. Raises `OSError` when the file cannot be opened.
        """
        self._path, self._warn, self._failing = path, warn, False
        self._max_bytes = self._limit = max_bytes
        if resume_at is not None and path.is_file():
            self._cut(resume_at)
        self._file = path.open("ab", buffering=0)

    def cut(self, steps: int) -> None:
        """Remove the lines beyond that many steps. Raises `OSError`."""
        with self._closed():
            self._cut(steps)

    def _cut(self, steps: int) -> None:
        self._rewrite(lambda number, line: parse_line(line.decode(errors="replace")).get("steps", inf) <= steps)

    def _thin(self) -> None:
        """Leave out so many of the older lines that half of the room is free."""
        kept = chosen_lines(self._path, self._max_bytes // 2)
        with self._closed():
            self._rewrite(lambda number, line: number in kept)

    def _rewrite(self, keep: Callable[[int, bytes], bool]) -> None:
        """Replace the file by those of its lines that are kept, of which it never holds more than one in memory."""
        temporary = self._path.with_name(f".{self._path.name}.{os.getpid()}.tmp")
        try:
            with self._path.open("rb") as before, temporary.open("wb") as after:
                for number, line in enumerate(before):
                    if keep(number, line):
                        after.write(line if line.endswith(b"\n") else line + b"\n")
                after.flush()
                os.fsync(after.fileno())
            replace(temporary, self._path)
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
        sync_folder(self._path.parent)

    @contextmanager
    def _closed(self) -> Iterator[None]:
        """A context in which the file is closed: Windows replaces no open one."""
        self._file.close()
        try:
            yield
        finally:
            self._file = self._path.open("ab", buffering=0)

    def __enter__(self) -> MetricsFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def write(self, steps: int, numbers: Mapping[str, float]) -> None:
        """Add one line. Raises `ValueError` for a number that is not finite, which JSON cannot hold."""
        line = (json.dumps({"steps": steps, **numbers}, allow_nan=False) + "\n").encode()
        end = self._file.seek(0, os.SEEK_END)
        if end + len(line) > self._limit:
            try:
                self._thin()
                self._limit = self._max_bytes
            except OSError:
                self._limit = 2 * end  # there is no room for a copy now
            end = self._file.seek(0, os.SEEK_END)
        try:
            if self._file.write(line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._failing = False
        except OSError as error:
            with suppress(OSError):
                self._file.truncate(end)  # no half line
            if not self._failing:
                self._warn(
                    f"{self._path}: {error.strerror}. Training continues; lines are missing until there is room."
                )
            self._failing = True

    def finish(self, summary: Mapping[str, float]) -> None:
        """Do nothing: `evaluation.json` has the summary."""

    def attach(self, files: Mapping[str, Path]) -> None:
        """Do nothing: the files lie beside this one."""

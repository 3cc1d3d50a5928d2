"""The run's numbers as JSON, one object per line, for people and programs to read while it runs or after."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from puffer_envs.contract.files import write_atomically
from puffer_train.storage.folder import parse_line


class MetricsFile:
    """The logger that every run has: appends to `metrics.jsonl`, whole lines at a time.

    A run that is killed leaves a readable file, and so does a full disk: lines are missing until there is room again.
    Lines hold `steps`, the trainer's report, and `seconds` of training.
    """

    def __init__(
        self, path: Path, resume_at: int | None = None, warn: Callable[[str], None] = lambda line: None
    ) -> None:
        """Open the file; with `resume_at`, lines beyond that many steps are removed, since they will be written again.

        warn: called once when lines can no longer be written. Raises `OSError` when the file cannot be opened.
        """
        self._path, self._warn, self._failing = path, warn, False
        if resume_at is not None and path.is_file():
            self._cut(path, resume_at)
        self._file = path.open("ab", buffering=0)

    def _cut(self, path: Path, resume_at: int) -> None:
        """Keep the whole lines up to `resume_at` steps."""
        kept = []
        for line in path.read_text("utf-8", errors="replace").splitlines():
            numbers = parse_line(line)
            if numbers and numbers["steps"] <= resume_at:
                kept.append(line + "\n")
        write_atomically(path, "".join(kept).encode())

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

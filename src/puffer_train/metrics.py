"""The run's numbers as JSON, one object per line, for people and programs to read while it runs or after."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class MetricsFile:
    """Appends to `metrics.jsonl`, whole lines at a time, so that a killed run leaves a readable file."""

    def __init__(self, path: Path, resume_at: int | None = None) -> None:
        """Open the file; with `resume_at`, lines beyond that many steps go, for they will come again."""
        if resume_at is not None and path.is_file():
            lines = path.read_text("utf-8").splitlines(keepends=True)
            path.write_text("".join(line for line in lines if _steps(line) <= resume_at), "utf-8")
        self._file = path.open("a", encoding="utf-8", buffering=1)

    def write(self, line: dict[str, Any]) -> None:
        """Add one line. Raises `ValueError` for a number that is not finite, which JSON cannot hold."""
        self._file.write(json.dumps(line, allow_nan=False) + "\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _steps(line: str) -> float:
    """Return how far the run was at a line; a half-written one counts as far beyond."""
    try:
        return float(json.loads(line)["steps"])
    except (ValueError, KeyError, TypeError):
        return float("inf")

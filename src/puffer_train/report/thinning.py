"""Which lines of a long `metrics.jsonl` to keep, so that it stays a good curve."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from puffer_train.storage.folder import NUM_NEWEST, main_statistic, parse_line

MAX_EVALUATIONS = 1000
"""So many lines with results of evaluations are kept without counting."""


@dataclass(frozen=True)
class Line:
    """What matters of a line."""

    number: int
    """Counted from 0."""
    size: int
    """Bytes."""
    steps: float
    score: float
    """Its main statistic, or minus infinity."""
    evaluated: bool
    """Whether it has results of an evaluation."""


def chosen_lines(path: Path, max_bytes: int) -> set[int]:
    """Return the numbers of the lines to keep.

    The newest ones, in up to half of the bytes; the first; the one with the best score; evaluations; and of the others
    so many as fit, evenly spread over the steps.

    Args:
        path: The file.
        max_bytes: What the lines may take together, more or less.

    Raises:
        OSError: The file cannot be read.
    """
    lines = list(_read(path))
    if not lines:
        return set()
    split, newest_bytes = len(lines), 0
    while split > max(0, len(lines) - NUM_NEWEST) and newest_bytes + lines[split - 1].size <= max_bytes // 2:
        split -= 1
        newest_bytes += lines[split].size
    old = lines[:split]
    kept = {line.number for line in lines[split:]}
    if not old:
        return kept
    kept |= {old[0].number, max(lines, key=lambda line: line.score).number}
    evaluated = [line.number for line in old if line.evaluated]
    kept |= set(evaluated) if len(evaluated) <= MAX_EVALUATIONS else set()
    mean_size = sum(line.size for line in old) / len(old)
    wanted = max(1, int((max_bytes - newest_bytes) / mean_size))
    return kept | set(_spread(old, wanted))


def _spread(lines: list[Line], wanted: int) -> Iterable[int]:
    """Yield the numbers of at most `wanted` lines, one for each of as many equal stretches of steps."""
    first, stretch = lines[0].steps, (lines[-1].steps - lines[0].steps) / wanted
    due = first
    for line in lines:
        if line.steps >= due:
            yield line.number
            due = first + ((line.steps - first) // stretch + 1) * stretch if stretch > 0 else line.steps + 1


def _read(path: Path) -> Iterable[Line]:
    with path.open("rb") as file:
        for number, line in enumerate(file):
            numbers = parse_line(line.decode(errors="replace"))
            if not numbers:
                continue
            main = main_statistic({name[4:] for name in numbers if name.startswith("env/")})
            score = numbers.get(f"env/{main}", float("-inf"))
            evaluated = any(name.startswith("evaluation/") for name in numbers)
            yield Line(number, len(line), numbers["steps"], score, evaluated)

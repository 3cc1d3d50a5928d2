"""Reading the folder of a run: for plots, reports, and training that is resumed.

Nothing here needs torch. A run may be in progress, or have been killed in the middle of a line:
complete lines are read.
"""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_train.errors import ConfigError

CONFIG, METRICS, EVALUATION = "config.json", "metrics.jsonl", "evaluation.json"

NEWEST = "newest.safetensors"
"""The policy of a run that is training, replaced every few seconds; of one that was stopped, the last."""

BEST, BEST_SCORE = "best.safetensors", "best.json"
"""The best policy at a checkpoint, and its score there."""

MAX_NUMBERS, MIN_COLUMNS = 1 << 26, 64
"""Numbers of `metrics.jsonl` that are read, and names that always are: with a new name in every line, the columns would
fill the memory."""

NUM_NEWEST = 10_000
"""Lines at the end of `metrics.jsonl` that are never thinned."""

MAX_NUMBER = 1 << 62
"""More steps or seconds than any process can work on a run."""

PART = {"command", "started", "seconds", "from_steps", "to_steps", "ended"}
"""Keys of each entry of `history` in config.json: one entry per process that worked on the run."""


def read_config(folder: Path) -> dict[str, Any]:
    """Return what `config.json` of a run holds. Raises `ConfigError` if the folder is not a run."""
    try:
        saved: dict[str, Any] = json.loads((folder / CONFIG).read_text("utf-8"))
        kinds = {"environment": str, "settings": dict, "log": list, "history": list}
        if all(isinstance(saved[key], kind) for key, kind in kinds.items()) and _are_settings(saved["settings"]):
            int(saved["seed"])
            saved["history"] = [part for part in saved["history"] if _is_part(part)]
            return saved
    except (OSError, ValueError, KeyError, TypeError, RecursionError, AttributeError):
        pass
    raise ConfigError(f"{folder} is not a run folder: it has no readable config.json.")


def _are_settings(tables: dict[str, Any]) -> bool:
    """Whether these are tables of settings, with numbers for what the length of a run hangs on."""
    numbers = [tables.get("train", {}).get(name, 0) for name in ("steps", "max_seconds")]
    return all(isinstance(table, dict) for table in tables.values()) and all(map(_is_number, numbers))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and 0 <= value <= MAX_NUMBER


def _is_part(part: object) -> bool:
    """Whether it is an entry of `history`: what was written by hand may be anything."""
    if not isinstance(part, dict) or not part.keys() >= PART:
        return False
    numbers = (part["seconds"], part["from_steps"], part["to_steps"])
    return all(map(_is_number, numbers))


def read_evaluation(folder: Path) -> dict[str, Any] | None:
    """Return what `evaluation.json` of a run holds, None where it was not evaluated (yet)."""
    try:
        found = json.loads((folder / EVALUATION).read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def read_metrics(folder: Path) -> dict[str, NDArray[np.float64]]:
    """Return the columns of `metrics.jsonl` by name, each as long as there are whole lines.

    NaN where a line lacks a number, such as the score of an iteration in which no episode ended.
    """
    try:
        text = (folder / METRICS).read_text("utf-8", errors="replace")
    except OSError:
        return {}
    lines = [line for line in map(parse_line, text.splitlines()) if line]
    names = list(dict.fromkeys(name for line in lines for name in line))
    most = max(MIN_COLUMNS, MAX_NUMBERS // max(len(lines), 1))
    columns = {name: np.full(len(lines), np.nan) for name in names[:most]}
    for number, line in enumerate(lines):
        for name, value in line.items():
            if name in columns:
                columns[name][number] = value
    return columns


def newest_lines(folder: Path) -> list[dict[str, float]]:
    """Return the last lines of `metrics.jsonl`, at most `NUM_NEWEST`; fewer where some are damaged."""
    try:
        with (folder / METRICS).open("rb") as file:
            lines = deque(file, maxlen=NUM_NEWEST)
    except OSError:
        return []
    return [numbers for line in lines if (numbers := parse_line(line.decode(errors="replace")))]


def continuing(train: Mapping[str, Any], done: int) -> list[str]:
    """Return options with which a run that reached its end is trained twice as long.

    Args:
        train: Its settings of [train].
        done: Agent steps trained.
    """
    words = ["--stop-when", ""] if train.get("stop_when") else []
    steps, seconds = train["steps"], train.get("max_seconds", 0)
    if done < steps:
        return words + (["--max-seconds", f"{2 * seconds:g}"] if seconds else [])
    return [*words, "--steps", str(2 * (steps if steps > done // 2 else done))]


def parse_line(line: str) -> dict[str, float]:
    """Return the numbers of one line of `metrics.jsonl`, `{}` for a line that is incomplete or has no valid steps."""
    try:
        found = json.loads(line)
        numbers = {key: float(value) for key, value in found.items() if isinstance(value, (int, float))}
    except (ValueError, AttributeError, OverflowError, RecursionError):
        return {}
    return numbers if 0 <= numbers.get("steps", -1) < math.inf else {}


def main_statistic(names: list[str] | set[str]) -> str | None:
    """Return the episode statistic to look at first among those with these names, None where there is none."""
    return next((name for name in ("score", "episode_return") if name in names), None)

"""One HTML page of many runs that needs no server and loads nothing: `page.html` with the runs in it as JSON.

The page draws and computes everything itself, so that what it shows follows its filter. Here its data are made: what
is known of each run at a glance, and its curves, thinned and packed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from puffer_train.report.curves import PREFIX, Numbers, is_early, read_columns, title
from puffer_train.report.run_table import run_name
from puffer_train.storage.folder import main_statistic
from puffer_train.storage.identity import differing, facts, is_known
from puffer_train.storage.summary import Summary

TEMPLATE = Path(__file__).with_name("page.html")

SLOT = "{{DATA}}"
"""Where the data go in the template."""

MAX_POINTS, MIN_POINTS = 150, 30
"""Of a curve."""

MAX_CURVES = 10_000_000
"""Characters that all curves may take together: with more runs or statistics, curves have fewer points."""

ALPHABET = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", np.uint8)

DIGITS = 3
"""Characters of a number: it is one of 2^18 - 1 steps between the least and the greatest of its curve."""

ABSENT = len(ALPHABET) ** DIGITS - 1
"""Stands for a number that a line does not have."""


def make_page(summaries: Sequence[Summary], sweeps: Sequence[Mapping[str, Any]] = ()) -> str:
    """Return the page of these runs.

    Args:
        summaries: The runs.
        sweeps: Their sweeps, as JSON: `name`, `unit` of the costs, `metric`, and `points` with `run`, `trial`, `cost`,
            `score`, and whether they are on the `front`.
    """
    content = json.dumps(page_data(summaries) | {"sweeps": sweeps}, separators=(",", ":"), allow_nan=False)
    return TEMPLATE.read_text("utf-8").replace(SLOT, content.replace("<", "\\u003c"))


def page_data(summaries: Sequence[Summary]) -> dict[str, Any]:
    """Return what the page knows, as JSON values.

    `common` holds, by environment, the facts in which its runs agree; each run has only the others. Runs of the same
    `training` differ in their seeds at most.
    """
    every = [facts(summary.config) for summary in summaries]
    environments = [known["environment"] for known in every]
    common: dict[str, dict[str, Any]] = {}
    for name in dict.fromkeys(environments):
        of_it = [known for known in every if known["environment"] == name]
        varied = differing(of_it)
        common[name] = {key: value for key, value in of_it[0].items() if key not in varied and key != "environment"}
    trainings: dict[str, int] = {}
    points = _points(summaries)
    runs = []
    for summary, known in zip(summaries, every, strict=True):
        key = repr((sorted(known.items()), None if is_known(summary.config) else str(summary.folder)))
        own = {k: v for k, v in known.items() if k not in common[known["environment"]] and k != "environment"}
        run = _at_a_glance(summary) | {"facts": own, "training": trainings.setdefault(key, len(trainings))}
        runs.append(run | {"curves": packed_curves(read_columns(summary.folder), points)})
    return {"made": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", "common": common, "runs": runs}


def _points(summaries: Sequence[Summary]) -> int:
    """Return how many points a curve may have."""
    curves = sum(len(summary.newest) + 1 for summary in summaries)
    return max(MIN_POINTS, min(MAX_POINTS, MAX_CURVES // (DIGITS * max(1, curves))))


def _at_a_glance(summary: Summary) -> dict[str, Any]:
    known = summary.values
    keys = ("env", "seed", "status", "steps", "goal", "started", "note")
    return {
        "run": run_name(summary),
        **{key: known[key] for key in keys},
        **summary.swept,
        "seconds": _rounded(known["seconds"]),
        "rate": _rounded(known["rate"]),
        "tag": ", ".join(summary.labels.tags),
        "main": main_statistic({*summary.trained, *summary.evaluated}),
        "early": is_early(summary.config, summary.steps, summary.holder is not None),
        "evaluated": {name: _rounded(value) for name, value in summary.evaluated.items()},
        "trained": {name: _rounded(value) for name, value in summary.trained.items() if name != "updates"},
    }


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")


# --- curves ---


def packed_curves(columns: Mapping[str, Numbers], points: int) -> dict[str, list[Any]]:
    """Return each column of metrics, thinned and packed, by the name that people use."""
    return {title(name): pack(column) for name, column in thinned(columns, points).items()}


def thinned(columns: Mapping[str, Numbers], points: int) -> dict[str, Numbers]:
    """Return columns with at most `points` rows: means over equal stretches of steps, each row with its mean steps.

    Statistics of episodes are weighted by the number of episodes, `env/n`, as `puffer-plot` does.
    """
    steps = columns.get("steps", np.empty(0))
    if len(steps) <= points:
        return dict(columns)
    stretches = np.linspace(steps.min(), steps.max(), points + 1)[1:-1]
    _, rows = np.unique(np.searchsorted(stretches, steps, side="left"), return_inverse=True)
    episodes = np.nan_to_num(columns.get(f"{PREFIX}n", np.ones(len(steps))))
    means = {}
    for name, column in columns.items():
        weight = np.isfinite(column) * (episodes if name.startswith(PREFIX) and name != f"{PREFIX}n" else 1.0)
        total = np.bincount(rows, weight)
        with np.errstate(invalid="ignore", divide="ignore"):
            means[name] = np.bincount(rows, weight * np.nan_to_num(column)) / total
    return means


def pack(numbers: Numbers) -> list[Any]:
    """Return the least and the greatest of some numbers, and each between these as three characters of `ALPHABET`.

    numbers: (N,); NaN where there is none.
    """
    there = np.isfinite(numbers)
    low, high = (float(numbers[there].min()), float(numbers[there].max())) if there.any() else (0.0, 0.0)
    scaled = (np.where(there, numbers, low) - low) / (high - low if high > low else 1.0)
    codes = np.where(there, np.rint(scaled * (ABSENT - 1)), ABSENT).astype(np.int64)
    digits = np.stack([codes >> 12, codes >> 6 & 63, codes & 63], axis=1)
    return [low, high, ALPHABET[digits].tobytes().decode()]


def unpack(packed: Sequence[Any]) -> Numbers:
    """Return what `pack` packed, as the page does."""
    low, high, text = packed
    places = {int(character): place for place, character in enumerate(ALPHABET)}
    digits = np.array([places[character] for character in text.encode()], np.int64).reshape(-1, DIGITS)
    codes = digits @ np.array([4096, 64, 1])
    return np.where(codes == ABSENT, np.nan, low + (high - low) * codes / (ABSENT - 1))

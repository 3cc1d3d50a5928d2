"""Runs as a table, a line each: for people in a terminal, in full for pipes, or as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from puffer_train.report.formatting import clock, short
from puffer_train.report.run_filter import ABSENT, lookup
from puffer_train.storage.discovery import ROOT
from puffer_train.storage.identity import written
from puffer_train.storage.summary import FINISHED, Summary

COLUMNS = ("run", "env", "seed", "status", "steps", "seconds", "rate", "score", "perf", "started", "tag", "note")
"""Shown unless others are asked for; those that no run has a value for are left out."""

HEADS = {"seconds": "time", "rate": "steps/s", "tag": "tags"}

STYLES = {"live": "bold cyan", "finished": "green", "interrupted": "yellow", "failed": "red", "crashed": "red"}

ESTIMATE = "~"
"""Before a statistic that comes from training: it was not evaluated."""

WIDE = 1000
"""Columns of a table that goes to a file or a pipe: nothing is cut."""


def run_name(summary: Summary) -> str:
    """Return what a run is called here: its path, without the folder where runs are looked for anyway."""
    inside = summary.folder.is_relative_to(ROOT) and summary.folder != ROOT
    return str(summary.folder.relative_to(ROOT) if inside else summary.folder)


def columns_of(summaries: Sequence[Summary], wanted: str | None) -> list[str]:
    """Return the columns to show: those that are asked for, `a,b`, or with `+a,b` in addition to the usual ones.

    Raises:
        ConfigError: No run has a value of that name.
    """
    usual = [name for name in COLUMNS if any(summary.values.get(name) for summary in summaries)]
    if wanted is None:
        return usual
    names = [name.strip() for name in wanted.lstrip("+").split(",")]
    for name in names:
        lookup(name, summaries)
    return [*usual, *(name for name in names if name not in usual)] if wanted.startswith("+") else names


def print_table(summaries: Sequence[Summary], columns: Sequence[str], console: Console) -> None:
    """Print the runs, and how to read what is not plain."""
    if not console.is_terminal:
        console = Console(file=console.file, width=WIDE)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", show_edge=False)
    readers = {name: _reader(name, summaries) for name in columns}
    for name in columns:
        numeric = all(isinstance(readers[name](s), (int, float)) or readers[name](s) is ABSENT for s in summaries)
        wraps = name == "note"
        table.add_column(HEADS.get(name, name), justify="right" if numeric else "left", no_wrap=not wraps)
    cells = [[_cell(name, readers[name](summary), summary) for name in columns] for summary in summaries]
    for row in cells:
        table.add_row(*row)
    console.print(table)
    if any(cell.plain.startswith(ESTIMATE) for row in cells for cell in row):
        console.print(Text(f"{ESTIMATE} from training, not evaluated", style="dim"))


def _reader(name: str, summaries: Sequence[Summary]) -> Callable[[Summary], Any]:
    return run_name if name == "run" else lookup(name, summaries)


def _cell(name: str, value: Any, summary: Summary) -> Text:
    if value is ABSENT:
        return Text("-", style="dim")
    if name == "status":
        return Text(value, style=STYLES.get(value, ""))
    if name == "steps":
        return Text(steps_of(summary))
    if name in summary.trained and name not in summary.evaluated:
        return Text(f"{ESTIMATE}{value:.4g}")
    return Text(show(name, value))


def steps_of(summary: Summary) -> str:
    """Return how far a run is: `20M`, or `1.2M of 20M` for one that has not reached its end."""
    done = short(summary.steps)
    reached = summary.status == FINISHED or summary.steps >= summary.goal
    return done if reached else f"{done} of {short(summary.goal)}"


def show(name: str, value: Any) -> str:
    """Return a value as a table shows it."""
    if name == "seconds":
        return clock(value)
    if name in ("steps", "goal", "rate"):
        return short(value)
    if name == "progress":
        return f"{value:.0%}"
    if name == "started":
        return str(value)[:16]
    if isinstance(value, list):
        return ", ".join(value)
    return f"{value:.4g}" if isinstance(value, float) else written(value)


def as_json(summaries: Sequence[Summary]) -> str:
    """Return the runs as a JSON list of objects, with everything that they can be filtered by."""
    return json.dumps([summary.values for summary in summaries], indent=2)

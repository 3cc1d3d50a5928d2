"""Runs as a table, a line each: for people in a terminal, in full for pipes, or as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from puffer_train.report.formatting import clock, counted, short
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

LEFT_OUT_FIRST = ("started", "rate", "seconds", "seed", "perf", "env")
"""Where a terminal is too narrow for the usual columns, these are left out, in this order."""

GAP = 2
"""Spaces between columns."""

MIN_NOTE = 16
"""Columns that a note needs: it is wrapped."""

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


def print_table(summaries: Sequence[Summary], columns: str | None, console: Console, limit: int | None = None) -> None:
    """Print runs, how to read what is not plain, and how many are left out.

    Args:
        summaries: The runs.
        columns: As for `columns_of`. Of the usual ones, as many as fit are shown.
        console: Where.
        limit: Print this many at most.
    """
    if not console.is_terminal:
        console = Console(file=console.file, width=WIDE)
    readers = {name: _reader(name, summaries) for name in columns_of(summaries, columns)}
    shown = summaries[:limit]
    cells = {name: [_cell(name, read(summary), summary) for summary in shown] for name, read in readers.items()}
    for name in LEFT_OUT_FIRST:
        if sum(_width(name, of) + GAP for name, of in cells.items()) - GAP > console.width:
            cells.pop(name, None)
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold", show_edge=False)
    for name in cells:
        numeric = all(isinstance(readers[name](s), (int, float)) or readers[name](s) is ABSENT for s in shown)
        table.add_column(HEADS.get(name, name), justify="right" if numeric else "left", no_wrap=name != "note")
    for row in zip(*cells.values(), strict=True):
        table.add_row(*row)
    console.print(table)
    if any(cell.plain.startswith(ESTIMATE) for of in cells.values() for cell in of):
        console.print(Text(f"{ESTIMATE} from training, not evaluated", style="dim"))
    if len(shown) < len(summaries):
        console.print(Text(f"and {counted(len(summaries) - len(shown), 'more run')}", style="dim"))


def _width(name: str, cells: Sequence[Text]) -> int:
    """Return the characters that a column needs."""
    widest = max(cell.cell_len for cell in cells)
    return max(len(HEADS.get(name, name)), min(widest, MIN_NOTE) if name == "note" else widest)


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

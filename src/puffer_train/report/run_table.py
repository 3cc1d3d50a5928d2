"""Runs as a table, a line each: for people in a terminal, in full for pipes, or as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from puffer_train.report.formatting import clock, counted, short
from puffer_train.report.run_filter import ABSENT, lookup, value_names
from puffer_train.storage.discovery import ROOT
from puffer_train.storage.identity import written
from puffer_train.storage.summary import FINISHED, Summary

COLUMNS = (
    *("run", "env", "seed", "status", "steps", "seconds", "rate", "score", "perf", "cost", "front"),
    *("started", "tag", "note"),
)
"""Shown unless others are asked for; those that no run has a value for are left out."""

HEADS = {"seconds": "time", "rate": "steps/s", "tag": "tags"}

STYLES = {"live": "bold cyan", "finished": "green", "interrupted": "yellow", "failed": "red", "crashed": "red"}

ESTIMATE = "~"
"""Before a statistic that comes from training: it was not evaluated."""

LEFT_OUT_FIRST = ("started", "rate", "seconds", "seed", "perf", "env")
"""Where a terminal is too narrow for the usual columns, these are left out, in this order."""

GAP = "  "
"""Between columns."""

MIN_NOTE = 16
"""Characters of a note that are shown at least; the last column is cut where a terminal ends."""

NUMBER = re.compile(r"[~-]?[\d.,:]*(?:e[+-]?\d+)?[kMG%]?(?: of [\d.]+[kMG]?)?")
"""What a column of numbers holds; such columns end on the right. Also a dash, which stands for nothing."""

Cell = tuple[str, str]
"""Text and its style."""

WIDE = 1000
"""Columns of a table that goes to a file or a pipe: nothing is cut."""


def run_name(summary: Summary) -> str:
    """Return what a run is called here: its path, without the folder where runs are looked for anyway."""
    inside = summary.folder.is_relative_to(ROOT) and summary.folder != ROOT
    return str(summary.folder.relative_to(ROOT) if inside else summary.folder)


def columns_of(summaries: Sequence[Summary], wanted: str | None, known: Sequence[str]) -> list[str]:
    """Return the columns to show.

    Args:
        summaries: The runs.
        wanted: Those that are asked for, `a,b`, or with `+a,b` in addition to the usual ones; None for the usual ones.
        known: The names of all values.

    Raises:
        ConfigError: No run has a value of that name.
    """
    usual = [name for name in COLUMNS if any(summary.values.get(name) for summary in summaries)]
    if wanted is None:
        return usual
    names = [name.strip() for name in wanted.lstrip("+").split(",")]
    for name in names:
        lookup(name, known)
    return [*usual, *(name for name in names if name not in usual)] if wanted.startswith("+") else names


def print_table(summaries: Sequence[Summary], columns: str | None, console: Console, limit: int | None = None) -> None:
    """Print runs, how to read what is not plain, and how many are left out.

    Args:
        summaries: The runs.
        columns: As for `columns_of`. Of the usual ones, as many as fit are shown.
        console: Where.
        limit: Print this many at most.
    """
    width = console.width if console.is_terminal else WIDE
    known, shown = value_names(summaries), summaries[:limit]
    cells: dict[str, list[Cell]] = {}
    for name in columns_of(summaries, columns, known):
        read = run_name if name == "run" else lookup(name, known)
        cells[name] = [_cell(name, read(summary), summary) for summary in shown]
    widths = {name: max(len(HEADS.get(name, name)), *(len(text) for text, _ in of)) for name, of in cells.items()}
    needed = widths | ({"note": MIN_NOTE} if "note" in widths else {})
    for name in LEFT_OUT_FIRST:
        if sum(needed[name] + len(GAP) for name in cells) - len(GAP) > width:
            cells.pop(name, None)
    console.print(_laid_out(cells, widths, width), soft_wrap=True)
    if any(text.startswith(ESTIMATE) for of in cells.values() for text, _ in of):
        console.print(Text(f"{ESTIMATE} from training, not evaluated", style="dim"))
    if len(shown) < len(summaries):
        console.print(Text(f"and {counted(len(summaries) - len(shown), 'more run')}", style="dim"))


def _laid_out(cells: dict[str, list[Cell]], widths: dict[str, int], width: int) -> Text:
    """Return the table as text: Rich's own tables take seconds for a thousand lines."""
    heads: list[Cell] = [(HEADS.get(name, name), "bold") for name in cells]
    right = [all(NUMBER.fullmatch(text) for text, _ in of) for of in cells.values()]
    places = [widths[name] for name in cells]
    table = Text()
    for row in [heads, *zip(*cells.values(), strict=True)]:
        line = Text()
        for (text, style), place, to_right in zip(row, places, right, strict=True):
            room = max(0, width - len(line))
            shown = (text.rjust(place) if to_right else text.ljust(place))[:room]
            line.append(shown, style).append(GAP)
        line.rstrip()
        table.append(line).append("\n")
    return table[:-1]


def _cell(name: str, value: Any, summary: Summary) -> Cell:
    if value is ABSENT:
        return "-", "dim"
    if name == "status":
        return value, STYLES.get(value, "")
    if name == "steps":
        return steps_of(summary), ""
    if name in summary.trained and name not in summary.evaluated:
        return f"{ESTIMATE}{value:.4g}", ""
    return show(name, value), ""


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

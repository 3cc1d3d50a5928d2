"""All runs that are training now, redrawn every few seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from puffer_train.report.formatting import clock, counted, short
from puffer_train.report.run_table import run_name
from puffer_train.storage.folder import main_statistic
from puffer_train.storage.summary import Summary

BAR_COLUMNS = 16


def draw(summaries: Sequence[Summary], bars: bool = True) -> Table:
    """Return a table of live runs: progress, speed, newest score, time left."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("run", no_wrap=True, overflow="ellipsis")
    table.add_column("env", no_wrap=True)
    for head in ("seed", "steps", *([""] if bars else []), "steps/s", "score", "perf", "left"):
        table.add_column(head, justify="right" if head else "left", no_wrap=True)
    for summary in summaries:
        done = min(1.0, summary.values["progress"])
        bar = [ProgressBar(total=1.0, completed=done, width=BAR_COLUMNS, complete_style="cyan")] if bars else []
        table.add_row(
            run_name(summary),
            summary.config["environment"],
            str(summary.config["seed"]),
            f"{short(summary.steps)} of {short(summary.goal)}",
            *bar,
            short(summary.rate),
            _statistic(summary, main_statistic(set(summary.trained))),
            _statistic(summary, "perf"),
            clock(summary.remaining),
        )
    return table


def _statistic(summary: Summary, name: str | None) -> str:
    value = summary.trained.get(name or "")
    return "-" if value is None else f"{value:.4g}"


def watch(read: Callable[[], list[Summary]], console: Console, every: float) -> None:
    """Show the live runs until none is left.

    Args:
        read: Reads the live runs.
        console: A terminal.
        every: Seconds between two pictures.
    """
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as picture:
        while live := read():
            footer = Text(f"{counted(len(live), 'live run')}; Ctrl-C stops watching, not the training", style="dim")
            picture.update(Group(draw(live), footer), refresh=True)
            time.sleep(every)

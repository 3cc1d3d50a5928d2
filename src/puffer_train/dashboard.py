"""Showing how training goes: a live picture in a terminal, plain lines everywhere else."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

WIDE_ENOUGH = 116
"""Columns from which the tables stand side by side."""

REFRESH_SECONDS, LINE_SECONDS = 0.25, 5.0
"""How often the picture is redrawn, and a line printed."""

RATE_SECONDS = 3.0
"""Length of the window over which steps per second are measured."""

LOSSES = (
    "policy_loss",
    "value_loss",
    "entropy",
    "approx_kl",
    "old_approx_kl",
    "clip_fraction",
    "importance",
    "explained_variance",
    "gradient_norm",
    "learning_rate",
)
"""Shown in this order."""

FIRST_STATISTICS = ("score", "perf", "episode_return", "episode_length", "n")
"""Statistics of the environment that come first; its others follow."""


@dataclass
class Progress:
    """What there is to show."""

    name: str
    """Of the environment."""
    run: str
    """Of the run's folder."""
    total: int
    """Steps to train for."""
    steps: int = 0
    """Steps done."""
    report: dict[str, float] = field(default_factory=dict)
    """The newest value of every number."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Where time went so far, by section."""

    def __post_init__(self) -> None:
        self.started = time.monotonic()
        self._marks = [(self.started, self.steps)]

    def update(self, steps: int, report: dict[str, float], seconds: dict[str, float]) -> None:
        """Take in what one iteration brought."""
        self.steps, self.seconds = steps, seconds
        self.report.update(report)
        now = time.monotonic()
        self._marks.append((now, steps))
        while len(self._marks) > 2 and self._marks[1][0] < now - RATE_SECONDS:
            self._marks.pop(0)

    @property
    def rate(self) -> float:
        """Steps per second lately."""
        (then, before), (now, after) = self._marks[0], self._marks[-1]
        return (after - before) / (now - then) if now > then else 0.0

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    @property
    def left(self) -> float | None:
        """Seconds to go at this rate."""
        return (self.total - self.steps) / self.rate if self.rate > 0 else None

    @property
    def statistics(self) -> dict[str, float]:
        """The environment's statistics, the most telling first."""
        found = {key[4:]: value for key, value in self.report.items() if key.startswith("env/")}
        ordered = [key for key in FIRST_STATISTICS if key in found]
        return {key: found[key] for key in ordered + [key for key in found if key not in ordered]}


class Dashboard:
    """Shows `Progress` until closed; use it as a context manager."""

    def __init__(self, progress: Progress, console: Console | None = None) -> None:
        self.progress = progress
        self.console = console or Console()
        self._drawn = time.monotonic()
        self._live = (
            Live(console=self.console, auto_refresh=False, transient=False) if self.console.is_terminal else None
        )

    def __enter__(self) -> Dashboard:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.refresh(force=True)
        if self._live is not None:
            self._live.stop()

    def say(self, line: str) -> None:
        """Print a line that stays, above the picture."""
        self.console.print(Text(line), soft_wrap=True)

    def refresh(self, force: bool = False) -> None:
        """Show the newest state, unless that was done a moment ago."""
        now = time.monotonic()
        if not force and now - self._drawn < (REFRESH_SECONDS if self._live is not None else LINE_SECONDS):
            return
        self._drawn = now
        if self._live is not None:
            self._live.update(draw(self.progress, self.console.width), refresh=True)
        else:
            self.console.print(Text(line_of(self.progress)), soft_wrap=True)


def line_of(progress: Progress) -> str:
    """Return the state of the run as one line."""
    parts = [
        f"{short(progress.steps)}/{short(progress.total)} steps",
        f"{short(progress.rate)} steps/s",
        f"{clock(progress.left)} left",
    ]
    parts += [f"{key} {value:.4g}" for key, value in list(progress.statistics.items())[:4]]
    parts += [f"{key} {progress.report[key]:.3g}" for key in ("entropy", "value_loss") if key in progress.report]
    if progress.report.get("skipped"):
        parts.append(f"skipped {progress.report['skipped']:.0f}")
    return "  ".join(parts)


def draw(progress: Progress, width: int) -> RenderableType:
    """Return the picture of the run for a terminal of this width."""
    head = Table.grid(expand=True)
    head.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    head.add_column(justify="right", no_wrap=True)
    head.add_row(Text(progress.name, style="bold cyan"), Text(progress.run, style="dim"))

    bar = Table.grid(expand=True, padding=(0, 1))
    bar.add_column(ratio=1)
    bar.add_column(justify="right", no_wrap=True)
    done = progress.steps / progress.total
    bar.add_row(ProgressBar(total=1.0, completed=min(done, 1.0)), f"{min(done, 1.0):.0%}")

    speed = {
        "steps": f"{short(progress.steps)} / {short(progress.total)}",
        "steps/s": short(progress.rate),
        "elapsed": clock(progress.elapsed),
        "left": clock(progress.left),
        "updates": f"{progress.report.get('updates', 0):.0f}",
        "skipped": f"{progress.report.get('skipped', 0):.0f}",
    }
    total = sum(progress.seconds.values()) or 1.0
    slowest = sorted(progress.seconds.items(), key=lambda item: -item[1])
    time_goes = {section: f"{seconds / total:.0%}" for section, seconds in slowest}
    losses = {key.replace("_", " "): f"{progress.report[key]:.4g}" for key in LOSSES if key in progress.report}
    statistics = {key.replace("_", " "): f"{value:.5g}" for key, value in progress.statistics.items()}
    tables = [
        _table("progress", speed),
        _table("time goes to", time_goes),
        _table("losses", losses),
        _table("episodes", statistics),
    ]
    if width >= WIDE_ENOUGH:
        body = Table.grid(expand=True, padding=(0, 2))
        for _ in tables:
            body.add_column(ratio=1)
        body.add_row(*tables)
        arranged: RenderableType = body
    else:
        pairs = Table.grid(expand=True, padding=(0, 1))
        pairs.add_column(ratio=1)
        pairs.add_column(ratio=1)
        pairs.add_row(tables[0], tables[3])
        pairs.add_row(tables[1], tables[2])
        arranged = pairs
    return Panel(Group(head, bar, arranged), border_style="blue")


def _table(title: str, rows: dict[str, str]) -> Table:
    table = Table(box=None, expand=True, show_header=False, title=title, title_style="bold", title_justify="left")
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    table.add_column(justify="right", no_wrap=True)
    for name, value in rows.items():
        table.add_row(Text(name, style="dim"), value)
    return table


def short(number: float) -> str:
    """Return a count with a unit: 1234567 -> 1.23M."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(number) >= size:
            return f"{number / size:.3g}{unit}"
    return f"{number:.0f}"


def clock(seconds: float | None) -> str:
    """Return a duration as people write it: 3:05 or 2:03:05; `-` when unknown."""
    if seconds is None:
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"

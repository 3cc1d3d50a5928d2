"""Show the progress of training: a live picture in a terminal, plain lines everywhere else."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from rich.console import Console, Group, OverflowMethod, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from puffer_envs.contract.files import write_atomically
from puffer_train.report.formatting import clock, short
from puffer_train.report.notebook import cell_picture
from puffer_train.report.picture import render_svg
from puffer_train.report.progress import Progress

WIDE, MIDDLING = 96, 60
"""Columns from which three tables, and two, stand side by side."""

WIDEST = 132
"""The picture is never wider than this many columns, so that names and numbers stay close together."""

FRAME_LINES = 9
"""Lines needed besides the tables, including the one below the picture."""

MIN_ROOM = 8
"""With fewer lines than this there are no tables."""

REFRESH_SECONDS = 0.25
"""How often the picture is redrawn."""

CELL_SECONDS = 1.0
"""How often the picture in a notebook's cell is redrawn."""

LINE_SECONDS, LINE_SHARE = 5.0, 0.02
"""Interval of plain lines; in a long run, another 50th of it."""

PICTURE, PICTURE_COLUMNS = "dashboard.svg", 110
"""The file in a run folder that keeps the last picture, and its width."""

BLOCKS = " ▁▂▃▄▅▆▇█"

# Terminals that support these hide a half-drawn picture; others ignore them.
BEGIN_PICTURE, END_PICTURE = "\x1b[?2026h", "\x1b[?2026l"

NOTEBOOK_VARIABLES = ("JPY_PARENT_PID", "COLAB_RELEASE_TAG", "KAGGLE_KERNEL_RUN_TYPE")
"""Set for what a cell of Jupyter, Colab or Kaggle runs."""


def in_notebook() -> bool:
    """Whether a notebook's cell started this: its terminal cannot redraw a picture in place."""
    return any(name in os.environ for name in NOTEBOOK_VARIABLES)


def redraws(console: Console) -> bool:
    """Whether a picture can be redrawn in place."""
    # FORCE_COLOR makes Rich treat a log file as a terminal, so ask the file itself
    terminal = console.is_terminal and not console.is_dumb_terminal and console.file.isatty()
    return terminal and not in_notebook()


def redraw(live: Live, picture: RenderableType) -> None:
    """Draw a picture in place of the last one, at once."""
    file, knows = live.console.file, not live.console.legacy_windows  # whose console shows them
    file.write(BEGIN_PICTURE if knows else "")
    live.update(picture, refresh=True)
    file.write(END_PICTURE if knows else "")
    file.flush()


class Dashboard:
    """Shows `Progress` until closed; use it as a context manager."""

    def __init__(
        self,
        progress: Progress,
        console: Console | None = None,
        live: bool | None = None,
        folder: Path | None = None,
    ) -> None:
        """Get ready to show `progress`.

        Args:
            progress: What to show.
            console: Where.
            live: Whether to redraw a picture in place; by default where the output is a terminal that can.
            folder: Gets the last picture as `dashboard.svg`; None for no file.
        """
        self.progress, self.folder = progress, folder
        self.console = console or Console()
        self._drawn = time.monotonic()
        if live is None:
            live = redraws(self.console)
        self._live = Live(console=self.console, auto_refresh=False, vertical_overflow="crop") if live else None
        self._cell = None if self.console.quiet else cell_picture()

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
        if self.folder is not None:
            with suppress(OSError):  # a picture is not worth a message, on a disk that is full, say
                write_atomically(self.folder / PICTURE, svg_of(self.progress).encode())

    def say(self, line: str) -> None:
        """Print a permanent line above the picture."""
        self.console.print(Text(line), soft_wrap=True)

    def refresh(self, force: bool = False) -> None:
        """Show the newest state, unless it was shown a moment ago."""
        now = time.monotonic()
        pause = max(LINE_SECONDS, LINE_SHARE * self.progress.elapsed) if self._live is None else REFRESH_SECONDS
        pause = CELL_SECONDS if self._cell is not None else pause
        if not force and now - self._drawn < pause:
            return
        self._drawn = now
        if self._cell is not None:
            self._cell.show(svg_of(self.progress))
            return
        if self._live is None:
            self.console.print(Text(line_of(self.progress)), soft_wrap=True)
            return
        width, height = self.console.size
        picture = draw(self.progress, width, height, self.console.options.ascii_only)
        redraw(self._live, picture)


def line_of(progress: Progress) -> str:
    """Return the state of the run as one line."""
    parts = [
        f"{short(progress.steps)}/{short(progress.total)} steps",
        f"{short(progress.rate)} steps/s",
        f"{clock(progress.left)} left",
    ]
    parts += [f"{key} {value:.4g}" for key, value in list(progress.statistics.items())[:4]]
    words = progress.signs.words
    shown = dict.fromkeys([*(key for key in ("entropy", "value_loss") if key in progress.report), *words])
    parts += [f"{key} {progress.report[key]:.3g} {words.get(key, '')}".rstrip() for key in shown]
    return "  ".join(parts)


def svg_of(progress: Progress) -> str:
    """Return the picture of the run as an SVG file."""
    title = f"puffer-train {progress.name}"
    return render_svg(draw(progress, PICTURE_COLUMNS), PICTURE_COLUMNS, title)


def draw(progress: Progress, width: int, height: int = 50, ascii_only: bool = False) -> RenderableType:
    """Return the picture of the run for a terminal of this many columns and lines."""
    width = min(width, WIDEST)
    parts: list[RenderableType] = [
        _head(progress, ascii_only),
        Text(_counts(progress, width - 4), no_wrap=True),
        _course(progress, width - 4, ascii_only),
    ]
    if height - FRAME_LINES >= MIN_ROOM:
        parts += ["", _tables(progress, width, height - FRAME_LINES, ascii_only)]
    return Panel(Group(*parts), border_style="blue", width=width)


def _head(progress: Progress, ascii_only: bool) -> Table:
    head = Table.grid(expand=True, padding=(0, 1))
    head.add_column(no_wrap=True, overflow=_overflow(ascii_only))
    head.add_column(justify="right", no_wrap=True, overflow=_overflow(ascii_only), ratio=1)
    head.add_row(Text(progress.name, style="bold cyan"), Text(progress.run, style="dim"))
    return head


def _counts(progress: Progress, width: int) -> str:
    """Return how far the run is, how fast, and how long it takes."""
    steps, total, rate = short(progress.steps), short(progress.total), short(progress.rate)
    elapsed, left = clock(progress.elapsed), clock(progress.left)
    parts = [f"{steps} of {total} steps", f"{rate} steps/s", f"{elapsed} elapsed", f"{left} left"]
    detailed = "   ".join([*parts[:2], *filter(None, [progress.real_times]), *parts[2:]])
    texts = [detailed, "   ".join(parts), f"{steps}/{total}  {rate}/s  {left} left"]
    return next((text for text in texts if len(text) <= width), texts[-1])


def _course(progress: Progress, width: int, ascii_only: bool) -> Table:
    """Return the progress bar and, on the same scale below it, the course of the main statistic so far."""
    done = progress.done
    main = progress.main
    value = "" if main is None else f"{_words(main)} {progress.statistics[main]:.5g}"
    right = len(_words(main or "")) + 9  # that of any number, so that the bar keeps its length
    left = max(1, width - right - 2)
    course = Table.grid(padding=(0, 2, 0, 0))
    course.add_column(width=left, no_wrap=True)
    course.add_column(width=right, justify="right", no_wrap=True)
    bar = ProgressBar(total=1.0, completed=done, width=left, complete_style="cyan", finished_style="green")
    course.add_row(bar, f"{done:.0%}")
    upper, lower = ("", "") if ascii_only else sparks(progress.trend, progress.total, left)
    if upper:
        course.add_row(Text(upper, style="green"), "")
    course.add_row(Text(lower, style="green"), Text(value, style="bold"))
    return course


def sparks(trend: list[tuple[int, float]], total: int, width: int) -> tuple[str, str]:
    """Return two lines of blocks, one above the other: the course of a number over `total` steps in `width` columns."""
    columns: list[list[float]] = [[] for _ in range(width)]
    for steps, value in trend:
        columns[min(width - 1, int(steps / total * width))].append(value)
    means = [sum(values) / len(values) if values else None for values in columns]
    known = [mean for mean in means if mean is not None]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)
    upper = lower = ""
    for mean in means:
        level = 0 if mean is None else 1 if high == low else 1 + round((mean - low) / (high - low) * 15)
        upper += BLOCKS[max(0, level - 8)]
        lower += BLOCKS[min(8, level)]
    return upper, lower


def _tables(progress: Progress, width: int, room: int, ascii_only: bool) -> Table:
    """Return the tables of numbers, as many beside each other as fit, with as many rows as there are lines."""
    numbers = {_words(k): Text(f"{v:.5g}") for k, v in progress.statistics.items() if k != progress.main}
    reports = {_words(key): _judged(value, progress.signs.words.get(key)) for key, value in progress.learning.items()}
    seconds = dict(sorted(progress.seconds.items(), key=lambda item: -item[1]))
    sizes = [len(numbers), len(reports), len(seconds)]
    columns = 3 if width >= WIDE else 2 if width >= MIDDLING else 1
    if columns == 3:
        rows = [room - 1] * 3
    elif columns == 2:
        first, last = _shared(room - 3, [sizes[0], sizes[2]])
        rows = [first, room - 1, last]
    else:
        rows = _shared(room - 5, sizes)
    episodes = _table("episodes", numbers, rows[0], ascii_only)
    learning = _table("learning", reports, rows[1], ascii_only)
    time_goes = _time_table(seconds, rows[2], width // columns, ascii_only)
    side_by_side: dict[int, list[list[RenderableType]]] = {
        3: [[episodes], [learning], [time_goes]],
        2: [[episodes, "", time_goes], [learning]],
        1: [[episodes, "", learning, "", time_goes]],
    }
    grid = Table.grid(expand=True, padding=(0, 4, 0, 0), pad_edge=False)
    for _ in range(columns):
        grid.add_column(ratio=1)
    grid.add_row(*(Group(*column) for column in side_by_side[columns]))
    return grid


def _shared(room: int, wanted: list[int]) -> list[int]:
    """Distribute lines among tables that want a number of lines each, one at a time."""
    given = [0] * len(wanted)
    for turn in range(max(wanted, default=0)):
        for i, want in enumerate(wanted):
            if turn < want and sum(given) < room:
                given[i] += 1
    return given


def _table(title: str, numbers: Mapping[str, Text], rows: int, ascii_only: bool) -> Table:
    """Return a table of names and numbers."""
    table = _titled(title, ascii_only)
    for name, value in list(numbers.items())[: max(0, rows)]:
        table.add_row(Text(name, style="dim"), value)
    return table


def _time_table(seconds: Mapping[str, float], rows: int, width: int, ascii_only: bool) -> Table:
    """Return where time goes: sections, the longest first, with shares and bars."""
    total, longest = sum(seconds.values()) or 1.0, 10 if width >= 36 else 4
    table = _titled("time goes to", ascii_only)
    table.add_column(width=longest, no_wrap=True)
    for section, taken in list(seconds.items())[: max(0, rows)]:
        share = taken / total
        bar = ("#" if ascii_only else "■") * round(share * longest)
        table.add_row(Text(section, style="dim"), f"{share:.0%}", Text(bar, style="blue"))
    return table


def _titled(title: str, ascii_only: bool) -> Table:
    """Return a table of names and values without any rows yet."""
    table = Table(box=None, expand=True, padding=(0, 1, 0, 0), pad_edge=False, show_header=False)
    table.title, table.title_style, table.title_justify = title, "bold", "left"
    table.add_column(no_wrap=True, overflow=_overflow(ascii_only), ratio=1)
    table.add_column(justify="right", no_wrap=True)
    return table


def _overflow(ascii_only: bool) -> OverflowMethod:
    """Return how a name that is too long is cut; the ellipsis character is not ASCII."""
    return "crop" if ascii_only else "ellipsis"


def _judged(value: float, word: str | None) -> Text:
    """Return a number, with a word of warning if docs/training.md should be consulted."""
    return Text(f"{value:.4g}") if word is None else Text(f"{word}  {value:.4g}", style="bold yellow")


def _words(name: str) -> str:
    return "count" if name == "n" else name.replace("_", " ")

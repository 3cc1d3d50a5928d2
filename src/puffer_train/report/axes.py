"""Axes of a picture: scales, ticks that people read, and labels that do not cover each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from puffer_train.report.curves import Numbers
from puffer_train.report.formatting import short
from puffer_train.storage.identity import written

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, GRAY, PALE = "#333333", "#666666", "#e6e6e6"

MAX_TICKS = 6
TICK_SECONDS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800]
TICK_SECONDS += [3600.0 * hours for hours in (1, 2, 5, 10, 20, 50, 100, 200)]
"""Distances of ticks on the axis of time."""


def set_scales(axes: Axes, over: str, start: float, end: float, log: str) -> None:
    """Set the scales of both axes, and the ticks of the lower one.

    Args:
        axes: The panel.
        over: What the lower axis shows: `steps`, `seconds`, `updates`.
        start: Where it begins, if it is logarithmic.
        end: Where the curves end.
        log: Which axes are logarithmic: ``, `x`, `y` or `xy`.
    """
    if "y" in log:
        axes.set_yscale("log", nonpositive="mask")
    write = short if over != "seconds" else _duration
    if "x" in log:
        axes.set_xscale("log")
        axes.set_xlim(start, end * 1.1)
        axes.xaxis.set_major_formatter(_formatter(write))
        set_log_ticks(axes.xaxis, end / start)
        return
    axes.set_xlim(0, end * 1.02 or 1)
    axes.xaxis.set_major_formatter(_formatter(write))
    if over == "seconds":
        axes.set_xticks(*time_ticks(end))


def _duration(seconds: float) -> str:
    """Return a time with the unit that fits: 30 s, 2 min, 1.5 h."""
    unit, size = ("s", 1) if seconds < 60 else ("min", 60) if seconds < 3600 else ("h", 3600)
    return f"{seconds / size:.3g} {unit}"


def format_values(axes: Axes, log: str) -> None:
    """Write the numbers of the upright axis as people read them. Call it once the curves are drawn."""
    axes.yaxis.set_major_formatter(_formatter(_value))
    if "y" in log:
        low, high = axes.get_ylim()
        set_log_ticks(axes.yaxis, high / low)


def set_log_ticks(axis: Any, ratio: float) -> None:
    """Put ticks at 1, 2, 5, 10, or only at powers of ten where there are many."""
    from matplotlib.ticker import LogLocator, NullLocator  # noqa: PLC0415

    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if ratio < 1e3 else (1.0,)))
    axis.set_minor_locator(NullLocator())


def _value(value: float) -> str:
    return short(value) if abs(value) >= 10_000 else written(value)


def height_of(axes: Axes, level: float) -> float:
    """Return where a value is on the panel, 0 at its bottom and 1 at its top."""
    if not np.isfinite(level) or (axes.get_yscale() == "log" and level <= 0):
        return 0.0
    axes.autoscale_view()
    (_, y) = axes.transAxes.inverted().transform(axes.transData.transform((1.0, level)))
    return float(y)


def spread_out(wanted: Sequence[float], heights: Sequence[float], low: float, high: float) -> list[float]:
    """Return the centres of labels: near the wanted places, in the same order, without overlaps."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    middles = list(wanted)
    bottom = low
    for i in order:
        middles[i] = max(middles[i], bottom + heights[i] / 2)
        bottom = middles[i] + heights[i] / 2
    top = max(high, low + sum(heights))
    for i in reversed(order):
        middles[i] = min(middles[i], top - heights[i] / 2)
        top = middles[i] - heights[i] / 2
    return middles


def set_limits(axes: Axes, known: Sequence[Numbers], from_zero: bool) -> None:
    """Set the limits of a panel: a few extreme points at the start must not flatten the rest of the curve."""
    low = min(min(float(np.quantile(values, 0.02)), values[-1]) for values in known)
    high = max(max(float(np.quantile(values, 0.98)), values[-1]) for values in known)
    low = min(low, 0.0) if from_zero else low
    room = 0.08 * (high - low) or 0.08 * abs(high) or 1.0
    axes.set_ylim(low - (room if low != 0 else 0), high + room)


def make_plain(axes: Axes) -> None:
    """Remove everything that is not needed to read numbers."""
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color("#999999")
    axes.grid(axis="y", color=PALE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, colors=INK, labelsize=9)


def _formatter(write: Callable[[float], str]) -> Any:
    from matplotlib.ticker import FuncFormatter  # noqa: PLC0415

    return FuncFormatter(lambda value, position: write(value))


def time_ticks(end: float) -> tuple[list[float], list[str]]:
    """Return where an axis from 0 to `end` seconds has ticks, and what they say: 30 s, 2 min, 1.5 h."""
    step = next((step for step in TICK_SECONDS if end / step <= MAX_TICKS), end)
    unit, size = ("s", 1) if end < 180 else ("min", 60) if end < 3 * 3600 else ("h", 3600)
    ticks = [i * step for i in range(int(end / step * 1.02) + 1)]
    return ticks, [f"{tick / size:g} {unit}" for tick in ticks]

"""The front of a sweep as a picture: score against cost, and how well costs were expected."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from puffer_train.report.axes import set_log_ticks
from puffer_train.report.formatting import short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from puffer_train.sweep.results import Trial
    from puffer_train.sweep.sweep import Plan

UNITS = {"cpu": "processor seconds", "wall": "seconds", "steps": "agent steps", "flops": "floating-point operations"}
MARKS = {"free": "^", "model": "o", "random": "x", "start": "s", "replicate": "D"}


def draw(trials: Sequence[Trial], front: Sequence[Trial], plan: Plan, path: Path) -> Path:
    """Draw all trials and the front, and return where the picture is.

    Args:
        trials: Of the sweep, in their order.
        front: Those that nothing beats.
        plan: Of the sweep.
        path: Of the picture.
    """
    figure = Figure(figsize=(10, 4.4), dpi=120, layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    _draw_front(left, trials, front, plan)
    _draw_costs(right, trials, plan)
    figure.savefig(path)
    return path


def _draw_front(axes: Axes, trials: Sequence[Trial], front: Sequence[Trial], plan: Plan) -> None:
    good = [trial for trial in trials if not trial.reason]
    last = max(trial.number for trial in good)
    for source in sorted({trial.source for trial in good}):
        of = [trial for trial in good if trial.source == source]
        points = axes.scatter(
            [t.cost for t in of],
            [t.score for t in of],
            c=[t.number for t in of],
            vmin=0,
            vmax=max(1, last),
            marker=MARKS.get(source, "o"),
            s=26,
            cmap="viridis",
            label=source,
        )
    costs = [trial.cost for trial in front]
    end = max(trial.cost for trial in good)
    axes.step([*costs, end], [t.score for t in front] + [front[-1].score], where="post", color="#d62728", lw=1.6)
    axes.set_xscale("log")
    set_log_ticks(axes.xaxis, end / costs[0])
    axes.xaxis.set_major_formatter(FuncFormatter(_plain))
    axes.set_xlabel(UNITS[plan.cost])
    axes.set_ylabel(good[0].metric)
    axes.set_title(f"{plan.environment}: what each cost buys")
    axes.grid(alpha=0.25)
    axes.figure.colorbar(points, ax=axes, label="run")
    axes.legend(fontsize=8, loc="lower right")


def _draw_costs(axes: Axes, trials: Sequence[Trial], plan: Plan) -> None:
    known = [trial for trial in trials if trial.expected_cost is not None and not trial.reason]
    axes.set_title("Expected and actual cost")
    axes.set_xlabel(f"expected {UNITS[plan.cost]}")
    axes.set_ylabel("actual")
    if not known:
        axes.text(0.5, 0.5, "no model was asked yet", ha="center", transform=axes.transAxes)
        return
    expected = np.array([trial.expected_cost for trial in known], float)
    actual = np.array([trial.cost for trial in known])
    ends = [min(expected.min(), actual.min()), max(expected.max(), actual.max())]
    axes.plot(ends, ends, color="gray", lw=1)
    axes.scatter(expected, actual, c=[trial.number for trial in known], cmap="viridis", s=26)
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        set_log_ticks(axis, ends[1] / ends[0])
        axis.set_major_formatter(FuncFormatter(_plain))
    axes.grid(alpha=0.25)


def _plain(value: float, _: object) -> str:
    """Return a number as people write it: 0.2, 5, 30, 2k."""
    return f"{value:g}" if value < 1000 else short(value)

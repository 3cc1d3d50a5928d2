"""A sweep as a picture: the front, what the models predict, how well they did, and which settings matter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from puffer_train.report.axes import GRAY, INK, PALE, set_log_ticks
from puffer_train.report.formatting import brief, counted
from puffer_train.sweep.analysis import FEWEST, Analysis, analyse
from puffer_train.sweep.protein import Band
from puffer_train.sweep.ranges import make_space

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from puffer_train.sweep.plan import Plan
    from puffer_train.sweep.results import Trial

UNITS = {"cpu": "processor seconds", "wall": "seconds", "steps": "agent steps", "flops": "floating-point operations"}
MARKS = {"start": ("s", "the settings it began with"), "random": ("X", "at random"), "free": ("^", "without models")}
MARKS |= {"model": ("o", "by the models"), "replicate": ("D", "again, another seed")}
"""How a run is drawn, and what the legend calls it, by where its settings come from."""
FRONT, PREDICTED = "#d62728", "#1f6fd6"
COLOURS = ["#1f6fd6", "#d9480f", "#2b8a3e", "#9c36b5", "#8d6e00", "#0b8599"]
"""Of several sweeps."""
BARS, LEAST = 12, 0.01
"""Settings that are shown at most, and the share from which one is."""


def draw(trials: Sequence[Trial], front: Sequence[Trial], plan: Plan, path: Path) -> Path:
    """Draw one sweep, and return where the picture is.

    Args:
        trials: Of the sweep, in their order; at least one did not fail.
        front: Those that nothing beats.
        plan: Of the sweep.
        path: Of the picture.
    """
    found = analyse(make_space(plan.ranges), trials, -1.0 if plan.minimize else 1.0)
    figure = Figure(figsize=(11, 8.4), dpi=110, layout="constrained")
    upper, lower = np.asarray(figure.subfigures(2, 1, height_ratios=(6, 5)))
    left, right = upper.subplots(1, 2, width_ratios=(5, 3))
    _draw_front(left, trials, front, plan, found)
    upper.legend(*left.get_legend_handles_labels(), loc="outside lower left", ncols=3, fontsize=8, frameon=False)
    _draw_importance(right, plan, found)
    cost, score = lower.subplots(1, 2)
    good = [trial for trial in trials if not trial.reason]
    known = [(trial.expected_cost, trial.cost, trial) for trial in good if trial.expected_cost is not None]
    _draw_expected(cost, f"Cost, {UNITS[plan.cost]}", known, trials[-1].number, log=True)
    known = [(trial.expected_score, trial.score, trial) for trial in good if trial.expected_score is not None]
    _draw_expected(score, f"Score, {front[0].metric}", known, trials[-1].number, log=False)
    figure.savefig(path)
    return path


def compare(sweeps: Mapping[str, tuple[Sequence[Trial], Sequence[Trial]]], plan: Plan, path: Path) -> Path:
    """Draw the fronts of several sweeps in one panel, and return where the picture is.

    Args:
        sweeps: Trials and front by label.
        plan: Of one of them; all have the same environment and cost.
        path: Of the picture.
    """
    figure = Figure(figsize=(9, 5.2), dpi=110, layout="constrained")
    axes = figure.subplots()
    end = max(trial.cost for trials, _ in sweeps.values() for trial in trials if not trial.reason)
    for i, (label, (trials, front)) in enumerate(sweeps.items()):
        colour, good = COLOURS[i % len(COLOURS)], [trial for trial in trials if not trial.reason]
        axes.scatter([t.cost for t in good], [t.score for t in good], color=colour, s=14, alpha=0.35, linewidths=0)
        _step(axes, front, end, color=colour, lw=2, label=label, ls=("-", "--", ":")[i // len(COLOURS) % 3])
    _set_axes(axes, plan, [trial.cost for trials, _ in sweeps.values() for trial in trials if not trial.reason])
    axes.set_ylabel(next(iter(sweeps.values()))[1][0].metric, color=INK)
    axes.set_title(f"{plan.environment}: what each cost buys", loc="left")
    axes.legend(fontsize=9, loc="best", frameon=False)
    figure.savefig(path)
    return path


def _draw_front(
    axes: Axes, trials: Sequence[Trial], front: Sequence[Trial], plan: Plan, found: Analysis | None
) -> None:
    good = [trial for trial in trials if not trial.reason]
    end = max(trial.cost for trial in good)
    _step(axes, front, end, color=FRONT, lw=1.6, label="front of the runs")
    if found is not None:
        at, sign = found.front, -1.0 if plan.minimize else 1.0
        costs = np.append(at.costs, end)
        middle, low, high = (sign * np.append(line, line[-1]) for line in (at.scores, at.low, at.high))
        axes.fill_between(costs, low, high, step="post", color=PREDICTED, alpha=0.15, lw=0)
        label = "front that the models predict, one deviation"
        axes.step(costs, middle, where="post", color=PREDICTED, lw=1.2, label=label)
    for source in dict.fromkeys([*MARKS, *(trial.source for trial in good)]):
        of = [trial for trial in good if trial.source == source]
        mark, label = MARKS.get(source, ("o", "by another sampler"))
        if of:
            points = axes.scatter(
                [t.cost for t in of],
                [t.score for t in of],
                c=[t.number for t in of],
                vmin=0,
                vmax=max(1, trials[-1].number),
                marker=mark,
                s=26,
                label=label,
                zorder=3,
            )
    _set_axes(axes, plan, [trial.cost for trial in good])
    axes.set_ylabel(good[0].metric, color=INK)
    ends = {name: sum(getattr(trial, name) for trial in trials) for name in ("failed", "stopped")}
    counts = [counted(len(trials), "run"), *(f"{count} {name}" for name, count in ends.items() if count)]
    axes.set_title(f"{plan.environment}: what each cost buys", loc="left")
    axes.set_title(", ".join(counts), loc="right", fontsize=9, color=GRAY)
    axes.figure.colorbar(points, ax=axes, label="run", pad=0.01)


def _step(axes: Axes, front: Sequence[Trial], end: float, **style: Any) -> None:
    """Draw what each cost buys: a step at every point of the front, the last one up to `end`."""
    axes.step([*(t.cost for t in front), end], [*(t.score for t in front), front[-1].score], where="post", **style)


def _draw_expected(axes: Axes, title: str, known: Sequence[tuple[Band, float, Trial]], last: int, *, log: bool) -> None:
    """Draw what came out against what was expected before the run, with the band that two of three should be in."""
    axes.set_title(f"{title}: expected and actual", loc="left", fontsize=11)
    axes.set_xlabel("expected before the run", color=INK)
    axes.set_ylabel("actual", color=INK)
    if not known:
        _say(axes, "The models have not chosen a run yet.")
        return
    bands = np.array([band for band, *_ in known])
    actual = np.array([value for _, value, _ in known])
    inside = np.mean((actual >= bands[:, 1]) & (actual <= bands[:, 2]))
    low, high = min(bands[:, 0].min(), actual.min()), max(bands[:, 0].max(), actual.max())
    ends = [low / 1.15, high * 1.15] if log else [low - 0.05 * (high - low), high + 0.05 * (high - low)]
    if log:
        axes.set_xscale("log")
        axes.set_yscale("log")
        for axis in (axes.xaxis, axes.yaxis):
            set_log_ticks(axis, high / low)
            axis.set_major_formatter(FuncFormatter(lambda value, _: brief(value)))
    axes.plot(ends, ends, color="#999999", lw=1)
    for band, value, _ in known:
        axes.plot([band.low, band.high], [value, value], color="#bbbbbb", lw=0.8, zorder=1)
    numbers = [trial.number for *_, trial in known]
    axes.scatter(bands[:, 0], actual, c=numbers, vmin=0, vmax=max(1, last), s=22, zorder=3)
    axes.set_xlim(*ends)
    axes.set_ylim(*ends)
    axes.grid(color=PALE)
    axes.text(
        0.03,
        0.95,
        f"{inside:.0%} within their band; 68% would be right",
        transform=axes.transAxes,
        fontsize=9,
        va="top",
    )


def _draw_importance(axes: Axes, plan: Plan, found: Analysis | None) -> None:
    """Draw the shares of the settings that matter most for the score, and their shares of the cost."""
    axes.set_title("What settings matter", loc="left")
    if found is None:
        _say(axes, f"A model needs {FEWEST} runs.")
        return
    most = np.maximum(found.score.total, found.cost.total)
    chosen = [i for i in np.argsort(-most, kind="stable")[:BARS] if most[i] >= LEAST]
    order = sorted(chosen, key=lambda i: found.score.total[i])
    rows = np.arange(len(order))
    for shift, name, of, colour in ((0.2, "score", found.score, FRONT), (-0.2, "cost", found.cost, GRAY)):
        label = f"{name}; the model explains {max(0.0, of.known):.0%} of runs left out"
        axes.barh(rows + shift, of.total[order], 0.36, color=colour, alpha=0.35)
        axes.barh(rows + shift, np.minimum(of.alone, of.total)[order], 0.36, color=colour, label=label)
    names = [name.removeprefix("train.") for name in plan.ranges]
    axes.set_yticks(rows, [names[i] for i in order], fontsize=8.5)
    axes.set_ylim(-1.2, len(order) - 0.4)
    axes.set_xlim(0, 1)
    if len(names) > len(order):
        axes.set_title(f"{len(names) - len(order)} more below {LEAST:.0%}", loc="right", fontsize=9, color=GRAY)
    axes.set_xlabel("share of the variance; pale: with others", color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=8, loc="lower right", frameon=False)


def _set_axes(axes: Axes, plan: Plan, costs: Sequence[float]) -> None:
    axes.set_xscale("log")
    axes.set_xlim(min(costs) / 1.15, max(costs) * 1.15)
    set_log_ticks(axes.xaxis, max(costs) / min(costs))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: brief(value)))
    axes.set_xlabel(UNITS[plan.cost], color=INK)
    axes.grid(color=PALE)
    axes.set_axisbelow(True)


def _say(axes: Axes, sentence: str) -> None:
    axes.text(0.5, 0.5, sentence, ha="center", transform=axes.transAxes, color=GRAY)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(NullLocator())

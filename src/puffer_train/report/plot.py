"""One picture of one or more runs: a statistic over agent steps and over time, or several of them in panels."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from puffer_train.errors import ConfigError
from puffer_train.report.axes import GRAY, INK, format_values, height_of, make_plain, set_limits, set_scales, spread_out
from puffer_train.report.curves import FEW, Band, Group, Run, band_of, columns_of, group_runs, title
from puffer_train.report.formatting import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".pdf")

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555")
"""Distinguishable for colour-blind people (Okabe and Ito 2008), without its yellow, too pale on white."""

DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1)))
"""Used when the colours come around again."""

MAX_TALL_LABELS = 5
"""With more groups than this, a label is one line."""

AXES = {"steps": "agent steps", "seconds": "time since the start of training", "updates": "updates of the weights"}
"""What a curve can be drawn over."""

CURVES = {
    "entropy": "entropy",
    "policy_loss": "policy loss",
    "value_loss": "value loss",
    "explained_variance": "explained variance",
    "approx_kl": "KL to the policy that played",
    "clip_fraction": "clip fraction",
    "gradient_norm": "gradient norm",
    "learning_rate": "learning rate",
    "steps_per_second": "steps per second",
}
"""Panels of `--curves`: names in metrics.jsonl and titles."""

FROM_ZERO = {"entropy", "value_loss", "clip_fraction", "gradient_norm", "learning_rate", "steps_per_second"}
"""Panels whose axis begins there."""

HEAD, HEIGHT, ROW, LEGEND_LINE = 0.88, 4.4, 2.1, 0.22
"""Inches: what is above the panels, the height of the large ones with it, of a row of small ones, of a label."""


@dataclass(frozen=True)
class View:
    """How curves are drawn."""

    statistics: Sequence[str] = ()
    """Columns of metrics.jsonl; none where no episode has ended yet."""
    over: str | None = None
    """A key of `AXES`. None: steps, and, where a single statistic leaves room for it, time."""
    log: str = ""
    """Which axes are logarithmic: ``, `x`, `y` or `xy`."""
    curves: bool = False
    """Whether those of learning are added."""


def file_name(runs: Sequence[Run], view: View) -> str:
    """Return the default file name for a picture of these runs: breakout-score.png."""
    environments = list(dict.fromkeys(run.environment for run in runs))
    subject = environments[0] if len(environments) == 1 else f"{len(environments)}-environments"
    count = len(view.statistics)
    statistic = title(view.statistics[0]) if count == 1 else f"{count}-statistics" if count else "no-episodes"
    words = [re.sub(r"[^\w.-]+", "-", subject), statistic, *(["curves"] if view.curves else [])]
    return "-".join(words) + ".png"


# --- drawing ---


def draw(runs: Sequence[Run], view: View | None = None, left_out: int = 0) -> Figure:
    """Return the picture of runs.

    Args:
        runs: Those that are drawn.
        view: What is drawn of them; None for the main statistic.
        left_out: Runs that are not drawn; the picture says so.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415 - the trainer does without

    groups, view = group_runs(runs), view or View(columns_of(runs))
    if len(view.statistics) > 1:
        return _draw_panels(Figure, groups, view, left_out)
    rows = -(-len(CURVES) // 3) if view.curves else 0
    height = HEIGHT + ROW * rows
    figure = Figure(figsize=(11, height), facecolor="white")
    top = HEIGHT / height
    bounds = {"left": 0.07, "right": _right_margin(groups), "bottom": 1 - top + 0.14 * top, "top": 1 - HEAD / height}
    axes = ["steps", "seconds"] if view.over is None else [view.over]
    panels = figure.subplots(1, len(axes), sharey=True, squeeze=False, gridspec_kw=bounds | {"wspace": 0.08})
    _draw_scores(groups, dict(zip(axes, panels.flat, strict=True)), view)
    _headline(figure, groups, view, left_out)
    if view.curves:
        below = {"left": 0.07, "right": 0.985, "bottom": 0.05, "top": 1 - top - 0.035, "hspace": 0.5, "wspace": 0.22}
        _draw_small(figure.subplots(rows, 3, gridspec_kw=below), groups, CURVES, view)
    return figure


def _draw_panels(make: Callable[..., Figure], groups: Sequence[Group], view: View, left_out: int) -> Figure:
    """Return a picture with a panel for each statistic, and one legend for all of them."""
    titles = {name: title(name).replace("_", " ") for name in view.statistics} | (CURVES if view.curves else {})
    across = 3 if len(titles) > 4 else 2
    rows = -(-len(titles) // across)
    labels = [group.label for group in groups] if len(groups) > 1 else []
    head = HEAD + LEGEND_LINE * len(labels)
    height = head + 0.35 + (ROW + 0.5 if rows == 1 else ROW) * rows
    figure = make(figsize=(11, height), facecolor="white")
    bounds = {"left": 0.07, "right": 0.985, "bottom": 0.55 / height, "top": 1 - (head + 0.25) / height}
    panels = figure.subplots(rows, across, squeeze=False, gridspec_kw=bounds | {"hspace": 0.45, "wspace": 0.2})
    _draw_small(panels, groups, titles, view)
    _headline(figure, groups, view, left_out)
    for i, label in enumerate(labels):
        y = 1 - (HEAD - 0.04 + LEGEND_LINE * i) / height
        figure.text(0.07, y, f"\N{EM DASH} {label}", color=_style(i)[0], fontsize=9.5, va="top")
    figure.text(0.985, 0.12 / height, f"over {AXES[view.over or 'steps']}", fontsize=9, color=GRAY, ha="right")
    return figure


def _style(i: int) -> tuple[str, Any]:
    """Return colour and dashes of a group by its number."""
    return COLOURS[i % len(COLOURS)], DASHES[i // len(COLOURS) % len(DASHES)]


def save(figure: Figure, path: Path) -> None:
    """Write the picture. Raises `ConfigError` where that is impossible."""
    try:
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror or error}.") from error


def check_path(path: Path) -> None:
    """Raise `ConfigError` for a name whose ending is not that of a known format."""
    if path.suffix.lower() not in SUFFIXES:
        raise ConfigError(f"{path} cannot be written as a picture: its name must end in {', '.join(SUFFIXES)}.")


def _draw_scores(groups: Sequence[Group], panels: dict[str, Axes], view: View) -> None:
    """Draw one statistic over each of the axes, with labels beside the last."""
    for over, axes in panels.items():
        make_plain(axes)
        set_scales(axes, over, _start(groups, over), _last(groups, over), view.log)
        axes.set_xlabel(AXES[over], color=INK)
    first, last = next(iter(panels.values())), list(panels.values())[-1]
    if not view.statistics:
        first.text(0.5, 0.5, "no episode ended yet", transform=first.transAxes, ha="center", color=INK)
        return
    (statistic,) = view.statistics
    ends = []
    for i, group in enumerate(groups):
        level = None
        for over, axes in panels.items():
            _draw_band(axes, band_of(group.runs, over, statistic, "x" in view.log), group, i)
            level = _draw_evaluation(axes, group, i, over, statistic)
        curve = band_of(group.runs, list(panels)[-1], statistic).mean
        known = curve[np.isfinite(curve)]
        ends.append(level if level is not None else float(known[-1]) if len(known) else np.nan)
    if "y" not in view.log:
        first.margins(y=0.06)
    format_values(first, view.log)
    _draw_labels(last, groups, ends)


def _draw_band(axes: Axes, band: Band, group: Group, i: int) -> None:
    colour, dashes = _style(i)
    if len(group.runs) > 1:
        axes.fill_between(band.x, band.low, band.high, color=colour, alpha=0.18, linewidth=0)
    axes.plot(band.x, band.mean, color=colour, linestyle=dashes, linewidth=1.8, solid_capstyle="round")


def _draw_evaluation(axes: Axes, group: Group, i: int, over: str, statistic: str) -> float | None:
    """Mark the mean of the evaluations, with a line from the least to the greatest; return it."""
    levels = [level for run in group.runs if (level := run.evaluated(statistic)) is not None]
    if not levels:
        return None
    x, mean, colour = _end(group, over), float(np.mean(levels)), _style(i)[0]
    axes.plot([x, x], [min(levels), max(levels)], color=colour, linewidth=1.5, clip_on=False)
    style = {"markersize": 8, "markeredgecolor": "white", "markeredgewidth": 1.3, "clip_on": False, "zorder": 5}
    axes.plot([x], [mean], "o", color=colour, **style)  # type: ignore[arg-type]
    return mean


def _draw_labels(axes: Axes, groups: Sequence[Group], levels: Sequence[float]) -> None:
    """Write the label and last value of each curve beside its end, without overlaps."""
    lines = [_lines(group, level, len(groups)) for group, level in zip(groups, levels, strict=True)]
    heights = [0.062 * len(text) for text in lines]
    wanted = [height_of(axes, level) for level in levels]
    places = spread_out(wanted, heights, 0.0, 1.0)
    for i, (text, y) in enumerate(zip(lines, places, strict=True)):
        style: dict[str, Any] = {"color": _style(i)[0], "fontsize": 9, "va": "center"}
        axes.text(1.03, y, "\n".join(text), transform=axes.transAxes, **style)


def _draw_small(panels: Any, groups: Sequence[Group], titles: dict[str, str], view: View) -> None:
    """Draw a small panel for each column, and remove those that are left."""
    for axes, (name, heading) in zip(panels.flat, titles.items(), strict=False):
        _draw_curve(axes, groups, name, heading, view)
    for axes in panels.flat[len(titles) :]:
        axes.remove()


def _draw_curve(axes: Axes, groups: Sequence[Group], name: str, heading: str, view: View) -> None:
    make_plain(axes)
    over = view.over or "steps"
    axes.set_title(heading, loc="left", fontsize=9.5, color=INK)
    set_scales(axes, over, _start(groups, over), _last(groups, over), view.log)
    if "x" not in view.log and over != "seconds":
        axes.locator_params(axis="x", nbins=5)
    axes.tick_params(labelsize=8)
    curves = []
    for i, group in enumerate(groups):
        band = band_of(group.runs, over, name, "x" in view.log)
        _draw_band(axes, band, group, i)
        level = _draw_evaluation(axes, group, i, over, name)
        curves.append(band.mean if level is None else np.append(band.mean, level))
    known = [curve[np.isfinite(curve)] for curve in curves if np.isfinite(curve).any()]
    if not known:
        axes.text(0.5, 0.5, "not reported", transform=axes.transAxes, ha="center", color=INK, fontsize=8)
    elif "y" not in view.log:
        axes.locator_params(axis="y", nbins=4)
        set_limits(axes, known, name in FROM_ZERO)
    format_values(axes, view.log)


def _headline(figure: Figure, groups: Sequence[Group], view: View, left_out: int) -> None:
    runs, height = [run for group in groups for run in group.runs], figure.get_figheight()
    environments = list(dict.fromkeys(run.environment for run in runs))
    what = [title(name) for name in view.statistics]
    words = "score" if not what else what[0] if len(what) == 1 else counted(len(what), "statistic")
    words = words.replace("_", " ")
    text = f"{environments[0]}: {words}" if len(environments) == 1 else words[0].upper() + words[1:]
    text += ", 1 is solved" if len(environments) > 1 and what == ["perf"] else ""
    figure.text(0.07, 1 - 0.24 / height, text, fontsize=14, fontweight="bold", color=INK, va="top")
    caption = _caption(groups, view.statistics, left_out)
    figure.text(0.07, 1 - 0.56 / height, caption, fontsize=9.5, color=GRAY, va="top")


def _caption(groups: Sequence[Group], statistics: Sequence[str], left_out: int) -> str:
    sizes = [len(group.runs) for group in groups]
    parts = []
    if max(sizes) == 1:
        parts.append("one run" if len(groups) == 1 else "one run each")
    else:
        seeds = str(sizes[0]) if len(set(sizes)) == 1 else f"{min(sizes)} to {max(sizes)}"
        band = "quartiles" if min(sizes) >= FEW else "least to greatest"
        parts.append(f"mean of {seeds} runs, band: {band}")
    runs = [run for group in groups for run in group.runs]
    if any(run.evaluated(statistic) is not None for run in runs for statistic in statistics):
        parts.append("dot: evaluation on fresh full episodes")
    if left_out:
        parts.append(f"{counted(left_out, 'run')} left out")
    return "; ".join(parts)


def _start(groups: Sequence[Group], over: str) -> float:
    """Return where a logarithmic axis begins: at the first point that is above 0."""
    every = np.concatenate([run.over(over) for group in groups for run in group.runs])
    return float(min(every[np.isfinite(every) & (every > 0)], default=1.0))


def _last(groups: Sequence[Group], over: str) -> float:
    """Return where the longest curve ends."""
    return max(_end(group, over) for group in groups)


def _end(group: Group, over: str) -> float:
    """Return where a group's longest curve ends."""
    ends = [float(np.nanmax(x)) for run in group.runs if np.isfinite(x := run.over(over)).any()]
    return max(ends, default=1.0)


def _right_margin(groups: Sequence[Group]) -> float:
    """Return where the panels end, so that the labels beside them fit."""
    longest = max(len(line) for group in groups for line in _lines(group, 0.12345, len(groups)))
    return 0.965 - 0.0068 * max(longest, 6)


def _lines(group: Group, level: float, groups: int) -> list[str]:
    """Return a label as lines: each difference from the others, if there are any, and the number where it ends."""
    lines = [] if groups == 1 else group.label.split(", ")
    lines += [] if np.isnan(level) else [f"{level:.4g}"]
    return lines if groups <= MAX_TALL_LABELS else [", ".join(lines)]

"""One picture of one or more runs: score over agent steps and over time, and on request the curves of learning.

Runs of the same environment and settings that differ only in their seeds are one curve, a mean with a band; everything
else is a separate curve, named after the differences.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from puffer_train.errors import ConfigError
from puffer_train.report.formatting import short
from puffer_train.report.loggers import flat
from puffer_train.storage.folder import main_statistic, read_config, read_evaluation, read_metrics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = NDArray[np.float64]

SUFFIXES = (".png", ".svg", ".pdf")

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555")
"""Distinguishable for colour-blind people (Okabe and Ito 2008), without its yellow, too pale on white."""

DASHES = ("-", (0, (5, 1.5)), (0, (1, 1)))
"""Used when the colours come around again."""

INK, PALE = "#333333", "#e6e6e6"

BINS = 160
"""Points of a curve: what happens between two is averaged."""

MAX_TICKS = 6
TICK_SECONDS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800]
TICK_SECONDS += [3600.0 * hours for hours in (1, 2, 5, 10, 20, 50, 100, 200)]
"""Distances of ticks on the axis of time."""

FEW = 5
"""With at least this many seeds a band spans their quartiles, with fewer the minimum to the maximum."""

MAX_TALL_LABELS = 5
"""With more groups than this, a label is one line."""

MAX_DIFFERENCES = 3
"""Settings that a label names."""

WITHOUT_EFFECT = ("train.checkpoint_interval", "train.checkpoints_kept", "train.checkpoints_spread", "train.eval_episodes")
"""Settings that do not affect the curves; runs that differ only in them are grouped."""

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


@dataclass(frozen=True)
class Run:
    """What is drawn of one run."""

    folder: Path
    environment: str
    settings: Mapping[str, Any]
    """Such as `train.gamma: 0.99`, without those that do not affect the curves."""
    columns: Mapping[str, Numbers]
    """Of metrics.jsonl, and `steps_per_second`."""
    evaluation: Mapping[str, Any] | None
    """evaluation.json."""

    @property
    def key(self) -> str:
        """The same for runs that differ only in their seeds."""
        return repr((self.environment, sorted(self.settings.items())))

    @property
    def steps(self) -> Numbers:
        """Agent steps at each line."""
        return self.columns["steps"]

    @property
    def seconds(self) -> Numbers:
        """Time since the start at each line."""
        return self.columns.get("seconds", np.full(len(self.steps), np.nan))

    def evaluated(self, statistic: str) -> float | None:
        """Return the mean over fresh full episodes, None without an evaluation."""
        found = (self.evaluation or {}).get(statistic)
        mean = found.get("mean") if isinstance(found, dict) else None
        return float(mean) if isinstance(mean, (int, float)) else None


@dataclass(frozen=True)
class Group:
    """Runs that are one curve."""

    label: str
    runs: Sequence[Run]
    colour: str
    dashes: Any


@dataclass(frozen=True)
class Band:
    """A curve over `x`: the mean of several runs, and a band around it. NaN where nothing is known."""

    x: Numbers
    mean: Numbers
    low: Numbers
    high: Numbers


def read_run(folder: Path) -> Run:
    """Read what is drawn of a run, finished or not. Raises `ConfigError` if there is nothing to draw yet."""
    config = read_config(folder)
    columns = read_metrics(folder)
    if not columns:
        raise ConfigError(f"{folder} has nothing to draw yet: its metrics.jsonl has no whole line.")
    settings = {key: value for key, value in flat(config["settings"]).items() if key not in WITHOUT_EFFECT}
    if "seconds" in columns:
        steps, seconds = columns["steps"], columns["seconds"]
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = np.diff(steps, prepend=0) / np.diff(seconds, prepend=0)
        columns["steps_per_second"] = np.where(np.isfinite(rate) & (rate > 0), rate, np.nan)
    if "explained_variance" in columns:  # very negative if all returns are equal
        columns["explained_variance"] = np.maximum(columns["explained_variance"], -1.0)
    return Run(folder, config["environment"], settings, columns, read_evaluation(folder))


def read_runs(folders: Sequence[Path]) -> tuple[list[Run], list[ConfigError]]:
    """Read the runs that can be drawn, and return the reasons for those that cannot.

    Raises:
        ConfigError: None of them can be drawn: the first one's reason.
    """
    runs: list[Run] = []
    errors: list[ConfigError] = []
    for folder in folders:
        try:
            runs.append(read_run(folder))
        except ConfigError as error:
            errors.append(error)
    if not runs:
        raise errors[0]
    return runs, errors


def file_name(runs: Sequence[Run], statistic: str | None, curves: bool) -> str:
    """Return the default file name for a picture of these runs: breakout-score.png."""
    environments = list(dict.fromkeys(run.environment for run in runs))
    subject = environments[0] if len(environments) == 1 else f"{len(environments)}-environments"
    words = [re.sub(r"[^\w.-]+", "-", subject), statistic or "no-episodes", *(["curves"] if curves else [])]
    return "-".join(words) + ".png"


def group_runs(runs: Sequence[Run]) -> list[Group]:
    """Group runs that differ only in their seeds, and label each group with its differences."""
    by_key: dict[str, list[Run]] = {}
    for run in runs:
        by_key.setdefault(run.key, []).append(run)
    firsts = [members[0] for members in by_key.values()]
    groups = []
    for i, members in enumerate(by_key.values()):
        style = COLOURS[i % len(COLOURS)], DASHES[i // len(COLOURS) % len(DASHES)]
        groups.append(Group(_label(members[0], firsts), members, *style))
    return groups


def _label(run: Run, others: Sequence[Run]) -> str:
    """Describe how a run differs from the others: its environment, or the settings that vary within that."""
    rivals = [other for other in others if other.environment == run.environment]
    parts = [run.environment] if len(rivals) < len(others) else []
    names = dict.fromkeys(name for rival in rivals for name in rival.settings)
    varied = [name for name in names if len({repr(rival.settings.get(name)) for rival in rivals}) > 1]
    for name in varied[:MAX_DIFFERENCES]:
        value = run.settings.get(name, "as shipped")
        parts.append(f"{name.rpartition('.')[2].replace('_', ' ')} {_written(value)}")
    if len(varied) > MAX_DIFFERENCES:
        parts.append(f"... ({run.folder.name})")
    return ", ".join(parts) or run.environment


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (int, float)):
        return short(value) if abs(value) >= 10_000 else f"{value:g}"
    return str(value)


def statistic_of(runs: Sequence[Run], wanted: str | None = None) -> str | None:
    """Return the episode statistic to draw: `wanted`, else the main one; None if no episode has ended yet.

    Scores of different environments cannot be compared: with several it is `perf`, which is 1 where any is solved.

    Raises:
        ConfigError: No run has the statistic that is wanted.
    """
    found = [{name[4:] for name in run.columns if name.startswith("env/")} for run in runs]
    every = set.union(*found)
    if wanted is not None:
        if wanted not in every:
            raise ConfigError(f"no run has the statistic {wanted!r}: {', '.join(sorted(every)) or 'none yet'}.")
        return wanted
    common = set.intersection(*found) or every
    if len({run.environment for run in runs}) > 1 and "perf" in common:
        return "perf"
    return main_statistic(common)


# --- curves ---


def averaged(x: Numbers, y: Numbers, edges: Numbers, weight: Numbers | None = None) -> Numbers:
    """Return the mean of `y` between each two `edges` of `x`: interpolated across gaps, NaN outside the known range.

    x, y, weight: (N,); edges: (B + 1,); the result is (B,).
    """
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    weight = np.ones(len(x)) if weight is None else np.nan_to_num(weight[known], nan=1.0)
    bins = np.clip(np.searchsorted(edges, x, side="left") - 1, 0, len(edges) - 2)
    total = np.bincount(bins, weight, len(edges) - 1)
    full = total > 0
    result = np.full(len(edges) - 1, np.nan)
    if full.any():
        centres = (edges[1:] + edges[:-1]) / 2
        means = np.bincount(bins, weight * y, len(edges) - 1)[full] / total[full]
        result = np.interp(centres, centres[full], means, left=np.nan, right=np.nan)
    return result


def band_of(runs: Sequence[Run], over: str, name: str) -> Band:
    """Return the mean and the spread of a number over `steps` or over `seconds`.

    Over steps, only runs that got that far count. Over time, a run that ended keeps its last value.
    """
    across = [run.steps if over == "steps" else run.seconds for run in runs]
    end = max((float(np.nanmax(x)) for x in across if np.isfinite(x).any()), default=1.0)
    edges = np.linspace(0, end or 1.0, min(BINS, max(len(x) for x in across)) + 1)
    rows = []
    for run, x in zip(runs, across, strict=True):
        y = run.columns.get(name, np.full(len(x), np.nan))
        weight = run.columns.get("env/n") if name.startswith("env/") else None
        row = averaged(x, y, edges, weight)
        if over == "seconds" and np.isfinite(row).any():
            last = int(np.flatnonzero(np.isfinite(row))[-1])
            row[last:] = row[last]
        rows.append(row)
    every = np.array(rows)
    some = np.isfinite(every).any(0)
    mean, low, high = (np.full(len(edges) - 1, np.nan) for _ in range(3))
    if some.any():
        outer = (0.25, 0.75) if len(runs) >= FEW else (0.0, 1.0)
        mean[some] = np.nanmean(every[:, some], 0)
        low[some], high[some] = np.nanquantile(every[:, some], outer, axis=0)
    return Band((edges[1:] + edges[:-1]) / 2, mean, low, high)


# --- drawing ---


def draw(runs: Sequence[Run], curves: bool = False, statistic: str | None = None) -> Figure:
    """Return the picture of an episode statistic, by default the main one, and of the curves of learning.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415 - the trainer does without

    groups, statistic = group_runs(runs), statistic or statistic_of(runs)
    rows = -(-len(CURVES) // 3) if curves else 0
    figure = Figure(figsize=(11, 4.4 + 2.1 * rows), facecolor="white")
    top, right = 4.4 / (4.4 + 2.1 * rows), _right_margin(groups)
    bounds = {"left": 0.07, "right": right, "bottom": 1 - top + 0.14 * top, "top": 1 - 0.2 * top, "wspace": 0.08}
    by_steps, by_time = figure.subplots(1, 2, sharey=True, gridspec_kw=bounds)
    _draw_scores(groups, by_steps, by_time, statistic)
    _headline(figure, groups, runs, statistic, top)
    if curves:
        below = {"left": 0.07, "right": 0.985, "bottom": 0.05, "top": 1 - top - 0.035, "hspace": 0.5, "wspace": 0.22}
        panels = figure.subplots(rows, 3, gridspec_kw=below)
        for axes, (name, title) in zip(panels.flat, CURVES.items(), strict=False):
            _draw_curve(axes, groups, name, title)
        for axes in panels.flat[len(CURVES) :]:
            axes.remove()
    return figure


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


def _draw_scores(groups: Sequence[Group], by_steps: Axes, by_time: Axes, statistic: str | None) -> None:
    for axes, over in ((by_steps, "steps"), (by_time, "seconds")):
        _plain(axes)
        axes.set_xlabel("agent steps" if over == "steps" else "time since the start of training", color=INK)
        end = max(_end(group, over) for group in groups)
        axes.set_xlim(0, end * 1.02)
        if over == "steps":
            axes.xaxis.set_major_formatter(_formatter(short))
        else:
            ticks, labels = time_ticks(end)
            axes.set_xticks(ticks, labels)
    if statistic is None:
        by_steps.text(0.5, 0.5, "no episode ended yet", transform=by_steps.transAxes, ha="center", color=INK)
        return
    ends = []
    for group in groups:
        for axes, over in ((by_steps, "steps"), (by_time, "seconds")):
            _draw_band(axes, band_of(group.runs, over, f"env/{statistic}"), group)
            level = _draw_evaluation(axes, group, over, statistic)
        curve = band_of(group.runs, "seconds", f"env/{statistic}").mean
        known = curve[np.isfinite(curve)]
        ends.append(level if level is not None else float(known[-1]) if len(known) else np.nan)
    by_steps.margins(y=0.06)
    by_steps.yaxis.set_major_formatter(_formatter(_written))
    _draw_labels(by_time, groups, ends)


def _draw_band(axes: Axes, band: Band, group: Group) -> None:
    if len(group.runs) > 1:
        axes.fill_between(band.x, band.low, band.high, color=group.colour, alpha=0.18, linewidth=0)
    axes.plot(band.x, band.mean, color=group.colour, linestyle=group.dashes, linewidth=1.8, solid_capstyle="round")


def _draw_evaluation(axes: Axes, group: Group, over: str, statistic: str) -> float | None:
    """Mark the mean of the evaluations, with a line from the least to the greatest; return it."""
    levels = [level for run in group.runs if (level := run.evaluated(statistic)) is not None]
    if not levels:
        return None
    x, mean = _end(group, over), float(np.mean(levels))
    axes.plot([x, x], [min(levels), max(levels)], color=group.colour, linewidth=1.5, clip_on=False)
    style = {"markersize": 8, "markeredgecolor": "white", "markeredgewidth": 1.3, "clip_on": False, "zorder": 5}
    axes.plot([x], [mean], "o", color=group.colour, **style)  # type: ignore[arg-type]
    return mean


def _draw_labels(axes: Axes, groups: Sequence[Group], levels: Sequence[float]) -> None:
    """Write the label and last value of each curve beside its end, without overlaps."""
    low, high = axes.get_ylim()
    line = 0.062 * (high - low)
    lines = [_lines(group, level, len(groups)) for group, level in zip(groups, levels, strict=True)]
    heights = [line * len(text) for text in lines]
    wanted = [low if np.isnan(level) else level for level in levels]
    for group, text, y in zip(groups, lines, spread_out(wanted, heights, low, high), strict=True):
        axes.annotate(
            "\n".join(text), (1.03, y), xycoords=("axes fraction", "data"), color=group.colour, fontsize=9, va="center"
        )


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


def _draw_curve(axes: Axes, groups: Sequence[Group], name: str, title: str) -> None:
    _plain(axes)
    axes.set_title(title, loc="left", fontsize=9.5, color=INK)
    axes.set_xlim(0, max(_end(group, "steps") for group in groups) * 1.02)
    axes.xaxis.set_major_formatter(_formatter(short))
    axes.yaxis.set_major_formatter(_formatter(_written))
    axes.locator_params(axis="y", nbins=4)
    axes.locator_params(axis="x", nbins=5)
    axes.tick_params(labelsize=8)
    lows, highs = [], []
    for group in groups:
        band = band_of(group.runs, "steps", name)
        _draw_band(axes, band, group)
        known = band.mean[np.isfinite(band.mean)]
        if len(known):
            # a few extreme points at the start must not flatten the rest of the curve
            lows.append(float(np.quantile(known, 0.02)))
            highs.append(float(np.quantile(known, 0.98)))
    if not lows:
        axes.text(0.5, 0.5, "not reported", transform=axes.transAxes, ha="center", color=INK, fontsize=8)
        return
    low, high = min(lows), max(highs)
    if name in FROM_ZERO:
        low = min(low, 0.0)
    room = 0.08 * (high - low) or 0.08 * abs(high) or 1.0
    axes.set_ylim(low - (room if low < 0 else 0), high + room)


def _headline(figure: Figure, groups: Sequence[Group], runs: Sequence[Run], statistic: str | None, top: float) -> None:
    environments = list(dict.fromkeys(run.environment for run in runs))
    what = (statistic or "score").replace("_", " ")
    title = f"{environments[0]}: {what}" if len(environments) == 1 else what[0].upper() + what[1:]
    title += ", 1 is solved" if len(environments) > 1 and statistic == "perf" else ""
    figure.text(0.07, 1 - 0.055 * top, title, fontsize=14, fontweight="bold", color=INK, va="top")
    figure.text(0.07, 1 - 0.128 * top, _caption(groups, statistic), fontsize=9.5, color="#666666", va="top")


def _caption(groups: Sequence[Group], statistic: str | None) -> str:
    sizes = [len(group.runs) for group in groups]
    parts = []
    if max(sizes) == 1:
        parts.append("one run" if len(groups) == 1 else "one run each")
    else:
        seeds = str(sizes[0]) if len(set(sizes)) == 1 else f"{min(sizes)} to {max(sizes)}"
        band = "quartiles" if min(sizes) >= FEW else "least to greatest"
        parts.append(f"mean of {seeds} runs, band: {band}")
    if statistic is not None and any(run.evaluated(statistic) is not None for group in groups for run in group.runs):
        parts.append("dot: evaluation on fresh full episodes")
    return "; ".join(parts)


def _end(group: Group, over: str) -> float:
    """Return where a group's longest curve ends."""
    ends = [float(np.nanmax(x)) for run in group.runs if np.isfinite(x := getattr(run, over)).any()]
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


def _plain(axes: Axes) -> None:
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

"""What `puffer-plot` draws: runs read from their folders, put together into groups, averaged into curves with bands.

Runs that are the same but for their seeds (`storage.identity`) are one curve, a mean with a band; everything else is
a separate curve, named after the differences.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_envs.contract import shell
from puffer_envs.contract.names import suggest
from puffer_train.errors import ConfigError
from puffer_train.report.formatting import short
from puffer_train.storage.folder import main_statistic, read_config, read_evaluation, read_metrics
from puffer_train.storage.identity import describe, differing, facts, is_known, written
from puffer_train.storage.lock import find_holder
from puffer_train.storage.summary import CRASHED, ended

Numbers = NDArray[np.float64]

BINS = 160
"""Points of a curve: what happens between two is averaged."""

FEW = 5
"""With at least this many seeds a band spans their quartiles, with fewer the minimum to the maximum."""

MAX_DIFFERENCES = 3
"""Differences that a label names."""

EARLY = 0.5
"""A run that failed or crashed before this share of its steps is left out: it would bend the mean of its group."""

PREFIX = "env/"
"""Begins the names of episode statistics in metrics.jsonl."""

SETTINGS = ("train.", "policy.", "env.", "curriculum.", "selfplay.")


@dataclass(frozen=True)
class Run:
    """What is drawn of one run."""

    folder: Path
    environment: str
    facts: Mapping[str, Any]
    """Everything that must agree for it to be the same run as another, but for the seed."""
    known: bool
    """Whether it is known which code made it; otherwise it is the same as no other."""
    columns: Mapping[str, Numbers]
    """Of metrics.jsonl, and `steps_per_second`."""
    evaluation: Mapping[str, Any] | None
    """evaluation.json."""
    unfinished: str | None = None
    """Where and how it ended early; None if it did not."""

    @property
    def key(self) -> str:
        """The same for runs that differ only in their seeds."""
        return repr((self.environment, sorted(self.facts.items()), None if self.known else str(self.folder)))

    def over(self, axis: str) -> Numbers:
        """Return `steps`, `seconds` or `updates` at each line, NaN where a run did not report them."""
        return self.columns.get(axis, np.full(len(self.columns["steps"]), np.nan))

    def evaluated(self, column: str) -> float | None:
        """Return the mean of an episode statistic over fresh full episodes, None without an evaluation."""
        found = (self.evaluation or {}).get(column.removeprefix(PREFIX))
        mean = found.get("mean") if isinstance(found, dict) and column.startswith(PREFIX) else None
        return float(mean) if isinstance(mean, (int, float)) else None


@dataclass(frozen=True)
class Group:
    """Runs that are one curve."""

    label: str
    runs: Sequence[Run]


@dataclass(frozen=True)
class Band:
    """A curve over `x`: the mean of several runs, and a band around it. NaN where nothing is known."""

    x: Numbers
    mean: Numbers
    low: Numbers
    high: Numbers


# --- reading ---


def read_run(folder: Path, ignored: Sequence[str] = ()) -> Run:
    """Read what is drawn of a run, finished or not.

    Args:
        folder: The run's.
        ignored: Differences that do not matter: names as `storage.identity.facts` gives them, such as `*code`.

    Raises:
        ConfigError: There is nothing to draw yet.
    """
    config = read_config(folder)
    columns = read_columns(folder)
    if not columns:
        raise ConfigError(f"{folder} has nothing to draw yet: its metrics.jsonl has no whole line.")
    every = facts(config)
    kept = {name: value for name, value in every.items() if not _is_ignored(name, ignored)}
    known = is_known(config) or not any(name.endswith(" code") for name in kept)
    unfinished = _unfinished(folder, config, float(columns["steps"][-1]))
    return Run(folder, config["environment"], kept, known, columns, read_evaluation(folder), unfinished)


def read_columns(folder: Path) -> dict[str, Numbers]:
    """Return the columns of a run's metrics as they are drawn, and `steps_per_second`; none if it has no line yet."""
    columns = read_metrics(folder)
    if "seconds" in columns:
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = np.diff(columns["steps"], prepend=0) / np.diff(columns["seconds"], prepend=0)
        columns["steps_per_second"] = np.where(np.isfinite(rate) & (rate > 0), rate, np.nan)
    if "explained_variance" in columns:  # very negative if all returns are equal
        columns["explained_variance"] = np.maximum(columns["explained_variance"], -1.0)
    return columns


def _is_ignored(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(part, pattern) for pattern in patterns for part in (name, name.rpartition(".")[2]))


def _unfinished(folder: Path, config: Mapping[str, Any], steps: float) -> str | None:
    """Return how and where a run ended that failed or crashed early, None for any other."""
    if not is_early(config, steps, find_holder(folder) is not None):
        return None
    return f"it {ended(config)} after {short(steps)} of {short(config['settings']['train']['steps'])} steps"


def is_early(config: Mapping[str, Any], steps: float, live: bool) -> bool:
    """Whether a run failed or crashed so early that it would bend the mean of its group."""
    goal = config["settings"].get("train", {}).get("steps", 0)
    return ended(config) in (CRASHED, "failed") and steps < EARLY * goal and not live


def read_runs(folders: Sequence[Path], ignored: Sequence[str] = ()) -> tuple[list[Run], list[str]]:
    """Read the runs to draw, and return a sentence for each that is left out.

    Left out is what cannot be read, has no numbers yet, or crashed early, unless all others are, too.

    Raises:
        ConfigError: None of them can be drawn: the first one's reason.
    """
    runs: list[Run] = []
    errors: list[ConfigError] = []
    for folder in folders:
        try:
            runs.append(read_run(folder, ignored))
        except ConfigError as error:
            errors.append(error)
    if not runs:
        raise errors[0]
    lasting = [run for run in runs if run.unfinished is None]
    short_lived = [f"{run.folder}: {run.unfinished}." for run in runs if run.unfinished is not None]
    return (lasting, [*map(str, errors), *short_lived]) if lasting else (runs, list(map(str, errors)))


# --- groups ---


def group_runs(runs: Sequence[Run]) -> list[Group]:
    """Group runs that differ only in their seeds, and label each group with its differences."""
    by_key: dict[str, list[Run]] = {}
    for run in runs:
        by_key.setdefault(run.key, []).append(run)
    firsts = [members[0] for members in by_key.values()]
    return [Group(_label(members[0], firsts), members) for members in by_key.values()]


def _label(run: Run, others: Sequence[Run]) -> str:
    """Describe how a run differs from the others: its environment, or what varies within that."""
    rivals = [other for other in others if other.environment == run.environment]
    parts = [run.environment] if len(rivals) < len(others) else []
    varied = list(differing([rival.facts for rival in rivals]))
    for name in varied[:MAX_DIFFERENCES]:
        value = run.facts.get(name)
        text = "not given" if value is None else _value(value)
        parts.append(f"{name.rpartition('.')[2].replace('_', ' ')} {text}")
    if len(varied) > MAX_DIFFERENCES:
        parts.append(f"... ({run.folder.name})")
    elif not run.known and len(rivals) > 1:
        parts.append(f"unknown code ({run.folder.name})")
    return ", ".join(parts) or run.environment


def _value(value: object) -> str:
    return short(value) if isinstance(value, int) and abs(value) >= 10_000 else written(value)


def unexpected(groups: Sequence[Group]) -> list[str]:
    """Return a sentence for each environment whose runs are kept apart by something else than their settings."""
    sentences = []
    for name in dict.fromkeys(group.runs[0].environment for group in groups):
        firsts = [group.runs[0] for group in groups if group.runs[0].environment == name]
        found = {k: v for k, v in differing([run.facts for run in firsts]).items() if not k.startswith(SETTINGS)}
        reason = f"they differ in {describe(found)}" if found else "it is unknown which code made some of them"
        if found or (len(firsts) > 1 and not all(run.known for run in firsts)):
            how = shell.join(["--ignore", ",".join(found) or "*code"])
            sentences.append(f"runs of {name} are not averaged: {reason}. Draw them as one with {how}.")
    return sentences


# --- statistics ---


def columns_of(runs: Sequence[Run], wanted: str | None = None) -> list[str]:
    """Return the columns of metrics.jsonl to draw; none if no episode has ended yet.

    Args:
        runs: Those to draw.
        wanted: Names or patterns separated by commas, such as `perf,race.*,entropy`. None: the main statistic. Scores
            of different environments cannot be compared: with several it is `perf`, which is 1 where any is solved.

    Raises:
        ConfigError: No run has a statistic that is wanted.
    """
    names = dict.fromkeys(name for run in runs for name in run.columns if name not in ("steps", "seconds", "updates"))
    if wanted is not None:
        found = [name for pattern in wanted.split(",") for name in _matching(pattern.strip(), list(names))]
        return list(dict.fromkeys(found))
    of_each = [{name for name in run.columns if name.startswith(PREFIX)} for run in runs]
    common = set.intersection(*of_each) or set.union(*of_each)
    if len({run.environment for run in runs}) > 1 and f"{PREFIX}perf" in common:
        return [f"{PREFIX}perf"]
    main = main_statistic({title(name) for name in common})
    return [] if main is None else [f"{PREFIX}{main}"]


def _matching(pattern: str, names: Sequence[str]) -> list[str]:
    exact = [name for name in names if pattern in (name, title(name))]
    found = exact or [name for name in names if fnmatch.fnmatchcase(title(name), pattern)]
    if not found:
        known = sorted(map(title, names))
        raise ConfigError(f"no run has the statistic {pattern!r}.{suggest(pattern, known) or ' ' + ', '.join(known)}")
    return found


def title(column: str) -> str:
    """Return what people call a column: without the prefix of episode statistics."""
    return column.removeprefix(PREFIX)


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


def band_of(runs: Sequence[Run], over: str, name: str, log: bool = False) -> Band:
    """Return the mean and the spread of a number over `steps`, `seconds` or `updates`.

    Over steps and updates, only runs that got that far count. Over time, a run that ended keeps its last value.
    log: The points are spaced for a logarithmic axis.
    """
    across = [run.over(over) for run in runs]
    edges = _edges(across, log)
    rows = []
    for run, x in zip(runs, across, strict=True):
        y = run.columns.get(name, np.full(len(x), np.nan))
        weight = run.columns.get(f"{PREFIX}n") if name.startswith(PREFIX) else None
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


def _edges(across: Sequence[Numbers], log: bool) -> Numbers:
    """Return where the points of a curve begin and end."""
    positive = np.concatenate([x[np.isfinite(x) & (x > 0)] for x in across])
    end = float(positive.max()) if len(positive) else 1.0
    count = min(BINS, max(map(len, across))) + 1
    if log and len(positive):
        return np.geomspace(float(positive.min()) / 1.0001, end, count)
    return np.linspace(0, end, count)

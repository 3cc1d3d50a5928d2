"""What `puffer-sweep` prints and draws of sweeps: one by itself, or several beside each other."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from puffer_train.errors import ConfigError
from puffer_train.report.formatting import brief, clock, short
from puffer_train.sweep.front import Front
from puffer_train.sweep.plan import Plan
from puffer_train.sweep.results import Trial, describe_stops
from puffer_train.sweep.results import front as front_of
from puffer_train.sweep.sweep import Sweep

MOST_POINTS, MOST_COSTS = 5, 4
"""Of a front that are printed, and costs at which several fronts are compared."""
PICTURE, PICTURE_OF_SEVERAL = "front.png", "fronts.png"
"""In the folder of the sweep, or of the first of several."""


def show(sweep: Sweep, console: Console) -> int:
    """Print the front and draw the sweep; return the exit status."""
    trials = sweep.finished()
    failed = sum(trial.failed for trial in trials)
    if all(trial.reason for trial in trials):
        console.print(_no_run(trials), soft_wrap=True, markup=False)
        return 1
    front = sweep.front(trials)
    console.print(_front_table(front, sweep.plan))
    console.print(
        f"{len(trials)} runs, {failed} failed, {clock(sweep.spent())} of {sweep.plan.cost} in all"
        if sweep.plan.cost in ("cpu", "wall")
        else f"{len(trials)} runs, {failed} failed",
        highlight=False,
    )
    if stops := describe_stops(trials, sweep.sign):
        console.print(stops, soft_wrap=True, highlight=False)

    def draw() -> Path:
        from puffer_train.sweep.picture import draw  # noqa: PLC0415 - matplotlib

        return draw(trials, front, sweep.plan, sweep.folder / PICTURE)

    if _draw(draw, console):
        best, folder = front[-1], sweep.run_folder(front[-1])
        place = best.where if best.where and not folder.exists() else folder
        console.print(f"  best     {place}", soft_wrap=True, markup=False, highlight=False)
    return 0


def show_several(sweeps: Sequence[Sweep], console: Console) -> int:
    """Print and draw several fronts beside each other; return the exit status.

    Raises:
        ConfigError: They cannot be compared, or one has no run that ended well.
    """
    results = _results(sweeps)
    console.print(_fronts_table(results))
    console.print("area: under the front, over the log of the cost; all runs together are 1", highlight=False)

    def draw() -> Path:
        from puffer_train.sweep.picture import compare  # noqa: PLC0415 - matplotlib

        drawn = {f"{name}: {of.plan.method}": (of.trials, of.front) for name, of in results.items()}
        return compare(drawn, sweeps[0].plan, sweeps[0].folder / PICTURE_OF_SEVERAL)

    _draw(draw, console)
    return 0


@dataclass(frozen=True)
class _Result:
    plan: Plan
    trials: list[Trial]
    front: list[Trial]


def _results(sweeps: Sequence[Sweep]) -> dict[str, _Result]:
    """Return what there is of each sweep, by its name."""
    names = [sweep.folder.resolve().name for sweep in sweeps]
    found: dict[str, _Result] = {}
    for name, sweep in zip(names, sweeps, strict=True):
        trials = sweep.finished()
        if all(trial.reason for trial in trials):
            raise ConfigError(f"{sweep.folder} has no front: {_no_run(trials)}")
        found[name if names.count(name) == 1 else str(sweep.folder)] = _Result(sweep.plan, trials, sweep.front(trials))
    for what, of in (
        ("environment", lambda result: result.plan.environment),
        ("cost", lambda result: result.plan.cost),
        ("metric", lambda result: result.front[0].metric),
    ):
        values = list(map(of, found.values()))
        other = next((i for i, value in enumerate(values) if value != values[0]), None)
        if other is not None:
            raise ConfigError(
                f"{sweeps[0].folder} has {what} {values[0]}, {sweeps[other].folder} {values[other]}: "
                f"only sweeps with the same {what} can be compared."
            )
    return found


def _no_run(trials: Sequence[Trial]) -> str:
    reasons = "; ".join(sorted({trial.reason for trial in trials})[:3])
    return f"None of {len(trials)} runs came to its end{': ' + reasons if reasons else ''}."


def _draw(draw: Callable[[], Path], console: Console) -> bool:
    """Draw and print where the picture is; return whether matplotlib was there."""
    try:
        path = draw()
    except ImportError:
        sentence = 'No picture: matplotlib is missing: pip install "puffer-envs[plot]"'
        console.print(sentence, markup=False, highlight=False)
        return False
    console.print(f"  picture  {path}", highlight=False)
    return True


def _front_table(front: Sequence[Trial], made: Plan) -> Table:
    """Return the front as a table: a column for each point, at most `MOST_POINTS`, and a row for each setting."""
    chosen = [
        front[round(i * (len(front) - 1) / max(1, min(len(front), MOST_POINTS) - 1))]
        for i in range(min(len(front), MOST_POINTS))
    ]
    table = _table(["", *[""] * len(chosen)])
    table.add_row(made.cost, *(brief(trial.cost) for trial in chosen), style="bold")
    table.add_row(chosen[0].metric, *(f"{trial.score:.4g}" for trial in chosen), style="bold")
    if any(len(trial.scores) > 1 for trial in front):
        table.add_row("runs", *(str(len(trial.scores)) for trial in chosen))
        table.add_row("lowest to highest", *(_spread(trial.scores) for trial in chosen))
    table.add_row("run", *(str(trial.number) for trial in chosen))
    for name in made.ranges:
        table.add_row(name, *(_short(trial.values.get(name)) for trial in chosen))
    return table


def _spread(scores: Sequence[float]) -> str:
    return f"{min(scores):.3g} to {max(scores):.3g}" if len(scores) > 1 else ""


def _fronts_table(results: Mapping[str, _Result]) -> Table:
    """Return a column for each sweep: how many runs, their cost, the area under the front, and what costs buy."""
    plan = next(iter(results.values())).plan
    ends = sorted(trial.cost for of in results.values() for trial in of.front)
    chosen = [ends[(i + 1) * (len(ends) - 1) // MOST_COSTS] for i in range(MOST_COSTS)]
    costs = list(dict.fromkeys(map(_rounded_up, chosen)))
    columns = [["method", "runs", "failed", plan.cost, "area", *(f"at {brief(cost)}" for cost in costs)]]
    areas = _areas([of.trials for of in results.values()], -1.0 if plan.minimize else 1.0)
    for of, area in zip(results.values(), areas, strict=True):
        total = f"{len(of.trials)}", f"{sum(trial.failed for trial in of.trials)}"
        bought = [next((trial.score for trial in reversed(of.front) if trial.cost <= cost), None) for cost in costs]
        scores = ("-" if score is None else f"{score:.3g}" for score in bought)
        spent = brief(of.plan.seeds * sum(trial.cost for trial in of.trials))
        columns.append([of.plan.method, *total, spent, f"{area:.2f}", *scores])
    table = _table(["", *results])
    for row in zip(*columns, strict=True):
        table.add_row(*row)
    return table


def _rounded_up(cost: float) -> float:
    """Return the next number with two digits."""
    unit = 10.0 ** (math.floor(math.log10(cost)) - 1)
    return float(f"{math.ceil(cost / unit * (1 - 1e-9)) * unit:.2g}")


def _areas(sweeps: Sequence[Sequence[Trial]], sign: float) -> list[float]:
    """Return the area under each front, as a share of the area under that of all runs together."""
    runs = [trial for trials in sweeps for trial in trials if not trial.reason]
    end, floor = np.log(max(trial.cost for trial in runs)), min(sign * trial.score for trial in runs)

    def area(points: Sequence[Trial]) -> float:
        front = Front.of(np.log([t.cost for t in points]), np.array([sign * t.score for t in points]))
        return float((front.gaps(float(end)) * (front.scores - floor)).sum())

    fronts = [front_of(trials, sign) for trials in sweeps]
    return [area(points) / max(1e-300, area([point for each in fronts for point in each])) for points in fronts]


def _table(heads: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=any(heads), header_style="bold")
    for i, head in enumerate(heads):
        table.add_column(head, justify="right" if i else "left", no_wrap=True)
    return table


def _short(value: Any) -> str:
    if type(value) not in (int, float):
        return str(value)
    return short(value) if value >= 10_000 else f"{value:.3g}" if isinstance(value, float) else str(value)

"""What a bisection found, and how it looks in a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from puffer_train.condition import Condition
from puffer_train.learners.recording import Gradient
from puffer_train.report.formatting import short

FIRST = ("gradient_norm", "approx_kl", "clip_fraction", "entropy", "policy_loss", "value_loss", "explained_variance")
"""Losses in this order; others follow."""

ELSEWHERE = ("steps", "updates", "seconds", "loss", "importance", "old_approx_kl")

MANY_TIMES = 3.0
"""A number that is so many times what it was is marked."""


@dataclass
class Iteration:
    """An iteration that was trained again."""

    report: dict[str, float] = field(default_factory=dict)
    """As in `metrics.jsonl`."""
    gradients: list[Gradient] = field(default_factory=list)
    """One for each minibatch, in order."""

    @property
    def steps(self) -> int:
        """Agent steps done after it."""
        return int(self.report["steps"])

    @property
    def steepest(self) -> Gradient | None:
        """The minibatch with the longest gradient; None if the iteration had none."""
        return max(self.gradients, key=lambda gradient: gradient.norm, default=None)


@dataclass(frozen=True)
class Bisection:
    """The last iteration before a condition held, and the first at which it did."""

    condition: Condition
    good: Iteration
    bad: Iteration
    begin: int
    """Agent steps from which the run was trained again."""
    difference: str | None
    """What the run has recorded and its repetition found otherwise; None where all is the same."""


def report_bisection(found: Bisection, console: Console) -> None:
    """Print the last good and the first bad iteration side by side, then their minibatches."""
    good, bad = found.good, found.bad
    name = found.condition.name.replace("/", ".")
    _say(console, f"{found.condition} held first after {bad.steps:,} steps.")
    _say(console, f"The run was repeated from {short(found.begin)} steps on.")
    if found.difference is not None:
        _say(console, f"WARNING: The repetition is not exact: {found.difference}. Code, versions or machine differ.")
    names = [key for key in dict.fromkeys([*good.report, *bad.report]) if key not in ELSEWHERE]
    statistics = [key for key in names if key.startswith("env/")]
    losses = [key for key in names if not key.startswith("env/")]
    ordered = sorted(losses, key=lambda key: FIRST.index(key) if key in FIRST else len(FIRST))
    table = _table("", f"last good, {short(good.steps)}", f"first bad, {short(bad.steps)}", "")
    for key in [*statistics, *ordered]:
        title = key.replace("/", ".")
        _row(table, title, good.report.get(key), bad.report.get(key), "<- this" if title == name else "")
    console.print(table)
    console.print()
    _print_gradients(good.gradients, bad.gradients, console)
    console.print()
    steepest = bad.steepest
    if steepest is not None:
        largest, length = max(steepest.parameters.items(), key=lambda item: item[1])
        usual = "" if good.steepest is None else f", {good.steepest.norm:.4g} at most in the iteration before"
        _say(
            console,
            f"Longest gradient: minibatch {steepest.number} of {len(bad.gradients)}, {steepest.norm:.4g}{usual}; "
            f"most of it in {largest!r}, {length:.4g}.",
        )


def _print_gradients(good: Sequence[Gradient], bad: Sequence[Gradient], console: Console) -> None:
    """Print a line for each minibatch: gradient, KL and clip fraction, before and then."""
    table = _table("\nminibatch", "gradient\ngood", "\nbad", "KL\ngood", "\nbad", "clipped\ngood", "\nbad", "\nmost in")
    shown: list[Callable[[Gradient], float | None]] = [
        lambda gradient: gradient.norm,
        lambda gradient: gradient.losses.get("approx_kl"),
        lambda gradient: gradient.losses.get("clip_fraction"),
    ]
    for number in range(max(len(good), len(bad))):
        before, then = (gradients[number] if number < len(gradients) else None for gradients in (good, bad))
        cells: list[Text] = []
        for value in shown:
            was, became = (None if gradient is None else value(gradient) for gradient in (before, then))
            cells += [_number(was), _number(became, marked=_is_many_times(was, became))]
        most = "" if then is None else max(then.parameters, key=then.parameters.__getitem__)
        table.add_row(Text(str(number + 1)), *cells, Text(most))
    console.print(table)


def _row(table: Table, title: str, before: float | None, then: float | None, remark: str) -> None:
    table.add_row(Text(title), _number(before), _number(then, marked=_is_many_times(before, then)), Text(remark))


def _is_many_times(before: float | None, then: float | None) -> bool:
    return before is not None and then is not None and abs(then) > MANY_TIMES * abs(before) and abs(then) > 1e-6


def _number(value: float | None, *, marked: bool = False) -> Text:
    text = "-" if value is None else f"{value:.5g}"
    return Text(f"! {text}", style="bold yellow") if marked else Text(text)


def _table(*titles: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for i, title in enumerate(titles):
        last = title.strip() in ("", "most in") and i > 0
        table.add_column(title, justify="left" if i == 0 or last else "right", no_wrap=True)
    return table


def _say(console: Console, line: str) -> None:
    console.print(line, soft_wrap=True, markup=False, highlight=False)


def as_json(found: Bisection) -> Mapping[str, Any]:
    """Return it as JSON values."""
    return asdict(found) | {"condition": str(found.condition)}

"""The front of a sweep in characters, for a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from rich.text import Text

from puffer_train.report.formatting import brief

if TYPE_CHECKING:
    from puffer_train.sweep.sweep import Trial

LABEL = 8
"""Columns for the numbers of the upright axis."""
OUTLIERS = 0.05
"""So many of the worst scores are drawn at the bottom, so that they do not flatten the rest."""


@dataclass(frozen=True)
class Signs:
    """The characters of a plot."""

    front: str
    other: str
    across: str
    up: str
    to_up: str
    to_down: str
    edge: str


DRAWN = Signs("★", "·", "─", "│", "┘", "┐", "┤")
ASCII = Signs("*", ".", "-", "|", "+", "+", "|")


def draw_front(
    trials: Sequence[Trial], front: Sequence[Trial], width: int, height: int, signs: Signs = DRAWN
) -> list[Text]:
    """Return the lines of a plot of score against the log of the cost.

    Args:
        trials: That did not fail, in their order; the last one is marked.
        front: Those that nothing beats, by rising cost.
        width: Columns.
        height: Lines, with the one for the numbers of the costs.
        signs: What to draw with.
    """
    rows, columns = height - 1, width - LABEL - 2
    costs, scores = [np.array([getattr(t, name) for t in trials]) for name in ("cost", "score")]
    rising = front[-1].score >= front[0].score
    worst = float(np.quantile(scores, OUTLIERS if rising else 1 - OUTLIERS))
    ends = [worst, front[0].score, front[-1].score]
    low, high = min(ends), max(ends)
    low, high = (low, high) if high > low else (low - 0.5, high + 0.5)
    first, last = math.log(costs.min()), math.log(costs.max())

    def row(score: float) -> int:
        return rows - 1 - round(min(max((score - low) / (high - low), 0.0), 1.0) * (rows - 1))

    def column(cost: float) -> int:
        return round((math.log(cost) - first) / max(last - first, 1e-9) * (columns - 1))

    cells: list[list[tuple[str, str]]] = [[(" ", "")] * columns for _ in range(rows)]
    _draw_steps(cells, [(row(t.score), column(t.cost)) for t in front], signs)
    for trial in trials:
        cells[row(trial.score)][column(trial.cost)] = (signs.other, "")
    for trial in front:
        cells[row(trial.score)][column(trial.cost)] = (signs.front, "bold yellow")
    newest = trials[-1]
    sign = signs.front if newest.number in {t.number for t in front} else signs.other
    cells[row(newest.score)][column(newest.cost)] = (sign, "bold reverse")

    labels = {0: high, rows // 2: high - (high - low) * (rows // 2) / (rows - 1), rows - 1: low}
    lines = []
    for i, line in enumerate(cells):
        label = brief(labels[i]) if i in labels else ""
        text = Text(f"{label:>{LABEL}} {signs.edge if label else signs.up}", style="dim", no_wrap=True)
        for sign, style in line:
            text.append(sign, style or "not dim")
        lines.append(text)
    return [*lines, Text(" " * (LABEL + 2) + _ticks(first, last, columns), style="dim", no_wrap=True)]


def _draw_steps(cells: list[list[tuple[str, str]]], corners: Sequence[tuple[int, int]], signs: Signs) -> None:
    """Draw the line through the front: across at its height, then up or down to the next point."""
    style, end = "yellow", (corners[-1][0], len(cells[0]))
    for (row, column), (to_row, to_column) in zip(corners, [*corners[1:], end], strict=True):
        for x in range(column + 1, to_column):
            cells[row][x] = (signs.across, style)
        for y in range(min(row, to_row) + 1, max(row, to_row)):
            cells[y][to_column] = (signs.up, style)
        if row != to_row and to_column > column:
            cells[row][to_column] = (signs.to_up if to_row < row else signs.to_down, style)


def _ticks(first: float, last: float, columns: int) -> str:
    """Return the numbers below the lower axis: 1, 2, 5, 10, each centred where it is, as many as fit."""
    line = [" "] * columns
    powers = range(math.floor(first / math.log(10)) - 1, math.ceil(last / math.log(10)) + 1)
    for value in (digit * 10.0**power for digit in (1, 5, 2) for power in powers):
        place = round((math.log(value) - first) / max(last - first, 1e-9) * (columns - 1))
        text = brief(value)
        start = min(max(0, place - len(text) // 2), columns - len(text))
        if 0 <= place < columns and not "".join(line[max(0, start - 2) : start + len(text) + 2]).strip():
            line[start : start + len(text)] = text
    return "".join(line)

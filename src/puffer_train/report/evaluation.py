"""How good a policy is, in a terminal: a table, a histogram over episodes, and the difference between two policies."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.text import Text

from puffer_train.algorithm.evaluate import Evaluation

COLUMNS = {"mean": "mean", "std": "std", "min": "min", "q25": "25 %", "median": "median", "q75": "75 %", "max": "max"}
"""Keys of a summary and how they are headed."""

NARROW = ("mean", "std", "min", "max")
"""What there is room for in a narrow terminal."""

WIDEST = 100
"""Columns beyond which bars do not grow, for the eye has to follow them."""

BINS = 12
"""About how many bars a histogram has."""

BLOCKS = "▏▎▍▌▋▊▉█"
"""One eighth of a character, two, ... eight."""

BOOTSTRAP_ROUNDS = 2000
"""Enough for the ends of a 95 % interval to be steady to a few hundredths of its width."""


def report_evaluation(result: Evaluation, console: Console) -> None:
    """Print mean, spread and quartiles of every statistic, the main one first, and a histogram of that."""
    if result.unfinished:
        _say(console, f"{result.unfinished} episodes did not end and are not counted.")
    if not result.episodes:
        return
    _say(console, f"Evaluated on {result.episodes} fresh full episodes:")
    summary = result.summary()
    ordered = sorted(summary, key=lambda name: name != result.main)
    _print_table({name: summary[name] for name in ordered}, console)
    if result.episodes > 1:
        _say(console, f"{result.main} over episodes:")
        _print_histogram([result.figures[result.main]], console)


def report_comparison(a: Evaluation, b: Evaluation, console: Console) -> None:
    """Print two evaluations, A and B, side by side, and what is known of the difference of their means."""
    for name, result in {"A": a, "B": b}.items():
        if result.unfinished:
            _say(console, f"{result.unfinished} episodes of {name} did not end and are not counted.")
    if not (a.episodes and b.episodes):
        _say(console, "Nothing can be compared where no episode ended.")
        return
    what = a.main
    samples = np.array(a.figures[what]), np.array(b.figures[what])
    _say(console, f"Evaluated on {a.episodes} and {b.episodes} fresh full episodes:")
    _print_table({f"A {what}": a.summary()[what], f"B {what}": b.summary()[what]}, console)
    _say(console, f"{what} over episodes, A and B:")
    _print_histogram(samples, console)
    _say(console, verdict(*samples, what))


def _print_table(rows: Mapping[str, Mapping[str, float]], console: Console) -> None:
    for line in table(rows, console.width - 2):
        _say(console, "  " + line)


def _print_histogram(samples: Sequence[Sequence[float] | NDArray[np.float64]], console: Console) -> None:
    for line in Histogram.of(samples).lines(min(console.width, WIDEST) - 2, not console.options.ascii_only):
        _say(console, "  " + line)


def table(rows: Mapping[str, Mapping[str, float]], width: int) -> list[str]:
    """Return a head and a line for each title and summary, with as many columns as fit into the width."""
    longest = max(map(len, rows))
    lines: list[str] = []
    for keys in (list(COLUMNS), list(NARROW), ["mean", "std"]):
        cells = [
            [COLUMNS[key] for key in keys],
            *([f"{summary[key]:.5g}" for key in keys] for summary in rows.values()),
        ]
        wide = max(len(cell) for row in cells for cell in row) + 2
        titled = zip(["", *rows], cells, strict=True)
        lines = [title.ljust(longest) + "".join(cell.rjust(wide) for cell in row) for title, row in titled]
        if len(lines[0]) <= width:
            break
    return lines


@dataclass(frozen=True)
class Histogram:
    """How many episodes fell between which figures, for one policy or several."""

    edges: NDArray[np.float64]
    """(N + 1,) ends of the bins, round numbers."""
    counts: NDArray[np.int64]
    """(P, N) episodes of each policy in each bin."""

    @classmethod
    def of(cls, samples: Sequence[Sequence[float] | NDArray[np.float64]]) -> Histogram:
        """Sort the samples of each policy into the same bins; every bin takes in its lower end, the last its upper."""
        every = np.concatenate([np.asarray(sample, np.float64) for sample in samples])
        edges = round_edges(float(every.min()), float(every.max()))
        return cls(edges, np.array([np.histogram(sample, edges)[0] for sample in samples]))

    def lines(self, width: int, blocks: bool) -> list[str]:
        """Return a line for each bin with a bar for each policy: of `blocks`, or of ASCII characters."""
        step = float(self.edges[1] - self.edges[0]) or 1.0  # around a huge number it is lost in rounding
        digits = max(0, -math.floor(math.log10(step) + 1e-9))
        ends = [f"{edge:.{digits}f}" for edge in self.edges]
        wide = max(map(len, ends))
        total = self.counts.sum(1, keepdims=True)
        shares = self.counts / np.maximum(total, 1)
        number = max(len(str(count)) for count in self.counts.flat)
        policies = len(self.counts)
        # "low to high |bar count |bar count": the numbers stand in a column of their own
        room = max(4, (width - (2 * wide + 4)) // policies - number - 3)
        result = []
        for i in range(len(self.edges) - 1):
            line = f"{ends[i].rjust(wide)} to {ends[i + 1].rjust(wide)} "
            for share, count in zip(shares[:, i], self.counts[:, i], strict=True):
                mark = "▕" if blocks else "|"
                line += f"{mark}{bar(share / shares.max(), room, blocks).ljust(room)} {str(count).rjust(number)} "
            result.append(line.rstrip())
        return result


def round_edges(low: float, high: float) -> NDArray[np.float64]:
    """Return about a dozen equally spaced round numbers that take in everything from low to high.

    Where these are the same, one bin around them is all.
    """
    if low == high:
        return np.array([low - 0.5, high + 0.5])
    rough = (high - low) / BINS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(s * power for s in (1, 2, 2.5, 5, 10) if s * power >= rough * (1 - 1e-9))
    first = math.floor(low / step + 1e-9)
    last = max(math.ceil(high / step - 1e-9), first + 1)
    return np.arange(first, last + 1, dtype=np.float64) * step


def bar(share: float, width: int, blocks: bool) -> str:
    """Return a bar that takes this share of the width; whatever is more than nothing can be seen."""
    if share <= 0:
        return ""
    if not blocks:
        return "#" * max(1, round(share * width))
    eighths = max(1, round(share * width * 8))
    return BLOCKS[-1] * (eighths // 8) + (BLOCKS[eighths % 8 - 1] if eighths % 8 else "")


def verdict(a: NDArray[np.float64], b: NDArray[np.float64], what: str) -> str:
    """Say how far the means of A and B lie apart, and whether that can be chance."""
    difference = float(a.mean() - b.mean())
    low, high = bootstrap_difference(a, b)
    told = f"A - B: mean {what} {difference:+.5g}, 95 % interval {low:+.5g} to {high:+.5g}"
    if low > 0 or high < 0:
        return f"{told}: {'A' if low > 0 else 'B'} is better."
    if low == high == 0:
        return f"{told}: no difference."
    return f"{told}: this may be chance; more --episodes tell."


def bootstrap_difference(a: NDArray[np.float64], b: NDArray[np.float64], seed: int = 0) -> tuple[float, float]:
    """Return the 95 % percentile interval of mean(a) - mean(b).

    Both samples are drawn anew from themselves, each apart from the other, 2,000 times (Efron 1979). The two policies'
    games begin alike, but do not stay so: nothing is gained by taking them in pairs.
    """
    rng = np.random.default_rng(seed)

    def means(sample: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.array([sample[rng.integers(len(sample), size=len(sample))].mean() for _ in range(BOOTSTRAP_ROUNDS)])

    low, high = np.quantile(means(a) - means(b), [0.025, 0.975])
    return float(low), float(high)


def _say(console: Console, line: str) -> None:
    console.print(Text(line), soft_wrap=True)

"""How good a policy is, in a terminal: a table, a histogram over episodes, and the difference between two policies."""

from __future__ import annotations

import itertools
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
"""What fits into a narrow terminal."""

WIDEST = 100
"""Maximum width of bars: longer ones are hard to follow."""

BINS = 12
"""About how many bars a histogram has."""

MAX_WHOLE = 1e15
"""Beyond this, floats are too coarse to count whole numbers one by one."""

BLOCKS = "▏▎▍▌▋▊▉█"
"""One eighth of a character, two, ... eight."""

BOOTSTRAP_ROUNDS = 2000
"""Enough for the ends of a 95 % interval to be steady to a few hundredths of its width."""


def report_evaluation(result: Evaluation, console: Console, statistic: str | None = None) -> None:
    """Print mean, spread and quartiles of every statistic, and a histogram of `statistic`, by default the main one."""
    if result.unfinished:
        _say(console, _unfinished(result, ""))
    if not result.episodes:
        return
    _say(console, f"Evaluated on {result.episodes} fresh full episodes:")
    summary, main = result.summary(), statistic or result.main
    ordered = sorted(summary, key=lambda name: name != main)
    _print_table({name: summary[name] for name in ordered}, console)
    if result.episodes > 1:
        _say(console, f"{main} over episodes:")
        _print_histogram([result.figures[main]], console)


def report_comparison(a: Evaluation, b: Evaluation, console: Console, statistic: str | None = None) -> None:
    """Print two evaluations, A and B, side by side, and how certain the difference of their means is."""
    for name, result in {"A": a, "B": b}.items():
        if result.unfinished:
            _say(console, _unfinished(result, f" of {name}"))
    if not (a.episodes and b.episodes):
        _say(console, "There is nothing to compare: no episode ended.")
        return
    what = statistic or a.main
    samples = np.array(a.figures[what]), np.array(b.figures[what])
    _say(console, f"Evaluated on {a.episodes} and {b.episodes} fresh full episodes:")
    _print_table({f"A {what}": a.summary()[what], f"B {what}": b.summary()[what]}, console)
    _say(console, f"{what} over episodes, A and B:")
    _print_histogram(samples, console)
    _say(console, verdict(*samples, what))


def _unfinished(result: Evaluation, whose: str) -> str:
    """Say which episodes are not counted, and how they went until then."""
    mean = float(np.mean(result.so_far))
    what = "1 episode" if result.unfinished == 1 else f"{result.unfinished} episodes"
    return (
        f"{what}{whose} did not end within {result.max_steps:,} steps and are not counted; their return so far is "
        f"{mean:.5g} on average. --train.eval-max-steps, and --max-steps of puffer-eval, set the limit."
    )


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
    """How many episodes fell into which range, for one policy or several."""

    edges: NDArray[np.float64]
    """(N + 1,) ends of the bins, round numbers."""
    counts: NDArray[np.int64]
    """(P, N) episodes of each policy in each bin."""
    labels: list[str]
    """(N,) the range of each bin: `0.5 to 1.0`, or, for whole numbers, the first and the last it holds: `0 to 4`."""

    @classmethod
    def of(cls, samples: Sequence[Sequence[float] | NDArray[np.float64]]) -> Histogram:
        """Sort the samples of each policy into the same bins; a bin includes its lower end, the last also its upper."""
        every = np.concatenate([np.asarray(sample, np.float64) for sample in samples])
        low, high = float(every.min()), float(every.max())
        whole = bool(np.all(every == np.round(every))) and max(abs(low), abs(high)) < MAX_WHOLE
        edges = whole_edges(low, high) if whole else round_edges(low, high)
        labels = whole_labels(edges, low, high) if whole else range_labels(edges)
        return cls(edges, np.array([np.histogram(sample, edges)[0] for sample in samples]), labels)

    def lines(self, width: int, blocks: bool) -> list[str]:
        """Return a line for each bin with a bar for each policy: of `blocks`, or of ASCII characters."""
        wide = max(map(len, self.labels))
        total = self.counts.sum(1, keepdims=True)
        shares = self.counts / np.maximum(total, 1)
        number = max(len(str(count)) for count in self.counts.flat)
        policies = len(self.counts)
        # "low to high |bar count |bar count": the counts have their own column
        room = max(4, (width - wide) // policies - number - 3)
        result = []
        for i, label in enumerate(self.labels):
            line = f"{label.rjust(wide)} "
            for share, count in zip(shares[:, i], self.counts[:, i], strict=True):
                mark = "▕" if blocks else "|"
                line += f"{mark}{bar(share / shares.max(), room, blocks).ljust(room)} {str(count).rjust(number)} "
            result.append(line.rstrip())
        return result


def round_edges(low: float, high: float) -> NDArray[np.float64]:
    """Return about a dozen equally spaced round numbers that span low to high.

    If these are equal, there is one bin around them.
    """
    if low == high:
        return np.array([low - 0.5, high + 0.5])
    rough = (high - low) / BINS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(s * power for s in (1, 2, 2.5, 5, 10) if s * power >= rough * (1 - 1e-9))
    first = math.floor(low / step + 1e-9)
    last = max(math.ceil(high / step - 1e-9), first + 1)
    return np.arange(first, last + 1, dtype=np.float64) * step


def whole_edges(low: float, high: float) -> NDArray[np.float64]:
    """Return the first whole number of each bin, and the first beyond the last: about a dozen bins of equal size."""
    rough = max(1.0, (high - low + 1) / BINS)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(s * power for s in (1, 2, 5, 10) if s * power >= rough * (1 - 1e-9))
    return np.arange(math.floor(low / step), math.floor(high / step) + 2, dtype=np.float64) * step


def whole_labels(edges: NDArray[np.float64], low: float, high: float) -> list[str]:
    """Name the whole numbers of each bin, from the least to the greatest that occurs."""
    firsts, lasts = np.maximum(edges[:-1], low), np.minimum(edges[1:] - 1, high)
    return [f"{a:.0f}" if a == b else f"{a:.0f} to {b:.0f}" for a, b in zip(firsts, lasts, strict=True)]


def range_labels(edges: NDArray[np.float64]) -> list[str]:
    """Name the ends of each bin with as many digits as tell them apart."""
    step = float(edges[1] - edges[0]) or 1.0  # around a huge number it is lost in rounding
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    ends = [f"{edge:.{digits}f}" for edge in edges]
    wide = max(map(len, ends))
    return [f"{a} to {b.rjust(wide)}" for a, b in itertools.pairwise(ends)]


def bar(share: float, width: int, blocks: bool) -> str:
    """Return a bar that takes this share of the width; any share above 0 is visible."""
    if share <= 0:
        return ""
    if not blocks:
        return "#" * max(1, round(share * width))
    eighths = max(1, round(share * width * 8))
    return BLOCKS[-1] * (eighths // 8) + (BLOCKS[eighths % 8 - 1] if eighths % 8 else "")


def verdict(a: NDArray[np.float64], b: NDArray[np.float64], what: str) -> str:
    """Report how far apart the means of A and B are, and whether that can be chance."""
    difference = float(a.mean() - b.mean())
    low, high = bootstrap_difference(a, b)
    found = f"A - B: mean {what} {difference:+.5g}, 95 % interval {low:+.5g} to {high:+.5g}"
    if low > 0 or high < 0:
        return f"{found}: {'A' if low > 0 else 'B'} is better."
    if low == high == 0:
        return f"{found}: no difference."
    return f"{found}: this may be chance; try more --episodes."


def bootstrap_difference(a: NDArray[np.float64], b: NDArray[np.float64], seed: int = 0) -> tuple[float, float]:
    """Return the 95 % percentile interval of mean(a) - mean(b).

    Each sample is redrawn from itself 2,000 times, independently of the other (Efron 1979). The games of the two
    policies begin with the same states but soon differ, so pairing them would gain nothing.
    """
    rng = np.random.default_rng(seed)

    def means(sample: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.array([sample[rng.integers(len(sample), size=len(sample))].mean() for _ in range(BOOTSTRAP_ROUNDS)])

    low, high = np.quantile(means(a) - means(b), [0.025, 0.975])
    return float(low), float(high)


def _say(console: Console, line: str) -> None:
    console.print(Text(line), soft_wrap=True)

"""Figures of finished episodes: added up while playing, divided by their number when asked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping


def count_of(name: str, names: Collection[str]) -> str:
    """The count of the episodes that `name` is about: `race.n` for `race.perf` if `names` has it, else `n`."""
    kind, dot, _ = name.rpartition(".")
    own = f"{kind}{dot}n"
    return own if own in names else "n"


def means(sums: Mapping[str, float]) -> dict[str, float]:
    """Counts as they are, all else divided by its count; without what there were no episodes of."""
    counts = {name: sums.get(count_of(name, sums), 0.0) for name in sums}
    return {
        name: value if name == count_of(name, sums) else value / counts[name]
        for name, value in sums.items()
        if counts[name] > 0
    }


def sums(means: Mapping[str, float]) -> dict[str, float]:
    """What was divided, given the means."""
    return {
        name: value if name == count_of(name, means) else value * means.get(count_of(name, means), 0.0)
        for name, value in means.items()
    }

"""Episode statistics: summed while playing, divided by their number when asked for, merged where several logs exist."""

from __future__ import annotations

from collections.abc import Collection, Mapping


def count_of(name: str, names: Collection[str]) -> str:
    """The count of the episodes that `name` is about: `race.n` for `race.perf` if `names` has it, else `n`."""
    kind, dot, _ = name.rpartition(".")
    own = f"{kind}{dot}n"
    return own if own in names else "n"


def means(sums: Mapping[str, float]) -> dict[str, float]:
    """Sums as means: counts stay, all else is divided by its count, and figures without episodes are left out."""
    counts = {name: sums.get(count_of(name, sums), 0.0) for name in sums}
    return {
        name: value if name == count_of(name, sums) else value / counts[name]
        for name, value in sums.items()
        if counts[name] > 0
    }


def sums(means: Mapping[str, float]) -> dict[str, float]:
    """Sums again, from the means."""
    return {
        name: value if name == count_of(name, means) else value * means.get(count_of(name, means), 0.0)
        for name, value in means.items()
    }


def merge_logs(logs: list[dict[str, float]]) -> dict[str, float]:
    """One log out of several: means over the episodes of all of them.

    Each log holds means and the number `n` of their episodes; `race.perf` is the mean over `race.n` episodes of one
    kind, of which a log may have none. Figures that only some of the logs with such episodes have are left out.
    """
    logs = [log for log in logs if log.get("n")]
    counts = {name: count_of(name, log) for log in logs for name in log}
    having = {count: [log for log in logs if log.get(count)] for count in counts.values()}
    totals = {count: sum(log[count] for log in having[count]) for count in having}
    return {
        name: totals[name] if name == count else sum(log[name] * log[count] for log in having[count]) / totals[count]
        for name, count in counts.items()
        if having[count] and all(name in log for log in having[count])
    }

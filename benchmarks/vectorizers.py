"""How fast vectorizers run environments: `python benchmarks/vectorizers.py [--json FILE] [--plot FILE]`.

Every vectorizer has its own process (benchmarks/candidates.py) and takes its turn while the others sleep, in
several rounds: figures are medians over the rounds, and so are the ratios, which are taken within each round. Peers
that are not installed are left out: `pip install stable-baselines3 envpool matplotlib` adds them and the plot.

Columns: environment steps per second; processor time per step of the whole process family; memory that the vector
added, per environment, what is shared counted once.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import platform
import statistics
import subprocess
import sys
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from candidates import loops_per_microsecond

from puffer_envs import _core, bench, vector
from puffer_envs.contract.machine import available_cores

CANDIDATES = Path(__file__).with_name("candidates.py")
PEERS = {"sb3-dummy": "stable_baselines3", "sb3-subproc": "stable_baselines3", "envpool": "envpool"}


@dataclass
class Row:
    """What was measured of one vectorizer."""

    section: str
    """The comparison it belongs to."""
    label: str
    """For the table."""
    steps_per_second: float
    """Environment steps, median over the rounds."""
    slowest: float
    """Of the rounds."""
    fastest: float
    """Of the rounds."""
    against_first: float
    """Median, over the rounds, of the first row's rate divided by this one's."""
    cpu_microseconds: float
    """Processor time per environment step."""
    kilobytes: float
    """Memory per environment."""


class Contestant:
    """One vectorizer, waiting for its turn."""

    def __init__(self, label: str, spec: dict[str, Any]) -> None:
        self.label, self.num_envs = label, spec["num_envs"]
        command = [sys.executable, "-W", "ignore", str(CANDIDATES), json.dumps(spec)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.memory = self._read()["memory"]
        self.windows: list[dict[str, float]] = []

    def run(self, seconds: float) -> None:
        """One window."""
        assert self._process.stdin
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()
        self.windows.append(self._read())

    def _read(self) -> dict[str, float]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.label} ended with status {self._process.wait()}")
        return dict(json.loads(line))

    def end(self) -> None:
        """Have it close and exit."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(60)


def compare(section: str, specs: Sequence[tuple[str, dict[str, Any]]], rounds: int, seconds: float) -> list[Row]:
    """Measure several vectorizers, taking turns; the first is what the others are compared with."""
    contestants = [Contestant(label, spec) for label, spec in specs]
    for _ in range(rounds):
        for contestant in contestants:
            contestant.run(seconds)
    rows = []
    for c in contestants:
        rates = [w["steps"] / w["seconds"] for w in c.windows]
        firsts = [w["steps"] / w["seconds"] for w in contestants[0].windows]
        cpu = sum(w["cpu"] for w in c.windows) / sum(w["steps"] for w in c.windows)
        rows.append(
            Row(
                section,
                c.label,
                statistics.median(rates),
                min(rates),
                max(rates),
                statistics.median(f / r for f, r in zip(firsts, rates, strict=True)),
                1e6 * cpu,
                c.memory / 1024 / c.num_envs,
            )
        )
        c.end()
    print_rows(rows)
    return rows


def print_rows(rows: list[Row]) -> None:
    """One comparison as a table."""
    print(f"\n{rows[0].section}")
    print(f"  {'':<40}{'steps/s':>12}{'the first is':>14}{'CPU us/step':>13}{'KB/env':>9}")
    for row in rows:
        times = "" if row is rows[0] else f"{row.against_first:.2f}x"
        costs = f"{row.cpu_microseconds:>13.2f}{row.kilobytes:>9.0f}"
        print(f"  {row.label:<40}{row.steps_per_second:>12,.0f}{times:>14}{costs}", flush=True)


def puffer(num_envs: int, env: str, arguments: dict[str, Any] | None = None, **how: Any) -> dict[str, Any]:
    """The spec of one of our vectors."""
    return {"vectorizer": "puffer", "env": env, "num_envs": num_envs, "arguments": arguments or {}, **how}


def peers(num_envs: int, env: str, names: Sequence[str], arguments: dict[str, Any] | None = None) -> list[Any]:
    """The specs of the peers that are installed."""
    found = []
    for name in names:
        if name not in PEERS or importlib.util.find_spec(PEERS[name]):
            spec = {"vectorizer": name, "env": env, "num_envs": num_envs, "arguments": arguments or {}}
            found.append((LABELS[name], spec | {"workers": available_cores()}))
    return found


LABELS = {
    "gymnasium-sync": "Gymnasium SyncVectorEnv",
    "gymnasium-async": "Gymnasium AsyncVectorEnv",
    "gymnasium-numpy": "Gymnasium, CartPole in NumPy",
    "sb3-dummy": "SB3 DummyVecEnv",
    "sb3-subproc": "SB3 SubprocVecEnv",
    "envpool": "EnvPool, CartPole in C++",
}
EVERYBODY = ("gymnasium-sync", "gymnasium-async", "sb3-dummy", "sb3-subproc")


def python_environments(rounds: int, seconds: float) -> list[Row]:
    """CartPole as Gymnasium ships it, in Python; and computing environments of a set cost."""
    cores, rows = available_cores(), []
    for num_envs in (8, 64):
        ours = [
            (f"puffer processes, {cores} workers", puffer(num_envs, "CartPole-v1", backend="processes", workers=cores)),
            ("puffer serial", puffer(num_envs, "CartPole-v1", backend="serial")),
        ]
        section = f"CartPole-v1 in Python, {num_envs} environments"
        rows += compare(section, ours + peers(num_envs, "CartPole-v1", EVERYBODY), rounds, seconds)
    loops = loops_per_microsecond()
    for cost in (10, 100, 1000):
        arguments = {"cost": cost, "sigma": 0.0, "sleeps": False, "loops_per_microsecond": loops}
        ours = [
            (
                f"puffer processes, {cores} workers",
                puffer(16, "synthetic", arguments, backend="processes", workers=cores),
            ),
            ("puffer serial", puffer(16, "synthetic", arguments, backend="serial")),
        ]
        section = f"computing {cost} us a step, all equal, 16 environments"
        rows += compare(section, ours + peers(16, "synthetic", EVERYBODY, arguments), rounds, seconds)
    return rows


def asynchronous(rounds: int, seconds: float) -> list[Row]:
    """What asynchronous groups gain when step times vary (log-normal, sigma 1).

    A synchronous step waits for its slowest worker. That takes 1.51 times the mean with 2 workers of one environment,
    1.32 times with 2 workers of four, 4.2 times with 16 of one (by simulation): the most that there is to gain.
    """
    cores, rows, loops = available_cores(), [], loops_per_microsecond()
    cases = [("computing", cores, cores, (1,)), ("computing", 4 * cores, cores, (1,)), ("waiting", 16, 16, (1, 4))]
    for word, num_envs, workers, batches in cases:
        sleeps = word == "waiting"
        arguments = {"cost": 1000, "sigma": 1.0, "sleeps": sleeps, "loops_per_microsecond": loops}
        how = {"backend": "processes", "workers": workers}
        specs = [
            (f"puffer send/recv, batch {batch}", puffer(num_envs, "synthetic", arguments, batch=batch, **how))
            for batch in batches
        ]
        specs.append(("puffer step", puffer(num_envs, "synthetic", arguments, **how)))
        specs += peers(num_envs, "synthetic", ("gymnasium-async", "sb3-subproc"), arguments)
        section = f"{word} 1 ms on average, sigma 1, {num_envs} environments, {workers} workers"
        rows += compare(section, specs, rounds, seconds)
    return rows


def double_buffering(rounds: int, seconds: float) -> list[Row]:
    """The gain of running the policy on one half of the environments while the other half steps."""
    cores, rows, loops = available_cores(), [], loops_per_microsecond()
    thought = {"loops_per_microsecond": loops}
    cases = [
        ("breakout, native, 4,096 environments", 4096, "breakout", 0.025, {"native": True, "workers": 1}, 2048),
        ("CartPole-v1 in Python, 64 environments", 64, "CartPole-v1", 2.0, {"workers": cores}, 64 // cores // 2),
    ]
    for words, num_envs, env, policy, how, batch in cases:
        specs = [
            (f"puffer send/recv, batch {batch}", puffer(num_envs, env, policy=policy, batch=batch, **thought, **how)),
            ("puffer step", puffer(num_envs, env, policy=policy, **thought, **how)),
        ]
        rows += compare(f"{words}, a policy of {1000 * policy:g} ns each", specs, rounds, seconds)
    return rows


def native_cartpole(rounds: int, seconds: float) -> list[Row]:
    """CartPole in those libraries that have it in a compiled language."""
    cores, num_envs = available_cores(), 1024
    specs = [
        (f"puffer, {threads} thread{'s' * (threads > 1)}", puffer(num_envs, "cartpole", native=True, workers=threads))
        for threads in dict.fromkeys((1, cores))
    ]
    specs += peers(num_envs, "CartPole-v1", ("gymnasium-numpy", "envpool"))
    return compare(f"CartPole, native, {num_envs} environments", specs, rounds, seconds)


@dataclass
class Efficiency:
    """A vector of native environments against the bare C loop over the same batch."""

    environment: str
    """Its name."""
    rows: int
    """Agents in the batch."""
    threads: int
    """That step it."""
    microseconds: float
    """Of one call of `step`."""
    efficiency: float
    """Time of the bare loop on one thread, divided by threads times the time of `step`: median over pairs."""


def efficiency(rounds: int, seconds: float) -> list[Efficiency]:
    """`step` of a vector against its bare C loop, with the actions already in the vector's own array."""
    found = []
    print(f"\n{'native vectors':<16}{'rows':>7}{'threads':>9}{'us/step':>10}{'of the bare C loop':>21}")
    for name in ("breakout", "cartpole", "pong", "snake", "squared"):
        for rows in (1, 1024, 4096, 16384):
            for threads in dict.fromkeys((1, available_cores())):
                e = _efficiency(name, rows, threads, rounds, seconds)
                if e is not None:
                    found.append(e)
                    print(
                        f"{e.environment:<16}{e.rows:>7}{e.threads:>9}{e.microseconds:>10.2f}{e.efficiency:>20.1%}",
                        flush=True,
                    )
    return found


def _efficiency(name: str, rows: int, threads: int, rounds: int, seconds: float) -> Efficiency | None:
    with vector.make(name) as probe:
        num_envs = rows // probe.agents
    if num_envs < threads:
        return None
    with vector.make(name, num_envs, workers=threads) as env, vector.make(name, num_envs, workers=1) as alone:
        actions = np.zeros((1, *env.actions.shape), env.actions.dtype)
        for one in (env, alone):
            one.reset(0)
            one.actions[...] = 0

        def steps(count: int) -> None:
            for _ in range(count):
                env.step(env.actions)

        def bare(count: int) -> None:
            alone._run(actions, count)

        count = bench._calls_that_take(steps, seconds)
        bare(count)
        pairs = [(_seconds(steps, count), _seconds(bare, count)) for _ in range(rounds)]
        microseconds = 1e6 * statistics.median(s for s, _ in pairs) / count
        return Efficiency(name, rows, threads, microseconds, statistics.median(b / s for s, b in pairs) / threads)


def _seconds(run: Callable[[int], None], count: int) -> float:
    return bench._seconds(lambda: run(count))


def plot(rows: list[Row], path: Path) -> None:
    """A panel of bars for every comparison, each with its own axis from 0."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    sections = list(dict.fromkeys(row.section for row in rows))
    lines, most = -(-len(sections) // 2), max(sum(row.section == s for row in rows) for s in sections)
    figure, axes = plt.subplots(lines, 2, figsize=(12, 2.3 * lines), squeeze=False)
    for axis in axes.flat[len(sections) :]:
        axis.axis("off")
    for axis, section in zip(axes.flat, sections, strict=False):
        inside = [row for row in rows if row.section == section]
        colours = ["#2a7fb8" if row.label.startswith("puffer") else "#b9c2c9" for row in inside]
        bars = axis.barh([row.label for row in inside], [row.steps_per_second for row in inside], color=colours)
        axis.bar_label(bars, [f" {short(row.steps_per_second)}/s" for row in inside], fontsize=9)
        axis.margins(x=0.16)
        axis.set_ylim(most - 0.4, -0.6)
        axis.set_title(textwrap.fill(section, 42), fontsize=10, loc="left", fontweight="bold")
        axis.set_xticks([])
        axis.tick_params(labelsize=9, length=0)
        axis.spines[["top", "right", "bottom", "left"]].set_visible(False)
    figure.suptitle("environment steps per second: more is better", fontsize=10, x=0.01, ha="left")
    figure.tight_layout(h_pad=1.2)
    figure.savefig(path, dpi=100)


def short(number: float) -> str:
    """1234567 -> '1.2 M'."""
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:.3g}"


def write_json(path: Path, calibration: dict[str, Any], rows: list[dict[str, Any]], native: list[Any]) -> None:
    """Write the figures; those already in the file are kept unless they were measured again."""
    earlier = json.loads(path.read_text()) if path.exists() else {"vectorizers": [], "efficiency": []}
    measured = {row["section"] for row in rows}
    figures = {
        "calibration": calibration,
        "vectorizers": [row for row in earlier["vectorizers"] if row["section"] not in measured] + rows,
        "efficiency": native or earlier["efficiency"],
    }
    path.write_text(json.dumps(figures, indent=2) + "\n")


def check_options(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Exit with one line, before minutes of measuring, if the results could not be used afterwards."""
    if options.rounds < 1 or not 0 < options.seconds <= 60:
        parser.error(f"--rounds must be at least 1 and --seconds above 0 and at most 60, got {options.rounds} and "
                     f"{options.seconds:g}")  # fmt: skip
    if (options.plot or options.draw) and not importlib.util.find_spec("matplotlib"):
        parser.error("drawing needs matplotlib: pip install matplotlib")
    if options.draw and not options.draw.is_file():
        parser.error(f"--draw {options.draw}: there is no such file")
    for path in (options.json, options.plot):
        if path and not path.parent.is_dir():
            parser.error(f"{path}: there is no folder {path.parent}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sections = {
        "native": native_cartpole,
        "python": python_environments,
        "asynchronous": asynchronous,
        "double-buffering": double_buffering,
    }
    parser.add_argument("--only", nargs="+", choices=[*sections, "efficiency"], default=[*sections, "efficiency"])
    parser.add_argument("--rounds", type=int, default=5, help="turns of every vectorizer (default %(default)s)")
    parser.add_argument("--seconds", type=float, default=1.0, help="per turn (default %(default)s)")
    parser.add_argument("--json", type=Path, help="also write the figures there, beside what it holds of others")
    parser.add_argument("--draw", type=Path, metavar="JSON", help="measure nothing: draw these earlier figures")
    parser.add_argument("--plot", type=Path, help="also draw them there (needs matplotlib)")
    options = parser.parse_args()
    check_options(parser, options)
    if options.draw:
        earlier = json.loads(options.draw.read_text())["vectorizers"]
        plot([Row(**row) for row in earlier], options.plot or Path("vectorizers.png"))
        return 0

    calibration = bench.calibrate()
    print(
        f"{platform.machine()}, {available_cores()} cores, Python {platform.python_version()}, "
        f"{_core.supported_isas()[-1]}: {calibration.gflops:.0f} GFLOP/s float32 on one core, "
        f"{calibration.copy_gbps:.1f} GB/s copying memory, {loops_per_microsecond():.1f} additions/us in Python"
    )
    rows = [
        row for name, run in sections.items() if name in options.only for row in run(options.rounds, options.seconds)
    ]
    native = efficiency(options.rounds, 0.2) if "efficiency" in options.only else []
    if options.json:
        write_json(options.json, asdict(calibration), [asdict(row) for row in rows], [asdict(e) for e in native])
    if options.plot:
        plot(rows, options.plot)
    return 0


if __name__ == "__main__":
    sys.exit(main())

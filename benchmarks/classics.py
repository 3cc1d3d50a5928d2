"""Classics here and there: `python benchmarks/classics.py [NAME ...] [--json FILE] [--page FILE]`.

Speed: steps a second on one core with random actions, here (4,096 environments), of the original, and of EnvPool
where it is installed (4,096 environments, one thread); each the best of several repeats, by the processor's time.
Learning: `puffer-train NAME --seed N` in a process of its own; time from its start to the exported policy.
--page writes docs/classics.md from the JSON file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

import puffer_envs
from puffer_envs.conformance.runs import random_actions
from puffer_envs.contract.factories import load_factory

ROOT = Path(__file__).resolve().parent.parent
MINATAR = "puffer_envs.porting.minatar"
CLASSICS = {
    "acrobot": ("Acrobot-v1", -100.0),
    "bipedal_walker": ("BipedalWalker-v3", 300.0),
    "blackjack": ("Blackjack-v1", None),
    "car_racing": ("CarRacing-v3", 900.0),
    "cartpole": ("CartPole-v1", 475.0),
    "cliff_walking": ("CliffWalking-v1", None),
    "craftax_classic": ("puffer_envs.porting.craftax:classic", None),
    "frozen_lake": ("FrozenLake-v1", 0.7),
    "lunar_lander": ("LunarLander-v3", 200.0),
    "minatar_asterix": (f"{MINATAR}:asterix", None),
    "minatar_breakout": (f"{MINATAR}:breakout", None),
    "minatar_freeway": (f"{MINATAR}:freeway", None),
    "minatar_seaquest": (f"{MINATAR}:seaquest", None),
    "minatar_space_invaders": (f"{MINATAR}:space_invaders", None),
    "mountain_car": ("MountainCar-v0", -110.0),
    "mountain_car_continuous": ("MountainCarContinuous-v0", 90.0),
    "pendulum": ("Pendulum-v1", None),
    "taxi": ("Taxi-v4", 8.0),
}
"""Environment -> Gymnasium's ID, or module:factory; and the return from which Gymnasium calls it solved."""
REPEATS = 5
BATCH = 4096


def best(run: Callable[[], int], seconds: float) -> float:
    """The greatest of several rates: run() does something and returns how many steps that was.

    By the processor's time of this process, which other programs do not take part in.
    """
    rates = []
    for _ in range(REPEATS):
        begin, steps = time.process_time(), 0
        while time.process_time() - begin < seconds:
            steps += run()
        rates.append(steps / (time.process_time() - begin))
    return max(rates)


def our_speed(name: str, seconds: float) -> float:
    """Of a batch here."""
    with puffer_envs.make(name, BATCH) as env:
        rng = np.random.default_rng(0)
        sets = [random_actions(env, rng) for _ in range(16)]
        env.reset(0)

        def run() -> int:
            for actions in sets:
                env.step(actions)
            return BATCH * len(sets)

        return best(run, seconds)


def gymnasium_speed(env_id: str, seconds: float) -> float:
    """Of one environment, as `gymnasium.make` or its factory makes it, without Gymnasium's checker."""
    env: Any = load_factory(env_id)() if ":" in env_id else gymnasium.make(env_id, disable_env_checker=True)
    env.action_space.seed(0)
    env.reset(seed=0)
    actions = [env.action_space.sample() for _ in range(200)]

    def run() -> int:
        for action in actions:
            *_, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()
        return len(actions)

    return best(run, seconds)


def envpool_speed(env_id: str, seconds: float) -> float | None:
    """Of EnvPool with one thread; None where it is not installed or does not have the environment."""
    try:
        import envpool
    except ImportError:
        return None
    if ":" in env_id:
        return None
    try:
        env = envpool.make_gymnasium(env_id, num_envs=BATCH, num_threads=1)
    except Exception as error:
        print(f"{env_id}: EnvPool has none: {error}", file=sys.stderr)
        return None
    env.reset()
    space, rng = env.action_space, np.random.default_rng(0)
    if isinstance(space, gymnasium.spaces.Discrete):
        actions = rng.integers(0, space.n, BATCH)
    else:
        actions = rng.uniform(space.low, space.high, (BATCH, *space.shape)).astype(np.float32)

    def run() -> int:
        env.step(actions)
        return BATCH

    return best(run, seconds)


def train(name: str, seed: int) -> dict[str, Any]:
    """One run of the shipped settings."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "run"
        command = [sys.executable, "-m", "puffer_train.cli.train", name, "--seed", str(seed), "--no-video"]
        before, begin, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic(), time.time()
        subprocess.run([*command, "--run-dir", str(folder)], check=True, stdout=subprocess.DEVNULL)
        seconds, after = time.monotonic() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
        evaluation = json.loads((folder / "evaluation.json").read_text())
        last = json.loads((folder / "metrics.jsonl").read_text().splitlines()[-1])
        return {
            "seed": seed,
            "steps": last["steps"],
            "training_seconds": (folder / "policy.safetensors").stat().st_mtime - started,
            "seconds": seconds,
            "processor_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
            "score": evaluation["score"]["mean"],
            "episodes": evaluation["episodes"],
        }


def measure(name: str, seconds: float, runs: Callable[[], list[dict[str, Any]]]) -> dict[str, Any]:
    """All figures of one environment."""
    env_id, solved = CLASSICS[name]
    return {
        "environment": name,
        "gymnasium_id": env_id,
        "solved": solved,
        "ours": our_speed(name, seconds),
        "gymnasium": gymnasium_speed(env_id, seconds),
        "envpool": envpool_speed(env_id, seconds),
        "runs": runs(),
    }


def page(results: dict[str, Any]) -> str:
    """docs/classics.md."""
    rows = results["classics"]
    speed = ["| environment | here | original | EnvPool | times the original |", "| --- | --- | --- | --- | --- |"]
    learning = [
        "| command | seeds | score, least | solved | time | processor |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        name, runs = row["environment"], row["runs"]
        pool = "-" if row["envpool"] is None else rate(row["envpool"])
        times = f"{row['ours'] / row['gymnasium']:,.0f}"
        speed.append(
            f"| [{name}](environments/{name}.md) | {rate(row['ours'])} | {rate(row['gymnasium'])} | {pool} | {times} |"
        )
        solved = "-" if row["solved"] is None else f"{row['solved']:g}"
        least = min(run["score"] for run in runs)
        score = f"{least:.2f}" if abs(least) < 10 else f"{least:.1f}"
        slowest = max(run["training_seconds"] for run in runs)
        busiest = max(run["processor_seconds"] for run in runs)
        learning.append(
            f"| `puffer-train {name}` | {len(runs)} | {score} | {solved} | {slowest:.0f} s | {busiest:.0f} s |"
        )
    versions = ", ".join(f"{package} {number}" for package, number in results["versions"].items())
    parts = [
        "# The classics, solved in seconds",
        "Classics of Gymnasium, the games of MinAtar and Craftax-Classic are here in C. "
        "[Certificates](port.md#the-certificate) show that each is the "
        "same environment, step by step. `gymnasium.make_vec(\"puffer/Pendulum-v1\", num_envs=4096)` makes it "
        "for code that "
        "uses Gymnasium.",
        "## Learning",
        "Each row is one command. The time runs from process start to the exported policy, on two cores, and is that "
        "of the slowest seed; the processor's time includes the evaluation. The score is the worst seed's mean over "
        "fresh full episodes; solved is Gymnasium's own threshold.",
        "\n".join(learning),
        "To watch what comes with the package: `puffer-play pendulum --trained`.",
        "## Speed",
        f"Steps in a second of one core's time, random actions, the best of {REPEATS} repeats: {BATCH:,} environments "
        "here and in EnvPool (one thread), one environment of the original. That of car_racing draws a picture in "
        "each step, which takes most of its time; the one here returns numbers.",
        "\n".join(speed),
        f"`python benchmarks/classics.py` measured this on {results['machine']}: {versions}.",
    ]  # fmt: skip
    filled = [
        part if part.startswith(("#", "|")) else textwrap.fill(part, 98, break_on_hyphens=False) for part in parts
    ]
    return "\n\n".join(filled) + "\n"


def rate(number: float) -> str:
    """Steps a second, for people."""
    return f"{number / 1e6:,.0f} M" if number >= 1e7 else f"{number / 1e6:.1f} M" if number >= 1e6 else f"{number:,.0f}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=list(CLASSICS), metavar="NAME", help="environments [all]")
    parser.add_argument("--seconds", type=float, default=0.3, help="per repeat")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--speed", action="store_true", help="do not train: keep the runs of the JSON file")
    parser.add_argument("--json", type=Path, help="write the figures there, in place of those of the same names")
    parser.add_argument("--page", type=Path, help="write the page there, from the JSON file; measure nothing")
    options = parser.parse_args()
    if options.page is not None:
        file = options.json or ROOT / "benchmarks/results/classics.json"
        options.page.write_text(page(json.loads(file.read_text())), "utf-8")
        return 0
    results: dict[str, Any] = {"classics": []}
    if options.json and options.json.exists():
        results = json.loads(options.json.read_text())
    for name in options.names:
        old_runs = [run for old in results["classics"] if old["environment"] == name for run in old["runs"]]
        kept = [old for old in results["classics"] if old["environment"] != name]

        def runs(name: str = name, old_runs: list[dict[str, Any]] = old_runs) -> list[dict[str, Any]]:
            return old_runs if options.speed else [train(name, seed) for seed in options.seeds]

        row = measure(name, options.seconds, runs)
        print(json.dumps(row), flush=True)
        results["classics"] = sorted([*kept, row], key=lambda each: str(each["environment"]))
        packages = ["puffer-envs", "gymnasium", "numpy", *(["envpool"] if row["envpool"] else [])]
        results |= {
            "machine": f"{platform.machine()} with {os.cpu_count()} cores",
            "versions": {package: version(package) for package in packages},
        }
        if options.json:
            options.json.write_text(json.dumps(results, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

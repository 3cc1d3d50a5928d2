"""How many agent steps training processes per second, where the time goes, and the share of the machine's peak.

`python benchmarks/throughput.py [--isa x86-64-v3] [--json FILE]`, about five minutes. Every figure is the median over
repeats, each in its own process; the cases take turns. Breakout throughout: PufferLib 3.0's 111 k steps/s with its
LSTM-128 were measured on the machine that docs/performance.md describes, with its own settings (8,192 agents, horizon
64, minibatch 32,768, every step trained on once).

*peak*: floating-point operations of the matrix products alone, 2 per weight and step forward, 4 backward (2 for the
encoder, whose input needs no gradient), as a share of what multiply-adds in registers reach on as many cores with
vectors as wide, measured in the same process just before and after. The KL limit skips gradient steps, so the peak
share would be too high: all cases but the first disable it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

LSTM = ["policy.cell=lstm", "policy.hidden=128", "policy.layers=1"]
PUFFERLIB_BATCH = [
    "train.num_envs=8192",
    "train.horizon=64",
    "train.minibatch=32768",
    "train.replay_ratio=1",
    "train.max_kl=0",
]
LARGE_BATCH = ["train.num_envs=4096", "train.minibatch=65536", "train.replay_ratio=1", "train.max_kl=0"]

CASES: dict[str, tuple[str, int | None, list[str]]] = {
    "default net, shipped settings": ("kernels", None, []),
    "the same without the KL limit": ("kernels", None, ["train.max_kl=0"]),
    "the same without it, 1 thread": ("kernels", 1, ["train.max_kl=0"]),
    "the same without it, by torch, 1 thread": ("torch", 1, ["train.max_kl=0"]),
    "default net, 4,096 agents, minibatch 65,536, replay 1": ("kernels", None, LARGE_BATCH),
    "LSTM-128, PufferLib 3.0's batch": ("kernels", None, [*LSTM, *PUFFERLIB_BATCH]),
    "the same LSTM-128, 1 thread": ("kernels", 1, [*LSTM, *PUFFERLIB_BATCH]),
    "MinGRU 2 x 64": ("kernels", None, ["policy.hidden=64", "policy.layers=2", "train.max_kl=0"]),
    "MinGRU 2 x 64, 1 thread": ("kernels", 1, ["policy.hidden=64", "policy.layers=2", "train.max_kl=0"]),
    "MinGRU 1 x 128": ("kernels", None, ["policy.hidden=128", "policy.layers=1", "train.max_kl=0"]),
    "MinGRU 1 x 128, 1 thread": ("kernels", 1, ["policy.hidden=128", "policy.layers=1", "train.max_kl=0"]),
}
"""Name -> (learner, threads, settings); without a number of threads, one for each core."""

AGENTS = (64, 128, 256, 512, 1024, 2048, 4096)


def settings_of(changes: list[str]) -> Any:
    """The shipped settings of Breakout with some changed."""
    from puffer_train import config

    tables: dict[str, dict[str, str]] = {}
    for change in changes:
        key, value = change.split("=")
        table, name = key.split(".")
        tables.setdefault(table, {})[name] = value
    return config.overlay(config.load("breakout"), tables, "benchmark")


def measure_training(learner: str, threads: int, changes: list[str], seconds: float) -> dict[str, Any]:
    """Train for some seconds, after a warm-up, and return the results. Runs in a separate process."""
    from puffer_envs import _core
    from puffer_train.algorithm.ppo import PPO
    from puffer_train.environments import registry
    from puffer_train.system import runtime

    settings = settings_of(changes)
    source = registry.find("breakout")
    env = source.make(settings.train.num_envs, 1, threads, settings.env)
    trainer = PPO(env, settings, 1, "breakout", threads=threads, learner=learner)
    runtime.tune(1, [(settings.train.minibatch, i, o) for i, o in trainer.policy.products()])
    for _ in range(3):
        trainer.iterate()
    trainer.clock.seconds.clear()
    trainer.clock.total = 0.0
    memory, peak = resident_bytes(), _core.calibrate_gflops(0.2)
    before, steps, begin = resource.getrusage(resource.RUSAGE_SELF), trainer.steps, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        trainer.iterate()
    elapsed = time.perf_counter() - begin
    after, peak = resource.getrusage(resource.RUSAGE_SELF), (peak + _core.calibrate_gflops(0.2)) / 2
    weights = sum(i * o for i, o in trainer.policy.products()[:1])
    rest = sum(p.numel() for p in trainer.policy.parameters() if p.ndim >= 2) - weights
    replay = settings.train.replay_ratio
    system = after.ru_stime - before.ru_stime
    steps_per_second = (trainer.steps - steps) / elapsed
    flop_per_step = weights * (2 + 4 * replay) + rest * (2 + 6 * replay)
    return {
        "steps_per_second": steps_per_second,
        "gflops_per_core": peak,
        "peak_share": steps_per_second * flop_per_step / (peak * 1e9 * threads),
        "split": {name: part / trainer.clock.total for name, part in trainer.clock.seconds.items()},
        "system_share": system / (system + after.ru_utime - before.ru_utime),
        "growth_bytes": resident_bytes() - memory,
    }


def measure_acting(seconds: float) -> dict[str, Any]:
    """One agent that plays with the default network: observations, forward pass, sampling, step."""
    import torch

    from puffer_train.algorithm.buffers import Buffers
    from puffer_train.contract import describe
    from puffer_train.environments import registry
    from puffer_train.learners.registry import make_learner
    from puffer_train.policy import Policy

    settings = settings_of([])
    env = registry.find("breakout").make(1, 1, 1, settings.env)
    policy = Policy(describe(env, "breakout"), settings.policy, torch.Generator().manual_seed(1))
    buffers, state = Buffers(env, policy, 1), policy.initial_state(1)
    (actor,) = make_learner("auto", policy, buffers, [env], state, settings.train, 1).actors
    env.reset(1)
    actor.begin(torch.Generator().manual_seed(1))
    actions, steps, begin = buffers.actions.numpy().reshape(1), 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        for _ in range(1000):
            buffers.observe(env)
            actor.act(0)
            env.actions[...] = actions
            env.step(env.actions)
            actor.store(0)
            actor.reset_state(0)
        steps += 1000
    return {"steps_per_second": steps / (time.perf_counter() - begin)}


def resident_bytes() -> int:
    """Memory of this process that is in use now; 0 if the system does not report it."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def in_process(arguments: list[str]) -> dict[str, Any]:
    """Run one measurement in a fresh process."""
    done = subprocess.run([sys.executable, __file__, "--one", *arguments], check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def medians(repeats: list[dict[str, Any]]) -> dict[str, Any]:
    """The median of each number; of tables, of each of their numbers."""
    first = repeats[0]
    return {
        key: medians([r[key] for r in repeats])
        if isinstance(first[key], dict)
        else statistics.median(r[key] for r in repeats)
        for key in first
    }


def print_more(figures: dict[str, dict[str, Any]]) -> None:
    """Print what is known if all cases were measured."""
    shipped = figures["default net, shipped settings"]
    lstm = figures["LSTM-128, PufferLib 3.0's batch"]["steps_per_second"]
    by_agents = {agents: figures[str(agents)]["steps_per_second"] for agents in AGENTS}
    enough = min(agents for agents in AGENTS if by_agents[agents] >= 0.9 * max(by_agents.values()))
    print(f"\nLSTM-128 against PufferLib 3.0's 111 k: {lstm / 111e3:.2f}x")
    system, growth = shipped["system_share"], shipped["growth_bytes"] / 1e6
    print(f"in the kernel (sys): {system:.1%} of the processor time; memory grew by {growth:.1f} MB")
    print("steps/s by agents: " + ", ".join(f"{agents}: {sps / 1e3:.0f} k" for agents, sps in by_agents.items()))
    alone = figures["act"]["steps_per_second"]
    print(f"agents for 90 % of the best: {enough}; one agent that only plays: {alone / 1e3:.0f} k steps/s")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0, help="per measurement")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--isa", help="instruction set: baseline has 128-bit vectors, x86-64-v3 AVX2 [the best one]")
    parser.add_argument("--cases", nargs="+", choices=CASES, metavar="NAME", help="only these")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    parser.add_argument("--one", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.isa is not None:
        os.environ["PUFFER_ISA"] = options.isa
    if options.one:
        what, seconds, *rest = options.one
        if what == "act":
            found = measure_acting(float(seconds))
        else:
            found = measure_training(rest[0], int(rest[1]), rest[2:], float(seconds))
        print(json.dumps(found))
        return 0

    from puffer_envs import bench
    from puffer_envs.contract.machine import available_cores

    cores = available_cores()
    calibration = bench.calibrate()
    print(
        f"{calibration.gflops:.0f} GFLOP/s float32 on one core of {cores}, "
        f"{calibration.copy_gbps:.1f} GB/s copying memory\n"
    )
    rounds: dict[str, list[dict[str, Any]]] = {}
    for _ in range(options.repeats):
        for name in options.cases or CASES:
            learner, threads, changes = CASES[name]
            words = ["train", str(options.seconds), learner, str(threads or cores), *changes]
            rounds.setdefault(name, []).append(in_process(words))
        if options.cases:
            continue
        rounds.setdefault("act", []).append(in_process(["act", str(options.seconds / 3)]))
        for agents in AGENTS:
            changes = [f"train.num_envs={agents}", f"train.minibatch={min(8192, 32 * agents)}", "train.max_kl=0"]
            words = ["train", str(options.seconds / 3), "kernels", str(cores), *changes]
            rounds.setdefault(str(agents), []).append(in_process(words))
    figures = {name: medians(found) for name, found in rounds.items()}

    print(f"{'case':<56}{'steps/s':>10}{'peak':>7}  where the time goes")
    for name in options.cases or CASES:
        f = figures[name]
        split = {**f["split"], "rest": 1 - sum(f["split"].values())}
        parts = ", ".join(f"{part} {share:.0%}" for part, share in split.items())
        print(f"{name:<56}{f['steps_per_second'] / 1e3:>8.0f} k{f['peak_share']:>7.0%}  {parts}")
    if not options.cases:
        print_more(figures)
    if options.json:
        content = {
            "cores": cores,
            "gflops_per_core": calibration.gflops,
            "copy_gbps": calibration.copy_gbps,
            "figures": figures,
        }
        options.json.write_text(json.dumps(content, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

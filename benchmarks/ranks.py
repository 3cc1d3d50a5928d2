"""What several ranks gain: `python benchmarks/ranks.py [--repeats N] [--seconds S]`, about three minutes.

Breakout with its shipped settings and network, the same environments and minibatches in every case: one process with
one thread and with two, and two processes of one thread each, started by torchrun, which meet over gloo. Each case is
measured in its own processes, the cases taking turns; figures are medians, and ratios are taken within a turn.
*meeting*: time that rank 0 spends adding up, and waiting for the other.

Nothing else should run meanwhile: two ranks that wait for each other suffer most from a core that is used by others.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

CASES = {"1 rank x 1 thread": (1, 1), "1 rank x 2 threads": (1, 2), "2 ranks x 1 thread": (2, 1)}
"""Name -> (ranks, threads of each)."""

RESULTS = Path(__file__).parent / "results" / "ranks.json"


def measure(threads: int, seconds: float) -> dict[str, Any] | None:
    """Train for some seconds after a warm-up; return steps per second and where time went, on rank 0."""
    import torch

    from puffer_train import config
    from puffer_train.algorithm.ppo import PPO
    from puffer_train.environments import registry
    from puffer_train.system.ranks import joined

    torch.set_num_threads(1)
    settings, source = config.load("breakout"), registry.find("breakout")
    with joined() as ranks:
        count = settings.train.num_envs // ranks.count
        env = source.make(count, 1, threads, settings.env, ranks.rank * count)
        trainer = PPO(env, settings, 1, "breakout", threads=threads, ranks=ranks)
        for _ in range(5):
            trainer.iterate()
        trainer.clock.seconds.clear()
        trainer.clock.total = 0.0
        ranks.wait()
        steps, begin = trainer.steps, time.perf_counter()
        while not ranks.agree(time.perf_counter() - begin > seconds):
            trainer.iterate()
        elapsed = time.perf_counter() - begin
        env.close()
        if not ranks.leads:
            return None
        split = {name: part / trainer.clock.total for name, part in trainer.clock.seconds.items()}
        return {"steps_per_second": (trainer.steps - steps) / elapsed, "split": split}


def run(ranks: int, threads: int, seconds: float) -> dict[str, Any]:
    """Measure one case; raises CalledProcessError where it fails."""
    launcher = ["-m", "torch.distributed.run", "--nproc-per-node", str(ranks)] if ranks > 1 else []
    line = [sys.executable, *launcher, __file__, "--measure", str(threads), "--seconds", str(seconds)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def compare(repeats: int, seconds: float) -> dict[str, dict[str, Any]]:
    """Measure all cases in turns; return the results of each."""
    measured: dict[str, list[dict[str, Any]]] = {name: [] for name in CASES}
    for turn in range(repeats):
        for name, (ranks, threads) in CASES.items():
            print(f"turn {turn + 1} of {repeats}: {name}", file=sys.stderr)
            measured[name].append(run(ranks, threads, seconds))
    rates = {name: [one["steps_per_second"] for one in of] for name, of in measured.items()}
    base = rates[next(iter(CASES))]
    return {
        name: {
            "steps_per_second": statistics.median(rates[name]),
            "all": rates[name],
            "ratio": statistics.median(rate / first for rate, first in zip(rates[name], base, strict=True)),
            "meeting_share": statistics.median(one["split"].get("ranks", 0.0) for one in of),
        }
        for name, of in measured.items()
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7, help="turns [7]")
    parser.add_argument("--seconds", type=float, default=5.0, help="of training per figure [5]")
    parser.add_argument("--json", type=Path, default=RESULTS, help=f"where to write the figures [{RESULTS.name}]")
    parser.add_argument("--measure", type=int, metavar="THREADS", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        figures = measure(options.measure, options.seconds)
        if figures is not None:
            print(json.dumps(figures))
        return 0
    from puffer_train.system.machine import machine, versions

    load = os.getloadavg()[0]
    cases = compare(options.repeats, options.seconds)
    print(f"{'':<22}{'steps/s':>12}{'ratio':>8}{'meeting':>10}")
    for name, of in cases.items():
        print(f"{name:<22}{of['steps_per_second']:>12,.0f}{of['ratio']:>8.2f}{of['meeting_share']:>10.1%}")
    if load > 0.5:
        print(f"The load of this machine was {load:.1f} before the benchmark began: others used it, too.")
    content = {"machine": machine(), "versions": versions(), "load_before": load, "repeats": options.repeats}
    options.json.write_text(json.dumps(content | {"seconds": options.seconds, "cases": cases}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

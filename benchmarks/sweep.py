"""Searches side by side on nine tasks with known fronts: `python benchmarks/sweep.py [--methods M ...] [--json FILE]`.

Every method gets the same places, the same start, a budget of 4000 (each run costs its cost plus 1) and at most 200
runs, 20 paired seeds, on one thread. Prints the mean share of the true front's area that was found (see
`sweep_tasks.ratio`), the same at half the budget, the processor seconds of a suggestion, and for every task a two-sided
sign test of ours against the best peer (`--json` has all peers). `--ablate` measures what each part of ours is worth.

Peers have environments of their own in the folder `--peers`; those that are missing are made with venv and pip. A
search is saved when it ends: the same command continues.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any, Protocol

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from sweep_peers import PEERS, Problem, Remote, python_of
from sweep_tasks import MAX_COST, NAMES, Floats, Task, ratio

BUDGET, RUNS = 4000.0, 200
OURS = "protein"

Result = dict[str, Any]


class Search(Protocol):
    """Where to run next, and what came of it."""

    def suggest(self) -> Floats | list[float]: ...

    def observe(self, u: Floats, score: float, cost: float) -> None: ...


class Ours:
    """puffer_train.sweep."""

    def __init__(self, seed: int, dimensions: int, method: str = "protein", **switches: Any) -> None:
        import torch

        from puffer_train.sweep.protein import Protein, Switches
        from puffer_train.sweep.space import Parameter, Space

        torch.set_num_threads(1)
        self.names = [f"u{i}" for i in range(dimensions)]
        space = Space([Parameter(name, "linear", -1, 1) for name in self.names])
        start = dict.fromkeys(self.names, 0.0) | {"u0": -0.5}
        self.core = Protein(space, seed, method=method, start=start, max_cost=MAX_COST, switches=Switches(**switches))

    def suggest(self) -> Floats:
        self.values = self.core.suggest().values
        return np.array([self.values[name] for name in self.names])

    def observe(self, u: Floats, score: float, cost: float) -> None:
        self.core.observe(self.values, score, cost)


class Uniform:
    """Anywhere."""

    def __init__(self, seed: int, dimensions: int) -> None:
        self.rng, self.dimensions = np.random.default_rng(seed), dimensions

    def suggest(self) -> Floats:
        return self.rng.uniform(-1, 1, self.dimensions)

    def observe(self, u: Floats, score: float, cost: float) -> None:
        pass


class ParetoGenetic(Uniform):
    """Mutate all parameters of any point of the front, by up to half their range."""

    def __init__(self, seed: int, dimensions: int) -> None:
        super().__init__(seed, dimensions)
        self.seen: list[tuple[float, float, Floats]] = []

    def suggest(self) -> Floats:
        front = [a for a in self.seen if not any(b[0] <= a[0] and b[1] > a[1] for b in self.seen)]
        if not front:
            return np.zeros(self.dimensions)
        centre = front[self.rng.integers(len(front))][2]
        return np.clip(centre + self.rng.uniform(-0.5, 0.5, self.dimensions), -1, 1)

    def observe(self, u: Floats, score: float, cost: float) -> None:
        if math.isfinite(score) and cost <= MAX_COST:
            self.seen.append((cost, score, u))


CONTROLS: dict[str, Callable[[int, int], Search]] = {"uniform": Uniform, "ParetoGenetic": ParetoGenetic}
METHODS: dict[str, Callable[[int, int], Search]] = {
    OURS: Ours,
    "pareto": lambda seed, d: Ours(seed, d, "pareto"),
    **CONTROLS,
}
ABLATIONS: dict[str, dict[str, Any]] = {
    "no ranks": {"ranks": False},
    "never free": {"free": 0},
    "no gaps": {"gaps": False},
    "dense mutations": {"sparse": False},
    "no line": {"line": False},
    "no failure model": {"failures": False},
    "replicates": {"replicates": 3},
}
for title, switches in ABLATIONS.items():
    METHODS[title] = lambda seed, d, switches=switches: Ours(seed, d, **switches)


def make(method: str, seed: int, dimensions: int, runs: int, peers: Path) -> Search:
    """Return a search that begins: one of ours, or a peer in a process of its own."""
    if method not in PEERS:
        return METHODS[method](seed, dimensions)
    start = [-0.5, *[0.0] * (dimensions - 1)]
    return Remote(method, Problem(seed, start, MAX_COST, runs), peers)


def search(method: str, name: str, seed: int, dimensions: int, runs: int, peers: Path) -> Result:
    """Search one task; return the share of the area that was found, at the end and at half the budget."""
    task, made = Task(name, seed, dimensions), make(method, seed, dimensions, runs, peers)
    spent, places, waits, failed, halves = 0.0, [], [], 0, None
    try:
        while spent < BUDGET and len(places) < runs:
            began = time.process_time()
            u = np.asarray(made.suggest())
            waits.append(made.seconds if isinstance(made, Remote) else time.process_time() - began)
            score, cost = task.run(u)
            made.observe(u, score, cost)
            spent, failed = spent + cost + 1, failed + (not math.isfinite(score))
            places.append(u)
            if halves is None and (spent >= BUDGET / 2 or len(places) >= runs / 2):
                halves = ratio(task, places)
    finally:
        if isinstance(made, Remote):
            made.close()
    return {
        "method": method,
        "task": name,
        "seed": seed,
        "dimensions": dimensions,
        "limit": runs,
        "ratio": ratio(task, places),
        "half": halves,
        "runs": len(places),
        "failed": failed,
        "p95": float(np.quantile(waits, 0.95)),
    }


def table(results: list[Result], methods: list[str], tasks: list[str]) -> str:
    """Return a Markdown table of means over the seeds."""
    head = f"| method | seeds | {' | '.join(tasks)} | mean | at half | p95 s |"
    lines = [head, "|---" * (len(tasks) + 5) + "|"]
    for method in methods:
        of = [r for r in results if r["method"] == method and r["task"] in tasks]
        found = {task: [r["ratio"] for r in of if r["task"] == task] for task in tasks}
        if not all(found.values()):
            continue
        seeds = sorted({len(ratios) for ratios in found.values()})
        cells = ["-".join(map(str, dict.fromkeys((seeds[0], seeds[-1]))))]
        cells += [f"{statistics.mean(ratios):.2f}" for ratios in found.values()]
        cells += [f"{statistics.mean(r[key] for r in of):.3f}" for key in ("ratio", "half")]
        cells.append(f"{max(r['p95'] for r in of):.3f}")
        lines.append(f"| {method} | {' | '.join(cells)} |")
    return "\n".join(lines)


def sign_test(differences: list[float]) -> float:
    """Return the two-sided p of a sign test: how likely so lopsided a count is by chance. Ties are left out."""
    wins, losses = sum(d > 0 for d in differences), sum(d < 0 for d in differences)
    n = wins + losses
    tail = sum(math.comb(n, k) for k in range(min(wins, losses) + 1))
    return min(1.0, 2 * tail / 2**n)


def against_peers(results: list[Result], tasks: list[str]) -> list[Result]:
    """Return ours against every peer on every task, on the seeds that both have."""
    ratios = {(r["method"], r["task"], r["seed"]): r["ratio"] for r in results}
    tests = []
    for task, peer in itertools.product(tasks, [*CONTROLS, *PEERS]):
        seeds = [s for m, t, s in ratios if (m, t) == (peer, task) and (OURS, task, s) in ratios]
        differences = [ratios[OURS, task, seed] - ratios[peer, task, seed] for seed in seeds]
        if differences:
            test = {"task": task, "peer": peer, "seeds": len(seeds), "wins": sum(d > 0 for d in differences)}
            tests.append(test | {"mean difference": statistics.mean(differences), "p": sign_test(differences)})
    return tests


def best_peers(tests: list[Result]) -> list[Result]:
    """Return for every task the peer that is best beside ours, of those that have equally many seeds."""
    alike: dict[tuple[str, int], Result] = {}
    for test in sorted(tests, key=lambda test: -test["mean difference"]):
        alike[test["task"], test["seeds"]] = test
    return sorted(alike.values(), key=lambda test: (NAMES.index(test["task"]), -test["seeds"]))


def _save(path: Path | None, results: list[Result]) -> None:
    """Write the searches and the tests of every size of problem; a reader never sees half a file."""
    if path is None:
        return
    sizes = sorted({(r["dimensions"], r["limit"]) for r in results})
    tests = [
        {"dimensions": d, "limit": n, **test}
        for d, n in sizes
        for test in against_peers([r for r in results if (r["dimensions"], r["limit"]) == (d, n)], list(NAMES))
    ]
    parts = {"sign tests": tests, "searches": results}
    text = ",\n".join(f'"{key}": [\n' + ",\n".join(map(json.dumps, rows)) + "\n]" for key, rows in parts.items())
    new = path.with_suffix(".new")
    new.write_text("{" + text + "}\n")
    new.replace(path)


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    plain = [*(method for method in METHODS if method not in ABLATIONS), *PEERS]
    parser.add_argument("--methods", nargs="+", choices=[*METHODS, *PEERS], default=plain)
    parser.add_argument("--ablate", action="store_true", help="ours, and ours without each of its parts")
    parser.add_argument("--tasks", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--dimensions", type=int, default=12)
    parser.add_argument("--runs", type=int, default=RUNS, help="at most so many runs a search")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--peers", type=Path, default=Path("build/sweep_peers"), help="the peers' environments")
    parser.add_argument("--json", type=Path, help="where the results are; those that are there are not run again")
    options = parser.parse_args()
    methods = [OURS, *ABLATIONS] if options.ablate else options.methods
    for method in set(methods) & set(PEERS):
        python_of(method, options.peers)
    results = json.loads(options.json.read_text())["searches"] if options.json and options.json.exists() else []
    size = (options.dimensions, options.runs)
    done = {(r["method"], r["task"], r["seed"], r["dimensions"], r["limit"]) for r in results}
    jobs = [(m, t, s, *size) for s in range(options.seeds) for t in options.tasks for m in methods]
    failed = 0
    with ProcessPoolExecutor(options.workers) as pool:
        for job in as_completed([pool.submit(search, *job, options.peers) for job in jobs if job not in done]):
            try:
                results.append(job.result())
            except RuntimeError as error:
                failed += 1
                print(error, file=sys.stderr)
            _save(options.json, results)
    chosen = [r for r in results if (r["dimensions"], r["limit"]) == size]
    print(table(chosen, methods, options.tasks))
    for test in best_peers(against_peers(chosen, options.tasks)):
        print("{task}: {wins} of {seeds} above {peer}, mean {mean difference:+.2f}, p = {p:.2g}".format(**test))
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()

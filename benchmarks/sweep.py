"""Searches side by side on nine tasks with known fronts: `python benchmarks/sweep.py [--methods M ...] [--json FILE]`.

Every method gets the same places, the same start, a budget of 4000 (each run costs its cost plus 1) and at most 200
runs, 20 paired seeds, on one thread. Prints the mean share of the true front's area that was found (see
`sweep_tasks.ratio`), the same at half the budget, and the seconds of a suggestion. `--ablate` measures what each part
of ours is worth.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, Protocol

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from sweep_tasks import MAX_COST, NAMES, Floats, Task, ratio

BUDGET, RUNS = 4000.0, 200


class Search(Protocol):
    """Where to run next, and what came of it."""

    def suggest(self) -> Floats: ...

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


def _over(trial: Any) -> list[float]:
    """A constraint for Optuna: by how much a run cost more than is allowed."""
    return [trial.user_attrs.get("over", 0.0)]


class Optuna:
    """A sampler of Optuna with two objectives, the score and the cost or its log."""

    def __init__(self, seed: int, dimensions: int, sampler: str, log_cost: bool = True) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        made = {
            "tpe": lambda: optuna.samplers.TPESampler(seed=seed, multivariate=True, constraints_func=_over),
            "nsga2": lambda: optuna.samplers.NSGAIISampler(seed=seed, population_size=20, constraints_func=_over),
            "gp": lambda: optuna.samplers.GPSampler(seed=seed, constraints_func=_over),
        }[sampler]()
        self.study = optuna.create_study(directions=["maximize", "minimize"], sampler=made)
        self.names, self.log_cost, self.state = [f"u{i}" for i in range(dimensions)], log_cost, optuna.trial.TrialState
        self.study.enqueue_trial(dict.fromkeys(self.names, 0.0) | {"u0": -0.5})

    def suggest(self) -> Floats:
        self.trial = self.study.ask()
        return np.array([self.trial.suggest_float(name, -1, 1) for name in self.names])

    def observe(self, u: Floats, score: float, cost: float) -> None:
        self.trial.set_user_attr("over", cost - MAX_COST)
        if math.isfinite(score):
            self.study.tell(self.trial, [score, math.log(cost) if self.log_cost else cost])
        else:
            self.study.tell(self.trial, state=self.state.FAIL)


METHODS: dict[str, Callable[[int, int], Search]] = {
    "protein": Ours,
    "pareto": lambda seed, d: Ours(seed, d, "pareto"),
    "uniform": Uniform,
    "ParetoGenetic": ParetoGenetic,
    "Optuna TPE": lambda seed, d: Optuna(seed, d, "tpe"),
    "Optuna NSGA-II": lambda seed, d: Optuna(seed, d, "nsga2"),
    "Optuna GP, log cost": lambda seed, d: Optuna(seed, d, "gp"),
    "Optuna GP, cost": lambda seed, d: Optuna(seed, d, "gp", False),
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


def search(method: str, name: str, seed: int, dimensions: int) -> dict[str, Any]:
    """Search one task; return the share of the area that was found, by the share of the budget."""
    task, made = Task(name, seed, dimensions), METHODS[method](seed, dimensions)
    spent, places, waits, failed, halves = 0.0, [], [], 0, None
    while spent < BUDGET and len(places) < RUNS:
        began = time.perf_counter()
        u = made.suggest()
        waits.append(time.perf_counter() - began)
        score, cost = task.run(u)
        made.observe(u, score, cost)
        spent, failed = spent + cost + 1, failed + (not math.isfinite(score))
        places.append(u)
        if halves is None and (spent >= BUDGET / 2 or len(places) >= RUNS / 2):
            halves = ratio(task, places)
    return {
        "method": method,
        "task": name,
        "seed": seed,
        "ratio": ratio(task, places),
        "half": halves,
        "runs": len(places),
        "failed": failed,
        "p95": float(np.quantile(waits, 0.95)),
    }


def table(results: list[dict[str, Any]], methods: list[str], tasks: list[str]) -> str:
    """Return a Markdown table of means over the seeds."""
    head = f"| method | {' | '.join(tasks)} | mean | at half | p95 s |"
    lines = [head, "|---" * (len(tasks) + 4) + "|"]
    for method in methods:
        of = [r for r in results if r["method"] == method]
        if not of:
            continue
        cells = []
        for task in tasks:
            found = [r["ratio"] for r in of if r["task"] == task]
            cells.append(f"{statistics.mean(found):.2f}" if found else "")
        mean, half = (statistics.mean(r[key] for r in of) for key in ("ratio", "half"))
        cells += [f"{mean:.3f}", f"{half:.3f}", f"{max(r['p95'] for r in of):.3f}"]
        lines.append(f"| {method} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    plain = [method for method in METHODS if method not in ABLATIONS]
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=plain)
    parser.add_argument("--ablate", action="store_true", help="ours, and ours without each of its parts")
    parser.add_argument("--tasks", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--dimensions", type=int, default=12)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--json", type=Path, help="where the results are; those that are there are not run again")
    options = parser.parse_args()
    methods = ["protein", *ABLATIONS] if options.ablate else options.methods
    results = json.loads(options.json.read_text()) if options.json and options.json.exists() else []
    done = {(r["method"], r["task"], r["seed"]) for r in results}
    todo = [(m, t, s) for s in range(options.seeds) for t in options.tasks for m in methods if (m, t, s) not in done]
    with ProcessPoolExecutor(options.workers) as pool:
        jobs = [pool.submit(search, *job, options.dimensions) for job in todo]
        results += [job.result() for job in jobs]
    if options.json:
        options.json.write_text("[\n" + ",\n".join(map(json.dumps, results)) + "\n]\n")
    print(table(results, methods, options.tasks))


if __name__ == "__main__":
    main()

"""Fronts of real environments, found by three searches at the same cost: `python benchmarks/fronts.py --runs FOLDER`.

Protein, Optuna's TPE and random settings around the start search the same ranges from the same start, one run at a
time on one thread, until all runs of a sweep have cost so many processor seconds of training (`BUDGETS`). A run that
takes longer than that by the clock is stopped, charged, and counts as failed. Sweeps stay in FOLDER, and those that
are there are continued, so this can be stopped at any time. Results go to results/fronts.json, whose sweeps are not run
again, and the picture to docs/images/fronts.png; `--show` only draws them.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
RESULTS, PICTURE = HERE / "results/fronts.json", HERE.parent / "docs/images/fronts.png"
BUDGETS = {"cartpole": 120.0, "pong": 600.0, "breakout": 1200.0, "snake": 1200.0}
"""Processor seconds of training by environment."""
SEEDS = 3
"""Runs of each choice of settings, whose mean score counts: with one, luck decides what is on the front."""
METHODS = ("protein", "Optuna TPE", "random")
COLOURS = dict(zip(METHODS, ("#f2a33a", "#3b82c4", "#8a8f98"), strict=True))


def search(environment: str, method: str, seed: int, folder: Path) -> dict[str, Any]:
    """Run one sweep to its end, or what is left of it; return what it found."""
    from puffer_train.sweep.plan import Plan, plan
    from puffer_train.sweep.pool import Pool
    from puffer_train.sweep.ranges import make_space, start_of
    from puffer_train.sweep.sweep import Sweep

    own = "random" if method == "random" else "protein"
    begun = folder.exists()
    made = Plan.read(folder) if begun else plan(environment, {}, {}, method=own, seed=seed, seeds=SEEDS)
    if not begun:
        made.write(folder)
    sweep = Sweep(folder, made, sampler(method, seed), cache=False)
    if method == "Optuna TPE" and not begun:
        sweep.study.enqueue_trial(start_of(make_space(made.ranges), made.base()))

    def tell(trial: Any, done: int) -> None:
        print(f"{environment} {method} {seed}: {done} runs, score {trial.score:.4g} for {trial.cost:.3g}", flush=True)

    with sweep, Pool(1, max_seconds=BUDGETS[environment]) as pool:
        sweep.run(10**9, math.inf, pool, tell, BUDGETS[environment])
    trials = sweep.finished()
    front = [{"cost": trial.cost, "score": trial.score, "values": trial.values} for trial in sweep.front(trials)]
    failed = sum(trial.failed for trial in trials)
    key = {"environment": environment, "method": method, "seed": seed}
    return {**key, "runs": len(trials), "failed": failed, "spent": sweep.spent(), "front": front}


def sampler(method: str, seed: int) -> Any:
    """Return the sampler of a method that is not ours, else None."""
    if method != "Optuna TPE":
        return None
    from optuna.samplers import TPESampler

    return TPESampler(seed=seed, multivariate=True)


def heights(front: Sequence[dict[str, Any]], costs: np.ndarray) -> np.ndarray:
    """Return the best score that each of some costs buys; NaN below the cheapest run."""
    return np.array([max((p["score"] for p in front if p["cost"] <= cost), default=math.nan) for cost in costs])


def table(results: Sequence[dict[str, Any]]) -> str:
    """Return a Markdown table: the score that each cost buys, the mean over the repetitions."""
    lines = []
    for environment in dict.fromkeys(r["environment"] for r in results):
        of = [r for r in results if r["environment"] == environment]
        most = max(point["cost"] for r in of for point in r["front"])
        costs = [float(f"{most * share:.1g}") for share in (0.04, 0.1, 0.3, 1)]
        lines += [f"| {environment} | {' | '.join(f'{cost:g} s' for cost in costs)} | runs |", "|---" * 6 + "|"]
        for method in METHODS:
            mine = [r for r in of if r["method"] == method]
            if mine:
                cells = np.mean([np.nan_to_num(heights(r["front"], np.array(costs))) for r in mine], axis=0)
                runs = ", ".join(str(r["runs"]) for r in mine)
                lines.append(f"| {method} | {' | '.join(f'{cell:.3f}' for cell in cells)} | {runs} |")
        lines.append("")
    return "\n".join(lines)


def draw(results: Sequence[dict[str, Any]], file: Path) -> None:
    """Draw the fronts, an axis for each environment and a line for each sweep."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter

    from puffer_train.report.axes import set_log_ticks

    environments = list(dict.fromkeys(r["environment"] for r in results))
    figure = Figure(figsize=(4.2 * len(environments), 3.6), layout="constrained")
    for axes, environment in zip(np.atleast_1d(figure.subplots(1, len(environments))), environments, strict=True):
        of = [r for r in results if r["environment"] == environment]
        end = max(point["cost"] for r in of for point in r["front"])
        for r in sorted(of, key=lambda r: -METHODS.index(r["method"])):
            costs, scores = ([point[key] for point in r["front"]] for key in ("cost", "score"))
            first = r is next(each for each in of if each["method"] == r["method"])
            axes.step(
                [*costs, end],
                [*scores, scores[-1]],
                where="post",
                color=COLOURS[r["method"]],
                linewidth=1.8,
                label=r["method"] if first else None,
            )
        axes.set(title=environment, xscale="log", xlabel="processor seconds of training")
        set_log_ticks(axes.xaxis, end / min(point["cost"] for r in of for point in r["front"]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda cost, _: f"{cost:g}"))
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    np.atleast_1d(figure.axes)[0].set_ylabel("perf")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    file.parent.mkdir(exist_ok=True)
    figure.savefig(file, dpi=110)


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environments", nargs="+", choices=BUDGETS, default=list(BUDGETS))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--runs", type=Path, help="where the sweeps are")
    parser.add_argument("--show", action="store_true", help="draw the results that are there")
    options = parser.parse_args()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    if not options.show:
        if options.runs is None:
            parser.error("--runs FOLDER: where are the sweeps to be?")
        there = {(r["environment"], r["method"], r["seed"]) for r in results}
        todo = [(e, m, s) for e in options.environments for s in range(options.repeats) for m in options.methods]
        todo = [key for key in todo if key not in there]
        for environment, method, seed in todo:
            found = search(environment, method, seed, options.runs / f"{environment}-{method.split()[-1]}-{seed}")
            key = (environment, method, seed)
            results = [r for r in results if (r["environment"], r["method"], r["seed"]) != key] + [found]
            RESULTS.write_text("[\n" + ",\n".join(map(json.dumps, results)) + "\n]\n")
    print(table(results))
    draw(results, PICTURE)


if __name__ == "__main__":
    main()

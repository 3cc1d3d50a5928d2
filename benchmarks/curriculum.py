"""Does a curriculum help? Trains maze with and without one, and compares how many hard mazes it solves.

    python benchmarks/curriculum.py

Without it, all games are among the hardest fifth of the mazes (`--difficulty`); with it, they start among the easiest.
Both are judged in fresh games among the hardest. 15 minutes of one core for three seeds. Writes
benchmarks/results/curriculum.json after every run.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import puffer_train
from puffer_envs.contract.commands import whole_number
from puffer_train.system.machine import machine

RESULTS = Path(__file__).parent / "results" / "curriculum.json"
CHECKS = 12
"""Points of each curve."""


def learn(folder: Path, seed: int, options: argparse.Namespace, rule: str | None) -> dict[str, list[float]]:
    """Train one run; return agent steps and the share of hard mazes solved then, in episodes of its own."""
    curve: dict[str, list[float]] = {"steps": [], "solved": []}
    env = {"difficulty": options.difficulty, "spread": 0.2}
    settings = {"env": env, "train": {"eval_episodes": 0}, "curriculum": {} if rule is None else {"difficulty": rule}}

    def check(trainer: puffer_train.Trainer, report: dict[str, float]) -> None:
        if trainer.steps * CHECKS // options.steps > (trainer.steps - trainer.ppo.batch) * CHECKS // options.steps:
            solved = trainer.evaluate(256, seed=7).summary()["perf"]["mean"]
            curve["steps"].append(trainer.steps)
            curve["solved"].append(round(solved, 4))

    puffer_train.train(
        "maze",
        steps=options.steps,
        seed=seed,
        settings=settings,
        folder=folder,
        threads=options.threads,
        video=False,
        quiet=True,
        on_iteration=check,
    )
    return curve


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=whole_number(1), default=24_000_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--difficulty", type=float, default=1.0)
    parser.add_argument("--rule", default="0 to 1 by 0.1 when env.perf > 0.8")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    found: dict[str, list[dict[str, list[float]]]] = {"without": [], "with": []}
    for seed in options.seeds:
        for name, rule in (("without", None), ("with", options.rule)):
            with tempfile.TemporaryDirectory() as folder:
                found[name].append(learn(Path(folder) / "run", seed, options, rule))
            print(f"seed {seed}, {name:<8}", *(f"{solved:.3f}" for solved in found[name][-1]["solved"]), flush=True)
            RESULTS.write_text(json.dumps({"options": vars(options), "machine": machine(), **found}, indent=1) + "\n")


if __name__ == "__main__":
    main()

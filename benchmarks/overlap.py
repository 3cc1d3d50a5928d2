"""Collecting while learning: `python benchmarks/overlap.py [--steps N] [--seeds N] [--json FILE]`.

An environment whose step takes a millisecond, either waiting for something else (a simulator on another machine, a
device) or computing, is trained from pictures with and without `train.overlap`. Runs alternate. Prints the seconds of
training, the share that the environment and learning have in them, and the score of an evaluation.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete

from puffer_train import Trainer

SIDE, CELL, STEP_SECONDS = 8, 6, 0.001


class Catch(gymnasium.Env[Any, Any]):
    """A fruit falls through a picture of 48 x 48; a paddle of three cells catches it: 1, or -1."""

    observation_space = Box(0, 255, (SIDE * CELL, SIDE * CELL, 1), np.uint8)
    action_space = Discrete(3)

    def __init__(self, computes: bool = False) -> None:
        self.computes = computes

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.row, self.column = 0, int(self.np_random.integers(SIDE))
        self.paddle = int(self.np_random.integers(SIDE))
        return self.picture(), {}

    def picture(self) -> Any:
        cells = np.zeros((SIDE, SIDE), np.uint8)
        cells[self.row, self.column] = 255
        cells[-1, max(0, self.paddle - 1) : self.paddle + 2] = 128
        return np.kron(cells, np.ones((CELL, CELL), np.uint8))[:, :, None]

    def step(self, action: Any) -> Any:
        end = time.perf_counter() + STEP_SECONDS
        if self.computes:
            while time.perf_counter() < end:
                pass
        self.paddle = min(SIDE - 1, max(0, self.paddle + int(action) - 1))
        self.row += 1
        done = self.row == SIDE - 1
        reward = (1.0 if abs(self.paddle - self.column) <= 1 else -1.0) if done else 0.0
        picture = self.picture()
        time.sleep(max(0.0, end - time.perf_counter()))
        return picture, reward, done, False, {}


def run(computes: bool, overlap: bool, seed: int, steps: int) -> dict[str, Any]:
    """Train once; return what is to be known of it."""
    tables = {
        "env": {"computes": computes},
        "train": {"num_envs": 16, "horizon": 16, "minibatch": 128, "overlap": overlap, "replay_ratio": 4},
        "policy": {"hidden": 64, "layers": 1},
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        Trainer(
            "overlap:Catch",
            steps=steps,
            seed=seed,
            settings=tables,
            folder=Path(folder) / "run",
            quiet=True,
            video=False,
        ) as trainer,
    ):
        begin = time.perf_counter()
        while not trainer.finished:
            trainer.iterate()
        seconds = time.perf_counter() - begin
        spent, evaluation = dict(trainer.ppo.clock.seconds), trainer.evaluate(64)
    return {
        "environment": "computes" if computes else "waits",
        "overlap": overlap,
        "seed": seed,
        "seconds": seconds,
        "playing": (spent["environment"] + spent["policy"] + spent["store"]) / seconds,
        "learning": (spent["gradient"] + spent.get("optimizer", 0.0)) / seconds,
        "score": evaluation.summary()[evaluation.main]["mean"],
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", 1)[1])
    parser.add_argument("--steps", type=int, default=40_000, help="agent steps of each run")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parent))
    results = []
    for computes in (False, True):
        for seed in range(1, options.seeds + 1):
            for overlap in (False, True):
                results.append(run(computes, overlap, seed, options.steps))
                print(json.dumps(results[-1]), flush=True)
    for kind in ("waits", "computes"):
        by = {
            overlap: [r for r in results if r["environment"] == kind and r["overlap"] == overlap]
            for overlap in (False, True)
        }
        gains = [before["seconds"] / after["seconds"] for before, after in zip(by[False], by[True], strict=True)]
        scores = {overlap: [round(r["score"], 2) for r in runs] for overlap, runs in by.items()}
        print(f"{kind}: {statistics.median(gains):.2f}x ({min(gains):.2f} to {max(gains):.2f}), scores {scores}")
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()

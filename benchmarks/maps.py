"""Codes or convolutions for maps? Trains worlds whose agents see tiles, at the same cost with either.

    python benchmarks/maps.py [WORLD ...] [--seconds 60]

The worlds' own settings read each tile as a code: a learned vector for each place and kind, summed. Here the same bytes
are also read as a `grid`, by 3x3 convolutions over one plane for each kind, which treat all places the same. Each run
gets the same processor seconds on one thread, so that what learns less from a step gets fewer of them, and its learning
rate falls to the end of them. Writes benchmarks/results/maps.json after every run.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium.spaces import Box

import puffer_envs
from puffer_envs.contract import ObservationField
from puffer_envs.contract.commands import real_number, whole_number
from puffer_train import config
from puffer_train.algorithm.evaluate import evaluate
from puffer_train.algorithm.ppo import PPO
from puffer_train.system.machine import machine

RESULTS = Path(__file__).parent / "results" / "maps.json"
WORLDS = {"foundry": ("what", "state", "count"), "delve": ("tiles",)}
"""The fields of each that are maps of tiles, squares in rows."""
TRIED = 200_000
"""Steps of the run that finds out how many steps a second it takes."""
GAMES = 64
"""Played by each policy in the end."""


def as_map(field: ObservationField) -> ObservationField:
    """The same bytes as a square of whole numbers, which the trainer reads as a grid."""
    side = math.isqrt(math.prod(field.shape))
    space: Any = field.space
    high = int(space.nvec.max()) - 1 if hasattr(space, "nvec") else int(space.high.max())
    return ObservationField(field.name, Box(0, high, (side, side), np.uint8), field.start, field.dtype, (side, side))


def make(world: str, how: str, num_envs: int, seed: int, settings: Mapping[str, Any]) -> puffer_envs.Environment:
    """A world whose maps are read as `how` says."""
    env = puffer_envs.make(world, num_envs, seed=seed, **settings)
    if how == "grids":
        assert env.observation_fields is not None
        env.observation_fields = tuple(as_map(f) if f.name in WORLDS[world] else f for f in env.observation_fields)
    return env


def learn(world: str, how: str, seconds: float, seed: int) -> dict[str, float]:
    """Train one policy for so many seconds, and judge it in fresh games."""
    torch.set_num_threads(1)
    settings = config.load(world)
    train = settings.train
    steps = TRIED
    while True:  # once to learn its speed, once for the result
        ppo = PPO(
            make(world, how, train.num_envs, seed, settings.env),
            dataclasses.replace(settings, train=dataclasses.replace(train, steps=steps)),
            seed,
            world,
        )
        begin = time.process_time()
        while not ppo.finished:
            ppo.iterate()
        spent = time.process_time() - begin
        if steps != TRIED:
            break
        steps = max(TRIED + 1, int(steps * seconds / spent))
    games = make(world, how, GAMES, seed + 1000, settings.env)
    perf = evaluate(games, ppo.player, seed + 1000).summary()["perf"]["mean"]
    return {"steps": ppo.steps, "seconds": round(spent, 1), "perf": round(perf, 4)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("worlds", nargs="*", metavar="WORLD", help=f"{' or '.join(WORLDS)} [all]")
    parser.add_argument("--seconds", type=real_number(1), default=60.0, help="of each run [60]")
    parser.add_argument("--seeds", type=whole_number(0), nargs="+", default=[1, 2, 3], metavar="SEED")
    options = parser.parse_args()
    if unknown := set(options.worlds) - set(WORLDS):
        parser.error(f"{unknown.pop()!r} is not one of {', '.join(WORLDS)}.")
    rows = []
    for world in options.worlds or WORLDS:
        for seed in options.seeds:
            for how in ("codes", "grids"):
                found = learn(world, how, options.seconds, seed)
                rows.append({"world": world, "read as": how, "seed": seed, **found})
                print(*(f"{key} {value}" for key, value in rows[-1].items()), sep=", ", flush=True)
                RESULTS.write_text(json.dumps({"machine": machine(), "runs": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()

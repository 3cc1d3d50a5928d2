"""Writes tests/envs/bipedal_walker_walks.json: what Gymnasium's BipedalWalker-v3 shows in walks that ours repeats.

`python tests/envs/make_bipedal_walker_walks.py`, where Box2D is installed. Both sides get the same random numbers. The
first kind is thrown 20 m into the air; the second stands on the ground.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

import puffer_envs
from puffer_envs.porting import Draws
from puffer_envs.porting.adapter import KNOWN, load_adapter
from puffer_envs.porting.known import bipedal_walker as adapter
from puffer_envs.porting.pair import Pair

WALKS = Path(__file__).with_name("bipedal_walker_walks.json")
STEPS = {"thrown": 60, "standing": 30}
SEEDS = {"thrown": (4, 7, 8), "standing": (4, 5, 6)}
"""Of walks in which no rounding decides whether bodies are brought together once more: half of those in the air."""
LIFT = 20.0


def controls_of(seed: int, steps: int) -> Any:
    """Torques that change every 8 steps; many are full."""
    rng = np.random.default_rng(seed)
    return np.repeat(rng.uniform(-1.4, 1.4, (steps // 8 + 1, 4)).clip(-1, 1).round(3), 8, axis=0)[:steps]


def walk(kind: str, seed: int, pair: Pair) -> dict[str, Any]:
    """One walk: what is seen after each step, and the rewards."""
    pair.env.reset(seed=seed)
    start = pair.states()[0]
    adapter.share(pair.reference, Draws.of(pair.rng(0)), start, None)
    if kind == "thrown":
        for body in ("hull", "thigh1", "shin1", "thigh2", "shin2"):
            start[f"{body}_y"] = np.float32(start[f"{body}_y"] + LIFT)
        adapter.write(pair.reference, start)
    rows: dict[str, Any] = {"kind": kind, "seed": seed, "observations": [], "rewards": []}
    for action in controls_of(seed, STEPS[kind]):
        seen, reward, *_ = pair.reference.step(action.astype(np.float32))
        rows["observations"].append([round(float(x), 6) for x in seen])
        rows["rewards"].append(round(float(reward), 5))
    return rows


def main() -> None:
    """Three walks of each kind."""
    reference = gymnasium.make("BipedalWalker-v3")
    with puffer_envs.make("bipedal_walker", 1) as env:
        pair = Pair(env, reference, load_adapter(KNOWN / "bipedal_walker.py", env.spec))
        walks = [walk(kind, seed, pair) for kind, seeds in SEEDS.items() for seed in seeds]
    WALKS.write_text("[\n" + ",\n".join(json.dumps(one) for one in walks) + "\n]\n", "utf-8")


if __name__ == "__main__":
    main()

"""Writes tests/envs/car_racing_drives.json: what Gymnasium's CarRacing-v3 does in drives that ours repeats.

`python tests/envs/make_car_racing_drives.py`, where Box2D and pygame are installed. Both sides get the same random
numbers, from which they make the same track.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

import puffer_envs
from puffer_envs import _core
from puffer_envs.porting import Draws, Given

DRIVES = Path(__file__).with_name("car_racing_drives.json")
STEPS, EVERY = 150, 15
VARIANTS: dict[str, dict[str, Any]] = {"continuous": {}, "discrete": {"continuous": False}}


def numbers_of(env: puffer_envs.Environment) -> list[float]:
    """What the track of our only environment was made from, as the reference draws it."""
    at = _core.describe("car_racing")["rng_offset"]
    draws = Draws.of(env._states[at : at + 16].tobytes()).before(24)
    return [draws.uniform() * (2 * math.pi / 12, 100)[i % 2] + (0, 50)[i % 2] for i in range(24)]


def drive(seed: int, settings: dict[str, Any]) -> dict[str, Any]:
    """One drive: actions, the reference's rewards, and where its hull is now and then."""
    reference: Any = gymnasium.make("CarRacing-v3", **settings).unwrapped
    reference._render = lambda mode: np.zeros((96, 96, 3), np.uint8)
    rng = np.random.default_rng(seed)
    rows: dict[str, Any] = {"seed": seed, "settings": settings, "actions": [], "rewards": [], "hull": []}
    with puffer_envs.make("car_racing", 1, seed, **settings) as env:
        env.reset()
        reference.np_random = Given(numbers_of(env))
        reference.reset()
        rows["tiles"] = len(reference.track)
        action: Any = None
        for step in range(STEPS):
            if step % 6 == 0:
                steer, gas, brake = rng.uniform(-0.6, 0.6), rng.uniform(0.2, 1), max(0.0, rng.uniform(-2, 1))
                action = np.round([steer, gas, brake], 2).astype(np.float32) if not settings else rng.integers(5)
            _, reward, ended, _, _ = reference.step(action)
            assert not ended
            env.step(np.array([action], env.actions.dtype))
            rows["actions"].append(np.round(action, 2).tolist())
            rows["rewards"].append(round(float(reward), 5))
            if step % EVERY == EVERY - 1:
                hull = reference.car.hull
                rows["hull"].append([round(float(x), 4) for x in (*hull.worldCenter, hull.angle)])
    return rows


def main() -> None:
    """Two drives of each variant."""
    drives = [{"variant": name} | drive(seed, settings) for name, settings in VARIANTS.items() for seed in (3, 4)]
    DRIVES.write_text("[\n" + ",\n".join(json.dumps(row) for row in drives) + "\n]\n", "utf-8")


if __name__ == "__main__":
    main()

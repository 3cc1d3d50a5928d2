"""Writes tests/envs/lunar_lander_flights.json: what Gymnasium's LunarLander-v3 shows in flights that ours repeats.

`python tests/envs/make_lunar_lander_flights.py`, where Box2D is installed. Both sides get the same random numbers.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

import puffer_envs
from puffer_envs import _core
from puffer_envs.porting import Draws, Given

FLIGHTS = Path(__file__).with_name("lunar_lander_flights.json")
STEPS = 50
RESET_DRAWS = 18
VARIANTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "discrete": ({}, {}),
    "continuous": ({"continuous": True}, {"continuous": True}),
    "wind": ({"wind": True, "wind_power": 18.0, "turbulence": 1.2},
             {"enable_wind": True, "wind_power": 18.0, "turbulence_power": 1.2}),
    "light": ({"gravity": -5.0}, {"gravity": -5.0}),
}  # fmt: skip


def draws_of(env: puffer_envs.Environment) -> Draws:
    """What the generator of our only environment will draw."""
    at = _core.describe("lunar_lander")["rng_offset"]
    return Draws.of(env._states[at : at + 16].tobytes())


def fly(seed: int, settings: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    """One flight: actions, and the reference's observations and rewards."""
    reference: Any = gymnasium.make("LunarLander-v3", **theirs).unwrapped
    reference.reset(seed=0)
    rng = np.random.default_rng(seed)
    rows: dict[str, Any] = {"seed": seed, "settings": settings, "actions": [], "observations": [], "rewards": []}
    with puffer_envs.make("lunar_lander", 1, seed, **settings) as env:
        env.reset()
        draws = draws_of(env).before(RESET_DRAWS)
        given = [np.array([draws.between(0, 400 / 60) for _ in range(12)])]
        given += [draws.between(-1000, 1000), draws.between(-1000, 1000)]
        moments = [draws.below(2 * 9999) - 9999, draws.below(2 * 9999) - 9999]
        given += moments if theirs.get("enable_wind") else []
        reference.np_random = Given([*given, draws.between(-1, 1), draws.between(-1, 1)])
        reference.reset()
        for _ in range(STEPS):
            action: Any = rng.integers(0, 4, 1).astype(np.int32)
            if settings.get("continuous"):
                action = rng.uniform(-1, 1, (1, 2)).astype(np.float32)
            draws = draws_of(env)
            reference.np_random = Given([draws.between(-1, 1), draws.between(-1, 1)])
            seen, reward, *_ = reference.step(action[0])
            env.step(action)
            rows["actions"].append(action[0].tolist())
            rows["observations"].append([round(float(x), 6) for x in seen])
            rows["rewards"].append(round(float(reward), 5))
    return rows


def main() -> None:
    """Two flights of each variant."""
    flights = [{"variant": name} | fly(seed, *both) for name, both in VARIANTS.items() for seed in (3, 4)]
    FLIGHTS.write_text("[\n" + ",\n".join(json.dumps(flight) for flight in flights) + "\n]\n", "utf-8")


if __name__ == "__main__":
    main()

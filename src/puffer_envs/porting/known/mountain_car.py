"""mountain_car and Gymnasium's MountainCar-v0."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from puffer_envs.porting import Growth, Within, elapsed_steps, set_elapsed_steps

FIELDS = {
    "position": Within(1.5e-7, "float32 here, float64 there: half a unit in the last place of 1.2 is 6e-8"),
    "velocity": Within(1e-8, "float32 here, float64 there: half a unit in the last place of 0.07 is 4e-9"),
}
IGNORED = {"push": "it is kept for drawing; every step sets it from the action"}
GROWTH = Growth(
    1.1, "on the crest the pull, 3 x 0.0025 a step and unit of length, drives neighbours apart by 9 % a step"
)


def read(env: Any) -> dict[str, Any]:
    """Our fields, from the reference."""
    position, velocity = env.unwrapped.state
    return {"position": position, "velocity": velocity, "tick": elapsed_steps(env)}


def write(env: Any, state: Mapping[str, Any]) -> None:
    """Put our fields into the reference."""
    env.unwrapped.state = np.array([state["position"], state["velocity"]], np.float64)
    set_elapsed_steps(env, state["tick"])


def borderline(state: Mapping[str, Any], times: float) -> bool:
    """The car is within a rounding of the flag, or within so many of them."""
    return bool(abs(state["position"] - 0.5) < 1.5e-7 * times)

"""mountain_car_continuous and Gymnasium's MountainCarContinuous-v0."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from puffer_envs.porting import Growth, Within, elapsed_steps, set_elapsed_steps

FIELDS = {
    "position": Within(
        1.5e-7, "float32 on both sides, rounded in another order: a unit in the last place of 1.2 is 1.2e-7"
    ),
    "velocity": Within(
        1.5e-8, "float32 on both sides, rounded in another order: a unit in the last place of 0.07 is 7e-9"
    ),
}
REWARD = Within(1e-5, "float32 here, float64 there, of a reward up to 100")
IGNORED = {
    "push": "it is kept for drawing; every step sets it from the action",
    "episode_return": "the reference has none: it is summed for the log",
}
GROWTH = Growth(
    1.1, "on the crest the pull, 3 x 0.0025 a step and unit of length, drives neighbours apart by 9 % a step"
)


def read(env: Any) -> dict[str, Any]:
    """Our fields, from the reference."""
    position, velocity = env.unwrapped.state
    return {"position": position, "velocity": velocity, "tick": elapsed_steps(env)}


def write(env: Any, state: Mapping[str, Any]) -> None:
    """Put our fields into the reference."""
    env.unwrapped.state = np.array([state["position"], state["velocity"]], np.float32)
    set_elapsed_steps(env, state["tick"])


def borderline(state: Mapping[str, Any], times: float) -> bool:
    """The car is within a rounding of the flag, or within so many of them."""
    return bool(abs(state["position"] - 0.45) < 1.5e-7 * times)

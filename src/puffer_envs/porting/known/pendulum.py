"""pendulum and Gymnasium's Pendulum-v1."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from puffer_envs.porting import Growth, Within, elapsed_steps, set_elapsed_steps

FIELDS = {
    "theta": Within(1e-6, "float32 here, float64 there: half a unit in the last place of pi is 1.2e-7", 2 * math.pi),
    "theta_dot": Within(2e-6, "float32 here, float64 there: half a unit in the last place of 8 is 2.4e-7"),
}
OBSERVATION = {
    "cos_theta": Within(1e-6, "as theta"),
    "sin_theta": Within(1e-6, "as theta"),
}
REWARD = Within(5e-6, "float32 here, float64 there: half a unit in the last place of 16 is 1e-6")
IGNORED = {
    "torque": "it is kept for drawing; every step sets it from the action",
    "episode_return": "the reference has none: it is summed for the log",
}
GROWTH = Growth(1.22, "upright a pendulum falls at sqrt(15) = 3.9 a second: neighbours part by 21 % a step")
NOTES = (
    "Gymnasium lets theta grow beyond a turn; here it stays within one. Nothing depends on the difference: sine, "
    "cosine "
    "and the reward have the period of a turn.",
    "Just at the bottom, at a whole half turn, the reward's angle may be pi on one side and -pi on the other; "
    "its square "
    "is the same.",
)


def read(env: Any) -> dict[str, Any]:
    """Our fields, from the reference."""
    theta, theta_dot = env.unwrapped.state
    return {"theta": (theta + math.pi) % (2 * math.pi) - math.pi, "theta_dot": theta_dot, "tick": elapsed_steps(env)}


def write(env: Any, state: Mapping[str, Any]) -> None:
    """Put our fields into the reference."""
    env.unwrapped.state = np.array([state["theta"], state["theta_dot"]], np.float64)
    set_elapsed_steps(env, state["tick"])

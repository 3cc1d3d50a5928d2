"""acrobot and Gymnasium's Acrobot-v1."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from puffer_envs.porting import Growth, Within, elapsed_steps, set_elapsed_steps

_TURN = 2 * math.pi
_ROUNDING = "float32 here, float64 there: some 200 operations of a step, each rounded to 6e-8 of numbers up to about 30"
FIELDS = {
    "theta1": Within(2e-6, _ROUNDING, period=_TURN),
    "theta2": Within(2e-6, _ROUNDING, period=_TURN),
    "dtheta1": Within(2e-5, _ROUNDING + "; at full speed accelerations reach 300 rad/s^2"),
    "dtheta2": Within(4e-5, _ROUNDING + "; at full speed accelerations reach 300 rad/s^2"),
}
OBSERVATION = {
    "cos_theta1": Within(2e-6, "as theta1"),
    "sin_theta1": Within(2e-6, "as theta1"),
    "cos_theta2": Within(2e-6, "as theta2"),
    "sin_theta2": Within(2e-6, "as theta2"),
}
IGNORED = {"torque": "it is kept for drawing; every step sets it from the action"}
GROWTH = Growth(1.5, "two free links are chaotic: neighbours part exponentially, by about half in a step of 0.2 s")


def read(env: Any) -> dict[str, Any]:
    """Our fields, from the reference."""
    theta1, theta2, dtheta1, dtheta2 = env.unwrapped.state
    return {"theta1": theta1, "theta2": theta2, "dtheta1": dtheta1, "dtheta2": dtheta2, "tick": elapsed_steps(env)}


def write(env: Any, state: Mapping[str, Any]) -> None:
    """Put our fields into the reference."""
    names = ("theta1", "theta2", "dtheta1", "dtheta2")
    env.unwrapped.state = np.array([state[name] for name in names], np.float64)
    set_elapsed_steps(env, state["tick"])


def borderline(state: Mapping[str, Any], times: float) -> bool:
    """The tip is within a rounding of the height that ends an episode, or within so many of them."""
    height = -math.cos(state["theta1"]) - math.cos(state["theta1"] + state["theta2"])
    return bool(abs(height - 1) < 1e-5 * times)

"""cartpole and Gymnasium's CartPole-v1."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from puffer_envs.porting import Growth, Within, elapsed_steps, set_elapsed_steps

_WHY = "float32 here, float64 there: half a unit in the last place below 4 is 1.2e-7, and the acceleration's rounding"
FIELDS = {name: Within(5e-7, _WHY) for name in ("x", "x_dot", "theta", "theta_dot")}
IGNORED = {"force": "it is kept for drawing; every step sets it from the action"}
GROWTH = Growth(
    1.0833, "an upright pole falls at sqrt(g / (4/3 - m/M) / l) = 3.97 a second: neighbours part by 8.3 % a step"
)


def read(env: Any) -> dict[str, Any]:
    """Our fields, from the reference."""
    x, x_dot, theta, theta_dot = env.unwrapped.state
    return {"x": x, "x_dot": x_dot, "theta": theta, "theta_dot": theta_dot, "tick": elapsed_steps(env)}


def write(env: Any, state: Mapping[str, Any]) -> None:
    """Put our fields into the reference."""
    env.unwrapped.state = np.array([state[name] for name in ("x", "x_dot", "theta", "theta_dot")], np.float64)
    env.unwrapped.steps_beyond_terminated = None
    set_elapsed_steps(env, state["tick"])


def borderline(state: Mapping[str, Any], times: float) -> bool:
    """The cart or the pole is within a rounding of its limit, or within so many of them."""
    beyond = abs(state["x"]) - 2.4, abs(state["theta"]) - 0.20943951023931953
    return any(abs(distance) < 5e-7 * times for distance in beyond)

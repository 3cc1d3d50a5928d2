"""Bodies and joints of Box2D, as the fields of environments that c/puffer_bodies.h moves."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

IMPULSES = "impulses in hinges and contacts cannot be written into Box2D. So there they are those of the step before, "
"""How the `FOLLOW` of an adapter begins."""
CONTACTS = "contacts cannot be written into Box2D, which finds them again"
"""Why contacts are not compared."""
ROUNDING = (
    "States of Box2D can be written but for the impulses that its joints and contacts keep, and the time that a body "
    "has rested. Where a leg or the hull touches, a rounding may decide whether a corner touches in this step or the "
    "next. From a step before that on, distributions are compared: of returns, of lengths and of how episodes end."
)
LIMITS = "Gymnasium's observation space claims limits that its observations exceed; here there are none."


def read_body(name: str, body: Any) -> dict[str, Any]:
    """Return our fields of a body."""
    (x, y), (vx, vy) = body.worldCenter, body.linearVelocity
    values = {"x": x, "y": y, "vx": vx, "vy": vy, "angle": body.angle, "spin": body.angularVelocity}
    return {f"{name}_{of}": value for of, value in values.items()}


def read_joint(name: str, joint: Any, rate: int) -> dict[str, Any]:
    """Return the impulses of a joint in the last step, of which there are `rate` a second."""
    x, y = joint.GetReactionForce(rate)
    return {
        f"{name}_pull_x": x / rate,
        f"{name}_pull_y": y / rate,
        f"{name}_stop": joint.GetReactionTorque(rate) / rate,
        f"{name}_motor": joint.GetMotorTorque(rate) / rate,
    }


def write_body(name: str, body: Any, state: Mapping[str, Any]) -> None:
    """Put a body where our fields say that it is, as fast as they say."""
    angle = float(state[f"{name}_angle"])
    x, y = body.localCenter
    sine, cosine = math.sin(angle), math.cos(angle)
    place = float(state[f"{name}_x"]) - (cosine * x - sine * y), float(state[f"{name}_y"]) - (sine * x + cosine * y)
    body.transform = (place, angle)
    body.linearVelocity = (float(state[f"{name}_vx"]), float(state[f"{name}_vy"]))
    body.angularVelocity = float(state[f"{name}_spin"])


def is_near_ground(state: Mapping[str, Any], name: str, reach: float, rate: int, posts: Any, stride: float) -> bool:
    """Whether a body that reaches so far from its centre may meet an edge of the ground before the next step ends.

    `posts` are where the edges of the ground end, `stride` apart.
    """
    x, y, vx, vy = (float(state[f"{name}_{of}"]) for of in ("x", "y", "vx", "vy"))
    reach += math.hypot(vx, vy) / rate + 0.05
    ground = np.asarray(state["ground"], np.float64)
    return bool(y - reach < ground[np.abs(posts - x) < reach + stride].max(initial=-1e9))

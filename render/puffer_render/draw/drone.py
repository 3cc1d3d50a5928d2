"""Drone: how it is played. c/draw/envs/drone.h draws it.

A person flies one of them: the keys say where it should go, and `pilot` finds the rotors' speeds for that.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_render.draw_in_c import drawing_of, size_of, yaw_of

GRAVITY = 9.81
SIZE = size_of("drone")
CAMERA = True
KEYS = {
    "forward": ("w",),
    "back": ("s",),
    "left": ("a", "left"),
    "right": ("d", "right"),
    "climb": ("up", "space"),
    "descend": ("down",),
}
PLAY = {
    "num_drones": 1,
    "max_steps": 6000,
    "randomize": 0.0,
    "task": "race",
}
SPEEDS = {"along": 6.0, "up": 3.0}
"""Metres a second that held keys ask for."""

Floats = NDArray[np.float64]
Drones = Any
"""The state's `drones`, a record array with a row for each, in double precision."""

draw = drawing_of("drone")


def drones_of(state: Any) -> Drones:
    """The drones' numbers by name, in double precision: `drones.position` is (n, 3)."""
    rows = state.drones
    doubles = [(name, np.float64, rows.dtype[name].shape) for name in rows.dtype.names]
    return rows.astype(doubles).view(np.recarray)


def rotations_of(attitudes: Floats) -> Floats:
    """(n, 3, 3): from the drones' axes to the world's, of unit quaternions (n, 4)."""
    w, x, y, z = attitudes.T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), 2, 0)


def pilot(state: Any, labels: frozenset[str], agent: int) -> NDArray[np.float32]:
    """The rotors' speeds that make a drone go where the keys say, seen from the camera; without any, it stays."""
    drone = drones_of(state)[agent]
    ahead = math.radians(yaw_of("drone", state, agent)) + math.pi
    forward = ("forward" in labels) - ("back" in labels)
    left = ("left" in labels) - ("right" in labels)
    velocity = np.array(
        [
            SPEEDS["along"] * (forward * math.cos(ahead) - left * math.sin(ahead)),
            SPEEDS["along"] * (forward * math.sin(ahead) + left * math.cos(ahead)),
            SPEEDS["up"] * (("climb" in labels) - ("descend" in labels)),
        ]
    )
    push = 2.5 * (velocity - drone.velocity)
    return steer(drone, push)


def steer(drone: Any, acceleration: Floats) -> NDArray[np.float32]:
    """The action with which a drone accelerates so: it tilts its thrust that way, and does not turn around it."""
    wanted = np.clip(acceleration, -8.0, 8.0) + np.array((0.0, 0.0, GRAVITY))
    wanted[2] = max(wanted[2], 2.0)
    rotation = rotations_of(drone.attitude[None])[0]
    across = np.cross((0, 0, 1), rotation.T @ wanted / np.linalg.norm(wanted))
    if rotation[:, 2] @ wanted < 0:  # upside down: turn even faster
        across /= max(float(np.linalg.norm(across)), 1e-3)
    turn = 16.0 * (9.0 * across * (1, 1, 0) - drone.rates) * (1, 1, 0.3)
    lift = max(float(rotation[:, 2] @ wanted), 2.0) / drone.lift / 4
    roll, pitch, yaw = (turn[k] / drone.agility[k] / 4 for k in range(3))
    yaw = float(np.clip(yaw, -0.1, 0.1))
    squares = lift + np.array([roll - pitch + yaw, -roll - pitch - yaw, -roll + pitch + yaw, roll + pitch - yaw])
    action: NDArray[np.float32] = (2 * np.sqrt(np.clip(squares, 0, 1)) - 1).astype(np.float32)
    return action

"""Bipedal walker: how it is played. c/draw/envs/bipedal_walker.h draws it.

Keys turn hips and knees; a joint without a key is stiff.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_render.draw_in_c import drawing_of, size_of

SIZE = size_of("bipedal_walker")
KEYS = {
    "blue_thigh_ahead": ("d",),
    "blue_thigh_back": ("a",),
    "blue_knee_stretch": ("w",),
    "blue_knee_bend": ("s",),
    "teal_thigh_ahead": ("right",),
    "teal_thigh_back": ("left",),
    "teal_knee_stretch": ("up",),
    "teal_knee_bend": ("down",),
}
GOAL = "Walk to the flag, and do not fall: two keys for each hip, two for each knee."
SPEED = 0.5
BRAKE = 1.5
"""Of a joint without a key: share of the motor's torque for a radian a second."""

draw = drawing_of("bipedal_walker")


def pilot(state: Any, labels: frozenset[str], agent: int) -> NDArray[np.float32]:
    """Full torque where a key is held; else what stops the joint."""
    del agent
    spins = {name: float(getattr(state, f"{name}_spin")) for name in ("hull", "thigh1", "shin1", "thigh2", "shin2")}
    action = []
    for leg, color in (("1", "blue"), ("2", "teal")):
        hip = spins[f"thigh{leg}"] - spins["hull"]
        knee = spins[f"shin{leg}"] - spins[f"thigh{leg}"]
        for speed, more, less in (
            (hip, f"{color}_thigh_ahead", f"{color}_thigh_back"),
            (knee, f"{color}_knee_stretch", f"{color}_knee_bend"),
        ):
            held = (more in labels) - (less in labels)
            action.append(held if held else float(np.clip(-BRAKE * speed, -1, 1)))
    return np.array(action, np.float32)

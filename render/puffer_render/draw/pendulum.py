"""Pendulum: how it is played. c/draw/envs/pendulum.h draws it."""

from __future__ import annotations

from typing import Any

from puffer_render.draw_in_c import between_of, drawing_of, size_of

SIZE = size_of("pendulum")
MAX_TORQUE = 2.0
KEYS = {"left": ("left", "a"), "right": ("right", "d")}
GOAL = "Swing the rod up, and hold it there."
FRAME_RATE = 60.0
SPEED = 0.8

draw = drawing_of("pendulum")
between = between_of("pendulum")


def pilot(state: Any, labels: frozenset[str], agent: int) -> float:
    """Full torque to the side whose key is held."""
    del state, agent
    return MAX_TORQUE * (("left" in labels) - ("right" in labels))


def frames(before: Any, after: Any) -> int:
    """Three for a step of 1/20 s; one where an episode ended."""
    return 1 if int(after.tick) < int(before.tick) else 3

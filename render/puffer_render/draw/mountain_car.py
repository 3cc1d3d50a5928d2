"""Mountain car: how it is played. c/draw/envs/mountain_car.h draws it."""

from __future__ import annotations

from typing import Any

from puffer_render.draw_in_c import between_of, drawing_of, size_of

SIZE = size_of("mountain_car")
KEYS = {"left": ("left", "a"), "right": ("right", "d")}
IDLE = "coast"
GOAL = "Rock up to the flag: the motor alone is too weak."
FRAME_RATE = 60.0
SPEED = 0.8

draw = drawing_of("mountain_car")
between = between_of("mountain_car")


def frames(before: Any, after: Any) -> int:
    """Two for a step, so that the car rolls smoothly; one where an episode ended."""
    return 1 if int(after.tick) < int(before.tick) else 2

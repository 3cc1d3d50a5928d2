"""Acrobot: how it is played. c/draw/envs/acrobot.h draws it."""

from __future__ import annotations

from typing import Any

from puffer_render.draw_in_c import between_of, drawing_of, size_of

SIZE = size_of("acrobot")
KEYS = {"left": ("left", "a"), "right": ("right", "d")}
IDLE = "rest"
GOAL = "Bring the tip above the line, with the motor between the links."
FRAME_RATE = 60.0
SPEED = 0.5

draw = drawing_of("acrobot")
between = between_of("acrobot")


def frames(before: Any, after: Any) -> int:
    """Four for a step; one where an episode ended."""
    return 1 if int(after.tick) < int(before.tick) else 4

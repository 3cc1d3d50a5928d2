"""Enduro: how it is played. c/draw/envs/enduro.h draws it."""

from __future__ import annotations

from typing import Any

from puffer_render.draw_in_c import drawing_of, size_of

SIZE = size_of("enduro")
KEYS = {"gas": ("up", "w"), "brake": ("down", "s"), "left": ("left", "a"), "right": ("right", "d")}
IDLE = "coast"
PLAY = {"first_quota": 50, "later_quota": 75}
GOAL = "Overtake as many cars as the day asks for. Keep out of their way."
FRAMESKIP = "frameskip"
FRAME_RATE = 60.0

draw = drawing_of("enduro")


def pilot(state: Any, labels: frozenset[str], agent: int) -> int:
    """Pedal and wheel at once: the action's number is 3 x steering + pedal."""
    steer = 0 if {"left", "right"} <= labels else 1 if "left" in labels else 2 if "right" in labels else 0
    return 3 * steer + (2 if "brake" in labels else 1 if "gas" in labels else 0)

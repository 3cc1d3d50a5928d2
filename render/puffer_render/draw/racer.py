"""Racer: how it is played. c/draw/envs/racer.h draws it."""

from __future__ import annotations

from typing import Any

from puffer_render.draw_in_c import between_of, drawing_of, size_of

SIZE = size_of("racer")
KEYS = {"gas": ("up", "w"), "brake": ("down", "s"), "left": ("left", "a"), "right": ("right", "d")}
FRAMESKIP = "frameskip"
FRAME_RATE = 60.0

draw = drawing_of("racer")
between = between_of("racer")


def pilot(state: Any, labels: frozenset[str], agent: int) -> tuple[int, int]:
    """Steering and pedals."""
    del state, agent
    return ("right" in labels) - ("left" in labels), ("gas" in labels) - ("brake" in labels)

"""Taxi: how it is played. c/draw/envs/taxi.h draws it."""

from __future__ import annotations

from puffer_render.draw_in_c import drawing_of, frames_of, glide, size_of

SIZE = size_of("taxi")
KEYS = {
    "down": ("down", "s"), "up": ("up", "w"), "right": ("right", "d"), "left": ("left", "a"),
    "pick": ("space",), "drop": ("enter", "e"),
}  # fmt: skip
GOAL = "Pick the passenger up, and drop them at the house of the colour that is asked for."
WAITS = True
FRAME_RATE = 30.0
draw, frames, between = drawing_of("taxi"), frames_of("taxi"), glide

"""Squared: how it is played. c/draw/envs/squared.h draws it."""

from __future__ import annotations

from puffer_render.draw_in_c import drawing_of, size_of

SIZE = size_of("squared")
KEYS = {"left": ("left", "a"), "right": ("right", "d"), "up": ("up", "w"), "down": ("down", "s")}
IDLE = "stay"

draw = drawing_of("squared")

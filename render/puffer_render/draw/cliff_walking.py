"""Cliff walking: how it is played. c/draw/envs/cliff_walking.h draws it."""

from __future__ import annotations

from puffer_render.draw_in_c import drawing_of, size_of

SIZE = size_of("cliff_walking")
KEYS = {"up": ("up", "w"), "right": ("right", "d"), "down": ("down", "s"), "left": ("left", "a")}
GOAL = "Walk to the flag, and not over the cliff."
WAITS = True

draw = drawing_of("cliff_walking")

"""Memory: how it is played. c/draw/envs/memory.h draws it."""

from __future__ import annotations

from puffer_render.draw_in_c import drawing_of, size_of

SIZE = size_of("memory")
KEYS = {"left": ("left", "a"), "right": ("right", "d")}
PLAY = {"distance": 8}
SPEED = 0.5

draw = drawing_of("memory")

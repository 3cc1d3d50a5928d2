"""MinAtar's Asterix: how it is played. c/draw/envs/minatar_asterix.h draws it."""

from __future__ import annotations

from puffer_render.draw_in_c import drawing_of, size_of

SIZE = size_of("minatar_asterix")
KEYS = {"left": ("left", "a"), "up": ("up", "w"), "right": ("right", "d"), "down": ("down", "s")}
IDLE = "stay"
GOAL = "Collect gold, and stay away from enemies."

draw = drawing_of("minatar_asterix")

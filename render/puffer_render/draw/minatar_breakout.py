"""MinAtar's Breakout: how it is played. c/draw/envs/minatar_breakout.h draws it."""

from __future__ import annotations

from puffer_render.draw_in_c import drawing_of, size_of

SIZE = size_of("minatar_breakout")
KEYS = {"left": ("left", "a"), "right": ("right", "d")}
IDLE = "stay"
GOAL = "Break the bricks, and do not let the ball pass."

draw = drawing_of("minatar_breakout")

"""Breakout: a rainbow of bricks, a ball that leaves light behind it, a paddle: drawn by c/draw/envs/breakout.h."""

from __future__ import annotations

from puffer_render.draw_in_c import drawing_of, size_of

SIZE = size_of("breakout")
KEYS = {"left": ("left", "a"), "right": ("right", "d")}
IDLE = "stay"
FRAMESKIP = "frameskip"
FRAME_RATE = 60.0

draw = drawing_of("breakout")

"""Breakout: how it is played. c/draw/envs/breakout.h draws it."""

from __future__ import annotations

from puffer_render.draw_in_c import drawing_of, size_of

SIZE = size_of("breakout")
KEYS = {"left": ("left", "a"), "right": ("right", "d")}
IDLE = "stay"
FRAMESKIP = "frameskip"
FRAME_RATE = 60.0

draw = drawing_of("breakout")

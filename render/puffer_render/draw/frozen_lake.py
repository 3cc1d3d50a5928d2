"""Frozen lake: how it is played. c/draw/envs/frozen_lake.h draws it."""

from __future__ import annotations

from puffer_render.draw_in_c import drawing_of, frames_of, glide, size_of

SIZE = size_of("frozen_lake")
KEYS = {"left": ("left", "a"), "down": ("down", "s"), "right": ("right", "d"), "up": ("up", "w")}
GOAL = "Cross the ice to the flag. It is slippery: you may go sideways."
WAITS = True
FRAME_RATE = 30.0
draw, frames, between = drawing_of("frozen_lake"), frames_of("frozen_lake"), glide

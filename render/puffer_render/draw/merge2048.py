"""merge2048: how it is played. c/draw/envs/merge2048.h draws it."""

from __future__ import annotations

from puffer_render.draw_in_c import drawing_of, frames_of, glide, size_of, touch_of, verdict_of

SIZE = size_of("merge2048")
KEYS = {"up": ("up", "w"), "right": ("right", "d"), "down": ("down", "s"), "left": ("left", "a")}
WAITS = True
UNDOES = True
FRAME_RATE = 30.0
GOAL = "Slide equal tiles into each other until one of them is 2048."

draw, frames, between, touch = drawing_of("merge2048"), frames_of("merge2048"), glide, touch_of("merge2048")
verdict = verdict_of("merge2048")

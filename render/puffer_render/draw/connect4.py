"""Connect4: how it is played. c/draw/envs/connect4.h draws it."""

from __future__ import annotations

from puffer_render.draw_in_c import drawing_of, size_of, touch_of, verdict_of

SIZE = size_of("connect4")
KEYS = {str(c + 1): (key,) for c, key in enumerate(("one", "two", "three", "four", "five", "six", "seven"))}
WAITS = True
UNDOES = True
GOAL = "Four in a row: across, up or diagonal. Press a column's number, or click it."

draw, touch, verdict = drawing_of("connect4"), touch_of("connect4"), verdict_of("connect4")

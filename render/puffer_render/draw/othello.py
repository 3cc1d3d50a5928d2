"""Othello: how it is played. c/draw/envs/othello.h draws it."""

from __future__ import annotations

from puffer_render.draw_in_c import drawing_of, pilot_of, size_of, touch_of, verdict_of
from puffer_render.keys import NAMES

SIZE = size_of("othello")
HOT = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "zero", *"ewasdfgxcvbmyuiojkl")
KEYS = {NAMES.get(key, key.upper()): (key,) for key in HOT}
"""The first key plays the first of the cells where one may move, and so on; each shows its own."""
WAITS = True
UNDOES = True
GOAL = "Catch rows of stones between two of yours, and have more at the end. Press a key on the board, or click."

draw, touch, pilot = drawing_of("othello"), touch_of("othello"), pilot_of("othello", tuple(KEYS))
verdict = verdict_of("othello")

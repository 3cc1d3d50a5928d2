"""Checkers: how it is played. c/draw/envs/checkers.h draws it."""

from __future__ import annotations

from puffer_render.draw_in_c import drawing_of, pilot_of, size_of, touch_of, verdict_of
from puffer_render.keys import NAMES

SIZE = size_of("checkers")
HOT = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "zero", *"ewasdfgxcvbmyuiojkl")
KEYS = {NAMES.get(key, key.upper()): (key,) for key in HOT}
"""The first key makes the first of the moves that are legal, and so on; each shows its own."""
WAITS = True
UNDOES = True
GOAL = "Jump over the other's pieces; who can jump, must. Press a key on the board, or click where a piece should go."

draw, touch, pilot = drawing_of("checkers"), touch_of("checkers"), pilot_of("checkers", tuple(KEYS))
verdict = verdict_of("checkers")

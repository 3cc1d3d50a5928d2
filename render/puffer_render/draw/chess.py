"""Chess: how it is played. c/draw/envs/chess.h draws it."""

from __future__ import annotations

from puffer_render.draw_in_c import drawing_of, pilot_of, size_of, touch_of, verdict_of
from puffer_render.keys import NAMES

SIZE = size_of("chess")
HOT = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "zero", *"ewasdfgxcvbmyuiojkl")
KEYS = {NAMES.get(key, key.upper()): (key,) for key in HOT}
"""The first key chooses the first of the squares that are legal, and so on; each shows its own."""
WAITS = True
UNDOES = True
GOAL = "Attack the king so that it cannot escape. Click at a piece, then at where it goes; Z takes a choice back."

draw, touch, pilot = drawing_of("chess"), touch_of("chess"), pilot_of("chess", tuple(KEYS))
verdict = verdict_of("chess")

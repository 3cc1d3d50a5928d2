"""Backgammon: how it is played. c/draw/envs/backgammon.h draws it."""

from __future__ import annotations

from typing import Any

from puffer_render.draw_in_c import drawing_of, frames_of, glide, pilot_of, size_of, touch_of
from puffer_render.keys import NAMES

SIZE = size_of("backgammon")
HOT = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "zero", *"ewasdfgxcvbmyuiojkl")
KEYS = {NAMES.get(key, key.upper()): (key,) for key in HOT}
"""The first key plays the first of the moves that are allowed, and so on; the list beside the board shows them."""
WAITS = True
UNDOES = True
FRAME_RATE = 30.0
GOAL = "Bring all checkers home, to the lower right, and off. Click at a checker, or at the die that shall move it."

draw, touch, pilot = drawing_of("backgammon"), touch_of("backgammon"), pilot_of("backgammon", tuple(KEYS))
frames, between = frames_of("backgammon"), glide


def verdict(state: Any, agent: int) -> str:
    """How the last game ended."""
    result = int(state.result)
    if result == 3:
        return "cut off"
    word = "won" if (result == 1) == (agent == 0) else "lost"
    return word + {2: " a gammon", 3: " a backgammon"}.get(int(state.worth), "")

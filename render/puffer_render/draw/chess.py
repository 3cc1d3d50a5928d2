"""Chess: how it is played. c/draw/envs/chess.h draws it."""

from __future__ import annotations

from typing import Any

from puffer_render.draw_in_c import drawing_of, pilot_of, size_of, touch_of
from puffer_render.keys import NAMES

SIZE = size_of("chess")
HOT = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "zero", *"ewasdfgxcvbmyuiojkl")
KEYS = {NAMES.get(key, key.upper()): (key,) for key in HOT}
"""The first key chooses the first of the squares that are legal, and so on; each shows its own."""
WAITS = True
UNDOES = True
GOAL = "Attack the king so that it cannot escape. Click at a piece, then at where it goes; Z takes a choice back."
ENDS = ("", "checkmate", "stalemate", "no progress", "repetition", "nobody can mate", "cut off")

draw, touch, pilot = drawing_of("chess"), touch_of("chess"), pilot_of("chess", tuple(KEYS))


def verdict(state: Any, agent: int) -> str:
    """How the last game ended."""
    result = int(state.result)
    word = {1: "won", 2: "drawn", 3: "lost"}[4 - result if agent else result]
    return f"{word}: {ENDS[int(state.ending)]}"

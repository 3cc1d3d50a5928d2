"""Chess: how it is played. c/draw/envs/chess.h draws it."""

from __future__ import annotations

from typing import Any

from puffer_render.draw_in_c import drawing_of, size_of
from puffer_render.frame import HUD_HEIGHT
from puffer_render.keys import NAMES

SIDE, MARGIN, ABOVE, BECOME = 520, 34, 14, 2
"""As in c/draw/envs/chess.h and c/envs/chess.h, for clicks."""
SIZE = size_of("chess")
HOT = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "zero", *"ewasdfgxcvbmyuiojkl")
KEYS = {NAMES.get(key, key.upper()): (key,) for key in HOT}
"""The first key chooses the first of the squares that are legal, and so on; each shows its own."""
CAPS = tuple(KEYS)
WAITS = True
UNDOES = True
GOAL = "Attack the king so that it cannot escape. Click at a piece, then at where it goes; Z takes a choice back."
ENDS = ("", "checkmate", "stalemate", "no progress", "repetition", "nobody can mate", "cut off")

draw = drawing_of("chess")


def choices(state: Any) -> list[int]:
    """The legal actions, in order."""
    options, first = int(state.options), 64 if int(state.stage) == BECOME else 0
    return [first + bit for bit in range(64) if options >> bit & 1]


def pilot(state: Any, labels: frozenset[str], agent: int) -> int:
    """The choice of the key that is held; beyond the last one, that."""
    del agent
    legal = choices(state)
    number = min((CAPS.index(label) for label in labels), default=0)
    return legal[min(number, len(legal) - 1)]


def touch(state: Any, x: float, y: float) -> int | None:
    """The square that is clicked at, or the piece that a pawn is to become, where it may be chosen."""
    tile = SIDE / 8
    column, row = int((x - MARGIN) // tile), int((y - HUD_HEIGHT - ABOVE) // tile)
    if int(state.stage) == BECOME:
        number = int((x - MARGIN) // tile - 2)
        return 64 + number if 0 <= number < 4 and abs((y - HUD_HEIGHT - ABOVE) / tile - 4) < 0.5 else None
    if not (0 <= column < 8 and 0 <= row < 8):
        return None
    whites = 8 * (7 - row) + column if int(state.white) == 0 else 8 * row + 7 - column
    square = whites if int(state.turn) == int(state.white) else whites ^ 56
    return square if int(state.options) >> square & 1 else None


def verdict(state: Any, agent: int) -> str:
    """How the last game ended."""
    result = int(state.result)
    word = {1: "won", 2: "drawn", 3: "lost"}[4 - result if agent else result]
    return f"{word}: {ENDS[int(state.ending)]}"

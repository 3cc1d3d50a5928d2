"""Connect4: how it is played. c/draw/envs/connect4.h draws it."""

from __future__ import annotations

from typing import Any

from puffer_render.draw_in_c import drawing_of, size_of
from puffer_render.frame import HUD_HEIGHT

COLUMNS, ROWS, COLUMN_BITS = 7, 6, 7
TILE, MARGIN = 68, 20
"""As in c/draw/envs/connect4.h, for clicks."""
SIZE = size_of("connect4")
KEYS = {str(c + 1): (key,) for c, key in enumerate(("one", "two", "three", "four", "five", "six", "seven"))}
WAITS = True
UNDOES = True

draw = drawing_of("connect4")


def touch(state: Any, x: float, y: float) -> int | None:
    """The column that is clicked at, if it has room."""
    column = int((x - MARGIN) // TILE)
    if not 0 <= column < COLUMNS or not HUD_HEIGHT + MARGIN <= y < HUD_HEIGHT + MARGIN + ROWS * TILE:
        return None
    full = (int(state.stones[0]) | int(state.stones[1])) >> (COLUMN_BITS * column + ROWS - 1) & 1
    return None if full else column

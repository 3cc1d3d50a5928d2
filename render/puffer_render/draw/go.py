"""Go: how it is played. c/draw/envs/go.h draws it."""

from __future__ import annotations

from typing import Any

from puffer_render.draw_in_c import drawing_of, size_of
from puffer_render.frame import HUD_HEIGHT

SIDE, MARGIN, ABOVE = 504, 30, 16
"""As in c/draw/envs/go.h, for clicks."""
SIZE = size_of("go")
KEYS = {"pass": ("enter",)}
WAITS = True
UNDOES = True
GOAL = "Surround more of the board than the other. Click at a point; Enter passes."

draw = drawing_of("go")


def pilot(state: Any, labels: frozenset[str], agent: int) -> int:
    """The only key passes."""
    del labels, agent
    return int(state.size) ** 2


def touch(state: Any, x: float, y: float) -> int | None:
    """The point that is clicked at, where one may move."""
    size = int(state.size)
    column, row = (int((at - start) * size // SIDE) for at, start in ((x, MARGIN), (y, HUD_HEIGHT + ABOVE)))
    if not (0 <= row < size and 0 <= column < size):
        return None
    point = row * (size + 1) + column
    return row * size + column if int(state.legal[point // 64]) >> (point % 64) & 1 else None


def verdict(state: Any, agent: int) -> str:
    """How the last game ended."""
    result = int(state.result)
    word = {1: "won", 2: "drawn", 3: "lost"}[4 - result if agent else result]
    return f"{word}, {int(state.areas[agent])} to {int(state.areas[1 - agent])}"

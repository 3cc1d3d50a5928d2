"""Othello: how it is played. c/draw/envs/othello.h draws it."""

from __future__ import annotations

from typing import Any

from puffer_render.draw_in_c import drawing_of, size_of
from puffer_render.frame import HUD_HEIGHT
from puffer_render.keys import NAMES

BOARD_SIDE, MARGIN = 480, 30
"""As in c/draw/envs/othello.h, for clicks."""
SIZE = size_of("othello")
HOT = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "zero", *"ewasdfgxcvbmyuiojkl")
KEYS = {NAMES.get(key, key.upper()): (key,) for key in HOT}
"""The first key plays the first of the cells where one may move, and so on; each shows its own."""
CAPS = tuple(KEYS)
WAITS = True
UNDOES = True
GOAL = "Catch rows of stones between two of yours, and have more at the end. Press a key on the board, or click."

draw = drawing_of("othello")


def pilot(state: Any, labels: frozenset[str], agent: int) -> int:
    """The cell of the key that is held; beyond the last cell, the last one."""
    del agent
    size, legal = int(state.size), int(state.legal)
    cells = [row * size + column for row in range(size) for column in range(size) if legal >> (8 * row + column) & 1]
    number = min((CAPS.index(label) for label in labels), default=0)
    return cells[min(number, len(cells) - 1)]


def touch(state: Any, x: float, y: float) -> int | None:
    """The cell that is clicked at, where one may move."""
    size = int(state.size)
    column, row = (int((at - start) * size // BOARD_SIDE) for at, start in ((x, MARGIN), (y, HUD_HEIGHT + MARGIN)))
    if not (0 <= row < size and 0 <= column < size) or not int(state.legal) >> (8 * row + column) & 1:
        return None
    return row * size + column


def verdict(state: Any, agent: int) -> str:
    """How the last game ended."""
    stones = [int(ended).bit_count() for ended in state.ended]
    own, other = stones[agent], stones[1 - agent]
    word = "won" if own > other else "lost" if own < other else "drawn"
    return f"{word}, {own} to {other}"

"""Checkers: how it is played. c/draw/envs/checkers.h draws it."""

from __future__ import annotations

import math
from typing import Any

from puffer_render.draw_in_c import drawing_of, size_of
from puffer_render.frame import HUD_HEIGHT
from puffer_render.keys import NAMES

SIDE, MARGIN, ABOVE, BITS = 504, 30, 18, 36
"""As in c/draw/envs/checkers.h, for clicks."""
SIZE = size_of("checkers")
HOT = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "zero", *"ewasdfgxcvbmyuiojkl")
KEYS = {NAMES.get(key, key.upper()): (key,) for key in HOT}
"""The first key makes the first of the moves that are legal, and so on; each shows its own."""
CAPS = tuple(KEYS)
WAITS = True
UNDOES = True
GOAL = "Jump over the other's pieces; who can jump, must. Press a key on the board, or click where a piece should go."

draw = drawing_of("checkers")


def moves(state: Any) -> list[tuple[int, tuple[float, float], tuple[float, float]]]:
    """All legal ones in the order of their actions: the action, and where it begins and ends, in tiles."""
    jumps, turn = int(state.jumps), int(state.turn)
    found = []
    for way, shift in enumerate((4, 5, -5, -4)):
        for bit in range(BITS):
            if int(state.legal[way]) >> bit & 1:
                ends = (bit, bit + shift * (1 + jumps))
                begin, end = (middle(BITS - 1 - at if turn else at) for at in ends)
                found.append((32 * way + bit - (bit + 4) // 9, begin, end))
    return found


def middle(bit: int) -> tuple[float, float]:
    """Of a square, in tiles from the top left corner, as the first player sees it."""
    row, place = divmod(bit - (bit + 4) // 9, 4)
    return 2 * place + row % 2 + 0.5, 7.5 - row


def pilot(state: Any, labels: frozenset[str], agent: int) -> int:
    """The move of the key that is held; beyond the last one, that."""
    del agent
    legal = moves(state)
    number = min((CAPS.index(label) for label in labels), default=0)
    return legal[min(number, len(legal) - 1)][0]


def touch(state: Any, x: float, y: float) -> int | None:
    """The move to the square that is clicked at, or of the piece there; of several, the one from this side."""
    column, row = (x - MARGIN) * 8 / SIDE, (y - HUD_HEIGHT - ABOVE) * 8 / SIDE
    near = []
    for action, begin, end in moves(state):
        for here, there in ((end, begin), (begin, end)):
            if max(abs(here[0] - column), abs(here[1] - row)) < 0.5:
                beside = (here[0] + 0.25 * (there[0] - here[0]), here[1] + 0.25 * (there[1] - here[1]))
                near.append((math.dist(beside, (column, row)), action))
    return min(near)[1] if near else None


def verdict(state: Any, agent: int) -> str:
    """How the last game ended."""
    result = int(state.result)
    return {1: "won", 2: "drawn", 3: "lost"}[4 - result if agent else result]

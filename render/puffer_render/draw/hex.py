"""Hex: how it is played. c/draw/envs/hex.h draws it."""

from __future__ import annotations

import math
from typing import Any

from puffer_render.draw_in_c import drawing_of, size_of
from puffer_render.frame import HUD_HEIGHT

WIDE, HIGH, MARGIN = 640, 420, 26
"""As in c/draw/envs/hex.h, for clicks."""
SIZE = size_of("hex")
KEYS = {"swap": ("enter",)}
WAITS = True
UNDOES = True
GOAL = "Connect the top with the bottom. Click a cell; Enter swaps where you may."

draw = drawing_of("hex")


class Grid:
    """Where the cells of a board lie in a rectangle."""

    def __init__(self, left: float, top: float, wide: float, high: float, size: int) -> None:
        self.size = size
        self.radius = min(wide / (math.sqrt(3) * (1.5 * size + 0.2)), high / (1.5 * size + 1.1))
        """From the middle of a cell to a corner."""
        self.step = math.sqrt(3) * self.radius
        board_wide, board_high = self.step * (1.5 * size - 0.5), self.radius * (1.5 * size + 0.5)
        self.left = left + (wide - board_wide) / 2 + self.step / 2
        self.top = top + (high - board_high) / 2 + self.radius

    def middle(self, row: float, column: float) -> tuple[float, float]:
        """The middle of a cell."""
        return self.left + (column + row / 2) * self.step, self.top + 1.5 * self.radius * row

    def cell_at(self, x: float, y: float) -> tuple[int, int] | None:
        """The cell at a point."""
        cells = [(row, column) for row in range(self.size) for column in range(self.size)]
        nearest = min(cells, key=lambda cell: math.dist(self.middle(*cell), (x, y)))
        return nearest if math.dist(self.middle(*nearest), (x, y)) < self.step / 2 else None


def board_grid(size: int) -> Grid:
    """The grid of the game."""
    return Grid(MARGIN, HUD_HEIGHT + MARGIN, WIDE, HIGH, size)


def pilot(state: Any, labels: frozenset[str], agent: int) -> int:
    """Swap, or where one may not, the first empty cell."""
    del labels, agent
    size = int(state.size)
    if can_swap(state):
        return size * size
    return next(cell for cell in range(size * size) if not state.view[int(state.turn)][cell])


def touch(state: Any, x: float, y: float) -> int | None:
    """The empty cell that is clicked at, in the view of the player whose turn it is."""
    size = int(state.size)
    cell = board_grid(size).cell_at(x, y)
    if cell is None or state.view[0][cell[0] * size + cell[1]]:
        return None
    row, column = cell if int(state.turn) == 0 else cell[::-1]
    return row * size + column


def can_swap(state: Any) -> bool:
    """Whether the player whose turn it is may swap."""
    return bool(state.swap) and int(state.stones) == 1 and not state.swapped


def verdict(state: Any, agent: int) -> str:
    """How the last game ended."""
    return "won" if (int(state.result) == 1) == (agent == 0) else "lost"

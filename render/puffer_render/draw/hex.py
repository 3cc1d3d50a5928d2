"""Hex: the board of hexagons, whose edges show who connects what, and beside it how the last game ended."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from puffer_render.frame import HUD_HEIGHT, Frame
from puffer_render.palette import AMBER, CORAL, DUSK, NIGHT, SKY, SLATE, SNOW, STEEL, Color, blend, fade

WIDE, HIGH, MARGIN, PANEL = 640, 420, 26, 190
SIZE = (WIDE + PANEL + 3 * MARGIN, HIGH + HUD_HEIGHT + 2 * MARGIN)
KEYS = {"swap": ("enter",)}
WAITS = True
UNDOES = True
GOAL = "Connect the top with the bottom. Click a cell; Enter swaps where you may."

STONES = (AMBER, SKY)
"""Of the first agent, who connects top and bottom, and of its opponent."""
RESULTS = {1: ("won", AMBER), 2: ("lost", CORAL)}
EMPTY = blend(SLATE, DUSK, 0.35)


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


def draw(state: Any, frame: Frame) -> None:
    """The current game, and the end of the last one."""
    frame.clear(NIGHT)
    mode = ("self-play", "") if state.self_play else ("strength", int(state.strength))
    frame.hud("hex", mode, ("stones", int(state.stones)))
    size = int(state.size)
    grid = board_grid(size)
    _draw_board(grid, state.view[0], int(state.last), frame)
    for k in range(size):
        x, y = grid.middle(-0.95, k + 0.05)
        frame.text(x, y - 8, "abcdefghijklm"[k], 14, STEEL, "center")
        x, y = grid.middle(k, -0.95)
        frame.text(x, y - 8, str(k + 1), 14, STEEL, "center")

    left, top = WIDE + 2 * MARGIN, HUD_HEIGHT + MARGIN
    frame.rect(left, top, PANEL, HIGH, DUSK, 12)
    names = ("first", "second") if state.self_play and frame.person is None else ("you", "other")
    names = names[::-1] if frame.agent else names
    for player, (name, task) in enumerate(zip(names, ("top to bottom", "left to right"), strict=True)):
        y = top + 18 + 58 * player
        if int(state.turn) == player:
            frame.rect(left + 10, y - 6, PANEL - 20, 50, SLATE, 10)
        _draw_hexagon(left + 36, y + 19, 15, STONES[player], frame)
        frame.text(left + 62, y, name, 19, SNOW if int(state.turn) == player else STEEL)
        frame.text(left + 62, y + 22, task, 13, STEEL)
    if can_swap(state):
        frame.text(left + PANEL / 2, top + 150, "Enter: swap", 17, AMBER, "center")
    if int(state.result) in RESULTS:
        result = int(state.result)
        color = RESULTS[result][1]
        frame.text(left + PANEL / 2, top + HIGH - 196, "last game", 16, STEEL, "center")
        word = RESULTS[3 - result if frame.agent else result][0]
        frame.text(left + PANEL / 2, top + HIGH - 174, word, 24, color, "center")
        _draw_board(Grid(left + 8, top + HIGH - 140, PANEL - 16, 130, size), state.ended, -1, frame)


def _draw_board(grid: Grid, view: Sequence[int], last: int, frame: Frame) -> None:
    size = grid.size
    for k in range(size):  # what each player connects, behind the cells
        for player, edge in ((0, (0, k)), (0, (size - 1, k)), (1, (k, 0)), (1, (k, size - 1))):
            x, y = grid.middle(*edge)
            out = grid.radius * 0.38
            if player == 0:
                y += -out if edge[0] == 0 else out
            else:
                x += -out if edge[1] == 0 else out
            _draw_hexagon(x, y, grid.radius, fade(STONES[player], 0.85), frame)
    winning = path_cells(view, size)
    for row in range(size):
        for column in range(size):
            cell, (x, y) = row * size + column, grid.middle(row, column)
            _draw_hexagon(x, y, grid.radius, NIGHT, frame)
            stone = int(view[cell])
            color = STONES[stone - 1] if stone else EMPTY
            _draw_hexagon(x, y, grid.radius * 0.93, blend(color, NIGHT, 0.25) if stone else EMPTY, frame)
            if stone:
                _draw_hexagon(x, y, grid.radius * 0.76, color, frame)
            if cell in winning:
                frame.circle(x, y, grid.radius * 0.3, SNOW)
            elif cell == last:
                frame.circle(x, y, grid.radius * 0.2, SNOW)


def path_cells(view: Sequence[int], size: int) -> set[int]:
    """The cells of a shortest path of stones that connects the sides of either player; none where nobody has."""
    for stone in (1, 2):
        starts = [k if stone == 1 else k * size for k in range(size)]
        came: dict[int, int] = {cell: -1 for cell in starts if view[cell] == stone}
        waiting = list(came)
        for cell in waiting:
            row, column = divmod(cell, size)
            if (row if stone == 1 else column) == size - 1:
                found = set()
                while cell >= 0:
                    found.add(cell)
                    cell = came[cell]  # noqa: PLW2901
                return found
            for down, right in ((0, 1), (0, -1), (1, 0), (-1, 0), (-1, 1), (1, -1)):
                y, x = row + down, column + right
                if 0 <= y < size and 0 <= x < size and view[y * size + x] == stone and y * size + x not in came:
                    came[y * size + x] = cell
                    waiting.append(y * size + x)
    return set()


def _draw_hexagon(x: float, y: float, radius: float, color: Color, frame: Frame) -> None:
    corners = [(math.radians(60 * k + 30)) for k in range(6)]
    frame.polygon([(x + radius * math.cos(angle), y + radius * math.sin(angle)) for angle in corners], color)

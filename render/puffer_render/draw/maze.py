"""Maze: seen from above, bright where the agent sees. Keys and doors in four colours, and a goal that glows."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_render.frame import HUD_HEIGHT, Frame
from puffer_render.palette import (
    AMBER,
    CORAL,
    DUSK,
    MINT,
    NIGHT,
    SKY,
    SLATE,
    SNOW,
    STEEL,
    VIOLET,
    Color,
    blend,
    fade,
)

# what the table of tiles holds; see the fields of the environment
SIGHT = 5
"""Tiles that an agent sees to each side. The outermost wall of a maze is at SIGHT - 1 in its table."""
WALL = -128
KEY = 12
"""Plus the colour; a door is minus that."""
COLORS = (CORAL, SKY, AMBER, VIOLET)

BOARD = 600
MARGIN = 20
MAX_TILES = 151
"""Of a maze larger than this, the part around the agent is shown."""
MAX_TILE, MIN_THING = 72, 7
"""Units."""
DIM_WALL, LIT_WALL = blend(SLATE, STEEL, 0.12), blend(STEEL, SLATE, 0.2)
DIM_FLOOR, LIT_FLOOR = blend(NIGHT, DUSK, 0.5), blend(DUSK, SLATE, 0.6)
WHOLE_FROM = 12
"""Tiles of this size and more are a whole number of units, so that their edges are sharp."""
OVERLAP = 0.6
"""Units by which walls overlap the next tile, which hides seams at any scale."""

SIZE = (BOARD + 2 * MARGIN, HUD_HEIGHT + BOARD + MARGIN)
KEYS = {"left": ("left", "a"), "right": ("right", "d"), "up": ("up", "w"), "down": ("down", "s")}
PLAY = {"max_steps": 100_000}
WAITS = True


class Board:
    """Where tiles lie on the picture: the maze in its middle, as large as fits."""

    def __init__(self, state: Any) -> None:
        self.first_row, self.rows = _window(int(state.rows), int(state.row))
        self.first_column, self.columns = _window(int(state.columns), int(state.column))
        side = min(BOARD / max(self.rows, self.columns), MAX_TILE)
        self.side = math.floor(side) if side >= WHOLE_FROM else side
        self.left = MARGIN + (BOARD - self.columns * self.side) / 2
        self.top = HUD_HEIGHT + (BOARD - self.rows * self.side) / 2

    def corner(self, row: float, column: float) -> tuple[float, float]:
        """The top left corner of a tile, given its place in the table."""
        return self.left + (column - self.first_column) * self.side, self.top + (row - self.first_row) * self.side

    def center(self, row: float, column: float) -> tuple[float, float]:
        """The middle of a tile."""
        return self.corner(row + 0.5, column + 0.5)

    def shows(self, row: int, column: int) -> bool:
        """Whether a tile is on the picture."""
        inside = self.first_row <= row < self.first_row + self.rows
        return inside and self.first_column <= column < self.first_column + self.columns


def _window(tiles: int, agent: int) -> tuple[int, int]:
    """For that many tiles, with the agent at a place in the table: the first that is shown, and how many."""
    shown = min(tiles, MAX_TILES)
    first = min(max(agent - shown // 2, SIGHT - 1), SIGHT - 1 + tiles - shown)
    return first, shown


def draw(state: Any, frame: Frame) -> None:
    """The maze, what lies in it, then the agent."""
    frame.clear(NIGHT)
    board = Board(state)
    _draw_hud(state, frame)
    _draw_ground(state, board, frame)
    _draw_walls(state, board, frame)
    _draw_goal(state, board, frame)
    shown = state.tiles[board.first_row :, board.first_column :][: board.rows, : board.columns]
    for row, column in np.argwhere((shown != 0) & (shown != WALL)).tolist():
        _draw_thing(state, board.first_row + row, board.first_column + column, board, frame)
    _draw_agent(state, board, frame)


def _draw_hud(state: Any, frame: Frame) -> None:
    rank, levels = int(state.rank), int(state.num_levels)
    x = frame.hud(
        "maze",
        ("level", rank + 1),
        ("difficulty", f"{rank / max(1, levels - 1):.2f}"),
        ("shortest", int(state.shortest)),
        ("steps", int(state.tick)),
    )
    held = [color for bit, color in enumerate(COLORS) if int(state.keys) >> bit & 1]
    for i, color in enumerate(reversed(held)):
        _draw_key(x - 12 - 24 * i, 23, 24, color, frame)


def _sight(state: Any, board: Board) -> tuple[int, int, int, int]:
    """First row, first column, one past the last row and column of what the agent sees, cut off at the picture."""
    row, column = int(state.row), int(state.column)
    top, left = max(row - SIGHT, board.first_row), max(column - SIGHT, board.first_column)
    bottom = min(row + SIGHT + 1, board.first_row + board.rows)
    right = min(column + SIGHT + 1, board.first_column + board.columns)
    return top, left, bottom, right


def _draw_ground(state: Any, board: Board, frame: Frame) -> None:
    side = board.side
    frame.rect(board.left, board.top, board.columns * side, board.rows * side, DIM_FLOOR)
    top, left, bottom, right = _sight(state, board)
    frame.rect(*board.corner(top, left), (right - left) * side, (bottom - top) * side, LIT_FLOOR)


def _draw_walls(state: Any, board: Board, frame: Frame) -> None:
    """Row by row, in runs of one colour."""
    top, left, bottom, right = _sight(state, board)
    kinds: NDArray[np.int8] = (state.tiles == WALL).astype(np.int8)
    kinds[top:bottom, left:right] *= 2
    for row in range(board.first_row, board.first_row + board.rows):
        line = kinds[row, board.first_column : board.first_column + board.columns]
        ends = np.flatnonzero(np.diff(line, prepend=0, append=0)).tolist()
        for start, end in itertools.pairwise(ends):
            if line[start] > 0:
                x, y = board.corner(row, board.first_column + start)
                color = LIT_WALL if line[start] == 2 else DIM_WALL
                frame.rect(x, y, (end - start) * board.side + OVERLAP, board.side + OVERLAP, color)


def _draw_thing(state: Any, row: int, column: int, board: Board, frame: Frame) -> None:
    tile, side = int(state.tiles[row, column]), max(board.side, MIN_THING)
    number = abs(tile) - KEY
    color, held = COLORS[number], int(state.keys) >> number & 1
    x, y = board.center(row, column)
    if tile < 0:
        _draw_door(x, y, side, color, bool(held), frame)
    elif not held:
        frame.glow(x, y, side * 0.9, fade(color, 0.3))
        _draw_key(x, y, side, color, frame)


def _draw_door(x: float, y: float, side: float, color: Color, is_open: bool, frame: Frame) -> None:
    """Shut: a plate with a keyhole. Open: its frame."""
    left, top, inset = x - side / 2, y - side / 2, side * 0.04
    if is_open:
        frame.rect(left, top, side, side, fade(color, 0.15), side * 0.2)
        frame.border(left + 2 * inset, top + 2 * inset, side * 0.84, side * 0.84, side * 0.1, color, side * 0.2)
        return
    frame.rect(left + inset, top + inset, side * 0.92, side * 0.92, color, side * 0.2)
    frame.circle(x, y - side * 0.08, side * 0.13, NIGHT)
    frame.rect(x - side * 0.06, y, side * 0.12, side * 0.24, NIGHT)


def _draw_key(x: float, y: float, side: float, color: Color, frame: Frame) -> None:
    """A ring, a shaft and two teeth."""
    thickness = side * 0.11
    frame.ring(x - side * 0.2, y, side * 0.1, side * 0.22, color)
    frame.line(x, y, x + side * 0.4, y, thickness, color)
    for at in (0.2, 0.34):
        frame.line(x + side * at, y, x + side * at, y + side * 0.2, thickness, color)


def _draw_goal(state: Any, board: Board, frame: Frame) -> None:
    row, column = int(state.goal_row), int(state.goal_column)
    if not board.shows(row, column):
        return
    x, y = board.center(row, column)
    radius = max(board.side, MIN_THING)
    frame.glow(x, y, radius * 1.6, fade(MINT, 0.5))
    frame.ring(x, y, radius * 0.3, radius * 0.4, MINT)
    frame.circle(x, y, radius * 0.18, MINT)


def _draw_agent(state: Any, board: Board, frame: Frame) -> None:
    x, y = board.center(int(state.row), int(state.column))
    radius = max(board.side, MIN_THING) * 0.38
    frame.glow(x, y, radius * 3, fade(SNOW, 0.3))
    frame.circle(x, y, radius, SNOW)
    for turn in (-1, 1):
        frame.circle(x + turn * radius * 0.36, y - radius * 0.12, radius * 0.17, NIGHT)

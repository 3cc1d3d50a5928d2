"""Snake: many snakes on one map, each in its own colour. The person's wears a halo."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_render.frame import HUD_HEIGHT, Frame
from puffer_render.palette import CREATURES, DUSK, NIGHT, PINK, SLATE, SNOW, Color, blend, fade

# what the map holds; see the fields of the environment
SIGHT = 5
"""Cells of wall around the map."""
FOOD = 4
HEAD, TAIL, HEADING, LENGTH, EATEN = 0, 1, 2, 3, 6
"""Columns of `bodies`."""
MOVES = ((0, -1), (0, 1), (-1, 0), (1, 0))
"""(x, y) of up, down, left, right."""

BOARD = 560
MARGIN = 20
SIZE = (BOARD + 2 * MARGIN, HUD_HEIGHT + BOARD + MARGIN)
KEYS = {"left": ("left", "a"), "right": ("right", "d"), "up": ("up", "w"), "down": ("down", "s")}
PLAY = {"num_snakes": 8, "width": 32, "height": 32, "num_food": 40}


class Board:
    """Where cells lie on the picture: the whole map, as large as fits."""

    def __init__(self, state: Any) -> None:
        self.columns = int(state.columns)
        self.width, self.height = self.columns - 2 * SIGHT, int(state.rows) - 2 * SIGHT
        self.side = BOARD / max(self.width, self.height)
        self.left = MARGIN + (BOARD - self.width * self.side) / 2
        self.top = HUD_HEIGHT + (BOARD - self.height * self.side) / 2

    def center(self, cell: int) -> tuple[float, float]:
        """The middle of a cell, given its number on the map."""
        row, column = divmod(cell, self.columns)
        x = self.left + (column - SIGHT + 0.5) * self.side
        return x, self.top + (row - SIGHT + 0.5) * self.side


def draw(state: Any, frame: Frame) -> None:
    """The field, the food, then the snakes; the person's on top."""
    frame.clear(NIGHT)
    bodies: NDArray[np.int32] = state.bodies
    cells: NDArray[np.int16] = state.cells.ravel()
    frame.hud(
        "snake",
        ("longest", int(bodies[:, LENGTH].max())),
        ("length", int(bodies[frame.agent, LENGTH])),
        ("eaten", int(bodies[frame.agent, EATEN])),
    )
    board = Board(state)
    side = board.side
    frame.rect(board.left, board.top, board.width * side, board.height * side, DUSK)
    frame.border(board.left, board.top, board.width * side, board.height * side, 4, SLATE, 5)

    for cell in np.flatnonzero(cells == FOOD):
        x, y = board.center(int(cell))
        frame.circle(x, y, side * 0.42, fade(PINK, 0.18))
        frame.circle(x, y, side * 0.22, PINK)
    for number in sorted(range(len(bodies) - 1, -1, -1), key=lambda number: number == frame.agent):
        _draw_snake(bodies[number], cells, color_of(number), number == frame.agent, board, frame)


def color_of(number: int) -> Color:
    """A snake's colour; from the ninth on, paler ones."""
    paler = number // len(CREATURES) % 3
    return blend(CREATURES[number % len(CREATURES)], SNOW, 0.3 * paler)


def _draw_snake(
    body: NDArray[np.int32], cells: NDArray[np.int16], color: Color, halo: bool, board: Board, frame: Frame
) -> None:
    """From the tail along the moves that the map holds, thicker and brighter towards the head."""
    cell, length, side = int(body[TAIL]), int(body[LENGTH]), board.side
    dim = blend(color, DUSK, 0.45)
    for i in range(1, length):
        dx, dy = MOVES[int(cells[cell]) >> 1 & 3]
        following = cell + dx + dy * board.columns
        progress = i / length
        thickness = side * (0.5 + 0.3 * progress)
        shade = blend(dim, color, progress)
        start, end = board.center(cell), board.center(following)
        frame.circle(*start, thickness / 2, shade)
        frame.line(*start, *end, thickness, shade)
        cell = following
    x, y = board.center(int(body[HEAD]))
    if halo:
        frame.glow(x, y, side * 2.2, fade(color, 0.5))
    frame.circle(x, y, side * 0.46, color)
    dx, dy = MOVES[int(body[HEADING]) % len(MOVES)]
    for turn in (-1, 1):
        eye_x = x + side * (0.12 * dx - 0.2 * turn * dy)
        eye_y = y + side * (0.12 * dy + 0.2 * turn * dx)
        frame.circle(eye_x, eye_y, side * 0.15, SNOW)
        frame.circle(eye_x + side * 0.05 * dx, eye_y + side * 0.05 * dy, side * 0.08, NIGHT)

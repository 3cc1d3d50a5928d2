"""my_game: the board, stones that fade with age, and beside it how the last game ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from puffer_render.frame import HUD_HEIGHT, Frame
from puffer_render.palette import AMBER, CORAL, DUSK, NIGHT, SLATE, SNOW, STEEL, TEAL, Color, blend, fade

TILE, MARGIN, PANEL = 130, 24, 190
BOARD = 3 * TILE
SIZE = (BOARD + PANEL + 3 * MARGIN, BOARD + HUD_HEIGHT + 2 * MARGIN)
DIGITS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
KEYS = {str(cell + 1): (digit,) for cell, digit in enumerate(DIGITS)}
WAITS = True

COLORS = (AMBER, TEAL)
"""Of player 0 and player 1."""
LINES = ((0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6))


def draw(state: Any, frame: Frame) -> None:
    """The game, whose move it is, and the last game."""
    frame.clear(NIGHT)
    frame.hud("my_game")
    _draw_board(MARGIN, HUD_HEIGHT + MARGIN, TILE, state.cells.tolist(), True, frame)
    left, top = BOARD + 2 * MARGIN, HUD_HEIGHT + MARGIN
    frame.rect(left, top, PANEL, BOARD, DUSK, 14)
    last = state.last.tolist()
    frame.text(left + PANEL / 2, top + 22, "last game", 17, STEEL, "center")
    if any(last):
        small = 44
        _draw_board(left + (PANEL - 3 * small) / 2, top + 54, small, last, False, frame)
    frame.text(left + PANEL / 2, top + BOARD - 122, "rings vanish next", 15, STEEL, "center")
    mine = 1 if frame.agent else 0
    for line, player in enumerate((mine, 1 - mine)):
        y = top + BOARD - 84 + 36 * line
        moves = int(state.turn) == player
        _draw_stone(left + 38, y + 10, 34, COLORS[player], 3, frame)
        frame.text(left + 62, y, ("you", "other")[line], 19, SNOW if moves else STEEL)
        if moves:
            frame.polygon([(left + 140, y + 3), (left + 140, y + 17), (left + 128, y + 10)], SNOW)


def _draw_board(left: float, top: float, tile: float, cells: Sequence[int], large: bool, frame: Frame) -> None:
    """Cells with their numbers, and stones; a line of three glows."""
    for cell, stone in enumerate(cells):
        x, y = left + cell % 3 * tile, top + cell // 3 * tile
        frame.rect(x + tile * 0.03, y + tile * 0.03, tile * 0.94, tile * 0.94, blend(DUSK, SLATE, 0.6), tile * 0.1)
        if stone:
            _draw_stone(x + tile / 2, y + tile / 2, tile, COLORS[0 if stone > 0 else 1], abs(stone), frame)
        elif large:
            frame.text(x + tile / 2, y + tile / 2 - 16, str(cell + 1), 30, fade(STEEL, 0.45), "center")
    for line in LINES:
        owners = {(cells[cell] > 0) - (cells[cell] < 0) for cell in line}
        if owners in ({1}, {-1}):
            ends = [(left + (cell % 3 + 0.5) * tile, top + (cell // 3 + 0.5) * tile) for cell in (line[0], line[2])]
            frame.path(ends, tile * 0.06, CORAL)


def _draw_stone(x: float, y: float, tile: float, color: Color, age: int, frame: Frame) -> None:
    """3 is the newest stone; 1, the next to vanish, is only a ring."""
    radius = 0.34 * tile
    if age > 1:
        frame.glow(x, y, 1.6 * radius, fade(color, 0.1 * age))
        frame.circle(x, y, radius, blend(color, DUSK, 0.0 if age == 3 else 0.35))
        frame.circle(x, y, 0.72 * radius, blend(color, NIGHT, 0.12 if age == 3 else 0.42))
        return
    for start in range(0, 360, 45):
        frame.ring(x, y, 0.78 * radius, radius, blend(color, DUSK, 0.35), start, start + 27)

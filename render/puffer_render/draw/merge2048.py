"""merge2048: tiles that slide, join and appear."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from puffer_render.frame import HUD_HEIGHT, Frame
from puffer_render.palette import (
    AMBER,
    CORAL,
    DUSK,
    MINT,
    NIGHT,
    ORANGE,
    PINK,
    SKY,
    SLATE,
    SNOW,
    STEEL,
    TEAL,
    VIOLET,
    Color,
    blend,
)

TILE, GAP, MARGIN, PANEL = 112, 12, 28, 190
BOARD = 4 * TILE + 5 * GAP
SIZE = (BOARD + PANEL + 3 * MARGIN, BOARD + HUD_HEIGHT + 2 * MARGIN)
KEYS = {"up": ("up", "w"), "right": ("right", "d"), "down": ("down", "s"), "left": ("left", "a")}
WAITS = True
UNDOES = True
FRAME_RATE = 30.0
GOAL = "Slide equal tiles into each other until one of them is 2048."

STEPS = 6
"""Frames of a move."""
STAYS = 2
"""Of them, those in which the new tile appears."""
PAINT: tuple[Color, ...] = (
    SLATE,
    blend(SKY, NIGHT, 0.72),
    blend(SKY, NIGHT, 0.52),
    blend(SKY, NIGHT, 0.2),
    blend(TEAL, NIGHT, 0.25),
    blend(MINT, NIGHT, 0.25),
    blend(AMBER, ORANGE, 0.4),
    ORANGE,
    CORAL,
    PINK,
    VIOLET,
    AMBER,
    SNOW,
    MINT,
    SKY,
    CORAL,
)
"""Of tiles by their k; that of 2048 is gold."""
DARK_TEXT = (6, 7, 11, 12, 13, 14)


def frames(before: Any, after: Any) -> int:
    """How long a move is shown."""
    return STEPS if int(after.last) >= 0 and int(after.before) == int(before.board) else 1


def between(before: Any, after: Any, frame: int, frames: int) -> Any:
    """The board during a move."""
    del before
    shown = SimpleNamespace(
        **{name: getattr(after, name) for name in after} if not isinstance(after, SimpleNamespace) else vars(after)
    )
    shown.progress = frame / frames
    return shown


def verdict(state: Any, agent: int) -> str:
    """How the last game ended."""
    del agent
    return f"the highest tile was {2 ** max(cells(state.ended))}"


def cells(board: Any) -> list[int]:
    """The k of each cell, row by row."""
    return [int(board) >> (4 * cell) & 15 for cell in range(16)]


def paths(board: list[int], move: int) -> list[tuple[int, int, int]]:
    """For every tile before a move: its k, the cell it leaves, and the cell it slides to."""
    found = []
    for line in range(4):
        order = [(line + 4 * k if move in (0, 2) else 4 * line + k) for k in range(4)]
        order = order[::-1] if move in (1, 2) else order
        place, waiting = -1, 0
        for cell in order:
            tile = board[cell]
            if tile and tile == waiting and tile < 15:
                waiting = 0
            elif tile:
                place, waiting = place + 1, tile
            if tile:
                found.append((tile, cell, order[place]))
    return found


def draw(state: Any, frame: Frame) -> None:
    """The board, and the score beside it."""
    frame.clear(NIGHT)
    frame.hud("merge2048", ("score", int(state.score)), ("moves", int(state.tick)))
    left, top = MARGIN, HUD_HEIGHT + MARGIN
    frame.rect(left, top, BOARD, BOARD, DUSK, 16)
    for cell in range(16):
        x, y = _corner(left, top, cell)
        frame.rect(x, y, TILE, TILE, blend(SLATE, DUSK, 0.55), 12)
    progress, moved = getattr(state, "progress", 1.0), 1 - STAYS / STEPS
    board = cells(state.board)
    if progress < moved:
        share = progress / moved
        for tile, start, end in paths(cells(state.before), int(state.last)):
            (x0, y0), (x1, y1) = _corner(left, top, start), _corner(left, top, end)
            _draw_tile(x0 + (x1 - x0) * share, y0 + (y1 - y0) * share, 1.0, tile, frame)
    else:
        for cell, tile in enumerate(board):
            if tile:
                grown = 1.0 if cell != int(state.born) else 0.5 + 0.5 * min(1.0, (progress - moved) / (1 - moved))
                _draw_tile(*_corner(left, top, cell), grown, tile, frame)
    _draw_panel(left + BOARD + MARGIN, top, max(board), state, frame)


def _corner(left: float, top: float, cell: int) -> tuple[float, float]:
    return left + GAP + (TILE + GAP) * (cell % 4), top + GAP + (TILE + GAP) * (cell // 4)


def _draw_tile(x: float, y: float, grown: float, tile: int, frame: Frame, side: float = TILE) -> None:
    edge = side * (1 - grown) / 2
    frame.rect(x + edge, y + edge, side * grown, side * grown, PAINT[tile], side * 0.1)
    if grown < 1:
        return
    text = str(2**tile)
    size = side * (0.46, 0.46, 0.38, 0.31, 0.26)[len(text) - 1]
    frame.text(x + side / 2, y + side / 2 - size * 0.54, text, size, NIGHT if tile in DARK_TEXT else SNOW, "center")


def _draw_panel(left: float, top: float, highest: int, state: Any, frame: Frame) -> None:
    frame.rect(left, top, PANEL, BOARD, DUSK, 12)
    frame.text(left + PANEL / 2, top + 18, "score", 16, STEEL, "center")
    frame.text(left + PANEL / 2, top + 38, f"{int(state.score):,}", 30, SNOW, "center")
    frame.text(left + PANEL / 2, top + 96, "highest", 16, STEEL, "center")
    _draw_tile(left + PANEL / 2 - 36, top + 120, 1.0, highest, frame, 72)
    y = top + BOARD - 168
    if int(state.ended):
        frame.text(left + PANEL / 2, y, "last game", 16, STEEL, "center")
        frame.text(left + PANEL / 2, y + 20, f"{int(state.ended_score):,}", 22, STEEL, "center")
        for cell, tile in enumerate(cells(state.ended)):
            if tile:
                frame.rect(left + 43 + 27 * (cell % 4), y + 54 + 27 * (cell // 4), 24, 24, PAINT[tile], 4)

"""Connect four: the board from the front, and beside it how the last game ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from puffer_render.frame import HUD_HEIGHT, Frame
from puffer_render.palette import AMBER, CORAL, DUSK, NIGHT, SKY, SLATE, SNOW, STEEL, Color, blend, fade

COLUMNS, ROWS = 7, 6
COLUMN_BITS = 7
TILE = 68
MARGIN = 20
PANEL = 176
SIZE = (COLUMNS * TILE + PANEL + 3 * MARGIN, ROWS * TILE + HUD_HEIGHT + 2 * MARGIN + 26)
KEYS = {str(c + 1): (key,) for c, key in enumerate(("one", "two", "three", "four", "five", "six", "seven"))}
WAITS = True

STONES = (AMBER, CORAL)
"""Of the first agent, and of its opponent."""
BOARD = blend(SKY, NIGHT, 0.62)
RESULTS = {1: ("won", AMBER), 2: ("drawn", STEEL), 3: ("lost", CORAL)}
SMALL = 22


def draw(state: Any, frame: Frame) -> None:
    """The current game, and the end of the last one."""
    frame.clear(NIGHT)
    frame.hud("connect4", *_hud(state))
    left, top = MARGIN, HUD_HEIGHT + MARGIN
    stones = [int(s) for s in state.stones]
    _draw_board(left, top, TILE, stones, int(state.last), frame)
    for column in range(COLUMNS):
        x = left + (column + 0.5) * TILE
        frame.text(x, top + ROWS * TILE + 10, str(column + 1), 17, STEEL, "center")

    left += COLUMNS * TILE + MARGIN
    frame.rect(left, top, PANEL, ROWS * TILE, DUSK, 12)
    frame.text(left + PANEL / 2, top + 16, "last game", 16, STEEL, "center")
    if int(state.result) in RESULTS:
        result = int(state.result)
        color = RESULTS[result][1]
        word = RESULTS[4 - result if frame.agent else result][0]
        frame.text(left + PANEL / 2, top + 40, word, 24, color, "center")
        _draw_board(left + (PANEL - COLUMNS * SMALL) / 2, top + 80, SMALL, [int(s) for s in state.ended], -1, frame)
    y = top + ROWS * TILE - 66
    names = ("first", "second") if state.self_play and frame.person is None else ("you", "other")
    names = names[::-1] if frame.agent else names
    for player, name in enumerate(names):
        frame.circle(left + 34, y + 10, 9, STONES[player])
        frame.text(left + 54, y, name, 18, SNOW if int(state.turn) == player else STEEL)
        y += 28


def _hud(state: Any) -> list[tuple[str, object]]:
    if state.self_play:
        return [("self-play", ""), ("stones", int(state.moves))]
    return [("strength", int(state.strength)), ("stones", int(state.moves))]


def _draw_board(left: float, top: float, tile: float, stones: Sequence[int], last: int, frame: Frame) -> None:
    """Stones as seen through the holes; those of four in a row glow, the last one has a ring."""
    frame.rect(left, top, COLUMNS * tile, ROWS * tile, BOARD, tile / 5)
    winning = set().union(*(four for player in (0, 1) for four in fours(stones[player])))
    for column in range(COLUMNS):
        height = sum((stones[0] | stones[1]) >> (COLUMN_BITS * column + row) & 1 for row in range(ROWS))
        for row in range(ROWS):
            x, y = left + (column + 0.5) * tile, top + (ROWS - row - 0.5) * tile
            bit = 1 << (COLUMN_BITS * column + row)
            owner = next((p for p in (0, 1) if stones[p] & bit), None)
            if owner is None:
                frame.circle(x, y, tile * 0.38, DUSK)
                continue
            _draw_stone(x, y, tile, STONES[owner], frame)
            if (column, row) in winning:
                frame.ring(x, y, tile * 0.3, tile * 0.38, SNOW)
            elif column == last and row == height - 1:
                frame.ring(x, y, tile * 0.33, tile * 0.38, fade(SNOW, 0.8))


def _draw_stone(x: float, y: float, tile: float, color: Color, frame: Frame) -> None:
    frame.circle(x, y, tile * 0.38, color)
    frame.circle(x, y, tile * 0.26, blend(color, SLATE, 0.18))
    frame.circle(x, y, tile * 0.22, color)


def fours(stones: int) -> Iterator[set[tuple[int, int]]]:
    """Every four in a row among these bits, as cells (column, row)."""
    for dx, dy in ((1, 0), (0, 1), (1, 1), (1, -1)):
        for column in range(COLUMNS):
            for row in range(ROWS):
                cells = {(column + k * dx, row + k * dy) for k in range(4)}
                inside = all(0 <= x < COLUMNS and 0 <= y < ROWS for x, y in cells)
                if inside and all(stones >> (COLUMN_BITS * x + y) & 1 for x, y in cells):
                    yield cells

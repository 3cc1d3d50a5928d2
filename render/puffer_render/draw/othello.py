"""Othello: the board from above, where one may move and with which key, and beside it how the last game ended."""

from __future__ import annotations

from typing import Any

from puffer_render.frame import HUD_HEIGHT, Frame
from puffer_render.keys import NAMES
from puffer_render.palette import AMBER, CORAL, DUSK, MINT, NIGHT, SLATE, SNOW, STEEL, Color, blend, fade

BOARD_SIDE, MARGIN, PANEL = 480, 30, 190
SIZE = (BOARD_SIDE + PANEL + 3 * MARGIN, BOARD_SIDE + HUD_HEIGHT + 2 * MARGIN)
HOT = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "zero", *"ewasdfgxcvbmyuiojkl")
KEYS = {NAMES.get(key, key.upper()): (key,) for key in HOT}
"""The first key plays the first of the cells where one may move, and so on; each shows its own."""
CAPS = tuple(KEYS)
WAITS = True
UNDOES = True
GOAL = "Catch rows of stones between two of yours, and have more at the end. Press a key on the board, or click."

FELT = blend(MINT, NIGHT, 0.72)
GRID = blend(MINT, NIGHT, 0.82)
INK: Color = (28, 30, 44, 255)
STONES = (SNOW, INK)
"""Of the first agent, and of its opponent."""
RESULTS = {1: ("won", AMBER), 2: ("drawn", STEEL), 3: ("lost", CORAL)}


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


def draw(state: Any, frame: Frame) -> None:
    """The current game, and the end of the last one."""
    frame.clear(NIGHT)
    stones = [int(s) for s in state.stones]
    count = [s.bit_count() for s in stones]
    mode = ("self-play", "") if state.self_play else ("strength", int(state.strength))
    frame.hud("othello", mode, ("stones", sum(count)))
    left, top, size = MARGIN, HUD_HEIGHT + MARGIN, int(state.size)
    tile = BOARD_SIDE / size
    _draw_board(left, top, BOARD_SIDE, size, stones, frame)
    _draw_last(left, top, tile, state, frame)
    _draw_moves(left, top, tile, state, frame)
    for k in range(size):
        frame.text(left + (k + 0.5) * tile, top + BOARD_SIDE + 6, "abcdefgh"[k], 15, STEEL, "center")
        frame.text(left - 16, top + (k + 0.5) * tile - 9, str(k + 1), 15, STEEL, "center")

    left += BOARD_SIDE + MARGIN
    frame.rect(left, top, PANEL, BOARD_SIDE, DUSK, 12)
    names = ("first", "second") if state.self_play and frame.person is None else ("you", "other")
    names = names[::-1] if frame.agent else names
    for player, name in enumerate(names):
        y = top + 24 + 52 * player
        if int(state.turn) == player:
            frame.rect(left + 10, y - 10, PANEL - 20, 44, SLATE, 10)
        _draw_stone(left + 36, y + 12, 15, STONES[player], frame)
        frame.text(left + 62, y + 2, name, 19, SNOW if int(state.turn) == player else STEEL)
        frame.text(left + PANEL - 26, y, str(count[player]), 23, SNOW, "right")
    y = top + BOARD_SIDE - PANEL - 40
    if int(state.result) in RESULTS:
        result = int(state.result)
        color = RESULTS[result][1]
        word = RESULTS[4 - result if frame.agent else result][0]
        frame.text(left + PANEL / 2, y - 12, "last game", 16, STEEL, "center")
        frame.text(left + PANEL / 2, y + 10, word, 24, color, "center")
        ended = [int(s) for s in state.ended]
        _draw_board(left + 20, y + 50, PANEL - 40, size, ended, frame)


def _draw_board(left: float, top: float, side: float, size: int, stones: list[int], frame: Frame) -> None:
    tile = side / size
    frame.rect(left, top, side, side, FELT, 8)
    for k in range(1, size):
        frame.line(left + k * tile, top, left + k * tile, top + side, tile / 30, GRID)
        frame.line(left, top + k * tile, left + side, top + k * tile, tile / 30, GRID)
    for row in range(size):
        for column in range(size):
            for player in (0, 1):
                if stones[player] >> (8 * row + column) & 1:
                    x, y = left + (column + 0.5) * tile, top + (row + 0.5) * tile
                    _draw_stone(x, y, tile * 0.4, STONES[player], frame)


def _draw_stone(x: float, y: float, radius: float, color: Color, frame: Frame) -> None:
    frame.circle(x + radius * 0.06, y + radius * 0.1, radius, fade(NIGHT, 0.6))
    frame.circle(x, y, radius, blend(color, STEEL, 0.35))
    frame.circle(x - radius * 0.04, y - radius * 0.06, radius * 0.9, color)


def _draw_last(left: float, top: float, tile: float, state: Any, frame: Frame) -> None:
    """A dot on the last stone, and rings on those it turned over."""
    for row in range(int(state.size)):
        for column in range(int(state.size)):
            bit, x, y = 8 * row + column, left + (column + 0.5) * tile, top + (row + 0.5) * tile
            if int(state.turned) >> bit & 1:
                frame.ring(x, y, tile * 0.29, tile * 0.32, fade(AMBER, 0.55))
            if bit == int(state.last):
                frame.circle(x, y, tile * 0.09, AMBER)


def _draw_moves(left: float, top: float, tile: float, state: Any, frame: Frame) -> None:
    """Where the player whose turn it is may move; for a person, with the keys."""
    number = 0
    for row in range(int(state.size)):
        for column in range(int(state.size)):
            if not int(state.legal) >> (8 * row + column) & 1:
                continue
            x, y = left + (column + 0.5) * tile, top + (row + 0.5) * tile
            if frame.person is not None and number < len(CAPS):
                frame.circle(x, y, tile * 0.24, fade(NIGHT, 0.35))
                frame.text(x, y - tile * 0.17, CAPS[number], tile * 0.3, fade(SNOW, 0.85), "center")
            else:
                frame.circle(x, y, tile * 0.1, fade(NIGHT, 0.4))
            number += 1

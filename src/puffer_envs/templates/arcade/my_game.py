"""my_game: a cave that scrolls, crystals that shine, and a bat whose wings beat."""

from __future__ import annotations

from typing import Any

from puffer_render.frame import HUD_HEIGHT, Frame
from puffer_render.palette import AMBER, CORAL, DUSK, NIGHT, SNOW, TEAL, VIOLET, blend, fade

ROWS, COLUMNS, BAT_COLUMN = 12, 18, 3
ROCK, CRYSTAL = 1, 2
TILE = 40
SIZE = (COLUMNS * TILE, ROWS * TILE + HUD_HEIGHT)
KEYS = {"up": ("up", "w", "space"), "down": ("down", "s")}
IDLE = "level"

STONE = blend(VIOLET, NIGHT, 0.68)
EDGE = blend(VIOLET, NIGHT, 0.3)


def draw(state: Any, frame: Frame) -> None:
    """The air, the rock with bright edges, crystals, the bat."""
    frame.clear(NIGHT)
    tick, cave = int(state.tick), state.cave.tolist()
    for row in range(ROWS):
        shade = blend(DUSK, blend(VIOLET, NIGHT, 0.8), 1 - abs(row - ROWS / 2) / (ROWS / 2))
        frame.rect(0, HUD_HEIGHT + row * TILE, SIZE[0], TILE + 1, shade)
    for row in range(ROWS):
        for column in range(COLUMNS):
            if cave[row][column] == ROCK:
                _draw_rock(cave, row, column, tick, frame)
            elif cave[row][column] == CRYSTAL:
                _draw_crystal((column + 0.5) * TILE, HUD_HEIGHT + (row + 0.5) * TILE, (tick + column) % 4, frame)
    _draw_bat((BAT_COLUMN + 0.5) * TILE, HUD_HEIGHT + (int(state.row) + 0.5) * TILE, tick % 2 == 0, frame)
    frame.rect(0, 0, SIZE[0], HUD_HEIGHT, NIGHT)
    frame.hud("my_game", ("crystals", int(state.caught)), ("distance", tick))


def _draw_rock(cave: list[list[int]], row: int, column: int, tick: int, frame: Frame) -> None:
    x, y = column * TILE, HUD_HEIGHT + row * TILE
    grain = (7 * row + 13 * (column + tick)) % 11 / 11  # moves with the rock
    frame.rect(x, y, TILE, TILE, blend(STONE, NIGHT, 0.35 * grain))
    frame.rect(x + 5 + 14 * grain, y + 8 + 9 * (1 - grain), 12, 7, fade(NIGHT, 0.28), 3)
    if row > 0 and cave[row - 1][column] != ROCK:
        frame.rect(x, y, TILE, 4, EDGE)
    if row < ROWS - 1 and cave[row + 1][column] != ROCK:
        frame.rect(x, y + TILE - 4, TILE, 4, EDGE)
    if column > 0 and cave[row][column - 1] != ROCK:
        frame.rect(x, y, 4, TILE, EDGE)
    if column < COLUMNS - 1 and cave[row][column + 1] != ROCK:
        frame.rect(x + TILE - 4, y, 4, TILE, EDGE)


def _draw_crystal(x: float, y: float, phase: int, frame: Frame) -> None:
    frame.glow(x, y, 30 + 4 * abs(phase - 2), fade(TEAL, 0.45))
    frame.polygon([(x, y - 14), (x + 9, y), (x, y + 14), (x - 9, y)], TEAL)
    frame.polygon([(x, y - 14), (x + 9, y), (x, y + 3)], blend(TEAL, SNOW, 0.7))
    frame.polygon([(x, y + 14), (x - 9, y), (x, y + 3)], blend(TEAL, NIGHT, 0.35))


def _draw_bat(x: float, y: float, wings_up: bool, frame: Frame) -> None:
    """Two wings of two bones each, a body with ears, and eyes."""
    frame.glow(x, y, 60, fade(AMBER, 0.22))
    skin = blend(CORAL, VIOLET, 0.35)
    tip = -13 if wings_up else 11
    for side in (-1, 1):
        elbow, end = (x + 17 * side, y + tip), (x + 31 * side, y + tip * 0.3)
        frame.polygon([(x + 4 * side, y - 4), elbow, (x + 5 * side, y + 7)], skin)
        frame.polygon([elbow, end, (x + 5 * side, y + 7)], blend(skin, NIGHT, 0.25))
        frame.polygon([(x + 2 * side, y - 8), (x + 8 * side, y - 17), (x + 9 * side, y - 5)], skin)
    frame.circle(x, y, 10, blend(skin, NIGHT, 0.4))
    for side in (-1, 1):
        frame.circle(x + 4 * side, y - 2, 3, AMBER)
        frame.circle(x + 4.8 * side, y - 2, 1.3, NIGHT)

"""Squared: a field of tiles, a walker, a target."""

from __future__ import annotations

from typing import Any

from puffer_render.frame import HUD_HEIGHT, Frame
from puffer_render.palette import AMBER, DUSK, MINT, NIGHT, SLATE, SNOW, blend, fade

CELLS = 11
TILE = 40
MARGIN = 20
SIZE = (CELLS * TILE + 2 * MARGIN, CELLS * TILE + HUD_HEIGHT + MARGIN)
KEYS = {"left": ("left", "a"), "right": ("right", "d"), "up": ("up", "w"), "down": ("down", "s")}
IDLE = "stay"


def draw(state: Any, frame: Frame) -> None:
    """The walker is round, the target a ringed star of light, tiles brighten towards the target."""
    frame.clear(NIGHT)
    frame.hud("squared", ("step", int(state.tick)))
    target = int(state.target_column), int(state.target_row)
    for row in range(CELLS):
        for column in range(CELLS):
            x, y = _corner(column, row)
            distance = max(abs(column - target[0]), abs(row - target[1]))
            frame.rect(x + 1.5, y + 1.5, TILE - 3, TILE - 3, blend(SLATE, DUSK, min(1, distance / 5)), 6)

    x, y = _center(*target)
    frame.glow(x, y, TILE * 1.1, fade(AMBER, 0.35))
    frame.ring(x, y, 10.5, 13.5, AMBER)
    frame.circle(x, y, 5, AMBER)

    x, y = _center(int(state.column), int(state.row))
    frame.glow(x, y, TILE * 0.9, fade(MINT, 0.3))
    frame.circle(x, y, 14, MINT)
    frame.circle(x - 4.5, y - 3, 3, SNOW)
    frame.circle(x + 4.5, y - 3, 3, SNOW)
    frame.circle(x - 4.5, y - 3, 1.4, NIGHT)
    frame.circle(x + 4.5, y - 3, 1.4, NIGHT)


def _corner(column: int, row: int) -> tuple[float, float]:
    return MARGIN + column * TILE, HUD_HEIGHT + row * TILE


def _center(column: int, row: int) -> tuple[float, float]:
    x, y = _corner(column, row)
    return x + TILE / 2, y + TILE / 2

"""Frozen lake: ice, holes, a goal on the far shore, and a penguin that slips."""

from __future__ import annotations

from typing import Any

from puffer_render import gliding
from puffer_render.frame import HUD_HEIGHT, Frame
from puffer_render.palette import AMBER, CORAL, DUSK, MINT, NIGHT, ORANGE, SKY, SLATE, SNOW, TEAL, blend, fade

BOARD = 448
SIZE = (BOARD + 40, BOARD + HUD_HEIGHT + 20)
GRID = 8
HOLE, GOAL_TILE, OUTSIDE = 1, 2, 4
ICE = (150, 190, 226, 255)
KEYS = {"left": ("left", "a"), "down": ("down", "s"), "right": ("right", "d"), "up": ("up", "w")}
GOAL = "Cross the ice to the flag. It is slippery: you may go sideways."
WAITS = True
FRAME_RATE = 30.0
frames, between = gliding.frames, gliding.between


def draw(state: Any, frame: Frame) -> None:
    """The lake as large as the picture."""
    side = int(state.side)
    size = BOARD / side
    frame.clear(NIGHT)
    frame.hud("frozen lake", ("step", int(state.tick)))
    frame.rect(20, HUD_HEIGHT, BOARD, BOARD, DUSK, 10)
    for row in range(side):
        for column in range(side):
            _draw_tile(int(state.tiles[row * GRID + column]), 20 + column * size, HUD_HEIGHT + row * size, size, frame)
    _draw_start(20, HUD_HEIGHT, size, frame)
    x, y = 20 + (float(state.column) + 0.5) * size, HUD_HEIGHT + (float(state.row) + 0.5) * size
    _draw_penguin(x, y, size / 64, frame)


def _draw_tile(tile: int, x: float, y: float, size: float, frame: Frame) -> None:
    if tile == OUTSIDE:
        return
    gap = max(1.5, size * 0.02)
    frame.rect(x + gap, y + gap, size - 2 * gap, size - 2 * gap, blend(ICE, SLATE, 0.25), size * 0.1)
    frame.rect(x + gap, y + gap, size - 2 * gap, size * 0.46, blend(ICE, SNOW, 0.06), size * 0.1)
    for k in (0.25, 0.4):
        frame.line(x + size * k, y + size * 0.2, x + size * (k - 0.12), y + size * 0.42, 2, fade(SNOW, 0.55))
    centre = x + size / 2, y + size / 2
    if tile == HOLE:
        frame.circle(*centre, size * 0.37, SNOW)
        frame.circle(*centre, size * 0.33, blend(SKY, NIGHT, 0.62))
        frame.circle(centre[0], centre[1] + size * 0.04, size * 0.27, blend(SKY, NIGHT, 0.8))
        frame.ring(*centre, size * 0.19, size * 0.21, fade(TEAL, 0.5), 200, 300)
    if tile == GOAL_TILE:
        frame.glow(*centre, size * 0.5, fade(MINT, 0.7))
        pole = x + size * 0.36
        frame.line(pole, y + size * 0.16, pole, y + size * 0.86, max(3.0, size * 0.05), NIGHT)
        flag = [(pole, y + size * 0.16), (pole, y + size * 0.48), (x + size * 0.8, y + size * 0.32)]
        frame.polygon(flag, CORAL)


def _draw_start(x: float, y: float, size: float, frame: Frame) -> None:
    frame.ring(x + size / 2, y + size / 2, size * 0.38, size * 0.41, fade(NIGHT, 0.35))


def _draw_penguin(x: float, y: float, scale: float, frame: Frame) -> None:
    """As wide as half a tile."""
    black = (32, 38, 58, 255)
    frame.circle(x, y + 19 * scale, 15 * scale, fade(NIGHT, 0.25))
    for side in (-1, 1):
        frame.rect(x + side * 8 * scale - 6 * scale, y + 16 * scale, 12 * scale, 7 * scale, ORANGE, 3 * scale)
        frame.polygon([(x + side * 13 * scale, y - 4 * scale), (x + side * 20 * scale, y + 10 * scale),
                       (x + side * 12 * scale, y + 8 * scale)], black)  # fmt: skip
    frame.circle(x, y + 5 * scale, 16 * scale, black)
    frame.circle(x, y - 9 * scale, 12 * scale, black)
    frame.circle(x, y + 8 * scale, 11 * scale, SNOW)
    for side in (-1, 1):
        frame.circle(x + side * 4.5 * scale, y - 10 * scale, 4 * scale, SNOW)
        frame.circle(x + side * 4 * scale, y - 9.5 * scale, 2 * scale, NIGHT)
    frame.polygon([(x - 4 * scale, y - 6 * scale), (x + 4 * scale, y - 6 * scale), (x, y)], AMBER)

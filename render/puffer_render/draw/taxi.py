"""Taxi: a small town with walls, four coloured stands, a passenger and a house to bring them to."""

from __future__ import annotations

from typing import Any

from puffer_render import gliding
from puffer_render.frame import HUD_HEIGHT, Frame
from puffer_render.palette import AMBER, CORAL, DUSK, MINT, NIGHT, SKY, SLATE, SNOW, STEEL, blend, fade

SIDE, TILE = 5, 92
SIZE = (SIDE * TILE + 40, SIDE * TILE + HUD_HEIGHT + 20)
STANDS = ((0, 0), (0, 4), (4, 0), (4, 3))
COLORS = (CORAL, MINT, (240, 226, 92, 255), SKY)
NAMES = ("red", "green", "yellow", "blue")
WALLS = ((0, 1), (1, 1), (3, 0), (3, 2), (4, 0), (4, 2))
"""Row, and the column on whose right the wall is."""
ABOARD, PICK, DROP = 4, 4, 5
KEYS = {
    "down": ("down", "s"), "up": ("up", "w"), "right": ("right", "d"), "left": ("left", "a"),
    "pick": ("space",), "drop": ("enter", "e"),
}  # fmt: skip
GOAL = "Pick the passenger up, and drop them at the house of the colour that is asked for."
WAITS = True
FRAME_RATE = 30.0
frames, between = gliding.frames, gliding.between


def draw(state: Any, frame: Frame) -> None:
    """The town, and above it where the passenger wants to go."""
    passenger, destination = int(state.passenger), int(state.destination)
    frame.clear(NIGHT)
    frame.hud("taxi", ("to", NAMES[destination]), ("return", f"{float(state.episode_return):.0f}"))
    frame.rect(20, HUD_HEIGHT, SIDE * TILE, SIDE * TILE, DUSK, 10)
    _draw_streets(frame)
    for stand in range(4):
        _draw_stand(stand, stand == destination, frame)
    for row, column in WALLS:
        x, y = 20 + (column + 1) * TILE, HUD_HEIGHT + row * TILE
        frame.rect(x - 5, y - 1, 10, TILE + 2, STEEL, 4)
        frame.rect(x - 5, y - 1, 4, TILE + 2, blend(STEEL, SNOW, 0.35), 2)
    if passenger != ABOARD:
        row, column = STANDS[passenger]
        _draw_passenger(20 + (column + 0.5) * TILE, HUD_HEIGHT + (row + 0.56) * TILE, 1.0, frame)
    place = 20 + (float(state.column) + 0.5) * TILE, HUD_HEIGHT + (float(state.row) + 0.5) * TILE
    _draw_taxi(*place, passenger == ABOARD, int(state.last), frame)


def _draw_streets(frame: Frame) -> None:
    for row in range(SIDE):
        for column in range(SIDE):
            x, y = 20 + column * TILE, HUD_HEIGHT + row * TILE
            frame.rect(x + 1.5, y + 1.5, TILE - 3, TILE - 3, blend(DUSK, SLATE, 0.55), 6)
    for line in range(1, SIDE):
        for dash in range(SIDE * 4):
            along = dash * TILE / 4 + 6
            frame.line(20 + along, HUD_HEIGHT + line * TILE, 32 + along, HUD_HEIGHT + line * TILE, 2, fade(AMBER, 0.22))
            frame.line(20 + line * TILE, HUD_HEIGHT + along, 20 + line * TILE, HUD_HEIGHT + along + 12, 2,
                       fade(AMBER, 0.22))  # fmt: skip


def _draw_stand(stand: int, wanted: bool, frame: Frame) -> None:
    row, column = STANDS[stand]
    x, y, color = 20 + column * TILE, HUD_HEIGHT + row * TILE, COLORS[stand]
    frame.rect(x + 6, y + 6, TILE - 12, TILE - 12, fade(color, 0.55 if wanted else 0.25), 12)
    frame.border(x + 6, y + 6, TILE - 12, TILE - 12, 5 if wanted else 2.5, color, 12)
    if wanted:  # a house in the corner
        left, top = x + TILE - 40, y + 14
        frame.polygon([(left - 3, top + 12), (left + 27, top + 12), (left + 12, top)], SNOW)
        frame.rect(left, top + 12, 24, 16, SNOW)
        frame.rect(left + 9, top + 18, 7, 10, color)


def _draw_passenger(x: float, y: float, scale: float, frame: Frame) -> None:
    frame.circle(x, y - 20 * scale, 9 * scale, (255, 214, 178, 255))
    frame.rect(x - 9 * scale, y - 11 * scale, 18 * scale, 26 * scale, SNOW, 7 * scale)
    frame.rect(x - 7 * scale, y + 13 * scale, 5 * scale, 11 * scale, NIGHT, 2)
    frame.rect(x + 2 * scale, y + 13 * scale, 5 * scale, 11 * scale, NIGHT, 2)


def _draw_taxi(x: float, y: float, full: bool, last: int, frame: Frame) -> None:
    """Seen from the side; its lamp is lit while it is free."""
    frame.glow(x, y, 52, fade(AMBER, 0.35))
    frame.rect(x - 33, y - 6, 66, 22, AMBER, 8)
    frame.polygon([(x - 22, y - 5), (x - 13, y - 24), (x + 13, y - 24), (x + 22, y - 5)], AMBER)
    frame.polygon([(x - 16, y - 6), (x - 10, y - 20), (x - 2, y - 20), (x - 2, y - 6)], NIGHT)
    frame.polygon([(x + 2, y - 6), (x + 2, y - 20), (x + 10, y - 20), (x + 16, y - 6)], NIGHT)
    if full:
        frame.circle(x - 7, y - 11, 5, (255, 214, 178, 255))
    frame.rect(x - 8, y - 31, 16, 7, STEEL if full else SNOW, 3)
    for k in range(8):
        frame.rect(x - 32 + k * 8, y + 4, 4, 4, NIGHT)
        frame.rect(x - 28 + k * 8, y + 8, 4, 4, NIGHT)
    for side in (-1, 1):
        frame.circle(x + side * 19, y + 16, 9, NIGHT)
        frame.circle(x + side * 19, y + 16, 4, STEEL)
    if last in (PICK, DROP):
        frame.ring(x, y, 40, 43, fade(SNOW, 0.4))

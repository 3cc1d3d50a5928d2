"""my_game: two rooms seen from above; the thief, the key, the door, the treasure, and the guard with a lantern."""

from __future__ import annotations

from typing import Any

from puffer_render.frame import HUD_HEIGHT, Frame
from puffer_render.palette import AMBER, CORAL, DUSK, MINT, NIGHT, SLATE, SNOW, STEEL, Color, blend, fade

ROWS, COLUMNS, WALL = 7, 11, 5
TILE, MARGIN = 52, 20
SIZE = (COLUMNS * TILE + 2 * MARGIN, ROWS * TILE + HUD_HEIGHT + MARGIN)
KEYS = {"left": ("left", "a"), "right": ("right", "d"), "up": ("up", "w"), "down": ("down", "s")}
IDLE = "stay"

BRICK, FLOOR = blend(SLATE, STEEL, 0.35), blend(DUSK, SLATE, 0.25)


def draw(state: Any, frame: Frame) -> None:
    """The floor, the wall between the rooms, things, the guard, the thief."""
    frame.clear(NIGHT)
    frame.hud("my_game", ("treasures", f"{int(state.taken)} of {int(state.vaults)}"), ("step", int(state.tick)))
    for row in range(ROWS):
        for column in range(COLUMNS):
            x, y = MARGIN + column * TILE, HUD_HEIGHT + row * TILE
            frame.rect(x + 1, y + 1, TILE - 2, TILE - 2, FLOOR, 5)
            if column == WALL and row * COLUMNS + column != int(state.door):
                _draw_bricks(x, y, frame)
    _draw_door(*_middle(state.door), bool(state.is_open), frame)
    if not state.has_key:
        _draw_key(*_middle(state.key), 1.0, frame)
    _draw_treasure(*_middle(state.treasure), frame)
    _draw_guard(*_middle(state.guard), int(state.guard_step), frame)
    _draw_thief(*_middle(state.thief), bool(state.has_key), frame)


def _middle(cell: Any) -> tuple[float, float]:
    row, column = divmod(int(cell), COLUMNS)
    return MARGIN + (column + 0.5) * TILE, HUD_HEIGHT + (row + 0.5) * TILE


def _draw_bricks(x: float, y: float, frame: Frame) -> None:
    third = TILE / 3
    for line in range(3):
        split = TILE * (0.35 if line % 2 else 0.62)
        frame.rect(x + 1, y + line * third + 1, split - 2, third - 2, BRICK, 3)
        frame.rect(x + split + 1, y + line * third + 1, TILE - split - 2, third - 2, blend(BRICK, NIGHT, 0.18), 3)


def _draw_door(x: float, y: float, is_open: bool, frame: Frame) -> None:
    half, wood = TILE / 2, blend(AMBER, NIGHT, 0.55)
    if is_open:
        frame.rect(x - half + 2, y - half + 2, TILE - 4, 8, wood, 3)
        return
    frame.rect(x - half + 2, y - half + 2, TILE - 4, TILE - 4, wood, 5)
    for side in (-1, 1):
        frame.line(x + side * TILE / 6, y - half + 5, x + side * TILE / 6, y + half - 5, 2, blend(wood, NIGHT, 0.4))
    frame.circle(x, y, 7, AMBER)
    frame.circle(x, y - 1, 2.5, NIGHT)
    frame.rect(x - 1, y, 2, 4, NIGHT)


def _draw_key(x: float, y: float, size: float, frame: Frame) -> None:
    frame.glow(x, y, 26 * size, fade(AMBER, 0.35))
    frame.ring(x - 6 * size, y, 3.5 * size, 7 * size, AMBER)
    frame.rect(x, y - 1.5 * size, 14 * size, 3 * size, AMBER)
    for along in (7, 11):
        frame.rect(x + along * size, y, 2.5 * size, 6 * size, AMBER)


def _draw_treasure(x: float, y: float, frame: Frame) -> None:
    """A cut gem, of facets that differ in brightness."""
    frame.glow(x, y, 0.8 * TILE, fade(MINT, 0.4))
    top, edge, foot = y - 12, y - 3, y + 15
    corners = [(-8, top), (8, top), (16, edge), (0, foot), (-16, edge)]
    frame.polygon([(x + dx, at) for dx, at in corners], MINT)
    frame.polygon([(x - 16, edge), (x - 6, edge), (x, foot)], blend(MINT, NIGHT, 0.25))
    frame.polygon([(x + 16, edge), (x + 6, edge), (x, foot)], blend(MINT, NIGHT, 0.4))
    frame.polygon([(x - 8, top), (x + 8, top), (x + 6, edge), (x - 6, edge)], blend(MINT, SNOW, 0.55))


def _draw_guard(x: float, y: float, step: int, frame: Frame) -> None:
    """The light of the lantern falls where the guard goes next."""
    frame.glow(x, y + step * 0.8 * TILE, 0.9 * TILE, fade(AMBER, 0.3))
    _draw_body(x, y, CORAL, step, frame)
    frame.rect(x - 14, y - 15, 28, 6, blend(CORAL, NIGHT, 0.5), 3)


def _draw_thief(x: float, y: float, has_key: bool, frame: Frame) -> None:
    """With a mask; the key hangs on a belt."""
    frame.glow(x, y, 0.9 * TILE, fade(SNOW, 0.16))
    frame.circle(x, y, 16, STEEL)
    frame.rect(x - 15, y - 8, 30, 9, NIGHT, 4)
    _draw_eyes(x, y - 4, 0, frame)
    if has_key:
        _draw_key(x + 1, y + 9, 0.6, frame)


def _draw_body(x: float, y: float, color: Color, look: int, frame: Frame) -> None:
    frame.circle(x, y, 16, color)
    _draw_eyes(x, y - 2 + 4 * look, look, frame)


def _draw_eyes(x: float, y: float, look: int, frame: Frame) -> None:
    for side in (-6, 6):
        frame.circle(x + side, y, 4, SNOW)
        frame.circle(x + side, y + 1.5 * look, 1.8, NIGHT)

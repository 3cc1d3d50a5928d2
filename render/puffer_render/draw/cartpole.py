"""Cartpole: a cart on a rail, a pole, the limits of both."""

from __future__ import annotations

import math
from typing import Any

from puffer_render.frame import HUD_HEIGHT, Frame
from puffer_render.palette import AMBER, CORAL, DUSK, MINT, NIGHT, SKY, SLATE, SNOW, STEEL, blend, fade

X_LIMIT = 2.4
"""Metres from the middle."""
ANGLE_LIMIT = math.radians(12)
POLE = 1.0
"""Metres."""

METRE = 150
"""Units."""
SIZE = (2 * round((X_LIMIT + 0.35) * METRE), 400)
MIDDLE, RAIL = SIZE[0] / 2, 318
CART_WIDTH, CART_HEIGHT = 84, 36
HINGE = RAIL - 14 - CART_HEIGHT
KEYS = {"left": ("left", "a"), "right": ("right", "d")}
PLAY = {"continuous": True}
SPEED = 0.5


def draw(state: Any, frame: Frame) -> None:
    """The pole reddens towards its limit, as do the ends of the rail when the cart comes near."""
    frame.clear(NIGHT)
    angle = float(state.theta)
    frame.hud("cartpole", ("angle", f"{math.degrees(angle):+.1f}°"), ("step", int(state.tick)))
    frame.rect(20, HUD_HEIGHT, frame.width - 40, frame.height - HUD_HEIGHT - 20, DUSK, 10)

    x = MIDDLE + float(state.x) * METRE
    _draw_rail(float(state.x), frame)
    _draw_angle_limits(x, frame)
    _draw_force(float(state.force), x, frame)

    danger = min(1.0, abs(angle) / ANGLE_LIMIT)
    tip = x + math.sin(angle) * POLE * METRE, HINGE - math.cos(angle) * POLE * METRE
    color = blend(AMBER, CORAL, danger**2)
    frame.glow(*tip, 34, fade(color, 0.3))
    frame.path([(x, HINGE), tip], 10, color)
    _draw_cart(x, frame)
    frame.circle(x, HINGE, 7.5, NIGHT)
    frame.circle(x, HINGE, 4, SNOW)


def _draw_rail(x: float, frame: Frame) -> None:
    frame.rect(MIDDLE - X_LIMIT * METRE, RAIL - 2, 2 * X_LIMIT * METRE, 4, SLATE, 2)
    for half_metre in range(-4, 5):
        height = 8 if half_metre % 2 == 0 else 5
        frame.line(
            MIDDLE + half_metre * METRE / 2, RAIL + 8, MIDDLE + half_metre * METRE / 2, RAIL + 8 + height, 1.5, SLATE
        )
    for side in (-1, 1):
        near = max(0.0, side * x / X_LIMIT) ** 3
        frame.rect(MIDDLE + side * X_LIMIT * METRE - 3, RAIL - 26, 6, 44, blend(STEEL, CORAL, near), 3)


def _draw_angle_limits(x: float, frame: Frame) -> None:
    for side in (-1, 1):
        for start in range(30, 200, 18):
            points = [
                (x + side * math.sin(ANGLE_LIMIT) * r, HINGE - math.cos(ANGLE_LIMIT) * r) for r in (start, start + 8)
            ]
            frame.line(*points[0], *points[1], 1.5, fade(STEEL, 0.5))


def _draw_force(force: float, x: float, frame: Frame) -> None:
    """An arrow on the side that is pushed."""
    if force == 0:
        return
    side = 1 if force > 0 else -1
    y, start = RAIL - 14 - CART_HEIGHT / 2, x - side * (CART_WIDTH / 2 + 12)
    length = min(60.0, 3 * abs(force))
    frame.line(start - side * length, y, start - side * 8, y, 4, fade(SKY, 0.8))
    frame.polygon([(start - side * 10, y - 8), (start - side * 10, y + 8), (start, y)], fade(SKY, 0.8))


def _draw_cart(x: float, frame: Frame) -> None:
    top = RAIL - 14 - CART_HEIGHT
    for side in (-1, 1):
        frame.circle(x + side * CART_WIDTH * 0.3, RAIL - 11, 10, STEEL)
        frame.circle(x + side * CART_WIDTH * 0.3, RAIL - 11, 4, NIGHT)
    frame.rect(x - CART_WIDTH / 2, top, CART_WIDTH, CART_HEIGHT, MINT, 9)
    frame.rect(x - CART_WIDTH / 2 + 8, top + 4, CART_WIDTH - 16, 3, fade(SNOW, 0.5), 1.5)

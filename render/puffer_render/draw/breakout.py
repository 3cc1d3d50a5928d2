"""Breakout: a rainbow of bricks, a ball that leaves light behind it, a paddle."""

from __future__ import annotations

from typing import Any

import numpy as np

from puffer_render.frame import HUD_HEIGHT, Frame
from puffer_render.palette import NIGHT, RAINBOW, SLATE, SNOW, TEAL, fade

# the world, in its own pixels
WIDTH, HEIGHT = 576, 330
BRICK_WIDTH, BRICK_HEIGHT, WALL_TOP = 32, 12, 50
PADDLE_TOP, PADDLE_HEIGHT = 310, 8
BALL, BALLS, WALLS = 6, 5, 2

ZOOM = 1.25
BORDER = 20
SIZE = (round(WIDTH * ZOOM) + 2 * BORDER, HUD_HEIGHT + 8 + round(HEIGHT * ZOOM) + BORDER)
KEYS = {"left": ("left", "a"), "right": ("right", "d")}
IDLE = "stay"
FRAMESKIP = "frameskip"
FRAME_RATE = 60.0
TRAIL = 9
"""Frames of flight that the light behind the ball lasts."""


def draw(state: Any, frame: Frame) -> None:
    """Everything in the world's pixels, put in place by `_rect`."""
    frame.clear(NIGHT)
    left = frame.hud("breakout", ("wall", f"{int(state.wall)} / {WALLS}"), ("score", int(state.score)))
    for i in range(BALLS):
        alive = i < int(state.balls)
        frame.circle(left - 14 - 15 * (BALLS - 1 - i), 23, 4.5, SNOW if alive else SLATE)

    _draw_border(frame)
    _draw_bricks(state, frame)
    _draw_ball(state, frame)

    x, width = float(state.paddle_x), float(state.paddle_width)
    _rect(frame, x, PADDLE_TOP, width, PADDLE_HEIGHT, TEAL, 4)
    _rect(frame, x + 4, PADDLE_TOP + 1.4, width - 8, 1.4, fade(SNOW, 0.55), 0.7)


def _draw_border(frame: Frame) -> None:
    """Walls on three sides; below is nothing."""
    top, left, right = HUD_HEIGHT, BORDER - 8, frame.width - BORDER
    frame.rect(left, top, right - left + 8, 8, SLATE, 4)
    frame.rect(left, top, 8, frame.height, SLATE, 4)
    frame.rect(right, top, 8, frame.height, SLATE, 4)


def _draw_bricks(state: Any, frame: Frame) -> None:
    for row, column in np.argwhere(state.bricks):
        x, y = int(column) * BRICK_WIDTH, WALL_TOP + int(row) * BRICK_HEIGHT
        color = RAINBOW[row]
        _rect(frame, x + 0.8, y + 0.8, BRICK_WIDTH - 1.6, BRICK_HEIGHT - 1.6, color, 2)
        _rect(frame, x + 2.4, y + 1.8, BRICK_WIDTH - 4.8, 1.2, fade(SNOW, 0.3))


def _draw_ball(state: Any, frame: Frame) -> None:
    x, y = float(state.ball_x), float(state.ball_y)
    vx, vy = float(state.ball_vx), float(state.ball_vy)
    for age in range(TRAIL, 0, -1):
        size = BALL * (1 - 0.6 * age / TRAIL)
        back_x, back_y = x - vx * age * 0.6, y - vy * age * 0.6
        if 0 < back_x < WIDTH and back_y > 0:
            _disc(frame, back_x, back_y, size / 2, fade(SNOW, 0.22 * (1 - age / (TRAIL + 1))))
    frame.glow(*_place(x, y), 22, fade(SNOW, 0.22))
    _rect(frame, x - BALL / 2, y - BALL / 2, BALL, BALL, SNOW, 2)


def _place(x: float, y: float) -> tuple[float, float]:
    return BORDER + x * ZOOM, HUD_HEIGHT + 8 + y * ZOOM


def _rect(frame: Frame, x: float, y: float, width: float, height: float, color: Any, radius: float = 0) -> None:
    frame.rect(*_place(x, y), width * ZOOM, height * ZOOM, color, radius * ZOOM)


def _disc(frame: Frame, x: float, y: float, radius: float, color: Any) -> None:
    frame.circle(*_place(x, y), radius * ZOOM, color)

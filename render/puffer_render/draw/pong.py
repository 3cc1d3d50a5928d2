"""Pong: two paddles, a net of dots, large quiet numbers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from puffer_render.frame import HUD_HEIGHT, Frame
from puffer_render.palette import CORAL, DUSK, NIGHT, SLATE, SNOW, TEAL, Color, fade

# Pixels. The state counts in subpixels from the middle of the court.
PIXEL = 32
WIDTH, HEIGHT = 640, 480
BALL = 12
PADDLE = 84
PADDLE_WIDTH = 10
FACE = 32
"""How far the face of a paddle is from its side of the court."""
REACH = (WIDTH / 2 - FACE - BALL / 2) * PIXEL
"""Subpixels from the court's middle to that of a ball that touches a paddle."""
WALL = (HEIGHT / 2 - BALL / 2) * PIXEL
"""The same for a ball that touches the upper or lower wall."""
EDGE = WIDTH / 2 * PIXEL
"""Where a ball that got past a paddle ends."""

BORDER = 20
SIZE = (WIDTH + 2 * BORDER, HUD_HEIGHT + HEIGHT + BORDER)
KEYS = {"up": ("up", "w"), "down": ("down", "s")}
IDLE = "stay"
FRAMESKIP = "frameskip"
FRAME_RATE = 60.0
PLAY = {"frameskip": 1}
TRAIL = 8
"""Frames of flight that the light behind the ball lasts."""


def draw(state: Any, frame: Frame) -> None:
    """The agent's side is on the right."""
    frame.clear(NIGHT)
    frame.hud("pong")
    left, top = BORDER, HUD_HEIGHT
    frame.rect(left, top, WIDTH, HEIGHT, DUSK, 10)
    for y in range(12, HEIGHT, 24):
        frame.circle(left + WIDTH / 2, top + y, 2.5, SLATE)
    frame.text(left + WIDTH / 2 - 40, top + 18, str(int(state.opponent_score)), 72, fade(CORAL, 0.55), "right")
    frame.text(left + WIDTH / 2 + 40, top + 18, str(int(state.score)), 72, fade(TEAL, 0.55))

    _draw_paddle(left + FACE - PADDLE_WIDTH, _y(state.opponent_y), CORAL, frame)
    _draw_paddle(left + WIDTH - FACE, _y(state.paddle_y), TEAL, frame)
    _draw_ball(state, frame)


def between(before: Any, after: Any, frame: int, frames: int) -> Any:
    """A free ball continues as before the step; one that hit a paddle is traced back from where it is after.

    A ball that got past a paddle flies on to the edge; the next one is served at the step's end.
    """
    share = frame / frames
    ball_x, ball_y = _fly(before, frame)
    served = (after.score, after.opponent_score) != (before.score, before.opponent_score)
    if served:
        after = before
        ball_x = min(max(ball_x, -EDGE), EDGE)
    elif abs(ball_x) > REACH:
        ball_x, ball_y = _fly(after, frame - frames)
    return SimpleNamespace(
        ball_x=ball_x,
        ball_y=ball_y,
        ball_vx=before.ball_vx,
        ball_vy=before.ball_vy,
        paddle_y=_mix(before.paddle_y, after.paddle_y, share),
        opponent_y=_mix(before.opponent_y, after.opponent_y, share),
        score=before.score,
        opponent_score=before.opponent_score,
    )


def _fly(state: Any, frames: int) -> tuple[float, float]:
    """Where the ball is some frames later, or earlier if negative: straight on, and off the upper and lower walls."""
    y = float(state.ball_y) + float(state.ball_vy) * frames
    if abs(y) > WALL:
        y = 2 * WALL - y if y > 0 else -2 * WALL - y
    return float(state.ball_x) + float(state.ball_vx) * frames, y


def _mix(start: Any, end: Any, share: float) -> float:
    return float(start) + (float(end) - float(start)) * share


def _x(subpixels: Any) -> float:
    """The x on the picture of a point this far to the right of the court's middle."""
    return BORDER + WIDTH / 2 + float(subpixels) / PIXEL


def _y(subpixels: Any) -> float:
    """The y on the picture of a point this far below the court's middle."""
    return HUD_HEIGHT + HEIGHT / 2 + float(subpixels) / PIXEL


def _draw_paddle(x: float, middle: float, color: Color, frame: Frame) -> None:
    frame.rect(x, middle - PADDLE / 2, PADDLE_WIDTH, PADDLE, color, PADDLE_WIDTH / 2)
    frame.rect(x + 2.5, middle - PADDLE / 2 + 6, 2, PADDLE - 12, fade(SNOW, 0.4), 1)


def _draw_ball(state: Any, frame: Frame) -> None:
    x, y = _x(state.ball_x), _y(state.ball_y)
    vx, vy = float(state.ball_vx) / PIXEL, float(state.ball_vy) / PIXEL
    for age in range(TRAIL, 0, -1):
        back_x, back_y = x - vx * age * 0.5, y - vy * age * 0.5
        if BORDER < back_x < BORDER + WIDTH and HUD_HEIGHT < back_y < HUD_HEIGHT + HEIGHT:
            light = fade(SNOW, 0.2 * (1 - age / (TRAIL + 1)))
            frame.circle(back_x, back_y, BALL / 2 * (1 - 0.5 * age / TRAIL), light)
    frame.glow(x, y, 30, fade(SNOW, 0.2))
    frame.rect(x - BALL / 2, y - BALL / 2, BALL, BALL, SNOW, 3)

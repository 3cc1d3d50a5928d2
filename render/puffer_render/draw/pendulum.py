"""Pendulum: a rod on a motor, the torque as an arrow around it."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

from puffer_render.frame import HUD_HEIGHT, Frame
from puffer_render.palette import AMBER, CORAL, DUSK, MINT, NIGHT, SKY, SLATE, SNOW, STEEL, VIOLET, blend, fade

SIZE = (520, 560)
LENGTH = 178
CENTRE = (SIZE[0] / 2, HUD_HEIGHT + 240)
MAX_TORQUE, MAX_SPEED = 2.0, 8.0
KEYS = {"left": ("left", "a"), "right": ("right", "d")}
GOAL = "Swing the rod up, and hold it there."
FRAME_RATE = 60.0
SPEED = 0.8


def pilot(state: Any, labels: frozenset[str], agent: int) -> float:
    """Full torque to the side whose key is held."""
    del state, agent
    return MAX_TORQUE * (("left" in labels) - ("right" in labels))


def frames(before: Any, after: Any) -> int:
    """Three for a step of 1/20 s; one where an episode ended."""
    return 1 if int(after.tick) < int(before.tick) else 3


def between(before: Any, after: Any, frame: int, frames: int) -> Any:
    """Part of the way, the short way round."""
    at, share = {name: getattr(after, name) for name in after}, frame / frames
    turn = math.remainder(float(after.theta) - float(before.theta), 2 * math.pi)
    at["theta"] = float(before.theta) + share * turn
    return SimpleNamespace(**at)


def draw(state: Any, frame: Frame) -> None:
    """The rod is green at the top and red at the bottom."""
    theta, torque = float(state.theta), float(state.torque)
    frame.clear(NIGHT)
    angle = abs(math.degrees(math.remainder(theta, 2 * math.pi)))
    frame.hud("pendulum", ("angle", f"{angle:.0f}°"), ("cost", f"{-float(state.episode_return):.0f}"))
    frame.rect(20, HUD_HEIGHT, SIZE[0] - 40, SIZE[1] - HUD_HEIGHT - 20, DUSK, 10)
    _draw_dial(frame)
    _draw_torque(torque, frame)
    _draw_rod(theta, float(state.theta_dot), frame)


def _point(theta: float, radius: float) -> tuple[float, float]:
    """0 is up, positive to the left."""
    return CENTRE[0] - radius * math.sin(theta), CENTRE[1] - radius * math.cos(theta)


def _draw_dial(frame: Frame) -> None:
    frame.ring(*CENTRE, LENGTH + 26, LENGTH + 28, SLATE)
    for tick in range(24):
        theta = tick * math.pi / 12
        inner = LENGTH + (12 if tick % 6 == 0 else 20)
        frame.line(*_point(theta, inner), *_point(theta, LENGTH + 26), 2, SLATE)
    frame.glow(*_point(0, LENGTH + 27), 30, fade(MINT, 0.35))
    frame.circle(*_point(0, LENGTH + 27), 5, MINT)


def _draw_torque(torque: float, frame: Frame) -> None:
    """An arc around the hinge, as long as the torque is large, with a head where it pushes."""
    if abs(torque) < 0.02:
        return
    radius, span = 54, 150 * abs(torque) / MAX_TORQUE
    left = torque > 0
    start, end = (-90 - span, -90) if left else (-90, -90 + span)
    frame.ring(*CENTRE, radius - 4, radius + 4, fade(SKY, 0.85), start, end)
    tip = math.radians(start if left else end)
    x, y = CENTRE[0] + radius * math.cos(tip), CENTRE[1] + radius * math.sin(tip)
    side = -1 if left else 1
    ahead = (-side * math.sin(tip), side * math.cos(tip))
    out = (math.cos(tip), math.sin(tip))
    frame.polygon(
        [
            (x + 11 * out[0], y + 11 * out[1]),
            (x - 11 * out[0], y - 11 * out[1]),
            (x + 15 * ahead[0], y + 15 * ahead[1]),
        ],
        SKY,
    )


def _draw_rod(theta: float, speed: float, frame: Frame) -> None:
    """With a trail that shows how fast the tip moves, and where to."""
    height = (1 + math.cos(theta)) / 2
    color = blend(CORAL, blend(AMBER, MINT, height**4), height)
    for step in range(12, 0, -1):
        back = theta - speed * 0.018 * step
        frame.circle(*_point(back, LENGTH), 11 * (1 - step / 14), fade(VIOLET, 0.35 * (1 - step / 13)))
    tip = _point(theta, LENGTH)
    frame.glow(*tip, 46, fade(color, 0.35))
    frame.path([CENTRE, tip], 20, color)
    frame.circle(*tip, 14, color)
    frame.circle(*tip, 6, fade(SNOW, 0.8))
    frame.circle(*CENTRE, 19, STEEL)
    frame.circle(*CENTRE, 9, NIGHT)

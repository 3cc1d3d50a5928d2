"""Acrobot: two links under a hinge, the line that the tip must pass."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

from puffer_render.frame import HUD_HEIGHT, Frame
from puffer_render.palette import AMBER, CORAL, DUSK, MINT, NIGHT, SKY, SLATE, SNOW, STEEL, VIOLET, blend, fade

SIZE = (560, 600)
LENGTH = 118
HINGE = (SIZE[0] / 2, HUD_HEIGHT + 268)
LINE = HINGE[1] - LENGTH
KEYS = {"left": ("left", "a"), "right": ("right", "d")}
IDLE = "rest"
GOAL = "Bring the tip above the line, with the motor between the links."
FRAME_RATE = 60.0
SPEED = 0.5


def frames(before: Any, after: Any) -> int:
    """Four for a step; one where an episode ended."""
    return 1 if int(after.tick) < int(before.tick) else 4


def between(before: Any, after: Any, frame: int, frames: int) -> Any:
    """Part of the way: both links turn evenly, in the direction of their speeds."""
    at, share = {name: getattr(after, name) for name in after}, frame / frames
    for name in ("theta1", "theta2"):
        start = float(getattr(before, name))
        speed = (float(getattr(before, f"d{name}")) + float(getattr(after, f"d{name}"))) / 2
        turn = float(getattr(after, name)) - start
        turn += 2 * math.pi * round((0.2 * speed - turn) / (2 * math.pi))
        at[name] = start + share * turn
    return SimpleNamespace(**at)


def draw(state: Any, frame: Frame) -> None:
    """The line turns green as the tip comes near."""
    theta1, theta2 = float(state.theta1), float(state.theta2)
    elbow = HINGE[0] + LENGTH * math.sin(theta1), HINGE[1] + LENGTH * math.cos(theta1)
    tip = elbow[0] + LENGTH * math.sin(theta1 + theta2), elbow[1] + LENGTH * math.cos(theta1 + theta2)
    height = (HINGE[1] - tip[1]) / LENGTH

    frame.clear(NIGHT)
    frame.hud("acrobot", ("height", f"{height:+.2f} m"), ("step", int(state.tick)))
    frame.rect(20, HUD_HEIGHT, SIZE[0] - 40, SIZE[1] - HUD_HEIGHT - 20, DUSK, 10)
    frame.ring(*HINGE, 2 * LENGTH + 14, 2 * LENGTH + 15.5, SLATE)
    _draw_goal(height, frame)
    _draw_bar(frame)
    _draw_motion(state, theta1, theta2, frame)
    frame.path([HINGE, elbow], 22, SKY)
    frame.path([HINGE, elbow], 6, blend(SKY, SNOW, 0.45))
    near = min(1.0, max(0.0, (height + 2) / 3))
    color = blend(CORAL, blend(AMBER, MINT, near**3), near)
    frame.glow(*tip, 38, fade(color, 0.4))
    frame.path([elbow, tip], 18, color)
    frame.path([elbow, tip], 5, blend(color, SNOW, 0.45))
    frame.circle(*HINGE, 12, STEEL)
    frame.circle(*HINGE, 5, NIGHT)
    _draw_motor(elbow, float(state.torque), frame)
    frame.circle(*tip, 13, color)
    frame.circle(*tip, 5, SNOW)


def _draw_goal(height: float, frame: Frame) -> None:
    near = min(1.0, max(0.0, height)) ** 2
    color = blend(STEEL, MINT, near)
    frame.rect(22, HUD_HEIGHT + 2, SIZE[0] - 44, LINE - HUD_HEIGHT - 2, fade(MINT, 0.04 + 0.1 * near), 8)
    for x in range(30, SIZE[0] - 40, 22):
        frame.line(x, LINE, x + 13, LINE, 3, color)


def _draw_bar(frame: Frame) -> None:
    """What the hinge hangs on."""
    frame.rect(HINGE[0] - 60, HINGE[1] - 4, 120, 8, SLATE, 4)


def _draw_motion(state: Any, theta1: float, theta2: float, frame: Frame) -> None:
    """Where the tip was in the last moments."""
    for step in range(10, 0, -1):
        back = 0.012 * step
        one, two = theta1 - float(state.dtheta1) * back, theta2 - float(state.dtheta2) * back
        x = HINGE[0] + LENGTH * (math.sin(one) + math.sin(one + two))
        y = HINGE[1] + LENGTH * (math.cos(one) + math.cos(one + two))
        frame.circle(x, y, 11 * (1 - step / 12), fade(VIOLET, 0.35 * (1 - step / 11)))


def _draw_motor(elbow: tuple[float, float], torque: float, frame: Frame) -> None:
    """The joint, with an arrow in the direction of its torque."""
    frame.circle(*elbow, 15, STEEL)
    frame.circle(*elbow, 10, NIGHT)
    if torque:
        frame.ring(*elbow, 24, 29, AMBER, 200, 340)
        angle = math.radians(200 if torque > 0 else 340)
        x, y = elbow[0] + 26.5 * math.cos(angle), elbow[1] + 26.5 * math.sin(angle)
        frame.polygon([(x - 9, y - 2), (x + 9, y - 2), (x, y + 12)], AMBER)

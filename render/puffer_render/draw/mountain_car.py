"""Mountain car: a valley between a wall and a flag, and a small car that rocks in it."""

from __future__ import annotations

import itertools
import math
from types import SimpleNamespace
from typing import Any

from puffer_render.frame import HUD_HEIGHT, Frame
from puffer_render.palette import AMBER, CORAL, DUSK, MINT, NIGHT, ORANGE, SKY, SLATE, SNOW, STEEL, VIOLET, blend, fade

LEFT, RIGHT, GOAL_AT = -1.2, 0.6, 0.5
MAX_SPEED = 0.07
GRAVITY = 0.0025

MARGIN = 40
SIZE = (760, 430)
ACROSS = (SIZE[0] - 2 * MARGIN) / (RIGHT - LEFT)
"""Units for one of position."""
UP, GROUND = 118, 262
"""Units for one of height, and where height 0 is."""
WHEEL = 8.5
KEYS = {"left": ("left", "a"), "right": ("right", "d")}
IDLE = "coast"
GOAL = "Rock up to the flag: the motor alone is too weak."
FRAME_RATE = 60.0
SPEED = 0.8


def frames(before: Any, after: Any) -> int:
    """Two for a step, so that the car rolls smoothly; one where an episode ended."""
    return 1 if int(after.tick) < int(before.tick) else 2


def between(before: Any, after: Any, frame: int, frames: int) -> Any:
    """Part of the way."""
    share = frame / frames
    at = {name: getattr(after, name) for name in after}
    for name in ("position", "velocity"):
        at[name] = (1 - share) * float(getattr(before, name)) + share * float(getattr(after, name))
    return SimpleNamespace(**at)


def draw(state: Any, frame: Frame) -> None:
    """The hills, the flag, the car, and how high its energy would carry it."""
    draw_valley(state, frame, "mountain car", GOAL_AT)


def draw_valley(state: Any, frame: Frame, title: str, goal: float) -> None:
    """The whole picture; `goal` is where the flag is."""
    position, velocity = float(state.position), float(state.velocity)
    frame.clear(NIGHT)
    frame.hud(title, ("speed", f"{1000 * velocity:+.0f}"), ("step", int(state.tick)))
    frame.rect(20, HUD_HEIGHT, SIZE[0] - 40, SIZE[1] - HUD_HEIGHT - 20, DUSK, 10)
    _draw_sky(frame)
    _draw_reach(position, velocity, frame)
    _draw_hills(frame)
    _draw_wall(frame)
    _draw_flag(goal, position >= goal, frame)
    _draw_car(position, velocity, float(state.push), frame)


def _x(position: float) -> float:
    return MARGIN + (position - LEFT) * ACROSS


def _y(position: float) -> float:
    return GROUND - UP * math.sin(3 * position)


def _draw_sky(frame: Frame) -> None:
    for number in range(26):
        x, y = 34 + (number * 271) % (SIZE[0] - 68), HUD_HEIGHT + 12 + (number * 97) % 150
        frame.circle(x, y, 0.9 + (number % 3) * 0.4, fade(SNOW, 0.18 + 0.12 * (number % 3)))
    frame.glow(140, HUD_HEIGHT + 62, 60, fade(AMBER, 0.12))
    frame.circle(140, HUD_HEIGHT + 62, 17, fade(AMBER, 0.85))


def _draw_hills(frame: Frame) -> None:
    steps = 90
    xs = [LEFT + (RIGHT - LEFT) * i / steps for i in range(steps + 1)]
    bottom = SIZE[1] - 20
    for a, b in itertools.pairwise(xs):
        height = (math.sin(3 * a) + 1) / 2
        color = blend((38, 52, 66, 255), (52, 66, 104, 255), height)
        frame.polygon([(_x(a), _y(a)), (_x(a), bottom), (_x(b) + 0.6, bottom), (_x(b) + 0.6, _y(b))], color)
    frame.rect(20, _y(LEFT), _x(LEFT) - 20, bottom - _y(LEFT), (46, 60, 88, 255))
    frame.rect(_x(RIGHT), _y(RIGHT), SIZE[0] - 20 - _x(RIGHT), bottom - _y(RIGHT), (52, 66, 104, 255))
    frame.path([(_x(x), _y(x)) for x in xs] + [(SIZE[0] - 20, _y(RIGHT))], 4, blend(MINT, SLATE, 0.35))


def _draw_wall(frame: Frame) -> None:
    """At the left end."""
    x, y = _x(LEFT) - 3, _y(LEFT)
    frame.rect(22, y - 66, x - 22, 66 + 8, STEEL, 4)
    for row in range(4):
        frame.line(22, y - 50 + 16 * row, x, y - 50 + 16 * row, 1.5, fade(NIGHT, 0.6))


def _draw_flag(goal: float, reached: bool, frame: Frame) -> None:
    x, y = _x(goal), _y(goal)
    color = MINT if reached else CORAL
    frame.glow(x + 14, y - 62, 44, fade(color, 0.25))
    frame.line(x, y, x, y - 76, 4, SNOW)
    frame.polygon([(x + 2, y - 76), (x + 2, y - 50), (x + 34, y - 63)], color)
    frame.circle(x, y - 77, 4, SNOW)


def _draw_reach(position: float, velocity: float, frame: Frame) -> None:
    """A line at the height to which the car would roll by itself."""
    height = math.sin(3 * position) + 1.5 * velocity**2 / GRAVITY
    if height > -0.98:
        y = GROUND - UP * min(height, 1.3)
        for x in range(28, SIZE[0] - 30, 16):
            frame.line(x, y, x + 8, y, 1.5, fade(VIOLET, 0.7))


def _draw_car(position: float, velocity: float, push: float, frame: Frame) -> None:
    """On its wheels, along the slope; a flame behind it while it pushes."""
    slope = math.atan2(-3 * UP * math.cos(3 * position), ACROSS)
    along, up = (math.cos(slope), math.sin(slope)), (math.sin(slope), -math.cos(slope))

    def at(forward: float, above: float) -> tuple[float, float]:
        return (
            _x(position) + forward * along[0] + above * up[0],
            _y(position) + forward * along[1] + above * up[1],
        )

    if push:
        back, length = (-1 if push > 0 else 1), 10 + 20 * abs(push)
        tip = at(back * (23 + length), 17)
        frame.glow(*tip, 26, fade(ORANGE, 0.5))
        frame.polygon([at(back * 23, 11), at(back * 23, 23), tip], ORANGE)
        frame.polygon([at(back * 23, 14), at(back * 23, 20), at(back * (23 + 0.55 * length), 17)], AMBER)
    body = blend(SKY, MINT, min(1.0, abs(velocity) / MAX_SPEED))
    frame.polygon([at(-25, 8), at(-25, 22), at(25, 22), at(25, 8)], body)
    frame.polygon([at(-16, 21), at(-10, 35), at(9, 35), at(16, 21)], body)
    frame.polygon([at(-11, 22), at(-7, 31), at(-1.5, 31), at(-1.5, 22)], NIGHT)
    frame.polygon([at(1.5, 22), at(1.5, 31), at(6.5, 31), at(11, 22)], NIGHT)
    for side in (-1, 1):
        x, y = at(side * 15, WHEEL)
        turn = position * ACROSS / WHEEL
        frame.circle(x, y, WHEEL, NIGHT)
        frame.ring(x, y, WHEEL - 3, WHEEL, STEEL)
        frame.line(x, y, x + 6 * math.cos(turn), y + 6 * math.sin(turn), 2, SNOW)

"""Memory: a lamp on one of two sides, a row of dots to sit through, and the question."""

from __future__ import annotations

from typing import Any

from puffer_render.frame import HUD_HEIGHT, Frame
from puffer_render.palette import AMBER, CORAL, DUSK, MINT, NIGHT, SLATE, SNOW, STEEL, Color, blend, fade

WIDTH, HEIGHT = 560, 300
SIZE = (WIDTH, HUD_HEIGHT + HEIGHT)
KEYS = {"left": ("left", "a"), "right": ("right", "d")}
PLAY = {"distance": 8}
SPEED = 0.5

LAMP = 62
MAX_DOTS = 24
"""A longer wait is drawn with this many dots, each for several steps."""


def draw(state: Any, frame: Frame) -> None:
    """The cue is lit in the first step only; when it is asked for, both sides wait for an answer."""
    frame.clear(NIGHT)
    tick, distance, cue, verdict = int(state.tick), int(state.distance), int(state.cue), int(state.verdict)
    asked = tick >= distance
    frame.hud("memory", ("last answer", ("wrong", "right", "—")[verdict]), ("step", f"{tick} of {distance}"))
    frame.rect(20, HUD_HEIGHT, WIDTH - 40, HEIGHT - 20, DUSK, 14)

    middle = HUD_HEIGHT + 118.0
    for side in (0, 1):
        x = 150.0 + side * (WIDTH - 300)
        lit = tick == 0 and side == cue
        _draw_lamp(x, middle, side, lit, asked, frame)
    if asked:
        frame.text(WIDTH / 2, middle - 44, "?", 84, SNOW, "center")

    dots = min(distance, MAX_DOTS)
    done = dots * tick / distance
    for i in range(dots):
        x = WIDTH / 2 + (i - (dots - 1) / 2) * min(20, (WIDTH - 100) / dots)
        frame.circle(x, HUD_HEIGHT + HEIGHT - 62, 5, blend(SLATE, MINT, 1.0 if i < done else 0.0))


def _draw_lamp(x: float, y: float, side: int, lit: bool, asked: bool, frame: Frame) -> None:
    color: Color = AMBER if lit else blend(SLATE, STEEL, 0.5) if asked else SLATE
    if lit:
        frame.glow(x, y, LAMP * 2.1, fade(AMBER, 0.5))
    frame.circle(x, y, LAMP, color)
    frame.circle(x, y, LAMP - 7, blend(color, NIGHT, 0.0 if lit else 0.35))
    inked = NIGHT if lit else CORAL if asked else STEEL
    sign = 2 * side - 1
    frame.polygon([(x + 26 * sign, y), (x - 16 * sign, y - 24), (x - 16 * sign, y + 24)], inked)

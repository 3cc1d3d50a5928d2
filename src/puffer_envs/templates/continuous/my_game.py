"""my_game: a rocket over the sea at night, its flame, and the ship on which it lands."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from puffer_render.frame import HUD_HEIGHT, Frame
from puffer_render.palette import AMBER, CORAL, DUSK, MINT, NIGHT, ORANGE, SKY, SLATE, SNOW, STEEL, Color, blend, fade

METRE = 28
SIDE, TOP, SEA = 12.0, 18.0, 2.2
"""Metres: from the middle to each side, the height of the sky, the depth of the sea."""
SIZE = (round(2 * SIDE * METRE), HUD_HEIGHT + round((TOP + SEA) * METRE))
KEYS = {"left": ("left", "a"), "right": ("right", "d"), "thrust": ("up", "w", "space")}
SPEED = 0.5

STARS = [((37 * k * k + 11 * k) % 97 / 97, (53 * k * k + 29 * k) % 89 / 89) for k in range(46)]
HORIZON, WATER = blend(DUSK, SKY, 0.22), blend(SKY, NIGHT, 0.72)


def pilot(state: Any, labels: frozenset[str], agent: int) -> Sequence[float]:
    """The keys as the two actions: thrust, turn."""
    del state, agent
    return float("thrust" in labels), float("right" in labels) - float("left" in labels)


def draw(state: Any, frame: Frame) -> None:
    """The sky, the sea, the ship, the rocket."""
    frame.clear(NIGHT)
    _draw_sky(frame)
    _draw_ship(float(state.ship), frame)
    _draw_sea(float(state.wave), frame)
    place = (float(state.x), float(state.y))
    _draw_rocket(place, float(state.tilt), float(state.thrust), frame)
    frame.rect(0, 0, SIZE[0], HUD_HEIGHT, NIGHT)
    fuel = float(state.fuel)
    x = frame.hud("my_game", ("height", f"{max(place[1], 0):.0f} m"), ("falling", f"{-float(state.vy):.1f} m/s"))
    frame.text(x - 186, 15, "fuel", 16, STEEL)
    frame.rect(x - 150, 18, 120, 8, SLATE, 4)
    frame.rect(x - 150, 18, max(120 * fuel, 8), 8, MINT if fuel > 0.3 else CORAL, 4)


def _at(x: float, y: float) -> tuple[float, float]:
    """Where metres are on the picture."""
    return (x + SIDE) * METRE, HUD_HEIGHT + (TOP - y) * METRE


def _draw_sky(frame: Frame) -> None:
    bands = 24
    frame.rect(0, HUD_HEIGHT + TOP * METRE, SIZE[0], SEA * METRE, HORIZON)
    for band in range(bands):
        height = TOP * METRE / bands
        color = blend(NIGHT, HORIZON, band / bands)
        frame.rect(0, HUD_HEIGHT + band * height, SIZE[0], height + 1, color)
    for x, y in STARS:
        frame.circle(x * SIZE[0], HUD_HEIGHT + y * 0.8 * TOP * METRE, 0.8 + 0.7 * y, fade(SNOW, 0.25 + 0.45 * x))
    moon = _at(-8.2, 15.0)
    frame.glow(*moon, 90, fade(SNOW, 0.22))
    frame.circle(*moon, 26, blend(SNOW, STEEL, 0.15))
    for dx, dy, radius in ((-8, -6, 6), (9, 3, 4), (-3, 11, 3.5)):
        frame.circle(moon[0] + dx, moon[1] + dy, radius, blend(SNOW, STEEL, 0.35))


def _draw_sea(wave: float, frame: Frame) -> None:
    for layer in range(3):
        top = -0.45 - 0.55 * layer
        color = blend(WATER, NIGHT, 0.22 * layer)
        phase = 4 * wave * (1 - 0.3 * layer) + 2 * layer
        points = [(x, top + 0.12 * math.sin(1.3 * x + phase)) for x in range(-13, 14)]
        for (x0, y0), (x1, y1) in itertools.pairwise(points):
            frame.polygon([_at(x0, y0), _at(x1, y1), _at(x1, -SEA), _at(x0, -SEA)], color)


def _draw_ship(x: float, frame: Frame) -> None:
    hull = [_at(x - 2.3, -0.05), _at(x + 2.3, -0.05), _at(x + 1.8, -1.1), _at(x - 1.8, -1.1)]
    frame.polygon(hull, STEEL)
    left, top = _at(x - 2.0, 0.0)
    frame.rect(left, top - 2, 4 * METRE, 6, SNOW, 2)
    frame.rect(left + 1.2 * METRE, top - 2, 1.6 * METRE, 6, AMBER, 2)
    for side in (-2.2, 2.2):
        lamp = _at(x + side, 0.3)
        frame.line(*lamp, lamp[0], top + 2, 2, STEEL)
        frame.glow(*lamp, 22, fade(CORAL, 0.6))
        frame.circle(*lamp, 3, CORAL)


def _draw_rocket(place: tuple[float, float], tilt: float, thrust: float, frame: Frame) -> None:
    """Its feet are at `place`."""

    def part(points: Sequence[tuple[float, float]], color: Color) -> None:
        """A polygon whose corners are metres to the right of the rocket's middle, and above its feet."""
        frame.polygon([_turned(place, tilt, dx, dy) for dx, dy in points], color)

    if thrust > 0:
        frame.glow(*_turned(place, tilt, 0, -0.2), METRE * (0.8 + 1.2 * thrust), fade(ORANGE, 0.5))
        part([(-0.26, 0.3), (0.26, 0.3), (0.0, -0.2 - 1.5 * thrust)], ORANGE)
        part([(-0.15, 0.3), (0.15, 0.3), (0.0, 0.0 - 0.8 * thrust)], AMBER)
    for side in (-1, 1):
        part([(side * 0.2, 1.0), (side * 0.85, 0.0), (side * 0.6, 0.0), (side * 0.2, 0.5)], STEEL)
    part([(-0.36, 0.25), (0.36, 0.25), (0.4, 1.7), (-0.4, 1.7)], SNOW)
    part([(0.1, 0.25), (0.36, 0.25), (0.4, 1.7), (0.12, 1.7)], blend(SNOW, STEEL, 0.4))
    part([(-0.4, 1.7), (0.4, 1.7), (0.22, 2.2), (0.0, 2.45), (-0.22, 2.2)], CORAL)
    frame.circle(*_turned(place, tilt, 0, 1.3), 0.17 * METRE, SKY)


def _turned(place: tuple[float, float], tilt: float, dx: float, dy: float) -> tuple[float, float]:
    sine, cosine = math.sin(tilt), math.cos(tilt)
    return _at(place[0] + dx * cosine + dy * sine, place[1] - dx * sine + dy * cosine)

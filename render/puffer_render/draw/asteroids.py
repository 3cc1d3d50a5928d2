"""Asteroids: glowing lines on a dark plane that wraps around."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from random import Random
from typing import Any

from puffer_render.frame import HUD_HEIGHT, Frame
from puffer_render.palette import (
    AMBER,
    CORAL,
    DUSK,
    MINT,
    NIGHT,
    ORANGE,
    PINK,
    SKY,
    SLATE,
    SNOW,
    VIOLET,
    Color,
    blend,
    fade,
)

# the plane, in its own units and the state's parts of them
WIDTH = 512
SUBUNIT = 1 / 128
SHIP_SUBUNIT = SUBUNIT / 65536
HEADINGS = 256
RADIUS = {1: 10.0, 2: 18.0, 4: 32.0}
"""By the size of a rock."""
SHIELD = 90
"""Frames that a ship's shield lasts."""
SHOT_LIFE = 40

ZOOM = 1.25
BORDER = 20
SIDE = WIDTH * ZOOM
SIZE = (round(SIDE) + 2 * BORDER, HUD_HEIGHT + round(SIDE) + BORDER)
KEYS = {"left": ("left", "a"), "right": ("right", "d"), "thrust": ("up", "w"), "fire": ("space",)}
IDLE = "none"
FRAMESKIP = "frameskip"
FRAME_RATE = 60.0
PLAY = {"max_frames": 216_000}

SHIP = ((10.0, 0.0), (-7.5, 6.5), (-4.5, 0.0), (-7.5, -6.5))
"""Corners of the ship, its nose along x."""
ROCK_COLORS = {4: blend(SKY, SNOW, 0.35), 2: blend(VIOLET, SNOW, 0.25), 1: PINK}
CORNERS = 12
"""Of a rock's outline."""
BLAST = 26
"""Frames that sparks last."""
STARS = tuple(((i * 197.3) % WIDTH, (i * i * 61.7 + 31.0 * i) % WIDTH, 0.5 + 0.5 * (i % 3)) for i in range(70))
"""(x, y, radius) of the lights behind everything."""

Point = tuple[float, float]


def draw(state: Any, frame: Frame) -> None:
    """What crosses the plane's edge is drawn on both sides; the margins, drawn last, cut it off."""
    frame.clear(NIGHT)
    frame.rect(BORDER, HUD_HEIGHT, SIDE, SIDE, blend(NIGHT, DUSK, 0.35))
    for x, y, radius in STARS:
        frame.circle(*_place(x - WIDTH / 2, y - WIDTH / 2), radius, fade(SLATE, 0.9))
    _draw_rocks(state, frame)
    _draw_blasts(state, frame)
    _draw_shots(state, frame)
    if int(state.lives) > 0:
        _draw_ship(state, frame)
    _draw_border(frame)

    left = frame.hud("asteroids", ("wave", int(state.wave)), ("score", int(state.score)))
    for i in range(int(state.lives)):
        corners = _turned(SHIP, -math.pi / 2, left - 8 - 19 * i, 24, 0.95)
        _outline(frame, corners, MINT, glow=False)


def _draw_border(frame: Frame) -> None:
    bottom, right = HUD_HEIGHT + SIDE, BORDER + SIDE
    frame.rect(0, 0, frame.width, HUD_HEIGHT, NIGHT)
    frame.rect(0, bottom, frame.width, frame.height - bottom, NIGHT)
    frame.rect(0, 0, BORDER, frame.height, NIGHT)
    frame.rect(right, 0, frame.width - right, frame.height, NIGHT)
    frame.border(BORDER, HUD_HEIGHT, SIDE, SIDE, 1.5, SLATE, 3)


def _draw_rocks(state: Any, frame: Frame) -> None:
    for slot, size in enumerate(state.rock_size):
        if not size:
            continue
        look, radius, color = int(state.rock_look[slot]), RADIUS[int(size)], ROCK_COLORS[int(size)]
        spin = ((look & 15) - 7.5) / 7.5 * (0.035 if size == 1 else 0.02)
        middle = float(state.rock_x[slot]) * SUBUNIT, float(state.rock_y[slot]) * SUBUNIT
        for x, y in _copies(*middle, radius * 1.3):
            corners = _turned(SHAPES[look], look + float(state.frame) * spin, *_place(x, y), radius * ZOOM)
            for a, b in _edges(corners):
                frame.polygon((_place(x, y), a, b), blend(NIGHT, color, 0.1))
            _outline(frame, corners, color)


def _shape(look: int) -> tuple[Point, ...]:
    """The outline of a rock of radius 1: unevenly far out, with a dent or two, always the same for the same number."""
    noise = Random(look)
    far = [noise.uniform(0.86, 1.12) for _ in range(CORNERS)]
    for dent in noise.sample(range(CORNERS), 2):
        far[dent] = noise.uniform(0.58, 0.72)
    angles = [2 * math.pi * (i + noise.uniform(-0.2, 0.2)) / CORNERS for i in range(CORNERS)]
    return tuple((r * math.cos(angle), r * math.sin(angle)) for r, angle in zip(far, angles, strict=True))


SHAPES = tuple(_shape(look) for look in range(256))


def _draw_blasts(state: Any, frame: Frame) -> None:
    """Sparks that fly apart and go out; more and longer ones for the ship."""
    for place, begun in enumerate(state.blast_frame):
        size, age = int(state.blast_size[place]), int(state.frame) - int(begun)
        lasts = BLAST if size else 2 * BLAST
        if not begun or age >= lasts:
            continue
        color = ROCK_COLORS.get(size, CORAL)
        left = 1 - age / lasts
        reach = (RADIUS.get(size, 26.0) + 10) * ZOOM * (1 - left**3)
        sparks = 10 if size else 18
        x, y = float(state.blast_x[place]) * SUBUNIT, float(state.blast_y[place]) * SUBUNIT
        for at_x, at_y in _copies(x, y, 50):
            middle_x, middle_y = _place(at_x, at_y)
            frame.glow(middle_x, middle_y, reach + 16, fade(color, 0.35 * left))
            for i in range(sparks):
                angle, far = 2.399963 * i + int(begun), reach * (0.5 + 0.5 * (i * 37 % 11) / 10)
                dx, dy = math.cos(angle), math.sin(angle)
                start, end = (middle_x + dx * far, middle_y + dy * far), far + 9 * left
                frame.line(
                    *start,
                    middle_x + dx * end,
                    middle_y + dy * end,
                    2.2,
                    fade(blend(color, SNOW, 0.3), min(1.0, 1.4 * left)),
                )


def _draw_shots(state: Any, frame: Frame) -> None:
    for k, life in enumerate(state.shot_life):
        if not life:
            continue
        light = min(1.0, float(life) / 8)
        back_x, back_y = (-1.2 * float(v[k]) * SUBUNIT * ZOOM for v in (state.shot_vx, state.shot_vy))
        if int(life) == SHOT_LIFE:
            back_x, back_y = 0.0, 0.0
        for copy in _copies(float(state.shot_x[k]) * SUBUNIT, float(state.shot_y[k]) * SUBUNIT, 12):
            x, y = _place(*copy)
            frame.glow(x, y, 15, fade(AMBER, 0.45 * light))
            frame.line(x, y, x + back_x, y + back_y, 2, fade(AMBER, 0.5 * light))
            frame.circle(x, y, 2.6, blend(AMBER, SNOW, 0.5))


def _draw_ship(state: Any, frame: Frame) -> None:
    """With a flame that flickers while the engine burns, and in a bubble while nothing can harm it."""
    angle = float(state.heading) * 2 * math.pi / HEADINGS
    shield, now = int(state.shield), int(state.frame)
    for copy in _copies(_wrap(float(state.ship_x) * SHIP_SUBUNIT), _wrap(float(state.ship_y) * SHIP_SUBUNIT), 30):
        x, y = _place(*copy)
        frame.glow(x, y, 34, fade(MINT, 0.16))
        if int(state.thrusting):
            long = 15.0 + 5 * (now * 7 % 5) / 4
            tail = _turned(((-long, 0.0),), angle, x, y, ZOOM)[0]
            frame.glow(*tail, 16, fade(ORANGE, 0.4))
            flame = _turned(((-6.0, 3.4), (-long, 0.0), (-6.0, -3.4)), angle, x, y, ZOOM)
            for start, end in pairwise(flame):
                frame.line(*start, *end, 2, ORANGE)
        corners = _turned(SHIP, angle, x, y, ZOOM)
        for half in (corners[:3], (corners[0], corners[2], corners[3])):
            frame.polygon(half, blend(NIGHT, MINT, 0.2))
        _outline(frame, corners, MINT)
        if shield:
            light = 0.25 + 0.5 * shield / SHIELD
            frame.ring(x, y, 19, 20.5, fade(SNOW, light), -90, -90 + 360 * shield / SHIELD)


def _outline(frame: Frame, corners: Sequence[Point], color: Color, glow: bool = True) -> None:
    """A closed line that glows."""
    for a, b in _edges(corners):
        if glow:
            frame.line(*a, *b, 6, fade(color, 0.13))
            frame.line(*a, *b, 3.4, fade(color, 0.2))
        frame.line(*a, *b, 1.6, color)
    for corner in corners:
        frame.circle(*corner, 0.8, color)


def _edges(corners: Sequence[Point]) -> Iterator[tuple[Point, Point]]:
    return zip(corners, (*corners[1:], corners[0]), strict=True)


def _turned(points: Sequence[Point], angle: float, x: float, y: float, zoom: float) -> list[Point]:
    """The points, rotated and scaled about the origin, then moved to (x, y)."""
    cosine, sine = math.cos(angle) * zoom, math.sin(angle) * zoom
    return [(x + a * cosine - b * sine, y + a * sine + b * cosine) for a, b in points]


def _copies(x: float, y: float, reach: float) -> Iterator[Point]:
    """Where something at (x, y) is to be drawn, so that all of it is seen within the plane."""
    for copy_x in (x - WIDTH, x, x + WIDTH):
        for copy_y in (y - WIDTH, y, y + WIDTH):
            if max(abs(copy_x), abs(copy_y)) < WIDTH / 2 + reach:
                yield copy_x, copy_y


def _wrap(x: float) -> float:
    """From 0 to WIDTH, to within half of it of the middle."""
    return x - WIDTH if x >= WIDTH / 2 else x


def _place(x: float, y: float) -> Point:
    """The position on the picture of a point, given in units from the plane's middle."""
    return BORDER + SIDE / 2 + x * ZOOM, HUD_HEIGHT + SIDE / 2 + y * ZOOM

"""Racer: the road around the car, which drives up the picture's middle; the whole track on a small map."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_render.frame import HUD_HEIGHT, Frame
from puffer_render.palette import AMBER, CORAL, DUSK, MINT, NIGHT, SKY, SLATE, SNOW, STEEL, Color, blend, fade

GATES, AROUND = 128, 24
"""Gates of a track, and those stored once more at either end of the table."""
SIGHT = 50.0
"""Metres that whiskers reach."""
LINE = AROUND
"""Row of the start line in the table of posts."""

FIELD = 600
MARGIN = 20
SIZE = (FIELD + 2 * MARGIN, HUD_HEIGHT + FIELD + MARGIN)
METRE = 9.5
"""Units."""
CENTER = (MARGIN + FIELD / 2, HUD_HEIGHT + FIELD / 2)
AHEAD = 11.0
"""Metres by which the car is off the picture's middle, away from where it goes."""
MAP = 150
"""Side of the small map."""
PAD = 14
KEYS = {"gas": ("up", "w"), "brake": ("down", "s"), "left": ("left", "a"), "right": ("right", "d")}
FRAMESKIP = "frameskip"
FRAME_RATE = 60.0
TOP_SPEED = 40.0
"""Metres per second at the end of the dial."""

ASPHALT = blend(SLATE, NIGHT, 0.12)
EDGE = blend(STEEL, SNOW, 0.5)
GRASS = blend(DUSK, (38, 70, 62, 255), 0.45)
STRIPE = blend(GRASS, NIGHT, 0.14)
LENGTH, WIDTH = 4.2, 1.9
"""Of the car, metres."""
FRONT_AXLE, REAR_AXLE = 1.43, -1.17

Points = NDArray[np.float64]


def pilot(state: Any, labels: frozenset[str], agent: int) -> tuple[int, int]:
    """Steering and pedals."""
    del state, agent
    return ("right" in labels) - ("left" in labels), ("gas" in labels) - ("brake" in labels)


class View:
    """Where metres lie on the picture: north stays up, and the car is near the middle."""

    def __init__(self, state: Any) -> None:
        speed = math.hypot(float(state.vx), float(state.vy))
        shift = AHEAD / max(speed, 12.0)
        self.x = float(state.x) + shift * float(state.vx)
        self.y = float(state.y) + shift * float(state.vy)

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Units of a place in metres."""
        return CENTER[0] + (x - self.x) * METRE, CENTER[1] + (y - self.y) * METRE

    def sees(self, x: float, y: float) -> bool:
        """Whether a place is on the picture, or not far from it."""
        reach = FIELD / 2 / METRE + 12
        return abs(x - self.x) < reach and abs(y - self.y) < reach


def draw(state: Any, frame: Frame) -> None:
    """The ground, the road, the whiskers, the car; then the frame with map and dials."""
    frame.clear(GRASS)
    view = View(state)
    posts = np.asarray(state.posts, np.float64)[AROUND : AROUND + GATES + 1]
    _draw_ground(view, frame)
    _draw_road(posts, view, frame)
    _draw_whiskers(state, posts, view, frame)
    _draw_car(state, view, frame)
    for x, y, width, height in (
        (0, 0, frame.width, HUD_HEIGHT),
        (0, 0, MARGIN, frame.height),
        (frame.width - MARGIN, 0, MARGIN, frame.height),
        (0, frame.height - MARGIN, frame.width, MARGIN),
    ):
        frame.rect(x, y, width, height, NIGHT)
    _draw_map(state, posts, frame)
    _draw_dial(state, frame)
    frame.hud(
        "racer",
        ("lap", int(state.laps) + 1),
        ("time", f"{float(state.clock):.1f}"),
        ("last", _seconds(state.last_lap)),
        ("best", _seconds(state.best_lap)),
    )


def between(before: Any, after: Any, frame: int, frames: int) -> Any:
    """On the straight way from one step to the next; a new episode begins at the step's end."""
    share = frame / frames
    mixed = SimpleNamespace(**vars(before))
    if int(after.tick) < int(before.tick):
        after, share = before, 0.0
    for name in ("x", "y", "vx", "vy", "steering", "clock"):
        start, end = float(getattr(before, name)), float(getattr(after, name))
        setattr(mixed, name, start + (end - start) * share)
    turn = (float(after.yaw) - float(before.yaw) + math.pi) % (2 * math.pi) - math.pi
    mixed.yaw = float(before.yaw) + turn * share
    return mixed


def _seconds(time: Any) -> str:
    return f"{float(time):.2f}" if float(time) > 0 else "–"


def _draw_ground(view: View, frame: Frame) -> None:
    """Stripes of mown grass, so that speed shows off the road, too."""
    band = 8.0
    reach = FIELD / 2 / METRE
    first = math.floor((view.y - reach) / (2 * band))
    for stripe in range(first, first + int(reach / band) + 3):
        _, top = view.point(0, stripe * 2 * band)
        frame.rect(MARGIN, top, FIELD, band * METRE, STRIPE)


def _draw_road(posts: Points, view: View, frame: Frame) -> None:
    """Asphalt cell by cell; white edges, and red and white curbs where the road bends."""
    shown = [i for i in range(GATES) if view.sees(*_middle(posts[i]))]
    points = [[view.point(*post[:2]), view.point(*post[2:])] for post in posts]
    for i in shown:
        (left, right), (far_left, far_right) = points[i], points[i + 1]
        frame.polygon([left, right, far_right, far_left], ASPHALT)
        frame.line(*left, *right, 1.5, ASPHALT)  # the seam, where each cell covers only part of a pixel
    for i in shown:
        bend = _bend(posts, i)
        for side in (0, 1):
            a, b = points[i][side], points[i + 1][side]
            half = ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)
            frame.circle(*a, 1.5, EDGE)
            if abs(bend) > 0.016:
                frame.path([a, half], 7, CORAL)
                frame.path([half, b], 7, SNOW)
            else:
                frame.line(*a, *b, 3, EDGE)
        if i % 2 == 0:
            middle, following = _mean(*points[i]), _mean(*points[i + 1])
            frame.line(*middle, *following, 1.5, fade(SNOW, 0.13))
    if view.sees(*_middle(posts[0])):
        _draw_line(points[0], points[1], frame)


def _draw_line(near: list[tuple[float, float]], far: list[tuple[float, float]], frame: Frame) -> None:
    """The start line: two rows of a chessboard across the road."""
    (lx, ly), (rx, ry) = near
    dx, dy = far[0][0] - lx, far[0][1] - ly
    size = math.hypot(dx, dy)
    count = 12
    side = math.hypot(rx - lx, ry - ly) / count
    dx, dy = dx / size * side, dy / size * side
    for row in (0, 1):
        for k in range(count):
            ax, ay = lx + (rx - lx) * k / count + row * dx, ly + (ry - ly) * k / count + row * dy
            bx, by = ax + (rx - lx) / count, ay + (ry - ly) / count
            color = SNOW if (k + row) % 2 == 0 else NIGHT
            frame.polygon([(ax, ay), (bx, by), (bx + dx, by + dy), (ax + dx, ay + dy)], color)


def _draw_whiskers(state: Any, posts: Points, view: View, frame: Frame) -> None:
    """Their distances are computed from the edges again, since the state does not hold them."""
    x, y, yaw, count = float(state.x), float(state.y), float(state.yaw), int(state.whiskers)
    for i in range(count):
        angle = yaw + math.pi * (i / (count - 1) - 0.5)
        ray = np.array([math.cos(angle), math.sin(angle)])
        length = whisker(posts, np.array([x, y]), ray)
        end = view.point(x + ray[0] * length, y + ray[1] * length)
        frame.line(*view.point(x, y), *end, 1.2, fade(SKY, 0.22))
        if length < SIGHT:
            frame.circle(*end, 3, fade(SKY, 0.75))


def whisker(posts: Points, origin: Points, ray: Points) -> float:
    """Metres from a place along a unit vector to the nearest edge of the road, at most `SIGHT`."""
    nearest = SIGHT
    for side in (slice(0, 2), slice(2, 4)):
        start, step = posts[:-1, side] - origin, np.diff(posts[:, side], axis=0)
        cross = ray[0] * step[:, 1] - ray[1] * step[:, 0]
        cross = np.where(cross == 0, 1e-12, cross)
        along = (start[:, 0] * step[:, 1] - start[:, 1] * step[:, 0]) / cross
        share = (start[:, 0] * ray[1] - start[:, 1] * ray[0]) / cross
        hits = along[(share >= 0) & (share <= 1) & (along >= 0)]
        nearest = min(nearest, float(hits.min(initial=SIGHT)))
    return nearest


def _draw_car(state: Any, view: View, frame: Frame) -> None:
    x, y, yaw = float(state.x), float(state.y), float(state.yaw)
    cosine, sine = math.cos(yaw), math.sin(yaw)

    def place(along: float, across: float) -> tuple[float, float]:
        return view.point(x + along * cosine - across * sine, y + along * sine + across * cosine)

    def box(along: float, across: float, length: float, width: float, color: Color, turn: float = 0.0) -> None:
        c, s = math.cos(turn), math.sin(turn)
        corners = [
            (length / 2, width / 2),
            (length / 2, -width / 2),
            (-length / 2, -width / 2),
            (-length / 2, width / 2),
        ]
        frame.polygon([place(along + a * c - b * s, across + a * s + b * c) for a, b in corners], color)

    slides = (abs(float(state.front_slip)) > 1, abs(float(state.rear_slip)) > 1)
    for axle, slide, angle in ((FRONT_AXLE, slides[0], float(state.steering)), (REAR_AXLE, slides[1], 0.0)):
        for side in (-0.82, 0.82):
            if slide:
                frame.glow(*place(axle - 0.3, side), 13, fade(SNOW, 0.35))
            box(axle, side, 0.95, 0.42, NIGHT, angle)
    braking = float(state.pedals) < -0.1
    body = [
        (2.15, 0.45), (1.75, 0.72), (0.6, 0.66), (-0.5, 0.86), (-1.9, 0.84), (-2.05, 0.6),
    ]  # fmt: skip
    outline = [place(a, b) for a, b in body] + [place(a, -b) for a, b in reversed(body)]
    frame.polygon(outline, AMBER)
    box(2.12, 0, 0.28, 1.75, blend(AMBER, NIGHT, 0.25))
    box(-2.05, 0, 0.34, 1.8, blend(AMBER, NIGHT, 0.25))
    box(-0.1, 0, 3.6, 0.28, SNOW)
    box(0.1, 0, 0.95, 0.95, blend(NIGHT, SKY, 0.25))
    frame.circle(*place(-0.1, 0), 0.32 * METRE, SNOW)
    for side in (-0.62, 0.62):
        lamp = place(-2.2, side)
        if braking:
            frame.glow(*lamp, 12, fade(CORAL, 0.7))
        frame.circle(*lamp, 1.8, CORAL if braking else blend(CORAL, NIGHT, 0.5))


def _draw_map(state: Any, posts: Points, frame: Frame) -> None:
    """The whole track in a corner, and the car on it."""
    middles = (posts[:, :2] + posts[:, 2:]) / 2
    low, high = middles.min(0), middles.max(0)
    scale = (MAP - 2 * PAD) / max(high - low)
    left, top = frame.width - MARGIN - MAP - 10, HUD_HEIGHT + 10
    origin = np.array([left + MAP / 2, top + MAP / 2]) - scale * (low + high) / 2
    frame.rect(left, top, MAP, MAP, fade(NIGHT, 0.75), 10)
    path = [(float(p[0]), float(p[1])) for p in origin + scale * middles]
    frame.path(path, 5, STEEL)
    frame.circle(*path[0], 3.5, SNOW)
    car = origin + scale * np.array([float(state.x), float(state.y)])
    frame.circle(float(car[0]), float(car[1]), 6.5, NIGHT)
    frame.circle(float(car[0]), float(car[1]), 5, AMBER)


def _draw_dial(state: Any, frame: Frame) -> None:
    """Speed on an arc; throttle and brakes as bars beside it."""
    speed = math.hypot(float(state.vx), float(state.vy))
    x, y, radius = MARGIN + 70, frame.height - MARGIN - 66, 46
    frame.rect(MARGIN + 10, y - 60, 148, 116, fade(NIGHT, 0.75), 10)
    start, span = 135.0, 270.0
    share = min(speed / TOP_SPEED, 1.0)
    frame.ring(x, y, radius - 8, radius, SLATE, start, start + span)
    if share > 0.01:
        frame.ring(x, y, radius - 8, radius, blend(MINT, AMBER, share), start, start + span * share)
    frame.text(x, y - 17, f"{3.6 * speed:.0f}", 30, SNOW, "center")
    frame.text(x, y + 13, "km/h", 13, STEEL, "center")
    pedals = float(state.pedals)
    for column, amount, color in ((0, pedals, MINT), (1, -pedals, CORAL)):
        height = 80 * min(max(amount, 0.0), 1.0)
        bar = x + 58 + 14 * column
        frame.rect(bar, y - 42, 8, 80, SLATE, 4)
        if height > 1:
            frame.rect(bar, y + 38 - height, 8, height, color, 4)


def _middle(post: Points) -> tuple[float, float]:
    return float(post[0] + post[2]) / 2, float(post[1] + post[3]) / 2


def _mean(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
    return (a[0] + b[0]) / 2, (a[1] + b[1]) / 2


def _bend(posts: Points, gate: int) -> float:
    """Curvature of the road in a cell, 1/m: by how much its edges differ in length."""
    near, far = posts[gate], posts[gate + 1]
    left, right = np.hypot(*(far[:2] - near[:2])), np.hypot(*(far[2:] - near[2:]))
    width = np.hypot(*(near[2:] - near[:2]))
    return float(2 * (left - right) / (left + right) / width)

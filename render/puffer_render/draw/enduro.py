"""enduro: the road from behind the car, under every sky of a long day, and the instruments below it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_render.frame import HUD_HEIGHT, Frame
from puffer_render.palette import AMBER, CORAL, DUSK, MINT, NIGHT, PAINTS, SLATE, SNOW, STEEL, TEAL, Color, blend, fade

# the world, in metres; the state counts in 1/1024
UNIT = 1024
LANES, CARS, PHASES = 3, 8, 8
LANE, EDGE, NODE = 4.0, 6.0, 32.0
CAR_WIDTH, CAR_HEIGHT = 1.8, 1.15
SHARPEST_RADIUS = 260.0
"""Of the bend 64, as it is drawn."""
CLEAR, SNOWY, EVENING, DARK, FOGGY, MORNING = range(6)
DAY = (CLEAR, SNOWY, CLEAR, EVENING, DARK, DARK, FOGGY, MORNING)
SIGHT = (240.0, 192.0, 192.0, 144.0, 96.0, 192.0)
CRASH_FRAMES, TOP_SPEED = 30, 1536
BRAKE = 2

# the picture
WIDTH, VIEW, PANEL = 820, 430, 84
SIZE = (WIDTH, HUD_HEIGHT + VIEW + PANEL)
TOP, BOTTOM, HORIZON = HUD_HEIGHT, HUD_HEIGHT + VIEW, HUD_HEIGHT + 168
LENS, EYE, BACK, NEAREST, FARTHEST = 370.0, 3.3, 5.6, 4.2, 260.0
"""Pixels of a metre at one metre; metres of the camera above the road and behind the car; what it shows."""
SWING = 16
"""How often the mountains go round while the heading counts to 65536."""
RIDGE, PEAKS = 90, 32

KEYS = {"gas": ("up", "w"), "brake": ("down", "s"), "left": ("left", "a"), "right": ("right", "d")}
IDLE = "coast"
PLAY = {"first_quota": 50, "later_quota": 75}
GOAL = "Overtake as many cars as the day asks for. Keep out of their way."
FRAMESKIP = "frameskip"
FRAME_RATE = 60.0

Shape = list[tuple[float, float]]


def pilot(state: Any, labels: frozenset[str], agent: int) -> int:
    """Pedal and wheel at once: the action's number is 3 x steering + pedal."""
    steer = 0 if {"left", "right"} <= labels else 1 if "left" in labels else 2 if "right" in labels else 0
    return 3 * steer + (2 if "brake" in labels else 1 if "gas" in labels else 0)


@dataclass(frozen=True)
class Look:
    """The colours of a weather."""

    sky: Color
    low_sky: Color
    haze: Color
    ground: tuple[Color, Color]
    road: tuple[Color, Color]
    kerb: tuple[Color, Color]
    line: Color
    mountains: tuple[Color, Color]
    trees: Color
    light: float
    """How much of their colour cars show."""


def _rgb(text: str) -> Color:
    return int(text[:2], 16), int(text[2:4], 16), int(text[4:], 16), 255


def _look(light: float, colors: str) -> Look:
    c = [_rgb(text) for text in colors.split()]
    return Look(c[0], c[1], c[2], (c[3], c[4]), (c[5], c[6]), (c[7], c[8]), c[9], (c[10], c[11]), c[12], light)


LOOKS = (
    _look(1.0, "3474d0 a9d5f5 c3dff0 57a05c 4f9655 5b6070 565b6a d9534f f0f0f0 f4f4f4 8fb0d8 5f87a8 2f6f46"),
    _look(1.0, "9fb0c8 dde5ee e6ecf3 eef3f9 e2e9f2 8d96a6 8790a0 c86a66 f4f6fa fbfcff b9c6d8 a2b2c8 5f7f80"),
    _look(0.75, "35286e ff9a5c e8906a 6a6242 625a3c 514a5c 4c4556 b04a4a e0c8b8 f0d8c0 7a4a86 52356c 3a3a34"),
    _look(0.16, "05071a 151b3c 0c1024 0b1416 091113 15161f 13141c 3a1c24 3a3c48 54586a 0e1230 0a0d22 060c0d"),
    _look(0.8, "a3a9b0 b9bdc2 bcc0c5 8a9a8c 849486 868a91 81858c b08a8a d8d8d8 e0e0e0 b0b5bb acb1b7 7a8a80"),
    _look(0.9, "5873c4 ffc7a0 f3cdb4 6f9a62 688f5b 656473 605f6d cc5f5a f0e4dc f6ece4 a58fbe 7a76a4 3d6a4c"),
)


def _mix(one: Look, other: Look, amount: float) -> Look:
    """Blend two weathers."""

    def pair(a: tuple[Color, Color], b: tuple[Color, Color]) -> tuple[Color, Color]:
        return blend(a[0], b[0], amount), blend(a[1], b[1], amount)

    return Look(
        blend(one.sky, other.sky, amount),
        blend(one.low_sky, other.low_sky, amount),
        blend(one.haze, other.haze, amount),
        pair(one.ground, other.ground),
        pair(one.road, other.road),
        pair(one.kerb, other.kerb),
        blend(one.line, other.line, amount),
        pair(one.mountains, other.mountains),
        blend(one.trees, other.trees, amount),
        one.light + (other.light - one.light) * amount,
    )


class View:
    """Where things on the road lie in the picture, and in what light."""

    def __init__(self, state: Any) -> None:
        self.along = float(state.along) / UNIT
        self.travelled = float(state.nodes) * NODE + self.along
        self.bends = np.asarray(state.bend, float)
        self.camera = float(state.x) / UNIT * 0.86
        phase, weather = int(state.phase), int(state.weather)
        begun = float(state.frame) / float(state.day_frames) * PHASES - phase
        before = DAY[phase - 1] if phase > 0 or int(state.day) > 1 else weather
        self.settled = min(1.0, max(0.0, begun / 0.15))
        """0 when a phase begins, 1 once it has taken over."""
        self.look = _mix(LOOKS[before], LOOKS[weather], self.settled)
        self.sight = SIGHT[weather]
        self.weather, self.before = weather, before
        grid = np.arange(0.0, FARTHEST + 2 * NODE, 2.0)
        bend = np.interp((grid + self.along) / NODE, np.arange(len(self.bends)), self.bends)
        slope = np.concatenate([[0.0], np.cumsum(bend)[:-1] * 2.0]) / (64 * SHARPEST_RADIUS)
        self._shift: list[float] = np.concatenate([[0.0], np.cumsum(slope)[:-1] * 2.0]).tolist()
        self._here = self._height(0.0)

    def amount_of(self, weather: int) -> float:
        """The share of this weather, 0 to 1."""
        return (self.weather == weather) * self.settled + (self.before == weather) * (1 - self.settled)

    def _height(self, ahead: float) -> float:
        way = ahead + self.travelled
        return 0.9 * math.sin(way / 61.0) + 0.6 * math.sin(way / 37.0 + 1.0)

    def _bent(self, ahead: float) -> float:
        """How far the road there is to the right of straight ahead."""
        if ahead <= 0:
            return 0.0
        at, share = int(ahead / 2.0), ahead / 2.0 % 1.0
        return self._shift[at] * (1 - share) + self._shift[at + 1] * share

    def place(self, ahead: float, side: float = 0.0) -> tuple[float, float, float]:
        """Pixels of a point so far ahead of the own car, and pixels per metre there."""
        scale = LENS / (ahead + BACK)
        drop = EYE - (self._height(ahead) - self._here if ahead > 0 else 0.0)
        return WIDTH / 2 + (side + self._bent(ahead) - self.camera) * scale, HORIZON + drop * scale, scale

    def through(self, color: Color, ahead: float) -> Color:
        """A colour as seen through the haze at that distance."""
        share = min(1.0, max(0.0, (ahead + BACK) / (self.sight * 1.03)))
        thick = self.amount_of(FOGGY)
        return blend(color, self.look.haze, (1 - thick) * share**2.2 + thick * share**0.8)


def draw(state: Any, frame: Frame) -> None:
    """Sky, mountains, then the road from afar to near with all that is on it."""
    frame.clear(NIGHT)
    view = View(state)
    _draw_sky(state, view, frame)
    _draw_mountains(state, view, frame)
    _draw_road(state, view, frame)
    _draw_own_car(state, view, frame)
    _draw_snowfall(state, view, frame)
    frame.rect(0, 0, WIDTH, TOP, NIGHT)
    frame.rect(0, BOTTOM, WIDTH, PANEL, NIGHT)
    frame.hud("enduro", ("crashes", int(state.crashes)), ("overtaken", int(state.total)))
    _draw_panel(state, frame)


def _chance(number: int, salt: int = 0) -> float:
    """Always the same for the same numbers, 0 to 1."""
    mixed = (number * 2654435761 + salt * 40503 + 12345) & 0xFFFFFFFF
    mixed = ((mixed ^ mixed >> 15) * 2246822519) & 0xFFFFFFFF
    return ((mixed ^ mixed >> 13) & 0xFFFF) / 65536


def _draw_sky(state: Any, view: View, frame: Frame) -> None:
    look, bands = view.look, 28
    step = (HORIZON - TOP) / bands
    for band in range(bands):
        color = blend(look.sky, look.low_sky, (band / (bands - 1)) ** 1.5)
        frame.rect(0, TOP + band * step, WIDTH, step + 12, color)
    swing = _heading(state) * SWING
    dark = view.amount_of(DARK)
    if dark > 0:
        for star in range(70):
            x = (_chance(star) * 2 * WIDTH - swing * 0.3) % (2 * WIDTH)
            y = TOP + _chance(star, 1) * (HORIZON - TOP - 40)
            frame.circle(x, y, 0.7 + _chance(star, 2), fade(SNOW, dark * (0.25 + 0.6 * _chance(star, 3))))
        moon = (WIDTH * 0.74 - swing * 0.3) % (2 * WIDTH)
        _draw_disc(moon, TOP + 52, 20, SNOW, dark, frame)
        for right, down, radius in ((-6, -5, 5), (7, 3, 4), (-3, 9, 3)):
            frame.circle(moon + right, TOP + 52 + down, radius, fade(STEEL, 0.3 * dark))
    sun = WIDTH * 0.28 - swing * 0.3
    _draw_disc(sun % (2 * WIDTH), TOP + 46, 22, (255, 244, 200, 255), view.amount_of(CLEAR), frame)
    _draw_disc((sun + 160) % (2 * WIDTH), HORIZON - 26, 40, (255, 190, 90, 255), view.amount_of(EVENING), frame)
    _draw_disc((sun + 300) % (2 * WIDTH), HORIZON - 46, 30, (255, 226, 170, 255), view.amount_of(MORNING), frame)


def _draw_disc(x: float, y: float, radius: float, color: Color, amount: float, frame: Frame) -> None:
    """The sun or the moon."""
    if amount > 0 and -3 * radius < x < WIDTH + 3 * radius:
        frame.glow(x, y, radius * 3, fade(color, 0.35 * amount))
        frame.circle(x, y, radius, fade(color, amount))


def _heading(state: Any) -> float:
    """Pixels by which the farthest mountains are shifted for one turn of SWING."""
    count = float(state.heading) + float(state.bend[0]) * float(state.along) / (NODE * UNIT)
    return count * RIDGE * PEAKS / 65536


def _draw_mountains(state: Any, view: View, frame: Frame) -> None:
    hidden = view.amount_of(FOGGY)
    for layer, (color, tall, speed) in enumerate(zip(view.look.mountains, (58, 34), (SWING / 2, SWING), strict=True)):
        shade = blend(color, view.look.low_sky, 0.9 * hidden)
        offset = (_heading(state) * speed) % (RIDGE * PEAKS)
        first = math.floor(offset / RIDGE) - 1
        for peak in range(first, first + WIDTH // RIDGE + 4):
            x = peak * RIDGE - offset
            high = tall * (0.45 + 0.55 * _chance(peak % PEAKS, 7 + layer))
            wide = RIDGE * (0.75 + 0.5 * _chance(peak % PEAKS, 17 + layer))
            base = HORIZON + 14
            frame.polygon([(x - wide, base), (x, base - 14 - high), (x + wide, base)], shade)
            if layer == 0 and high > 0.7 * tall:
                cap, slope = high * 0.28, wide / (high + 14)
                snow = blend(blend(shade, SNOW, 0.55 * view.look.light), view.look.low_sky, 0.9 * hidden)
                y = base - 14 - high
                frame.polygon(
                    [(x, y), (x - cap * slope, y + cap), (x, y + cap * 0.7), (x + cap * slope, y + cap)], snow
                )


def _slices(view: View) -> list[tuple[int, float, float]]:
    """Pieces of the road from afar to near: number (odd and even alternate), where they begin and end."""
    pieces, ahead = [], NEAREST - BACK
    while ahead < FARTHEST:
        size = 3.0 if ahead < 90 else 6.0 if ahead < 150 else 12.0
        way = math.floor((ahead + view.travelled) / size + 1e-6)
        end = (way + 1) * size - view.travelled
        pieces.append((math.floor((ahead + view.travelled) / 6.0 + 1e-6), ahead, end))
        ahead = end
    return pieces[::-1]


def _draw_road(state: Any, view: View, frame: Frame) -> None:
    cars = _cars_in_sight(state, view)
    frame.rect(0, HORIZON, WIDTH, BOTTOM - HORIZON, view.look.haze)
    for number, start, end in _slices(view):
        _draw_slice(number, start, end, view, frame)
        for item in (24.0, 8.0):
            mark = math.ceil((start + view.travelled) / item)
            if mark * item - view.travelled < end:
                _draw_roadside(mark, item, mark * item - view.travelled, view, frame)
        while cars and cars[-1][0] >= start:
            _draw_car(*cars.pop(), view, frame)
    _draw_headlights(state, view, frame)
    for car in reversed(cars):
        _draw_car(*car, view, frame)


def _draw_slice(number: int, start: float, end: float, view: View, frame: Frame) -> None:
    look, odd = view.look, number // 2 % 2
    near_x, near_y, near = view.place(start)
    far_x, far_y, far = view.place(end)
    # whole pixels: half-covered ones would let what is below shine through between two slices
    near_y, far_y = round(near_y), round(far_y)
    if far_y > near_y:
        return

    def strip(left: float, right: float, color: Color) -> None:
        frame.polygon(
            [
                (far_x + left * far, far_y),
                (far_x + right * far, far_y),
                (near_x + right * near, near_y + 0.6),
                (near_x + left * near, near_y + 0.6),
            ],
            view.through(color, start),
        )

    frame.rect(0, far_y, WIDTH, near_y - far_y + 0.6, view.through(look.ground[odd], start))
    strip(-EDGE - 0.9, EDGE + 0.9, look.kerb[number % 2])
    strip(-EDGE, EDGE, look.road[odd])
    strip(-EDGE + 0.12, -EDGE + 0.3, look.line)
    strip(EDGE - 0.3, EDGE - 0.12, look.line)
    if number % 2:
        for line in (-LANE / 2, LANE / 2):
            strip(line - 0.09, line + 0.09, look.line)


def _draw_roadside(mark: int, item: float, ahead: float, view: View, frame: Frame) -> None:
    """A tree here and there, on either side; a post every 24 m."""
    if ahead < 0.5:
        return
    if item == 24.0:
        for side in (-EDGE - 1.6, EDGE + 1.6):
            x, y, scale = view.place(ahead, side)
            frame.rect(
                x - 0.07 * scale, y - 0.9 * scale, 0.14 * scale, 0.9 * scale, view.through(view.look.line, ahead)
            )
            glint = blend(view.through(CORAL, ahead), CORAL, view.amount_of(DARK) * 0.7)
            frame.rect(x - 0.07 * scale, y - 0.85 * scale, 0.14 * scale, 0.2 * scale, glint)
        return
    for salt, sign in ((1, -1.0), (2, 1.0)):
        if _chance(mark, salt) < 0.5:
            far = 10 + 26 * _chance(mark, salt + 4)
            x, y, scale = view.place(ahead, sign * far)
            _draw_tree(x, y, scale * (0.7 + 0.6 * _chance(mark, salt + 8)), ahead, view, frame)


def _draw_tree(x: float, y: float, scale: float, ahead: float, view: View, frame: Frame) -> None:
    color = view.through(view.look.trees, ahead)
    light = view.through(blend(view.look.trees, SNOW, 0.75 if view.weather == SNOWY else 0.12), ahead)
    frame.rect(x - 0.15 * scale, y - 0.9 * scale, 0.3 * scale, 0.9 * scale, blend(color, NIGHT, 0.3))
    for low, high, wide in ((0.7, 3.0, 1.5), (1.9, 4.1, 1.15), (3.0, 5.2, 0.8)):
        frame.polygon(
            [(x - wide * scale, y - low * scale), (x, y - high * scale), (x + wide * scale, y - low * scale)], color
        )
        frame.polygon(
            [(x, y - high * scale), (x + wide * scale, y - low * scale), (x + wide * 0.2 * scale, y - low * scale)],
            light,
        )


Car = tuple[float, float, Color]


def _cars_in_sight(state: Any, view: View) -> list[Car]:
    """How far ahead, how far to the right, colour: from near to far."""
    place: NDArray[Any] = np.asarray(state.place)[:, :CARS] / UNIT
    side, pace = np.asarray(state.side), np.asarray(state.pace)
    seen = np.argwhere((place > NEAREST - BACK + 0.2) & (place <= view.sight))
    cars = [
        (
            float(place[lane, car]),
            float(side[lane, car]) / UNIT,
            PAINTS[(int(side[lane, car]) * 7 + int(pace[lane, car])) % len(PAINTS)],
        )
        for lane, car in seen
    ]
    return sorted(cars)


def _draw_car(ahead: float, side: float, color: Color, view: View, frame: Frame) -> None:
    x, y, scale = view.place(ahead, side)
    paint = blend(NIGHT, color, view.look.light)
    _draw_body(
        x, y, scale, view.through(paint, ahead), view.through(blend(NIGHT, SLATE, view.look.light), ahead), frame
    )
    _draw_tail_lights(x, y, scale, 0.0, view, ahead, frame)


def _draw_body(x: float, y: float, scale: float, paint: Color, dark: Color, frame: Frame) -> None:
    """Seen from behind: shadow, tyres, body, rear window."""
    wide, high = CAR_WIDTH * scale, CAR_HEIGHT * scale
    frame.rect(x - 0.54 * wide, y - 0.08 * high, 1.08 * wide, 0.14 * high, fade(NIGHT, 0.35), 0.07 * high)
    for left in (-0.5, 0.26):
        frame.rect(x + left * wide, y - 0.34 * high, 0.24 * wide, 0.36 * high, blend(dark, NIGHT, 0.6), 0.06 * high)
    roof: Shape = [
        (x - 0.27 * wide, y - high),
        (x + 0.27 * wide, y - high),
        (x + 0.42 * wide, y - 0.58 * high),
        (x - 0.42 * wide, y - 0.58 * high),
    ]
    frame.polygon(roof, blend(paint, NIGHT, 0.18))
    glass: Shape = [
        (x - 0.23 * wide, y - 0.94 * high),
        (x + 0.23 * wide, y - 0.94 * high),
        (x + 0.34 * wide, y - 0.62 * high),
        (x - 0.34 * wide, y - 0.62 * high),
    ]
    frame.polygon(glass, blend(dark, SNOW, 0.1))
    frame.rect(x - 0.5 * wide, y - 0.62 * high, wide, 0.46 * high, paint, 0.1 * high)
    frame.rect(x - 0.46 * wide, y - 0.6 * high, 0.92 * wide, 0.07 * high, blend(paint, SNOW, 0.25), 0.03 * high)
    frame.rect(x - 0.46 * wide, y - 0.28 * high, 0.92 * wide, 0.13 * high, blend(paint, NIGHT, 0.5), 0.04 * high)


def _draw_tail_lights(x: float, y: float, scale: float, braking: float, view: View, ahead: float, frame: Frame) -> None:
    wide, high = CAR_WIDTH * scale, CAR_HEIGHT * scale
    dim = max(view.amount_of(DARK), 0.6 * view.amount_of(EVENING), 0.6 * view.amount_of(FOGGY), braking)
    share = min(1.0, max(0.0, ahead / view.sight))
    red = blend((190, 40, 50, 255), (255, 70, 60, 255), dim)
    clear = view.through(red, ahead)
    for left in (-0.46, 0.28):
        middle = x + (left + 0.09) * wide
        if dim > 0:
            radius = max(2.4, (0.3 + 0.14 * braking) * wide)
            frame.glow(middle, y - 0.46 * high, radius, fade(red, 0.75 * dim * (1 - share**3)))
        lit = blend(clear, red, dim * (1 - share**4))
        frame.rect(x + left * wide, y - 0.52 * high, 0.18 * wide, 0.13 * high, lit, 0.04 * high)
        if view.amount_of(DARK) > 0.5:
            frame.circle(middle, y - 0.46 * high, max(1.1, 0.05 * wide), blend(lit, SNOW, 0.3))


def _draw_headlights(state: Any, view: View, frame: Frame) -> None:
    """A cone on the road, where it is dark."""
    dark = max(view.amount_of(DARK), 0.3 * view.amount_of(FOGGY))
    if dark <= 0:
        return
    side = float(state.x) / UNIT
    reach = 52.0
    for part in range(13):
        ends = []
        for share in (part / 13, (part + 1) / 13):
            ahead = 2.4 + (reach - 2.4) * share**1.7
            x, y, scale = view.place(ahead, side)
            half = (0.9 + 0.075 * ahead) * scale
            ends.append((x - half, x + half, y))
        (near_left, near_right, near), (far_left, far_right, far) = ends
        light = fade((255, 244, 205, 255), 0.2 * dark * (1 - (part / 13) ** 0.9))
        frame.polygon([(far_left, far), (far_right, far), (near_right, near), (near_left, near)], light)


def _draw_own_car(state: Any, view: View, frame: Frame) -> None:
    side, frames = float(state.x) / UNIT, int(state.frame)
    speed, crash = float(state.speed) / TOP_SPEED, int(state.crash)
    x, y, scale = view.place(0.0, side)
    shake = 0.0 if crash == 0 else 5 * math.sin(frames * 1.9) * crash / CRASH_FRAMES
    y += 0.8 * math.sin(frames * 0.9) * speed + abs(shake) * 0.4
    x += 0.4 * scale * float(state.slide) / 384 * 0.4 + shake
    off_road = abs(side) > 5.25 and speed > 0.02
    if off_road:
        _draw_dust(x, y, scale, frames, view.through(blend(view.look.ground[0], SNOW, 0.25), 0), frame)
    light = max(0.45, view.look.light)
    _draw_body(x, y, scale, blend(NIGHT, TEAL, light), blend(NIGHT, SLATE, light), frame)
    wide, high = CAR_WIDTH * scale, CAR_HEIGHT * scale
    frame.rect(x - 0.06 * wide, y - high, 0.12 * wide, 0.42 * high, blend(NIGHT, SNOW, light * 0.9))
    frame.rect(x - 0.5 * wide, y - 0.76 * high, wide, 0.07 * high, blend(NIGHT, TEAL, light * 0.8), 0.03 * high)
    frame.rect(x - 0.13 * wide, y - 0.5 * high, 0.26 * wide, 0.17 * high, blend(NIGHT, SNOW, light), 0.03 * high)
    frame.text(x, y - 0.5 * high + 1, "07", 0.15 * high, NIGHT, "center")
    braking = float(int(state.pedal) == BRAKE or crash > 0)
    _draw_tail_lights(x, y, scale, braking, view, 0.0, frame)
    if crash > 0:
        _draw_smoke(x, y, scale, crash, frame)


def _draw_dust(x: float, y: float, scale: float, frames: int, color: Color, frame: Frame) -> None:
    for puff in range(10):
        age = (frames * 0.06 + _chance(puff)) % 1.0
        away = (_chance(puff, 1) - 0.5) * 2.6 * scale * (0.6 + age)
        frame.circle(x + away, y - age * 0.5 * scale, (0.1 + 0.3 * age) * scale, fade(color, 0.5 * (1 - age)))


def _draw_smoke(x: float, y: float, scale: float, crash: int, frame: Frame) -> None:
    age = 1 - crash / CRASH_FRAMES
    for spark in range(14):
        angle, far = 2 * math.pi * _chance(spark), (0.4 + 1.5 * age * _chance(spark, 1)) * scale
        color = fade(AMBER if spark % 2 else CORAL, 1 - age)
        frame.circle(
            x + far * math.cos(angle), y - 0.6 * scale - abs(far * math.sin(angle)), 3.2 * (1 - age) + 0.5, color
        )
    for puff in range(8):
        away = (_chance(puff, 2) - 0.5) * 2.4 * scale
        high = (0.5 + age * (0.5 + _chance(puff, 3))) * scale
        frame.circle(x + away, y - high, (0.15 + 0.4 * age) * scale, fade(STEEL, 0.5 * (1 - age)))


def _draw_snowfall(state: Any, view: View, frame: Frame) -> None:
    amount = view.amount_of(SNOWY)
    if amount <= 0:
        return
    time, rush = float(state.frame), float(state.speed) / TOP_SPEED
    for flake in range(110):
        far = 0.25 + 0.75 * _chance(flake, 5)
        age = (time * 0.012 * (0.5 + rush) / far * 0.6 + _chance(flake)) % 1.0
        spread = 0.15 + 1.15 * age
        x = WIDTH / 2 + (_chance(flake, 1) - 0.5) * 1.6 * WIDTH * spread
        y = HORIZON - 90 + (_chance(flake, 2) - 0.35) * 1.7 * VIEW * spread
        if TOP < y < BOTTOM:
            frame.circle(x, y, 0.8 + 2.4 * age * (1.2 - far), fade(SNOW, 0.85 * amount * min(1.0, 3 * age)))


# ---- the instruments ----


def _draw_panel(state: Any, frame: Frame) -> None:
    y = BOTTOM + 12
    left, passed, quota = max(0, int(state.quota) - int(state.passed)), int(state.passed), int(state.quota)
    _draw_digits(24, y, "day", f"{int(state.day)}", SNOW, frame)
    met = passed >= quota
    digits = f"{min(passed - quota, 9999):03d}" if met else f"{min(left, 9999):03d}"
    x = _draw_digits(78, y, "quota met, cars beyond" if met else "cars to go", digits, MINT if met else AMBER, frame)
    _draw_day(state, max(x, 186) + 44, y, frame)
    _draw_speed(state, frame)


def _draw_digits(x: float, y: float, name: str, digits: str, color: Color, frame: Frame) -> float:
    """Wheels of an odometer, with their name below. Returns where they end."""
    for place, digit in enumerate(digits):
        left = x + 27 * place
        frame.rect(left, y, 25, 38, DUSK, 4)
        frame.rect(left, y + 18.5, 25, 1, NIGHT)
        frame.text(left + 12.5, y + 5, digit, 28, color, "center")
    frame.text(x, y + 44, name, 14, STEEL)
    return x + 27 * len(digits)


def _draw_day(state: Any, x: float, y: float, frame: Frame) -> None:
    """The eight phases in the colours of their skies, and where the day stands."""
    width = WIDTH - 230 - x
    each = width / PHASES
    for phase in range(PHASES):
        look = LOOKS[DAY[phase]]
        middle = blend(look.sky, look.low_sky, 0.45) if look.light > 0.5 else (58, 64, 122, 255)
        reached = phase <= int(state.phase)
        frame.rect(x + phase * each, y + 12, each - 2, 14, middle if reached else fade(middle, 0.35), 3)
    at = x + width * min(1.0, float(state.frame) / float(state.day_frames))
    frame.polygon([(at - 6, y + 2), (at + 6, y + 2), (at, y + 11)], SNOW)
    frame.rect(at - 1, y + 10, 2, 18, SNOW)
    names = ("clear", "snow", "dusk", "night", "fog", "dawn")
    frame.text(x, y + 44, f"time of day: {names[int(state.weather)]}", 14, STEEL)
    share = min(1.0, max(0.0, float(state.passed) / float(state.quota)))
    frame.rect(x, y + 32, width - 2, 5, SLATE, 2.5)
    if share > 0.01:
        frame.rect(x, y + 32, (width - 2) * share, 5, MINT if share >= 1 else AMBER, 2.5)


def _draw_speed(state: Any, frame: Frame) -> None:
    """A dial from 0 to 324 km/h."""
    x, y, share = WIDTH - 150, BOTTOM + 46, float(state.speed) / TOP_SPEED
    frame.ring(x, y, 26, 34, SLATE, 150, 390)
    if share > 0:
        frame.ring(x, y, 26, 34, blend(MINT, CORAL, share**2), 150, 150 + 240 * share)
    angle = math.radians(150 + 240 * share)
    frame.line(
        x + 6 * math.cos(angle), y + 6 * math.sin(angle), x + 24 * math.cos(angle), y + 24 * math.sin(angle), 2.5, SNOW
    )
    frame.circle(x, y, 4, SNOW)
    frame.text(WIDTH - 24, y - 26, f"{round(share * 324)}", 34, SNOW, "right")
    frame.text(WIDTH - 24, y + 10, "km/h", 14, STEEL, "right")

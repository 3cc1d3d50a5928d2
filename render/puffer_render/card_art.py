"""Emblems of the cards of `cards`: a few shapes for the creatures, one sign for each thing that a spell does."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from puffer_render.frame import Frame
from puffer_render.palette import AMBER, CORAL, MINT, NIGHT, SKY, SNOW, TEAL, VIOLET, Color, blend

Point = tuple[float, float]
EYE = NIGHT


def oval(frame: Frame, x: float, y: float, wide: float, high: float, color: Color, tilt: float = 0.0) -> None:
    """An ellipse with these half axes, turned by `tilt` radians."""
    points = []
    for k in range(20):
        a = 2 * math.pi * k / 20
        px, py = wide * math.cos(a), high * math.sin(a)
        points.append((x + px * math.cos(tilt) - py * math.sin(tilt), y + px * math.sin(tilt) + py * math.cos(tilt)))
    frame.polygon(points, color)


def draw_fish(frame: Frame, x: float, y: float, r: float, color: Color) -> None:
    """Most creatures."""
    dark = blend(color, NIGHT, 0.35)
    frame.polygon([(x + 0.5 * r, y), (x + 1.05 * r, y - 0.5 * r), (x + 1.05 * r, y + 0.5 * r)], dark)
    frame.polygon([(x - 0.1 * r, y - 0.35 * r), (x + 0.4 * r, y - 0.75 * r), (x + 0.4 * r, y - 0.2 * r)], dark)
    oval(frame, x - 0.1 * r, y, 0.85 * r, 0.45 * r, color)
    frame.circle(x - 0.55 * r, y - 0.1 * r, 0.09 * r, EYE)


def draw_long_fish(frame: Frame, x: float, y: float, r: float, color: Color) -> None:
    """An eel."""
    points = [(x + r * (k / 8 - 1) * 0.95, y + 0.3 * r * math.sin(k * 0.75)) for k in range(17)]
    frame.path(points, 0.32 * r, color)
    head_x, head_y = points[0]
    oval(frame, head_x, head_y, 0.3 * r, 0.25 * r, color)
    frame.circle(head_x - 0.08 * r, head_y - 0.06 * r, 0.08 * r, EYE)


def draw_bird(frame: Frame, x: float, y: float, r: float, color: Color) -> None:
    """From below, its wings spread."""
    light = blend(color, SNOW, 0.35)
    frame.polygon([(x - 0.1 * r, y + 0.05 * r), (x - 1.1 * r, y - 0.55 * r), (x - 0.5 * r, y + 0.25 * r)], light)
    frame.polygon([(x + 0.1 * r, y + 0.05 * r), (x + 1.1 * r, y - 0.55 * r), (x + 0.5 * r, y + 0.25 * r)], light)
    oval(frame, x, y + 0.1 * r, 0.24 * r, 0.5 * r, color)
    frame.circle(x, y - 0.4 * r, 0.2 * r, color)
    frame.polygon([(x - 0.1 * r, y - 0.55 * r), (x + 0.1 * r, y - 0.55 * r), (x, y - 0.85 * r)], AMBER)
    frame.polygon([(x - 0.2 * r, y + 0.8 * r), (x + 0.2 * r, y + 0.8 * r), (x, y + 0.4 * r)], light)


def draw_ray(frame: Frame, x: float, y: float, r: float, color: Color) -> None:
    """A ray from above."""
    frame.path([(x, y + 0.2 * r), (x + 0.1 * r, y + 0.9 * r)], 0.08 * r, blend(color, NIGHT, 0.3))
    points = [(x, y - 0.7 * r), (x + 1.0 * r, y - 0.05 * r), (x, y + 0.5 * r), (x - 1.0 * r, y - 0.05 * r)]
    frame.polygon(points, color)
    for side in (-1, 1):
        frame.circle(x + side * 0.17 * r, y - 0.3 * r, 0.08 * r, EYE)


def draw_crab(frame: Frame, x: float, y: float, r: float, color: Color) -> None:
    """A crab with its claws up."""
    dark = blend(color, NIGHT, 0.3)
    for side in (-1, 1):
        for k in range(3):
            foot = (x + side * (0.95 - 0.18 * k) * r, y + (0.35 + 0.22 * k) * r)
            frame.path([(x + side * 0.3 * r, y + 0.1 * r), foot], 0.09 * r, dark)
        frame.path([(x + side * 0.5 * r, y), (x + side * 0.8 * r, y - 0.45 * r)], 0.12 * r, dark)
        frame.ring(x + side * 0.8 * r, y - 0.6 * r, 0.1 * r, 0.24 * r, color, 300, 600)
    oval(frame, x, y + 0.1 * r, 0.65 * r, 0.42 * r, color)
    for side in (-1, 1):
        frame.circle(x + side * 0.2 * r, y - 0.1 * r, 0.09 * r, EYE)


def draw_shrimp(frame: Frame, x: float, y: float, r: float, color: Color) -> None:
    """A curled shrimp."""
    dark = blend(color, NIGHT, 0.35)
    frame.path([(x - 0.45 * r, y - 0.35 * r), (x - 1.0 * r, y - 0.75 * r)], 0.06 * r, dark)
    frame.path([(x - 0.45 * r, y - 0.3 * r), (x - 1.05 * r, y - 0.35 * r)], 0.06 * r, dark)
    for k in range(6):
        a = math.pi * (1.05 + 0.2 * k)
        frame.circle(x + 0.5 * r * math.cos(a), y + 0.2 * r + 0.6 * r * math.sin(a), (0.32 - 0.03 * k) * r, color)
    frame.polygon([(x + 0.45 * r, y + 0.2 * r), (x + 0.75 * r, y + 0.75 * r), (x + 0.15 * r, y + 0.7 * r)], dark)
    frame.circle(x - 0.52 * r, y - 0.02 * r, 0.08 * r, EYE)


def draw_bell(frame: Frame, x: float, y: float, r: float, color: Color) -> None:
    """A jellyfish."""
    dark = blend(color, NIGHT, 0.35)
    for k in range(4):
        left = x + (k - 1.5) * 0.35 * r
        points = [(left + 0.08 * r * math.sin(2.2 * j), y + (0.05 + 0.2 * j) * r) for j in range(5)]
        frame.path(points, 0.08 * r, dark)
    frame.ring(x, y + 0.05 * r, 0, 0.75 * r, color, 180, 360)
    frame.ring(x, y, 0.3 * r, 0.4 * r, blend(color, SNOW, 0.5), 200, 280)


def draw_urchin(frame: Frame, x: float, y: float, r: float, color: Color) -> None:
    """An urchin, or an anemone."""
    for k in range(12):
        a = math.pi * k / 6
        frame.path([(x, y), (x + 0.98 * r * math.cos(a), y + 0.98 * r * math.sin(a))], 0.08 * r, color)
    frame.circle(x, y, 0.5 * r, blend(color, NIGHT, 0.25))
    frame.circle(x, y, 0.28 * r, color)


def draw_shell(frame: Frame, x: float, y: float, r: float, color: Color) -> None:
    """A turtle, or a snail."""
    dark = blend(color, NIGHT, 0.4)
    oval(frame, x - 0.75 * r, y + 0.3 * r, 0.28 * r, 0.22 * r, blend(color, SNOW, 0.3))
    frame.circle(x - 0.84 * r, y + 0.24 * r, 0.06 * r, EYE)
    for side in (-0.4, 0.45):
        oval(frame, x + side * r, y + 0.55 * r, 0.2 * r, 0.14 * r, blend(color, SNOW, 0.3))
    frame.ring(x, y + 0.5 * r, 0, 0.85 * r, color, 180, 360)
    for k in (-1, 0, 1):
        frame.ring(x + 0.42 * k * r, y + 0.3 * r, 0.12 * r, 0.2 * r, dark)


def draw_squid(frame: Frame, x: float, y: float, r: float, color: Color) -> None:
    """Anything with arms."""
    dark = blend(color, NIGHT, 0.3)
    for k in range(5):
        a = (k - 2) * 0.45
        points = [(x + 0.3 * r * math.sin(a) * j, y + 0.2 * r * j + 0.1 * r) for j in range(5)]
        points[-1] = (points[-1][0] + 0.15 * r, points[-1][1] - 0.05 * r)
        frame.path(points, 0.12 * r, dark)
    oval(frame, x, y - 0.25 * r, 0.48 * r, 0.62 * r, color)
    for side in (-1, 1):
        frame.circle(x + side * 0.2 * r, y - 0.05 * r, 0.1 * r, SNOW)
        frame.circle(x + side * 0.2 * r, y - 0.03 * r, 0.055 * r, EYE)


def draw_whale(frame: Frame, x: float, y: float, r: float, color: Color) -> None:
    """A whale with its tail up."""
    frame.polygon([(x + 0.6 * r, y + 0.1 * r), (x + 1.1 * r, y - 0.65 * r), (x + 0.75 * r, y - 0.35 * r)], color)
    frame.polygon([(x + 0.7 * r, y), (x + 1.2 * r, y - 0.3 * r), (x + 0.75 * r, y - 0.35 * r)], color)
    oval(frame, x - 0.1 * r, y + 0.15 * r, 0.95 * r, 0.55 * r, color)
    oval(frame, x - 0.2 * r, y + 0.42 * r, 0.7 * r, 0.24 * r, blend(color, SNOW, 0.4))
    frame.circle(x - 0.65 * r, y + 0.05 * r, 0.08 * r, EYE)


def draw_beast(frame: Frame, x: float, y: float, r: float, color: Color) -> None:
    """A head with whiskers: frogs, otters, walruses."""
    light = blend(color, SNOW, 0.35)
    for side in (-1, 1):
        frame.circle(x + side * 0.5 * r, y - 0.5 * r, 0.22 * r, color)
    frame.circle(x, y, 0.72 * r, color)
    for side in (-1, 1):
        frame.circle(x + side * 0.28 * r, y - 0.18 * r, 0.11 * r, EYE)
        frame.circle(x + side * 0.2 * r, y + 0.28 * r, 0.24 * r, light)
    frame.circle(x, y + 0.12 * r, 0.12 * r, EYE)


# --- signs of spells ---


def _arrow(frame: Frame, x: float, y: float, r: float, color: Color) -> None:
    """Upwards, or downwards where r is negative."""
    head = [(x - 0.75 * abs(r), y - 0.05 * r), (x + 0.75 * abs(r), y - 0.05 * r), (x, y - 0.9 * r)]
    frame.polygon(head if r > 0 else head[::-1], color)
    frame.path([(x, y), (x, y + 0.75 * r)], 0.42 * abs(r), color)


def draw_bolt(frame: Frame, x: float, y: float, r: float, color: Color) -> None:
    """Damage."""
    frame.polygon([(x + 0.2 * r, y - 0.95 * r), (x - 0.5 * r, y + 0.15 * r), (x + 0.1 * r, y + 0.1 * r)], color)
    frame.polygon([(x - 0.2 * r, y + 0.95 * r), (x + 0.5 * r, y - 0.15 * r), (x - 0.1 * r, y - 0.1 * r)], color)


def draw_heal(frame: Frame, x: float, y: float, r: float, color: Color) -> None:
    """Life."""
    draw_heart(frame, x, y, r, color)


def draw_cards(frame: Frame, x: float, y: float, r: float, color: Color) -> None:
    """Cards to draw."""
    for k, shade in enumerate((0.5, 0.25, 0.0)):
        left = x + (0.3 * k - 0.75) * r
        frame.rect(left, y - (0.45 + 0.15 * k) * r, 0.85 * r, 1.2 * r, blend(color, NIGHT, shade), 0.12 * r)


def draw_grow(frame: Frame, x: float, y: float, r: float, color: Color) -> None:
    """More attack and health."""
    _arrow(frame, x, y, r, color)


def draw_weaken(frame: Frame, x: float, y: float, r: float, color: Color) -> None:
    """Less of both."""
    _arrow(frame, x, y, -r, color)


def draw_destroy(frame: Frame, x: float, y: float, r: float, color: Color) -> None:
    """A cross."""
    frame.path([(x - 0.6 * r, y - 0.6 * r), (x + 0.6 * r, y + 0.6 * r)], 0.3 * r, color)
    frame.path([(x + 0.6 * r, y - 0.6 * r), (x - 0.6 * r, y + 0.6 * r)], 0.3 * r, color)


def draw_return(frame: Frame, x: float, y: float, r: float, color: Color) -> None:
    """An arrow back."""
    frame.ring(x, y, 0.45 * r, 0.7 * r, color, 180, 450)
    frame.polygon([(x - 0.95 * r, y), (x - 0.2 * r, y), (x - 0.57 * r, y + 0.6 * r)], color)


def draw_sweep(frame: Frame, x: float, y: float, r: float, color: Color) -> None:
    """A whirl."""
    for k in range(3):
        frame.ring(x, y, (0.25 + 0.28 * k) * r, (0.37 + 0.28 * k) * r, color, 120 * k, 120 * k + 270)


def draw_counter(frame: Frame, x: float, y: float, r: float, color: Color) -> None:
    """A barred circle."""
    frame.ring(x, y, 0.62 * r, 0.85 * r, color)
    frame.path([(x - 0.52 * r, y + 0.52 * r), (x + 0.52 * r, y - 0.52 * r)], 0.22 * r, color)


def draw_drop(frame: Frame, x: float, y: float, r: float, color: Color) -> None:
    """A spring, or mana."""
    frame.polygon([(x - 0.56 * r, y + 0.12 * r), (x, y - 0.95 * r), (x + 0.56 * r, y + 0.12 * r)], color)
    frame.circle(x, y + 0.3 * r, 0.6 * r, color)


def draw_heart(frame: Frame, x: float, y: float, r: float, color: Color) -> None:
    """Health, or life."""
    for side in (-1, 1):
        frame.circle(x + side * 0.4 * r, y - 0.25 * r, 0.46 * r, color)
    frame.polygon([(x - 0.82 * r, y - 0.05 * r), (x + 0.82 * r, y - 0.05 * r), (x, y + 0.9 * r)], color)


def draw_sword(frame: Frame, x: float, y: float, r: float, color: Color) -> None:
    """Attack."""
    frame.path([(x - 0.6 * r, y + 0.6 * r), (x + 0.65 * r, y - 0.65 * r)], 0.26 * r, color)
    frame.path([(x - 0.7 * r, y), (x, y + 0.7 * r)], 0.22 * r, color)


Draw = Callable[[Frame, float, float, float, Color], None]
SIGNS: Sequence[tuple[Draw, Color]] = (
    (draw_drop, TEAL),
    (draw_bolt, CORAL),
    (draw_heal, MINT),
    (draw_cards, SKY),
    (draw_grow, MINT),
    (draw_weaken, VIOLET),
    (draw_destroy, CORAL),
    (draw_return, SKY),
    (draw_sweep, AMBER),
    (draw_counter, VIOLET),
)
"""By effect; the first is the spring's."""
SHAPES: dict[str, tuple[Draw, Color]] = {
    "Larva": (draw_bell, SNOW),
    "Shrimp": (draw_shrimp, CORAL),
    "Crab": (draw_crab, CORAL),
    "Gnat": (draw_bird, AMBER),
    "Bell": (draw_bell, VIOLET),
    "Snail": (draw_shell, AMBER),
    "Eel": (draw_long_fish, MINT),
    "Moray": (draw_long_fish, VIOLET),
    "Hopper": (draw_beast, AMBER),
    "Frog": (draw_beast, MINT),
    "Otter": (draw_beast, CORAL),
    "Walrus": (draw_beast, SKY),
    "Lurker": (draw_beast, TEAL),
    "Tern": (draw_bird, SNOW),
    "Petrel": (draw_bird, SKY),
    "Gannet": (draw_bird, AMBER),
    "Albatross": (draw_bird, SNOW),
    "Heron": (draw_bird, MINT),
    "Urchin": (draw_urchin, VIOLET),
    "Anemone": (draw_urchin, CORAL),
    "Turtle": (draw_shell, MINT),
    "Warden": (draw_shell, SKY),
    "Sentry": (draw_crab, SKY),
    "Ray": (draw_ray, AMBER),
    "Mantle": (draw_squid, SKY),
    "Manta": (draw_ray, SKY),
    "Squid": (draw_squid, CORAL),
    "Octopus": (draw_squid, VIOLET),
    "Mother": (draw_squid, TEAL),
    "Whale": (draw_whale, SKY),
    "Baleen": (draw_whale, TEAL),
}
"""By the last word of a creature's name; all others are fish."""


def draw_emblem(frame: Frame, name: str, effect: int, creature: bool, x: float, y: float, r: float) -> None:
    """The picture of a card."""
    if creature:
        fish = (draw_fish, (SKY, MINT, AMBER, CORAL)[len(name) % 4])
        shape, color = SHAPES.get(name.rsplit(maxsplit=1)[-1], fish)
        shape(frame, x, y, r, color)
    else:
        sign, color = SIGNS[effect]
        sign(frame, x, y, r, color)

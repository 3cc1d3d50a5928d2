"""The shapes of delve: ground, monsters, heroes and things, each drawn around the middle of a tile of side `s`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from puffer_render.frame import Frame
from puffer_render.palette import (
    AMBER,
    CORAL,
    MINT,
    NIGHT,
    ORANGE,
    PINK,
    SKY,
    SLATE,
    SNOW,
    STEEL,
    TEAL,
    VIOLET,
    Color,
    blend,
    fade,
)

BROWN: Color = (150, 108, 80, 255)
BONE: Color = (224, 214, 190, 255)
SKIN: Color = (238, 188, 150, 255)
GREY: Color = (150, 156, 172, 255)
LEAF: Color = (112, 176, 92, 255)
BLOOD: Color = (190, 52, 66, 255)
IRON: Color = (176, 186, 204, 255)
INK: Color = (26, 24, 38, 255)

Draw = Callable[[float, float, float, Color, Frame], None]

# --- creatures ---


def eyes(x: float, y: float, s: float, frame: Frame, apart: float = 0.1, color: Color = SNOW) -> None:
    """Two eyes that look at the person."""
    for side in (-1, 1):
        frame.circle(x + side * s * apart, y, s * 0.06, color)
        frame.circle(x + side * s * apart, y + s * 0.012, s * 0.028, INK)


def beast(x: float, y: float, s: float, color: Color, frame: Frame) -> None:
    """Four legs, a tail, pointed ears."""
    dark = blend(color, NIGHT, 0.35)
    frame.path([(x + s * 0.24, y + s * 0.1), (x + s * 0.4, y - s * 0.02), (x + s * 0.38, y - s * 0.2)], s * 0.07, dark)
    for at in (-0.18, -0.05, 0.14, 0.26):
        frame.line(x + s * at, y + s * 0.1, x + s * at, y + s * 0.36, s * 0.075, dark)
    frame.rect(x - s * 0.24, y - s * 0.06, s * 0.56, s * 0.28, color, s * 0.14)
    frame.circle(x - s * 0.22, y - s * 0.1, s * 0.18, color)
    for side in (-0.34, -0.14):
        frame.polygon([(x + s * (side - 0.06), y - s * 0.2), (x + s * side, y - s * 0.4),
                       (x + s * (side + 0.08), y - s * 0.22)], color)  # fmt: skip
    frame.circle(x - s * 0.38, y - s * 0.06, s * 0.05, INK)
    eyes(x - s * 0.23, y - s * 0.13, s, frame, 0.08)


def rat(x: float, y: float, s: float, color: Color, frame: Frame) -> None:
    """A round body, round ears, a long tail."""
    frame.path(
        [(x + s * 0.2, y + s * 0.2), (x + s * 0.38, y + s * 0.18), (x + s * 0.42, y - s * 0.08)], s * 0.045, PINK
    )
    frame.circle(x + s * 0.06, y + s * 0.1, s * 0.23, color)
    for side in (-0.26, -0.06):
        frame.circle(x + s * side, y - s * 0.14, s * 0.1, blend(color, PINK, 0.4))
    frame.circle(x - s * 0.16, y + s * 0.04, s * 0.17, color)
    frame.circle(x - s * 0.32, y + s * 0.1, s * 0.04, PINK)
    eyes(x - s * 0.17, y, s, frame, 0.08)


def winged(x: float, y: float, s: float, color: Color, frame: Frame) -> None:
    """Spread wings, as of bats and harpies."""
    dark = blend(color, NIGHT, 0.25)
    for side in (-1, 1):
        frame.polygon(
            [(x, y + s * 0.06), (x + side * s * 0.44, y - s * 0.28), (x + side * s * 0.46, y + s * 0.12)], dark
        )
        frame.polygon(
            [(x, y + s * 0.06), (x + side * s * 0.46, y + s * 0.12), (x + side * s * 0.24, y + s * 0.2)], dark
        )
        frame.polygon([(x + side * s * 0.04, y - s * 0.14), (x + side * s * 0.14, y - s * 0.32),
                       (x + side * s * 0.17, y - s * 0.08)], color)  # fmt: skip
    frame.circle(x, y, s * 0.19, color)
    eyes(x, y - s * 0.03, s, frame, 0.08)
    for side in (-1, 1):
        frame.polygon([(x + side * s * 0.09, y + s * 0.08), (x + side * s * 0.03, y + s * 0.08),
                       (x + side * s * 0.06, y + s * 0.17)], SNOW)  # fmt: skip


def body(x: float, y: float, s: float, color: Color, skin: Color, frame: Frame) -> None:
    """A person: legs, tunic, arms, head."""
    dark = blend(color, NIGHT, 0.4)
    for side in (-1, 1):
        frame.rect(x + side * s * 0.1 - s * 0.06, y + s * 0.18, s * 0.12, s * 0.22, dark, s * 0.03)
        frame.line(x + side * s * 0.16, y - s * 0.04, x + side * s * 0.27, y + s * 0.14, s * 0.09, color)
        frame.circle(x + side * s * 0.28, y + s * 0.15, s * 0.055, skin)
    frame.polygon([(x - s * 0.17, y - s * 0.1), (x + s * 0.17, y - s * 0.1), (x + s * 0.2, y + s * 0.24),
                   (x - s * 0.2, y + s * 0.24)], color)  # fmt: skip
    frame.rect(x - s * 0.19, y + s * 0.09, s * 0.38, s * 0.05, dark)
    frame.circle(x, y - s * 0.21, s * 0.155, skin)
    eyes(x, y - s * 0.21, s, frame, 0.065)


def brute(x: float, y: float, s: float, color: Color, frame: Frame) -> None:
    """Orcs, ogres and their kin: wide, with tusks and a club."""
    frame.line(x + s * 0.3, y + s * 0.2, x + s * 0.42, y - s * 0.26, s * 0.1, BROWN)
    body(x, y, s, blend(BROWN, NIGHT, 0.2), color, frame)
    frame.circle(x, y - s * 0.2, s * 0.19, color)
    eyes(x, y - s * 0.23, s, frame, 0.075, AMBER)
    for side in (-1, 1):
        frame.polygon([(x + side * s * 0.05, y - s * 0.08), (x + side * s * 0.13, y - s * 0.08),
                       (x + side * s * 0.11, y - s * 0.18)], SNOW)  # fmt: skip


def goblin(x: float, y: float, s: float, color: Color, frame: Frame) -> None:
    """Small, with long ears and a knife."""
    frame.line(x - s * 0.3, y + s * 0.18, x - s * 0.36, y - s * 0.1, s * 0.05, IRON)
    for side in (-1, 1):
        frame.polygon([(x + side * s * 0.1, y - s * 0.28), (x + side * s * 0.4, y - s * 0.3),
                       (x + side * s * 0.12, y - s * 0.1)], blend(color, NIGHT, 0.15))  # fmt: skip
    body(x, y, s, BROWN, color, frame)


def archer(x: float, y: float, s: float, color: Color, frame: Frame) -> None:
    """A hood and a bow."""
    body(x, y, s, color, SKIN, frame)
    frame.ring(x, y - s * 0.21, s * 0.12, s * 0.2, color, 170, 370)
    frame.ring(x - s * 0.22, y, s * 0.28, s * 0.33, BROWN, 110, 250)
    frame.line(x - s * 0.33, y - s * 0.28, x - s * 0.33, y + s * 0.28, s * 0.02, SNOW)


def snake(x: float, y: float, s: float, color: Color, frame: Frame) -> None:
    """Coils and a forked tongue."""
    dark = blend(color, NIGHT, 0.3)
    frame.ring(x + s * 0.06, y + s * 0.2, s * 0.14, s * 0.28, dark)
    frame.ring(x + s * 0.06, y + s * 0.12, s * 0.08, s * 0.2, color)
    frame.path(
        [(x + s * 0.02, y + s * 0.06), (x - s * 0.2, y + s * 0.02), (x - s * 0.16, y - s * 0.2)], s * 0.13, color
    )
    frame.circle(x - s * 0.16, y - s * 0.24, s * 0.13, color)
    frame.line(x - s * 0.16, y - s * 0.14, x - s * 0.18, y + s * 0.0, s * 0.03, CORAL)
    eyes(x - s * 0.16, y - s * 0.26, s, frame, 0.06, AMBER)


def slime(x: float, y: float, s: float, color: Color, frame: Frame) -> None:
    """A drop that sags."""
    frame.circle(x, y + s * 0.02, s * 0.3, color)
    frame.rect(x - s * 0.38, y + s * 0.1, s * 0.76, s * 0.26, color, s * 0.13)
    frame.circle(x - s * 0.14, y - s * 0.12, s * 0.07, blend(color, SNOW, 0.6))
    frame.circle(x + s * 0.2, y + s * 0.22, s * 0.05, blend(color, SNOW, 0.35))
    eyes(x, y + s * 0.04, s, frame, 0.12)


def spider(x: float, y: float, s: float, color: Color, frame: Frame) -> None:
    """Eight legs."""
    for side in (-1, 1):
        for up, out in ((-0.26, -0.02), (-0.14, 0.1), (0.0, 0.24), (0.12, 0.38)):
            frame.path([(x, y + s * 0.05), (x + side * s * 0.28, y + s * up), (x + side * s * 0.43, y + s * out)],
                       s * 0.045, blend(color, NIGHT, 0.2))  # fmt: skip
    frame.circle(x, y + s * 0.12, s * 0.21, color)
    frame.polygon([(x - s * 0.05, y + s * 0.04), (x + s * 0.05, y + s * 0.04), (x, y + s * 0.24)], CORAL)
    frame.circle(x, y - s * 0.12, s * 0.14, color)
    eyes(x, y - s * 0.15, s, frame, 0.06, CORAL)


def ghost(x: float, y: float, s: float, color: Color, frame: Frame) -> None:
    """A sheet that floats."""
    pale = blend(color, SNOW, 0.25)
    frame.glow(x, y, s * 0.6, fade(color, 0.4))
    frame.circle(x, y - s * 0.1, s * 0.25, pale)
    frame.rect(x - s * 0.25, y - s * 0.1, s * 0.5, s * 0.36, pale)
    for at in (-0.17, 0.0, 0.17):
        frame.circle(x + s * at, y + s * 0.26, s * 0.085, pale)
    for side in (-1, 1):
        frame.circle(x + side * s * 0.09, y - s * 0.1, s * 0.055, INK)
    frame.circle(x, y + s * 0.06, s * 0.05, INK)


def undead(x: float, y: float, s: float, color: Color, frame: Frame) -> None:
    """Arms stretched forward, rags."""
    body(x, y, s, blend(BROWN, SLATE, 0.5), color, frame)
    for at in (-0.04, 0.06):
        frame.line(x - s * 0.1, y + s * at, x - s * 0.4, y + s * (at - 0.06), s * 0.09, color)
    frame.rect(x - s * 0.06, y - s * 0.13, s * 0.12, s * 0.04, INK)


def robed(x: float, y: float, s: float, color: Color, frame: Frame) -> None:
    """A robe, a hood, a staff that glows."""
    frame.line(x + s * 0.3, y - s * 0.2, x + s * 0.3, y + s * 0.4, s * 0.05, BROWN)
    frame.glow(x + s * 0.3, y - s * 0.26, s * 0.26, fade(color, 0.9))
    frame.circle(x + s * 0.3, y - s * 0.26, s * 0.075, blend(color, SNOW, 0.6))
    frame.polygon([(x, y - s * 0.42), (x + s * 0.26, y + s * 0.4), (x - s * 0.26, y + s * 0.4)], color)
    frame.circle(x, y - s * 0.18, s * 0.17, color)
    frame.circle(x, y - s * 0.14, s * 0.12, INK)
    for side in (-1, 1):
        frame.circle(x + side * s * 0.05, y - s * 0.14, s * 0.03, AMBER)


def golem(x: float, y: float, s: float, color: Color, frame: Frame) -> None:
    """Blocks of stone."""
    dark = blend(color, NIGHT, 0.3)
    for left, top, width, height, shade in (
        *((-0.22, 0.16, 0.17, 0.24, dark), (0.05, 0.16, 0.17, 0.24, dark), (-0.42, -0.12, 0.16, 0.36, dark)),
        *((0.26, -0.12, 0.16, 0.36, dark), (-0.27, -0.16, 0.54, 0.36, color), (-0.14, -0.4, 0.28, 0.25, color)),
    ):
        frame.rect(x + s * left, y + s * top, s * width, s * height, shade, s * 0.04)
    frame.line(x - s * 0.12, y - s * 0.1, x + s * 0.04, y + s * 0.1, s * 0.03, dark)
    for side in (-1, 1):
        frame.rect(x + side * s * 0.065 - s * 0.03, y - s * 0.31, s * 0.06, s * 0.05, ORANGE)


def vampire(x: float, y: float, s: float, color: Color, frame: Frame) -> None:
    """A cape with a high collar."""
    frame.polygon([(x - s * 0.3, y - s * 0.3), (x + s * 0.3, y - s * 0.3), (x + s * 0.36, y + s * 0.4),
                   (x - s * 0.36, y + s * 0.4)], color)  # fmt: skip
    frame.polygon([(x - s * 0.1, y - s * 0.1), (x + s * 0.1, y - s * 0.1), (x + s * 0.14, y + s * 0.4),
                   (x - s * 0.14, y + s * 0.4)], INK)  # fmt: skip
    frame.circle(x, y - s * 0.2, s * 0.16, BONE)
    frame.polygon([(x - s * 0.16, y - s * 0.24), (x + s * 0.16, y - s * 0.24), (x, y - s * 0.4)], INK)
    eyes(x, y - s * 0.2, s, frame, 0.065, CORAL)


def demon(x: float, y: float, s: float, color: Color, frame: Frame) -> None:
    """Horns, wings, fire."""
    frame.glow(x, y, s * 0.65, fade(ORANGE, 0.45))
    for side in (-1, 1):
        frame.polygon([(x, y), (x + side * s * 0.46, y - s * 0.3), (x + side * s * 0.4, y + s * 0.2)],
                      blend(color, NIGHT, 0.5))  # fmt: skip
        frame.polygon([(x + side * s * 0.06, y - s * 0.3), (x + side * s * 0.2, y - s * 0.5),
                       (x + side * s * 0.19, y - s * 0.22)], BONE)  # fmt: skip
    body(x, y, s, blend(color, NIGHT, 0.3), color, frame)
    eyes(x, y - s * 0.21, s, frame, 0.07, AMBER)


def dragon(x: float, y: float, s: float, color: Color, frame: Frame) -> None:
    """Wings, a long neck, and fire."""
    frame.glow(x - s * 0.3, y - s * 0.1, s * 0.5, fade(ORANGE, 0.6))
    dark = blend(color, NIGHT, 0.35)
    frame.polygon([(x, y), (x + s * 0.14, y - s * 0.48), (x + s * 0.48, y - s * 0.06)], dark)
    frame.polygon([(x, y + s * 0.04), (x + s * 0.48, y - s * 0.06), (x + s * 0.3, y + s * 0.14)], dark)
    frame.path([(x + s * 0.2, y + s * 0.24), (x + s * 0.4, y + s * 0.3), (x + s * 0.46, y + s * 0.16)], s * 0.09, color)
    frame.rect(x - s * 0.14, y + s * 0.02, s * 0.4, s * 0.3, color, s * 0.15)
    frame.path(
        [(x - s * 0.04, y + s * 0.12), (x - s * 0.14, y - s * 0.12), (x - s * 0.22, y - s * 0.2)], s * 0.16, color
    )
    frame.rect(x - s * 0.42, y - s * 0.32, s * 0.32, s * 0.2, color, s * 0.08)
    frame.polygon([(x - s * 0.12, y - s * 0.3), (x + s * 0.02, y - s * 0.42), (x - s * 0.06, y - s * 0.2)], BONE)
    frame.circle(x - s * 0.24, y - s * 0.25, s * 0.045, AMBER)
    frame.polygon([(x - s * 0.42, y - s * 0.2), (x - s * 0.5, y + s * 0.02), (x - s * 0.34, y - s * 0.13)], ORANGE)
    for at in (-0.06, 0.14):
        frame.rect(x + s * at, y + s * 0.28, s * 0.1, s * 0.12, dark, s * 0.03)


class Look(NamedTuple):
    """A kind of monster: its name, shape and colour, how large it is, and its greatest health for the bar above it."""

    name: str
    shape: Draw
    color: Color
    size: float
    health: int


MONSTERS = (
    Look("", rat, GREY, 1, 1),
    Look("rat", rat, GREY, 0.85, 4),
    Look("bat", winged, VIOLET, 0.8, 4),
    Look("jackal", beast, (206, 160, 106, 255), 0.88, 6),
    Look("goblin", goblin, LEAF, 0.9, 8),
    Look("archer", archer, TEAL, 0.95, 6),
    Look("snake", snake, MINT, 0.9, 8),
    Look("slime", slime, (132, 220, 96, 255), 0.95, 12),
    Look("orc", brute, (98, 150, 84, 255), 0.98, 16),
    Look("thief", archer, (92, 84, 118, 255), 0.95, 12),
    Look("wolf", beast, (140, 150, 172, 255), 1.05, 16),
    Look("zombie", undead, (142, 176, 128, 255), 1, 24),
    Look("spider", spider, (88, 70, 110, 255), 1, 18),
    Look("shaman", robed, ORANGE, 1, 18),
    Look("ogre", brute, (196, 146, 98, 255), 1.15, 40),
    Look("harpy", winged, PINK, 1.1, 24),
    Look("wraith", ghost, SKY, 1, 32),
    Look("troll", brute, (88, 140, 130, 255), 1.2, 48),
    Look("hunter", archer, ORANGE, 1.08, 40),
    Look("golem", golem, GREY, 1.12, 80),
    Look("warlock", robed, VIOLET, 1.08, 40),
    Look("vampire", vampire, BLOOD, 1.08, 56),
    Look("giant", brute, SKIN, 1.3, 72),
    Look("demon", demon, BLOOD, 1.2, 72),
    Look("dragon", dragon, (216, 74, 60, 255), 1.4, 112),
)


# --- heroes ---


def fighter(x: float, y: float, s: float, frame: Frame) -> None:
    """A helmet with a plume, a sword."""
    frame.line(x + s * 0.3, y + s * 0.18, x + s * 0.36, y - s * 0.36, s * 0.07, SNOW)
    frame.line(x + s * 0.22, y + s * 0.06, x + s * 0.42, y + s * 0.09, s * 0.06, AMBER)
    body(x, y, s, (86, 122, 196, 255), SKIN, frame)
    frame.ring(x, y - s * 0.21, s * 0.1, s * 0.18, IRON, 180, 360)
    frame.polygon([(x - s * 0.03, y - s * 0.36), (x + s * 0.16, y - s * 0.5), (x + s * 0.06, y - s * 0.34)], CORAL)


def rogue(x: float, y: float, s: float, frame: Frame) -> None:
    """A green hood, a bow."""
    archer(x, y, s, (70, 168, 108, 255), frame)


def mage(x: float, y: float, s: float, frame: Frame) -> None:
    """A pointed hat with a star, a staff."""
    frame.line(x + s * 0.31, y - s * 0.24, x + s * 0.31, y + s * 0.38, s * 0.05, BROWN)
    frame.glow(x + s * 0.31, y - s * 0.3, s * 0.24, fade(SKY, 0.9))
    frame.circle(x + s * 0.31, y - s * 0.3, s * 0.07, SNOW)
    body(x, y, s, (120, 96, 214, 255), SKIN, frame)
    frame.polygon([(x - s * 0.25, y - s * 0.27), (x + s * 0.25, y - s * 0.27), (x + s * 0.05, y - s * 0.62)], VIOLET)
    frame.circle(x + s * 0.02, y - s * 0.38, s * 0.035, AMBER)


def priest(x: float, y: float, s: float, frame: Frame) -> None:
    """A white robe with a sun, a halo."""
    frame.ring(x, y - s * 0.42, s * 0.1, s * 0.14, AMBER)
    body(x, y, s, (226, 222, 210, 255), SKIN, frame)
    frame.circle(x, y + s * 0.02, s * 0.07, AMBER)
    frame.rect(x - s * 0.36, y - s * 0.1, s * 0.07, s * 0.36, BROWN, s * 0.02)
    frame.circle(x - s * 0.325, y - s * 0.12, s * 0.09, IRON)


HEROES = ((fighter, "fighter"), (fighter, "fighter"), (rogue, "rogue"), (mage, "mage"), (priest, "priest"))
POWERS = ("", "sweep all around", "dust: put to sleep", "bolt at the nearest", "heal")


# --- things ---


def blade(x: float, y: float, s: float, color: Color, frame: Frame) -> None:
    """A blade with its guard."""
    frame.line(x - s * 0.12, y + s * 0.14, x + s * 0.3, y - s * 0.32, s * 0.1, color)
    frame.line(x - s * 0.22, y + s * 0.04, x - s * 0.02, y + s * 0.24, s * 0.07, AMBER)
    frame.line(x - s * 0.12, y + s * 0.14, x - s * 0.27, y + s * 0.3, s * 0.08, BROWN)


def mace(x: float, y: float, s: float, color: Color, frame: Frame) -> None:
    """A stick with an iron head."""
    frame.line(x - s * 0.26, y + s * 0.3, x + s * 0.14, y - s * 0.12, s * 0.08, BROWN)
    for turn in range(4):
        dx, dy = math.cos(turn * math.pi / 4) * s * 0.2, math.sin(turn * math.pi / 4) * s * 0.2
        frame.line(x + s * 0.18 - dx, y - s * 0.18 - dy, x + s * 0.18 + dx, y - s * 0.18 + dy, s * 0.07, color)
    frame.circle(x + s * 0.18, y - s * 0.18, s * 0.14, color)


def axe(x: float, y: float, s: float, color: Color, frame: Frame) -> None:
    """A wide edge on a haft."""
    frame.line(x - s * 0.26, y + s * 0.32, x + s * 0.2, y - s * 0.28, s * 0.08, BROWN)
    frame.polygon([(x + s * 0.02, y - s * 0.14), (x + s * 0.24, y - s * 0.36), (x + s * 0.38, y - s * 0.08),
                   (x + s * 0.3, y + s * 0.12)], color)  # fmt: skip


def glaive(x: float, y: float, s: float, color: Color, frame: Frame) -> None:
    """A blade on a long pole."""
    frame.line(x - s * 0.34, y + s * 0.36, x + s * 0.16, y - s * 0.16, s * 0.06, BROWN)
    frame.polygon([(x + s * 0.08, y - s * 0.18), (x + s * 0.36, y - s * 0.38), (x + s * 0.22, y - s * 0.06)], color)


def dagger(x: float, y: float, s: float, color: Color, frame: Frame) -> None:
    """A short blade."""
    blade(x, y, s * 0.7, color, frame)


def bow(x: float, y: float, s: float, color: Color, frame: Frame) -> None:
    """A bow and its string."""
    frame.ring(x - s * 0.2, y, s * 0.34, s * 0.42, color, -65, 65)
    frame.line(x - s * 0.03, y - s * 0.34, x - s * 0.03, y + s * 0.34, s * 0.025, SNOW)
    frame.line(x - s * 0.3, y, x + s * 0.24, y, s * 0.035, BONE)


def helmet(x: float, y: float, s: float, color: Color, frame: Frame) -> None:
    """A dome with a rim."""
    frame.ring(x, y + s * 0.1, 0, s * 0.28, color, 180, 360)
    frame.rect(x - s * 0.34, y + s * 0.08, s * 0.68, s * 0.09, blend(color, NIGHT, 0.3), s * 0.03)


def mail(x: float, y: float, s: float, color: Color, frame: Frame) -> None:
    """A tunic."""
    frame.polygon([(x - s * 0.36, y - s * 0.14), (x - s * 0.16, y - s * 0.3), (x - s * 0.16, y)], color)
    frame.polygon([(x + s * 0.36, y - s * 0.14), (x + s * 0.16, y - s * 0.3), (x + s * 0.16, y)], color)
    frame.rect(x - s * 0.2, y - s * 0.3, s * 0.4, s * 0.6, color, s * 0.04)
    frame.circle(x, y - s * 0.31, s * 0.09, INK)
    frame.rect(x - s * 0.2, y + s * 0.06, s * 0.4, s * 0.06, blend(color, NIGHT, 0.45))


def shield(x: float, y: float, s: float, color: Color, frame: Frame) -> None:
    """A pointed shield with a boss."""
    points = [(-0.28, -0.28), (0.28, -0.28), (0.26, 0.06), (0.0, 0.36), (-0.26, 0.06)]
    frame.polygon([(x + s * dx, y + s * dy) for dx, dy in points], color)
    frame.polygon([(x, y - s * 0.28), (x + s * 0.28, y - s * 0.28), (x + s * 0.26, y + s * 0.06), (x, y + s * 0.36)],
                  blend(color, NIGHT, 0.25))  # fmt: skip
    frame.circle(x, y - s * 0.04, s * 0.08, AMBER)


def potion(x: float, y: float, s: float, color: Color, frame: Frame) -> None:
    """A flask."""
    frame.rect(x - s * 0.07, y - s * 0.32, s * 0.14, s * 0.24, blend(SNOW, STEEL, 0.4))
    frame.rect(x - s * 0.1, y - s * 0.36, s * 0.2, s * 0.08, BROWN, s * 0.02)
    frame.circle(x, y + s * 0.1, s * 0.25, blend(SNOW, color, 0.5))
    frame.circle(x, y + s * 0.12, s * 0.2, color)
    frame.circle(x - s * 0.08, y + s * 0.03, s * 0.05, fade(SNOW, 0.8))


def scroll(x: float, y: float, s: float, color: Color, frame: Frame) -> None:
    """A sheet with two rolls and a seal."""
    frame.rect(x - s * 0.22, y - s * 0.26, s * 0.44, s * 0.52, BONE)
    for at in (-0.12, 0.0, 0.12):
        frame.line(x - s * 0.14, y + s * at, x + s * 0.14, y + s * at, s * 0.035, blend(BONE, BROWN, 0.7))
    for at in (-0.3, 0.2):
        frame.rect(x - s * 0.29, y + s * at, s * 0.58, s * 0.11, blend(BONE, BROWN, 0.25), s * 0.05)
    frame.circle(x + s * 0.12, y + s * 0.16, s * 0.085, color)


def wand(x: float, y: float, s: float, color: Color, frame: Frame) -> None:
    """A stick with a star."""
    frame.line(x - s * 0.28, y + s * 0.3, x + s * 0.16, y - s * 0.16, s * 0.08, BROWN)
    frame.glow(x + s * 0.2, y - s * 0.2, s * 0.28, fade(color, 0.8))
    for turn in range(4):
        dx, dy = math.cos(turn * math.pi / 4) * s * 0.17, math.sin(turn * math.pi / 4) * s * 0.17
        frame.line(x + s * 0.2 - dx, y - s * 0.2 - dy, x + s * 0.2 + dx, y - s * 0.2 + dy, s * 0.045, color)


def ring(x: float, y: float, s: float, color: Color, frame: Frame) -> None:
    """A ring with a stone."""
    frame.ring(x, y + s * 0.08, s * 0.15, s * 0.23, AMBER)
    points = [(0, -0.34), (0.13, -0.2), (0, -0.06), (-0.13, -0.2)]
    frame.polygon([(x + s * dx, y + s * dy) for dx, dy in points], color)


def ration(x: float, y: float, s: float, color: Color, frame: Frame) -> None:
    """A leg of meat."""
    frame.line(x, y, x + s * 0.3, y + s * 0.3, s * 0.08, BONE)
    for dx, dy in ((0.33, 0.26), (0.26, 0.33)):
        frame.circle(x + s * dx, y + s * dy, s * 0.065, BONE)
    frame.circle(x - s * 0.06, y - s * 0.06, s * 0.25, color)
    frame.circle(x - s * 0.14, y - s * 0.14, s * 0.08, blend(color, SNOW, 0.35))


def coins(x: float, y: float, s: float, color: Color, frame: Frame) -> None:
    """A heap of gold."""
    for dx, dy in ((-0.2, 0.18), (0.02, 0.22), (0.22, 0.16), (-0.08, 0.06), (0.14, 0.04), (0.02, -0.08)):
        frame.circle(x + s * dx, y + s * dy, s * 0.12, blend(color, BROWN, 0.5))
        frame.circle(x + s * dx, y + s * (dy - 0.025), s * 0.105, color)


def amulet(x: float, y: float, s: float, color: Color, frame: Frame) -> None:
    """A stone that glows on a chain."""
    frame.glow(x, y, s * 0.9, fade(color, 0.7))
    frame.ring(x, y - s * 0.16, s * 0.2, s * 0.25, AMBER, 140, 400)
    points = [(0, -0.12), (0.17, 0.1), (0, 0.36), (-0.17, 0.1)]
    frame.polygon([(x + s * dx, y + s * dy) for dx, dy in points], color)
    frame.polygon([(x, y - s * 0.12), (x + s * 0.17, y + s * 0.1), (x, y + s * 0.36)], blend(color, SNOW, 0.5))


CLASSES: tuple[tuple[int, Draw], ...] = (
    (0, coins), (5, blade), (6, bow), (9, helmet), (12, mail), (15, shield), (23, potion), (31, scroll), (36, wand),
    (40, ring), (41, ration), (42, coins), (43, amulet),
)  # fmt: skip
"""Of each class of things: the number of its last kind, and its shape."""

PLAIN = (BROWN, IRON, AMBER)
"""Light, medium and heavy armour."""
LOOKS = (
    *(("red", CORAL), ("orange", ORANGE), ("golden", AMBER), ("green", MINT)),
    *(("teal", TEAL), ("blue", SKY), ("violet", VIOLET), ("pink", PINK)),
)
TITLES = ("ABRA", "DUNE", "EKLU", "FONTE", "GRIS", "HALMA", "ISKO", "JORU")
WOODS = ("oak", "birch", "ebony", "bone", "brass")
STONES = (("ruby", CORAL), ("topaz", AMBER), ("emerald", MINT), ("sapphire", SKY))
BLADES: dict[int, Draw] = {1: dagger, 2: mace, 4: axe, 5: glaive}
NAMES = (
    *("", "dagger", "mace", "sword", "axe", "glaive", "bow", "cap", "helmet", "great helm", "leather", "chain mail"),
    *("plate", "buckler", "shield", "tower shield", "healing", "life", "speed", "might", "insight", "spirit", "venom"),
    *("dizziness", "lore", "sharpness", "warding", "flight", "mapping", "blessing", "slumber", "alarm", "striking"),
    *("fire", "drowse", "banishing", "leeching", "protection", "health", "light", "sustenance", "ration", "gold"),
    "amulet",
)


def class_of(kind: int) -> int:
    """The class of a kind of thing."""
    return next(number for number, (last, _) in enumerate(CLASSES) if kind <= last)


def color_of(kind: int, look: int) -> Color:
    """The colour of a thing, given its look if it is one whose use may be unknown."""
    number = class_of(kind)
    if number in (3, 4, 5):
        return PLAIN[(kind - 7) % 3]
    if number == 9:
        return STONES[look % 4][1]
    plain = {1: IRON, 2: BROWN, 10: (206, 112, 84, 255), 11: AMBER, 12: VIOLET}
    return plain.get(number, LOOKS[look % 8][1])


def name_of(kind: int, known: bool, look: int) -> str:
    """The name of a thing, or how it looks."""
    number = class_of(kind)
    if number not in (6, 7, 8, 9):
        return NAMES[kind]
    word = ("potion", "scroll", "wand", "ring")[number - 6]
    if known:
        return f"{word} of {NAMES[kind]}"
    if number == 7:
        return f"scroll {TITLES[look]}"
    return f"{(LOOKS[look][0], '', WOODS[look % 5], STONES[look % 4][0])[number - 6]} {word}"


def draw_thing(kind: int, look: int, x: float, y: float, s: float, frame: Frame) -> None:
    """A thing, as it looks."""
    shape = BLADES.get(kind) or CLASSES[class_of(kind)][1]
    shape(x, y, s, color_of(kind, look), frame)

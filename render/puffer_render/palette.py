"""The colours of every picture: RGBA tuples, 0 to 255. Dark, quiet grounds; bright, warm things that move."""

from __future__ import annotations

Color = tuple[int, int, int, int]

NIGHT: Color = (15, 17, 28, 255)
"""Behind everything."""
DUSK: Color = (24, 27, 43, 255)
"""The field on which a game is played."""
SLATE: Color = (43, 48, 71, 255)
"""Lines, grids and walls on the field."""
STEEL: Color = (104, 113, 148, 255)
"""Secondary text, things that are off."""
SNOW: Color = (236, 239, 248, 255)
"""Text, balls."""

CORAL: Color = (255, 107, 107, 255)
ORANGE: Color = (255, 159, 90, 255)
AMBER: Color = (255, 209, 102, 255)
MINT: Color = (94, 224, 160, 255)
TEAL: Color = (62, 207, 207, 255)
SKY: Color = (86, 156, 255, 255)
VIOLET: Color = (157, 124, 255, 255)
PINK: Color = (255, 121, 198, 255)

RAINBOW = (CORAL, ORANGE, AMBER, MINT, SKY, VIOLET)
"""In spectral order, for rows of things."""
CREATURES = (MINT, CORAL, SKY, AMBER, VIOLET, TEAL, ORANGE, PINK)
"""Neighbours differ strongly, so that agents are easy to distinguish; agent 0 is the first."""


def fade(color: Color, opacity: float) -> Color:
    """The same colour, `opacity` (0 to 1) as visible."""
    red, green, blue, alpha = color
    return red, green, blue, round(alpha * opacity)


def blend(start: Color, end: Color, amount: float) -> Color:
    """From `start` (amount 0) to `end` (amount 1), component by component."""
    mixed = [round(a + (b - a) * amount) for a, b in zip(start, end, strict=True)]
    return mixed[0], mixed[1], mixed[2], mixed[3]

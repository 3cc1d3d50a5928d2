"""my_game: a flock over the evening sky, coloured by heading. Threads join neighbours; yours is white."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from puffer_render.frame import HUD_HEIGHT, Frame
from puffer_render.palette import AMBER, CORAL, DUSK, NIGHT, PINK, SKY, SLATE, SNOW, TEAL, VIOLET, Color, blend, fade

SIDE, SIGHT, METRE, MARGIN = 16.0, 4.0, 38, 20
BOARD = SIDE * METRE
SIZE = (round(BOARD) + 2 * MARGIN, round(BOARD) + HUD_HEIGHT + MARGIN)
KEYS = {"left": ("left", "a"), "right": ("right", "d")}
WHEEL = (AMBER, CORAL, PINK, VIOLET, SKY, TEAL)


def pilot(state: Any, labels: frozenset[str], agent: int) -> Sequence[float]:
    """The keys as the action: turn to the left or to the right."""
    del state, agent
    return (float("right" in labels) - float("left" in labels),)


def draw(state: Any, frame: Frame) -> None:
    """Threads between neighbours, the birds, and the margins over what hangs out."""
    frame.clear(DUSK)
    birds = list(zip(state.birds.x.tolist(), state.birds.y.tolist(), state.birds.heading.tolist(), strict=True))
    for here, there in itertools.combinations(birds, 2):
        _draw_thread(here, there, frame)
    for number, (x, y, heading) in enumerate(birds):
        own = number == frame.agent
        for px, py in _places(x, y, SIGHT if own else 1.0):
            if own:
                frame.glow(px, py, SIGHT * METRE, fade(SNOW, 0.13))
                frame.ring(px, py, SIGHT * METRE - 1, SIGHT * METRE, fade(SNOW, 0.25))
            _draw_bird(px, py, heading, SNOW if own else _color(heading), frame)
    width, height = SIZE
    frame.rect(0, 0, width, HUD_HEIGHT, NIGHT)
    frame.rect(0, height - MARGIN, width, MARGIN, NIGHT)
    frame.rect(0, 0, MARGIN, height, NIGHT)
    frame.rect(width - MARGIN, 0, MARGIN, height, NIGHT)
    frame.border(MARGIN, HUD_HEIGHT, BOARD, BOARD, 2, SLATE, 4)
    headings = state.birds.heading
    together = math.hypot(float(np.cos(headings).mean()), float(np.sin(headings).mean()))
    frame.hud("my_game", ("same way", f"{100 * together:.0f} %"), ("step", int(state.tick)))


def _places(x: float, y: float, reach: float) -> Iterator[tuple[float, float]]:
    """Where to draw what reaches so many metres: again at the other side where it hangs over the edge."""
    for dx, dy in itertools.product((0.0, -SIDE, SIDE), repeat=2):
        if abs(x + dx) < SIDE / 2 + reach and abs(y + dy) < SIDE / 2 + reach:
            yield MARGIN + (x + dx + SIDE / 2) * METRE, HUD_HEIGHT + (y + dy + SIDE / 2) * METRE


def _color(heading: float) -> Color:
    at, share = divmod(heading / (2 * math.pi) % 1.0 * len(WHEEL), 1.0)
    return blend(WHEEL[int(at) % len(WHEEL)], WHEEL[(int(at) + 1) % len(WHEEL)], share)


def _draw_thread(here: tuple[float, ...], there: tuple[float, ...], frame: Frame) -> None:
    """A line between two that see each other, brighter where they are near; none over the edge."""
    distance = math.hypot(there[0] - here[0], there[1] - here[1])
    if distance < SIGHT:
        (x0, y0), (x1, y1) = next(_places(here[0], here[1], 0.1)), next(_places(there[0], there[1], 0.1))
        frame.line(x0, y0, x1, y1, 1.2, fade(_color(here[2]), 0.35 * (1 - distance / SIGHT)))


def _draw_bird(x: float, y: float, heading: float, color: Color, frame: Frame) -> None:
    """A swallow: two swept wings and a forked tail."""
    ahead, right = math.cos(heading), math.sin(heading)

    def at(along: float, across: float) -> tuple[float, float]:
        return x + along * ahead - across * right, y + along * right + across * ahead

    frame.glow(x, y, 20, fade(color, 0.25))
    for side, shade in ((-1, color), (1, blend(color, NIGHT, 0.22))):
        frame.polygon([at(4, 0), at(1, 2.5 * side), at(-9, 15 * side), at(-3, 0)], shade)
        frame.polygon([at(-3, 0), at(-3, 2 * side), at(-13, 5 * side)], shade)
    frame.polygon([at(11, 0), at(4, 2.8), at(-5, 0), at(4, -2.8)], blend(color, SNOW, 0.35))

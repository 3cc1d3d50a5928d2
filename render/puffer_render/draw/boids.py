"""Boids: darts coloured by heading, with a light behind them. The person's is white, in a ring."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_render.frame import HUD_HEIGHT, Frame
from puffer_render.palette import AMBER, CORAL, DUSK, MINT, NIGHT, PINK, SKY, SLATE, SNOW, VIOLET, Color, blend, fade

# rows of `table` and columns of `predator`; see the fields of the environment
X, Y, HEADING_X, HEADING_Y, SPEED, FLOCKING = 0, 1, 2, 3, 4, 9
PREY = 4
FASTEST = 0.1
"""Sights per step."""

BOARD = 640
MARGIN = 20
SIZE = (BOARD + 2 * MARGIN, HUD_HEIGHT + BOARD + MARGIN)
KEYS = {"left": ("left", "a"), "right": ("right", "d"), "faster": ("up", "w"), "slower": ("down", "s")}
PLAY = {"boids": 200, "predators": 1}

WHEEL = (AMBER, MINT, SKY, VIOLET, PINK)
"""Colours of headings, clockwise from the right; coral is left to predators."""
SHADES = 72
TAIL = 5.0
"""Steps of flight that the light behind a boid lasts."""
MAX_TAILS = 1500
"""With more boids than this there are no tails: they would hide everything."""


def pilot(state: Any, labels: frozenset[str], agent: int) -> int:
    """Steer and change speed at once."""
    del state, agent
    turn = 1 + ("right" in labels) - ("left" in labels)
    thrust = 1 + ("faster" in labels) - ("slower" in labels)
    return turn + 3 * thrust


def color_of(heading: float) -> Color:
    """The colour of an angle in radians, one of SHADES."""
    shade = round(heading / (2 * math.pi) * SHADES) % SHADES
    at, share = divmod(shade * len(WHEEL) / SHADES, 1.0)
    return blend(WHEEL[int(at)], WHEEL[(int(at) + 1) % len(WHEEL)], share)


def draw(state: Any, frame: Frame) -> None:
    """The field, the ring, predators' glow, tails, darts; then the margins, over what hangs out."""
    world = World(state)
    frame.clear(DUSK)
    _draw_dots(world, frame)
    table: NDArray[np.float32] = state.table
    _draw_ring(table, world, frame)
    _draw_boids(table, world, frame)
    for predator in state.predator[: int(state.predators)]:
        _draw_predator(predator, world, frame)
    _draw_margins(frame)

    polarisation = math.hypot(float(table[HEADING_X].mean()), float(table[HEADING_Y].mean()))
    frame.hud(
        "boids",
        ("flocking", f"{100 * float(table[FLOCKING].mean()):.0f} %"),
        ("polarisation", f"{polarisation:.2f}"),
        ("boids", table.shape[1]),
    )


class World:
    """Where things lie on the picture: the whole world, as large as fits."""

    def __init__(self, state: Any) -> None:
        self.side = float(state.side)
        self.scale = BOARD / self.side
        """Units to a sight."""
        self.dart = min(max(0.24 * self.scale, min(5.0, 0.5 * self.scale)), 15.0)
        """Length of a boid."""

    def places(self, x: float, y: float, reach: float) -> Iterator[tuple[float, float]]:
        """Where to draw what reaches so many units around a point: once more wherever it hangs over a side."""
        px, py = x * self.scale, y * self.scale
        for ox in _copies(px, reach):
            for oy in _copies(py, reach):
                yield MARGIN + px + ox, HUD_HEIGHT + py + oy


def _copies(at: float, reach: float) -> Iterator[float]:
    yield 0.0
    if at < reach:
        yield BOARD
    if at > BOARD - reach:
        yield -BOARD


def _draw_dots(world: World, frame: Frame) -> None:
    """A quiet pattern, one dot to a sight or more, that shows how fast one flies."""
    count = min(int(world.side), 16)
    for row in range(count):
        for column in range(count):
            x, y = ((at + 0.5) * BOARD / count for at in (column, row))
            frame.circle(MARGIN + x, HUD_HEIGHT + y, 1.2, SLATE)


def _draw_ring(table: NDArray[np.float32], world: World, frame: Frame) -> None:
    """How far the person's boid sees."""
    sight, own = world.scale, frame.agent
    for x, y in world.places(float(table[X, own]), float(table[Y, own]), sight):
        frame.glow(x, y, sight, fade(SNOW, 0.13))
        frame.ring(x, y, sight - 1.0, sight + 0.2, fade(SNOW, 0.28))


def _draw_boids(table: NDArray[np.float32], world: World, frame: Frame) -> None:
    """All tails, then all darts; the person's last."""
    size, own = world.dart, frame.agent
    headings = np.arctan2(table[HEADING_Y], table[HEADING_X]).tolist()
    colors = [SNOW if number == own else color_of(heading) for number, heading in enumerate(headings)]
    columns = list(zip(*table[: SPEED + 1].tolist(), colors, strict=True))
    columns = [*(columns[:own] + columns[own + 1 :])[::-1], columns[own]]
    if len(columns) <= MAX_TAILS:
        for x, y, hx, hy, speed, color in columns:
            length = max(TAIL * speed * world.scale, 1.8 * size)
            for px, py in world.places(x, y, length + size):
                _draw_tail(px, py, hx, hy, size, length, color, frame)
    for number, (x, y, hx, hy, _, color) in enumerate(columns, start=1):
        length = size if number < len(columns) else 1.3 * size
        for px, py in world.places(x, y, size):
            _draw_dart(px, py, hx, hy, length, color, frame)


def _draw_tail(
    x: float, y: float, hx: float, hy: float, size: float, length: float, color: Color, frame: Frame
) -> None:
    for share, light in ((1.0, 0.10), (0.55, 0.16)):
        half = 0.3 * size * (1.2 - 0.4 * share)
        end = (x - hx * length * share, y - hy * length * share)
        frame.polygon([(x - hy * half, y + hx * half), (x + hy * half, y - hx * half), end], fade(color, light))


def _draw_dart(x: float, y: float, hx: float, hy: float, size: float, color: Color, frame: Frame) -> None:
    """An arrowhead, notched at the back: two triangles, one a little darker."""
    nose = (x + 0.6 * size * hx, y + 0.6 * size * hy)
    notch = (x - 0.2 * size * hx, y - 0.2 * size * hy)
    back, half = 0.45 * size, 0.36 * size
    for side, shade in ((-1, blend(color, NIGHT, 0.22)), (1, color)):
        wing = (x - back * hx + side * half * hy, y - back * hy - side * half * hx)
        frame.polygon([nose, wing, notch], shade)


def _draw_predator(predator: NDArray[np.float32], world: World, frame: Frame) -> None:
    """Larger than boids, and glowing while it hunts."""
    x, y, hx, hy, prey, _ = predator.tolist()
    size = max(2.1 * world.dart, 14.0)
    resting = prey < 0
    color = blend(CORAL, SLATE, 0.45) if resting else CORAL
    for px, py in world.places(x, y, 3.2 * size):
        frame.glow(px, py, 3.0 * size, fade(color, 0.15 if resting else 0.4))
        _draw_tail(px, py, hx, hy, size, 2.4 * size, color, frame)
        _draw_dart(px, py, hx, hy, size, color, frame)


def _draw_margins(frame: Frame) -> None:
    width, height = SIZE
    frame.rect(0, 0, width, HUD_HEIGHT, NIGHT)
    frame.rect(0, HUD_HEIGHT + BOARD, width, height - HUD_HEIGHT - BOARD, NIGHT)
    frame.rect(0, 0, MARGIN, height, NIGHT)
    frame.rect(MARGIN + BOARD, 0, width - MARGIN - BOARD, height, NIGHT)
    frame.border(MARGIN, HUD_HEIGHT, BOARD, BOARD, 3, SLATE, 4)

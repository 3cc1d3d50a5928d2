"""For environments without their own drawing: the observation as tiles or bars, and the named fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_render.frame import HUD_HEIGHT, Frame
from puffer_render.palette import CREATURES, DUSK, NIGHT, SLATE, SNOW, STEEL, TEAL, Color, blend

SIZE = (760, 480)
MARGIN = 20
PANEL = 230
"""Width of the list of fields."""
LINE = 19
"""Height of one line of that list."""
MAX_KINDS = 16
"""A grid of integers with at most this many values shows categories, one colour each."""


def generic_drawing(name: str, env: Any) -> tuple[tuple[int, int], Callable[[Any, Frame], None]]:
    """(size, draw) for any environment that keeps the buffer contract; `draw` shows one agent's view."""
    space = env.single_observation_space

    def draw(state: Any, frame: Frame) -> None:
        frame.clear(NIGHT)
        frame.hud(name)
        width, height = SIZE[0] - PANEL - 3 * MARGIN, SIZE[1] - HUD_HEIGHT - MARGIN
        frame.rect(MARGIN, HUD_HEIGHT, width, height, DUSK, 8)
        inside = MARGIN + 10.0, HUD_HEIGHT + 10.0, width - 20.0, height - 20.0
        observation = np.asarray(env.observations[frame.agent])
        if observation.ndim >= 2:
            _draw_tiles(observation.reshape(len(observation), -1), space, inside, frame)
        else:
            _draw_bars(observation, space, inside, frame)
        _draw_fields(state, SIZE[0] - PANEL - MARGIN, frame)

    return SIZE, draw


def _draw_tiles(grid: NDArray[Any], space: Any, area: tuple[float, float, float, float], frame: Frame) -> None:
    x0, y0, width, height = area
    rows, columns = grid.shape
    side = min(width / columns, height / rows)
    x0, y0 = x0 + (width - side * columns) / 2, y0 + (height - side * rows) / 2
    low, high = float(np.min(space.low)), float(np.max(space.high))
    kinds = grid.dtype.kind in "iu" and high - low < MAX_KINDS
    gap = min(1.0, side / 10)
    for (row, column), value in np.ndenumerate(grid):
        color = _kind_color(int(value)) if kinds else blend(SLATE, SNOW, _portion(float(value), low, high))
        frame.rect(x0 + column * side + gap, y0 + row * side + gap, side - 2 * gap, side - 2 * gap, color, side / 8)


def _draw_bars(values: NDArray[Any], space: Any, area: tuple[float, float, float, float], frame: Frame) -> None:
    """One bar per number, from the middle of its range up or down."""
    x0, y0, width, height = area
    step = width / max(1, len(values))
    gap = min(3.0, step / 6)
    frame.line(x0, y0 + height / 2, x0 + width, y0 + height / 2, 1, SLATE)
    for i, (value, low, high) in enumerate(zip(values, space.low.flat, space.high.flat, strict=True)):
        rise = (_portion(float(value), float(low), float(high)) - 0.5) * height
        y = y0 + height / 2 - max(rise, 0)
        frame.rect(x0 + i * step + gap, y, step - 2 * gap, max(abs(rise), 1), TEAL, min(3, step / 4))


def _draw_fields(state: Any, x: float, frame: Frame) -> None:
    y = HUD_HEIGHT + 4.0
    for name in state:
        if y > frame.height - MARGIN - LINE:
            frame.text(x, y, "…", 15, STEEL)
            return
        value = np.asarray(getattr(state, name))
        frame.text(x, y, name, 15, STEEL)
        frame.text(x + PANEL, y, _describe(value), 15, SNOW, "right")
        y += LINE


def _describe(value: NDArray[Any]) -> str:
    if value.ndim == 0:
        return f"{float(value):.6g}"
    if value.size <= 4 and value.dtype.names is None:
        return " ".join(f"{float(v):.3g}" for v in value.flat)
    return " × ".join(map(str, value.shape))


def _kind_color(kind: int) -> Color:
    return SLATE if kind == 0 else CREATURES[(kind - 1) % len(CREATURES)]


def _portion(value: float, low: float, high: float) -> float:
    """Where value lies between low and high, 0 to 1; without finite bounds, on a scale that holds every number."""
    if np.isfinite(high - low) and high > low:
        return float(np.clip((value - low) / (high - low), 0, 1))
    return 0.5 + float(np.arctan(value)) / np.pi

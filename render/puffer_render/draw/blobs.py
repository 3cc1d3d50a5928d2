"""Blobs: many players on one plane, each in its own colour. The person's wears a ring."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_render.frame import HUD_HEIGHT, Frame
from puffer_render.palette import CREATURES, DUSK, NIGHT, RAINBOW, SLATE, SNOW, STEEL, Color, blend, fade

X, Y, RADIUS, GO_X, GO_Y = 0, 1, 2, 3, 4
"""Rows of `places`."""
MASS, DOTS, PREY = 0, 3, 4
"""Rows of `lives`."""
GRAINS = 1000
"""Of mass in a dot."""
CELL = 5
"""Side of a cell, in which there is at most one dot."""
BORDER = 4
"""Cells without dots around the plane."""

FIELD = 600
MARGIN = 20
PANEL = 112
"""Width of what is right of the field: the leaderboard and the small map."""
PANEL_LEFT = FIELD + 2 * MARGIN
SIZE = (PANEL_LEFT + PANEL + MARGIN, HUD_HEIGHT + FIELD + 2 * MARGIN)
WHOLE = 130
"""The longest side of a plane that is shown as a whole."""
VIEW = 66
"""What is seen of longer ones by a new player, who sees 17.5 far; larger players see more."""
BEYOND = 4
"""How far behind a wall the picture goes."""
TOP = 5
"""Lines of the leaderboard."""
LINE = 26
KEYS = {"left": ("left", "a"), "right": ("right", "d"), "up": ("up", "w"), "down": ("down", "s")}
PLAY = {"num_players": 48, "max_steps": 20000, "speed": 0.2, "decay": 0.0001}
SPEED = 3.0
MOVES = ((0, 0), (1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1))
"""(x, y) of the choices."""


def pilot(state: Any, labels: frozenset[str], agent: int) -> Any:
    """Two keys together go between their directions."""
    del agent
    way = ("right" in labels) - ("left" in labels), ("down" in labels) - ("up" in labels)
    return way if state.continuous else MOVES.index(way)


@dataclass(frozen=True)
class View:
    """Where the plane lies on the picture."""

    left: float
    top: float
    scale: float
    """Units per length on the plane."""

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Of the plane, on the picture."""
        return self.left + x * self.scale, self.top + y * self.scale

    def shows(self, x: NDArray[np.float32], y: NDArray[np.float32], radius: Any) -> NDArray[np.bool_]:
        """Which discs are, in part, on the picture."""
        left, right = (0 - self.left) / self.scale, (PANEL_LEFT - self.left) / self.scale
        top, bottom = (HUD_HEIGHT - self.top) / self.scale, (SIZE[1] - self.top) / self.scale
        inside: NDArray[np.bool_] = (
            (x + radius > left) & (x - radius < right) & (y + radius > top) & (y - radius < bottom)
        )
        return inside


def view_of(state: Any, player: int) -> View:
    """All of a small plane; of a large one the part around a player, more of it for a larger one."""
    side = float(state.side)
    if side <= WHOLE:
        return View(MARGIN, HUD_HEIGHT + MARGIN, FIELD / side)
    x, y, radius = (float(v) for v in state.places[: RADIUS + 1, player])
    seen = VIEW + 8 * radius
    x, y = (min(max(v - seen / 2, -BEYOND), side + BEYOND - seen) for v in (x, y))
    scale = FIELD / seen
    return View(MARGIN - x * scale, HUD_HEIGHT + MARGIN - y * scale, scale)


def color_of(number: int) -> Color:
    """A player's colour; from the ninth on, paler and darker ones."""
    color = CREATURES[number % len(CREATURES)]
    shade = number // len(CREATURES) % 3
    return color if shade == 0 else blend(color, SNOW if shade == 1 else SLATE, 0.3)


def draw(state: Any, frame: Frame) -> None:
    """The plane, the dots, then the players from the smallest to the largest; text comes last."""
    frame.clear(NIGHT)
    own = frame.agent
    view = view_of(state, own)
    _draw_plane(state, view, frame)
    _draw_dots(state, view, frame)
    _draw_players(state, view, frame)

    masses: NDArray[np.int32] = state.lives[MASS]
    rank = int((masses > masses[own]).sum()) + 1
    if float(state.side) > WHOLE:
        _frame_field(frame)
        _draw_map(state, view, frame)
    frame.hud(
        "blobs",
        ("mass", f"{masses[own] / GRAINS:.0f}"),
        ("dots", int(state.lives[DOTS, own])),
        ("eaten", int(state.lives[PREY, own])),
        ("rank", f"{rank} of {len(masses)}"),
    )
    _draw_leaders(masses, frame)


def _frame_field(frame: Frame) -> None:
    """Cover what reaches beyond the field."""
    top, bottom = HUD_HEIGHT + MARGIN, HUD_HEIGHT + MARGIN + FIELD
    frame.rect(0, 0, frame.width, top, NIGHT)
    frame.rect(0, bottom, frame.width, frame.height - bottom, NIGHT)
    frame.rect(0, top, MARGIN, FIELD, NIGHT)
    frame.rect(MARGIN + FIELD, top, frame.width - MARGIN - FIELD, FIELD, NIGHT)
    frame.border(MARGIN, top, FIELD, FIELD, 2, SLATE, 4)


def _draw_plane(state: Any, view: View, frame: Frame) -> None:
    side = float(state.side) * view.scale
    left, top = max(view.left, -8), max(view.top, HUD_HEIGHT - 8)
    right, bottom = min(view.left + side, PANEL_LEFT + 8), min(view.top + side, SIZE[1] + 8)
    frame.rect(left, top, right - left, bottom - top, DUSK, 4)
    step = 2 * CELL * view.scale
    for i in range(1, int(float(state.side) / (2 * CELL)) + 1):
        x, y = view.left + i * step, view.top + i * step
        if left < x < right:
            frame.line(x, top, x, bottom, 1, fade(SLATE, 0.45))
        if top < y < bottom:
            frame.line(left, y, right, y, 1, fade(SLATE, 0.45))
    frame.border(left, top, right - left, bottom - top, 3, SLATE, 4)


def _draw_dots(state: Any, view: View, frame: Frame) -> None:
    inner = slice(BORDER, -BORDER)
    x, y = state.dots_x[inner, inner], state.dots_y[inner, inner]
    radius = max(1.6, 0.3 * view.scale)
    for row, column in np.argwhere(view.shows(x, y, 1.0)):
        px, py = view.point(float(x[row, column]), float(y[row, column]))
        color = RAINBOW[(7 * int(row) + 5 * int(column)) % len(RAINBOW)]
        frame.circle(px, py, radius * 1.9, fade(color, 0.16))
        frame.circle(px, py, radius, color)


def _draw_players(state: Any, view: View, frame: Frame) -> None:
    places: NDArray[np.float32] = state.places
    shown = view.shows(places[X], places[Y], places[RADIUS] * 1.5)
    for number in np.argsort(places[RADIUS], kind="stable"):
        if shown[number]:
            _draw_player(places[:, number], color_of(int(number)), number == frame.agent, view, frame)


def _draw_player(place: NDArray[np.float32], color: Color, own: bool, view: View, frame: Frame) -> None:
    x, y = view.point(float(place[X]), float(place[Y]))
    radius = max(2.5, float(place[RADIUS]) * view.scale)
    frame.glow(x, y, radius * 1.45, fade(color, 0.45))
    frame.circle(x, y, radius, blend(color, DUSK, 0.3))
    frame.circle(x, y, radius * 0.88, color)
    frame.glow(x - radius * 0.25, y - radius * 0.3, radius * 0.6, fade(SNOW, 0.35))
    if own:
        frame.ring(x, y, radius + 2, radius + 4.5, SNOW)
    _draw_eyes(x, y, radius, float(place[GO_X]), float(place[GO_Y]), frame)


def _draw_eyes(x: float, y: float, radius: float, go_x: float, go_y: float, frame: Frame) -> None:
    """They look where the player goes."""
    if radius < 6:
        return
    length = math.hypot(go_x, go_y)
    go_x, go_y = (go_x / length, go_y / length) if length > 0 else (0.0, 0.0)
    for side in (-1, 1):
        eye_x, eye_y = x + radius * (0.3 * side + 0.22 * go_x), y + radius * (0.22 * go_y - 0.05)
        frame.circle(eye_x, eye_y, radius * 0.2, SNOW)
        frame.circle(eye_x + radius * 0.08 * go_x, eye_y + radius * 0.08 * go_y, radius * 0.11, NIGHT)


def _draw_leaders(masses: NDArray[np.int32], frame: Frame) -> None:
    """The heaviest, in order."""
    leaders = np.argsort(-masses, kind="stable")[:TOP]
    top = HUD_HEIGHT + MARGIN
    frame.rect(PANEL_LEFT, top, PANEL, LINE * len(leaders) + 14, DUSK, 8)
    for i, number in enumerate(leaders):
        y = top + 7 + LINE * i
        frame.circle(PANEL_LEFT + 22, y + LINE / 2, 7, color_of(int(number)))
        if number == frame.agent:
            frame.ring(PANEL_LEFT + 22, y + LINE / 2, 8.5, 10.5, SNOW)
        frame.text(PANEL_LEFT + PANEL - 16, y + 3, f"{masses[number] / GRAINS:.0f}", 19, SNOW, "right")


def _draw_map(state: Any, view: View, frame: Frame) -> None:
    """Where all players are, and which part the picture shows."""
    left, top = PANEL_LEFT, frame.height - MARGIN - PANEL
    scale = PANEL / float(state.side)
    frame.rect(left, top, PANEL, PANEL, DUSK)
    places: NDArray[np.float32] = state.places
    for number in range(places.shape[1] - 1, -1, -1):
        size = max(1.5, 2 * float(places[RADIUS, number]) * scale)
        x, y = left + float(places[X, number]) * scale, top + float(places[Y, number]) * scale
        frame.rect(x - size / 2, y - size / 2, size, size, fade(color_of(number), 0.75))
    seen = FIELD / view.scale * scale
    x = left + (MARGIN - view.left) / view.scale * scale
    y = top + (HUD_HEIGHT + MARGIN - view.top) / view.scale * scale
    width, height = min(x + seen, left + PANEL) - max(x, left), min(y + seen, top + PANEL) - max(y, top)
    frame.border(max(x, left), max(y, top), width, height, 1.2, SNOW, 2)
    x, y = left + float(places[X, frame.agent]) * scale, top + float(places[Y, frame.agent]) * scale
    frame.circle(x, y, 2.6, SNOW)
    frame.border(left - 2, top - 2, PANEL + 4, PANEL + 4, 1.5, STEEL, 5)

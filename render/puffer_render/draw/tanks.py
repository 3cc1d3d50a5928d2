"""Tanks: an arena from above, walls as blocks, two teams, shells with trails of light. The person's wears a halo."""

from __future__ import annotations

import math
from typing import Any

from puffer_render.frame import HUD_HEIGHT, Frame
from puffer_render.palette import AMBER, CORAL, DUSK, NIGHT, ORANGE, SLATE, SNOW, STEEL, TEAL, Color, blend, fade

# as the environment counts: units of a cell, headings of a turn
CELL = 512
TURN = 64
RADIUS = 171
FRAMES = 2
"""Frames of a shell's flight in a step."""
RATE = 25
"""Steps per second."""

WIDTH, HEIGHT = 760, 570
MARGIN = 20
SIZE = (WIDTH + 2 * MARGIN, HUD_HEIGHT + HEIGHT + MARGIN)
KEYS = {
    "forward": ("up", "w"),
    "back": ("down", "s"),
    "left": ("left", "a"),
    "right": ("right", "d"),
    "fire": ("space",),
}
PLAY = {"max_steps": 2000}
TEAMS = (TEAL, CORAL)
TRAIL = 7
"""Steps of flight that the light behind a shell lasts."""
BURST = 14
"""Steps that an explosion lasts."""
SPARK = 4
"""Steps that a spark lasts."""
TREADS = 7
"""Across one track."""


class Arena:
    """Where units lie on the picture: the whole arena, as large as fits, with the inner half of its border."""

    def __init__(self, state: Any) -> None:
        self.columns, self.rows = int(state.width) + 2, int(state.height) + 2
        self.side = min(WIDTH / (self.columns - 1), HEIGHT / (self.rows - 1))
        """Of a cell."""
        self.unit = self.side / CELL
        self.left = MARGIN + (WIDTH - self.columns * self.side) / 2
        self.top = HUD_HEIGHT + (HEIGHT - self.rows * self.side) / 2
        self.walls = [[bool(int(row) >> column & 1) for column in range(self.columns)] for row in state.rows]

    def at(self, x: float, y: float) -> tuple[float, float]:
        """A point, given in units."""
        return self.left + x * self.unit, self.top + y * self.unit

    def wall(self, column: int, row: int) -> bool:
        """Whether there is a wall; everything outside counts as wall."""
        inside = 0 <= column < self.columns and 0 <= row < self.rows
        return not inside or self.walls[row][column]


def present(state: Any, agent: int) -> bool:
    """Whether the tank is in one piece."""
    return bool(state.alive[agent])


def draw(state: Any, frame: Frame) -> None:
    """Ground, wrecks, tanks, shells, walls, explosions; then the line at the top."""
    frame.clear(NIGHT)
    arena = Arena(state)
    _draw_ground(arena, frame)
    tanks = range(2 * int(state.team_size))
    for i in tanks:
        if not state.alive[i]:
            _draw_tank(state, i, arena, frame)
    for i in tanks:
        if state.alive[i]:
            _draw_tank(state, i, arena, frame)
    _draw_walls(arena, frame)
    for i in range(int(state.shells)):
        _draw_shell(state, i, arena, frame)
    for i in tanks:
        age = int(state.tick) - int(state.ended_at[i])
        if not state.alive[i] and age < BURST:
            _draw_burst(*arena.at(float(state.x[i]), float(state.y[i])), age / BURST, arena.side, frame)
    _draw_edges(arena, frame)
    _draw_hud(state, frame)


def _draw_ground(arena: Arena, frame: Frame) -> None:
    """The field; each team's side has a tint of its colour."""
    left, top = arena.at(0, 0)
    frame.rect(left, top, arena.columns * arena.side, arena.rows * arena.side, DUSK)
    for team, column in enumerate((1, arena.columns - 3)):
        x, y = arena.at(column * CELL, CELL)
        frame.rect(x, y, 2 * arena.side, (arena.rows - 2) * arena.side, fade(TEAMS[team], 0.06))
    for row in range(2, arena.rows - 1):
        for column in range(2, arena.columns - 1):
            frame.circle(*arena.at(column * CELL, row * CELL), arena.side * 0.03, fade(SLATE, 0.8))


def _draw_walls(arena: Arena, frame: Frame) -> None:
    """Blocks: a shadow on the ground, sides that catch the light where no other block is, and a flat top."""
    side = arena.side
    bevel = round(side * 0.13)
    light, dark = blend(SLATE, SNOW, 0.3), blend(SLATE, NIGHT, 0.55)
    cells = [(c, r) for r in range(arena.rows) for c in range(arena.columns) if arena.wall(c, r)]
    for column, row in cells:
        x, y = arena.at(column * CELL, row * CELL)
        if not (arena.wall(column + 1, row) and arena.wall(column, row + 1)):
            frame.rect(x + side * 0.12, y + side * 0.12, side, side, fade(NIGHT, 0.55), side * 0.08)
    for column, row in cells:
        # whole units: neighbours that each cover a part of a pixel would let the ground shine through between them
        left, top = (round(v) for v in arena.at(column * CELL, row * CELL))
        right, bottom = (round(v) for v in arena.at((column + 1) * CELL, (row + 1) * CELL))
        above, below = arena.wall(column, row - 1), arena.wall(column, row + 1)
        before, behind = arena.wall(column - 1, row), arena.wall(column + 1, row)
        inset = [0 if there else bevel for there in (before, above, behind, below)]
        x0, y0, x1, y1 = left + inset[0], top + inset[1], right - inset[2], bottom - inset[3]
        if not above:
            frame.polygon([(left, top), (right, top), (x1, y0), (x0, y0)], light)
        if not before:
            frame.polygon([(left, top), (x0, y0), (x0, y1), (left, bottom)], blend(SLATE, SNOW, 0.15))
        if not behind:
            frame.polygon([(right, top), (right, bottom), (x1, y1), (x1, y0)], blend(SLATE, NIGHT, 0.35))
        if not below:
            frame.polygon([(left, bottom), (x0, y1), (x1, y1), (right, bottom)], dark)
        frame.rect(x0, y0, x1 - x0 + 0.5, y1 - y0 + 0.5, SLATE)


def _draw_edges(arena: Arena, frame: Frame) -> None:
    """Darken what lies outside the visible half of the border."""
    left, top = arena.at(CELL / 2, CELL / 2)
    right, bottom = arena.at((arena.columns - 0.5) * CELL, (arena.rows - 0.5) * CELL)
    frame.rect(0, 0, frame.width, top, NIGHT)
    frame.rect(0, bottom, frame.width, frame.height - bottom, NIGHT)
    frame.rect(0, 0, left, frame.height, NIGHT)
    frame.rect(right, 0, frame.width - right, frame.height, NIGHT)


def _draw_tank(state: Any, i: int, arena: Arena, frame: Frame) -> None:
    """Tracks, hull, turret and gun, in the tank's own frame: forward, and to its right."""
    alive = bool(state.alive[i])
    middle = arena.at(float(state.x[i]), float(state.y[i]))
    angle = float(state.heading[i]) * math.tau / TURN
    forward, right = (math.cos(angle) * arena.unit, math.sin(angle) * arena.unit), (0.0, 0.0)
    right = -forward[1], forward[0]

    def at(ahead: float, aside: float) -> tuple[float, float]:
        return (
            middle[0] + ahead * forward[0] + aside * right[0],
            middle[1] + ahead * forward[1] + aside * right[1],
        )

    def box(back: float, front: float, low: float, high: float, color: Color) -> None:
        frame.polygon([at(back, low), at(front, low), at(front, high), at(back, high)], color)

    color = TEAMS[i >= int(state.team_size)]
    if i == frame.agent and not alive:
        frame.ring(*middle, arena.side * 0.62, arena.side * 0.68, fade(SNOW, 0.4))
    if not alive:
        color = blend(blend(color, STEEL, 0.5), NIGHT, 0.6)
    elif i == frame.agent:
        frame.glow(*middle, arena.side * 0.75, fade(SNOW, 0.45))
    track = blend(NIGHT, STEEL, 0.35 if alive else 0.2)
    # half of the way along both axes: the treads run as the tank goes
    travel = (float(state.x[i]) * math.cos(angle) + float(state.y[i]) * math.sin(angle)) % (2 * RADIUS / TREADS)
    for low, high in ((-160, -88), (88, 160)):
        box(-RADIUS, RADIUS, low, high, track)
        for k in range(TREADS):
            ahead = RADIUS - (k * 2 * RADIUS / TREADS + travel)
            if abs(ahead) < RADIUS - 8:
                frame.line(*at(-ahead, low), *at(-ahead, high), 14 * arena.unit, blend(track, NIGHT, 0.6))
    box(-150, 146, -104, 104, blend(color, NIGHT, 0.35))
    box(-138, 134, -92, 92, color)
    box(-128, -86, -70, 70, blend(color, NIGHT, 0.3))  # the engine's grille
    for aside in (-42, 0, 42):
        frame.line(*at(-122, aside), *at(-92, aside), 12 * arena.unit, blend(color, NIGHT, 0.65))
    gun = blend(color, SNOW, 0.35)
    if alive:
        recoil = 34 * max(0.0, int(state.reload[i]) - 8) / 4
        frame.line(*at(40, 0), *at(212 - recoil, 0), 46 * arena.unit, blend(color, NIGHT, 0.5))
        frame.line(*at(40, 0), *at(206 - recoil, 0), 28 * arena.unit, gun)
        frame.line(*at(186 - recoil, 0), *at(214 - recoil, 0), 46 * arena.unit, gun)
    else:
        frame.line(*at(20, 30), *at(130, 110), 34 * arena.unit, blend(color, NIGHT, 0.3))
    frame.circle(*at(6, 0), 80 * arena.unit, blend(color, NIGHT, 0.5))
    frame.circle(*at(6, 0), 68 * arena.unit, blend(color, SNOW, 0.18) if alive else blend(color, NIGHT, 0.4))
    frame.circle(*at(-10, 18), 26 * arena.unit, blend(color, NIGHT, 0.25))


def _draw_shell(state: Any, i: int, arena: Arena, frame: Frame) -> None:
    """A bright point; behind it the light of the last steps, back to the gun or to the wall that sent it back."""
    x, y = float(state.shell_x[i]), float(state.shell_y[i])
    vx, vy = float(state.shell_vx[i]) * FRAMES, float(state.shell_vy[i]) * FRAMES
    age = int(state.tick) - int(state.shell_since[i])
    color = blend(TEAMS[int(state.shell_owner[i]) >= int(state.team_size)], SNOW, 0.25)
    steps = min(age, TRAIL)
    pieces = 4 * steps
    for k in range(pieces, 0, -1):
        near, far = (k - 1) / 4, k / 4
        light = fade(color, 0.6 * (1 - (k - 1) / (4 * TRAIL)) ** 2)
        thickness = arena.unit * 60 * (1 - 0.6 * k / (4 * TRAIL))
        frame.line(*arena.at(x - vx * near, y - vy * near), *arena.at(x - vx * far, y - vy * far), thickness, light)
    if int(state.shell_bounces[i]) and age < SPARK:
        _draw_spark(*arena.at(x - vx * age, y - vy * age), age / SPARK, arena.side, frame)
    at = arena.at(x, y)
    frame.glow(*at, arena.side * 0.3, fade(color, 0.7))
    frame.circle(*at, 36 * arena.unit, color)
    frame.circle(*at, 24 * arena.unit, SNOW)


def _draw_spark(x: float, y: float, age: float, side: float, frame: Frame) -> None:
    for k in range(7):
        angle = k * math.tau / 7 + 0.4
        near, far = side * (0.05 + 0.2 * age), side * (0.12 + 0.32 * age)
        dx, dy = math.cos(angle), math.sin(angle)
        frame.line(x + near * dx, y + near * dy, x + far * dx, y + far * dy, side * 0.04, fade(AMBER, 1 - age))


def _draw_burst(x: float, y: float, age: float, side: float, frame: Frame) -> None:
    """A flash, a ring that widens, and embers."""
    rest = 1 - age
    frame.glow(x, y, side * (0.6 + 0.9 * age), fade(ORANGE, 0.85 * rest))
    frame.circle(x, y, side * 0.38 * rest, fade(blend(SNOW, AMBER, age), rest))
    frame.ring(x, y, side * (0.2 + 0.75 * age), side * (0.28 + 0.8 * age), fade(AMBER, 0.8 * rest))
    for k in range(9):
        angle = k * math.tau / 9 + 0.2 * (k % 3)
        far = side * (0.25 + (0.5 + 0.13 * (k % 4)) * math.sqrt(age))
        frame.circle(x + far * math.cos(angle), y + far * math.sin(angle), side * 0.07 * rest, fade(ORANGE, rest))


def _draw_hud(state: Any, frame: Frame) -> None:
    """Time left, rounds won, and a mark for each tank: bright while it lasts."""
    seconds = max(0, int(state.max_steps) - int(state.tick)) / RATE
    won, lost = (int(wins) for wins in state.wins)
    x = frame.hud("tanks", ("rounds won", f"{won} : {lost}"), ("time", f"{seconds:.0f} s"))
    size = int(state.team_size)
    step = 14 if size <= 8 else 11
    for team in (1, 0):
        for k in range(size):
            i = team * size + k
            lit = bool(state.alive[i])
            at = x - (size - k) * step
            frame.rect(at, 15, step - 4, 14, TEAMS[team] if lit else fade(TEAMS[team], 0.2), 2)
        x -= size * step + 14

"""Lantern: a maze in the dark, seen as far as a light reaches. Each colour has a shape, too."""

from __future__ import annotations

import functools
import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_render.frame import HUD_HEIGHT, Frame
from puffer_render.palette import AMBER, CORAL, MINT, NIGHT, SKY, SLATE, SNOW, STEEL, Color, blend, fade

SIGHT, TOP_SPEED, RADIUS, LIGHT = 6.0, 3.2, 0.2, 0.5
"""Metres; metres per second along an axis."""
TRAIL_TICKS = 4
COLORS = (CORAL, SKY, AMBER, MINT)
SHAPES = ("triangle", "square", "disc", "cross")
"""By colour, so that nobody has to tell colours apart."""
VERDICTS = (
    ("Your light went out.", STEEL),
    ("The wrong gate. The dark keeps you.", CORAL),
    ("The right gate!", MINT),
)
VERDICT_TICKS = 60

BOARD, MARGIN, FOOTER = 600, 20, 40
SIZE = (BOARD + 2 * MARGIN, HUD_HEIGHT + BOARD + FOOTER)
MAX_TILE = 60
KEYS = {
    "left": ("left", "a"),
    "right": ("right", "d"),
    "up": ("up", "w"),
    "down": ("down", "s"),
    "brake": ("space", "left_shift"),
}
PLAY = {"patience": 4, "num_levels": 24, "difficulty": 0, "spread": 0}
GOAL = "Find the lantern, then stop in the gate of its colour."
FRAMESKIP = "frameskip"
FRAME_RATE = 30.0

DARK: Color = (7, 8, 14, 255)
WARM: Color = (255, 214, 150, 255)
RAYS = 96
"""Evenly spaced; two more go past each corner of a wall."""
FAR = 60.0
"""Metres: where shadows end, outside of any picture."""

DUSK_FROM = ((4.8, 0.3), (5.2, 0.35), (5.6, 0.45))
"""Metres from which light that meets no wall fades, in steps, and by how much each."""

MEMORY = fade(STEEL, 0.1)
"""What was seen and is dark now."""

Points = NDArray[np.float64]
Tile = tuple[int, int]
"""Row and column."""
Wall = tuple[float, float, float, float]
Point = tuple[float, float]


def pilot(state: Any, labels: frozenset[str], agent: int) -> tuple[float, float]:
    """Thrust; the brake thrusts against the motion, up to rest."""
    del agent
    if "brake" in labels:
        return tuple(max(-1.0, min(1.0, -6.0 * float(v))) for v in (state.vx, state.vy))  # type: ignore[return-value]
    return float("right" in labels) - float("left" in labels), float("down" in labels) - float("up" in labels)


class View:
    """Where metres lie on the picture: the maze in its middle, as large as fits."""

    def __init__(self, state: Any) -> None:
        bits = np.asarray(state.rows).reshape(-1)
        self.floor = (bits[:, None] >> np.arange(32, dtype=np.uint32) & 1).astype(bool)
        rows, columns = np.flatnonzero(self.floor.any(1)), np.flatnonzero(self.floor.any(0))
        self.top, self.left = float(rows[0] - 1), float(columns[0] - 1)
        height, width = rows[-1] - rows[0] + 3, columns[-1] - columns[0] + 3
        self.tile = min(BOARD / max(height, width), MAX_TILE)
        self.x0 = MARGIN + (BOARD - width * self.tile) / 2 - self.left * self.tile
        self.y0 = HUD_HEIGHT + (BOARD - height * self.tile) / 2 - self.top * self.tile

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Units of a place in metres."""
        return self.x0 + x * self.tile, self.y0 + y * self.tile


def verdict(state: Any, agent: int) -> str:
    """How the last episode ended."""
    del agent
    return (*(text for text, _ in VERDICTS), "")[int(state.verdict)]


def draw(state: Any, frame: Frame) -> None:
    """What the light falls on; then the shadows over it; then what the player remembers, and the player."""
    view = View(state)
    frame.clear(DARK)
    _draw_light(state, view, frame)
    for gate, (x, y) in enumerate(np.asarray(state.gates).tolist()):
        if _is_lit(state, view, x, y, SIGHT + LIGHT):
            _draw_gate(*view.point(x, y), view.tile, int(state.gate_colour[gate]), frame)
    x, y = np.asarray(state.lantern).reshape(-1).tolist()
    if _is_lit(state, view, x, y, float(state.glow)):
        _draw_lantern(state, *view.point(x, y), view.tile, frame)
    _draw_shadows(state, view, frame)
    _draw_memory(state, view, frame)
    _draw_footprints(state, view, frame)
    _draw_body(state, view, frame)
    _draw_frame(state, frame)


def cast(floor: NDArray[np.bool_], x: float, y: float, angles: Points) -> Points:
    """Metres from a place to the first wall in each direction, at most `SIGHT`."""
    dx, dy = np.cos(angles), np.sin(angles)
    gap_x, gap_y = 1 / np.maximum(np.abs(dx), 1e-12), 1 / np.maximum(np.abs(dy), 1e-12)
    column, row = np.full(len(angles), int(x)), np.full(len(angles), int(y))
    to_x = np.where(dx < 0, x - int(x), 1 - (x - int(x))) * gap_x
    to_y = np.where(dy < 0, y - int(y), 1 - (y - int(y))) * gap_y
    distance = np.zeros(len(angles))
    on = np.full(len(angles), True)
    while on.any():
        across = to_x < to_y
        distance = np.where(on, np.minimum(to_x, to_y), distance)
        column += np.where(on & across, np.where(dx < 0, -1, 1), 0)
        row += np.where(on & ~across, np.where(dy < 0, -1, 1), 0)
        to_x, to_y = to_x + across * gap_x, to_y + ~across * gap_y
        on &= (distance < SIGHT) & floor[row, column]
    return np.minimum(distance, SIGHT)


def _is_lit(state: Any, view: View, x: float, y: float, reach: float) -> bool:
    """Whether a disc of light is in reach, and a part of it behind no wall."""
    turns = np.linspace(0, 2 * math.pi, 12, endpoint=False)
    to_x = np.append(x + 0.9 * LIGHT * np.cos(turns), x) - float(state.x)
    to_y = np.append(y + 0.9 * LIGHT * np.sin(turns), y) - float(state.y)
    distances = np.hypot(to_x, to_y)
    if distances[-1] >= reach:
        return False
    return bool((cast(view.floor, float(state.x), float(state.y), np.arctan2(to_y, to_x)) > distances - 1e-6).any())


def _directions(view: View, x: float, y: float) -> Points:
    """Evenly spaced ones, and those just beside each corner of a wall in reach: there, light ends."""
    top, left = max(int(y - SIGHT), 0), max(int(x - SIGHT), 0)
    near = view.floor[top : int(y + SIGHT) + 2, left : int(x + SIGHT) + 2]
    open_around = near[:-1, :-1].astype(int) + near[:-1, 1:] + near[1:, :-1] + near[1:, 1:]
    rows, columns = np.nonzero((open_around > 0) & (open_around < 4))
    corners = np.arctan2(rows + top + 1 - y, columns + left + 1 - x)
    even = np.linspace(-math.pi, math.pi, RAYS, endpoint=False)
    return np.unique(np.concatenate([even, corners - 1e-4, corners + 1e-4]))


def _draw_light(state: Any, view: View, frame: Frame) -> None:
    """Around the body, and farther ahead of where it goes."""
    x, y = view.point(float(state.x), float(state.y))
    reach = SIGHT * view.tile
    left = 1 - float(state.tick) / max(float(state.limit), 1.0)
    color = blend(CORAL, WARM, min(1.0, 0.15 + 4 * left))
    frame.glow(x, y, reach * 1.15, fade(color, 0.34))
    frame.glow(x, y, reach * 0.6, fade(color, 0.26))
    speed = math.hypot(float(state.vx), float(state.vy))
    heading, strength = math.atan2(float(state.vy), float(state.vx)), min(1.0, speed / TOP_SPEED)
    for share, spread in ((1.0, 0.30), (0.8, 0.36), (0.6, 0.42), (0.4, 0.5)):
        rim = [
            (x + reach * share * math.cos(heading + turn), y + reach * share * math.sin(heading + turn))
            for turn in np.linspace(-spread, spread, 9).tolist()
        ]
        if strength > 0.05:
            frame.polygon([(x, y), *rim], fade(color, 0.09 * strength))
    _draw_tiles(state, view, frame)


def _draw_tiles(state: Any, view: View, frame: Frame) -> None:
    """Seams between tiles, darker with the distance."""
    x, y = float(state.x), float(state.y)
    for row, column in itertools.product(range(int(y - 5), int(y + 7)), range(int(x - 5), int(x + 7))):
        distance = math.hypot(column - x, row - y)
        if 0 <= row < 32 and 0 <= column < 32 and distance < SIGHT - 1:
            light = fade(DARK, 0.5 * (1 - distance / (SIGHT - 1)))
            px, py = view.point(column, row)
            frame.rect(px - 0.6, py - view.tile * 0.12, 1.2, view.tile * 0.24, light)
            frame.rect(px - view.tile * 0.12, py - 0.6, view.tile * 0.24, 1.2, light)


def _draw_shape(shape: str, x: float, y: float, size: float, color: Color, frame: Frame) -> None:
    """About `size` units wide and high."""
    half = size / 2
    if shape == "triangle":
        frame.polygon([(x, y - half * 1.1), (x + half * 1.1, y + half * 0.8), (x - half * 1.1, y + half * 0.8)], color)
    elif shape == "square":
        frame.rect(x - half * 0.85, y - half * 0.85, size * 0.85, size * 0.85, color)
    elif shape == "disc":
        frame.circle(x, y, half, color)
    else:
        reach = half * 0.75
        for turn in (-1, 1):
            frame.line(x - reach, y - turn * reach, x + reach, y + turn * reach, size * 0.3, color)


def _draw_gate(x: float, y: float, tile: float, number: int, frame: Frame) -> None:
    """A ring of light on the floor."""
    color, radius = COLORS[number], LIGHT * tile
    frame.glow(x, y, tile * 1.5, fade(color, 0.45))
    frame.circle(x, y, radius, blend(DARK, color, 0.22))
    frame.ring(x, y, radius * 0.82, radius, color)
    _draw_shape(SHAPES[number], x, y, tile * 0.4, color, frame)


def _draw_lantern(state: Any, x: float, y: float, tile: float, frame: Frame) -> None:
    """A flame behind glass; white where its colour is hidden."""
    shown = bool(int(state.beacon))
    color = COLORS[int(state.colour)] if shown else SNOW
    flicker = 1 + 0.06 * math.sin(float(state.tick) * 0.9) + 0.04 * math.sin(float(state.tick) * 0.37)
    frame.glow(x, y, tile * 3.2 * flicker, fade(color, 0.6))
    frame.glow(x, y, tile * 1.2 * flicker, fade(SNOW, 0.5))
    half, top, bottom = tile * 0.34, y - tile * 0.4, y + tile * 0.46
    frame.ring(x, top - tile * 0.06, tile * 0.1, tile * 0.16, SNOW)
    frame.rect(x - half, top, 2 * half, bottom - top, color, tile * 0.12)
    frame.rect(x - half * 1.2, top, 2.4 * half, tile * 0.12, SNOW, tile * 0.05)
    frame.rect(x - half * 1.2, bottom - tile * 0.12, 2.4 * half, tile * 0.12, SNOW, tile * 0.05)
    if shown:
        _draw_shape(SHAPES[int(state.colour)], x, y + tile * 0.03, tile * 0.38, DARK, frame)


def _draw_shadows(state: Any, view: View, frame: Frame) -> None:
    """Behind every wall that the light meets; and the faces of these walls."""
    x, y = float(state.x), float(state.y)
    angles = _directions(view, x, y)
    distances = cast(view.floor, x, y, angles)
    rays = list(zip(angles.tolist(), distances.tolist(), strict=True))
    faces = []
    for (a, near), (b, next_near) in itertools.pairwise([*rays, rays[0]]):
        sides = (math.cos(a), math.sin(a)), (math.cos(b), math.sin(b))
        p, q = (view.point(x + d * dx, y + d * dy) for d, (dx, dy) in zip((near, next_near), sides, strict=True))
        ends = [view.point(x + FAR * dx, y + FAR * dy) for dx, dy in sides]
        for reach, opacity in DUSK_FROM:
            if min(near, next_near) > reach:
                rim = [view.point(x + reach * dx, y + reach * dy) for dx, dy in sides]
                frame.polygon([*rim, q, p], fade(DARK, opacity))
        frame.polygon([p, q, ends[1], ends[0]], DARK)
        frame.line(*p, *ends[0], 1.5, DARK)  # the seam to the next
        if near < SIGHT and next_near < SIGHT and abs(near - next_near) < 0.6:
            faces.append((p, q, (near + next_near) / 2))
    for p, q, distance in faces:
        _draw_face(p, q, (1 - distance / SIGHT) ** 1.3, view.tile, frame)


def _draw_face(p: Point, q: Point, light: float, tile: float, frame: Frame) -> None:
    """A piece of a wall; a little longer than it is, so that pieces join."""
    size = math.dist(p, q)
    if size > 0.01:
        dx, dy = (q[0] - p[0]) / size * 0.7, (q[1] - p[1]) / size * 0.7
        color = blend(DARK, blend(STEEL, WARM, 0.55), light)
        frame.line(p[0] - dx, p[1] - dy, q[0] + dx, q[1] + dy, max(2.0, tile * 0.1), color)


@functools.lru_cache(maxsize=4096)
def _seen_from(rows: bytes, row: int, column: int) -> frozenset[Tile]:
    """The tiles of floor that light falls on from the middle of one of them."""
    floor = _tiles(np.frombuffer(rows, np.uint32))
    angles = np.linspace(-math.pi, math.pi, RAYS, endpoint=False)
    reach = cast(floor, column + 0.5, row + 0.5, angles)
    along = np.arange(0.25, SIGHT, 0.25)
    lit = along < reach[:, None] - 0.05
    x = (column + 0.5 + along * np.cos(angles)[:, None])[lit]
    y = (row + 0.5 + along * np.sin(angles)[:, None])[lit]
    return frozenset(zip(y.astype(int).tolist(), x.astype(int).tolist(), strict=True)) | {(row, column)}


@functools.lru_cache(maxsize=8)
def remembered(rows: bytes, footprints: bytes) -> tuple[frozenset[Tile], tuple[Wall, ...]]:
    """The tiles that were seen from where the body has been, and the walls beside them; a wall is two corners."""
    steps = np.argwhere(_tiles(np.frombuffer(footprints, np.uint32))).tolist()
    seen: frozenset[Tile] = frozenset().union(*(_seen_from(rows, row, column) for row, column in steps))
    floor = _tiles(np.frombuffer(rows, np.uint32))
    walls = []
    for row, column in sorted(seen):
        for down, right in ((-1, 0), (0, 1), (1, 0), (0, -1)):
            if not floor[row + down, column + right]:
                x, y = column + 0.5 + right / 2, row + 0.5 + down / 2
                walls.append((x - abs(down) / 2, y - abs(right) / 2, x + abs(down) / 2, y + abs(right) / 2))
    return seen, tuple(walls)


def _tiles(rows: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """A bit for each tile as an array."""
    return (rows.reshape(-1)[:, None] >> np.arange(32, dtype=np.uint32) & 1).astype(bool)


def _draw_memory(state: Any, view: View, frame: Frame) -> None:
    """What was seen so far, faintly: floor, walls, and without their colours the gates and the lantern."""
    seen, walls = remembered(np.asarray(state.rows).tobytes(), np.asarray(state.footprints).tobytes())
    for row, across in itertools.groupby(sorted(seen), key=lambda tile: tile[0]):
        columns = [column for _, column in across]
        first = columns[0]
        for column, following in zip(columns, [*columns[1:], None], strict=True):
            if following != column + 1:
                x, y = view.point(first, row)
                frame.rect(x, y, (column + 1 - first) * view.tile, view.tile, MEMORY)
                first = column if following is None else following
    for x0, y0, x1, y1 in walls:
        frame.line(*view.point(x0, y0), *view.point(x1, y1), 1.5, fade(STEEL, 0.4))
    lights = [*np.asarray(state.gates).tolist(), np.asarray(state.lantern).reshape(-1).tolist()]
    for x, y in lights:
        if (int(y), int(x)) in seen and not _is_lit(state, view, x, y, SIGHT):
            at, radius = view.point(x, y), LIGHT * view.tile
            frame.ring(*at, radius * 0.86, radius, fade(STEEL, 0.5))


def _draw_footprints(state: Any, view: View, frame: Frame) -> None:
    """On tiles where the body has been."""
    bits = np.asarray(state.footprints).reshape(-1)
    for row, column in np.argwhere(bits[:, None] >> np.arange(32, dtype=np.uint32) & 1).tolist():
        frame.circle(*view.point(column + 0.5, row + 0.5), max(1.5, view.tile * 0.06), fade(STEEL, 0.55))


def _draw_body(state: Any, view: View, frame: Frame) -> None:
    x, y = view.point(float(state.x), float(state.y))
    radius, count = RADIUS * view.tile, len(state.trail_x)
    newest = int(state.tick) // TRAIL_TICKS
    for age in range(count - 1, 0, -1):
        at = (newest - age) % count
        tail = view.point(float(state.trail_x[at]), float(state.trail_y[at]))
        share = 1 - age / count
        frame.circle(*tail, radius * (0.25 + 0.6 * share), fade(WARM, 0.22 * share))
    frame.glow(x, y, radius * 4, fade(WARM, 0.5))
    frame.circle(x, y, radius, SNOW)
    frame.circle(x, y, radius * 0.55, WARM)
    if int(state.resting) > 0:
        share = int(state.resting) / max(int(state.needed), 1)
        frame.ring(x, y, radius * 1.7, radius * 2.2, SNOW, -90, -90 + 360 * min(share, 1.0))


def _draw_frame(state: Any, frame: Frame) -> None:
    """Above, numbers and the time that is left; below, the keys, or what is sought; the end of the last game."""
    frame.rect(0, 0, frame.width, HUD_HEIGHT, NIGHT)
    frame.rect(0, frame.height - FOOTER, frame.width, FOOTER, NIGHT)
    rank, levels = int(state.rank), int(state.num_levels)
    left = max(int(state.limit) - int(state.tick), 0)
    frame.hud("lantern", ("maze", rank + 1), ("of", levels), ("seconds", f"{left / 30:.0f}"))
    share = left / max(int(state.limit), 1)
    frame.rect(0, HUD_HEIGHT - 3, frame.width, 3, SLATE)
    frame.rect(0, HUD_HEIGHT - 3, frame.width * share, 3, WARM if share > 0.2 else CORAL)
    middle, y = frame.width / 2, frame.height - FOOTER + 12
    if frame.person is None:
        width = frame.text(MARGIN, y, "sought:", 16, STEEL)
        number = int(state.colour)
        _draw_shape(SHAPES[number], MARGIN + width + 18, y + 8, 18, COLORS[number], frame)
    else:
        text = "arrows or WASD thrust   ·   space brakes   ·   rest in the gate of the lantern's colour"
        frame.text(middle, y, text, 16, STEEL, "center")
    tick, verdict = int(state.tick), int(state.verdict)
    if verdict < len(VERDICTS) and tick < VERDICT_TICKS:
        text, color = VERDICTS[verdict]
        opacity = min(1.0, 2 * (1 - tick / VERDICT_TICKS))
        frame.text(middle, HUD_HEIGHT + 24, text, 30, fade(color, opacity), "center")

"""Tower: cubes in space in the colours of their height, a hero, a goal that glows, and what each key would do now."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_render.draw import tower_rules as rules
from puffer_render.frame import HUD_HEIGHT, Frame
from puffer_render.palette import (
    AMBER,
    CORAL,
    DUSK,
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
from puffer_render.scene import Camera, Scene, place

SIDE, BASE, TOP = rules.SIDE, rules.BASE, rules.TOP
PANEL = 300
MARGIN = 16
SIZE = (1060, 720)
CAMERA = True
WAITS = True
KEYS = {
    "north": ("up", "w"),
    "east": ("right", "d"),
    "south": ("down", "s"),
    "west": ("left", "a"),
    "grab": ("space",),
    "release": ("x",),
}
PLAY = {"max_steps": 100_000}

YAW, PITCH = -66.0, 30.0
"""Degrees: from the south, a little from the east, so that the up key leads away and three faces of a cube are seen."""
CUBE = 0.95
"""Of a cell; the gaps show where one block ends."""
TILE = 0.72
"""The lighter square on top of a block."""
HUES = (VIOLET, SKY, TEAL, MINT, AMBER, ORANGE, CORAL, PINK)
"""Of the layers, from the lowest; in between they are mixed."""
SHADE = fade(SNOW, 0.3)
"""Of the hero, on what hides him."""
RESULTS = {
    1: ("solved!", MINT),
    2: ("you fell out of the world", CORAL),
    3: ("a block fell on your head", CORAL),
    4: ("out of time", STEEL),
}
HINTS = (
    "Grab a block, then push or pull it.",
    "A block holds on the block below it,",
    "or on the edge of one beside that.",
    "Where it is deep you hang from the edge:",
    "you can climb back, or move along it.",
    "Stuck? R begins a new game.",
)


def draw(state: Any, frame: Frame) -> None:
    """The tower from the front; beside it the keys, and the tower from behind."""
    frame.clear(NIGHT)
    world = rules.Tower(state)
    frame.hud(
        "tower",
        ("level", f"{int(state.rank) + 1} of {int(state.num_levels)}"),
        ("height", f"{world.height - BASE} of {int(state.goal_height) - BASE}"),
        ("par", int(state.par)),
        ("steps", int(state.tick)),
    )
    left = frame.width - PANEL
    _draw_view(world, state, frame, view(state), (0, HUD_HEIGHT, left, frame.height - HUD_HEIGHT))
    _draw_panel(world, state, frame, left)


def view(state: Any) -> Camera:
    """Of the hero, of what is below him, and of the goal."""
    hero, goal = float(state.height) - BASE, float(state.goal_height) - BASE
    span = max(abs(hero - goal), 4)
    return Camera((SIDE / 2, SIDE / 2, max((hero + goal) / 2, 1.5)), 11.5 + 1.05 * span, yaw=YAW, pitch=PITCH, fov=38)


# ---- The scene: x is the column, y the row from the south, z the height above the base. ----


def middle(spot: rules.Spot) -> NDArray[np.float32]:
    """Of a cell, in space."""
    row, column, height = spot
    return np.array([column + 0.5, SIDE - row - 0.5, height - BASE + 0.5], np.float32)


def _draw_view(
    world: rules.Tower, state: Any, frame: Frame, camera: Camera, area: tuple[float, float, float, float]
) -> None:
    left, top, width, height = area
    goal = rules.spot_of(int(state.goal_cell), int(state.goal_height))
    with frame.scene(camera, left, top, width, height) as scene:
        _draw_ground(scene)
        _draw_blocks(world, scene)
        _draw_hero(world, scene)
        _draw_goal(goal, scene)
        marks = [scene.project(middle(spot)) for spot in (goal, world.at)]
    if _is_hidden(world, scene.camera.position):
        with frame.scene(camera, left, top, width, height) as through:
            _draw_hero(world, through, SHADE)
    for mark, color, radius in zip(marks, (MINT, SNOW), (46, 20), strict=True):
        if mark is not None and abs(mark[0]) < 1 and abs(mark[1]) < 1:
            x, y = left + (mark[0] + 1) / 2 * width, top + (1 - mark[1]) / 2 * height
            scale = width / (SIZE[0] - PANEL)
            room = min(x - left, left + width - x, y - top, top + height - y)
            frame.glow(x, y, min(radius * 1.6 * scale, room), fade(color, 0.4))


def _draw_ground(scene: Scene) -> None:
    """The border of the world around the base, and its four sides by name."""
    corners = np.array([(0, 0, 0), (SIDE, 0, 0), (SIDE, SIDE, 0), (0, SIDE, 0)], np.float32)
    scene.path(np.concatenate([corners, corners[:1]]), SLATE)
    for at in range(1, SIDE):
        scene.line((at, 0, 0), (at, SIDE, 0), fade(SLATE, 0.45))
        scene.line((0, at, 0), (SIDE, at, 0), fade(SLATE, 0.45))


def color_of(height: int) -> Color:
    """Of the blocks of a layer."""
    if height == BASE:
        return blend(STEEL, SLATE, 0.35)
    along = (height - BASE - 1) * (len(HUES) - 1) / (TOP - BASE - 1)
    first = min(int(along), len(HUES) - 2)
    return blend(blend(HUES[first], HUES[first + 1], along - first), NIGHT, 0.12)


def _draw_blocks(world: rules.Tower, scene: Scene) -> None:
    """Layer by layer; the block that can be grabbed stands out."""
    ahead = world.near(world.at, world.facing)
    marked = ahead if world.hands != "hang" and world.filled(ahead) else None
    for height in range(BASE, TOP + 1):
        spots = [spot for spot in world.layer(height) if spot != marked]
        if spots:
            color = color_of(height)
            scene.triangles(np.concatenate([_faces(world, spot) for spot in spots]), color)
            tops = [spot for spot in spots if not world.filled((*spot[:2], height + 1))]
            if tops:
                scene.triangles(np.concatenate([_tile(spot) for spot in tops]), blend(color, SNOW, 0.25))
    if marked:
        bright = SNOW if world.hands == "hold" else blend(color_of(marked[2]), SNOW, 0.45)
        scene.triangles(_faces(world, marked), bright)
        scene.triangles(_tile(marked), AMBER if world.hands == "hold" else blend(bright, SNOW, 0.5))


def _faces(world: rules.Tower, spot: rules.Spot) -> NDArray[np.float32]:
    """The sides of a block that can be seen."""
    center, half = middle(spot), CUBE / 2
    quads = []
    for side, (south, east) in enumerate(rules.STEPS):
        beside = world.near(spot, side)
        if not world.filled(beside):
            out, along = np.array([east, -south, 0]) * half, np.array([south, east, 0]) * half
            quads.append([out - along, out + along])
    up = np.array([0, 0, half])
    walls = [(a - up, b - up, b + up, a + up) for a, b in quads]
    across = [np.array([x, y, 0]) * half for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    if not world.filled((*spot[:2], spot[2] + 1)):
        walls.append(tuple(corner + up for corner in across))
    walls.append(tuple(corner - up for corner in across))
    faces: NDArray[np.float32] = np.array([t for a, b, c, d in walls for t in ((a, b, c), (a, c, d))], np.float32)
    return faces + center


def _tile(spot: rules.Spot) -> NDArray[np.float32]:
    half, up = TILE / 2, CUBE / 2 + 0.006
    a, b, c, d = ((x * half, y * half, up) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1)))
    return np.array([(a, b, c), (a, c, d)], np.float32) + middle(spot)


def _is_hidden(world: rules.Tower, eye: tuple[float, float, float]) -> bool:
    """Whether there is a block between the hero's head and the eye."""
    head = middle(world.at) + np.array((0, 0, 0.15))
    way = np.asarray(eye) - head
    for step in np.arange(0.4, 14, 0.1):
        x, y, z = (int(c) for c in np.floor(head + way / np.linalg.norm(way) * step))
        inside = 0 <= x < SIDE and 0 <= y < SIDE and 0 <= z <= TOP - BASE
        spot = (SIDE - 1 - y, x, z + BASE)
        if inside and spot != world.at and world.filled(spot):
            return True
    return False


def _draw_hero(world: rules.Tower, scene: Scene, shade: Color | None = None) -> None:
    """A round body with eyes where he looks, and arms to what he holds; or only his shade."""
    colors = (ORANGE, CORAL, blend(CORAL, SNOW, 0.35), SNOW, NIGHT, AMBER)
    shoes, shirt, sleeves, face, eyes, mark = (shade or color for color in colors)
    south, east = rules.STEPS[world.facing]
    out, across = np.array([east, -south, 0.0]), np.array([south, east, 0.0])
    turn = np.column_stack([out, across, (0, 0, 1)])
    hangs, holds = world.hands == "hang", world.hands == "hold"
    feet = middle(world.at) + (out * 0.22 if hangs else out * 0.14 if holds else 0) - (0, 0, 0.1 if hangs else 0.5)

    def at(forward: float, left: float, up: float) -> NDArray[np.float64]:
        spot: NDArray[np.float64] = feet + turn @ (forward, left, up)
        return spot

    if not hangs:
        arrow = np.array([[(0.62, 0.0, 0.02), (0.4, 0.14, 0.02), (0.4, -0.14, 0.02)]]) @ turn.T
        scene.triangles(arrow + middle(world.at) - (0, 0, 0.5), mark, lit=False)
    for foot in (-0.11, 0.11):
        scene.box(at(0.02, foot, 0.06), (0.2, 0.14, 0.14), shoes, turn)
    scene.box(at(0, 0, 0.27), (0.26, 0.38, 0.34), shirt, turn)
    scene.sphere(at(0, 0, 0.6), 0.21, face)
    for eye in (-0.085, 0.085) if shade is None else ():
        scene.sphere(at(0.17, eye, 0.64), 0.055, eyes)
    reach, lift = (0.22, 0.5) if hangs else (0.3, 0.34) if holds else (0.04, 0.24)
    for arm in (-0.24, 0.24):
        size = (0.1, 0.1, 0.5) if hangs else (0.5, 0.1, 0.1) if holds else (0.1, 0.1, 0.32)
        scene.box(at(reach if holds else reach * 0.5, arm, lift), size, sleeves, turn)


def _draw_goal(goal: rules.Spot, scene: Scene) -> None:
    """A crystal in a column of light."""
    center = middle(goal)
    tips = np.array([(x, y, z) for x in (0.26, -0.26) for y in (0.26, -0.26) for z in (0.4, -0.4)], np.float32)
    crystal = np.array([np.diag(tip) for tip in tips], np.float32)
    scene.triangles(place(crystal, center), MINT)
    beam = np.array([(x * 0.42, y * 0.42) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1))], np.float32)
    for (x0, y0), (x1, y1) in itertools.pairwise(beam):
        low, high = -0.5, 2.5
        a, b, c, d = (x0, y0, low), (x1, y1, low), (x1, y1, high), (x0, y0, high)
        scene.triangles(np.array([(a, b, c), (a, c, d)], np.float32) + center, fade(MINT, 0.16), lit=False)


# ---- The panel. ----


def _draw_panel(world: rules.Tower, state: Any, frame: Frame, left: float) -> None:
    width = PANEL - MARGIN
    top: float = HUD_HEIGHT + 8
    frame.rect(left, top, width, 272, DUSK, 12)
    frame.text(left + 18, top + 14, "what the keys do now", 16, STEEL)
    for action, verb in enumerate(rules.verbs(world)):
        _draw_key(action, verb, left + 18, top + 44 + 37 * action, frame)
    top += 284
    for line, hint in enumerate(HINTS):
        frame.text(left + 6, top + 19 * line, hint, 14, STEEL)
    top += 19 * len(HINTS) + 4
    if int(state.result) in RESULTS and int(state.tick) == 0:
        text, color = RESULTS[int(state.result)]
        frame.text(left + 6, top, f"last game: {text}", 16, color)
    top += 24
    height = frame.height - top - MARGIN
    frame.rect(left, top, width, height, DUSK, 12)
    front = view(state)
    behind = Camera(front.target, front.distance * 1.02, front.yaw + 180, front.pitch, front.fov)
    _draw_view(world, state, frame, behind, (left + 4, top + 4, width - 8, height - 8))
    frame.text(left + 14, top + 10, "from behind", 14, STEEL)


def _draw_key(action: int, verb: str | None, x: float, y: float, frame: Frame) -> None:
    """A key's cap, and beside it what it does now."""
    danger = verb in rules.DEADLY
    ink = SLATE if verb is None else CORAL if danger else SNOW
    wide = action >= rules.GRAB
    frame.rect(x, y, 58 if wide else 30, 30, blend(SLATE, DUSK, 0.6 if verb is None else 0), 7)
    if wide:
        frame.text(x + 29, y + 7, "space" if action == rules.GRAB else "X", 15, ink, "center")
    else:
        _draw_arrow(x + 15, y + 15, action, ink, frame)
    frame.text(x + (72 if wide else 44), y + 6, verb or "-", 18, ink)


def _draw_arrow(x: float, y: float, side: int, color: Color, frame: Frame) -> None:
    angle = math.radians((0, 90, 180, 270)[side])
    points = [(0, -8), (7, 5), (-7, 5)]
    turned = [
        (px * math.cos(angle) - py * math.sin(angle), px * math.sin(angle) + py * math.cos(angle)) for px, py in points
    ]
    frame.polygon([(x + px, y + py) for px, py in turned], color)

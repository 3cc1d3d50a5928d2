"""The scene of `tower`: ground, blocks, hero, goal. x is the column, y the row from the south, z the height."""

from __future__ import annotations

import copy
import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_render.draw import tower_rules as rules
from puffer_render.draw.tower_motion import UP, Motion, Pose, Vector, middle, rest
from puffer_render.draw.tower_moves import BELOW, CRUSHED, Move
from puffer_render.frame import Frame
from puffer_render.palette import AMBER, CORAL, MINT, NIGHT, ORANGE, RISING, SKY, SLATE, SNOW, STEEL, Color, blend, fade
from puffer_render.scene import Camera, Scene, place

SIDE, BASE, TOP = rules.SIDE, rules.BASE, rules.TOP
CUBE = 0.95
"""Of a cell; the gaps show where one block ends."""
TILE = 0.72
"""The lighter square on top of a block."""
GLASS = 0.28
"""How much is seen of a block that hides the hero or the goal."""
PUSH, PULL = AMBER, SKY
"""The outlines of what would move."""
WIDTH = 760.0
"""Units of the picture for which glows are as large as given."""

Area = tuple[float, float, float, float]


class Stage:
    """What there is to see of a state, or of a moment between two."""

    def __init__(self, state: Any) -> None:
        self.world = rules.Tower(state)
        self.motion: Motion | None = getattr(state, "motion", None)
        moves = self.motion is not None and self.motion.move is not None
        self.hero: Pose = self.motion.pose() if moves and self.motion else rest(state)
        self.moving: dict[rules.Spot, Vector] = self.motion.blocks() if moves and self.motion else {}
        self.joy = self.motion.joy if self.motion else 0.0
        for spot in self.moving:
            self.world.put(spot, False)

    @property
    def rests(self) -> bool:
        """Whether nothing moves, so that it matters what keys would do."""
        return self.motion is None


def draw_view(stage: Stage, previews: dict[int, Move], frame: Frame, camera: Camera, area: Area) -> None:
    """The tower from a camera, in a part of the picture, with what may move."""
    left, top, width, height = area
    with frame.scene(camera, left, top, width, height) as scene:
        glass = find_glass(stage, scene.camera.position)
        _draw_ground(scene)
        _draw_blocks(stage, glass, scene)
        _draw_hero(stage.hero, scene)
        _draw_goal(stage, scene)
        for spot in sorted(glass):
            scene.box(middle(spot), (CUBE, CUBE, CUBE), fade(color_of(spot[2]), GLASS))
            _draw_outline(middle(spot), CUBE, fade(color_of(spot[2]), 0.9), scene)
        marks = [scene.project(spot) for spot in (middle(stage.world.goal), stage.hero.center)]
    if previews:
        with frame.scene(camera, left, top, width, height) as through:
            for action, move in previews.items():
                _draw_preview(move, PUSH if action == stage.world.facing else PULL, through)
    for mark, color, radius in zip(marks, (MINT, SNOW), (46 * (1 + 2.5 * stage.joy), 20), strict=True):
        if mark is not None and abs(mark[0]) < 1 and abs(mark[1]) < 1:
            x, y = left + (mark[0] + 1) / 2 * width, top + (1 - mark[1]) / 2 * height
            room = min(x - left, left + width - x, y - top, top + height - y)
            frame.glow(x, y, min(radius * 1.6 * width / WIDTH, room), fade(color, 0.4 + 0.3 * stage.joy))


def _draw_ground(scene: Scene) -> None:
    """The border of the world around the base, and its four sides by name."""
    corners = np.array([(0, 0, 0), (SIDE, 0, 0), (SIDE, SIDE, 0), (0, SIDE, 0)], np.float32)
    scene.path(np.concatenate([corners, corners[:1]]), SLATE)
    for at in range(1, SIDE):
        scene.line((at, 0, 0), (at, SIDE, 0), fade(SLATE, 0.45))
        scene.line((0, at, 0), (SIDE, at, 0), fade(SLATE, 0.45))


def color_of(height: float) -> Color:
    """Of the blocks of a layer, or between two."""
    if height <= BASE:
        return blend(STEEL, SLATE, 0.35)
    along = min(max((height - BASE - 1) * (len(RISING) - 1) / (TOP - BASE - 1), 0.0), len(RISING) - 1)
    first = min(int(along), len(RISING) - 2)
    return blend(blend(RISING[first], RISING[first + 1], along - first), NIGHT, 0.12)


def _draw_blocks(stage: Stage, glass: set[rules.Spot], scene: Scene) -> None:
    """Layer by layer, but for those of glass; the block that can be grabbed stands out, and some may be moving."""
    world = copy.deepcopy(stage.world)
    for spot in glass:
        world.put(spot, False)
    ahead = world.near(world.at, world.facing) if stage.rests and world.hands != "hang" else None
    marked = ahead if world.filled(ahead) else None
    for height in range(BASE, TOP + 1):
        spots = [spot for spot in world.layer(height) if spot != marked]
        if spots:
            color = color_of(height)
            scene.triangles(np.concatenate([_faces(world, spot) for spot in spots]), color)
            tops = [spot for spot in spots if not world.filled((*spot[:2], height + 1))]
            if tops:
                scene.triangles(np.concatenate([_tile(middle(spot)) for spot in tops]), blend(color, SNOW, 0.25))
    if marked:
        bright = SNOW if world.hands == "hold" else blend(color_of(marked[2]), SNOW, 0.45)
        scene.triangles(_faces(world, marked), bright)
        scene.triangles(_tile(middle(marked)), AMBER if world.hands == "hold" else blend(bright, SNOW, 0.5))
    for center in stage.moving.values():
        color = color_of(float(center[2]) - 0.5 + BASE)
        scene.box(center, (CUBE, CUBE, CUBE), color)
        scene.triangles(_tile(center), blend(color, SNOW, 0.25))


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
    return faces + center.astype(np.float32)


def _tile(center: Vector) -> NDArray[np.float32]:
    half, up = TILE / 2, CUBE / 2 + 0.006
    a, b, c, d = ((x * half, y * half, up) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1)))
    return np.array([(a, b, c), (a, c, d)], np.float32) + center.astype(np.float32)


def _draw_preview(move: Move, color: Color, scene: Scene) -> None:
    """The outlines of blocks where a move would bring them, and of the hero where he would be."""
    for start, end in move.landings().items():
        lost = end[2] == BELOW
        spot = (end[0], end[1], BASE - 1) if lost else end
        ink = CORAL if lost or move.fate == CRUSHED else color
        _draw_outline(middle(spot), 0.9, ink, scene)
        turn = middle(move.pushed[start]) if start in move.pushed else middle(start)
        scene.path([middle(start), turn, middle(spot)], ink)
    if move.after.at != move.before.at:
        _draw_outline(middle(move.after.at) - (0, 0, 0.15), 0.5, color, scene)


def _draw_outline(center: Vector, side: float, color: Color, scene: Scene) -> None:
    """The edges of a cube, drawn three times so that they are seen."""
    for grown in (0.0, 0.012, 0.024):
        half = side / 2 + grown
        corners = np.array([(x, y) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1))]) * half
        low, high = (np.column_stack([corners, np.full(5, z)]) + center for z in (-half, half))
        scene.path(low, color)
        scene.path(high, color)
        for a, b in zip(low[:4], high[:4], strict=True):
            scene.line(a, b, color)


def find_glass(stage: Stage, eye: tuple[float, float, float]) -> set[rules.Spot]:
    """The blocks between the eye and the hero, at his feet, waist and head, or the goal."""
    points = [*(stage.hero.center + up * UP for up in (-0.4, -0.1, 0.2)), middle(stage.world.goal)]
    return {spot for point in points for spot in _between(stage, point, eye)}


def _between(stage: Stage, point: Vector, eye: tuple[float, float, float]) -> set[rules.Spot]:
    """The blocks on the straight way from a point to the eye, but for the one that the point is in."""
    way = np.asarray(eye) - point
    places = np.floor(point + np.arange(0.0, 14, 0.1)[:, None] * way / np.linalg.norm(way)).astype(int)
    inside = ((places >= 0) & (places <= (SIDE - 1, SIDE - 1, TOP - BASE))).all(1)
    spots = {(SIDE - 1 - y, x, z + BASE) for x, y, z in places[inside].tolist()}
    x, y, z = places[0].tolist()
    return {spot for spot in spots - {(SIDE - 1 - y, x, z + BASE)} if stage.world.filled(spot)}


def _draw_hero(hero: Pose, scene: Scene) -> None:
    """A round body with eyes where he looks, and arms to what he holds."""
    shoes, shirt, sleeves, face, eyes, mark = ORANGE, CORAL, blend(CORAL, SNOW, 0.35), SNOW, NIGHT, AMBER
    hangs, holds, tall = hero.hangs, hero.holds, hero.height
    out = np.array([math.cos(hero.yaw), math.sin(hero.yaw), 0.0])
    across = np.array([-out[1], out[0], 0.0]) * -1
    turn = np.column_stack([out, across, (0, 0, 1)])
    feet = hero.center + out * (0.22 * hangs + (0.14 if holds else 0)) - (0, 0, 0.5 - 0.4 * hangs)

    def at(forward: float, left: float, up: float) -> Vector:
        spot: Vector = feet + turn @ (forward, left, up * tall)
        return spot

    if hangs < 0.5:
        arrow = np.array([[(0.62, 0.0, 0.02), (0.4, 0.14, 0.02), (0.4, -0.14, 0.02)]]) @ turn.T
        scene.triangles(arrow + hero.center - (0, 0, 0.5), mark, lit=False)
    for foot in (-0.11, 0.11):
        scene.box(at(0.02, foot, 0.06), (0.2, 0.14, 0.14), shoes, turn)
    scene.box(at(0, 0, 0.27), (0.26, 0.38, 0.34 * tall), shirt, turn)
    scene.sphere(at(0, 0, 0.6), 0.21, face)
    for eye in (-0.085, 0.085):
        scene.sphere(at(0.17, eye, 0.64), 0.055, eyes)
    reach, lift = (0.22, 0.5) if hangs > 0.5 else (0.3, 0.34) if holds else (0.04, 0.24)
    for arm in (-0.24, 0.24):
        size = (0.1, 0.1, 0.5) if hangs > 0.5 else (0.5, 0.1, 0.1) if holds else (0.1, 0.1, 0.32)
        scene.box(at(reach if holds else reach * 0.5, arm, lift), size, sleeves, turn)


def _draw_goal(stage: Stage, scene: Scene) -> None:
    """A crystal in a column of light; when it is reached, both rise."""
    joy = stage.joy
    center = middle(stage.world.goal)
    tips = np.array([(x, y, z) for x in (0.26, -0.26) for y in (0.26, -0.26) for z in (0.4, -0.4)], np.float32)
    crystal = np.array([np.diag(tip) for tip in tips], np.float32)
    angle = 3 * math.pi * joy
    spin = np.array([(math.cos(angle), -math.sin(angle), 0), (math.sin(angle), math.cos(angle), 0), (0, 0, 1)])
    scene.triangles(place(crystal, center + 1.4 * math.sqrt(joy) * UP, spin), MINT)
    beam = np.array([(x * 0.42, y * 0.42) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1))], np.float32)
    for (x0, y0), (x1, y1) in itertools.pairwise(beam):
        low, high = -0.5, 2.5
        a, b, c, d = (x0, y0, low), (x1, y1, low), (x1, y1, high), (x0, y0, high)
        faces = np.array([(a, b, c), (a, c, d)], np.float32) + center.astype(np.float32)
        scene.triangles(faces, fade(MINT, 0.16 + 0.3 * joy), lit=False)

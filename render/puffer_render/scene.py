"""A part of a picture that shows space: a camera, solids with light on them, lines.

World coordinates are metres or whatever the environment counts in; z points up. Everything is given as NumPy arrays
and shaded here, so that it looks the same on a graphics card and without one. Draw translucent things last.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from puffer_render.palette import Color

Points = NDArray[np.float32]
Mesh = tuple[Points, Points | None]
"""Corners (n, 3, 3) of triangles or points (n, 3) of lines, and the brightness (n,) of the triangles; None: 1."""
LIGHT = np.array([0.36, -0.48, 0.8], np.float32)
"""Where it comes from; of length 1."""
AMBIENT = 0.55
"""Brightness of what is turned away from the light."""
STEEPEST = 89.0
"""Degrees: looking straight down, a camera has no up direction."""
NEAREST, FARTHEST = 0.02, 200.0
"""Near and far clipping planes, as multiples of the camera's distance to its target."""


@dataclass(frozen=True)
class Camera:
    """Looks at a target from a distance."""

    target: tuple[float, float, float]
    """What is in the middle of the picture."""
    distance: float
    """To the target."""
    yaw: float = 30.0
    """Degrees around the z axis, counterclockwise; 0 looks from where x is positive."""
    pitch: float = 30.0
    """Degrees above the horizon."""
    fov: float = 45.0
    """Degrees of height that it sees."""

    @property
    def position(self) -> tuple[float, float, float]:
        """Where it is."""
        yaw, pitch = math.radians(self.yaw), math.radians(self.pitch)
        out = (math.cos(pitch) * math.cos(yaw), math.cos(pitch) * math.sin(yaw), math.sin(pitch))
        x, y, z = (t + self.distance * o for t, o in zip(self.target, out, strict=True))
        return x, y, z


@dataclass
class Orbit:
    """How a person has moved the camera, relative to where the drawing put it."""

    yaw: float = 0.0
    """Degrees."""
    pitch: float = 0.0
    """Degrees."""
    zoom: float = 1.0
    """How many times nearer."""

    def moved(self, camera: Camera) -> Camera:
        """The camera with that movement applied."""
        pitch = max(-STEEPEST, min(STEEPEST, camera.pitch + self.pitch))
        return replace(camera, yaw=camera.yaw + self.yaw, pitch=pitch, distance=camera.distance / self.zoom)


class List(Protocol):
    """Where a scene records what is drawn: a `Frame`."""

    def triangles(self, mesh: Mesh, color: Color) -> None:
        """See `Frame.triangles`."""
        ...

    def chain(self, mesh: Mesh, color: Color) -> None:
        """See `Frame.chain`."""
        ...


class Scene:
    """What to draw in space with; `Frame.scene` makes it."""

    def __init__(self, camera: Camera, aspect: float, notes: List) -> None:
        """aspect: of the rectangle that it is seen in, width by height."""
        self.camera = camera
        self._aspect, self._notes = aspect, notes

    def triangles(self, corners: ArrayLike, color: Color, *, lit: bool = True) -> None:
        """Filled triangles (n, 3, 3), seen from both sides, in one colour, darker where they turn from the light."""
        points = np.ascontiguousarray(corners, np.float32).reshape(-1, 3, 3)
        self._notes.triangles((points, shading(points) if lit else None), color)

    def sphere(self, center: ArrayLike, radius: float, color: Color) -> None:
        """A ball."""
        self.triangles(unit_sphere() * radius + np.asarray(center, np.float32), color)

    def box(self, center: ArrayLike, size: ArrayLike, color: Color, rotation: ArrayLike | None = None) -> None:
        """A box with sides `size` (3,), turned by a matrix (3, 3) whose columns are its own axes."""
        self.triangles(place(unit_box() * np.asarray(size, np.float32), center, rotation), color)

    def disc(
        self, center: ArrayLike, radius: float, color: Color, rotation: ArrayLike | None = None, *, lit: bool = True
    ) -> None:
        """A flat disc around its z axis."""
        self.triangles(place(unit_disc() * np.float32(radius), center, rotation), color, lit=lit)

    def torus(
        self, center: ArrayLike, radius: float, thickness: float, color: Color, rotation: ArrayLike | None = None
    ) -> None:
        """A round ring of that thickness around its z axis."""
        self.triangles(place(torus(thickness / radius) * np.float32(radius), center, rotation), color)

    def line(self, start: ArrayLike, end: ArrayLike, color: Color) -> None:
        """A thin line."""
        self.path(np.array([start, end]), color)

    def path(self, points: ArrayLike, color: Color) -> None:
        """Thin lines through the points (n, 3)."""
        self._notes.chain((np.ascontiguousarray(points, np.float32).reshape(-1, 3), None), color)

    def floor(self, low: float, high: float, step: float, color: Color, z: float = 0.0) -> None:
        """A square grid of lines on the ground, from `low` to `high` both ways."""
        count = round((high - low) / step)
        for i in range(count + 1):
            at = low + i * step
            self.line((at, low, z), (at, high, z), color)
            self.line((low, at, z), (high, at, z), color)

    def project(self, point: ArrayLike) -> tuple[float, float] | None:
        """Where a point is seen, each coordinate from -1 to 1 (right and up); None if it is behind the camera."""
        x, y, _, depth = view_matrix(self.camera, self._aspect) @ (*np.asarray(point, np.float64), 1.0)
        return None if depth <= NEAREST * self.camera.distance else (float(x / depth), float(y / depth))


def view_matrix(camera: Camera, aspect: float) -> NDArray[np.float64]:
    """(4, 4): from the world to OpenGL's clip space, for a rectangle with this aspect."""
    eye = np.array(camera.position)
    forward = np.array(camera.target) - eye
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, (0, 0, 1))
    right /= np.linalg.norm(right)
    look = np.eye(4)
    look[:3, :3] = right, np.cross(right, forward), -forward
    look[:3, 3] = -look[:3, :3] @ eye
    near, far = NEAREST * camera.distance, FARTHEST * camera.distance
    zoom = 1 / math.tan(math.radians(camera.fov) / 2)
    lens = np.zeros((4, 4))
    lens[0, 0], lens[1, 1], lens[3, 2] = zoom / aspect, zoom, -1
    lens[2, 2:] = -(far + near) / (far - near), -2 * far * near / (far - near)
    return lens @ look


def shading(triangles: Points) -> Points:
    """Brightness (n,), AMBIENT to 1, of triangles (n, 3, 3): from both sides, by the angle to the light."""
    normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    lengths = np.maximum(np.linalg.norm(normals, axis=1), 1e-12)
    shades: Points = (AMBIENT + (1 - AMBIENT) * np.abs(normals @ LIGHT) / lengths).astype(np.float32)
    brightness: Points = np.minimum(shades, 1)
    return brightness


def place(triangles: Points, center: ArrayLike, rotation: ArrayLike | None = None) -> Points:
    """Turn triangles (n, 3, 3) by a matrix whose columns are their own axes, then move them."""
    turned = triangles if rotation is None else triangles @ np.asarray(rotation, np.float32).T
    moved: Points = turned + np.asarray(center, np.float32)
    return moved


def turn_to(axis: ArrayLike) -> NDArray[np.float64]:
    """A rotation (3, 3) that turns the z axis to `axis`."""
    z = np.asarray(axis, np.float64) / np.linalg.norm(axis)
    helper = np.eye(3)[int(np.argmin(np.abs(z)))]
    x = np.cross(helper, z)
    x /= np.linalg.norm(x)
    return np.column_stack([x, np.cross(z, x), z])


@functools.cache
def unit_box() -> Points:
    """(12, 3, 3): a box of side 1 around the origin."""
    faces = []
    for axis in range(3):
        u, v = np.eye(3)[(axis + 1) % 3], np.eye(3)[(axis + 2) % 3]
        for side in (-1, 1):
            middle = side * np.eye(3)[axis]
            a, b, c, d = middle - u - v, middle + u - v, middle + u + v, middle - u + v
            faces += [(a, b, c), (a, c, d)]
    box: Points = np.array(faces, np.float32) * np.float32(0.5)
    return box


@functools.cache
def unit_disc(pieces: int = 20) -> Points:
    """(pieces, 3, 3): a flat disc of radius 1 around the z axis."""
    edge = _circle(pieces)
    center = np.zeros_like(edge[:-1])
    return np.stack([center, edge[:-1], edge[1:]], axis=1).astype(np.float32)


@functools.cache
def unit_sphere(rings: int = 8, pieces: int = 12) -> Points:
    """(n, 3, 3): a ball of radius 1."""
    polar = np.linspace(0, np.pi, rings + 1)[:, None, None]
    grid = np.sin(polar) * _circle(pieces)[None] + np.cos(polar) * np.array([0, 0, 1])
    return _skin(grid)


@functools.lru_cache(maxsize=32)
def torus(thickness: float, rings: int = 28, pieces: int = 6) -> Points:
    """(n, 3, 3): a ring of radius 1 around the z axis, whose own section has that diameter."""
    around = _circle(rings)[:, None, :]
    section = _circle(pieces)[None] * thickness / 2
    grid = around * (1 + section[..., :1]) + section[..., 1:2] * np.array([0, 0, 1])
    return _skin(grid)


def _circle(pieces: int) -> NDArray[np.float64]:
    """(pieces + 1, 3): once around the z axis."""
    angles = np.linspace(0, 2 * np.pi, pieces + 1)
    return np.stack([np.cos(angles), np.sin(angles), np.zeros_like(angles)], axis=1)


def _skin(grid: NDArray[Any]) -> Points:
    """Triangles (n, 3, 3) between neighbouring points of a grid (rows, columns, 3); without those of no area."""
    a, b, c, d = grid[:-1, :-1], grid[:-1, 1:], grid[1:, 1:], grid[1:, :-1]
    triangles = np.concatenate([np.stack(three, axis=2).reshape(-1, 3, 3) for three in ((a, b, c), (a, c, d))])
    area = np.linalg.norm(np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]), axis=1)
    solid: Points = triangles[area > 1e-9].astype(np.float32)
    return solid

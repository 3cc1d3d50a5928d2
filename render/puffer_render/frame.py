"""What a drawing module draws on: shapes and text in its own units, independent of the size in pixels.

A frame only records a display list, whose verbs c/draw/raster.h explains. `offscreen` draws the list to pixels,
`screen` to a window. The origin is the top left corner, x points right, y down. Nothing here reads an environment.
"""

from __future__ import annotations

import functools
import itertools
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from puffer_render._raster import SHAPES, VERBS
from puffer_render.font import encode, load_font
from puffer_render.palette import NIGHT, SNOW, STEEL, Color, fade
from puffer_render.scene import Camera, Mesh, Orbit, Scene, view_matrix

HUD_HEIGHT = 44
"""Units at the top of a picture that `Frame.hud` uses."""

Align = Literal["left", "center", "right"]

CLEAR, RECT, BORDER, RING, GLOW, LINE, POLYGON, PATH, TEXT, SCENE, TRIANGLES, CHAIN, SCENE_END = (
    VERBS[name]
    for name in (
        *("CLEAR", "RECT", "BORDER", "RING", "GLOW", "LINE", "POLYGON", "PATH", "TEXT"),
        *("SCENE", "TRIANGLES", "CHAIN", "SCENE_END"),
    )
)


class Frame:
    """A canvas of `width` x `height` units, for one picture."""

    def __init__(self, width: float, height: float, orbit: Orbit | None = None) -> None:
        """orbit: how a person has moved the camera of a scene."""
        self.width, self.height = width, height
        self.orbit = orbit or Orbit()
        self.person: int | None = None
        """Number of the agent that a person plays or watches; None: this is a film."""
        self.numbers = array("d")
        """The display list."""
        self.meshes: list[Mesh] = []
        """What the list refers to: corners or points, and brightness."""
        self._add = self.numbers.extend

    @property
    def agent(self) -> int:
        """Number of the agent to mark and to follow: the person's, or the first."""
        return self.person or 0

    def entries(self) -> Iterator[tuple[float, Sequence[float]]]:
        """The display list, entry by entry: a verb, and the numbers that belong to it."""
        numbers, at = self.numbers.tolist(), 0
        while at < len(numbers):
            verb = numbers[at]
            fixed, count, each = SHAPES[int(verb)]
            end = at + 1 + fixed + (int(numbers[at + 1 + count]) * each if each else 0)
            yield verb, numbers[at + 1 : end]
            at = end

    @contextmanager
    def scene(
        self, camera: Camera, x: float = 0, y: float = 0, width: float | None = None, height: float | None = None
    ) -> Iterator[Scene]:
        """A view into space in a rectangle of the canvas, all of it by default."""
        width, height = self.width - x if width is None else width, self.height - y if height is None else height
        moved = self.orbit.moved(camera)
        self._add((SCENE, x, y, width, height, *view_matrix(moved, width / height).ravel().tolist()))
        yield Scene(moved, width / height, self)
        self._add((SCENE_END,))

    def clear(self, color: Color = NIGHT) -> None:
        """Fill the canvas, and what is around it."""
        self._add((CLEAR, pack(color)))

    def rect(self, x: float, y: float, width: float, height: float, color: Color, radius: float = 0) -> None:
        """A filled rectangle with corners rounded by `radius`."""
        self._add((RECT, x, y, width, height, radius, pack(color)))

    def border(
        self, x: float, y: float, width: float, height: float, thickness: float, color: Color, radius: float
    ) -> None:
        """A line along the inside of a rectangle with corners rounded by `radius`."""
        self._add((BORDER, x, y, width, height, thickness, radius, pack(color)))

    def circle(self, x: float, y: float, radius: float, color: Color) -> None:
        """A filled disc."""
        self._add((RING, x, y, 0, radius, 0, 360, pack(color)))

    def ring(
        self, x: float, y: float, inner: float, outer: float, color: Color, start: float = 0, end: float = 360
    ) -> None:
        """A ring, or the part of it between two angles: degrees clockwise from the right."""
        self._add((RING, x, y, inner, outer, start, end, pack(color)))

    def glow(self, x: float, y: float, radius: float, color: Color) -> None:
        """A glow that fades to nothing at `radius`."""
        self._add((GLOW, x, y, radius, pack(color)))

    def line(self, x0: float, y0: float, x1: float, y1: float, thickness: float, color: Color) -> None:
        """A straight line with flat ends."""
        self._add((LINE, x0, y0, x1, y1, thickness, pack(color)))

    def path(self, points: Sequence[tuple[float, float]], thickness: float, color: Color) -> None:
        """Straight lines through the points, with round joints and ends. Draw it opaque: in a window, parts overlap."""
        self._add((PATH, thickness, pack(color), len(points)))
        self._add(itertools.chain.from_iterable(points))

    def polygon(self, points: Sequence[tuple[float, float]], color: Color) -> None:
        """A filled convex polygon."""
        self._add((POLYGON, pack(color), len(points)))
        self._add(itertools.chain.from_iterable(points))

    def text(self, x: float, y: float, string: str, size: float, color: Color = SNOW, align: Align = "left") -> float:
        """One line of text, `size` units high, whose top is at `y`. Returns its width."""
        glyphs = encode(string)
        width = measure(string) * size
        x -= {"left": 0.0, "center": width / 2, "right": width}[align]
        self._add((TEXT, x, y, size, pack(color), len(glyphs), *glyphs))
        return width

    def measure(self, string: str, size: float) -> float:
        """The width that `text` would return."""
        return measure(string) * size

    def hud(self, title: str, *values: tuple[str, object]) -> float:
        """The line at the top of a picture: its name on the left, named values on the right.

        Returns where the values begin, for a module that has more to add on their left.
        """
        self.text(20, 14, title, 18, STEEL)
        x = self.width - 20
        for name, value in reversed(values):
            x -= self.text(x, 11, str(value), 23, SNOW, "right") + 7
            x -= self.text(x, 15, name, 16, STEEL, "right") + 22
        return x

    def add_list(self, numbers: bytes, meshes: Sequence[Mesh]) -> None:
        """A whole display list, and the meshes that it refers to; nothing in space comes before it."""
        self.numbers.frombytes(numbers)
        self.meshes += meshes

    def triangles(self, mesh: Mesh, color: Color) -> None:
        """Filled triangles; `Scene` calls it."""
        self._add((TRIANGLES, len(self.meshes), pack(color)))
        self.meshes.append(mesh)

    def chain(self, mesh: Mesh, color: Color) -> None:
        """Thin lines from point to point; `Scene` calls it."""
        self._add((CHAIN, len(self.meshes), pack(color)))
        self.meshes.append(mesh)


@functools.lru_cache(maxsize=4096)
def pack(color: Color) -> int:
    """A colour as a display list holds it."""
    red, green, blue, alpha = color
    if min(color) < 0 or max(color) > 255:
        raise ValueError(f"{color} is not a colour: each part must be from 0 to 255")
    return red + (green << 8) + (blue << 16) + (alpha << 24)


def unpack(packed: float) -> Color:
    """The colour that `pack` packed."""
    number = int(packed)
    return number & 255, number >> 8 & 255, number >> 16 & 255, number >> 24


def faded(packed: float) -> Color:
    """The same colour, invisible."""
    return fade(unpack(packed), 0)


@functools.lru_cache(maxsize=4096)
def measure(string: str) -> float:
    """The width of a line of text that is 1 high."""
    return load_font().width(string)

"""What a drawing module draws on: shapes and text in units of its own, whatever the size in pixels.

The origin is the top left corner, x points right, y down. Nothing here reads an environment.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from typing import Any, Literal

from puffer_render.errors import import_raylib
from puffer_render.palette import NIGHT, SNOW, STEEL, Color, fade
from puffer_render.scene import Camera, Orbit, Scene

CHARACTERS = "".join(map(chr, range(32, 127))) + "°·×–—…−•"
"""All that the packaged font holds; others are drawn as a question mark."""
HUD_HEIGHT = 44
"""Units at the top of a picture that `Frame.hud` writes in."""
MOST_FONTS = 24
"""Resizing a window asks for text in ever new pixel sizes; beyond this many, start afresh."""

Align = Literal["left", "center", "right"]


class Fonts:
    """The packaged font in the pixel sizes asked for so far. Belongs to one open window."""

    def __init__(self) -> None:
        self._rl = import_raylib()
        self._data = resources.files("puffer_render").joinpath("assets/Roboto-Medium.ttf").read_bytes()
        self._codepoints = self._rl.ffi.new("int[]", [ord(c) for c in CHARACTERS])
        self._fonts: dict[int, Any] = {}

    def at(self, pixels: int) -> Any:
        """The font rendered at this height in pixels, so that drawing it is one texel to one pixel."""
        font = self._fonts.get(pixels)
        if font is None:
            if len(self._fonts) >= MOST_FONTS:
                self.close()
            font = self._rl.LoadFontFromMemory(
                b".ttf", self._data, len(self._data), pixels, self._codepoints, len(CHARACTERS)
            )
            self._rl.SetTextureFilter(font.texture, self._rl.TEXTURE_FILTER_BILINEAR)
            self._fonts[pixels] = font
        return font

    def close(self) -> None:
        """Free all of them, while the window is still open."""
        self._rl.rlDrawRenderBatchActive()  # text already drawn still needs its font's texture
        for font in self._fonts.values():
            self._rl.UnloadFont(font)
        self._fonts.clear()


class Frame:
    """A canvas of `width` x `height` units. The owner says where in its pixels that lies, and calls `paint`."""

    def __init__(self, width: float, height: float, fonts: Fonts) -> None:
        self.width, self.height = width, height
        self.scale = 1.0
        """Pixels per unit: set by the owner."""
        self.origin = (0.0, 0.0)
        """Pixels from the top left corner of what is drawn on to the canvas's own: set by the owner."""
        self.surface = (round(width), round(height))
        """Pixels of all that is drawn on: set by the owner."""
        self.orbit = Orbit()
        """How a person has moved the camera of a scene: set by the owner."""
        self._fonts = fonts
        self._rl = import_raylib()
        self._colors: dict[Color, Any] = {}

    def paint(self, draw: Callable[[Frame], None]) -> None:
        """Draw in units."""
        self._begin_units()
        draw(self)
        self._rl.rlPopMatrix()

    def _begin_units(self) -> None:
        self._rl.rlPushMatrix()
        self._rl.rlTranslatef(*self.origin, 0)
        self._rl.rlScalef(self.scale, self.scale, 1)

    @contextmanager
    def scene(
        self, camera: Camera, x: float = 0, y: float = 0, width: float | None = None, height: float | None = None
    ) -> Iterator[Scene]:
        """A view into space in a rectangle of the canvas, all of it by default. One to a picture."""
        width, height = self.width - x if width is None else width, self.height - y if height is None else height
        left, top = (round(o + at * self.scale) for o, at in zip(self.origin, (x, y), strict=True))
        wide, high = round(width * self.scale), round(height * self.scale)
        self._rl.rlPopMatrix()
        self._rl.rlDrawRenderBatchActive()
        self._rl.rlViewport(left, self.surface[1] - top - high, wide, high)  # OpenGL counts from the bottom
        scene = Scene(self.orbit.moved(camera), wide / high)
        scene.begin()
        try:
            yield scene
        finally:
            scene.end()
            self._rl.rlViewport(0, 0, *self.surface)
            self._begin_units()

    def clear(self, color: Color = NIGHT) -> None:
        """Fill the canvas."""
        self._rl.ClearBackground(self._color(color))

    def rect(self, x: float, y: float, width: float, height: float, color: Color, radius: float = 0) -> None:
        """A filled rectangle with corners rounded by `radius`."""
        if radius <= 0 or width <= 0 or height <= 0:
            self._rl.DrawRectangleRec((x, y, width, height), self._color(color))
            return
        roundness = min(1.0, 2 * radius / min(width, height))
        segments = self._segments(radius) // 4
        self._rl.DrawRectangleRounded((x, y, width, height), roundness, segments, self._color(color))

    def border(
        self, x: float, y: float, width: float, height: float, thickness: float, color: Color, radius: float
    ) -> None:
        """A line around a rectangle with corners rounded by `radius`."""
        roundness = min(1.0, 2 * radius / min(width, height))
        self._rl.DrawRectangleRoundedLinesEx(
            (x, y, width, height), roundness, self._segments(radius) // 4, thickness, self._color(color)
        )

    def circle(self, x: float, y: float, radius: float, color: Color) -> None:
        """A filled disc."""
        self._rl.DrawCircleSector((x, y), radius, 0, 360, self._segments(radius), self._color(color))

    def ring(
        self, x: float, y: float, inner: float, outer: float, color: Color, start: float = 0, end: float = 360
    ) -> None:
        """A ring, or the part of it between two angles: degrees clockwise from the right."""
        self._rl.DrawRing((x, y), inner, outer, start, end, self._segments(outer), self._color(color))

    def glow(self, x: float, y: float, radius: float, color: Color) -> None:
        """Light that fades to nothing at `radius`."""
        bright, dark = self._color(color), self._color(fade(color, 0))
        self._rl.DrawCircleGradient((x, y), radius, bright, dark)

    def line(self, x0: float, y0: float, x1: float, y1: float, thickness: float, color: Color) -> None:
        """A straight line with flat ends."""
        self._rl.DrawLineEx((x0, y0), (x1, y1), thickness, self._color(color))

    def path(self, points: Sequence[tuple[float, float]], thickness: float, color: Color) -> None:
        """Straight lines through the points, with round joints and ends. Draw it opaque: its parts overlap."""
        for (x0, y0), (x1, y1) in itertools.pairwise(points):
            self.line(x0, y0, x1, y1, thickness, color)
        for x, y in points:
            self.circle(x, y, thickness / 2, color)

    def polygon(self, points: Sequence[tuple[float, float]], color: Color) -> None:
        """A filled convex polygon."""
        inked, (first, *rest) = self._color(color), points
        for a, b in itertools.pairwise(rest):
            # raylib hides triangles that turn clockwise on the screen
            turn = (a[0] - first[0]) * (b[1] - first[1]) - (a[1] - first[1]) * (b[0] - first[0])
            self._rl.DrawTriangle(first, *((b, a) if turn > 0 else (a, b)), inked)

    def text(self, x: float, y: float, string: str, size: float, color: Color = SNOW, align: Align = "left") -> float:
        """One line of text, `size` units high, whose top is at `y`. Returns its width."""
        font, encoded = self._font(size), _encode(string)
        width = float(self._rl.MeasureTextEx(font, encoded, size, 0).x)
        x -= {"left": 0.0, "center": width / 2, "right": width}[align]
        # whole pixels: the glyphs were rendered for them
        position = (round(x * self.scale) / self.scale, round(y * self.scale) / self.scale)
        self._rl.DrawTextEx(font, encoded, position, size, 0, self._color(color))
        return width

    def measure(self, string: str, size: float) -> float:
        """The width that `text` would return."""
        return float(self._rl.MeasureTextEx(self._font(size), _encode(string), size, 0).x)

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

    def _font(self, size: float) -> Any:
        return self._fonts.at(max(1, round(size * self.scale)))

    def _segments(self, radius: float) -> int:
        """Straight pieces that make a circle of this radius look round."""
        return 4 * max(4, math.ceil(1.2 * math.sqrt(radius * self.scale)))

    def _color(self, color: Color) -> Any:
        struct = self._colors.get(color)
        if struct is None:
            struct = self._colors[color] = self._rl.ffi.new("Color *", color)[0]
        return struct


def _encode(string: str) -> bytes:
    return "".join(c if c in CHARACTERS else "?" for c in string).encode()

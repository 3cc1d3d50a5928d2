"""Draws display lists (see `frame`) in raylib's open window."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from importlib import resources
from typing import Any

from puffer_render import frame as verbs
from puffer_render.errors import import_raylib
from puffer_render.font import CHARACTERS, load_font
from puffer_render.frame import Frame, faded, unpack
from puffer_render.scene import Mesh

MAX_FONTS = 24
"""Resizing a window needs fonts of ever new pixel sizes; beyond this many, discard them all."""

Numbers = Sequence[float]
Point = tuple[float, float]


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
            if len(self._fonts) >= MAX_FONTS:
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


class Screen:
    """Draws on the window that is open, at `scale` pixels per unit."""

    def __init__(self) -> None:
        self.scale = 1.0
        """Pixels per unit: set by the owner."""
        self.origin = (0.0, 0.0)
        """Pixels from the window's top left corner to the frame's own: set by the owner."""
        self.surface = (1, 1)
        """Pixels of the window: set by the owner."""
        self._rl = import_raylib()
        self._fonts = Fonts()
        self._colors: dict[float, Any] = {}
        self._draw: dict[float, Callable[[Numbers], None]] = {
            verbs.CLEAR: lambda a: self._rl.ClearBackground(self._color(a[0])),
            verbs.RECT: self._rect,
            verbs.BORDER: self._border,
            verbs.RING: self._ring,
            verbs.GLOW: self._glow,
            verbs.LINE: lambda a: self._line((a[0], a[1]), (a[2], a[3]), a[4], a[5]),
            verbs.POLYGON: self._polygon,
            verbs.PATH: self._path,
            verbs.TEXT: self._text,
            verbs.SCENE: self._begin_scene,
            verbs.SCENE_END: self._end_scene,
            verbs.TRIANGLES: self._triangles,
            verbs.CHAIN: self._chain,
        }
        self._meshes: list[Mesh] = []

    def paint(self, frame: Frame) -> None:
        """Draw all of a frame."""
        self._meshes = frame.meshes
        self._begin_units()
        for verb, numbers in frame.entries():
            self._draw[verb](numbers)
        self._rl.rlPopMatrix()

    def close(self) -> None:
        """Free the fonts, while the window is still open."""
        self._fonts.close()

    def _begin_units(self) -> None:
        self._rl.rlPushMatrix()
        self._rl.rlTranslatef(*self.origin, 0)
        self._rl.rlScalef(self.scale, self.scale, 1)

    def _rect(self, a: Numbers) -> None:
        x, y, width, height, radius, color = a
        if radius <= 0 or width <= 0 or height <= 0:
            self._rl.DrawRectangleRec((x, y, width, height), self._color(color))
            return
        roundness = min(1.0, 2 * radius / min(width, height))
        self._rl.DrawRectangleRounded((x, y, width, height), roundness, self._pieces(radius) // 4, self._color(color))

    def _border(self, a: Numbers) -> None:
        x, y, width, height, thickness, radius, color = a
        roundness = min(1.0, 2 * radius / min(width, height))
        self._rl.DrawRectangleRoundedLinesEx(
            (x, y, width, height), roundness, self._pieces(radius) // 4, thickness, self._color(color)
        )

    def _ring(self, a: Numbers) -> None:
        x, y, inner, outer, start, end, color = a
        if inner <= 0:
            self._rl.DrawCircleSector((x, y), outer, start, end, self._pieces(outer), self._color(color))
        else:
            self._rl.DrawRing((x, y), inner, outer, start, end, self._pieces(outer), self._color(color))

    def _glow(self, a: Numbers) -> None:
        x, y, radius, color = a
        dark = self._rl.ffi.new("Color *", faded(color))[0]
        self._rl.DrawCircleGradient((x, y), radius, self._color(color), dark)

    def _line(self, start: Point, end: Point, thickness: float, color: float) -> None:
        self._rl.DrawLineEx(start, end, thickness, self._color(color))

    def _path(self, a: Numbers) -> None:
        thickness, color, _ = a[:3]
        points = _pairs(a[3:])
        for start, end in itertools.pairwise(points):
            self._line(start, end, thickness, color)
        for x, y in points:
            self._ring((x, y, 0, thickness / 2, 0, 360, color))

    def _polygon(self, a: Numbers) -> None:
        color, (first, *rest) = self._color(a[0]), _pairs(a[2:])
        for one, other in itertools.pairwise(rest):
            # raylib hides triangles that turn clockwise on the screen
            turn = (one[0] - first[0]) * (other[1] - first[1]) - (one[1] - first[1]) * (other[0] - first[0])
            self._rl.DrawTriangle(first, *((other, one) if turn > 0 else (one, other)), color)

    def _text(self, a: Numbers) -> None:
        """Glyph by glyph, on whole pixels, which they were rendered for; widths are the font's own, as in pictures."""
        x, y, size, packed, _ = a[:5]
        font, color, advances = (
            self._fonts.at(max(1, round(size * self.scale))),
            self._color(packed),
            load_font().advances,
        )
        y = round(y * self.scale) / self.scale
        for glyph in map(int, a[5:]):
            position = (round(x * self.scale) / self.scale, y)
            self._rl.DrawTextCodepoint(font, ord(CHARACTERS[glyph]), position, size, color)
            x += size * float(advances[glyph])

    def _begin_scene(self, a: Numbers) -> None:
        rl = self._rl
        left, top, wide, high = (round(side * self.scale) for side in a[:4])
        left, top = left + round(self.origin[0]), top + round(self.origin[1])
        rl.rlPopMatrix()
        rl.rlDrawRenderBatchActive()
        rl.rlColorMask(False, False, False, False)
        rl.rlClearScreenBuffers()  # of the depths only: nothing in another scene hides what is in this one
        rl.rlColorMask(True, True, True, True)
        rl.rlViewport(left, self.surface[1] - top - high, wide, high)  # OpenGL counts from the bottom
        rows = a[4:]
        columns = [rows[4 * i + j] for j in range(4) for i in range(4)]
        rl.rlMatrixMode(rl.RL_PROJECTION)
        rl.rlPushMatrix()
        rl.rlLoadIdentity()
        rl.rlMultMatrixf(rl.ffi.new("float[16]", columns))
        rl.rlMatrixMode(rl.RL_MODELVIEW)
        rl.rlEnableDepthTest()
        rl.rlDisableBackfaceCulling()

    def _end_scene(self, _: Numbers) -> None:
        rl = self._rl
        rl.rlDrawRenderBatchActive()
        rl.rlEnableBackfaceCulling()
        rl.rlDisableDepthTest()
        rl.rlMatrixMode(rl.RL_PROJECTION)
        rl.rlPopMatrix()
        rl.rlMatrixMode(rl.RL_MODELVIEW)
        rl.rlViewport(0, 0, *self.surface)
        self._begin_units()

    def _triangles(self, a: Numbers) -> None:
        corners, shades = self._meshes[int(a[0])]
        vertex, ink, (red, green, blue, alpha) = self._rl.rlVertex3f, self._rl.rlColor4ub, unpack(a[1])
        brightness = [1.0] * len(corners) if shades is None else shades.tolist()
        self._rl.rlCheckRenderBatchLimit(3 * len(corners))
        self._rl.rlBegin(self._rl.RL_TRIANGLES)
        for triangle, shade in zip(corners.tolist(), brightness, strict=True):
            ink(int(red * shade), int(green * shade), int(blue * shade), alpha)
            for corner in triangle:
                vertex(*corner)
        self._rl.rlEnd()

    def _chain(self, a: Numbers) -> None:
        points = self._meshes[int(a[0])][0].tolist()
        self._rl.rlCheckRenderBatchLimit(2 * len(points))
        self._rl.rlBegin(self._rl.RL_LINES)
        self._rl.rlColor4ub(*unpack(a[1]))
        for start, end in itertools.pairwise(points):
            self._rl.rlVertex3f(*start)
            self._rl.rlVertex3f(*end)
        self._rl.rlEnd()

    def _pieces(self, radius: float) -> int:
        """Straight pieces that make a circle of this radius look round."""
        return 4 * max(4, math.ceil(1.2 * math.sqrt(radius * self.scale)))

    def _color(self, packed: float) -> Any:
        struct = self._colors.get(packed)
        if struct is None:
            struct = self._colors[packed] = self._rl.ffi.new("Color *", unpack(packed))[0]
        return struct


def _pairs(numbers: Numbers) -> list[Point]:
    return list(zip(numbers[::2], numbers[1::2], strict=True))

"""The packaged font: outlines and widths of its characters, read from its TrueType file.

A line of text is 1 high here: multiply by the size. Layout is the same in windows and in pictures, because both ask
this module how wide a character is.
"""

from __future__ import annotations

import functools
import itertools
import struct
from dataclasses import dataclass
from importlib import resources

import numpy as np
from numpy.typing import NDArray

CHARACTERS = "".join(map(chr, range(32, 127))) + "°·×–—…−•"
"""All characters that can be drawn; other characters become a question mark."""
STEPS = 4
"""Straight pieces per curve: enough for letters of 100 pixels."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Font:
    """Outlines as `_raster.Raster` takes them, and widths."""

    points: NDArray[np.float32]
    """(n, 2), flattened: x right, y down from the top of the line."""
    contours: NDArray[np.int32]
    """The first point of each contour, and n."""
    glyphs: NDArray[np.int32]
    """The first contour of each character, and how many there are."""
    advances: NDArray[np.float32]
    """Widths of the characters, the space around them included."""
    ascent: float
    """From the top of a line to its baseline."""

    def width(self, string: str) -> float:
        """How wide a line of this text is."""
        return float(sum(self.advances[glyph] for glyph in encode(string)))


@functools.lru_cache(maxsize=1024)
def encode(string: str) -> tuple[int, ...]:
    """The numbers of the characters, by their places in CHARACTERS."""
    return tuple(CHARACTERS.index(c if c in CHARACTERS else "?") for c in string)


@functools.cache
def load_font() -> Font:
    """Read the packaged font, once."""
    file = _TrueType(resources.files("puffer_render").joinpath("assets/Roboto-Medium.ttf").read_bytes())
    height = file.ascent - file.descent
    points: list[Point] = []
    contours, glyphs, advances = [0], [0], []
    for character in CHARACTERS:
        glyph = file.glyph_of(ord(character))
        for contour in file.contours(glyph):
            points += [(x / height, (file.ascent - y) / height) for x, y in flatten(contour)]
            contours.append(len(points))
        glyphs.append(len(contours) - 1)
        advances.append(file.advance(glyph) / height)
    return Font(
        np.array(points, np.float32).reshape(-1),
        np.array(contours, np.int32),
        np.array(glyphs, np.int32),
        np.array(advances, np.float32),
        file.ascent / height,
    )


def flatten(contour: list[tuple[float, float, bool]]) -> list[Point]:
    """Straight pieces for a closed contour of (x, y, on the curve).

    Between two points that are off the curve lies one that is on it.
    """
    full: list[tuple[float, float, bool]] = []
    for (x, y, on), (next_x, next_y, next_on) in zip(contour, contour[1:] + contour[:1], strict=True):
        full.append((x, y, on))
        if not on and not next_on:
            full.append(((x + next_x) / 2, (y + next_y) / 2, True))
    start = next(i for i, point in enumerate(full) if point[2])
    full = full[start:] + full[: start + 1]
    points: list[Point] = []
    for i, (x, y, on) in enumerate(full[:-1]):
        if on:
            points.append((x, y))
            continue
        (x0, y0, _), (x1, y1, _) = full[i - 1], full[i + 1]
        for step in range(1, STEPS):
            t = step / STEPS
            a, b, c = (1 - t) ** 2, 2 * t * (1 - t), t * t
            points.append((a * x0 + b * x + c * x1, a * y0 + b * y + c * y1))
    return points


class _TrueType:
    """The parts of a TrueType file that outlines and widths need; the names are those of the format's specification."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        (count,) = struct.unpack_from(">H", data, 4)
        records = (struct.unpack_from(">4sIII", data, 12 + 16 * i) for i in range(count))
        self._tables = {tag.decode(): offset for tag, _, offset, _ in records}
        (self._long_offsets,) = self._read("head", ">h", 50)
        self.ascent, self.descent = self._read("hhea", ">hh", 4)
        """Font units above and below the baseline; below is negative."""
        (self._widths,) = self._read("hhea", ">H", 34)
        self._characters = self._read_cmap()

    def glyph_of(self, codepoint: int) -> int:
        """The number of a character's glyph, 0 where the font has none."""
        return self._characters.get(codepoint, 0)

    def advance(self, glyph: int) -> int:
        """Font units from this glyph to the next."""
        (width,) = self._read("hmtx", ">H", 4 * min(glyph, self._widths - 1))
        return int(width)

    def contours(self, glyph: int) -> list[list[tuple[float, float, bool]]]:
        """The outlines of a glyph: font units, y up, and whether a point is on the curve."""
        start, end = self._read(
            "loca", ">II" if self._long_offsets else ">HH", glyph * (4 if self._long_offsets else 2)
        )
        if not self._long_offsets:
            start, end = 2 * start, 2 * end
        if start == end:
            return []
        (count,) = self._read("glyf", ">h", start)
        return self._simple(start + 10, count) if count >= 0 else self._composite(start + 10)

    def _simple(self, at: int, count: int) -> list[list[tuple[float, float, bool]]]:
        ends = self._read("glyf", f">{count}H", at)
        (instructions,) = self._read("glyf", ">H", at + 2 * count)
        at += self._tables["glyf"] + 2 * count + 2 + instructions
        total = ends[-1] + 1
        flags: list[int] = []
        while len(flags) < total:
            flag, again = self._data[at], 1
            at += 1
            if flag & 8:
                again += self._data[at]
                at += 1
            flags += [flag] * again
        axes = []
        for short, same in ((2, 16), (4, 32)):
            value, values = 0, []
            for flag in flags:
                if flag & short:
                    value += self._data[at] * (1 if flag & same else -1)
                    at += 1
                elif not flag & same:
                    value += struct.unpack_from(">h", self._data, at)[0]
                    at += 2
                values.append(value)
            axes.append(values)
        points = [(float(x), float(y), bool(flag & 1)) for x, y, flag in zip(*axes, flags, strict=True)]
        starts = [0, *(end + 1 for end in ends)]
        return [points[a:b] for a, b in itertools.pairwise(starts)]

    def _composite(self, at: int) -> list[list[tuple[float, float, bool]]]:
        """Other glyphs, each turned or scaled by a matrix, and moved."""
        contours = []
        more = True
        while more:
            flags, glyph = self._read("glyf", ">HH", at)
            dx, dy = self._read("glyf", ">hh" if flags & 1 else ">bb", at + 4)
            at += 8 if flags & 1 else 6
            numbers = next((n for flag, n in ((0x08, 1), (0x40, 2), (0x80, 4)) if flags & flag), 0)
            given = [number / 16384 for number in self._read("glyf", f">{numbers}h", at)]
            at += 2 * numbers
            matrices = {0: (1.0, 0.0, 0.0, 1.0), 1: (*given, 0.0, 0.0, *given), 2: (*given[:1], 0.0, 0.0, *given[1:])}
            a, b, c, d = matrices.get(numbers, given)  # x to x, x to y, y to x, y to y
            for part in self.contours(glyph):
                contours.append([(a * x + c * y + dx, b * x + d * y + dy, on) for x, y, on in part])
            more = bool(flags & 32)
        return contours

    def _read_cmap(self) -> dict[int, int]:
        """Characters of the basic plane: the subtable of format 4."""
        (count,) = self._read("cmap", ">H", 2)
        for i in range(count):
            (start,) = self._read("cmap", ">I", 8 + 8 * i)
            if self._read("cmap", ">H", start) == (4,):
                break
        (segments,) = self._read("cmap", ">H", start + 6)
        segments //= 2
        columns = [start + 14, *(start + 16 + 2 * segments * k for k in range(1, 4))]
        ends, starts, deltas, offsets = (self._read("cmap", f">{segments}H", at) for at in columns)
        found = {}
        for i, (first, last, delta, offset) in enumerate(zip(starts, ends, deltas, offsets, strict=True)):
            for code in range(first, min(last, 0xFFFE) + 1):
                if offset == 0:
                    found[code] = (code + delta) & 0xFFFF
                else:
                    (glyph,) = self._read("cmap", ">H", columns[3] + 2 * i + offset + 2 * (code - first))
                    found[code] = (glyph + delta) & 0xFFFF if glyph else 0
        return found

    def _read(self, table: str, form: str, offset: int) -> tuple[int, ...]:
        return struct.unpack_from(form, self._data, self._tables[table] + offset)

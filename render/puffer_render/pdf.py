"""A picture as a PDF of one page, in the size in which it is to be printed."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np

from puffer_render.offscreen import Pixels
from puffer_render.video import replacing

POINTS = 72
"""Per inch."""
ROWS = 256
"""Compressed at a time."""
UP = 2
"""PNG's filter that stores each row as its difference from the one above."""


def write_pdf(path: Path, pixels: Pixels, dpi: int) -> None:
    """Write a PDF 1.4 (ISO 32000) whose page is the picture, lossless.

    Args:
        path: of the file.
        pixels: (height, width, 3) uint8.
        dpi: pixels per inch.

    Raises:
        RenderError: it cannot be written.
    """
    height, width, _ = pixels.shape
    page = f"{width * POINTS / dpi:.4f} {height * POINTS / dpi:.4f}"
    content = f"q {page.replace(' ', ' 0 0 ')} 0 0 cm /Picture Do Q".encode()
    filters = f"/Filter /FlateDecode /DecodeParms << /Predictor 15 /Colors 3 /Columns {width} >>"
    image = f"/Type /XObject /Subtype /Image /Width {width} /Height {height} /ColorSpace /DeviceRGB"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %s] /Contents 4 0 R" % page.encode()
        + b" /Resources << /XObject << /Picture 5 0 R >> >> >>",
        _stream("", content),
        _stream(f"{image} /BitsPerComponent 8 {filters}", _compress(pixels)),
    ]
    with replacing(path) as temporary:
        temporary.write_bytes(_assemble(objects))


def _stream(entries: str, content: bytes) -> bytes:
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (entries.encode(), len(content), content)


def _compress(pixels: Pixels) -> bytes:
    """Rows as PNG stores them, each after the number of its filter."""
    height, width, _ = pixels.shape
    rows = pixels.reshape(height, width * 3)
    above = np.zeros((1, width * 3), np.uint8)
    packer, parts = zlib.compressobj(6), []
    for first in range(0, height, ROWS):
        some = rows[first : first + ROWS]
        filtered = np.full((len(some), width * 3 + 1), UP, np.uint8)
        filtered[:, 1:] = some - np.concatenate([above, some[:-1]])
        above = some[-1:]
        parts.append(packer.compress(filtered.tobytes()))
    return b"".join([*parts, packer.flush()])


def _assemble(objects: list[bytes]) -> bytes:
    """The objects, the table of where each begins, and the trailer."""
    data, starts = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"), []
    for number, body in enumerate(objects, start=1):
        starts.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % start for start in starts)
    size = len(objects) + 1
    table = b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table)
    return bytes(data) + table + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(data))

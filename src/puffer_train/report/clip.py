"""A video as a small GIF, for pages that show pictures only."""

from __future__ import annotations

import io
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

CLIP_SECONDS, CLIP_RATE, CLIP_WIDTH = 10, 10, 320
"""Length, pictures per second, and greatest width in pixels."""


@dataclass(frozen=True)
class Clip:
    """An animated GIF."""

    data: bytes
    width: int
    """Pixels."""
    height: int
    """Pixels."""


def gif_of(video: Path) -> Clip | None:
    """Return the first seconds of a video as a GIF, None where it cannot be decoded here."""
    try:
        import av  # noqa: PLC0415 - comes with the renderer; without it there is no video either
    except ImportError:
        return None
    out = io.BytesIO()
    with av.open(str(video)) as source, av.open(out, "w", format="gif") as target:
        shown = source.streams.video[0]
        scale = min(1.0, CLIP_WIDTH / shown.width)
        stream = target.add_stream("gif", rate=CLIP_RATE)
        stream.width, stream.height = round(shown.width * scale), round(shown.height * scale)
        stream.pix_fmt = "rgb8"
        count = 0
        for frame in source.decode(shown):
            if frame.time is None or frame.time * CLIP_RATE < count:
                continue
            if count == CLIP_SECONDS * CLIP_RATE:
                break
            picture = frame.reformat(stream.width, stream.height, "rgb8")
            picture.pts, picture.time_base = count, Fraction(1, CLIP_RATE)
            target.mux(stream.encode(picture))
            count += 1
        target.mux(stream.encode())
        size = stream.width, stream.height
    return Clip(out.getvalue(), *size) if count else None

"""Pictures to files: MP4, GIF and PNG, each written to a temporary file that takes its name when complete."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_envs.contract.files import replace
from puffer_render.errors import RenderError, import_av

Pixels = NDArray[np.uint8]
Planes = tuple[Pixels, Pixels, Pixels]

BT709 = 1
"""ITU-T H.273's code for the colours of high-definition video; without it, players guess wrongly."""
LIMITED_RANGE = 1
"""Of luma, 16 to 235: what every player expects."""
QUALITY = "18"
"""x264's constant rate factor: visually lossless, and flat drawings stay small."""
FAST = "subme=1:ref=1:me=dia"
"""A fifth less time than the preset, and files of the same size: flat drawings need no careful search for motion."""
GLOBAL_HEADER = 1 << 22
"""FFmpeg's flag for parameters in the file's header rather than in the first picture."""
SEGMENT = 60
"""Pictures that are encoded together, independently of all others: any process can encode any segment, and a player can
jump to the beginning of each."""
GIF_TICKS = 100
"""A GIF counts time in hundredths of a second."""
MIN_DELAY = 2
"""Of them: browsers slow down anything faster than 50 pictures per second."""
GIF_PAUSE = 100
"""How long the last picture stays before the GIF repeats."""


def gif_delay(fps: float) -> int:
    """Hundredths of a second per picture, the nearest that a GIF can have."""
    return max(MIN_DELAY, round(GIF_TICKS / fps))


@dataclass(frozen=True)
class Packet:
    """One encoded picture; times count pictures from the beginning of its segment."""

    data: bytes
    shown: int
    decoded: int
    complete: bool
    """Whether it can be decoded without others."""


Segment = list[Packet]


class Encoder:
    """Encodes segments of a video with one size and rate, on one thread: other processes use the other cores."""

    def __init__(self, width: int, height: int, fps: float) -> None:
        """An odd row or column at the edge is left out."""
        self._av = import_av()
        self.size = (width // 2 * 2, height // 2 * 2)
        self._rate = Fraction(fps).limit_denominator(1001)

    def encode(self, paints: Iterable[Callable[[Planes], None]]) -> Segment:
        """A segment; each of `paints` writes one picture into planes of luma, blue and red (see `Raster.yuv420`)."""
        context = self._av.CodecContext.create("libx264", "w")
        self.set_up(context)
        packets = []
        for number, paint in enumerate(paints):
            picture = self._av.VideoFrame(*self.size, "yuv420p")
            planes = [np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size) for plane in picture.planes]
            paint((planes[0], planes[1], planes[2]))
            picture.pts = number
            packets += context.encode(picture)
        if context.is_open:  # by the first picture
            packets += context.encode()
        return [Packet(bytes(p), p.pts, p.dts, p.is_keyframe) for p in packets]

    def write(self, path: Path, segments: Iterable[tuple[int, Segment]]) -> int:
        """H.264 in the form that every player and browser takes (yuv420p, index at the front). Returns the pictures.

        segments: the number of the first picture, and the segment. Raises RenderError when the file cannot be written.
        """
        written = 0
        with (
            replacing(path) as temporary,
            self._av.open(str(temporary), "w", options={"movflags": "+faststart"}) as file,
        ):
            stream = file.add_stream("libx264", rate=self._rate)
            self.set_up(stream.codec_context)
            for first, segment in segments:
                for encoded in segment:
                    packet = self._av.Packet(encoded.data)
                    packet.stream, packet.time_base = stream, 1 / self._rate
                    packet.pts, packet.dts = first + encoded.shown, first + encoded.decoded
                    packet.duration, packet.is_keyframe = 1, encoded.complete
                    file.mux(packet)
                    written += 1
        return written

    def set_up(self, context: Any) -> None:
        """Make an x264 context of FFmpeg encode as this does."""
        context.width, context.height = self.size
        context.pix_fmt, context.time_base, context.framerate = "yuv420p", 1 / self._rate, self._rate
        context.options = {"crf": QUALITY, "preset": "veryfast", "threads": "1", "x264-params": FAST}
        context.flags |= GLOBAL_HEADER
        context.color_primaries = context.color_trc = context.colorspace = BT709
        context.color_range = LIMITED_RANGE


def write_gif(path: Path, frames: Iterable[Pixels], samples: Iterable[Pixels], fps: float) -> int:
    """A GIF with one palette, made from `samples` of the frames: memory does not grow with length.

    frames, samples: (height, width, 3) uint8, all of one size. Returns the pictures. Raises RenderError when the file
    cannot be written.
    """
    av = import_av()
    palette = _make_palette(av, samples)
    written = 0
    options = {"final_delay": str(GIF_PAUSE)}
    with replacing(path) as temporary, av.open(str(temporary), "w", options=options) as file:
        stream: Any = None
        for written, pixels in enumerate(frames, start=1):
            if stream is None:
                stream = _gif_stream(file, pixels)
                painter = _PalettePainter(av, palette, pixels)
            picture = painter.paint(pixels)
            picture.pts, picture.time_base = (written - 1) * gif_delay(fps), Fraction(1, GIF_TICKS)
            file.mux(stream.encode(picture))
        if stream is not None:
            file.mux(stream.encode())
    return written


def write_png(path: Path, pixels: Pixels, dpi: int | None = None) -> None:
    """One picture, lossless. Raises RenderError when it cannot be written.

    Args:
        path: of the file.
        pixels: (height, width, 3) uint8.
        dpi: pixels per inch, for printing.
    """
    av = import_av()
    encoder = av.CodecContext.create("png", "w")
    encoder.width, encoder.height = pixels.shape[1], pixels.shape[0]
    encoder.pix_fmt, encoder.time_base = "rgb24", Fraction(1)
    picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
    if dpi is not None:
        encoder.options = {"dpi": str(dpi)}
    with replacing(path) as temporary:
        temporary.write_bytes(b"".join(map(bytes, [*encoder.encode(picture), *encoder.encode()])))


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside `path` that replaces it on success and is removed otherwise."""
    # Its name is known before it exists: Ctrl-C at any moment leaves nothing behind.
    temporary = path.with_name(f".{path.stem}-{os.getpid()}-{threading.get_ident()}{path.suffix}")
    try:
        temporary.touch(exist_ok=False)
        yield temporary
        replace(temporary, path)
    except OSError as error:  # PyAV's errors are OSErrors too
        raise RenderError(f"{path}: cannot be written ({error.strerror or error})") from None
    finally:
        temporary.unlink(missing_ok=True)


def _gif_stream(file: Any, pixels: Pixels) -> Any:
    stream = file.add_stream("gif", rate=GIF_TICKS)
    stream.width, stream.height, stream.pix_fmt = pixels.shape[1], pixels.shape[0], "pal8"
    stream.time_base = stream.codec_context.time_base = Fraction(1, GIF_TICKS)
    return stream


def _source(av: Any, graph: Any, pixels: Pixels, format_name: str = "rgb24") -> Any:
    """An entrance of a filter graph for pictures of this size."""
    height, width = pixels.shape[:2]
    return graph.add_buffer(width=width, height=height, format=format_name, time_base=Fraction(1, GIF_TICKS))


def _make_palette(av: Any, samples: Iterable[Pixels]) -> Any:
    """The 256 colours that suit the samples best, as FFmpeg's palettegen makes them (a 16 x 16 picture)."""
    graph = av.filter.Graph()
    source = None
    for number, pixels in enumerate(samples):
        if source is None:
            source, chooser = _source(av, graph, pixels), graph.add("palettegen", "reserve_transparent=0")
            source.link_to(chooser)
            chooser.link_to(graph.add("buffersink"))
            graph.configure()
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
        picture.pts = number
        source.push(picture)
    if source is None:
        raise RenderError("there is no picture to write")
    source.push(None)
    return graph.pull()


class _PalettePainter:
    """Reduces pictures to one palette."""

    def __init__(self, av: Any, palette: Any, pixels: Pixels) -> None:
        self._av = av
        self._graph = graph = av.filter.Graph()
        self._source = _source(av, graph, pixels)
        colors = graph.add_buffer(
            width=palette.width, height=palette.height, format=palette.format.name, time_base=Fraction(1, GIF_TICKS)
        )
        # flat areas stay flat (no dithering): smaller files, and no crawling patterns
        painter = graph.add("paletteuse", "dither=none:diff_mode=rectangle")
        self._source.link_to(painter, 0, 0)
        colors.link_to(painter, 0, 1)
        painter.link_to(graph.add("buffersink"))
        graph.configure()
        colors.push(palette)
        colors.push(None)
        self._painted = 0

    def paint(self, pixels: Pixels) -> Any:
        picture = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
        picture.pts, self._painted = self._painted, self._painted + 1
        self._source.push(picture)
        return self._graph.pull()

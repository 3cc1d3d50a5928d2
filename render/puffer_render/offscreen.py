"""Pictures as NumPy arrays and as video frames: no screen, no graphics card, no system package."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from puffer_render._raster import Raster
from puffer_render.font import load_font
from puffer_render.frame import Frame
from puffer_render.scene import Orbit

Pixels = NDArray[np.uint8]


class Offscreen:
    """Draws frames of `width` x `height` units, each `scale` pixels large. Any number may exist."""

    def __init__(self, width: int, height: int, scale: float = 1.0) -> None:
        self.size = (round(width * scale), round(height * scale))
        """Width and height in pixels."""
        self._units, self._scale = (width, height), scale
        font = load_font()
        self._raster = Raster(*self.size, font.points, font.contours, font.glyphs, font.advances)

    def render(self, draw: Callable[[Frame], None], orbit: Orbit | None = None) -> Pixels:
        """The picture that `draw` makes, (height, width, 3) uint8 RGB; a new array."""
        self._draw(draw, orbit)
        return self._raster.rgb()

    def render_video(
        self, draw: Callable[[Frame], None], planes: tuple[Pixels, Pixels, Pixels], orbit: Orbit | None = None
    ) -> None:
        """Write the picture that `draw` makes into the planes of a video frame: BT.709, limited range, yuv420p."""
        self._draw(draw, orbit)
        self._raster.yuv420(*planes)

    def _draw(self, draw: Callable[[Frame], None], orbit: Orbit | None) -> None:
        frame = Frame(*self._units, orbit)
        draw(frame)
        self._raster.draw(frame.numbers, frame.meshes, self._scale)

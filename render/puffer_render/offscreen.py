"""Pictures as NumPy arrays, on a machine with or without a screen.

Three ways, tried in this order (facts in docs: which system packages each needs):

    software   the drop-in wheel `raylib_software`, when that is the one installed: needs neither screen nor OpenGL
    osmesa     GLFW's null platform with Mesa's off-screen OpenGL (Debian: libosmesa6): needs no screen
    display    a hidden window on a screen, real or virtual (xvfb-run)

The first never touches a display server, nor does the second, so that a broken or deaf one cannot hurt them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from puffer_render.errors import RenderError, import_raylib
from puffer_render.frame import Fonts, Frame
from puffer_render.scene import Orbit

Way = Literal["software", "osmesa", "display"]
Pixels = NDArray[np.uint8]

NO_WAY = (
    "no way to draw without a screen works here: install libosmesa6 (Debian and Ubuntu), or run under xvfb-run, "
    "or replace the raylib package by raylib_software (pip uninstall raylib; pip install raylib_software)"
)
SAMPLES = 2
"""Edges are smoothed by drawing everything this many times larger, and averaging. All ways do it alike."""
TITLE = "puffer-render"
RGB, RGBA = 4, 7
"""PIXELFORMAT_UNCOMPRESSED_R8G8B8 and _R8G8B8A8."""
PROBE_SECONDS = 10.0
"""A display server that has not let a client in by now never will."""
ATTEMPTS, PAUSE = 5, 0.1
"""An X server that has just lost its last client, here the probe, starts afresh and turns newcomers away meanwhile."""


class Surface(Protocol):
    """Where one way keeps its pixels."""

    def render(self, paint: Callable[[], None]) -> Pixels:
        """Run `paint`, which draws at SAMPLES times the size; return (height, width, 3) uint8."""

    def close(self) -> None:
        """Free it."""


class Offscreen:
    """Draws frames of `width` x `height` units, each `scale` pixels large. raylib allows one at a time.

    Raises RenderError when no way works (or not the one asked for).
    """

    def __init__(self, width: int, height: int, scale: float = 1.0, way: Way | None = None) -> None:
        self.size = (round(width * scale), round(height * scale))
        """Width and height in pixels."""
        self._rl = import_raylib()
        self.way = open_hidden_window(self.size, way)
        """The way that works here."""
        self._surface: Surface = (Framebuffer if self.way == "software" else Textures)(*self.size)
        self._fonts = Fonts()
        self._frame = Frame(width, height, self._fonts)
        self._frame.scale = scale * SAMPLES
        self._frame.surface = (self.size[0] * SAMPLES, self.size[1] * SAMPLES)

    def render(self, draw: Callable[[Frame], None], orbit: Orbit | None = None) -> Pixels:
        """The picture that `draw` makes, (height, width, 3) uint8 RGB; a new array."""
        self._frame.orbit = orbit or Orbit()
        return self._surface.render(lambda: self._frame.paint(draw))

    def close(self) -> None:
        """Free everything. The object is of no use afterwards."""
        self._fonts.close()
        self._surface.close()
        self._rl.CloseWindow()
        if self.way == "osmesa":
            _choose_any_platform(self._rl)

    def __enter__(self) -> Offscreen:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Textures:
    """OpenGL: draw into a large texture, draw that into a small one. Independent of what the window can show."""

    def __init__(self, width: int, height: int) -> None:
        self._rl = rl = import_raylib()
        self._width, self._height = width, height
        self._large = rl.LoadRenderTexture(width * SAMPLES, height * SAMPLES)
        self._small = rl.LoadRenderTexture(width, height)
        if not (rl.IsRenderTextureValid(self._large) and rl.IsRenderTextureValid(self._small)):
            raise RenderError(f"a picture of {width} x {height} pixels is too large to draw here: lower the scale")
        # halfway between the texels, so that a pixel is the mean of exactly SAMPLES x SAMPLES of them
        rl.SetTextureFilter(self._large.texture, rl.TEXTURE_FILTER_BILINEAR)
        self._white = rl.ffi.new("Color *", (255, 255, 255, 255))[0]

    def render(self, paint: Callable[[], None]) -> Pixels:
        rl, width, height = self._rl, self._width, self._height
        rl.BeginTextureMode(self._large)
        paint()
        rl.EndTextureMode()

        rl.BeginTextureMode(self._small)
        rl.rlDisableColorBlend()  # the opacity left over in the large texture means nothing
        # OpenGL begins at the bottom; drawn like this, upside down, the small texture begins at the picture's top
        source, target = (0, 0, width * SAMPLES, height * SAMPLES), (0, 0, width, height)
        rl.DrawTexturePro(self._large.texture, source, target, (0, 0), 0, self._white)
        rl.EndTextureMode()
        rl.rlEnableColorBlend()

        data = rl.rlReadTexturePixels(self._small.texture.id, width, height, RGB)
        pixels = np.frombuffer(rl.ffi.buffer(data, width * height * 3), np.uint8).reshape(height, width, 3).copy()
        rl.MemFree(data)
        return pixels

    def close(self) -> None:
        self._rl.UnloadRenderTexture(self._large)
        self._rl.UnloadRenderTexture(self._small)


class Framebuffer:
    """raylib_software: textures cannot be read back, so draw into the (large) window and average here."""

    def __init__(self, width: int, height: int) -> None:
        self._rl = import_raylib()
        self._width, self._height = width * SAMPLES, height * SAMPLES
        self._data = self._rl.ffi.new("unsigned char[]", self._width * self._height * 4)

    def render(self, paint: Callable[[], None]) -> Pixels:
        rl, width, height = self._rl, self._width, self._height
        rl.BeginDrawing()
        paint()
        rl.rlDrawRenderBatchActive()
        rl.rlCopyFramebuffer(0, 0, width, height, RGBA, self._data)
        rl.EndDrawing()
        bgra = np.frombuffer(rl.ffi.buffer(self._data), np.uint8).reshape(height, width, 4)
        total = bgra[..., 2::-1].astype(np.uint16)
        total = total[0::2] + total[1::2]
        total = total[:, 0::2] + total[:, 1::2]
        return ((total + 2) >> 2).astype(np.uint8)

    def close(self) -> None:
        del self._data


def open_hidden_window(size: tuple[int, int], way: Way | None = None) -> Way:
    """Open raylib's window in the given way, or in the first that works; return it. Raises RenderError."""
    rl = import_raylib()
    for attempt in WAYS if way is None else (way,):
        if WAYS[attempt](rl, size):
            return attempt
    raise RenderError(NO_WAY if way is None else f"drawing by way of {way!r} does not work here")


def open_on_display(rl: Any, size: tuple[int, int], title: str, flags: int) -> bool:
    """Open a window on the screen, with raylib's `flags`. Returns False, in bounded time, where that is impossible."""
    if not _display_answers():
        return False
    for _ in range(ATTEMPTS):
        if _open(rl, size, title, flags):
            return True
        time.sleep(PAUSE)
    return False


def _display_answers() -> bool:
    """Whether a window can be opened on a display, found out by another process: a deaf server never returns."""
    if sys.platform.startswith(("linux", "freebsd")):
        if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            return False
    command = [sys.executable, "-c", "from puffer_render.offscreen import probe_display; probe_display()"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        probe = subprocess.run(command, env=environment, capture_output=True, timeout=PROBE_SECONDS, check=False)
    except (subprocess.TimeoutExpired, OSError):
        return False
    return probe.returncode == 0


def probe_display() -> None:
    """Open a hidden window and leave: exit code 0 if that worked."""
    rl = import_raylib()
    sys.exit(not _open(rl, (16, 16), TITLE, rl.FLAG_WINDOW_HIDDEN))


def is_software(rl: Any) -> bool:
    """Whether the installed wheel is raylib_software."""
    return bool(rl.rlGetVersion() == 0)  # RL_OPENGL_SOFTWARE


def _open_software(rl: Any, size: tuple[int, int]) -> bool:
    if not is_software(rl):
        return False
    os.environ["SDL_VIDEODRIVER"] = "dummy"
    return _open(rl, (size[0] * SAMPLES, size[1] * SAMPLES), TITLE, rl.FLAG_WINDOW_HIDDEN)


def _open_osmesa(rl: Any, size: tuple[int, int]) -> bool:
    if is_software(rl):
        return False
    rl.rl.glfwInitHint(rl.GLFW_PLATFORM, rl.GLFW_PLATFORM_NULL)
    opened = _open(rl, size, TITLE, rl.FLAG_WINDOW_HIDDEN)
    if not opened:
        rl.rl.glfwTerminate()
        _choose_any_platform(rl)
    return opened


def _choose_any_platform(rl: Any) -> None:
    """Let the next window be one on a screen again: GLFW remembers the platform asked for."""
    rl.rl.glfwInitHint(rl.GLFW_PLATFORM, rl.GLFW_ANY_PLATFORM)


def _open_display(rl: Any, size: tuple[int, int]) -> bool:
    return not is_software(rl) and open_on_display(rl, size, TITLE, rl.FLAG_WINDOW_HIDDEN)


def _open(rl: Any, size: tuple[int, int], title: str, flags: int) -> bool:
    rl.SetConfigFlags(flags)
    rl.InitWindow(*size, title.encode())
    return bool(rl.IsWindowReady())


WAYS: dict[Way, Callable[[Any, tuple[int, int]], bool]] = {
    "software": _open_software,
    "osmesa": _open_osmesa,
    "display": _open_display,
}
"""Each opens the window, or returns False having left things as they were. In order of preference."""

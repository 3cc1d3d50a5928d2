"""A window on the screen: shows frames, reports keys. Knows nothing of environments."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from puffer_render.display import open_window
from puffer_render.errors import RenderError, import_raylib
from puffer_render.frame import Frame
from puffer_render.palette import NIGHT
from puffer_render.scene import Orbit
from puffer_render.screen import Screen

REFRESH = 60
"""Pictures per second."""
SMALLEST = 240
"""Pixels: a window cannot be made narrower or lower."""
NO_DISPLAY = (
    "no window can be opened: there is no display here, or it has no OpenGL. `puffer-render` makes videos without one."
)


class Window:
    """A resizable window that shows a canvas of `width` x `height` units, and a footer under it, as large as fits.

    keys: names of those to watch. raylib allows one window at a time. Raises RenderError when none can be opened.
    """

    def __init__(self, title: str, width: int, height: int, footer: int, keys: Iterable[str]) -> None:
        self._rl = rl = import_raylib()
        flags = rl.FLAG_WINDOW_RESIZABLE | rl.FLAG_MSAA_4X_HINT | rl.FLAG_VSYNC_HINT
        if not open_window(rl, (width, height + footer), title, flags):
            raise RenderError(NO_DISPLAY)
        rl.SetWindowMinSize(SMALLEST, SMALLEST)
        rl.SetExitKey(rl.KEY_NULL)
        rl.SetTargetFPS(REFRESH)
        self._screen = Screen()
        self._footer = footer
        self.fit(width, height, keys)
        self.orbit = Orbit()
        """How the camera of a scene was moved; change it to move it."""
        self._ground = rl.ffi.new("Color *", NIGHT)[0]

    def fit(self, width: int, height: int, keys: Iterable[str]) -> None:
        """From now on, show a canvas of this size, and watch these keys."""
        self._codes = {key: getattr(self._rl, f"KEY_{key.upper()}") for key in keys}
        self._width, self._height, self._whole_height = width, height, height + self._footer

    @property
    def closed(self) -> bool:
        """Whether the person asked for the window to be closed."""
        return bool(self._rl.WindowShouldClose())

    @property
    def fps(self) -> int:
        """Pictures shown in the last second."""
        return int(self._rl.GetFPS())

    def held(self) -> frozenset[str]:
        """Those of the watched keys that are down."""
        return frozenset(key for key, code in self._codes.items() if self._rl.IsKeyDown(code))

    def pressed(self) -> frozenset[str]:
        """Those of the watched keys that went down since the last frame."""
        codes = set()
        while code := self._rl.GetKeyPressed():  # a queue, which keeps a key that is up again by now
            codes.add(code)
        return frozenset(key for key, code in self._codes.items() if code in codes)

    def dragged(self) -> tuple[float, float]:
        """How far the mouse was dragged since the last frame, in pixels right and down."""
        if not self._rl.IsMouseButtonDown(self._rl.MOUSE_BUTTON_LEFT):
            return 0.0, 0.0
        moved = self._rl.GetMouseDelta()
        return float(moved.x), float(moved.y)

    def clicked(self) -> tuple[float, float] | None:
        """Where in the picture the mouse was pressed since the last frame, in its units; None if it was not."""
        if not self._rl.IsMouseButtonPressed(self._rl.MOUSE_BUTTON_LEFT):
            return None
        place, (left, top) = self._rl.GetMousePosition(), self._screen.origin
        return (place.x - left) / self._screen.scale, (place.y - top) / self._screen.scale

    def scrolled(self) -> float:
        """Notches that the mouse's wheel was turned since the last frame, away from the person."""
        return float(self._rl.GetMouseWheelMove())

    def typed(self) -> str:
        """Characters typed since the last frame, by the person's own keyboard layout."""
        characters = ""
        while code := self._rl.GetCharPressed():
            characters += chr(code)
        return characters

    def show(self, draw: Callable[[Frame], None]) -> None:
        """Draw and present one picture, wait until the next one is due, and record the keys."""
        rl, screen = self._rl, self._screen
        width, height = rl.GetScreenWidth(), rl.GetScreenHeight()
        screen.scale = min(width / self._width, height / self._whole_height)
        shown_width, shown_height = round(self._width * screen.scale), round(self._whole_height * screen.scale)
        left, top = (width - shown_width) // 2, (height - shown_height) // 2
        frame = Frame(self._width, self._height, self.orbit)
        draw(frame)
        rl.BeginDrawing()
        rl.ClearBackground(self._ground)
        rl.BeginScissorMode(left, top, shown_width, shown_height)
        screen.origin, screen.surface = (left, top), (rl.GetRenderWidth(), rl.GetRenderHeight())
        screen.paint(frame)
        rl.EndScissorMode()
        rl.EndDrawing()

    def close(self) -> None:
        """Close the window."""
        self._screen.close()
        self._rl.CloseWindow()

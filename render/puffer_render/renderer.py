"""Pictures of an environment while something else drives it: what the entry point `puffer.renderers` names.

raylib has one window per process. Renderers that make pictures share a hidden one; one that shows an environment
needs it for itself.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any
from weakref import WeakSet

from puffer_render.draw import drawing_for
from puffer_render.errors import RenderError, import_raylib
from puffer_render.frame import Frame
from puffer_render.offscreen import Offscreen, Pixels
from puffer_render.window import Window

NO_DISPLAY = (
    'no window can be opened: there is no display here, or it has no OpenGL; render_mode="rgb_array" needs neither'
)
IN_USE = (
    "another environment is shown in a window, and there can be one window per process: close() that environment first"
)
LONGEST_WAIT = 0.25
"""Seconds: a driver that is further behind than this is not hurried on."""


class Renderer:
    """Draws the environments of one batch, by `puffer_render.draw`. Opens nothing before the first picture."""

    def __init__(self, env: Any) -> None:
        """`env` has the contract's arrays, `spec` and `state(i)`. Raises RenderError when raylib is not installed."""
        import_raylib()
        self._env = env
        self._drawing = drawing_for(env.spec.name, env)
        self._due = 0.0
        self._dismissed = False

    def frame(self, env: int = 0) -> Pixels:
        """A new picture of one environment, (height, width, 3) uint8 RGB.

        Raises RenderError when no way of drawing works here, or another environment is being shown in a window.
        """
        return STAGE.hidden(self, self._drawing.size).render(self._draw(env))

    def show(self, env: int = 0) -> None:
        """Show one environment in a window, and return when the next step is due by the environment's rate.

        When the person closes the window, it stays closed, and this returns at once.
        Raises RenderError when there is no display, or another environment is being shown.
        """
        if self._dismissed:
            return
        window = STAGE.shown(self, self._env.spec.name, self._drawing.size)
        now = time.perf_counter()
        self._due = max(self._due, now - LONGEST_WAIT) + 1 / self._env.spec.rate
        while True:  # at least once, and often enough for the window to stay alive
            window.show(self._draw(env))
            if window.closed:
                self._dismissed = True
                self.close()
                return
            if time.perf_counter() >= self._due:
                return

    def close(self) -> None:
        """Close this environment's window. May be called twice."""
        STAGE.leave(self)

    def _draw(self, env: int) -> Callable[[Frame], None]:
        return functools.partial(self._drawing.draw, self._env.state(env))


class Stage:
    """raylib's one window, and who uses it."""

    def __init__(self) -> None:
        self._hidden: Offscreen | None = None
        self._hidden_size = (0, 0)
        self._window: Window | None = None
        self._shown: Renderer | None = None
        self._users: WeakSet[Renderer] = WeakSet()

    def hidden(self, user: Renderer, size: tuple[int, int]) -> Offscreen:
        """A canvas of this size, in units, which every user of that size shares."""
        if self._window is not None:
            raise RenderError(IN_USE)
        if self._hidden is None or self._hidden_size != size:
            self._close_hidden()
            self._hidden, self._hidden_size = Offscreen(*size), size
        self._users.add(user)
        return self._hidden

    def shown(self, user: Renderer, title: str, size: tuple[int, int]) -> Window:
        """The user's window."""
        if self._window is None:
            self._close_hidden()
            try:
                self._window = Window(title, *size, footer=0, keys=())
            except RenderError:
                raise RenderError(NO_DISPLAY) from None
            self._shown = user
        if self._shown is not user:
            raise RenderError(IN_USE)
        return self._window

    def leave(self, user: Renderer) -> None:
        """The user draws nothing more; the last one turns off the light."""
        self._users.discard(user)
        if self._shown is user and self._window is not None:
            self._window.close()
            self._window = self._shown = None
        if not self._users:
            self._close_hidden()

    def _close_hidden(self) -> None:
        if self._hidden is not None:
            self._hidden.close()
            self._hidden = None


STAGE = Stage()

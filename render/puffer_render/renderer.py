"""Pictures of an environment while something else drives it: what the entry point `puffer.renderers` names.

Pictures need nothing but memory. raylib, which shows windows, has one of them per process.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from puffer_render.draw import drawing_for
from puffer_render.errors import RenderError, import_raylib
from puffer_render.frame import Frame
from puffer_render.offscreen import Offscreen, Pixels
from puffer_render.states import keep
from puffer_render.window import Window

NO_DISPLAY = (
    'no window can be opened: there is no display here, or it has no OpenGL; render_mode="rgb_array" needs neither'
)
IN_USE = (
    "another environment is shown in a window, and there can be one window per process: close() that environment first"
)
MAX_WAIT = 0.25
"""Seconds: a driver that is further behind than this is not made to catch up."""


class Renderer:
    """Draws the environments of one batch, by `puffer_render.draw`. Opens nothing before the first picture."""

    def __init__(self, env: Any) -> None:
        """`env` has the contract's arrays, `spec` and `state(i)`."""
        self._env = env
        self._drawing = drawing_for(env.spec.name, env)
        self._offscreen: Offscreen | None = None
        self._window: Window | None = None
        self._due = 0.0
        self._before: tuple[int, SimpleNamespace] | None = None
        """The environment that was shown last, and its state then."""
        self._dismissed = False

    def frame(self, env: int = 0) -> Pixels:
        """A new picture of one environment, (height, width, 3) uint8 RGB."""
        if self._offscreen is None:
            self._offscreen = Offscreen(*self._drawing.size)
        return self._offscreen.render(self._draw(env))

    def show(self, env: int = 0) -> None:
        """Show one environment in a window, and return when the next step is due by the environment's rate.

        Where a drawing shows in several frames what a step did, the step takes as long as these.
        When the person closes the window, it stays closed, and this returns at once.
        Raises RenderError when there is no display, or another environment is being shown.
        """
        if self._dismissed:
            return
        if self._window is None:
            self._window = self._open()
        window = self._window
        length, draw = self._move(env)
        self._due = max(self._due, time.perf_counter() - MAX_WAIT) + length
        while True:  # at least once, and often enough for the window to stay alive
            window.show(draw(1 - (self._due - time.perf_counter()) / length))
            if window.closed:
                self._dismissed = True
                self.close()
                return
            if time.perf_counter() >= self._due:
                return

    def close(self) -> None:
        """Close this environment's window. May be called twice."""
        global _open_windows  # noqa: PLW0603
        if self._window is not None:
            self._window.close()
            self._window = None
            _open_windows -= 1

    def _open(self) -> Window:
        global _open_windows  # noqa: PLW0603
        if _open_windows:
            raise RenderError(IN_USE)
        import_raylib()  # raises its own error if raylib is not installed
        try:
            window = Window(self._env.spec.name, *self._drawing.size, footer=0, keys=())
        except RenderError:
            raise RenderError(NO_DISPLAY) from None
        _open_windows += 1
        return window

    def _move(self, env: int) -> tuple[float, Callable[[float], Callable[[Frame], None]]]:
        """How many seconds what happened is shown, and what draws it at a share of them."""
        drawing, state = self._drawing, self._env.state(env)
        before, self._before = self._before, (env, keep(state)) if drawing.frames is not None else None
        if before is None or before[0] != env or drawing.frames is None or drawing.between is None:
            return 1 / self._env.spec.rate, lambda share: functools.partial(drawing.draw, state)
        frames, between, last = drawing.frames(before[1], state), drawing.between, before[1]

        def draw(share: float) -> Callable[[Frame], None]:
            frame = int(share * frames) + 1
            shown = between(last, state, frame, frames) if 0 < frame < frames else state
            return functools.partial(drawing.draw, shown)

        return frames / float(drawing.frame_rate or self._env.spec.rate), draw

    def _draw(self, env: int) -> Callable[[Frame], None]:
        return functools.partial(self._drawing.draw, self._env.state(env))


_open_windows = 0
"""raylib allows one."""

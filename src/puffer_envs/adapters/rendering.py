"""Images for the adapters, drawn by an installed renderer package: `puffer_envs` itself draws nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any, Protocol

import numpy as np
from gymnasium import logger
from gymnasium.error import DependencyNotInstalled
from numpy.typing import NDArray

from puffer_envs.environment import Environment

GROUP = "puffer.renderers"
"""Group of entry points that name a callable: native environment -> `Renderer`."""
MODES = ("human", "rgb_array")
"""All that `View` knows."""
NO_RENDERER = 'no renderer is installed: pip install "puffer-envs[render]"'

Frame = NDArray[np.uint8]
"""(height, width, 3), RGB."""


class Renderer(Protocol):
    """Draws the current states of the environments of one batch."""

    def frame(self, env: int = 0) -> Frame:
        """Return a new image of one environment, (height, width, 3) uint8 RGB. Needs no screen."""
        ...

    def show(self, env: int = 0) -> None:
        """Show one environment in a window, and return when the next step is due at the environment's rate."""
        ...

    def close(self) -> None:
        """Free all resources. Can be called twice."""
        ...


def has_display() -> bool:
    """Whether there may be a screen: False is certain, True is not."""
    if sys.platform.startswith(("linux", "freebsd")):
        return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return True


def offered_modes() -> list[str]:
    """The modes to list in an environment's metadata: `human` only where a window may open."""
    return [mode for mode in MODES if mode != "human" or has_display()]


class View:
    """The adapters' shared `render`: a mode, and a renderer if the mode needs one."""

    def __init__(self, environment: Environment, mode: str | None) -> None:
        """Find a renderer, unless `mode` is None. Nothing is opened before the first image.

        Raises:
            ValueError: an unknown mode.
            gymnasium.error.DependencyNotInstalled: no renderer is installed.
        """
        if mode is not None and mode not in MODES:
            raise ValueError(f"render_mode must be {' or '.join(map(repr, MODES))} or None, got {mode!r}")
        self.mode = mode
        self._environment = environment
        self._renderer = None if mode is None else _make_renderer(environment)

    def follow(self) -> None:
        """Update the window in mode human. Call it after each step and reset."""
        if self.mode == "human" and self._renderer is not None:
            self._renderer.show()

    def picture(self, what: Any, env: int = 0) -> Frame | None:
        """Return the image of one environment in mode rgb_array, None in mode human. Without a mode, warn.

        Args:
            what: the adapter, for the warning.
            env: number of the environment.

        Raises:
            RuntimeError: before the first reset, or after close.
        """
        if self._renderer is None:
            logger.warn(f'{what}: render() draws nothing without a render mode. Make it with render_mode="rgb_array"')
            return None
        self._environment.state_hash(env)  # raises if there is nothing to draw
        return None if self.mode == "human" else self._renderer.frame(env)

    def close(self) -> None:
        """Close the window, if there is one."""
        if self._renderer is not None:
            self._renderer.close()


def _make_renderer(environment: Environment) -> Renderer:
    offers = entry_points(group=GROUP)
    if not offers:
        raise DependencyNotInstalled(NO_RENDERER)
    make: Callable[[Environment], Renderer] = next(iter(offers)).load()
    try:
        return make(environment)
    except Exception as error:  # each renderer has its own errors, which say what is missing and how to get it
        raise DependencyNotInstalled(str(error)) from error

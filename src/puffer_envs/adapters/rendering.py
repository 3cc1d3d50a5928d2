"""Pictures for the adapters, drawn by whichever installed package offers to: this one draws nothing itself."""

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
"""Entry points in this group name a callable: native environment -> `Renderer`."""
MODES = ("human", "rgb_array")
"""All that `View` knows."""
NO_RENDERER = 'nothing that draws environments is installed: pip install "puffer-envs[render]"'

Frame = NDArray[np.uint8]
"""(height, width, 3), RGB."""


class Renderer(Protocol):
    """Draws the environments of one batch as they are now."""

    def frame(self, env: int = 0) -> Frame:
        """A new picture of one environment, (height, width, 3) uint8 RGB. Needs no screen."""
        ...

    def show(self, env: int = 0) -> None:
        """Show one environment in a window, and return when the next step is due by the environment's rate."""
        ...

    def close(self) -> None:
        """Free everything; may be called twice."""
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
    """What the adapters' `render` has in common: a mode, and a renderer if the mode needs one."""

    def __init__(self, environment: Environment, mode: str | None) -> None:
        """Find a renderer, unless `mode` is None. It opens nothing before the first picture.

        Raises:
            ValueError: no such mode.
            gymnasium.error.DependencyNotInstalled: nothing that draws is installed.
        """
        if mode is not None and mode not in MODES:
            raise ValueError(f"render_mode must be {' or '.join(map(repr, MODES))} or None, got {mode!r}")
        self.mode = mode
        self._environment = environment
        self._renderer = None if mode is None else _make_renderer(environment)

    def follow(self) -> None:
        """After each step and reset: in mode human what happens is shown without being asked for."""
        if self.mode == "human" and self._renderer is not None:
            self._renderer.show()

    def picture(self, what: Any, env: int = 0) -> Frame | None:
        """The picture of one environment in mode rgb_array; None in mode human, and in no mode, with a warning.

        `what` is the adapter, for the warning's sake. Raises RuntimeError before the first reset and after close.
        """
        if self._renderer is None:
            logger.warn(f'{what}: render() draws nothing without a mode: make it with render_mode="rgb_array"')
            return None
        self._environment.state_hash(env)  # raises where there is nothing to draw
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
    except Exception as error:  # each renderer has its own; they say what is missing, and how to get it
        raise DependencyNotInstalled(str(error)) from error

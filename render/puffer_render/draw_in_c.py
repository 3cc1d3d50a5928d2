"""Drawings that are written in C (c/draw/envs), so that windows, videos and pages in a browser show the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import puffer_envs
from puffer_envs.environment import State, state_over
from puffer_render import _raster
from puffer_render.font import load_font
from puffer_render.frame import Frame
from puffer_render.states import keep, memory_of

STEP = "_step"
"""Where a state that is shown in part has the bytes of the state before the step, and how much of it is shown."""


def size_of(name: str) -> tuple[int, int]:
    """SIZE of a drawing module: that of the drawing in C."""
    return _raster.drawing_size(name)


def drawing_of(name: str) -> Callable[[Any, Frame], None]:
    """The function `draw` of a drawing module: the drawing in C."""
    advances = load_font().advances

    def draw(state: Any, frame: Frame) -> None:
        person, orbit = -1 if frame.person is None else frame.person, frame.orbit
        size, moved = (frame.width, frame.height), (orbit.yaw, orbit.pitch, orbit.zoom)
        step = getattr(state, STEP, (None, 1.0))
        numbers, meshes, _ = _raster.list_of(name, *memory_of(state), *size, person, advances, *moved, *step)
        frame.add_list(numbers, meshes)

    return draw


def yaw_of(name: str, state: Any, agent: int) -> float:
    """Degrees around the z axis from which the drawing in C looks, if it shows space: see `Camera.yaw`."""
    width, height = size_of(name)
    return _raster.list_of(name, *memory_of(state), width, height, agent, load_font().advances)[2]


def glide(before: Any, after: Any, frame: int, frames: int) -> Any:
    """The function `between` of a drawing module whose drawing in C shows part of a step."""
    shown = keep(after) if isinstance(after, State) else SimpleNamespace(**vars(after))
    setattr(shown, STEP, (memory_of(before)[0].copy(), frame / frames))
    return shown


def between_of(name: str) -> Callable[[Any, Any, int, int], Any]:
    """The function `between` of a drawing module: that of the drawing in C."""
    env = puffer_envs.spec(name)

    def between(before: Any, after: Any, frame: int, frames: int) -> Any:
        (start, assets), (end, _) = memory_of(before), memory_of(after)
        return state_over(env, _raster.state_between(name, start, end, frame, frames), assets)

    return between


def frames_of(name: str) -> Callable[[Any, Any], int]:
    """The function `frames` of a drawing module: that of the drawing in C."""

    def frames(before: Any, after: Any) -> int:
        return _raster.frames_between(name, memory_of(before)[0], memory_of(after)[0])

    return frames


def touch_of(name: str) -> Callable[[Any, float, float], int | None]:
    """The function `touch` of a drawing module: that of the drawing in C."""

    def touch(state: Any, x: float, y: float) -> int | None:
        action = _raster.action_at(name, *memory_of(state), x, y)
        return None if action < 0 else action

    return touch


def pilot_of(name: str, labels: Sequence[str]) -> Callable[[Any, frozenset[str], int], int]:
    """The function `pilot` of a drawing module: the action of the first of these labels whose key is held."""
    numbers = {label: number for number, label in enumerate(labels)}

    def pilot(state: Any, held: frozenset[str], agent: int) -> int:
        del agent
        return _raster.action_of(name, *memory_of(state), min((numbers[label] for label in held), default=0))

    return pilot


def verdict_of(name: str) -> Callable[[Any, int], str]:
    """The function `verdict` of a drawing module: that of the drawing in C."""
    return lambda state, agent: _raster.verdict_of(name, memory_of(state)[0], agent)

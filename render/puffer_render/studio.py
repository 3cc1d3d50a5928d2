"""A replay, frame by frame: re-simulated, and drawn."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import puffer_envs
from puffer_envs import Replay, ReplayError
from puffer_render.draw import drawing_for
from puffer_render.errors import RenderError
from puffer_render.frame import Frame
from puffer_render.offscreen import Offscreen, Pixels
from puffer_render.scene import Orbit
from puffer_render.states import keep, same

MIN_SIDE, MAX_SIDE = 64, 4096
"""Pixels."""

Draw = Callable[[Frame], None]


@dataclass(frozen=True)
class Take:
    """What to draw of which replay, and how: all that another process needs to draw the same frames."""

    replay: Path
    index: int = 0
    """Which environment of a batch."""
    scale: float = 1.0
    """Pixels per unit."""
    orbit: Orbit = field(default_factory=Orbit)
    """Of the camera of a scene."""
    turn: float = 0.0
    """Degrees a second that the camera turns."""


class Studio:
    """A replay and the canvas it is drawn on.

    A frame is a step; but where an action is held for several frames (see Drawing.frameskip), or a step is shown in
    several (see Drawing.frames), each is one.
    """

    def __init__(self, take: Take) -> None:
        """Raises RenderError when the replay cannot be read, or lacks what the take asks for."""
        self._take, self._index = take, take.index
        self._replay = replay = _load(take.replay)
        if not 0 <= take.index < replay.num_envs:
            raise RenderError(f"--index is {take.index}; this replay has environments 0 to {replay.num_envs - 1}")
        with replay.make() as env:
            self._drawing = drawing_for(replay.environment, env)
        self._held = int(replay.settings[self._drawing.frameskip]) if self._drawing.frameskip else 1
        self.rate = float(self._drawing.frame_rate or env.spec.rate)
        """Frames per second in real time."""
        pixels = [round(side * take.scale) for side in self._drawing.size]
        if not MIN_SIDE <= min(pixels) <= max(pixels) <= MAX_SIDE:
            raise RenderError(
                f"--scale {take.scale:g} gives {pixels[0]} x {pixels[1]} pixels; "
                f"each side must be from {MIN_SIDE} to {MAX_SIDE}"
            )
        self.canvas = Offscreen(*self._drawing.size, take.scale)
        """What the frames are drawn on."""

    @functools.cached_property
    def frames(self) -> int:
        """In the replay, the first one included. An episode that ends within a step makes it fewer."""
        if self._drawing.frames is None:
            return len(self._replay) * self._held + 1
        try:
            return sum(held for _, _, held in self._steps(self._drawing.frames))
        except ReplayError as error:
            raise RenderError(str(error)) from None

    def pictures(self, frames: Sequence[int]) -> Iterator[Pixels]:
        """These frames, in ascending order, as arrays (height, width, 3). Raises RenderError as `draws` does."""
        for draw, orbit in self.draws(frames):
            yield self.canvas.render(draw, orbit)

    def draws(self, frames: Sequence[int]) -> Iterator[tuple[Draw, Orbit]]:
        """Re-simulate the replay: for each of these frames, in ascending order, what draws it, and the camera.

        A frame may be asked for more than once; one beyond the end is left out.
        Raises RenderError when the replay does not repeat itself.
        """
        wanted = iter(frames)
        next_frame = next(wanted, None)
        try:
            for number, (env, state) in enumerate(self._play()):
                while number == next_frame:
                    draw = drawing_for(self._replay.environment, env).draw
                    yaw = self._take.orbit.yaw + self._take.turn * number / self.rate
                    yield functools.partial(draw, state), replace(self._take.orbit, yaw=yaw)
                    next_frame = next(wanted, None)
                if next_frame is None:
                    return
        except ReplayError as error:
            raise RenderError(str(error)) from None

    def _play(self) -> Iterator[tuple[Any, Any]]:
        """For each frame the environment and the state to show."""
        if self._drawing.frames is not None:
            assert self._drawing.between is not None
            return self._fill_steps(self._drawing.between)
        if self._held == 1:
            return ((env, env.state(self._index)) for env in self._replay.play())
        return self._split_steps() if self._drawing.between is None else self._fill_steps(self._drawing.between)

    def _fill_steps(self, between: Callable[[Any, Any, int, int], Any]) -> Iterator[tuple[Any, Any]]:
        """The states after steps, and those that the drawing puts between them."""
        for env, before, held in self._steps(self._drawing.frames or (lambda before, after: self._held)):
            after = env.state(self._index)
            for frame in range(1, held):
                yield env, between(before, after, frame, held)
            yield env, after

    def _steps(self, frames: Callable[[Any, Any], int]) -> Iterator[tuple[Any, Any, int]]:
        """For each state the environment, the state before the step to it, and its number of frames; one at first."""
        before = None
        for env in self._replay.play():
            after = env.state(self._index)
            yield env, before, 1 if before is None else frames(before, after)
            before = keep(after)

    def _split_steps(self) -> Iterator[tuple[Any, Any]]:
        """The states of a second environment, which takes the same actions frame by frame."""
        replay, index = self._replay, self._index
        settings: dict[str, Any] = {**replay.settings, str(self._drawing.frameskip): 1}
        with puffer_envs.make(replay.environment, first=replay.first + index, **settings) as single:
            single.reset(replay.seed)
            rows = slice(index * single.num_agents, (index + 1) * single.num_agents)
            agreed = True
            for step, (env, actions) in enumerate(zip(replay.play(), [None, *replay.actions], strict=True)):
                if step == 0:
                    yield single, single.state(0)
                elif agreed:
                    for _ in range(self._held):
                        single.step(actions[rows])
                        yield single, single.state(0)
                        if (single.terminals | single.truncations).any():
                            break
                    agreed = same(single.state(0), env.state(index))
                else:  # a time limit between two frames of a step can do this; the recorded steps are authoritative
                    yield from [(env, env.state(index))] * self._held


def _load(path: Path) -> Replay:
    try:
        return Replay.load(path)
    except ReplayError as error:
        raise RenderError(str(error)) from None
    except OSError as error:
        raise RenderError(f"{path}: cannot be read ({error.strerror or error})") from None

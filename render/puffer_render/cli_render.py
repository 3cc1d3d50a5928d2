"""puffer-render: a replay file becomes a video, a GIF or a picture, with or without a screen."""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress, TaskID

import puffer_envs
from puffer_envs import Replay, ReplayError
from puffer_render.cli import Parser, count, finite, positive, run
from puffer_render.draw import drawing_for
from puffer_render.errors import RenderError, import_av
from puffer_render.offscreen import Offscreen
from puffer_render.scene import Orbit
from puffer_render.states import keep, same
from puffer_render.video import gif_delay, write_gif, write_mp4, write_png

PROGRAM = "puffer-render"
KINDS = (".mp4", ".gif", ".png")
GIF_SECONDS = 20.0
"""A longer GIF has to be asked for."""
PALETTE_SAMPLES = 16
"""Pictures from all over the replay that the colours of a GIF are chosen from."""
FASTEST_FPS = 120.0
SMALLEST_SIDE, LARGEST_SIDE = 64, 4096
"""Pixels."""

Pixels = NDArray[np.uint8]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns its exit code."""
    return run(PROGRAM, _main, arguments)


def _main(arguments: Sequence[str] | None) -> None:
    parser = Parser(prog=PROGRAM, description="Make a video, a GIF or a picture of a replay.")
    parser.add_argument("replay", metavar="FILE", type=Path, help="a replay, as puffer-eval --replay writes it")
    parser.add_argument("out", metavar="OUT", type=Path, help="the file to write: .mp4, .gif or .png")
    parser.add_argument("--fps", type=positive, help="pictures per second (default: as fast as in real time)")
    parser.add_argument("--scale", type=positive, default=1.0, help="size of the picture (default: 1)")
    parser.add_argument("--every", type=count, default=1, metavar="N", help="draw every N-th frame (default: 1)")
    parser.add_argument(
        "--max-seconds",
        type=positive,
        metavar="S",
        help=f"stop after S seconds (default: GIF {GIF_SECONDS:g}, MP4 all)",
    )
    parser.add_argument("--frame", type=int, metavar="N", help="PNG: the frame to draw (default: half way)")
    for name, what in (("yaw", "turn"), ("pitch", "tilt")):
        parser.add_argument(f"--{name}", type=finite, default=0.0, metavar="DEG", help=f"{what} the camera of a scene")
    parser.add_argument("--zoom", type=positive, default=1.0, metavar="X", help="bring it so many times nearer")
    parser.add_argument("--turn", type=finite, default=0.0, metavar="DEG", help="turn it by so many degrees a second")
    parser.add_argument("--index", type=int, default=0, help="which environment of a batch to draw (default: 0)")
    options = parser.parse_args(arguments)

    kind = options.out.suffix.lower()
    if kind not in KINDS:
        parser.error(f"OUT is {str(options.out)!r}; its ending must be one of {', '.join(KINDS)}")
    if options.frame is not None and kind != ".png":
        parser.error("--frame is for a .png only")
    import_av()  # a missing extra is reported before any work
    replay = _load(options.replay)
    if not 0 <= options.index < replay.num_envs:
        parser.error(f"--index is {options.index}; this replay has environments 0 to {replay.num_envs - 1}")

    orbit = Orbit(options.yaw, options.pitch, options.zoom)
    with Studio(replay, options.index, options.scale, orbit, options.turn) as studio:
        if kind == ".png":
            _write_picture(parser, options, studio)
        else:
            _write_moving(options, kind, studio)


class Studio:
    """A replay and the canvas it is drawn on.

    A frame is a step; but where an action is held for several frames (see Drawing.frameskip), each is shown.
    """

    def __init__(self, replay: Replay, index: int, scale: float, orbit: Orbit | None = None, turn: float = 0.0) -> None:
        """orbit: of the camera of a scene; turn: degrees a second that it moves on."""
        self._replay, self._index = replay, index
        self._orbit, self._turn = orbit or Orbit(), turn
        with replay.make() as env:
            self._drawing = drawing_for(replay.environment, env)
        self._held = int(replay.settings[self._drawing.frameskip]) if self._drawing.frameskip else 1
        self.rate = float(self._drawing.frame_rate or env.spec.rate)
        """Frames per second in real time."""
        self.frames = len(replay) * self._held + 1
        """In the replay, the first one included. An episode that ends within a step makes it fewer."""
        pixels = [round(side * scale) for side in self._drawing.size]
        if not SMALLEST_SIDE <= min(pixels) <= max(pixels) <= LARGEST_SIDE:
            raise RenderError(
                f"--scale {scale:g} gives {pixels[0]} x {pixels[1]} pixels; "
                f"each side must be from {SMALLEST_SIDE} to {LARGEST_SIDE}"
            )
        self._offscreen = Offscreen(*self._drawing.size, scale)

    def pictures(self, frames: range) -> Iterator[Pixels]:
        """Re-simulate the replay and draw these frames. Raises RenderError when it does not repeat itself."""
        try:
            for number, (env, state) in enumerate(self._play()):
                if number in frames:
                    draw = drawing_for(self._replay.environment, env).draw
                    yaw = self._orbit.yaw + self._turn * number / self.rate
                    yield self._offscreen.render(functools.partial(draw, state), replace(self._orbit, yaw=yaw))
                if number >= frames[-1]:
                    return
        except ReplayError as error:
            raise RenderError(str(error)) from None

    def _play(self) -> Iterator[tuple[Any, Any]]:
        """For each frame the environment and the state to show."""
        if self._held == 1:
            return ((env, env.state(self._index)) for env in self._replay.play())
        return self._split_steps() if self._drawing.between is None else self._fill_steps(self._drawing.between)

    def _fill_steps(self, between: Callable[[Any, Any, int, int], Any]) -> Iterator[tuple[Any, Any]]:
        """The states after steps, and those that the drawing puts between them."""
        before = None
        for env in self._replay.play():
            after = env.state(self._index)
            if before is not None:
                for frame in range(1, self._held):
                    yield env, between(before, after, frame, self._held)
            yield env, after
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
                else:  # a time limit between two frames of a step can do this; the recorded steps are what is true
                    yield from [(env, env.state(index))] * self._held

    def close(self) -> None:
        """Give the canvas back."""
        self._offscreen.close()

    def __enter__(self) -> Studio:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _load(path: Path) -> Replay:
    try:
        return Replay.load(path)
    except ReplayError as error:
        raise RenderError(str(error)) from None
    except OSError as error:
        raise RenderError(f"{path}: cannot be read ({error.strerror or error})") from None


def _write_picture(parser: Parser, options: Any, studio: Studio) -> None:
    last = studio.frames - 1
    number = last // 2 if options.frame is None else options.frame
    if not 0 <= number <= last:
        parser.error(f"--frame is {number}; this replay has frames 0 to {last}")
    pixels = next(studio.pictures(range(number, number + 1)), None)
    if pixels is None:
        parser.error(f"--frame is {number}, beyond the replay's end")
    write_png(options.out, pixels)
    _report(f"{options.out}: frame {number} of {last}, {pixels.shape[1]} x {pixels.shape[0]}")


def _write_moving(options: Any, kind: str, studio: Studio) -> None:
    fps = min(options.fps or studio.rate / options.every, FASTEST_FPS)
    fps = 100 / gif_delay(fps) if kind == ".gif" else fps
    seconds = options.max_seconds or (GIF_SECONDS if kind == ".gif" else math.inf)
    count = max(1, min(math.ceil(studio.frames / options.every), math.floor(min(seconds * fps, studio.frames))))
    frames = range(0, count * options.every, options.every)

    with _progress() as progress:
        task = progress.add_task(options.out.name, total=count)
        pictures = _counted(studio.pictures(frames), progress, task)
        if kind == ".gif":
            samples = studio.pictures(frames[:: math.ceil(count / PALETTE_SAMPLES)])
            written = write_gif(options.out, pictures, samples, fps)
        else:
            written = write_mp4(options.out, pictures, fps)
    size = options.out.stat().st_size / 1024
    _report(f"{options.out}: {written} pictures, {written / fps:.1f} s, {size:.0f} KiB")


def _progress() -> Progress:
    console = Console(stderr=True)
    return Progress(console=console, transient=True, disable=not console.is_terminal)


def _counted(pictures: Iterator[Pixels], progress: Progress, task: TaskID) -> Iterator[Pixels]:
    for picture in pictures:
        progress.advance(task)
        yield picture


def _report(line: str) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    raise SystemExit(main())

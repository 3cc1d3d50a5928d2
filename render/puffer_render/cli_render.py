"""puffer-render: a replay or a policy becomes a video, a GIF or a picture, with or without a screen."""

from __future__ import annotations

import itertools
import math
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress

import puffer_envs
from puffer_envs.contract.commands import (
    Parser,
    add_library,
    add_network,
    add_seed,
    add_trained,
    find_trained,
    real_number,
    run_command,
    whole_number,
)
from puffer_envs.contract.names import suggest_nearest
from puffer_envs.contract.offers import is_file, open_given, suggest_file
from puffer_envs.contract.trained import list_trained
from puffer_envs.spec import is_native
from puffer_render.errors import RenderError, import_av
from puffer_render.film import write_film
from puffer_render.offscreen import Offscreen, Pixels
from puffer_render.scene import Orbit
from puffer_render.sources import (
    Source,
    Watched,
    find_source,
    load_libraries,
    make_shown,
    read_policy,
    record_game,
    take_picture,
    watch,
)
from puffer_render.studio import Studio, Take
from puffer_render.video import SEGMENT, Encoder, Planes, Segment, gif_delay, write_gif, write_png

PROGRAM = "puffer-render"
EXAMPLES = """examples:
  puffer-render --trained breakout game.mp4
  puffer-render runs/breakout-1/replay.puf game.mp4
  puffer-render runs/breakout-1 game.gif --max-seconds 5
  puffer-render runs/drone-1 swarm.png --frame 300 --yaw 30
  puffer-render ./my_game.h first_look.gif               random actions
  puffer-render ./my_game.h game.mp4 --policy runs/my_game-1
"""
KINDS = (".mp4", ".gif", ".png")
GIF_SECONDS = 20.0
"""Default maximum length of a GIF."""
POLICY_SECONDS = 20.0
"""Default length of the video of a policy."""
PALETTE_SAMPLES = 16
"""Number of pictures, spread over the replay, from which the colours of a GIF are chosen."""
DEFAULT_FPS, MAX_FPS = 30.0, 120.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0 done, 2 a mistake, 130 Ctrl-C."""

    def body() -> int:
        _main(arguments)
        return 0

    return run_command(PROGRAM, body)


def _main(arguments: Sequence[str] | None) -> None:
    parser = _parser()
    options, settings = parser.parse(arguments)
    load_libraries(options.library)
    given = options.name
    open_given(options)
    name: str | None = options.name
    if options.check:
        check()
        if name is not None and not is_native(name):
            with make_shown(name, settings, "rgb_array") as (env, _):
                env.reset(0)
                take_picture(env, name)
        return
    if name is None or options.out is None:
        parser.error("two names are needed: what to film (a replay, a policy, a run or an environment), and OUT")
    kind = options.out.suffix.lower()
    if kind not in KINDS:
        parser.error(f"OUT is {str(options.out)!r}; its ending must be one of {', '.join(KINDS)}")
    if options.frame is not None and kind != ".png":
        parser.error("--frame is for a .png only")
    import_av()  # a missing extra is reported before any work
    environment, source = _find_source(parser, options, is_file(given))
    if source is not None and source.kind == "replay":
        if settings:
            parser.error("--env.KEY is given, but a replay has its own settings: film a policy instead")
        _render_replay(parser, options, source.path)
        return
    policy = None if source is None else read_policy(source.path, options.seed, options.network)
    if environment is None and policy is not None:
        environment = policy.info.environment
    if environment is not None and is_native(environment):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "replay.puf"
            # more steps than any environment takes in a second, for as long as the video lasts
            most = math.ceil(MAX_FPS * _seconds(options, kind, True))
            record_game(environment, policy, settings, options.seed, most, path)
            _render_replay(parser, options, path, from_policy=True)
    elif policy is not None:
        with watch(policy, settings, "rgb_array", environment) as watched:
            _film_live(parser, options, kind, watched)


def _find_source(parser: Parser, options: Any, opened: bool) -> tuple[str | None, Source | None]:
    """The environment to film, if one is named, and the replay or policy, if one is given.

    Args:
        parser: of the command.
        options: that it read.
        opened: whether the name was the path of an environment's file.

    Raises:
        RenderError: there is nothing to film.
    """
    name = options.name
    if options.trained:
        return None, Source("policy", find_trained(parser, name, options.policy))
    if options.policy is not None:
        if not is_native(name) and ":" not in name:
            raise RenderError(f"{name} is no environment, and --policy plays in one: leave out one of the two.")
        return name, find_source(options.policy, "policy")
    if Path(name).exists() and not opened:
        return None, find_source(Path(name))
    if ":" in name:
        raise RenderError(f"{name} is filmed while a policy plays it: add --policy FILE.")
    if not is_native(name):
        known = puffer_envs.list_envs()
        raise RenderError(
            f"{name} is neither a file nor an environment.{suggest_nearest(name, known) or suggest_file(name)}"
        )
    if name in list_trained():
        _report(f"{name}: random actions (--trained films the policy that ships, --policy FILE another)")
    else:
        _report(f"{name}: random actions (--policy FILE films a policy)")
    return name, None


def _parser() -> Parser:
    parser = Parser(
        prog=PROGRAM,
        description="Make a video, a GIF or a picture of a replay, or of a policy playing.",
        epilog=EXAMPLES,
    )
    parser.add_argument(
        "name",
        metavar="NAME|FILE",
        nargs="?",
        help="a replay, a policy or a run folder; or an environment, in which a policy or random actions play",
    )
    parser.add_argument("out", metavar="OUT", type=Path, nargs="?", help="the file to write: .mp4, .gif or .png")
    parser.add_argument("--policy", type=Path, metavar="FILE", help="NAME: film this policy, or that of a run")
    add_trained(parser)
    above_0 = real_number(0, above=True)
    parser.add_argument("--fps", metavar="F", type=above_0, help=f"pictures per second [{DEFAULT_FPS:g}]")
    parser.add_argument("--scale", metavar="X", type=above_0, default=1.0, help="size of the picture [1]")
    parser.add_argument(
        "--every", type=whole_number(1), metavar="N", help="draw every N-th frame [as many as real time takes]"
    )
    parser.add_argument(
        "--max-seconds",
        type=above_0,
        metavar="S",
        help=f"stop after S seconds [GIF {GIF_SECONDS:g}, replay all, else {POLICY_SECONDS:g}]",
    )
    parser.add_argument("--frame", type=whole_number(0), metavar="N", help="PNG: the frame to draw [half way]")
    for name, what in (("yaw", "turn"), ("pitch", "tilt")):
        parser.add_argument(
            f"--{name}", type=real_number(), default=0.0, metavar="DEG", help=f"{what} the camera of a scene"
        )
    parser.add_argument("--zoom", type=above_0, default=1.0, metavar="X", help="zoom factor of the camera")
    parser.add_argument(
        "--turn", type=real_number(), default=0.0, metavar="DEG", help="turn the camera by this many degrees a second"
    )
    parser.add_argument(
        "--index", type=whole_number(0), metavar="I", default=0, help="environment of a batch to draw [0]"
    )
    add_seed(parser, 0, "of the game that is filmed, unless it is a replay [0]")
    parser.add_argument(
        "--processes", type=whole_number(1), metavar="N", help="MP4: processes that draw [one per core]"
    )
    parser.add_env_settings()
    add_library(parser)
    add_network(parser)
    parser.add_argument(
        "--check", action="store_true", help="only find out whether videos can be made here (of environment NAME)"
    )
    return parser


def check() -> None:
    """Draw a picture and encode it, in memory. Raises RenderError where that does not work."""
    canvas = Offscreen(64, 64)
    try:
        Encoder(64, 64, DEFAULT_FPS).encode([lambda planes: canvas.render_video(lambda frame: frame.clear(), planes)])
    except (OSError, ValueError) as error:  # FFmpeg without x264
        raise RenderError(f"no video can be made here: {error}") from None


def _render_replay(parser: Parser, options: Any, path: Path, from_policy: bool = False) -> None:
    orbit = Orbit(options.yaw, options.pitch, options.zoom)
    take = Take(path, options.index, options.scale, orbit, options.turn)
    kind = options.out.suffix.lower()
    studio = Studio(take)
    if kind == ".png":
        _write_picture(parser, options, studio)
        return
    fps, step = _pace(options, kind, studio.rate)
    frames = _choose_frames(studio.frames, fps, step, _seconds(options, kind, from_policy))
    if kind == ".gif":
        with _progress(options.out.name, len(frames)) as advance:
            pictures = _counted(studio.pictures(frames), advance)
            samples = studio.pictures(frames[:: math.ceil(len(frames) / PALETTE_SAMPLES)])
            written = write_gif(options.out, pictures, samples, fps)
    else:
        with _progress(options.out.name, len(frames)) as advance:
            written = write_film(options.out, take, frames, fps, processes=options.processes, progress=advance)
    _report_film(options.out, written, fps)


def _seconds(options: Any, kind: str, from_policy: bool) -> float:
    default = GIF_SECONDS if kind == ".gif" else POLICY_SECONDS if from_policy else math.inf
    return float(options.max_seconds or default)


def _pace(options: Any, kind: str, rate: float) -> tuple[float, float]:
    """Pictures per second, and frames from one picture to the next: in real time, unless both are given."""
    usual = min(DEFAULT_FPS, rate) if options.every is None else rate / options.every
    fps = min(options.fps or usual, MAX_FPS)
    fps = 100 / gif_delay(fps) if kind == ".gif" else fps
    return fps, rate / fps if options.every is None else options.every


def _choose_frames(frames: int, fps: float, step: float, seconds: float) -> list[int]:
    most = max(1, math.floor(min(seconds * fps, frames / step + 1)))
    chosen = (math.floor(number * step + 1e-9) for number in range(most))
    return list(itertools.takewhile(lambda frame: frame < frames, chosen))


def _film_live(parser: Parser, options: Any, kind: str, watched: Watched) -> None:
    """An environment that draws its own pictures, one for each step."""
    fps, step = _pace(options, kind, watched.rate)
    seconds = _seconds(options, kind, True)
    most = max(1, math.floor(seconds * fps))
    shown = _sampled(watched.pictures(options.seed), step, most)
    if kind == ".png":
        *_, pixels = itertools.islice(shown, (options.frame or 0) + 1)
        write_png(options.out, pixels)
        _report(f"{options.out}: {pixels.shape[1]} x {pixels.shape[0]}")
        return
    with _progress(options.out.name, most) as advance:
        if kind == ".gif":
            pictures = list(_counted(shown, advance))
            samples = pictures[:: math.ceil(len(pictures) / PALETTE_SAMPLES)]
            written = write_gif(options.out, pictures, samples, fps)
        else:
            first = next(shown)
            encoder = Encoder(first.shape[1], first.shape[0], fps)
            segments = _segments(encoder, _counted(itertools.chain([first], shown), advance))
            written = encoder.write(options.out, segments)
    _report_film(options.out, written, fps)


def _sampled(pictures: Iterator[Pixels], step: float, most: int) -> Iterator[Pixels]:
    """A picture every `step` of them."""
    number = 0
    for index, picture in enumerate(pictures):
        while math.floor(number * step + 1e-9) == index:
            yield picture
            number += 1
            if number == most:
                return


def _segments(encoder: Encoder, pictures: Iterator[Pixels]) -> Iterator[tuple[int, Segment]]:
    av = import_av()

    def painter(picture: Pixels) -> Callable[[Planes], None]:
        def paint(planes: Planes) -> None:
            even = np.ascontiguousarray(picture[: encoder.size[1], : encoder.size[0]])
            converted = av.VideoFrame.from_ndarray(even, format="rgb24").reformat(
                format="yuv420p", dst_colorspace="ITU709"
            )
            for target, plane in zip(planes, converted.planes, strict=True):
                rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
                target[:, : plane.width] = rows[:, : plane.width]

        return paint

    first = 0
    while part := list(itertools.islice(pictures, SEGMENT)):
        yield first, encoder.encode(painter(picture) for picture in part)
        first += len(part)


def _write_picture(parser: Parser, options: Any, studio: Studio) -> None:
    last = studio.frames - 1
    number = last // 2 if options.frame is None else options.frame
    if not 0 <= number <= last:
        parser.error(f"--frame is {number}; this replay has frames 0 to {last}")
    pixels = next(studio.pictures([number]), None)
    if pixels is None:
        parser.error(f"--frame is {number}, beyond the replay's end")
    write_png(options.out, pixels)
    _report(f"{options.out}: frame {number} of {last}, {pixels.shape[1]} x {pixels.shape[0]}")


@contextmanager
def _progress(name: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal; it yields a function to call with the number of pictures done."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal, auto_refresh=False) as progress:
        task = progress.add_task(name, total=total)

        def show(pictures: int) -> None:
            progress.update(task, completed=pictures)
            progress.refresh()

        progress.refresh()
        yield show


def _counted(pictures: Iterator[Pixels], show: Callable[[int], None]) -> Iterator[Pixels]:
    for done, picture in enumerate(pictures, start=1):
        yield picture
        if done % 5 == 0:
            show(done)


def _report_film(path: Path, pictures: int, fps: float) -> None:
    size = path.stat().st_size / 1024
    _report(f"{path}: {pictures} pictures, {pictures / fps:.1f} s, {size:.0f} KiB")


def _report(line: str) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    raise SystemExit(main())

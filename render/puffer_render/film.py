"""Turn a replay into a video on all cores: each process draws and encodes every n-th segment.

Segments are cut, drawn and encoded in the same way however many processes there are.
"""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from puffer_envs.contract.errors import UserError
from puffer_envs.contract.machine import available_cores
from puffer_render.errors import RenderError
from puffer_render.scene import Orbit
from puffer_render.studio import Draw, Studio, Take
from puffer_render.video import SEGMENT, Encoder, Planes, Segment

START_METHOD = "fork" if sys.platform == "linux" else "spawn"
"""A spawned process loads everything again, which takes as long as drawing hundreds of pictures."""
WORTHWHILE = {"fork": 1, "spawn": 4}
"""Segments for each process, at least."""
LOST = "a process that draws a part of the video ended without an error message: is there enough memory?"


def write_film(
    path: Path,
    take: Take,
    frames: Sequence[int],
    fps: float,
    *,
    processes: int | None = None,
    progress: Callable[[int], None] = lambda pictures: None,
) -> int:
    """Write these frames of a replay, in ascending order, as an MP4 with `fps` pictures a second. Returns how many.

    processes: how many draw (default: one per core). progress: called with the number of pictures done.
    Raises RenderError when the replay does not repeat itself, or the file cannot be written.
    """
    studio = Studio(take)
    encoder = Encoder(*studio.canvas.size, fps)
    count = -(-len(frames) // SEGMENT)
    if processes is None:
        processes = min(available_cores(), count // WORTHWHILE[START_METHOD])
    if processes <= 1:
        segments = _encode(studio, encoder, frames, range(count))
        return encoder.write(path, _numbered(segments, progress))
    with _workers(take, frames, fps, processes) as connections:
        return encoder.write(path, _numbered(_collect(connections, count), progress))


def _encode(studio: Studio, encoder: Encoder, frames: Sequence[int], numbers: range) -> Iterator[Segment]:
    """The segments with these numbers; the replay is re-simulated once."""
    wanted = [frames[SEGMENT * number : SEGMENT * (number + 1)] for number in numbers]
    draws = studio.draws(list(itertools.chain.from_iterable(wanted)))
    for part in wanted:
        paints = (_painter(studio, draw, orbit) for draw, orbit in itertools.islice(draws, len(part)))
        yield encoder.encode(paints)


def _painter(studio: Studio, draw: Draw, orbit: Orbit) -> Callable[[Planes], None]:
    return lambda planes: studio.canvas.render_video(draw, planes, orbit)


def _numbered(segments: Iterator[Segment], progress: Callable[[int], None]) -> Iterator[tuple[int, Segment]]:
    first = 0
    for segment in segments:
        yield first, segment
        first += len(segment)
        progress(first)


@contextlib.contextmanager
def _workers(take: Take, frames: Sequence[int], fps: float, processes: int) -> Iterator[list[Connection]]:
    """Processes that encode; the end of a pipe from each."""
    context: Any = multiprocessing.get_context(START_METHOD)
    connections: list[Connection] = []
    workers = []
    try:
        for number in range(processes):
            connection, writer = context.Pipe(duplex=False)
            connections.append(connection)
            # a forked process has all pipes so far, and would keep them open when this process is gone
            inherited = connections if START_METHOD == "fork" else []
            job = (take, frames, fps, number, processes, writer, inherited)
            workers.append(context.Process(target=_work, args=job, daemon=True))
            workers[-1].start()
            writer.close()
        yield connections
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.join()
        for connection in connections:
            connection.close()


def _work(
    take: Take,
    frames: Sequence[int],
    fps: float,
    number: int,
    processes: int,
    writer: Connection,
    inherited: list[Connection],
) -> None:
    """One process: sends its segments, or the message of an error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the first one ends the others
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for connection in inherited:
        connection.close()
    with contextlib.suppress(BrokenPipeError):
        try:
            studio = Studio(take)
            encoder = Encoder(*studio.canvas.size, fps)
            count = -(-len(frames) // SEGMENT)
            for segment in _encode(studio, encoder, frames, range(number, count, processes)):
                writer.send(segment)
        except UserError as error:
            writer.send(str(error))


def _collect(connections: list[Connection], count: int) -> Iterator[Segment]:
    """The segments of all processes, in order."""
    for number in range(count):
        try:
            received = connections[number % len(connections)].recv()
        except EOFError:
            raise RenderError(LOST) from None
        if isinstance(received, str):
            raise RenderError(received)
        yield received

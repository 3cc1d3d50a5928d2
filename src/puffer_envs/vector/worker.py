"""A worker process: makes its environments, steps them when asked, and goes when its parent does."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import socket
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_envs._signals import Signals, signals_size
from puffer_envs.vector.block import Block, When
from puffer_envs.vector.channel import Channel, Kind
from puffer_envs.vector.layout import BufferLayout, rows_of
from puffer_envs.vector.memory import Handle, SharedMemory
from puffer_envs.vector.source import Source

ORPHAN_CHECK_SECONDS = 1.0
"""How often a worker looks whether its parent is still there, in case somebody else holds its lifeline."""


@dataclass(frozen=True)
class Assignment:
    """What a worker is told first."""

    worker: int
    """Its number."""
    source: Source
    """What to build."""
    seed: int
    """Of the run."""
    bounds: list[tuple[int, int]]
    """First environment, and one after the last, of every block of the vector."""
    owners: list[int]
    """Worker of every block."""
    memory: Handle
    """For signals and buffers."""
    assets: Handle | None
    """For the shared read-only arrays."""
    asset_layout: dict[str, tuple[int, tuple[int, ...], str]]
    """Name -> (first byte, shape, dtype) of each."""

    @property
    def num_workers(self) -> int:
        """Of the vector."""
        return max(self.owners) + 1

    @property
    def num_envs(self) -> int:
        """Of the vector."""
        return self.bounds[-1][1]


class Worker:
    """Builds the blocks of its assignment; then waits for signals and calls until it is told to stop.

    The blocks of a worker lie side by side.
    """

    def __init__(self, channel: Channel, assignment: Assignment) -> None:
        self._channel, self._assignment = channel, assignment
        mine = [block for block, owner in enumerate(assignment.owners) if owner == assignment.worker]
        self._first, self._last = mine[0], mine[-1] + 1
        self._at = self._first
        self._blocks: list[Block] = []
        self._signals: Signals | None = None

    @property
    def at(self) -> tuple[int, int]:
        """First environment, and one after the last, of the block that was last worked on."""
        return self._assignment.bounds[self._at]

    def build(self) -> None:
        """Make the environments."""
        assets = self._map_assets()
        for number in range(self._first, self._last):
            self._at = number
            first, last = self._assignment.bounds[number]
            self._blocks.append(self._assignment.source.build(last - first, first, self._assignment.seed, assets))

    def _map_assets(self) -> dict[str, NDArray[Any]] | None:
        a = self._assignment
        if a.assets is None:
            return None
        shared = SharedMemory(a.assets)
        memory = shared.map(asset_bytes(a.asset_layout), writeable=False)
        shared.close()
        return carve_assets(memory, a.asset_layout)

    def run(self) -> None:
        """Until told to stop. Raises EOFError when the parent is gone."""
        while True:
            if self._signals is not None and (block := self._wait()) >= 0:
                self._step(block)
                continue
            kind, content = self._channel.receive()
            if self._signals is not None:
                self._signals.worker_sleeps(self._assignment.worker, False)
            if kind is Kind.CALL and not self._answer(*content):
                return

    def _wait(self) -> int:
        """A block to step, or -1 after having said that this worker goes to sleep."""
        assert self._signals is not None
        block = self._signals.next_asked(self._first, self._last, True)
        if block < 0:
            self._signals.worker_sleeps(self._assignment.worker, True)
            block = self._signals.next_asked(self._first, self._last, False)
            if block >= 0:
                self._signals.worker_sleeps(self._assignment.worker, False)
        return block

    def _step(self, block: int) -> None:
        assert self._signals is not None
        self._at = block
        self._blocks[block - self._first].step()
        if self._signals.finish(block):
            self._channel.wake()

    def _answer(self, method: str, arguments: tuple[Any, ...]) -> bool:
        """Do what was asked and send the answer; False when that was the last."""
        try:
            value = getattr(self, f"answer_{method}")(*arguments)
        except (ValueError, AttributeError, TypeError) as error:
            if method != "set":
                raise
            self._channel.send(Kind.REFUSAL, (type(error).__name__, str(error)))
            return True
        self._channel.send(Kind.ANSWER, value)
        return method != "close"

    # -- what may be asked ---------------------------------------------------------------------------------

    def answer_layouts(self) -> list[BufferLayout]:
        """What the rows of each block look like."""
        return [block.layout for block in self._blocks]

    def answer_attach(self) -> None:
        """Map the shared memory, whose size is known by now, and hand the blocks their rows."""
        a, layout = self._assignment, self._blocks[0].layout
        start = signals_size(len(a.bounds), a.num_workers)
        shared = SharedMemory(a.memory)
        memory = shared.map(start + layout.size(a.num_envs))
        shared.close()
        buffers = layout.carve(memory[start:], a.num_envs)
        for block, (first, last) in zip(self._blocks, a.bounds[self._first : self._last], strict=True):
            block.attach(rows_of(buffers, first * layout.agents, last * layout.agents))
        self._signals = Signals(memory[:start], len(a.bounds), a.num_workers)

    def answer_reset(self, seed: int | None) -> None:
        """Reset every block."""
        for number, block in enumerate(self._blocks, self._first):
            self._at = number
            block.reset(seed)

    def answer_set(self, key: str, value: Any, envs: list[int], when: When) -> None:
        """Hand a value to those of `envs` (numbers in the vector) that are here."""
        for block, (first, last) in zip(self._blocks, self._assignment.bounds[self._first : self._last], strict=True):
            inside = [env - first for env in envs if first <= env < last]
            if inside:
                block.set(key, value, inside, when)

    def answer_log(self, block: int | None, env: int | None) -> list[dict[str, float]]:
        """Sums of every block, or of one environment of one block."""
        if block is None:
            return [b.log(None) for b in self._blocks]
        return [self._blocks[block - self._first].log(env)]

    def answer_render(self, block: int, env: int) -> Any:
        """A picture."""
        return self._blocks[block - self._first].render(env)

    def answer_close(self) -> None:
        """Close the environments; whatever they raise is shown and changes nothing."""
        for block in self._blocks:
            try:
                block.close()
            except Exception:
                traceback.print_exc()


def asset_bytes(layout: dict[str, tuple[int, tuple[int, ...], str]]) -> int:
    """Size of the memory that holds all assets."""
    return max((start + int(np.prod(shape)) * np.dtype(dtype).itemsize for start, shape, dtype in layout.values()))


def carve_assets(memory: NDArray[Any], layout: dict[str, tuple[int, tuple[int, ...], str]]) -> dict[str, NDArray[Any]]:
    """The assets as arrays in that memory."""
    arrays = {}
    for name, (start, shape, dtype) in layout.items():
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        arrays[name] = memory[start : start + size].view(dtype).reshape(shape)
    return arrays


def main(sock: int, trace: int) -> None:
    """The whole life of a worker process, which inherits a socket (-1: finds it in its input) and a pipe for traces.

    Its standard input is the lifeline: nothing else comes over it, and its end means that the parent is gone.
    """
    with contextlib.suppress(ValueError, AttributeError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then ends its workers
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    channel = _open_channel(sock)
    threading.Thread(target=_follow_parent, args=(_take_lifeline(),), daemon=True).start()
    faulthandler.enable(trace)
    if hasattr(faulthandler, "register"):
        faulthandler.register(signal.SIGUSR1, trace, all_threads=False)
    worker = None
    try:
        kind, assignment = channel.receive()
        assert kind is Kind.CALL
        worker = Worker(channel, assignment)
        worker.build()
        worker.run()
    except EOFError:
        os._exit(1)  # the parent is gone; nobody wants to hear about it
    except BaseException as error:
        first, last = worker.at if worker else (0, 0)
        text = "".join(traceback.format_exception(error))
        with contextlib.suppress(EOFError):
            summary = "".join(traceback.format_exception_only(error)).strip()
            channel.send(Kind.FAILURE, (first, last, summary, text), time.monotonic() + 5.0)
        os._exit(1)


def _open_channel(sock: int) -> Channel:
    if sys.platform == "win32":
        size = int.from_bytes(sys.stdin.buffer.read(4), "little")
        return Channel(socket.fromshare(sys.stdin.buffer.read(size)))
    return Channel(socket.socket(fileno=sock))


def _take_lifeline() -> int:
    """Keep standard input to ourselves: what the user's code reads there is empty."""
    lifeline = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return lifeline


def _follow_parent(lifeline: int) -> None:
    """End this process when the parent has ended, whatever the main thread is doing."""
    parent = os.getppid()
    if sys.platform != "win32":
        threading.Thread(target=_watch_parent_id, args=(parent,), daemon=True).start()
    with contextlib.suppress(OSError):
        os.read(lifeline, 1)
    os._exit(1)


def _watch_parent_id(parent: int) -> None:
    """A child that the parent forked holds the lifeline too, and may outlive it: look at who the parent is."""
    while os.getppid() == parent:
        time.sleep(ORPHAN_CHECK_SECONDS)
    os._exit(1)

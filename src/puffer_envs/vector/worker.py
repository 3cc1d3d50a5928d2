"""A worker process: makes its environments, steps them on request, and exits when its parent does."""

from __future__ import annotations

import contextlib
import faulthandler
import math
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_envs._signals import Signals, follow_parent, signals_size
from puffer_envs.contract.errors import printable
from puffer_envs.vector.block import Block, When
from puffer_envs.vector.channel import Channel, Disconnected, Kind, pack, unpack
from puffer_envs.vector.layout import BufferLayout, rows_of
from puffer_envs.vector.memory import Handle, SharedMemory
from puffer_envs.vector.pulse import make_tick, pulse_size
from puffer_envs.vector.source import Source

LAST_WORDS_SECONDS = 5.0
"""How long a failing worker tries to report why."""


AssetLayout = dict[str, tuple[int, tuple[int, ...], np.dtype[Any]]]
"""Name -> (first byte, shape, dtype) of every shared read-only array."""


@dataclass(frozen=True)
class Assignment:
    """The first message to all workers."""

    source: Source
    """What to build."""
    seed: int
    """Seed of the run."""
    bounds: list[tuple[int, int]]
    """First environment, and one after the last, of every block of the vector."""
    owners: list[int]
    """Worker of every block."""
    memory: Handle
    """Memory for signals and buffers."""
    pulse: Handle
    """Memory for what shows that workers get on."""
    assets: Handle | None
    """Memory for the shared read-only arrays."""
    asset_layout: AssetLayout
    """Layout of these arrays."""

    @property
    def num_workers(self) -> int:
        """Number of workers of the vector."""
        return max(self.owners) + 1

    @property
    def num_envs(self) -> int:
        """Number of environments of the vector."""
        return self.bounds[-1][1]


class Worker:
    """Builds the blocks of its assignment, then waits for signals and calls until told to stop.

    The blocks of a worker are adjacent.
    """

    def __init__(self, number: int, channel: Channel, assignment: Assignment) -> None:
        self._number, self._channel, self._assignment = number, channel, assignment
        mine = [block for block, owner in enumerate(assignment.owners) if owner == number]
        self._first, self._last = mine[0], mine[-1] + 1
        self._at = self._first
        self._blocks: list[Block] = []
        self._signals: Signals | None = None

    @property
    def at(self) -> str:
        """The environments that were worked on last, as text."""
        first, last = self._assignment.bounds[self._at]
        return f"environment {first}" if last == first + 1 else f"environments {first} to {last - 1}"

    def _each(self) -> Iterator[tuple[Block, int, int]]:
        """Yield every block here, with its first environment and the one after its last."""
        for number, block in enumerate(self._blocks, self._first):
            self._at = number
            yield block, *self._assignment.bounds[self._at]

    def build(self) -> None:
        """Build the blocks."""
        a, assets = self._assignment, self._map_assets()
        shared = SharedMemory(a.pulse)
        tick = make_tick(shared.map(pulse_size(a.num_workers)), self._number)
        shared.close()
        for number in range(self._first, self._last):
            self._at = number
            first, last = a.bounds[number]
            self._blocks.append(a.source.build(last - first, first, a.seed, assets, tick))

    def _map_assets(self) -> dict[str, NDArray[Any]] | None:
        a = self._assignment
        if a.assets is None:
            return None
        shared = SharedMemory(a.assets)
        memory = shared.map(asset_bytes(a.asset_layout), writeable=False)
        shared.close()
        return carve_assets(memory, a.asset_layout)

    def run(self) -> None:
        """Work until told to stop. Raises `Disconnected` if the parent is gone."""
        while True:
            if self._signals is not None and (block := self._wait()) >= 0:
                self._step(block)
                continue
            kind, payload = self._channel.receive()
            if self._signals is not None:
                self._signals.worker_sleeps(self._number, False)
            if kind is Kind.CALL and not self._answer(payload):
                return

    def _wait(self) -> int:
        """Return a block to step, or -1 after signalling that this worker goes to sleep."""
        assert self._signals is not None
        block = self._signals.next_asked(self._first, self._last, True)
        if block < 0:
            self._signals.worker_sleeps(self._number, True)
            block = self._signals.next_asked(self._first, self._last, False)
            if block >= 0:
                self._signals.worker_sleeps(self._number, False)
        return block

    def _step(self, block: int) -> None:
        assert self._signals is not None
        self._at = block
        self._blocks[block - self._first].step()
        if self._signals.finish(block):
            self._channel.wake()

    def _answer(self, payload: bytes) -> bool:
        """Execute a call and send the answer. Returns False if it was the last call."""
        method = ""
        try:
            method, arguments = _load(payload, "a value")
            answer = pack(Kind.ANSWER, getattr(self, f"answer_{method}")(*arguments))
        except (ValueError, AttributeError, TypeError) as error:
            if method not in ("", "set"):
                raise
            answer = pack(Kind.REFUSAL, (_plain(error), str(error)))
        self._channel.send(answer)
        return method != "close"

    # -- calls ---------------------------------------------------------------------------------------------

    def answer_layouts(self) -> list[BufferLayout]:
        """Return the layout of each block."""
        return [block.layout for block in self._blocks]

    def answer_attach(self) -> None:
        """Map the shared memory, whose size is now known, and give the blocks their rows."""
        a, layout = self._assignment, self._blocks[0].layout
        start = signals_size(len(a.bounds), a.num_workers)
        shared = SharedMemory(a.memory)
        memory = shared.map(start + layout.size(a.num_envs))
        shared.close()
        buffers = layout.carve(memory[start:], a.num_envs)
        for block, first, last in self._each():
            block.attach(rows_of(buffers, first * layout.agents, last * layout.agents))
        self._signals = Signals(memory[:start], len(a.bounds), a.num_workers)

    def answer_reset(self, seed: int | None) -> None:
        """Reset every block."""
        for block, _, _ in self._each():
            block.reset(seed)

    def answer_set(self, key: str, value: Any, envs: list[int], when: When) -> None:
        """Set a value of those of `envs` (numbers in the vector) that are here."""
        for block, first, last in self._each():
            inside = [env - first for env in envs if first <= env < last]
            if inside:
                block.set(key, value, inside, when)

    def answer_log(self, block: int | None, env: int | None) -> list[dict[str, float]]:
        """Return the sums of every block, or of one environment of one block."""
        if block is None:
            return [b.log(None) for b, _, _ in self._each()]
        self._at = block
        return [self._blocks[block - self._first].log(env)]

    def answer_render(self, block: int, env: int) -> Any:
        """Return what an environment renders."""
        self._at = block
        return self._blocks[block - self._first].render(env)

    def answer_close(self) -> None:
        """Close the environments. Their exceptions are printed and otherwise ignored."""
        for block, _, _ in self._each():
            try:
                block.close()
            except Exception:
                traceback.print_exc()


def asset_bytes(layout: AssetLayout) -> int:
    """Return the size in bytes of the memory for all assets: at least 1, because 0 bytes cannot be mapped."""
    return max([1, *(start + math.prod(shape) * dtype.itemsize for start, shape, dtype in layout.values())])


def carve_assets(memory: NDArray[Any], layout: AssetLayout) -> dict[str, NDArray[Any]]:
    """Return the assets as arrays in that memory."""
    arrays = {}
    for name, (start, shape, dtype) in layout.items():
        size = math.prod(shape) * dtype.itemsize
        arrays[name] = memory[start : start + size].view(dtype).reshape(shape)
    return arrays


def _plain(error: Exception) -> type[Exception]:
    return next(kind for kind in (AttributeError, TypeError, ValueError) if isinstance(error, kind))


def _load(payload: bytes, what: str) -> Any:
    try:
        return unpack(payload)
    except Exception as error:
        raise TypeError(
            f"{what} could not be loaded in a worker process ({type(error).__name__}: {error}). Everything it uses "
            "must be importable there: from a module on sys.path, or from the main script or notebook"
        ) from error


def main(number: int, parent: int, sock: int, trace: int) -> None:
    """Run a worker process, which inherits a socket (-1: it is in standard input) and a pipe for traces.

    Standard input is the lifeline: nothing else is sent over it, and its end means that process `parent` is gone.
    """
    channel = _open_channel(sock)
    threading.Thread(target=follow_parent, args=(_take_lifeline(), parent), daemon=True).start()
    faulthandler.enable(trace)
    if hasattr(faulthandler, "register"):
        faulthandler.register(signal.SIGUSR1, trace, all_threads=False)
    worker = None
    try:
        _, assignment = channel.receive()
        worker = Worker(number, channel, _load(assignment, "the factory"))
        worker.build()
        worker.run()
    except Disconnected:
        if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)  # the parent is gone: end this process and everything it has started
        os._exit(1)
    except BaseException as error:
        where = worker.at if worker else ""
        text = printable("".join(traceback.format_exception(error)))  # an exception may hold any amount of text
        summary = printable("".join(traceback.format_exception_only(error)).strip())
        with contextlib.suppress(Disconnected, TimeoutError):
            channel.send(pack(Kind.FAILURE, (where, summary, text)), time.monotonic() + LAST_WORDS_SECONDS)
        os._exit(1)


def _open_channel(sock: int) -> Channel:
    if sys.platform == "win32":
        size = int.from_bytes(sys.stdin.buffer.read(4), "little")
        return Channel(socket.fromshare(sys.stdin.buffer.read(size)))
    return Channel(socket.socket(fileno=sock))


def _take_lifeline() -> int:
    """Take over standard input; the user's code reads an empty one."""
    lifeline = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return lifeline

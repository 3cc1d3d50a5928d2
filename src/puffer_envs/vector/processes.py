"""Environments in worker processes: Python ones on every core, and native ones that must not crash this process."""

from __future__ import annotations

import contextlib
import math
import os
import selectors
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from puffer_envs._signals import Signals, signals_size
from puffer_envs.vector.block import When
from puffer_envs.vector.channel import Kind, pack
from puffer_envs.vector.layout import BufferLayout
from puffer_envs.vector.memory import SharedMemory
from puffer_envs.vector.pulse import Pulse, Watch, pulse_size
from puffer_envs.vector.ready import UNDER_WAY
from puffer_envs.vector.source import Assets, Source
from puffer_envs.vector.vector import Inside, Vector, split
from puffer_envs.vector.worker import AssetLayout, Assignment, asset_bytes, carve_assets
from puffer_envs.vector.worker_process import WorkerProcess

T = TypeVar("T")

CLOSE_SECONDS = 2.0
"""How long `close` waits for environments to close before it kills their processes."""

LIFE_CHECK_SECONDS = 0.1
"""How often a parent checks that its workers are alive, in addition to watching their sockets."""


class Processes(Vector):
    """Steps blocks of environments in worker processes over shared memory.

    A step costs each side a look at shared memory and, if the other side sleeps, one byte on a socket. A worker that
    dies, raises or hangs closes the vector with a `WorkerError` that says which, where and why.
    """

    def __init__(
        self,
        source: Source,
        num_envs: int,
        workers: int,
        batch: int,
        seed: int,
        timeout: float,
        assets: Assets | None = None,
        watch: Watch | None = None,
    ) -> None:
        super().__init__(source.name, num_envs, batch)
        bounds, owners = _divide(num_envs, workers, batch)
        if len(bounds) > 1 and not source.divisible:
            raise ValueError(
                f"workers={workers}, batch={batch}: {source.name} makes whole batches and does not take `first`. Add "
                "that parameter, the number of its first environment in the run, to use several workers or groups"
            )
        self.workers, self._timeout, self._watch = workers, timeout, watch
        self._owners = owners
        self._asked_at, self._next_look = [0.0] * len(bounds), 0.0
        self._crew: list[WorkerProcess] = []
        self._pid = os.getpid()
        with _standard_streams():
            with contextlib.ExitStack() as opened:
                self._shared, self._shared_pulse = _shared_memory(opened), _shared_memory(opened)
                self._shared_assets = None if assets is None else _shared_memory(opened)
                self._selector = opened.enter_context(selectors.DefaultSelector())
                self._pulse = Pulse(self._shared_pulse.map(pulse_size(workers)))
                memories = self._shared, self._shared_pulse, self._shared_assets
                self._finalizer = weakref.finalize(self, _abandon, self._pid, self._crew, self._selector, *memories)
                opened.pop_all()
            try:
                self._begin_workers(source, bounds, seed, assets)
            except BaseException:
                self._finalizer()
                self._closed = True
                raise

    def _begin_workers(self, source: Source, bounds: list[tuple[int, int]], seed: int, assets: Assets | None) -> None:
        """Start the workers, ask them for the layout of rows, and share the memory."""
        asset_layout = {} if assets is None else self._share(assets)
        assets_at = None if self._shared_assets is None else self._shared_assets.handle
        handles = self._shared.handle, self._shared_pulse.handle, assets_at
        assignment = Assignment(source, seed, bounds, self._owners, *handles, asset_layout)
        message = _pack(assignment, source.name)
        inherited = [handle for handle in handles if isinstance(handle, int)]
        for worker in range(self.workers):
            mine = [bounds[block] for block, owner in enumerate(self._owners) if owner == worker]
            self._crew.append(WorkerProcess(worker, (mine[0][0], mine[-1][1]), inherited, self._timeout))
        deadline = self._deadline()
        for process in self._crew:
            self._selector.register(process.channel, selectors.EVENT_READ, process)
            process.send(message, "its start", deadline)
        layouts = [layout for answers in self._ask_all("layouts", doing="its start") for layout in answers]
        layout = _same(source.name, layouts)
        self._shared_pulse.close()
        start = signals_size(len(bounds), self.workers)
        memory = self._shared.map(start + layout.size(self.num_envs))
        self._signals = Signals(memory[:start], len(bounds), self.workers)
        self._ask_all("attach", doing="its start")
        self._shared.close()
        self._open(layout, layout.carve(memory[start:], self.num_envs), bounds)

    def _share(self, assets: Assets) -> AssetLayout:
        """Copy the assets into memory that all workers read."""
        assert self._shared_assets
        layout: AssetLayout = {}
        start = 0
        for name, array in assets.items():
            layout[name] = (start, array.shape, array.dtype)
            start += -(-array.nbytes // 64) * 64
        for name, target in carve_assets(self._shared_assets.map(asset_bytes(layout)), layout).items():
            np.copyto(target, assets[name])
        return layout

    # -- stepping ------------------------------------------------------------------------------------------

    def _begin(self, blocks: list[int]) -> None:
        now = time.monotonic()
        for block in blocks:
            self._asked_at[block] = now
        if now > self._next_look:
            self._guarded(self._look_after_workers)
        for block in blocks:
            worker = self._owners[block]
            if self._signals.ask(block, worker):
                self._crew[worker].channel.wake()

    def _next_finished(self) -> int:
        block = self._signals.next_done(True)
        return block if block >= 0 else self._guarded(self._sleep_until_finished)

    def _sleep_until_finished(self) -> int:
        while True:
            self._signals.parent_sleeps(True)
            if (block := self._signals.next_done(False)) >= 0:
                self._signals.parent_sleeps(False)
                return block
            for _ in self._words("step", self._late_at_step):
                pass  # a wake-up

    def _look_after_workers(self) -> None:
        """Find dead or stuck workers: a parent that other workers keep busy never sleeps, and would not notice them."""
        while (block := self._signals.next_done(False)) >= 0:
            self._ledger.finished(block)
        now = time.monotonic()
        self._next_look = now + LIFE_CHECK_SECONDS
        for process in self._crew:
            if not process.running:
                process.raise_death("step")
        late = self._late_at_step()
        if late is not None:
            late.raise_late("step")

    def _late_at_step(self) -> WorkerProcess | None:
        now = time.monotonic()
        for block, place in enumerate(self._ledger.where):
            waited = now - self._asked_at[block]
            if place == UNDER_WAY and waited > self._timeout / 8:  # look early, to see whether it gets on from there
                worker = self._owners[block]
                if min(waited, self._pulse.silence(worker)) > self._timeout:
                    return self._crew[worker]
        return None

    # -- calls ---------------------------------------------------------------------------------------------

    def _ask_all(self, method: str, *arguments: Any, doing: str | None = None) -> list[Any]:
        return self._ask(self._crew, method, *arguments, doing=doing)

    def _ask(self, crew: list[WorkerProcess], method: str, *arguments: Any, doing: str | None = None) -> list[Any]:
        """Call a method of some workers in parallel, and collect their answers."""
        message, doing = _pack((method, arguments), "the value"), doing or method
        answers: dict[int, tuple[Kind, Any]] = {}

        def late() -> WorkerProcess | None:
            waiting = (process for process in crew if process.worker not in answers)
            return next((p for p in waiting if self._pulse.silence(p.worker) > self._timeout), None)

        def ask() -> None:
            self._pulse.begin(process.worker for process in crew)
            for process in crew:
                process.send(message, doing, self._deadline())
            while len(answers) < len(crew):
                for process, kind, content in self._words(doing, late):
                    if kind is not Kind.WAKE:
                        answers[process.worker] = kind, content
                if self._watch is not None and method in ("layouts", "reset"):
                    self._watch(min(self._pulse.ready, self.num_envs), self.num_envs)

        self._guarded(ask)
        for kind, content in answers.values():
            if kind is Kind.REFUSAL:
                error, text = content
                raise error(text)
        return [answers[process.worker][1] for process in crew]

    def _words(self, doing: str, late: Callable[[], WorkerProcess | None]) -> Iterator[tuple[WorkerProcess, Kind, Any]]:
        """Yield messages of workers, or nothing after a while. Raises if a worker is dead or late."""
        # Look before waiting, because this process may be stopped (Ctrl-Z) while it waits.
        is_late = late()
        ready = self._selector.select(LIFE_CHECK_SECONDS)
        for key, _ in ready:
            yield key.data, *key.data.receive(doing, self._deadline())
        if not ready:
            for process in self._crew:
                if not process.running:
                    process.raise_death(doing)
            if is_late is not None:
                is_late.raise_late(doing)

    def _guarded(self, action: Callable[[], T]) -> T:
        """Run `action`. If it is interrupted, steps or answers are left half done, so end all workers."""
        try:
            return action()
        except BaseException as error:
            if self._closed and isinstance(error, Exception):
                raise RuntimeError(f"{self.name}: another thread has closed the vector") from error
            self._closed = True
            self._finalizer()
            raise

    def _inside(self, *, started: bool = False) -> Inside:
        if os.getpid() != self._pid:
            raise RuntimeError(f"{self.name}: the workers belong to the parent of this fork. Make a new vector")
        return super()._inside(started=started)

    def _deadline(self) -> float:
        return time.monotonic() + self._timeout

    def _reset(self, seed: int | None) -> None:
        self._ask_all("reset", seed)

    def _set(self, key: str, value: Any, envs: NDArray[np.int64], when: When) -> None:
        blocks = np.searchsorted([first for first, _ in self._ledger.bounds], envs, "right") - 1
        concerned = sorted({self._owners[block] for block in blocks})
        self._ask([self._crew[worker] for worker in concerned], "set", key, value, envs.tolist(), when)

    def _logs(self, env: int | None) -> list[dict[str, float]]:
        if env is None:
            return [sums for answers in self._ask_all("log", None, None) for sums in answers]
        block, inside = self._locate(env)
        (sums,) = self._ask([self._crew[self._owners[block]]], "log", block, inside)
        return list(sums)

    def _render(self, env: int) -> Any:
        block, inside = self._locate(env)
        return self._ask([self._crew[self._owners[block]]], "render", block, inside)[0]

    def _locate(self, env: int) -> tuple[int, int]:
        block = next(b for b, (first, last) in enumerate(self._ledger.bounds) if first <= env < last)
        return block, env - self._ledger.bounds[block][0]

    def _close(self) -> None:
        """Let idle workers close their environments; kill those that do not finish in time, or that are busy."""
        deadline = time.monotonic() + CLOSE_SECONDS
        if os.getpid() == self._pid:
            for process in self._crew:
                process.ask_to_leave(deadline)
            for process in self._crew:
                process.wait(deadline)
        self._finalizer()


@contextlib.contextmanager
def _standard_streams() -> Iterator[None]:
    """Keep descriptors 0 to 2 occupied: a daemon may have closed them, and a worker has its own streams there."""
    with contextlib.ExitStack() as opened:
        while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:
            opened.callback(os.close, fd)
            os.set_inheritable(fd, True)
        os.close(fd)
        yield


def _shared_memory(opened: contextlib.ExitStack) -> SharedMemory:
    memory = SharedMemory()
    opened.callback(memory.close)
    return memory


def _pack(content: Any, what: str) -> bytes:
    try:
        return pack(Kind.CALL, content)
    except Exception as error:
        raise TypeError(
            f"{what} cannot be sent to worker processes ({type(error).__name__}: {error}). Create such objects inside "
            "the factory instead of capturing them, or use backend='serial'"
        ) from error


def _divide(num_envs: int, workers: int, batch: int) -> tuple[list[tuple[int, int]], list[int]]:
    """Return the blocks of a vector, and the worker of each.

    Without groups: one block per worker, of nearly equal size. With groups: the largest blocks that divide both a
    worker's environments and a batch.
    """
    if batch == num_envs:
        return split(num_envs, workers), list(range(workers))
    if num_envs % workers:
        raise ValueError(f"with batch < num_envs, num_envs must be a multiple of workers, got {num_envs} and {workers}")
    each = num_envs // workers
    size = math.gcd(each, batch)
    blocks = num_envs // size
    return split(num_envs, blocks), [block * size // each for block in range(blocks)]


def _same(name: str, layouts: list[BufferLayout]) -> BufferLayout:
    """Return the layout, which must be the same for all blocks."""
    for layout in layouts[1:]:
        if layout != layouts[0]:
            raise ValueError(
                f"{name}: environments of one vector must have equal spaces, got {layouts[0]} and {layout}"
            )
    return layouts[0]


def _abandon(
    pid: int, crew: list[WorkerProcess], selector: selectors.BaseSelector, *memories: SharedMemory | None
) -> None:
    """Kill the workers and free everything: on close, on failure, on garbage collection and at interpreter exit."""
    if os.getpid() != pid:
        return  # a forked child: the workers are not its own
    for process in crew:
        process.kill()
    for process in crew:
        process.free()
    selector.close()
    for memory in memories:
        if memory is not None:
            memory.close()

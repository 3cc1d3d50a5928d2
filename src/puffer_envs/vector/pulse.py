"""How workers show, in shared memory, that they get on: a limit can then be one for each call of an environment."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

WORDS = 8
"""Numbers per worker: a cache line. The first counts calls of environments, the second those made or reset."""

Tick = Callable[[bool], None]
"""Called after every call of an environment; with True when one is made or reset."""

Watch = Callable[[int, int], None]
"""Told how many environments are made or reset, of how many."""


def pulse_size(workers: int) -> int:
    """Bytes of memory for that many workers."""
    return workers * WORDS * 8


def make_tick(memory: NDArray[np.uint8], worker: int) -> Tick:
    """Return a worker's `Tick` over that memory."""
    counters = memoryview(memory).cast("q")  # type: ignore[arg-type]
    calls, ready = worker * WORDS, worker * WORDS + 1

    def tick(is_ready: bool) -> None:
        counters[calls] += 1
        if is_ready:
            counters[ready] += 1

    return tick


class Pulse:
    """The parent's side."""

    def __init__(self, memory: NDArray[np.uint8]) -> None:
        counters = memory.view(np.int64).reshape(-1, WORDS)
        self._calls, self._ready = counters[:, 0], counters[:, 1]
        self._seen = self._calls.copy()
        self._since = [time.monotonic()] * len(counters)
        self._ready_before = 0

    def begin(self, workers: Iterable[int]) -> None:
        """These workers were given something to do."""
        now = time.monotonic()
        self._ready_before = int(self._ready.sum())
        for worker in workers:
            self._seen[worker] = self._calls[worker]
            self._since[worker] = now

    def silence(self, worker: int) -> float:
        """Return for how many seconds a worker has finished no call of an environment; 0 if it just has."""
        if self._calls[worker] != self._seen[worker]:
            self._seen[worker] = self._calls[worker]
            self._since[worker] = time.monotonic()
        return time.monotonic() - self._since[worker]

    @property
    def ready(self) -> int:
        """Environments that were made or reset since `begin`."""
        return int(self._ready.sum()) - self._ready_before

"""Where training time goes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stopwatch:
    """Adds up where time goes, in seconds by section."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        """Seconds by section."""
        self.total = 0.0
        """Seconds of everything, in a section or not."""
        self._began = 0.0

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        """Time what happens inside."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start

    def start(self) -> None:
        """Start a lap."""
        self._began = time.perf_counter()

    def lap(self, name: str) -> None:
        """Time what happened since the last lap or the start; cheaper than a section."""
        now = time.perf_counter()
        self.seconds[name] = self.seconds.get(name, 0.0) + now - self._began
        self._began = now

    def add(self, other: Stopwatch, share: float) -> None:
        """Add the seconds of one of several threads, multiplied by its share."""
        for name, seconds in other.seconds.items():
            self.seconds[name] = self.seconds.get(name, 0.0) + share * seconds

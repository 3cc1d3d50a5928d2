"""A line about slow environments that start, which takes minutes where each needs seconds."""

from __future__ import annotations

import os
import sys
import time

QUIET_SECONDS = 2.0
"""Shorter starts are not worth a word on a terminal."""
LINE_SECONDS = 30.0
"""How often a line is printed where lines cannot change."""


class Starting:
    """Shows how many environments have started: one line that changes on a terminal, elsewhere one now and then."""

    def __init__(self, name: str) -> None:
        """name: of the environment."""
        self._name, self._terminal = name, sys.stderr.isatty()
        self._silent = os.environ.get("RANK", "0") != "0"
        self._begun: float | None = None
        self._next, self._width = 0.0, 0

    def __call__(self, ready: int, count: int) -> None:
        """So many of them have started."""
        now = time.monotonic()
        if self._begun is None:
            self._begun, self._next = now, now + (QUIET_SECONDS if self._terminal else LINE_SECONDS)
        if ready == count:
            self._begun = None
            self._clear()
        elif now >= self._next and not self._silent:
            text = f"{self._name}: {ready} of {count} environments are ready"
            self._next = now + (0.5 if self._terminal else LINE_SECONDS)
            if self._terminal:
                self._clear()
                self._width = len(text)
                print(text, end="", file=sys.stderr, flush=True)
            else:
                print(text, file=sys.stderr, flush=True)

    def _clear(self) -> None:
        if self._width:
            print(f"\r{' ' * self._width}\r", end="", file=sys.stderr, flush=True)
            self._width = 0

"""A line that says how far a command is."""

from __future__ import annotations

import sys
import time


class Progress:
    """Says on a terminal how many games are over, a few times a second."""

    def __init__(self, what: str = "games") -> None:
        self._what = what
        self._next = time.monotonic() + 1.0

    def __call__(self, done: int, of: int) -> None:
        """done: how many are over. of: all."""
        now = time.monotonic()
        if sys.stderr.isatty() and (now >= self._next or done == of):
            self._next = now + 0.2
            sys.stderr.write(f"\r{done:,} of {of:,} {self._what}" + ("\r\x1b[K" if done == of else ""))
            sys.stderr.flush()

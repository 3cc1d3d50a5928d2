"""What both commands of the arena share: libraries of the user's own, and a line that says how far they are."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

import puffer_envs
from puffer_envs.arena.errors import ArenaError


def load_libraries(paths: Sequence[str]) -> None:
    """Load environments of the user's own. Raises ArenaError."""
    for path in paths:
        try:
            puffer_envs.load_library(path)
        except (OSError, ValueError) as error:
            raise ArenaError(str(error)) from None


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

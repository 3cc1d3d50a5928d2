"""How far an evaluation is, for as long as a person waits for it."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.status import Status

from puffer_train.report.formatting import short

QUIET_SECONDS = 2.0
"""Shorter waits are not worth a word."""
REFRESH_SECONDS = 0.2
LINE_SECONDS = 30.0
"""How often a line is printed where lines cannot change."""


class Waiting:
    """A line that changes on a terminal; elsewhere a new line now and then. Use as a context, and as `watch`."""

    def __init__(self, console: Console, max_steps: int) -> None:
        """max_steps: after which the evaluation stops."""
        self._console, self._limit = console, max_steps
        self._next = time.monotonic() + (QUIET_SECONDS if console.is_terminal else LINE_SECONDS)
        self._status: Status | None = None

    def __enter__(self) -> Waiting:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def __call__(self, finished: int, agents: int, step: int) -> None:
        """Show that so many episodes have finished after that many steps."""
        now = time.monotonic()
        if now < self._next:
            return
        text = (
            f"Evaluating: {finished} of {agents} episodes finished, step {short(step)} of at most {short(self._limit)}"
        )
        self._next = now + (REFRESH_SECONDS if self._console.is_terminal else LINE_SECONDS)
        if not self._console.is_terminal:
            self._console.print(text, soft_wrap=True, markup=False, highlight=False)
        elif self._status is None:
            self._status = Status(text, console=self._console)
            self._status.start()
        else:
            self._status.update(text)

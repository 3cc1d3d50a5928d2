"""Run several tasks at the same time, with none left running afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


class Team:
    """This thread and `size - 1` others. They are only started when there is something to do."""

    def __init__(self, size: int) -> None:
        self._others = ThreadPoolExecutor(size - 1) if size > 1 else None

    def run(self, tasks: Sequence[Callable[[], Result]]) -> list[Result]:
        """Run as many tasks as there are threads; return their results, or raise the first task's error.

        When this returns or raises, no task is running.
        """
        first, *rest = tasks
        waiting = [self._others.submit(task) for task in rest] if self._others is not None else []
        try:
            result = first()
        finally:
            errors = [future.exception() for future in waiting]
        for error in errors:
            if error is not None:
                raise error
        return [result, *(future.result() for future in waiting)]

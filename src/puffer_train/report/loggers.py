"""Where a run's numbers go: the metrics file always, TensorBoard and Weights & Biases on request.

A logger is anything with the four methods of `Logger`. Third-party ones run in their own thread, behind a queue:
a slow or broken network does not slow down training. A logger that raises or falls behind is dropped with a warning,
and training continues.
"""

from __future__ import annotations

import importlib.util
import math
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from puffer_envs.contract.names import suggest
from puffer_train.errors import ConfigError
from puffer_train.report.trackers import TensorBoard, WeightsAndBiases

MAX_QUEUE = 4096
"""Lines that may wait for a logger: minutes of the fastest training, about ten megabytes."""

PAUSE_SECONDS = 0.1
"""Third-party loggers get the newest line this often: a small network produces a hundred per second."""

PATIENCE_SECONDS = 20.0
"""How long the end of a run waits for a logger to write its last lines."""

MIN_UPLOAD_RATE = 100e3
"""Bytes per second: with files to upload, it waits for as long as they take at this rate."""


class Logger(Protocol):
    """Takes a run's numbers. It is a context manager: leaving it closes the logger."""

    def __enter__(self) -> Logger: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def write(self, steps: int, numbers: Mapping[str, float]) -> None:
        """Take the finite numbers of the iteration that ended after `steps` agent steps."""

    def finish(self, summary: Mapping[str, float]) -> None:
        """Take the numbers of a run that reached its end: `score/mean` and the like."""

    def attach(self, files: Mapping[str, Path]) -> None:
        """Take the files of a run that reached its end, as far as there are any: `policy`, `replay`, `video`."""


class Loggers:
    """Several loggers used as one. One that fails is dropped with one line through `warn`."""

    def __init__(self, loggers: Mapping[str, Logger], warn: Callable[[str], None]) -> None:
        self._loggers, self._warn = dict(loggers), warn

    def __enter__(self) -> Loggers:
        self._each(lambda logger: logger.__enter__())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._each(lambda logger: logger.__exit__(kind, error, trace))

    def write(self, steps: int, numbers: Mapping[str, float]) -> None:
        """Pass the numbers to every logger."""
        self._each(lambda logger: logger.write(steps, numbers))

    def finish(self, summary: Mapping[str, float]) -> None:
        """Pass the summary to every logger."""
        self._each(lambda logger: logger.finish(summary))

    def attach(self, files: Mapping[str, Path]) -> None:
        """Pass the files to every logger."""
        self._each(lambda logger: logger.attach(files))

    def _each(self, act: Callable[[Logger], object]) -> None:
        for name, logger in list(self._loggers.items()):
            try:
                act(logger)
            except Exception as error:  # third-party code may raise anything
                del self._loggers[name]
                reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
                self._warn(f"logging to {name} stopped: {reason}. Training continues.")


class Background:
    """A logger in its own thread, which opens it, feeds it, and closes it.

    Python runs one thread at a time, so training waits while a logger computes. It therefore gets at most ten lines
    per second, and always the last one.
    """

    def __init__(self, open_logger: Callable[[], Logger]) -> None:
        self._open = open_logger
        self._waiting: queue.Queue[Callable[[Logger], None] | None] = queue.Queue(MAX_QUEUE)
        self._error: BaseException | None = None
        self._newest: tuple[int, Mapping[str, float]] | None = None
        self._handed_on = -math.inf
        self._patience = PATIENCE_SECONDS
        # a daemon: one that hangs does not keep the program from ending
        self._thread = threading.Thread(target=self._work, name="logger", daemon=True)

    def __enter__(self) -> Background:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hand_on()
        self._put(None)
        self._thread.join(self._patience)
        if self._thread.is_alive():
            raise TimeoutError(f"it did not write its last lines within {self._patience:.2g} seconds")
        self._raise()

    def write(self, steps: int, numbers: Mapping[str, float]) -> None:
        """Put the numbers into the queue, unless that was done a moment ago. Raises the thread's error."""
        self._newest = steps, numbers
        if time.monotonic() - self._handed_on >= PAUSE_SECONDS:
            self._hand_on()

    def finish(self, summary: Mapping[str, float]) -> None:
        """Put the summary into the queue. Raises the thread's error."""
        self._hand_on()
        self._put(lambda logger: logger.finish(summary))

    def attach(self, files: Mapping[str, Path]) -> None:
        """Put the files into the queue. Raises the thread's error."""
        self._patience += sum(path.stat().st_size for path in files.values()) / MIN_UPLOAD_RATE
        self._put(lambda logger: logger.attach(files))

    def _hand_on(self) -> None:
        """Put the newest line into the queue, if it is not there yet."""
        if self._newest is not None:
            (steps, numbers), self._newest = self._newest, None
            self._handed_on = time.monotonic()
            self._put(lambda logger: logger.write(steps, numbers))

    def _put(self, task: Callable[[Logger], None] | None) -> None:
        self._raise()
        try:
            self._waiting.put_nowait(task)
        except queue.Full:
            raise TimeoutError(f"it is {MAX_QUEUE} lines behind") from None

    def _raise(self) -> None:
        if self._error is not None:
            raise RuntimeError(str(self._error) or type(self._error).__name__) from self._error

    def _work(self) -> None:
        try:
            with self._open() as logger:
                while (task := self._waiting.get()) is not None:
                    task(logger)
        except BaseException as error:  # some packages raise SystemExit
            self._error = error


@dataclass(frozen=True)
class LoggerKind:
    """One kind of logger besides the metrics file."""

    package: str
    """The Python package that it needs; an extra of `puffer-envs` has the same name."""
    open: Callable[[Path, Mapping[str, Any], int | None, Callable[[str], None]], Logger]
    """Called with the arguments of `open_logger` after the first, in the logger's own thread."""

    def unsupported_reason(self) -> str | None:
        """Return why it cannot be used here, or None when it can."""
        if importlib.util.find_spec(self.package) is None:
            return f'{self.package} is missing: pip install "puffer-envs[{self.package}]"'
        return None


LOGGERS = {
    "tensorboard": LoggerKind(
        "tensorboard", lambda folder, config, resumed_at, say: TensorBoard(folder, config, resumed_at)
    ),
    "wandb": LoggerKind("wandb", lambda folder, config, resumed_at, say: WeightsAndBiases(folder, config, say)),
}
"""Every logger that `--log` takes, by name."""


def check_loggers(names: list[str]) -> None:
    """Check that loggers can be used here.

    Raises:
        ConfigError: There is no such logger, or its package is missing.
    """
    for name in names:
        if name not in LOGGERS:
            raise ConfigError(f"there is no logger {name!r}: {', '.join(LOGGERS)}.{suggest(name, LOGGERS)}")
        reason = LOGGERS[name].unsupported_reason()
        if reason is not None:
            raise ConfigError(reason)


def open_logger(
    name: str, folder: Path, config: Mapping[str, Any], resumed_at: int | None, say: Callable[[str], None]
) -> Logger:
    """Return a logger in its own thread.

    Args:
        name: A key of `LOGGERS`.
        folder: The run folder.
        config: The content of its `config.json`.
        resumed_at: Agent steps at which the run is resumed; None for a new one.
        say: Prints a line.
    """
    return Background(lambda: LOGGERS[name].open(folder, config, resumed_at, say))

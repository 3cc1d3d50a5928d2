"""Where a run's numbers go: the metrics file always, TensorBoard and Weights & Biases where they are asked for.

Whatever has the four methods of `Logger` is one. Those of other people run in a thread of their own, behind a queue:
a network that is slow, away or never answers takes no time from training. A logger that raises or falls behind is
dropped with one line, and training goes on.
"""

from __future__ import annotations

import importlib.util
import math
import os
import queue
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

LOGGERS = {"tensorboard": "tensorboard", "wandb": "wandb"}
"""What `--log` takes, and the package that it needs, which has an extra of the same name."""

LONGEST_QUEUE = 4096
"""Lines that may wait for a logger: minutes of the fastest training, some ten megabytes."""

PAUSE_SECONDS = 0.1
"""Other people's loggers get the newest line this often: a small network brings a hundred in a second."""

PATIENCE_SECONDS = 20.0
"""How long the end of a run waits for a logger to bring the last lines home."""


class Logger(Protocol):
    """Takes a run's numbers. Used as a context: whatever happens inside, the end of it closes the logger."""

    def __enter__(self) -> Logger: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def write(self, steps: int, numbers: Mapping[str, float]) -> None:
        """Take the finite numbers of the iteration that ended after `steps` agent steps."""

    def finish(self, summary: Mapping[str, float]) -> None:
        """Take the numbers of a run that reached its end: `score/mean` and the like."""


def check_installed(names: list[str]) -> None:
    """Raise `ModuleNotFoundError`, which the commands print as one line, where a logger's package is missing."""
    for name in names:
        if importlib.util.find_spec(LOGGERS[name]) is None:
            raise ModuleNotFoundError(name=LOGGERS[name])


def open_logger(
    name: str, folder: Path, config: Mapping[str, Any], resume_at: int | None, say: Callable[[str], None]
) -> Logger:
    """Return the logger that `--log NAME` asks for, in a thread of its own.

    config: what `config.json` holds. resume_at: steps at which a run is taken up again, None for a new one.
    """
    if name == "tensorboard":
        return Background(lambda: TensorBoard(folder, config, resume_at))
    return Background(lambda: WeightsAndBiases(folder, config, say))


class Loggers:
    """Several loggers behind the face of one. One that fails is dropped with one line, said through `warn`."""

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
        """Hand the numbers to every logger."""
        self._each(lambda logger: logger.write(steps, numbers))

    def finish(self, summary: Mapping[str, float]) -> None:
        """Hand the summary to every logger."""
        self._each(lambda logger: logger.finish(summary))

    def _each(self, act: Callable[[Logger], object]) -> None:
        for name, logger in list(self._loggers.items()):
            try:
                act(logger)
            except Exception as error:  # whatever other people's code raises
                del self._loggers[name]
                reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
                self._warn(f"no more is logged to {name}: {reason}. Training goes on.")


class Background:
    """A logger in a thread of its own, which opens it, feeds it, and closes it.

    Python runs one thread at a time: what a logger computes is time that training waits. Hence it gets ten lines a
    second at most, and always the last.
    """

    def __init__(self, open_logger: Callable[[], Logger]) -> None:
        self._open = open_logger
        self._waiting: queue.Queue[Callable[[Logger], None] | None] = queue.Queue(LONGEST_QUEUE)
        self._error: BaseException | None = None
        self._newest: tuple[int, Mapping[str, float]] | None = None
        self._handed_on = -math.inf
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
        self._thread.join(PATIENCE_SECONDS)
        if self._thread.is_alive():
            raise TimeoutError(f"its last lines were not taken within {PATIENCE_SECONDS:g} seconds")
        self._raise()

    def write(self, steps: int, numbers: Mapping[str, float]) -> None:
        """Put the numbers into the queue, unless that was done a moment ago. Raises what went wrong in the thread."""
        self._newest = steps, numbers
        if time.monotonic() - self._handed_on >= PAUSE_SECONDS:
            self._hand_on()

    def finish(self, summary: Mapping[str, float]) -> None:
        """Put the summary into the queue. Raises what went wrong in the thread meanwhile."""
        self._hand_on()
        self._put(lambda logger: logger.finish(summary))

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
            raise TimeoutError(f"it is {LONGEST_QUEUE} lines behind") from None

    def _raise(self) -> None:
        if self._error is not None:
            raise RuntimeError(str(self._error) or type(self._error).__name__) from self._error

    def _work(self) -> None:
        try:
            with self._open() as logger:
                while (task := self._waiting.get()) is not None:
                    task(logger)
        except BaseException as error:  # some packages leave by SystemExit
            self._error = error


class TensorBoard:
    """Event files in RUN/tensorboard, for `tensorboard --logdir RUN`."""

    def __init__(self, folder: Path, config: Mapping[str, Any], resume_at: int | None) -> None:
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - takes a second, and only this needs it

        # what an interrupted run wrote beyond its checkpoint comes again: TensorBoard then hides the first
        purge = None if resume_at is None else resume_at + 1
        self._writer = SummaryWriter(str(folder / "tensorboard"), purge_step=purge)
        self._steps = resume_at or 0
        if resume_at is None:
            rows = "\n".join(f"| {key} | {value} |" for key, value in flat(config["settings"]).items())
            self._writer.add_text("settings", f"| setting | value |\n|---|---|\n{rows}")

    def __enter__(self) -> TensorBoard:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    def write(self, steps: int, numbers: Mapping[str, float]) -> None:
        """Add one point to every curve."""
        self._steps = steps
        for name, value in numbers.items():
            self._writer.add_scalar(grouped(name), value, steps)

    def finish(self, summary: Mapping[str, float]) -> None:
        """Add the evaluation as curves of one point."""
        for name, value in summary.items():
            self._writer.add_scalar(f"evaluation/{name}", value, self._steps)


class WeightsAndBiases:
    """A run on wandb.ai or a server of one's own; with WANDB_MODE=offline a folder that `wandb sync` sends later.

    WANDB_PROJECT, WANDB_ENTITY, WANDB_MODE and its other variables are heeded.
    """

    def __init__(self, folder: Path, config: Mapping[str, Any], say: Callable[[str], None]) -> None:
        import wandb  # noqa: PLC0415 - takes a second, and only this needs it

        settings = wandb.Settings(console="off", silent=True)  # the terminal is the dashboard's
        online = os.environ.get("WANDB_MODE", "online") == "online"
        # it would ask for a key in the middle of the dashboard
        if online and not wandb.login(prompt=False):
            raise RuntimeError("nobody is logged in here: run `wandb login` first, or set WANDB_MODE=offline")
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", "puffer-train"),
            name=folder.name,
            id=_identifier(folder / "wandb" / "run-id"),
            resume="allow",
            dir=str(folder),
            config=dict(config),
            settings=settings,
        )
        self._run.define_metric("steps")
        self._run.define_metric("*", step_metric="steps")  # its own step cannot go back, as a resumed run may
        say(
            f"wandb: {self._run.url}" if online else f"wandb: to send it later: wandb sync {Path(self._run.dir).parent}"
        )

    def __enter__(self) -> WeightsAndBiases:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run.finish(exit_code=0 if kind is None else 1)

    def write(self, steps: int, numbers: Mapping[str, float]) -> None:
        """Add one point to every curve."""
        self._run.log({"steps": steps} | {grouped(name): value for name, value in numbers.items()})

    def finish(self, summary: Mapping[str, float]) -> None:
        """Put the evaluation into the run's summary."""
        self._run.summary.update({f"evaluation/{name}": value for name, value in summary.items()})


def grouped(name: str) -> str:
    """Return a number's name with a group before it, by which TensorBoard and W&B lay out their pages."""
    return name if "/" in name else f"train/{name}"


def flat(tables: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested dictionaries as one: {"train": {"gamma": 1}} -> {"train.gamma": 1}."""
    result: dict[str, Any] = {}
    for key, value in tables.items():
        below = flat(value) if isinstance(value, Mapping) else None
        result |= {key: value} if below is None else {f"{key}.{name}": v for name, v in below.items()}
    return result


def _identifier(file: Path) -> str:
    """Return the run's name on the server: the one that the file keeps from before it was resumed, or a new one."""
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(secrets.token_hex(4))
    return file.read_text("utf-8").strip()

"""Being asked to leave: Ctrl-C, SIGTERM as clusters and service managers send it, SIGHUP when a terminal is closed.

All three mean the same. Training finishes its iteration, saves and leaves (`stop_requests`); whatever else is going on
ends as with Ctrl-C (`interruptible`). The exit status is 128 plus the signal's number, as shells have it.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
"""SIGHUP is unknown to Windows; SIGBREAK, Ctrl-Break, to all others."""

Handler = Callable[[int, FrameType | None], Any]


class Interrupted(KeyboardInterrupt):
    """Like Ctrl-C, but by another signal."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def exit_status(error: KeyboardInterrupt) -> int:
    """Return the exit status of a command that was interrupted: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP."""
    return 128 + (error.number if isinstance(error, Interrupted) else int(signal.SIGINT))


@contextmanager
def interruptible() -> Iterator[None]:
    """Make every such signal raise `KeyboardInterrupt` inside, as Ctrl-C does by itself."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise Interrupted(number)

    with _handled_by(interrupt, [number for number in _signals() if number != signal.SIGINT]):
        yield


@contextmanager
def interruptible_until(ending: Callable[[], bool]) -> Iterator[None]:
    """Make every such signal raise `KeyboardInterrupt` inside, until `ending` says that it has no meaning any more.

    From then on they are ignored, outside too: what is still to be said is said.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        if not ending():
            raise Interrupted(number)

    with _handled_by(interrupt, _signals()):
        try:
            yield
        finally:
            if ending() and threading.current_thread() is threading.main_thread():
                for number in _signals():
                    signal.signal(number, signal.SIG_IGN)


@contextmanager
def stop_requests(*, repeated: bool = False) -> Iterator[list[int]]:
    """Yield a list that gets the number of the first signal; a second one leaves at once, as it would outside.

    repeated: all that follow mean the same as the first. (With torchrun, one Ctrl-C comes from the terminal and another
    one from torchrun.)
    """
    requests: list[int] = []

    def request(number: int, frame: FrameType | None) -> None:
        requests.append(number)
        for each, handler in before.items() if not repeated else ():
            signal.signal(each, handler)

    with _handled_by(request, _signals()) as before:
        yield requests


def _signals() -> list[signal.Signals]:
    """Return the signals that ask to leave here, without a SIGHUP that `nohup` said to ignore."""
    known = [signal.Signals[name] for name in NAMES if hasattr(signal, name)]
    return [number for number in known if number == signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN]


@contextmanager
def _handled_by(handler: Handler, numbers: list[signal.Signals]) -> Iterator[dict[signal.Signals, Any]]:
    """Install a handler and yield those of before, which return in the end, unless another one was installed since.

    Only a main thread can do that.
    """
    if threading.current_thread() is not threading.main_thread():
        yield {}
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield before
    finally:
        for number, old in before.items():
            if signal.getsignal(number) is handler:
                signal.signal(number, old)

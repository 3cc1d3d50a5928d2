"""Requests to stop.

Ctrl-C; SIGTERM, as clusters and service managers send it; SIGHUP, when a terminal is closed; SIGXCPU, when the
processor seconds of `ulimit -t` are used up. All mean the same. Training finishes its iteration, saves and exits
(`stop_requests`); everything else ends as with Ctrl-C (`interruptible`). The exit status is 128 plus the signal's
number, as shells have it.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK", "SIGXCPU")
"""SIGHUP and SIGXCPU are unknown to Windows; SIGBREAK, Ctrl-Break, to all others."""

REPEATED = ("SIGXCPU",)
"""What the system repeats every second until the hard limit is reached: only the first one counts."""

Handler = Callable[[int, FrameType | None], Any]


class Interrupted(KeyboardInterrupt):
    """Like Ctrl-C, but by another signal."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


class Stopped(Interrupted):
    """The interruption was already dealt with: everything is saved, and how to resume was printed."""


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
    """Make every such signal raise `KeyboardInterrupt` inside, until `ending` returns True.

    From then on they are ignored, also outside, so that the last messages are still printed.
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
    """Yield a list that gets the number of the first signal; a second one ends the program at once.

    repeated: later signals mean the same as the first. (With torchrun, one Ctrl-C comes from the terminal and another
    from torchrun.)
    """
    requests: list[int] = []

    def request(number: int, frame: FrameType | None) -> None:
        requests.append(number)
        for each, handler in before.items() if not repeated else ():
            if each.name not in REPEATED:
                signal.signal(each, handler)

    with _handled_by(request, _signals()) as before:
        yield requests


def _signals() -> list[signal.Signals]:
    """Return the signals that ask this process to stop, without a SIGHUP that `nohup` set to be ignored."""
    known = [signal.Signals[name] for name in NAMES if hasattr(signal, name)]
    return [number for number in known if number == signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN]


@contextmanager
def _handled_by(handler: Handler, numbers: list[signal.Signals]) -> Iterator[dict[signal.Signals, Any]]:
    """Install a handler and yield the earlier ones, which are restored at the end unless another was installed since.

    Outside the main thread, nothing happens.
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

"""Messages between a vector and one worker process, over a socket.

What goes over it is pickled, for it carries the user's own functions and values. Both ends belong to the same program:
nothing that comes from a file or a network is read here.
"""

from __future__ import annotations

import contextlib
import pickle
import socket
import struct
import sys
import time
from enum import IntEnum
from typing import Any

import cloudpickle

_HEADER = struct.Struct("<BQ")
_DO_NOT_WAIT = getattr(socket, "MSG_DONTWAIT", 0)


class Gone(Exception):
    """The other end is not there any more. No EOFError, which environments raise too."""


class Kind(IntEnum):
    """What a message is."""

    WAKE = 0
    """Look at the signals. A single byte, without content."""
    CALL = 1
    """(method, arguments): to the worker."""
    ANSWER = 2
    """The value returned."""
    REFUSAL = 3
    """(type of exception, text): a call that the worker refused, and survived."""
    FAILURE = 4
    """(what it worked on, exception, traceback): the worker's last words, all texts."""


def pack(kind: Kind, content: Any) -> bytes:
    """A message, which may be sent to several. Raises whatever pickling `content` raises."""
    main = sys.modules.get("__mp_main__")
    if main is not None:  # in a spawned child of multiprocessing: the main script, which nobody else finds by this name
        cloudpickle.register_pickle_by_value(main)
    payload: bytes = cloudpickle.dumps(content)
    return _HEADER.pack(kind, len(payload)) + payload


def unpack(payload: bytes) -> Any:
    """The content of a message. Raises whatever making these objects anew raises."""
    return pickle.loads(payload)


class Channel:
    """One end. Its methods raise `Gone` when the other one is, TimeoutError when the deadline has passed."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock

    def fileno(self) -> int:
        """For selectors."""
        return self.socket.fileno()

    def wake(self) -> None:
        """Wake the other end. It may have gone: whoever waits for its answer will see."""
        with contextlib.suppress(OSError):
            self.socket.send(b"\0", _DO_NOT_WAIT)

    def send(self, message: bytes, deadline: float | None = None) -> None:
        """Send what `pack` made; `deadline` is by time.monotonic(), None waits for as long as it takes."""
        view = memoryview(message)
        while view:
            self._limit(deadline)
            try:
                view = view[self.socket.send(view) :]
            except TimeoutError:
                raise
            except OSError as error:
                raise Gone from error

    def receive(self, deadline: float | None = None) -> tuple[Kind, bytes]:
        """The next message, wake-ups included: its kind, and what `unpack` takes."""
        kind = Kind(self._exactly(1, deadline)[0])
        if kind is Kind.WAKE:
            return kind, b""
        (size,) = struct.unpack("<Q", self._exactly(8, deadline))
        return kind, self._exactly(size, deadline)

    def _exactly(self, size: int, deadline: float | None) -> bytes:
        received = bytearray()
        while len(received) < size:
            self._limit(deadline)
            try:
                part = self.socket.recv(min(size - len(received), 1 << 20))
            except TimeoutError:
                raise
            except OSError as error:
                raise Gone from error
            if not part:
                raise Gone
            received += part
        return bytes(received)

    def _limit(self, deadline: float | None) -> None:
        """Have the next call on the socket give up at the deadline."""
        self.socket.settimeout(None if deadline is None else max(1e-3, deadline - time.monotonic()))

    def close(self) -> None:
        """May be called twice."""
        self.socket.close()

"""Messages between a vector and one worker process, over a socket.

Messages are pickled, because they carry the user's own functions and values. Both ends belong to the same program:
nothing from a file or a network is read here.
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


class Disconnected(Exception):
    """The other end is gone. Not an EOFError, because environments raise those too."""


class Kind(IntEnum):
    """The kind of a message."""

    WAKE = 0
    """Look at the signals. A single byte without content."""
    CALL = 1
    """(method, arguments), for the worker."""
    ANSWER = 2
    """The return value of a call."""
    REFUSAL = 3
    """(type of exception, text): the worker rejected a call and continues."""
    FAILURE = 4
    """(environments, exception, traceback), all texts: the worker's last message."""


def pack(kind: Kind, content: Any) -> bytes:
    """Return a message, which can be sent to several workers. Raises whatever pickling `content` raises."""
    main = sys.modules.get("__mp_main__")
    if main is not None:  # in a spawned child of multiprocessing: the main script, which workers cannot import
        cloudpickle.register_pickle_by_value(main)
    payload: bytes = cloudpickle.dumps(content)
    return _HEADER.pack(kind, len(payload)) + payload


def unpack(payload: bytes) -> Any:
    """Return the content of a message. Raises whatever unpickling it raises."""
    return pickle.loads(payload)


class Channel:
    """One end. Methods raise `Disconnected` if the other end is gone, TimeoutError if the deadline has passed."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock

    def fileno(self) -> int:
        """Return the file descriptor, for selectors."""
        return self.socket.fileno()

    def wake(self) -> None:
        """Wake the other end. If it is gone, the next `receive` reports that."""
        with contextlib.suppress(OSError):
            self.socket.send(b"\0", _DO_NOT_WAIT)

    def send(self, message: bytes, deadline: float | None = None) -> None:
        """Send a message from `pack`. `deadline` is in seconds of time.monotonic(); None waits without limit."""
        view = memoryview(message)
        while view:
            self._limit(deadline)
            try:
                view = view[self.socket.send(view) :]
            except TimeoutError:
                raise
            except OSError as error:
                raise Disconnected from error

    def receive(self, deadline: float | None = None) -> tuple[Kind, bytes]:
        """Return the next message, including wake-ups: its kind, and the payload for `unpack`."""
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
                raise Disconnected from error
            if not part:
                raise Disconnected
            received += part
        return bytes(received)

    def _limit(self, deadline: float | None) -> None:
        """Limit the next call on the socket to the deadline."""
        self.socket.settimeout(None if deadline is None else max(1e-3, deadline - time.monotonic()))

    def close(self) -> None:
        """Close the socket. Can be called twice."""
        self.socket.close()

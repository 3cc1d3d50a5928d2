"""A worker process from its parent's side: start it, talk to it, end it."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from puffer_envs.vector.channel import Channel, Disconnected, Kind, pack, unpack
from puffer_envs.vector.errors import WorkerError, WorkerTimeoutError

T = TypeVar("T")

STACK_SECONDS = 0.5
"""How long a stuck worker has to report where it is."""

DEATH_SECONDS = 1.0
"""How long to wait for the exit status of a worker that closed its connection."""

ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Environment variables set to 1 for workers unless already set, because there is one process per core."""


class WorkerProcess:
    """A child process that runs `puffer_envs.vector.worker`.

    It is not a fork and does not import the parent's main script, so no `if __name__ == "__main__"` is needed. It leads
    its own process group: Ctrl-C and Ctrl-Z reach only the parent, and everything the worker has started ends with it.
    """

    def __init__(self, worker: int, envs: tuple[int, int], inherited: list[int], timeout: float) -> None:
        """Start the process.

        Args:
            worker: its number, from 0.
            envs: its first environment, and the one after its last.
            inherited: file descriptors to pass on.
            timeout: seconds, for messages.
        """
        self.worker, self.envs, self.timeout = worker, envs, timeout
        if not sys.executable:
            raise RuntimeError("sys.executable is empty, so worker processes cannot be started. Use backend='serial'")
        with contextlib.ExitStack() as theirs, contextlib.ExitStack() as ours:
            mine, other = socket.socketpair()
            ours.callback(mine.close)
            theirs.callback(other.close)
            self._trace, trace = os.pipe()
            ours.callback(os.close, self._trace)
            theirs.callback(os.close, trace)
            if sys.platform != "win32":
                os.set_blocking(self._trace, False)
            self._process = _start(worker, other, trace, inherited)
            self.pid, self.channel = self._process.pid, Channel(mine)
            ours.pop_all()

    def __str__(self) -> str:
        first, last = self.envs
        which = f"environment {first}" if last == first + 1 else f"environments {first} to {last - 1}"
        return f"worker {self.worker} (pid {self.pid}, {which})"

    # -- talking -------------------------------------------------------------------------------------------

    def send(self, message: bytes, doing: str, deadline: float) -> None:
        """Send a message. Raises `WorkerError` if the worker is dead or does not accept it."""
        self._talk(lambda: self.channel.send(message, deadline), doing, deadline)

    def receive(self, doing: str, deadline: float) -> tuple[Kind, Any]:
        """Return the next message. Raises `WorkerError` if the worker has failed or is dead."""
        kind, payload = self._talk(lambda: self.channel.receive(deadline), doing, deadline)
        if kind is Kind.FAILURE:
            self._raise_failure(*unpack(payload))
        return kind, unpack(payload) if payload else None

    def _talk(self, action: Callable[[], T], doing: str, deadline: float) -> T:
        try:
            return action()
        except Disconnected:
            self.raise_death(doing)
        except TimeoutError:
            self.raise_late(doing)

    # -- failures ------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether the process is running. A dead one keeps its ID until it is freed."""
        if not hasattr(os, "waitid"):
            return self._process.poll() is None
        with contextlib.suppress(ChildProcessError):
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
        return False

    def _raise_failure(self, where: str, summary: str, text: str) -> NoReturn:
        raise WorkerError(
            f"worker {self.worker} (pid {self.pid}) raised in {where or str(self).partition(', ')[2].rstrip(')')}: "
            f"{summary}\n\nIts own traceback:\n{text}",
            self.worker,
            self.pid,
        )

    def raise_death(self, doing: str) -> NoReturn:
        """Raise `WorkerError` for a worker that is gone, with its last message or its exit status."""
        with contextlib.suppress(Disconnected, TimeoutError):  # a failure message may follow wake-ups
            while True:
                kind, payload = self.channel.receive(time.monotonic() + 0.1)
                if kind is Kind.FAILURE:
                    self._raise_failure(*unpack(payload))
        deadline = time.monotonic() + DEATH_SECONDS
        while self.running and time.monotonic() < deadline:
            time.sleep(0.005)
        status = None if self.running else self.end()
        raise WorkerError(
            f"{self} died during {doing}: {_describe_status(status)}{self._stack()}", self.worker, self.pid
        )

    def raise_late(self, doing: str) -> NoReturn:
        """Raise `WorkerTimeoutError` for a stuck worker, with its stack if it can still report it."""
        if not self.running:
            self.raise_death(doing)
        if hasattr(signal, "SIGUSR1"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGUSR1)
            with selectors.DefaultSelector() as selector:
                selector.register(self._trace, selectors.EVENT_READ)
                selector.select(STACK_SECONDS)
            time.sleep(0.02)  # it writes line by line
        raise WorkerTimeoutError(
            f"{self} did not finish {doing} within {self.timeout:g} s: so long, no call of an environment returned. If "
            f"it is slow rather than stuck, give it longer (timeout, --wrap.timeout){self._stack()}",
            self.worker,
            self.pid,
        )

    def _stack(self) -> str:
        """Return what faulthandler wrote in the worker, on a crash or on request."""
        with contextlib.suppress(OSError):
            text = os.read(self._trace, 1 << 16).decode(errors="replace").strip()
            if text:
                return f"\n\nWhere it was:\n{text}"
        return ""

    # -- the end -------------------------------------------------------------------------------------------

    def ask_to_leave(self, deadline: float) -> None:
        """Ask it to close its environments and exit, if it is still running."""
        if self.running:
            with contextlib.suppress(Disconnected, TimeoutError):
                self.channel.send(pack(Kind.CALL, ("close", ())), deadline)

    def wait(self, deadline: float) -> None:
        """Wait until it has ended, or for the deadline."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, deadline - time.monotonic()))

    def kill(self) -> None:
        """Kill it and everything it has started, unless it was waited for: then its ID may belong to another."""
        if self._process.returncode is None:
            with contextlib.suppress(OSError):
                if hasattr(os, "killpg"):
                    os.killpg(self.pid, signal.SIGKILL)
                else:
                    self._process.kill()

    def end(self) -> int:
        """Kill it if it is still running, and return its exit status."""
        self.kill()
        return self._process.wait()

    def free(self) -> None:
        """End it and free its resources. Can be called twice."""
        self.end()
        assert self._process.stdin
        self._process.stdin.close()
        self.channel.close()
        if self._trace >= 0:
            os.close(self._trace)
            self._trace = -1


def _start(worker: int, sock: socket.socket, trace: int, inherited: list[int]) -> subprocess.Popen[bytes]:
    """Start a process with its ends of the socket, the pipe for traces, and the lifeline (standard input)."""
    options: dict[str, Any] = {}
    executable, arguments = sys.executable, (worker, os.getpid(), sock.fileno(), trace)
    if sys.platform == "win32":
        # File descriptors are not inherited there: traces go to standard error, and the socket is sent through the
        # lifeline. In a virtual environment, sys.executable starts another process, which could not get the socket.
        executable, arguments = getattr(sys, "_base_executable", executable), (worker, os.getpid(), -1, 2)
        options["creationflags"] = subprocess.CREATE_NEW_PROCESS_GROUP
    else:
        options |= {"pass_fds": [sock.fileno(), trace, *inherited], "process_group": 0}
    path = [entry for entry in sys.path if isinstance(entry, str)]  # imports ignore other types, too
    process = subprocess.Popen(
        [
            executable,
            "-c",
            f"import sys; sys.path[:] = {path!r}; from puffer_envs.vector.worker import main; main{arguments}",
        ],
        stdin=subprocess.PIPE,
        env={**dict.fromkeys(ONE_THREAD, "1"), **os.environ},
        bufsize=0,
        **options,
    )
    if sys.platform == "win32":
        assert process.stdin
        shared = sock.share(process.pid)
        process.stdin.write(len(shared).to_bytes(4, "little") + shared)
    return process


def _describe_status(status: int | None) -> str:
    if status is None:
        return "it closed its connection"
    if status >= 0:
        return f"it exited with status {status}"
    with contextlib.suppress(ValueError):
        return f"killed by {signal.Signals(-status).name}"
    return f"killed by signal {-status}"

"""One worker process, as its parent sees it: started, talked to, and ended."""

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

from puffer_envs.vector.channel import Channel, Gone, Kind, pack, unpack
from puffer_envs.vector.errors import WorkerError, WorkerTimeoutError

T = TypeVar("T")

STACK_SECONDS = 0.5
"""How long a stuck worker has to say where it is."""

DEATH_SECONDS = 1.0
"""How long a worker that closed its connection has to end, so that there is a status to report."""

ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Set to 1 for workers unless they are set: there is a process for every core already."""


class WorkerProcess:
    """A child that runs `puffer_envs.vector.worker`. It is no fork, and does not import the parent's main script: it
    starts from nothing, and needs no `if __name__ == "__main__"`.

    It leads a process group of its own: Ctrl-C and Ctrl-Z are for the parent alone, and what the worker has started
    is ended with it.
    """

    def __init__(self, worker: int, envs: tuple[int, int], inherited: list[int], timeout: float) -> None:
        """Start it, with these file descriptors. `envs`: its first environment, and the one after its last."""
        self.worker, self.envs, self.timeout = worker, envs, timeout
        if not sys.executable:
            raise RuntimeError("sys.executable is empty, so no worker process can be started; use backend='serial'")
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
        """Send a message. Raises `WorkerError` when the worker is dead, or does not take it."""
        self._talk(lambda: self.channel.send(message, deadline), doing, deadline)

    def receive(self, doing: str, deadline: float) -> tuple[Kind, Any]:
        """What it says next. Raises `WorkerError` when these are its last words, or it has none."""
        kind, payload = self._talk(lambda: self.channel.receive(deadline), doing, deadline)
        if kind is Kind.FAILURE:
            self._raise_failure(*unpack(payload))
        return kind, unpack(payload) if payload else None

    def _talk(self, action: Callable[[], T], doing: str, deadline: float) -> T:
        try:
            return action()
        except Gone:
            self.raise_death(doing)
        except TimeoutError:
            self.raise_late(doing)

    # -- what can be wrong with it -------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether the process is there. A dead one keeps its number until it is freed."""
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
        """The worker is gone, perhaps without a word: say how."""
        with contextlib.suppress(Gone, TimeoutError):  # last words may lie behind wake-ups
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
        """The worker is stuck: say where, if it can still tell."""
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
            f"{self} did not finish {doing} within {self.timeout:g} s; if it is slow rather than stuck, give a longer "
            f"timeout{self._stack()}",
            self.worker,
            self.pid,
        )

    def _stack(self) -> str:
        """What faulthandler wrote in the worker, when it crashed or was asked to."""
        with contextlib.suppress(OSError):
            text = os.read(self._trace, 1 << 16).decode(errors="replace").strip()
            if text:
                return f"\n\nWhere it was:\n{text}"
        return ""

    # -- the end -------------------------------------------------------------------------------------------

    def ask_to_leave(self, deadline: float) -> None:
        """Have it close its environments and end, if it still listens."""
        if self.running:
            with contextlib.suppress(Gone, TimeoutError):
                self.channel.send(pack(Kind.CALL, ("close", ())), deadline)

    def wait(self, deadline: float) -> None:
        """Until it has ended, or the deadline."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, deadline - time.monotonic()))

    def kill(self) -> None:
        """End it, and what it has started, now; once it has been waited for, its number may be another's."""
        if self._process.returncode is None:
            with contextlib.suppress(OSError):
                if hasattr(os, "killpg"):
                    os.killpg(self.pid, signal.SIGKILL)
                else:
                    self._process.kill()

    def end(self) -> int:
        """Kill it if it still runs, and return the status that it left with."""
        self.kill()
        return self._process.wait()

    def free(self) -> None:
        """End it, and free what belongs to it. May be called twice."""
        self.end()
        assert self._process.stdin
        self._process.stdin.close()
        self.channel.close()
        if self._trace >= 0:
            os.close(self._trace)
            self._trace = -1


def _start(worker: int, sock: socket.socket, trace: int, inherited: list[int]) -> subprocess.Popen[bytes]:
    """Start a process that gets its end of the socket, of the pipe for traces, and of a lifeline (standard input)."""
    options: dict[str, Any] = {}
    executable, arguments = sys.executable, (worker, os.getpid(), sock.fileno(), trace)
    if sys.platform == "win32":
        # No numbers are inherited there: traces go to standard error, and the socket comes through the lifeline. In a
        # virtual environment, sys.executable starts another process, to which the socket could not be handed over.
        executable, arguments = getattr(sys, "_base_executable", executable), (worker, os.getpid(), -1, 2)
        options["creationflags"] = subprocess.CREATE_NEW_PROCESS_GROUP
    else:
        options |= {"pass_fds": [sock.fileno(), trace, *inherited], "process_group": 0}
    path = [entry for entry in sys.path if isinstance(entry, str)]  # others are ignored by imports, too
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
        return f"it left with status {status}"
    with contextlib.suppress(ValueError):
        return f"killed by {signal.Signals(-status).name}"
    return f"killed by signal {-status}"

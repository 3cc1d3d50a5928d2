"""One worker process, as its parent sees it: started, talked to, and ended."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import Any, NoReturn

from puffer_envs.vector.channel import Channel, Kind
from puffer_envs.vector.errors import WorkerError, WorkerTimeoutError

STACK_SECONDS = 0.5
"""How long a stuck worker has to say where it is."""

ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Set to 1 for workers unless they are set: there is a process for every core already."""


class WorkerProcess:
    """A child that runs `puffer_envs.vector.worker`. It is no fork, and does not import the parent's main script: it
    starts from nothing, and needs no `if __name__ == "__main__"`."""

    def __init__(self, worker: int, envs: tuple[int, int], inherited: list[int], timeout: float) -> None:
        """Start it, with these file descriptors. `envs`: its first environment, and the one after its last."""
        self.worker, self.envs, self.timeout = worker, envs, timeout
        if not sys.executable:
            raise RuntimeError("sys.executable is empty, so no worker process can be started; use backend='serial'")
        ours, theirs = socket.socketpair()
        self.channel = Channel(ours)
        self._trace, trace = os.pipe()
        sock, passed = -1, []
        if sys.platform != "win32":  # where a socket is handed over through standard input instead
            sock, passed = theirs.fileno(), [theirs.fileno(), trace, *inherited]
            os.set_blocking(self._trace, False)
        code = (
            f"import sys; sys.path[:] = {sys.path!r}; from puffer_envs.vector.worker import main; main({sock}, {trace})"
        )
        try:
            with _interrupts_blocked():
                self._process = subprocess.Popen(
                    [sys.executable, "-c", code],
                    stdin=subprocess.PIPE,
                    env={**dict.fromkeys(ONE_THREAD, "1"), **os.environ},
                    pass_fds=passed,
                    bufsize=0,
                )
            self.pid = self._process.pid
            self._hand_over(theirs)
        except BaseException:
            ours.close()
            os.close(self._trace)
            raise
        finally:
            os.close(trace)
            theirs.close()

    def _hand_over(self, theirs: socket.socket) -> None:
        if sys.platform == "win32":
            assert self._process.stdin
            shared = theirs.share(self.pid)
            self._process.stdin.write(len(shared).to_bytes(4, "little") + shared)

    def __str__(self) -> str:
        first, last = self.envs
        which = f"environment {first}" if last == first + 1 else f"environments {first} to {last - 1}"
        return f"worker {self.worker} (pid {self.pid}, {which})"

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process.poll() is None

    def call(self, method: str, *arguments: Any, deadline: float) -> None:
        """Ask for something; `answer` waits for what comes back."""
        self._talk(lambda: self.channel.send(Kind.CALL, (method, arguments), deadline), method)

    def begin(self, assignment: Any, deadline: float) -> None:
        """Send the first message of all."""
        self._talk(lambda: self.channel.send(Kind.CALL, assignment, deadline), "start")

    def answer(self, method: str, deadline: float) -> Any:
        """What came back. Raises what the worker refused, or `WorkerError`."""
        while True:
            kind, content = self._talk(lambda: self.channel.receive(deadline), method)
            if kind is Kind.ANSWER:
                return content
            if kind is Kind.REFUSAL:
                name, text = content
                raise {"AttributeError": AttributeError, "TypeError": TypeError}.get(name, ValueError)(text)
            if kind is Kind.FAILURE:
                self._raise_failure(*content)

    def hear(self, deadline: float) -> None:
        """Read one message that has arrived while the worker steps: a wake-up, or its last words."""
        kind, content = self._talk(lambda: self.channel.receive(deadline), "step")
        if kind is Kind.FAILURE:
            self._raise_failure(*content)

    def _talk(self, action: Any, method: str) -> Any:
        try:
            return action()
        except EOFError:
            self.raise_death(method)
        except TimeoutError:
            self.raise_timeout(method)

    def _raise_failure(self, first: int, last: int, summary: str, text: str) -> NoReturn:
        where = f"environments {first} to {last - 1}" if last > first + 1 else f"environment {first}"
        raise WorkerError(
            f"worker {self.worker} (pid {self.pid}) raised in {where}: {summary}\n\nIts own traceback:\n{text}",
            self.worker,
            self.pid,
        )

    def raise_death(self, doing: str) -> NoReturn:
        """The worker is gone without a word: say how."""
        with contextlib.suppress(EOFError, TimeoutError):  # last words may lie behind wake-ups
            while True:
                kind, content = self.channel.receive(time.monotonic() + 0.1)
                if kind is Kind.FAILURE:
                    self._raise_failure(*content)
        try:
            status = self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            status = None
        raise WorkerError(
            f"{self} died during {doing}: {_describe_status(status)}{self._stack()}", self.worker, self.pid
        )

    def raise_timeout(self, doing: str) -> NoReturn:
        """The worker is stuck: say where, if it can still tell."""
        if hasattr(signal, "SIGUSR1"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGUSR1)
            select.select([self._trace], [], [], STACK_SECONDS)
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

    def ask_to_leave(self, deadline: float) -> None:
        """Have it close its environments and end, if it still listens."""
        if self.running:
            with contextlib.suppress(EOFError, TimeoutError):
                self.channel.send(Kind.CALL, ("close", ()), deadline)

    def wait(self, deadline: float) -> None:
        """Until it has ended, or the deadline."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, deadline - time.monotonic()))

    def kill(self) -> None:
        """End it now, and free what belongs to it. May be called twice."""
        if self.running:
            self._process.kill()
        self._process.wait()
        assert self._process.stdin
        self._process.stdin.close()
        self.channel.close()
        if self._trace >= 0:
            os.close(self._trace)
            self._trace = -1


def _describe_status(status: int | None) -> str:
    if status is None:
        return "it closed its connection"
    if status >= 0:
        return f"it left with status {status}"
    with contextlib.suppress(ValueError):
        return f"killed by {signal.Signals(-status).name}"
    return f"killed by signal {-status}"


@contextlib.contextmanager
def _interrupts_blocked() -> Any:
    """Ctrl-C reaches every process of the terminal; a worker must not die of it before it can say that it will not."""
    if not hasattr(signal, "pthread_sigmask") or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

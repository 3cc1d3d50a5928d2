"""Worker processes that keep torch loaded and run one trial after the other."""

from __future__ import annotations

import _thread
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import TracebackType
from typing import Protocol

from puffer_train.errors import LockedError
from puffer_train.sweep.job import FAILED, INTERRUPTED, LOST, Job, Outcome
from puffer_train.sweep.trial import run_trial
from puffer_train.system.signals import interruptible

SIGNALS = sys.platform != "win32"
"""Whether a process can be asked to stop by a signal: on Windows SIGTERM ends it on the spot."""


class Worker:
    """One process."""

    def __init__(self) -> None:
        self.job: Job | None = None
        self.began, self._before, self._costs = 0.0, 0.0, dict[str, float]()
        self.stopping = False
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        asked, self._asking = context.Pipe(duplex=False)
        self.process: BaseProcess = context.Process(target=_work, args=(theirs, asked), daemon=True)
        self.process.start()
        theirs.close()
        asked.close()

    def start(self, job: Job) -> None:
        """Begin a trial."""
        self.job, self.began, self._before = job, time.monotonic(), self._cpu() or 0.0
        with suppress(OSError):  # it has just died, as the next look at it will say
            self.pipe.send(job)

    def memory(self) -> int:
        """Return the bytes that it holds, 0 where the system does not tell."""
        with suppress(OSError, ValueError, IndexError):
            pages = int(Path(f"/proc/{self.process.pid}/statm").read_text("ascii").split()[1])
            return pages * os.sysconf("SC_PAGE_SIZE")
        return 0

    def look(self) -> dict[str, float]:
        """Return what its trial has cost so far, by kind; of a process that died, before it is joined."""
        wall, cpu = time.monotonic() - self.began, self._cpu()
        self._costs = {"wall": wall, "cpu": self._costs.get("cpu", wall) if cpu is None else cpu - self._before}
        return self._costs

    def _cpu(self) -> float | None:
        """Return the processor seconds that it has used, None where the system does not tell."""
        with suppress(OSError, ValueError, IndexError):
            words = Path(f"/proc/{self.process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
            return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
        return None

    def interrupt(self) -> None:
        """Ask its trial to save and stop."""
        self.stopping = True
        if SIGNALS:
            self.process.terminate()
        else:
            with suppress(OSError):  # it has just died
                self._asking.send(None)

    def end(self) -> None:
        """End it, whatever it does."""
        self.process.kill()
        self.process.join()
        self.pipe.close()
        self._asking.close()


class Engine(Protocol):
    """What a sweep needs of a pool, here or on a cluster."""

    @property
    def free(self) -> int:
        """How many jobs can be started now."""

    @property
    def running(self) -> list[Job]:
        """Jobs that are not finished."""

    def start(self, job: Job) -> None:
        """Begin a job."""

    def interrupt(self) -> None:
        """Ask all trials to save and stop, as Ctrl-C does."""

    def collect(self, seconds: float) -> Iterator[tuple[Job, Outcome]]:
        """Yield the jobs that have ended, after waiting at most so long for one."""


class Pool:
    """Runs jobs side by side. A context manager; leaving it ends all workers."""

    def __init__(self, workers: int, max_seconds: float, max_memory: int = 0) -> None:
        """max_seconds: After which a trial is killed. max_memory: Bytes from which it is killed; 0 is no limit."""
        self.size, self._max_seconds, self._max_memory = workers, max_seconds, max_memory
        self._workers: list[Worker] = []

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.end()

    @property
    def free(self) -> int:
        """How many jobs can be started now."""
        return self.size - len(self.running)

    @property
    def running(self) -> list[Job]:
        """Jobs that are not finished."""
        return [worker.job for worker in self._workers if worker.job is not None]

    def start(self, job: Job) -> None:
        """Begin a job on a free worker, a new process where there is none."""
        for worker in [each for each in self._workers if each.job is None and not each.process.is_alive()]:
            worker.end()  # the system may have ended it while it waited
            self._workers.remove(worker)
        idle = next((worker for worker in self._workers if worker.job is None), None)
        if idle is None:
            idle = Worker()
            self._workers.append(idle)
        idle.start(job)

    def interrupt(self) -> None:
        """Ask all trials to save and stop, as Ctrl-C does."""
        for worker in self._workers:
            if worker.job is not None:
                worker.interrupt()

    def collect(self, seconds: float) -> Iterator[tuple[Job, Outcome]]:
        """Yield the jobs that have ended, after waiting at most so long for one."""
        busy = [worker for worker in self._workers if worker.job is not None]
        wait([each for worker in busy for each in (worker.pipe, worker.process.sentinel)], timeout=seconds)
        for worker in busy:
            outcome = self._look(worker)
            if outcome is not None and worker.job is not None:
                job, worker.job = worker.job, None
                yield job, outcome

    def _look(self, worker: Worker) -> Outcome | None:
        """Return how its job ended, None while it runs. A worker that is of no more use is removed."""
        costs = worker.look()
        with suppress(EOFError, OSError):
            if worker.pipe.poll():
                outcome: Outcome = worker.pipe.recv()
                return replace(outcome, costs=costs | outcome.costs) if outcome.status == FAILED else outcome
        reason, took = "", costs["wall"]
        if not worker.process.is_alive():
            worker.process.join()
            if worker.stopping:  # it had not begun: it was loading torch
                self._workers.remove(worker)
                return Outcome(INTERRUPTED)
            code = worker.process.exitcode or 0
            reason = f"its process ended with {f'signal {-code}' if code < 0 else f'status {code}'}"
        elif took > self._max_seconds:
            reason = f"it ran longer than {self._max_seconds:g} s"
        elif self._max_memory and worker.memory() > self._max_memory:
            reason = f"it held more than {self._max_memory / 2**20:.0f} MiB"
        if not reason:
            return None
        worker.end()
        self._workers.remove(worker)
        return Outcome(FAILED, reason, costs=costs)


def _work(pipe: Connection, asked: Connection) -> None:
    """Run jobs until the parent closes the pipe or is gone. asked: Gets something when a trial has to stop."""
    _leave_terminal()
    ready = threading.Event()
    threading.Thread(target=_listen, args=(asked, ready), daemon=True).start()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import torch  # noqa: PLC0415

    torch.set_num_threads(1)
    with suppress(EOFError, KeyboardInterrupt, BrokenPipeError), interruptible():
        ready.set()
        while True:
            job: Job = pipe.recv()
            try:
                outcome = run_trial(job)
            except (KeyboardInterrupt, LockedError):
                outcome = Outcome(INTERRUPTED)
            except OSError as error:
                outcome = Outcome(LOST, str(error))
            except Exception as error:  # whatever a trial does, it is an outcome
                outcome = Outcome(FAILED, f"{type(error).__name__}: {error}"[:500])
            pipe.send(outcome)


def _leave_terminal() -> None:
    """Let Ctrl-C in a terminal reach the parent alone, which asks its workers to save: once."""
    if sys.platform == "win32":
        import ctypes  # noqa: PLC0415

        ctypes.windll.kernel32.SetConsoleCtrlHandler(None, True)
    else:
        os.setsid()


def _listen(asked: Connection, ready: threading.Event) -> None:
    """Pass on that a trial has to stop, as SIGTERM once the main thread is ready for it; end with the parent."""
    with suppress(EOFError, OSError):
        while True:
            asked.recv()
            ready.wait()
            _thread.interrupt_main(signal.SIGTERM)
    os._exit(1)

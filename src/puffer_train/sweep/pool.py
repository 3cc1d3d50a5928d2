"""Worker processes that keep torch loaded and run one trial after the other."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import TracebackType
from typing import Protocol

from puffer_train.errors import LockedError
from puffer_train.sweep.trial import FAILED, INTERRUPTED, LOST, Job, Outcome, run_trial
from puffer_train.system.signals import interruptible

ORPHAN_SECONDS = 1.0
"""How often a worker looks whether its parent is still there."""


class Worker:
    """One process."""

    def __init__(self) -> None:
        self.job: Job | None = None
        self.began = 0.0
        self.stopping = False
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=_work, args=(theirs, os.getpid()), daemon=True)
        self.process.start()
        theirs.close()

    def start(self, job: Job) -> None:
        """Begin a trial."""
        self.job, self.began = job, time.monotonic()
        self.pipe.send(job)

    def memory(self) -> int:
        """Return the bytes that it holds, 0 where the system does not tell."""
        with suppress(OSError, ValueError, IndexError):
            pages = int(Path(f"/proc/{self.process.pid}/statm").read_text("ascii").split()[1])
            return pages * os.sysconf("SC_PAGE_SIZE")
        return 0

    def end(self) -> None:
        """End it, whatever it does."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


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
        idle = next((worker for worker in self._workers if worker.job is None), None)
        if idle is None:
            idle = Worker()
            self._workers.append(idle)
        idle.start(job)

    def interrupt(self) -> None:
        """Ask all trials to save and stop, as Ctrl-C does."""
        for worker in self._workers:
            if worker.job is not None:
                worker.stopping = True
                worker.process.terminate()

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
        with suppress(EOFError, OSError):
            if worker.pipe.poll():
                outcome: Outcome = worker.pipe.recv()
                return outcome
        reason, took = "", time.monotonic() - worker.began
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
        return Outcome(FAILED, reason)


def _work(pipe: Connection, parent: int) -> None:
    """Run jobs until the parent closes the pipe or is gone."""
    if hasattr(os, "setsid"):
        os.setsid()  # Ctrl-C in a terminal reaches the parent alone, which asks its workers to save: once
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import torch  # noqa: PLC0415

    torch.set_num_threads(1)
    with suppress(EOFError, KeyboardInterrupt, BrokenPipeError), interruptible():
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


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(ORPHAN_SECONDS)
    os._exit(1)

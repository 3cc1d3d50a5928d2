"""Errors of worker processes."""

from __future__ import annotations


class WorkerError(RuntimeError):
    """A worker process died or raised. The vector is closed, and all other workers have ended."""

    def __init__(self, message: str, worker: int, pid: int) -> None:
        super().__init__(message, worker, pid)  # all three, so that it can be pickled
        self.worker = worker
        """Number of the worker, from 0."""
        self.pid = pid
        """Its process ID."""

    def __str__(self) -> str:
        return str(self.args[0])


class WorkerTimeoutError(WorkerError, TimeoutError):
    """A worker process did not answer in time. The vector is closed, and all workers have ended."""

"""What can go wrong with worker processes."""

from __future__ import annotations


class WorkerError(RuntimeError):
    """A worker process died or raised; the vector is closed, and all other workers are gone."""

    def __init__(self, message: str, worker: int, pid: int) -> None:
        super().__init__(message, worker, pid)  # all of them, so that it can be pickled
        self.worker = worker
        """Its number."""
        self.pid = pid
        """Its process."""

    def __str__(self) -> str:
        return str(self.args[0])


class WorkerTimeoutError(WorkerError, TimeoutError):
    """A worker process did not answer in time; the vector is closed, and all workers are gone."""

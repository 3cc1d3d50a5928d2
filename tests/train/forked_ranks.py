"""A program on several ranks, forked from a process that has imported what they need: imports take seconds.

Otherwise as torchrun does: if a rank fails, the others get a SIGTERM, and the status is 1.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import runpy
import signal
import socket
import subprocess
import sys
from pathlib import Path


def warm_context() -> multiprocessing.context.ForkServerContext:
    """What starts processes that have the trainer, and so torch, from their first moment."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["puffer_train.run.training"])
    return context


class Forked:
    """The program, started in a session of its own: what a test uses of a `Popen`."""

    def __init__(self, count: int, line: list[str], folder: Path, environment: dict[str, str]) -> None:
        self._process = warm_context().Process(target=supervise, args=(count, line, folder, environment))
        self._process.start()

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def wait(self, seconds: float) -> None:
        self._process.join(seconds)
        if self.returncode is None:
            raise subprocess.TimeoutExpired("the ranks", seconds)

    def terminate(self) -> None:
        self._process.terminate()


def supervise(count: int, line: list[str], folder: Path, environment: dict[str, str]) -> None:
    """Run the program; its output goes into the files `out` and `err` of the folder."""
    os.setsid()
    os.chdir(folder)
    os.environ.update(environment)
    for name, stream in (("out", sys.stdout), ("err", sys.stderr)):
        with (folder / name).open("w") as file:
            os.dup2(file.fileno(), stream.fileno())
    sys.exit(main(count, line))


def main(count: int, line: list[str]) -> int:
    """Run the program; return 0 if all ranks did."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    everyone = {"WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in everyone.items()})
    running, status = {start(rank, line) for rank in range(count)}, 0

    def stop(*_: object) -> None:
        for process in running:
            os.kill(process, signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)
    while running:
        process, how = os.wait()
        running.discard(process)
        if how != 0 and status == 0:
            status = 1
            stop()
    return status


def start(rank: int, line: list[str]) -> int:
    """Return the process of a rank, in which this function does not return."""
    process = os.fork()
    if process == 0:
        os.environ.update({"RANK": str(rank), "LOCAL_RANK": str(rank)})
        sys.argv = line
        try:
            runpy.run_path(line[0], run_name="__main__")
            sys.exit(0)
        finally:
            atexit._run_exitfuncs()  # which nobody else does in a process of multiprocessing
    return process

"""A program on several ranks, forked after the imports: forked_ranks.py RANKS PROGRAM ARGUMENT...

Imports take seconds of each rank. Otherwise as torchrun does: if a rank fails, the others get a SIGTERM, and the status
is 1.
"""

from __future__ import annotations

import os
import runpy
import signal
import socket
import sys

import runs  # noqa: F401 - it imports all that ranks need


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
        runpy.run_path(line[0], run_name="__main__")
        sys.exit(0)
    return process


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))

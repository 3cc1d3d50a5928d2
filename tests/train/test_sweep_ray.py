"""`puffer-sweep --ray`: a local cluster whose workers, driver and head are killed. Skipped where Ray is missing."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_sweep import SEARCH, SMALL, Told, job, sweep, trials, wait_for

from puffer_train.sweep.trial import Outcome

assert sweep  # the fixture

needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")
CLUSTER = ["--ray", "local", "--workers", "1"]
LINE = [sys.executable, "-m", "puffer_train.cli.sweep"]


def find(name: str, mark: Path) -> list[int]:
    """Processes whose command line holds `name` and that were started from the folder `mark`, by their PWD."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words, environment = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()
        except OSError:
            continue
        if name.encode() in words and f"PUFFER_MARK={mark}\0".encode() in environment:
            found.append(int(folder.name))
    return found


@pytest.fixture
def mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Marks the processes of a test, and ends those of Ray that it leaves."""
    monkeypatch.setenv("PUFFER_MARK", str(tmp_path))
    yield tmp_path
    for process in find("ray", tmp_path):
        if process != os.getpid():
            os.kill(process, signal.SIGKILL)


POOL = """
import pickle, sys
from pathlib import Path
from puffer_train.sweep.ray_pool import RayPool

def main():
    jobs, outcomes = pickle.loads(Path("jobs").read_bytes()), {}
    with RayPool("local", 2, max_seconds=20) as pool:
        while jobs or pool.running:
            while pool.free and jobs:
                pool.start(jobs.pop(0))
            for job, outcome in pool.collect(0.2):
                print(job.number, outcome.status, outcome.reason, flush=True)

if __name__ == "__main__":
    main()
"""

"""What the tests of vectors share: what is left behind by them, and workers that can import what the tests define."""

from __future__ import annotations

import contextlib
import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = str(Path(__file__).resolve().parents[2])
if ROOT not in sys.path:
    sys.path.append(ROOT)  # worker processes search where this one does: they find `tests.vector.unruly_envs` there

LINUX = sys.platform == "linux"


def children(parent: int | None = None) -> set[int]:
    """Process ids of the children of a process (this one), including dead ones not yet waited for."""
    parent = os.getpid() if parent is None else parent
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and process_stat(int(entry.name))[1:2] == [str(parent)]:
            found.add(int(entry.name))
    return found


def process_stat(pid: int) -> list[str]:
    """State, parent and so on of a process, as in /proc/PID/stat after the name; [] where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def is_alive(pid: int) -> bool:
    """Whether a process is there and not dead already."""
    return process_stat(pid)[:1] not in ([], ["Z"], ["X"])


def group_members(group: int) -> set[int]:
    """Living processes of a process group."""
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return {pid for pid in pids if is_alive(pid) and process_stat(pid)[2:3] == [str(group)]}


def cpu_seconds(pid: int) -> float:
    """User and system time of a process."""
    return sum(map(int, process_stat(pid)[11:13])) / os.sysconf("SC_CLK_TCK")


def resident_bytes() -> int:
    """Memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def wait_until(condition: Callable[[], Any], seconds: float) -> bool:
    """Whether it becomes true in that time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def belongings() -> dict[str, Any]:
    """What this process has, and must have back after a vector was closed."""
    gc.collect()
    descriptors = []
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # that of the listing itself
            descriptors.append(str(link.readlink()))
    return {
        "descriptors": sorted(name for name in descriptors if not name.startswith(f"/proc/{os.getpid()}/fd")),
        "children": children(),
        "threads": threading.active_count(),
        "shared memory": sorted(Path("/dev/shm").iterdir()),
    }


def lose_patience(env: Any, seconds: float) -> None:
    """Shorten the timeout of a vector that has started, which may take a while on a busy machine."""
    env._timeout = seconds
    for process in env._crew:
        process.timeout = seconds


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """The test leaves no descriptor, process, thread or shared memory behind."""
    if not LINUX:
        pytest.skip("looks into /proc")
    before = belongings()
    yield
    assert belongings() == before


@pytest.fixture
def run_script(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run Python source as a separate script, in its own process group, where the tests can be imported."""

    def run(source: str, *arguments: str, timeout: float = 60, **options: Any) -> subprocess.CompletedProcess[str]:
        path = tmp_path / "script.py"
        path.write_text(source)
        command = [sys.executable, *(arguments or (str(path),))]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([ROOT, os.environ.get("PYTHONPATH", "")])}
        return subprocess.run(
            command, capture_output=True, text=True, timeout=timeout, env=environment, cwd=tmp_path, **options
        )

    return run

"""`puffer-sweep --ray`: local clusters whose workers, driver and head are killed. Skipped where Ray is missing."""

from __future__ import annotations

import importlib.util
import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sweeps import SEARCH, SMALL, Told, job, trials, wait_for

from puffer_train.sweep.trial import Outcome

pytest.importorskip("optuna")

needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")

COMMAND = """
import sys
from puffer_train.cli.sweep import main
from puffer_train.sweep import ray_pool
if __name__ == "__main__":
    ray_pool.LOOK_SECONDS = ray_pool.GONE_SECONDS = 0.5
    sys.exit(main())
"""

POOL = """
import pickle
from pathlib import Path
from puffer_train.sweep.ray_pool import RayPool
if __name__ == "__main__":
    jobs = pickle.loads(Path("jobs").read_bytes())
    with RayPool("local", 2, max_seconds=300) as pool:
        while jobs or pool.running:
            while pool.free and jobs:
                pool.start(jobs.pop(0))
            for job, outcome in pool.collect(0.2):
                print(job.number, outcome.status, outcome.reason, flush=True)
"""


class Processes:
    """Those that a test starts, and all that these start: an environment variable marks them."""

    def __init__(self, mark: str) -> None:
        self._mark = f"PUFFER_TEST={mark}\0".encode()
        self._killed: list[int] = []

    def find(self, name: str) -> list[int]:
        """Return those whose command line holds `name`."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if (
                    name.encode() in (folder / "cmdline").read_bytes()
                    and self._mark in (folder / "environ").read_bytes()
                ):
                    found.append(int(folder.name))
        return found

    def kill(self, name: str) -> int:
        """Wait until there is one that was not killed before, and kill it; return its number."""

        def kill_new() -> bool:
            new = [process for process in self.find(name) if process not in self._killed]
            for process in new[:1]:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
                    self._killed.append(process)
            return bool(new)

        wait_for(kill_new)
        return self._killed[-1]


@pytest.fixture
def processes(sweep: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Processes]:
    monkeypatch.setenv("PUFFER_TEST", str(tmp_path))
    monkeypatch.setenv("RAY_TMPDIR", tempfile.gettempdir())  # its sockets' paths must be short
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    started = Processes(str(tmp_path))
    yield started
    for process in started.find("ray"):
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def ended(count: int, folder: str) -> Callable[[], bool]:
    """Return what tells whether so many trials have come back."""
    return lambda: len(list(Path(folder, "trials").glob("*/trial.json"))) >= count


def start(script: str, *words: str) -> subprocess.Popen[str]:
    line = [sys.executable, "-c", script, *words]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@needs_ray
@pytest.mark.slow
def test_workers_driver_and_head_are_killed_and_nothing_is_lost_or_repeated(sweep: Told, processes: Processes) -> None:
    new = ["cartpole", *SMALL, *SEARCH, "--run-dir"]
    count, cluster = ["--trials", "12"], ["--trials", "12", "--ray", "local", "--workers", "1"]
    assert sweep(*new, "whole", *count) == 0
    with start(COMMAND, *new, "killed", *cluster) as process:
        wait_for(ended(1, "killed"))
        worker = processes.kill("ray::Host.run")
        wait_for(ended(3, "killed"))
        assert worker not in processes.find("ray::Host")
        process.kill()
    before = {path: path.read_bytes() for path in Path("killed/trials").glob("*/trial.json")}
    wait_for(lambda: not processes.find("ray::Host"))
    with start(COMMAND, "--resume", "killed", *cluster) as process:
        wait_for(ended(len(before) + 1, "killed"))
        processes.kill("gcs_server")
        _, err = process.communicate(timeout=90)
    lines = [line for line in err.splitlines() if line.startswith("puffer-sweep: ")]
    assert process.returncode == 1 and "Traceback" not in err
    assert len(lines) == 1 and lines[0].endswith("is gone: resume the sweep when there is one again."), err
    assert not ended(12, "killed")()

    with start(COMMAND, "--resume", "killed", *cluster) as process:
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0 and "12 runs, 0 failed" in out, err
    assert trials("killed") == trials("whole")
    assert all(path.read_bytes() == content for path, content in before.items())
    for number in range(12):
        files = [{path.name for path in Path(f"{name}/trials/{number:06d}").iterdir()} for name in ("whole", "killed")]
        assert files[0] == files[1], "run folders come back whole"
        assert len(json.loads(Path(f"killed/trials/{number:06d}/config.json").read_text())["history"]) == 1


@needs_ray
@pytest.mark.slow
def test_trials_end_as_in_a_pool_and_a_deadly_one_is_given_up(processes: Processes, tmp_path: Path) -> None:
    hows = ["fine", "die", "raise", "hang"]
    Path("jobs").write_bytes(pickle.dumps([job(tmp_path, number, how) for number, how in enumerate(hows)]))
    with start(POOL) as process:
        assert process.stdout is not None
        first = sorted(process.stdout.readline().strip() for _ in range(3))
        for _ in range(3):
            processes.kill("ray::Host.run")
        out, err = process.communicate(timeout=90)
    assert process.returncode == 0, err
    assert first[:2] == ["0 ok", "1 failed its process ended with status 3"]
    assert first[2].startswith("2 failed") and "it does not like this" in first[2]
    assert "3 lost its worker died 3 times" in out.splitlines(), "among what Ray prints about the deaths"
    assert Outcome.read(tmp_path / "0") is not None and not list(tmp_path.glob("*/.lock"))


@needs_ray
@pytest.mark.slow
def test_ctrl_c_brings_what_is_saved_and_it_is_resumed(sweep: Told, processes: Processes, tmp_path: Path) -> None:
    words = [*SMALL, *SEARCH, "--search", "train.steps: log 400k to 500k", "--trials", "1", "--run-dir", "s"]
    with start(COMMAND, "cartpole", *words, "--ray", "local") as process:
        wait_for(lambda: any(tmp_path.glob("puffer-sweep-*/000000/metrics.jsonl")))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=90)
    assert process.returncode == 130 and "Stopped and saved." in out, err
    outcome = Outcome.read(Path("s/trials/000000"))
    assert outcome is not None and outcome.status == "interrupted"
    assert list(Path("s/trials/000000/checkpoints").glob("step_*"))
    assert not list(tmp_path.glob("puffer-sweep-*"))
    assert sweep("--resume", "s", "--trials", "1", "--workers", "1") == 0
    assert len(json.loads(Path("s/trials/000000/config.json").read_text())["history"]) == 2


@needs_ray
@pytest.mark.slow
def test_a_machine_with_other_code_is_refused(sweep: Told, processes: Processes) -> None:
    other = COMMAND.replace("    sys.exit", '    ray_pool.package_hash = lambda: "other"\n    sys.exit')
    with start(other, "cartpole", *SMALL, *SEARCH, "--trials", "1", "--run-dir", "s", "--ray", "local") as process:
        _, err = process.communicate(timeout=90)
    assert process.returncode == 1
    assert f"{socket.gethostname()} of the Ray cluster has another version of this package: install" in err


@needs_ray
@pytest.mark.parametrize("address", ["auto", "nowhere", "localhost:1", "ray://localhost:1"])
def test_an_address_without_a_cluster_is_refused(sweep: Told, address: str) -> None:
    assert sweep("cartpole", "--ray", address, "--run-dir", "s") == 2
    assert f"--ray is '{address}', where no Ray cluster answers: it must be local, auto" in sweep.err
    assert sweep.err.count("\n") == 1 and not Path("s").exists()


def test_without_ray_it_says_what_to_install(tmp_path: Path) -> None:
    source = "import sys; sys.modules['ray'] = None; from puffer_train.cli.sweep import main; sys.exit(main())"
    words = [sys.executable, "-c", source, "cartpole", "--ray", "auto"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert 'pip install "puffer-envs[ray]"' in done.stderr and done.stderr.count("\n") == 1

"""What Windows refuses, refused here: replacing, renaming and removing what is open, syncing what cannot be written."""

from __future__ import annotations

import errno
import fcntl
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sweeps import job, wait_for

import puffer_commands
from puffer_envs.contract import files
from puffer_train import train
from puffer_train.report.metrics import MetricsFile
from puffer_train.report.terminal import LastingOutput
from puffer_train.storage.archive import archive_run, restore_run
from puffer_train.storage.folder import read_metrics
from puffer_train.storage.lock import PRESENT, Presence
from puffer_train.sweep import pool
from puffer_train.sweep.pool import Pool

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc; Windows itself is no imitation")


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files as Windows has them."""
    monkeypatch.setattr(files, "WINDOWS", True)
    monkeypatch.setattr(files, "LOOKS", 3)
    for name in ("replace", "rename", "unlink", "rmdir"):
        monkeypatch.setattr(os, name, refusing_open_files(getattr(os, name)))
    sync = os.fsync

    def sync_written(descriptor: int) -> None:
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", sync_written)


def refusing_open_files(function: Callable[..., None]) -> Callable[..., None]:
    """A function of paths that fails where this process has one of them open, or a file in it."""

    def call(*paths: Any, **keywords: Any) -> None:
        mine = [os.path.realpath(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd")]  # noqa: PTH208
        for path in paths if "dir_fd" not in keywords else ():
            whole = os.path.realpath(path)
            if any(other == whole or other.startswith(f"{whole}/") for other in mine):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        function(*paths, **keywords)

    return call


def test_the_imitation_refuses(windows: None, tmp_path: Path) -> None:
    path = tmp_path / "open"
    with path.open("wb"), pytest.raises(PermissionError):
        path.unlink()
    with path.open("rb"), pytest.raises(PermissionError):
        files.write_atomically(path, b"new")
    with path.open("rb") as file, pytest.raises(OSError, match="Bad file descriptor"):
        os.fsync(file.fileno())
    files.write_atomically(path, b"new")
    assert path.read_bytes() == b"new"


def test_a_file_is_replaced_once_its_reader_has_closed_it(
    windows: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, waits = tmp_path / "read", []
    path.write_bytes(b"old")
    reader = path.open("rb")

    def read_on(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            reader.close()

    monkeypatch.setattr("time.sleep", read_on)
    files.write_atomically(path, b"new")
    assert path.read_bytes() == b"new" and len(waits) == 2


def test_a_run_is_trained_resumed_archived_and_restored(windows: None, tmp_path: Path) -> None:
    words = {"num_envs": 16, "horizon": 8, "minibatch": 64, "eval_episodes": 8, "checkpoint_interval": 1}
    settings: dict[str, Any] = {"train": {**words, "steps": 2048}, "policy": {"hidden": 16, "layers": 1}}
    folder = tmp_path / "run"
    train("squared", settings=settings, folder=folder, threads=1, video=False, quiet=True)
    train("squared", resume=folder, settings={"train": {"steps": 4096}}, threads=1, video=False, quiet=True)
    lines = (folder / "metrics.jsonl").read_bytes()
    archive = archive_run(folder)
    assert not folder.exists()
    assert restore_run(archive) == folder and not archive.exists()
    assert (folder / "metrics.jsonl").read_bytes() == lines
    assert not list(tmp_path.rglob("*.tmp")), "nothing half done stays"


def test_metrics_are_cut_and_thinned(windows: None, tmp_path: Path) -> None:
    with MetricsFile(tmp_path / "metrics.jsonl", max_bytes=5_000) as file:
        for n in range(400):
            file.write(n, {"loss": 0.5})
        assert (tmp_path / "metrics.jsonl").stat().st_size <= 5_000
        file.cut(390)
        file.write(391, {"loss": 0.5})
    assert list(read_metrics(tmp_path)["steps"][-2:]) == [390, 391]


def test_no_sign_of_life_stays_behind(windows: None, tmp_path: Path) -> None:
    presence = Presence(tmp_path)
    presence.end()
    assert not list(tmp_path.glob(f"{PRESENT}*"))


# --- signals ---


@pytest.mark.usefixtures("sweep_folder")
@pytest.mark.parametrize("moment", ["while torch is loaded", "while it trains"])
def test_a_trial_that_no_signal_reaches_is_asked_to_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    monkeypatch.setattr(pool, "SIGNALS", False)
    with Pool(1, max_seconds=60) as workers:
        workers.start(job(tmp_path, 0, "hang"))
        if moment == "while it trains":
            wait_for((tmp_path / "0/config.json").exists)
        workers.interrupt()
        outcomes = []
        while workers.running:
            outcomes += [outcome.status for _, outcome in workers.collect(0.1)]
    assert outcomes == ["interrupted"]


# --- consoles ---


def test_what_the_code_page_lacks_is_a_question_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    output = LastingOutput(io.TextIOWrapper(written, "cp1252", newline=""))
    assert output.write("Łódź − 5 µs\n") == 12
    output.flush()
    assert written.getvalue().decode("cp1252") == "?ód? ? 5 µs\n"

    printed = io.BytesIO()
    with monkeypatch.context() as patch, io.TextIOWrapper(printed, "cp437") as stdout:
        patch.setattr(sys, "stdout", stdout)
        patch.setattr("puffer_envs.cli.main", lambda: print("−1 ★") or 0)
        assert puffer_commands.envs() == 0
        stdout.flush()
        assert printed.getvalue() == b"?1 ?\n"

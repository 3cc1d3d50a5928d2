"""Disks that are full, read-only or broken under a run: nothing earlier is lost, and the messages are clear."""

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from failing_disk import FailingDisk
from runs import SMALL, Shell, before_iteration, metrics, newest, saved_steps, signalled

BATCH = 16 * 8
RUN = ["cartpole", *SMALL, "--steps", str(9 * BATCH), "--train.checkpoint-interval", str(3 * BATCH)]
needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks descriptors up in /proc")


@contextmanager
def broken_between(folder: Path, first: int, last: int, error: int = errno.ENOSPC) -> Iterator[None]:
    """A disk that refuses everything from the first to the last of these iterations."""
    disk = FailingDisk(folder)

    def switch(on: bool) -> None:
        disk.fail(0 if on else -1, error, 1 << 30 if on else -1)

    with (
        disk.mounted(),
        before_iteration(first, lambda _: switch(True)),
        before_iteration(last, lambda _: switch(False)),
    ):
        yield


@needs_proc
def test_a_checkpoint_that_cannot_be_written_costs_no_training(shell: Shell) -> None:
    folder = shell.folder / "run"
    with broken_between(folder / "checkpoints", 3, 5):
        done = shell.train(*RUN, "--run-dir", folder)
    assert done.status == 0, done.err
    wanted = f"WARNING: cannot write a checkpoint to {folder}/checkpoints: No space left on device. Training continues"
    assert done.out.count(wanted) == 1
    assert saved_steps(folder) == [6 * BATCH, 9 * BATCH], "the next one was written"
    assert len(metrics(folder)) == 9


@needs_proc
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_an_end_that_cannot_be_saved(shell: Shell, error: int) -> None:
    """What is earlier stays, what fits is left, the status is 1, and the printed command resumes from there."""
    folder, whole = shell.folder / "run", shell.folder / "whole"
    with broken_between(folder / "checkpoints", 5, 99, error):
        done = shell.train(*RUN, "--run-dir", folder)
    assert done.status == 1
    assert done.err.count("\n") == 1
    reason = f"cannot write a checkpoint to {folder}/checkpoints: {os.strerror(error)}."
    policy = f"The policy is in {folder}/policy.safetensors."
    assert done.err.startswith(f"puffer-train: {reason} {policy} Resume from step_{3 * BATCH:015d} with: puffer-train ")
    assert saved_steps(folder) == [3 * BATCH]

    assert shell.train(*RUN, "--run-dir", whole).status == 0
    exported = (whole / "policy.safetensors").read_bytes()
    assert (folder / "policy.safetensors").read_bytes() == exported, "of the end of the run"
    again = shell.typed(done.resume_command)
    assert again.status == 0, again.err
    assert newest(folder).manifest["counters"] == newest(whole).manifest["counters"]
    assert metrics(folder) == metrics(whole)


@needs_proc
def test_a_stop_that_cannot_be_saved_does_not_claim_it(shell: Shell) -> None:
    folder = shell.folder / "run"
    with broken_between(folder / "checkpoints", 5, 99), signalled(8):
        done = shell.train(*RUN, "--run-dir", folder)
    assert done.status == 1
    assert "and saved" not in done.all
    assert f"Resume from step_{3 * BATCH:015d} with: puffer-train " in done.err


@needs_proc
def test_a_disk_that_refuses_everything_to_the_end(shell: Shell) -> None:
    folder = shell.folder / "run"
    with broken_between(folder, 2, 99):
        done = shell.train(*RUN, "--run-dir", folder)
    assert done.status == 1
    assert done.err.count("\n") == 1
    assert done.err.endswith("No space left on device. Nothing was saved before.\n")
    assert saved_steps(folder) == []


@needs_proc
def test_metrics_that_cannot_be_written_cost_no_training(shell: Shell) -> None:
    folder = shell.folder / "run"
    with broken_between(folder / "metrics.jsonl", 3, 5):
        done = shell.train(*RUN, "--run-dir", folder)
    assert done.status == 0, done.err
    assert done.out.count("metrics.jsonl: ") == 1
    assert "No space left on device" in done.out
    assert saved_steps(folder)[-1] == 9 * BATCH
    assert [line["steps"] for line in metrics(folder)][:2] == [BATCH, 2 * BATCH]


@needs_proc
@pytest.mark.parametrize("error", [errno.ENOSPC, pytest.param(errno.EIO, marks=pytest.mark.slow)])
def test_every_call_of_a_run_may_fail(shell: Shell, error: int) -> None:
    """Whichever call fails: no traceback, no damaged checkpoint, and if one is left the run can resume."""
    number, short = 0, [*RUN[:-4], "--steps", str(3 * BATCH), "--train.checkpoint-interval", str(2 * BATCH)]
    while True:
        folder = shell.folder / f"run {number}"
        disk = FailingDisk(folder)
        disk.fail(number, error)
        with disk.mounted():
            done = shell.train(*short, "--run-dir", folder)
        if len(disk.calls) <= number:
            assert done.status == 0
            break
        assert done.status in (0, 1)
        assert os.strerror(error) in done.all or done.status == 0
        assert (done.status == 0) == (done.err == "")
        assert done.err.count("\n") <= 1
        if folder.exists() and saved_steps(folder):
            again = shell.train("--resume", folder, "--no-video", "--threads", "1")
            assert again.status == 0, again.err
            assert saved_steps(folder)[-1] == 3 * BATCH
        number += 1
    assert number > 40, "that many calls were refused in turn"


# --- the real thing ---


def mount(*arguments: str | Path) -> bool:
    return (
        shutil.which("mount") is not None and not subprocess.run(["mount", *arguments], capture_output=True).returncode
    )


@pytest.fixture
def disk(shell: Shell) -> Iterator[Path]:
    """A file system of half a megabyte."""
    folder = shell.folder / "disk"
    folder.mkdir()
    if not mount("-t", "tmpfs", "-o", "size=512k", "tmpfs", folder):
        pytest.skip("may not mount")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_fills_up_and_is_freed(shell: Shell, disk: Path) -> None:
    folder, whole = disk / "run", shell.folder / "whole"
    fill = disk / "filling"

    def leave(size: int) -> None:
        with fill.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
            while True:
                file.write(bytes(4096))
        os.truncate(fill, fill.stat().st_size - size)

    with before_iteration(5, lambda _: leave(4096)):
        done = shell.train(*RUN, "--run-dir", folder)
    assert done.status == 1
    assert done.err.count("\n") == 1
    assert "No space left on device" in done.err
    assert saved_steps(folder) == [3 * BATCH]
    fill.unlink()
    assert shell.typed(done.resume_command).status == 0
    assert shell.train(*RUN, "--run-dir", whole).status == 0
    assert metrics(folder) == metrics(whole)
    assert (folder / "policy.safetensors").read_bytes() == (whole / "policy.safetensors").read_bytes()


def test_a_read_only_disk(shell: Shell, disk: Path) -> None:
    folder = disk / "run"
    with signalled(4):
        stopped = shell.train(*RUN, "--run-dir", folder)
    assert mount("-o", "remount,ro", disk)
    for refused in (shell.typed(stopped.resume_command), shell.train(*RUN, "--run-dir", disk / "another")):
        assert refused.status == 1
        assert refused.err.count("\n") == 1
        assert refused.err.startswith("puffer-train: cannot write to the run folder ")
        assert refused.err.endswith("Read-only file system.\n")
    assert mount("-o", "remount,rw", disk)
    assert shell.typed(stopped.resume_command).status == 0


# --- output that nobody takes ---


def test_output_on_a_full_disk(shell: Shell) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            shell.line(*RUN, "--run-dir", "run"), stdout=full, stderr=subprocess.PIPE, text=True, cwd=shell.folder
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert (shell.folder / "run" / "policy.safetensors").exists()


def test_output_into_a_pipe_that_is_closed(shell: Shell) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        shell.line(*RUN, "--run-dir", "run"), stdout=write, stderr=subprocess.PIPE, text=True, cwd=shell.folder
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")
    assert (shell.folder / "run" / "policy.safetensors").exists()


def test_nothing_is_left_that_was_only_on_its_way(shell: Shell) -> None:
    folder = shell.folder / "run"
    assert shell.train(*RUN, "--run-dir", folder).status == 0
    assert not [path for path in folder.rglob("*") if path.name.startswith(".")]

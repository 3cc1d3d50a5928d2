"""Whose folder a run's is, what fits into it, and being asked to leave it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tiny_environments as tiny
from gymnasium.spaces import Box, Discrete
from runs import HERE, SMALL, Done, Shell, before_iteration, metrics, saved_steps, signalled

from puffer_envs.contract import files
from puffer_train.errors import LockedError, StorageError
from puffer_train.run import finish, restoring
from puffer_train.storage import checkpoint
from puffer_train.storage.lock import LOCK, FolderLock
from puffer_train.system.signals import stop_requests

BATCH = 16 * 8
RUN = [*SMALL, "--steps", str(9 * BATCH), "--train.checkpoint-interval", str(3 * BATCH)]
HERE_NOW = f"process {os.getpid()} on {socket.gethostname()}"


def assert_refused(done: Done, *parts: str, status: int = 2) -> None:
    assert done.status == status, done.all
    assert done.err.count("\n") == 1, "one sentence or two, on one line"
    for part in parts:
        assert part in done.err


# --- one at a time ---


@contextmanager
def holder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the lock."""
    line = [sys.executable, str(HERE / "hold_lock.py"), str(folder)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        try:
            yield process
        finally:
            process.kill()


def test_the_second_is_refused_and_told_who_is_first(shell: Shell) -> None:
    folder = shell.folder / "run"
    with signalled(4):
        stopped = shell.train("cartpole", *RUN, "--run-dir", folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with holder(folder) as process:
        whose = f"{folder} is in use by process {process.pid} on {socket.gethostname()}: wait for it, stop it, or"
        assert_refused(shell.typed(stopped.resume_command), whose)
        assert_refused(shell.train("cartpole", *RUN, "--run-dir", folder), whose)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert (folder / LOCK).exists(), "left behind, and in nobody's way"
    assert {path: path.read_bytes() for path in before} == before
    assert shell.typed(stopped.resume_command).status == 0
    assert not (folder / LOCK).exists()


def test_a_run_holds_the_lock_from_beginning_to_end(shell: Shell) -> None:
    folder = shell.folder / "run"
    tried: list[str] = []

    def try_to_lock(_: object) -> None:
        with pytest.raises(LockedError) as refused, FolderLock(folder):
            pass
        tried.append(str(refused.value))

    with before_iteration(1, try_to_lock), before_iteration(9, try_to_lock):
        assert shell.train("cartpole", *RUN, "--run-dir", folder).status == 0
    assert len(tried) == 2
    assert all(HERE_NOW in line for line in tried)


def test_a_lock_that_says_nothing_is_one_all_the_same(tmp_path: Path) -> None:
    for text in ("", "{", "[]", '{"pid": "x"}', '{"pid": 1}'):
        with FolderLock(tmp_path):
            (tmp_path / LOCK).write_text(text)
            with pytest.raises(LockedError, match="in use by another process"), FolderLock(tmp_path):
                pass
    with FolderLock(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="moves a folder with an open file")
def test_a_moved_folder_leaves_alone_the_lock_in_its_old_place(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    with FolderLock(folder):
        folder.rename(tmp_path / "moved")
        folder.mkdir()
        other = FolderLock(folder)
        other.__enter__()
    assert (folder / LOCK).exists()
    other.__exit__(None, None, None)
    assert not (folder / LOCK).exists()


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"cannot write to the run folder .*: No such file or directory\."):
        FolderLock(tmp_path / "none").__enter__()


def test_only_one_of_many_gets_in(tmp_path: Path) -> None:
    """Twenty threads take turns two hundred times: never two at once, although each one removes the file."""
    inside, most, turns, deadline = [0], [0], [0], time.monotonic() + 60

    def work() -> None:
        while turns[0] < 200 and time.monotonic() < deadline:
            try:
                with FolderLock(tmp_path):
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                    time.sleep(0.0002)
                    inside[0] -= 1
                    turns[0] += 1
            except LockedError:
                time.sleep(0)

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert turns[0] >= 200
    assert most[0] == 1


def test_two_runs_that_begin_in_the_same_second(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "strftime", lambda *_: "20260101-000000")
    for number in (1, 2, 3):
        assert shell.train("cartpole", *RUN).status == 0
        assert len(list((shell.folder / "runs").iterdir())) == number


# --- a folder for a new run ---


def test_a_folder_with_something_in_it_is_refused(shell: Shell) -> None:
    folder = shell.folder / "mine"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    done = shell.train("cartpole", *RUN, "--run-dir", folder)
    assert_refused(done, f"{folder} is not empty: choose a new folder for --run-dir, or empty this one.")
    assert [path.name for path in folder.iterdir()] == ["thesis.txt"]


def test_an_empty_folder_will_do(shell: Shell) -> None:
    folder = shell.folder / "deep" / "down"
    folder.mkdir(parents=True)
    assert shell.train("cartpole", *RUN, "--run-dir", folder).status == 0


@pytest.mark.parametrize("name", ["file", "file/run", "x" * 300])
def test_a_folder_that_cannot_be_made(shell: Shell, name: str) -> None:
    (shell.folder / "file").touch()
    assert_refused(shell.train("cartpole", *RUN, "--run-dir", name), "cannot write to the run folder", name, status=1)


@pytest.mark.parametrize("name", ["file", "none", "x" * 300, "empty"])
def test_a_folder_that_is_no_run(shell: Shell, name: str) -> None:
    (shell.folder / "file").touch()
    (shell.folder / "empty").mkdir()
    done = shell.train("--resume", name)
    assert done.status in (1, 2)
    assert done.err.count("\n") == 1
    assert name in done.err
    assert not list((shell.folder / "empty").iterdir())


# --- what must fit ---


class Versioned(tiny.CartPole):
    """An environment that has a version and says what its settings are."""

    version = 1
    default = 0.5

    def __init__(self, num_envs: int = 1, seed: int = 0, length: float | None = None) -> None:
        super().__init__(num_envs, seed, self.default if length is None else length)
        self.spec = SimpleNamespace(version=self.version)
        self.settings = {"length": self.length}


class Nearsighted(Versioned):
    def __init__(self, num_envs: int = 1, seed: int = 0) -> None:
        super().__init__(num_envs, seed)
        self.single_observation_space = Box(-1, 1, (4,), np.float32)


class ThreeWays(Versioned):
    def __init__(self, num_envs: int = 1, seed: int = 0) -> None:
        super().__init__(num_envs, seed)
        self.single_action_space = Discrete(3)


class Bytes(Versioned):
    def __init__(self, num_envs: int = 1, seed: int = 0) -> None:
        super().__init__(num_envs, seed)
        self.single_observation_space = Box(0, 255, (4,), np.uint8)
        self.observations, self.final_observations = (np.zeros((num_envs, 4), np.uint8) for _ in range(2))

    def observe(self, out: Any) -> None:
        out[:] = 0


@pytest.fixture
def stopped(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Done:
    """A run of `tiny_environments:Versioned`, stopped in the middle."""
    monkeypatch.setattr(tiny, "Versioned", Versioned, raising=False)
    with signalled(4):
        done = shell.train("tiny_environments:Versioned", *RUN, "--run-dir", shell.folder / "run")
    assert done.status == 130
    return done


def become(kind: type, **attributes: Any) -> Callable[[pytest.MonkeyPatch], None]:
    def change(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(tiny, "Versioned", type("Versioned", (kind,), attributes))

    return change


@pytest.mark.parametrize(
    ("change", "more", "difference"),
    [
        (become(Versioned, version=2), [], "its environment version is 1, here it is 2"),
        (become(Versioned, default=0.7), [], "its setting env.length is 0.5, here it is 0.7. Give --env.length to"),
        (become(ThreeWays), [], "its action sizes is [2], here it is [3]"),
        (become(Bytes), [], "its observation dtype is 'float32', here it is 'uint8'"),
        (become(Versioned), ["--policy.hidden", "16"], "its hidden is 8, here it is 16"),
        (become(Versioned), ["--policy.layers", "3"], "its layers is 1, here it is 3"),
        (become(Versioned), ["--train.normalize-rewards", "true"], "it has no tensor 'rewards.moments'"),
    ],
)
def test_what_differs_is_named(
    shell: Shell,
    stopped: Done,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[pytest.MonkeyPatch], None],
    more: list[str],
    difference: str,
) -> None:
    change(monkeypatch)
    before = {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()}
    assert_refused(shell.typed(stopped.resume_command, *more), f"step_{4 * BATCH:015d} does not fit: ", difference)
    assert {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()} == before


def test_a_setting_that_is_given_again_may_differ(shell: Shell, stopped: Done) -> None:
    done = shell.typed(stopped.resume_command, "--env.length", "0.7")
    assert done.status == 0, done.err
    assert len(metrics(Path("run"))) == 9


def test_checkpoints_of_another_run_are_refused(shell: Shell) -> None:
    """Copied by hand from a run with another seed."""
    for name, seed in (("mine", "1"), ("other", "2")):
        assert shell.train("cartpole", *RUN, "--run-dir", name, "--seed", seed).status == 0
    (checkpoint.list_checkpoints(Path("other/checkpoints"))[-1]).rename(f"mine/checkpoints/step_{1 << 40:015d}")
    done = shell.train("--resume", "mine", "--steps", "1e5")
    assert_refused(done, "does not fit: its seed is 2, here it is 1")


def test_another_name_is_refused(shell: Shell, stopped: Done) -> None:
    assert_refused(shell.train("cartpole", "--resume", "run"), "run was trained in 'tiny_environments:Versioned', not")
    # a file alone does not say which code to run
    assert_refused(
        shell.train("--resume", "run"), "run is for 'tiny_environments:Versioned', which runs code: give that"
    )


def test_other_versions_of_libraries_are_mentioned(
    shell: Shell, stopped: Done, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = restoring.versions()
    monkeypatch.setattr(restoring, "versions", lambda: mine | {"torch": "9.9"})
    done = shell.typed(stopped.resume_command)
    assert done.status == 0
    said = f"Saved with torch {mine['torch']}, this is 9.9: the numbers may come out differently.\n"
    assert done.out.count(said) == 1
    assert done.out.count(", this is ") == 1


# --- moved or removed meanwhile ---


def test_a_folder_that_is_moved_while_it_trains(shell: Shell) -> None:
    whole = shell.train("cartpole", *RUN, "--run-dir", "whole")
    assert whole.status == 0, whole.all
    with before_iteration(5, lambda _: Path("run").rename("moved")):
        done = shell.train("cartpole", *RUN, "--run-dir", "run")
    moved = shell.folder / "moved"
    assert_refused(done, f"the run folder run was moved to {moved}", f"puffer-train --resume {moved}", status=1)
    assert not Path("run").exists()
    assert saved_steps(moved) == [3 * BATCH, 5 * BATCH]
    again = shell.train("--resume", "moved")
    assert again.status == 0, again.all
    assert Path("moved/policy.safetensors").read_bytes() == Path("whole/policy.safetensors").read_bytes()


def test_a_folder_that_is_removed_while_it_trains(shell: Shell) -> None:
    with before_iteration(5, lambda _: shutil.rmtree("run")):
        done = shell.train("cartpole", *RUN, "--run-dir", "run")
    assert_refused(done, "the run folder run was moved or removed while it was in use", status=1)
    assert not Path("run").exists()


# --- being asked to leave ---

SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]


@pytest.mark.parametrize(("number", "status"), [*SIGNALS, (signal.SIGXCPU, 152)])
def test_a_signal_saves_and_leaves(shell: Shell, number: signal.Signals, status: int) -> None:
    handlers = [signal.getsignal(each) for each, _ in SIGNALS]
    with signalled(5, number):
        done = shell.train("cartpole", *RUN, "--run-dir", "run")
    assert done.status == status
    assert "Stopped at 640 steps and saved. Resume with:\n" in done.out
    assert saved_steps(Path("run")) == [3 * BATCH, 5 * BATCH]
    assert [signal.getsignal(each) for each, _ in SIGNALS] == handlers
    assert shell.typed(done.resume_command).status == 0


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("second", "status"), SIGNALS)
def test_a_second_signal_exits_immediately(
    shell: Shell, first: signal.Signals, second: signal.Signals, status: int
) -> None:
    def both(_: object) -> None:
        os.kill(os.getpid(), first)
        os.kill(os.getpid(), second)

    with before_iteration(5, both):
        done = shell.train("cartpole", *RUN, "--run-dir", "run")
    assert done.status == status
    assert saved_steps(Path("run")) == [3 * BATCH], "what was saved before is there, and nothing else"
    assert f"Exited immediately. Resume from step_{3 * BATCH:015d} with: puffer-train " in done.out
    assert len(metrics(Path("run"))) == 4
    assert shell.typed(done.resume_command).status == 0


def test_the_limit_of_processor_seconds_is_named_again_and_again(shell: Shell) -> None:
    """The system sends SIGXCPU every second until the hard limit: there must be time to save."""

    def twice(_: object) -> None:
        os.kill(os.getpid(), signal.SIGXCPU)
        os.kill(os.getpid(), signal.SIGXCPU)

    with before_iteration(5, twice):
        done = shell.train("cartpole", *RUN, "--run-dir", "run")
    assert done.status == 152
    assert saved_steps(Path("run")) == [3 * BATCH, 5 * BATCH]


def test_a_second_signal_in_the_middle_of_saving(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(path: Path, data: bytes) -> None:
        if "iteration 8" in marks:
            os.kill(os.getpid(), signal.SIGINT)
        files.write_durable(path, data)

    marks: list[str] = []
    monkeypatch.setattr(checkpoint, "write_durable", interrupted)
    with before_iteration(8, lambda _: marks.append("iteration 8")), signalled(8):
        done = shell.train("cartpole", *RUN, "--run-dir", "run")
    assert done.status == 130
    assert saved_steps(Path("run")) == [3 * BATCH, 6 * BATCH]
    marks.clear()
    assert shell.typed(done.resume_command).status == 0
    assert not list(Path("run/checkpoints").glob(".*")), "what was begun is cleared away"


def test_a_signal_before_training(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(tiny.CartPole):
        def __init__(self, num_envs: int = 1, seed: int = 0) -> None:
            super().__init__(num_envs, seed)
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(tiny, "Slow", Slow, raising=False)
    done = shell.train("tiny_environments:Slow", *RUN, "--run-dir", "run")
    assert (done.status, done.err) == (143, "\npuffer-train: interrupted\n")
    assert not Path("run").exists()


def test_a_signal_while_the_policy_is_judged(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finish, "_evaluate", lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    done = shell.train("cartpole", *RUN, "--run-dir", "run")
    assert done.status == 143
    assert "Interrupted; the policy and everything before it are in run." in done.out
    assert Path("run/policy.safetensors").exists()
    assert not Path("run", LOCK).exists()


def test_what_nohup_ignores_stays_ignored(shell: Shell) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signalled(5, signal.SIGHUP):
            assert shell.train("cartpole", *RUN, "--run-dir", "run").status == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_outside_the_main_thread_signals_are_left_alone() -> None:
    seen: list[list[int]] = []

    def work() -> None:
        with stop_requests() as stop:
            seen.append(stop)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [[]]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143)])
def test_a_process_that_a_cluster_ends(shell: Shell, number: signal.Signals, status: int) -> None:
    line = shell.line("cartpole", *SMALL, "--steps", "1e8", "--run-dir", "run")
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        wait_for(lambda: Path("run/metrics.jsonl").exists() and len(metrics_so_far()) > 3)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (status, "")
    assert saved_steps(Path("run")) == [metrics(Path("run"))[-1]["steps"]]
    assert "Resume with:\n  puffer-train --resume run --threads 1 --no-video\n" in out


def test_a_terminal_that_is_closed(shell: Shell) -> None:
    """Its end is both a SIGHUP and an output that fails: the run still saves."""
    controller, terminal = os.openpty()
    name = os.ttyname(terminal)
    command = 'exec <"$0" >"$0" 2>&1; exec "$@"'  # opening it makes it the terminal of the new session
    line = ["sh", "-c", command, name, *shell.line("cartpole", *SMALL, "--steps", "1e8", "--run-dir", "run")]
    with subprocess.Popen(line, start_new_session=True) as process:
        reader = threading.Thread(target=read_all, args=(controller, closing := threading.Event()))
        reader.start()
        wait_for(lambda: Path("run/metrics.jsonl").exists() and len(metrics_so_far()) > 3)
        closing.set()
        os.close(terminal)
        reader.join()
        assert process.wait(timeout=60) == 129
    assert saved_steps(Path("run")) == [metrics(Path("run"))[-1]["steps"]]


def read_all(controller: int, until: threading.Event) -> None:
    """Be the window of a terminal until told to close it."""
    os.set_blocking(controller, False)
    while not until.is_set():
        try:
            os.read(controller, 65536)
        except BlockingIOError:
            time.sleep(0.01)
    os.close(controller)


def metrics_so_far() -> list[str]:
    return Path("run/metrics.jsonl").read_text().splitlines()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)

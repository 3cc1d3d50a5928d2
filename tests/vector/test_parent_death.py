"""Parents that die, or exit without closing: no worker outlives them by 2 seconds, and nothing stays in /dev/shm."""

from __future__ import annotations

import contextlib
import functools
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import LINUX, ROOT, is_alive, wait_until

pytestmark = [pytest.mark.skipif(not LINUX, reason="looks into /proc"), pytest.mark.alone]

MARK = "PUFFER_TEST_MARK"

# The suite itself may run in the background of a shell, where Ctrl-C is ignored, and so would be by what it starts.
START = """
import functools, os, signal, sys, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from puffer_envs import vector
from tests.vector.conftest import lose_patience
from tests.vector.unruly_envs import Trouble, Walks
def make(kind=None, where="step", **options):
    trouble = kind and Trouble(kind, where, env=1)
    return vector.make(functools.partial(Walks, trouble=trouble), 3, backend="processes", workers=3, **options)
def say(word):
    print(word, flush=True)
"""

DOING = {
    "idle": "env = make(); env.reset(); say('ready'); time.sleep(3600)",
    "busy": "env = make(); env.reset(); say('ready')\nwhile True: env.step([0] * 3)",
    "resetting": "env = make(); say('ready')\nwhile True: env.reset()",
    "sending": "env = make(); say('ready')\nwhile True: env.set('table', __import__('numpy').ones(10**6))",
    "starting": "say('ready')\nwhile True: make().close()",
    "stuck in Python": "env = make('loop'); env.reset(); say('ready'); env.step([0] * 3)",
    "stuck in C": "env = make('regex'); env.reset(); say('ready'); env.step([0] * 3)",
    "asleep": "env = make('sleep'); env.reset(); say('ready'); env.step([0] * 3)",
    "stopped": "env = make('stop'); env.reset(); say('ready'); env.step([0] * 3)",
    "constructing": "say('ready'); make('regex', '__init__')",
    "with a program of its own": "env = make('spawn'); env.reset(); env.step([0] * 3); say('ready'); time.sleep(3600)",
    # The child has the ends of all sockets and lifelines; it is not a part of this process group and lives on.
    "outlived by a fork": "env = make(); env.reset()\nif os.fork() == 0: os.setsid(); time.sleep(6); os._exit(0)\n"
    "say('ready'); time.sleep(3600)",
}


def marked(mark: str) -> dict[int, str]:
    """Living processes that were started with this mark in their environment, and their command lines."""
    found = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and f"{MARK}={mark}".encode() in (entry / "environ").read_bytes():
                found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    return {pid: command for pid, command in found.items() if is_alive(pid)}


def nothing_marked(mark: str) -> bool:
    return not marked(mark)


class Parent:
    """A Python process that runs such a script, in its own session."""

    def __init__(self, source: str) -> None:
        self.mark = uuid.uuid4().hex
        self.process = subprocess.Popen(
            [sys.executable, "-c", START + source],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, MARK: self.mark, "PYTHONPATH": ROOT},
        )

    def wait_for(self, word: str) -> None:
        assert self.process.stdout
        assert self.process.stdout.readline().strip() == word, self.process.communicate()[1]

    def workers(self) -> set[int]:
        return {pid for pid, command in marked(self.mark).items() if "vector.worker" in command}

    def end(self) -> None:
        for pid in marked(self.mark):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.communicate()


@pytest.fixture
def parents() -> Iterator[Any]:
    """Starts parents, and ends whatever is left of them."""
    started = []

    def start(source: str) -> Parent:
        started.append(Parent(source))
        return started[-1]

    names = sorted(Path("/dev/shm").iterdir())
    yield start
    for parent in started:
        parent.end()
    assert sorted(Path("/dev/shm").iterdir()) == names


def slow(names: list[str]) -> list[Any]:
    return [pytest.param(name, marks=pytest.mark.slow) for name in names]


MORE = ["resetting", "sending", "stuck in Python", "asleep"]


@pytest.mark.parametrize("doing", [*(name for name in DOING if name not in MORE), *slow(MORE)])
def test_a_parent_that_is_killed(doing: str, parents: Any) -> None:
    parent = parents(DOING[doing])
    parent.wait_for("ready")
    if doing == "constructing":
        assert wait_until(lambda: len(parent.workers()) == 3, 5)
    time.sleep(0.3)
    assert doing == "starting" or len(parent.workers()) >= 3
    parent.process.kill()
    parent.process.wait()
    left = parent.workers if doing == "outlived by a fork" else functools.partial(marked, parent.mark)
    assert wait_until(lambda: not left(), 2), marked(parent.mark)


@pytest.mark.parametrize("rounds", [4, pytest.param(50, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_a_parent_that_is_killed_at_random_moments(rounds: int, parents: Any) -> None:
    rng = random.Random(rounds)
    for _ in range(rounds):
        doing = rng.choice(("idle", "busy", "resetting", "sending", "starting", "stuck in C"))
        parent = parents(DOING[doing])
        if doing != "starting":
            parent.wait_for("ready")
        time.sleep(rng.uniform(0, 1.5 if doing == "starting" else 0.2))
        parent.process.kill()
        parent.process.wait()
        assert wait_until(functools.partial(nothing_marked, parent.mark), 2), (doing, marked(parent.mark))


LEAVING = {
    "without close": ("", 0, ""),
    "with an exception": ("raise ValueError('mine')", 1, "ValueError: mine"),
    "by os._exit": ("os._exit(7)", 7, ""),
    "by sys.exit": ("sys.exit(8)", 8, ""),
    "by sys.exit in a thread": ("t = threading.Thread(target=sys.exit, args=(9,)); t.start(); t.join()", 0, ""),
    "while a thread steps": (
        "def run():\n    while True: env.step([0] * 3)\n"
        "threading.Thread(target=run, daemon=True).start(); time.sleep(0.2)",
        0,
        None,
    ),
    "with steps under way": ("slow = make('sleep', batch=1); slow.reset()\nslow.send([0], slow.recv().env_id)", 0, ""),
    "by SIGTERM": ("os.kill(os.getpid(), 15); time.sleep(9)", -15, ""),
    "by SIGHUP": ("os.kill(os.getpid(), 1); time.sleep(9)", -1, ""),
}


@pytest.mark.parametrize("way", [*list(LEAVING)[:-2], *slow(list(LEAVING)[-2:])])
def test_a_parent_that_leaves(way: str, parents: Any) -> None:
    source, status, words = LEAVING[way]
    parent = parents("env = make(); env.reset(); env.step([0] * 3)\n" + source)
    began = time.monotonic()
    _, errors = parent.process.communicate(timeout=30)
    assert parent.process.returncode == status, errors
    assert time.monotonic() - began < 15
    assert wait_until(lambda: not marked(parent.mark), 2), marked(parent.mark)
    if words is not None:  # a daemon thread may say something when the interpreter leaves it behind
        assert errors.strip().splitlines()[-1:] == ([words] if words else [])


@pytest.mark.parametrize("doing", ["stepping", "resetting", *slow(["asleep", "starting"])])
def test_ctrl_c(doing: str, parents: Any) -> None:
    body = {
        "stepping": "env = make(); env.reset(); say('ready')\n    while True: env.step([0] * 3)",
        "asleep": "env = make('sleep'); env.reset(); say('ready'); env.step([0] * 3)",
        "resetting": "env = make('sleep', 'reset'); say('ready'); env.reset()",
        "starting": "say('ready'); make('sleep', '__init__')",
    }[doing]
    parent = parents(f"try:\n    {body}\nexcept KeyboardInterrupt:\n    say('interrupted')\nsay('gone on')")
    parent.wait_for("ready")
    time.sleep(0.3)
    os.killpg(parent.process.pid, signal.SIGINT)  # as a terminal does
    began = time.monotonic()
    output, errors = parent.process.communicate(timeout=10)
    assert output.split() == ["interrupted", "gone", "on"] and errors == ""
    assert time.monotonic() - began < 3
    assert wait_until(lambda: not marked(parent.mark), 1)


def test_ctrl_z_for_longer_than_the_timeout(parents: Any) -> None:
    """Only the parent is stopped; when it resumes, the step is done, and its lateness is not counted."""
    parent = parents(
        "env = make('doze'); env.reset(); lose_patience(env, 1.5); say('ready')\n"
        "env.step([0] * 3); say('done'); env.close()"
    )
    parent.wait_for("ready")
    time.sleep(0.3)
    os.killpg(parent.process.pid, signal.SIGSTOP)
    time.sleep(2)
    os.killpg(parent.process.pid, signal.SIGCONT)
    assert parent.process.communicate(timeout=10) == ("done\n", "")

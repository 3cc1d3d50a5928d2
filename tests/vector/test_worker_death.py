"""Workers that die, raise or hang: the parent says which, where and why, soon, and nothing is left behind."""

from __future__ import annotations

import functools
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from puffer_envs import vector
from puffer_envs.vector import Vector, WorkerError, WorkerTimeoutError

from .conftest import children, group_members, lose_patience, wait_until
from .unruly_envs import Trouble, Walks, copied_walks

pytestmark = [pytest.mark.usefixtures("nothing_left"), pytest.mark.alone]

PROMPT = 5.0
"""Seconds within which an event is reported that is not waited for: far below any timeout, enough on a busy machine."""

CALLS: dict[str, Callable[[Vector], Any]] = {
    "reset": lambda env: env.reset(),
    "step": lambda env: env.step([0, 0]),
    "set": lambda env: env.set("pace", 1),
    "log": lambda env: env.log(),
    "render": lambda env: env.render(1),
}
WORDS = {
    "kill": "killed by SIGKILL",
    "segfault": "killed by SIGSEGV",
    "leave": "it exited with status 3",
    "error": "RuntimeError: on purpose",
    "sys_exit": "SystemExit: 4",
    "end_of_file": "EOFError",
    "fork_and_kill": "killed by SIGKILL",
}
HAS_TRACEBACK = {"error", "sys_exit", "end_of_file", "segfault"}
EVERYWHERE = ["__init__", *CALLS]


def make(trouble: Trouble | None, **options: Any) -> Vector:
    """Two walks in two workers."""
    source = functools.partial(Walks, trouble=trouble)
    env = vector.make(source, 2, backend="processes", workers=2, **options)
    assert isinstance(env, Vector)
    return env


@pytest.mark.parametrize(
    ("kind", "where"),
    [
        *((kind, "step") for kind in WORDS),
        *((kind, where) for kind in ("kill", "error") for where in EVERYWHERE if where != "step"),
        *(
            pytest.param(kind, where, marks=pytest.mark.slow)
            for kind in ("segfault", "leave", "sys_exit", "end_of_file")
            for where in EVERYWHERE
            if where != "step"
        ),
    ],
)
def test_a_worker_that_dies_or_raises(kind: str, where: str) -> None:
    before, began = children(), time.monotonic()
    with pytest.raises(WorkerError) as raised:
        env = make(Trouble(kind, where, env=1))
        started = children() - before
        if where != "reset":
            env.reset()
        began = time.monotonic()
        CALLS[where](env)
    error = raised.value
    if where != "__init__":
        assert time.monotonic() - began < PROMPT
        # The sibling, and what they had started, is gone too: killed, though a busy machine ends them a little later.
        assert wait_until(lambda: not any(group_members(pid) for pid in started), PROMPT)
        assert error.pid in started
        with pytest.raises(RuntimeError, match="closed"):
            env.step([0, 0])
        env.close()
    assert children() == before
    assert type(error) is WorkerError and error.worker == 1
    message = str(error)
    assert message.startswith("worker 1 (pid ") and str(error.pid) in message and WORDS[kind] in message
    assert "environment 1" in message
    if kind in HAS_TRACEBACK:
        assert "unruly_envs.py" in message and f"in {kind}" in message


def test_death_while_the_parent_is_away() -> None:
    for asynchronous in (False, True):
        env = make(Trouble("kill", "step", env=1), batch=1 if asynchronous else 2)
        env.reset()
        if asynchronous:
            env.send([0], env.recv().env_id)
            env.send([0], env.recv().env_id)
            time.sleep(0.2)
            env.recv()  # that of the living one
            began = time.monotonic()
            with pytest.raises(WorkerError, match=r"worker 1 .*SIGKILL"):
                env.recv()
        else:
            (worker,) = [process for process in env._crew if process.worker == 1]  # type: ignore[attr-defined]
            os.kill(worker.pid, signal.SIGKILL)
            time.sleep(0.2)
            began = time.monotonic()
            with pytest.raises(WorkerError, match=r"worker 1 .*SIGKILL"):
                env.step([0, 0])
        assert time.monotonic() - began < PROMPT


def test_death_of_one_while_another_is_busy() -> None:
    """Worker 1 is dead immediately; nothing waits until worker 0 has finished its long reset."""
    env = vector.make(slow_or_dead, 2, backend="processes", workers=2)
    began = time.monotonic()
    with pytest.raises(WorkerError, match=r"worker 1 .*SIGKILL"):
        env.reset()
    assert time.monotonic() - began < PROMPT


def slow_or_dead(num_envs: int, seed: int, first: int) -> Walks:
    return Walks(num_envs, seed, first, trouble=Trouble("kill" if first else "sleep", "reset", env=first))


# -- stuck -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "where"),
    [
        ("stop", "step"),
        ("loop", "step"),
        ("regex", "step"),
        ("sleep", "step"),
        ("loop", "reset"),
        pytest.param("stop", "set", marks=pytest.mark.slow),
        pytest.param("regex", "log", marks=pytest.mark.slow),
    ],
)
def test_a_worker_that_is_stuck(kind: str, where: str) -> None:
    env = make(Trouble(kind, where, env=1))
    if where != "reset":
        env.reset()
    lose_patience(env, 1)
    began = time.monotonic()
    with pytest.raises(WorkerTimeoutError) as raised:
        CALLS[where](env)
    assert 0.9 < time.monotonic() - began < 1 + PROMPT
    message = str(raised.value)
    assert message.startswith("worker 1 (pid ") and f"did not finish {where} within 1 s" in message
    if kind != "stop":
        assert "unruly_envs.py" in message and f"in {kind}" in message
    assert isinstance(raised.value, TimeoutError)


def test_a_construction_that_is_stuck() -> None:
    began = time.monotonic()
    with pytest.raises(WorkerTimeoutError, match=r"worker 1 .* did not finish its start within 4 s(.|\n)*in sleep"):
        make(Trouble("sleep", "__init__", env=1), timeout=4)
    assert time.monotonic() - began < 6


def test_a_worker_that_does_not_read() -> None:
    """A stopped worker takes no more than its socket holds: sending it the rest times out, too."""
    env = make(None)
    env.reset()
    lose_patience(env, 1)
    worker = env._crew[1]  # type: ignore[attr-defined]
    os.kill(worker.pid, signal.SIGSTOP)
    began = time.monotonic()
    with pytest.raises(WorkerTimeoutError, match=r"worker 1 .* did not finish set"):
        env.set("table", np.zeros(4_000_000))
    assert time.monotonic() - began < 1 + PROMPT


@pytest.mark.parametrize(("kind", "words"), [("kill", "died during step: killed by SIGKILL"), ("sleep", "in sleep")])
def test_others_that_go_on_do_not_hide_it(kind: str, words: str) -> None:
    source = functools.partial(Walks, trouble=Trouble(kind, "step", env=1))
    env = vector.make(source, 3, backend="processes", workers=3, batch=1)
    assert isinstance(env, Vector)
    env.reset()
    lose_patience(env, 1.5)
    for _ in range(3):
        env.send([0], env.recv().env_id)
    began = time.monotonic()
    with pytest.raises(WorkerError, match=rf"worker 1 (.|\n)*{words}"):
        while time.monotonic() < began + 10:
            env.send([0], env.recv().env_id)
    assert time.monotonic() - began < (PROMPT if kind == "kill" else 1 + PROMPT)


def test_a_parent_that_was_away_is_not_kept_from_what_is_done() -> None:
    env = make(None, batch=1)
    env.reset()
    lose_patience(env, 1)
    first, second = env.recv(), env.recv()
    env.send([0], first.env_id)
    time.sleep(1.2)
    env.send([0], second.env_id)  # that the first is done was not seen yet; it is not late
    assert {int(env.recv().env_id[0]), int(env.recv().env_id[0])} == {0, 1}
    env.close()


def test_slow_is_not_stuck() -> None:
    env = make(Trouble("doze", "step", env=1), timeout=30)
    env.reset()
    env.step([0, 0])
    env.close()


# -- closing -----------------------------------------------------------------------------------------------


def slow(kind: str) -> Any:
    return pytest.param(kind, marks=pytest.mark.slow)


@pytest.mark.parametrize("kind", ["kill", "error", "sys_exit", "stop", "spawn", slow("sleep"), slow("regex")])
def test_close_is_bounded_whatever_an_environment_does_there(kind: str) -> None:
    source = functools.partial(copied_walks, trouble=Trouble(kind, "close", env=1))
    env = vector.make(source, 2, backend="processes", workers=2)
    env.reset()
    began = time.monotonic()
    env.close()
    env.close()
    assert time.monotonic() - began < 1 + PROMPT


@pytest.mark.parametrize("kind", ["regex", slow("sleep"), slow("stop")])
def test_close_in_the_middle_of_a_step(kind: str) -> None:
    env = make(Trouble(kind, "step", env=1), batch=1)
    env.reset()
    for _ in range(2):
        env.send([0], env.recv().env_id)
    began = time.monotonic()
    env.close()
    assert time.monotonic() - began < 1 + PROMPT


def test_what_an_environment_started_ends_with_its_worker() -> None:
    env = make(Trouble("spawn", "reset", env=1))
    env.reset()
    groups = [process.pid for process in env._crew]  # type: ignore[attr-defined]
    assert sum(len(group_members(group)) for group in groups) == 3
    del env
    assert wait_until(lambda: not any(group_members(group) for group in groups), PROMPT)


# -- at random moments -------------------------------------------------------------------------------------


def use_until_it_fails(env: Vector, rng: random.Random) -> None:
    """Everything a user does, until a worker's death shows."""
    env.reset()
    while True:
        what = rng.randrange(6)
        if what == 0:
            env.reset(rng.randrange(100))
        elif what == 1:
            env.set("table", np.ones(rng.choice((1, 100_000))), env_ids=[rng.randrange(4)], when="step")
        elif what == 2:
            env.log()
        elif what == 3:
            time.sleep(0.005)
        elif what == 4:
            for _ in range(10):
                env.step([0] * 4)
        else:
            env.reset()
            for _ in range(10):
                env.send([0] * 2, env.recv().env_id)
            env.recv()
            env.recv()


@pytest.mark.parametrize("rounds", [3, pytest.param(100, marks=[pytest.mark.slow, pytest.mark.timeout(600)])])
def test_death_at_random_moments(rounds: int) -> None:
    rng = random.Random(rounds)
    for _ in range(rounds):
        env = vector.make(Walks, 4, backend="processes", workers=4, batch=2)
        assert isinstance(env, Vector)
        pids = [process.pid for process in env._crew]  # type: ignore[attr-defined]
        victim, how = rng.randrange(4), rng.choice((signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM))
        killed: list[float] = []

        def kill(pid: int = pids[victim], how: int = how, killed: list[float] = killed) -> None:
            killed.append(time.monotonic())
            os.kill(pid, how)

        timer = threading.Timer(rng.uniform(0, 0.1), kill)
        timer.start()
        with pytest.raises(WorkerError, match=rf"worker {victim} \(pid {pids[victim]}, .* {how.name}"):
            use_until_it_fails(env, rng)
        assert time.monotonic() - killed[0] < PROMPT
        timer.join()
        assert not children() & set(pids)

"""Worker processes that behave: what they cost while they wait, what they share, and what remains of them: nothing."""

from __future__ import annotations

import functools
import gc
import os
import pickle
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from puffer_envs import vector
from puffer_envs.vector import Processes, Vector, WorkerError, WorkerTimeoutError

from .conftest import belongings, children, cpu_seconds, lose_patience, resident_bytes
from .sample_envs import SlowStart
from .unruly_envs import Trouble, Walks, copied_walks

if sys.platform != "win32":
    import resource

pytestmark = pytest.mark.usefixtures("nothing_left")


def make(factory: Any = Walks, num_envs: int = 2, workers: int = 2, **options: Any) -> Processes:
    env = vector.make(factory, num_envs, backend="processes", workers=workers, **options)
    assert isinstance(env, Processes)
    return env


def pids(env: Processes) -> list[int]:
    return [process.pid for process in env._crew]


# -- waiting -----------------------------------------------------------------------------------------------


def test_nobody_uses_the_processor_while_waiting() -> None:
    env = make(functools.partial(Walks, trouble=Trouble("sleep", "step", env=1, after=3)), batch=1)
    env.reset()
    for _ in range(8):
        env.send([0], env.recv().env_id)
    waiting = threading.Thread(target=pytest.raises, args=(RuntimeError, receive_for_ever, env))
    waiting.start()
    time.sleep(0.3)
    watched = [os.getpid(), *pids(env)]  # a parent in recv, a worker with nothing to do, and one that sleeps in a step
    before, began = [cpu_seconds(pid) for pid in watched], time.monotonic()
    time.sleep(2.0)
    used = [cpu_seconds(pid) - b for pid, b in zip(watched, before, strict=True)]
    assert max(used) <= 0.01 * (time.monotonic() - began) + 0.01  # which is one tick of the clock that counts it
    env.close()
    waiting.join()


def receive_for_ever(env: Processes) -> None:
    while True:
        ready = env.recv()
        if ready.env_id[0] == 1:
            env.send([0], ready.env_id)


# -- the end -----------------------------------------------------------------------------------------------


def test_a_vector_that_is_forgotten_ends_its_workers() -> None:
    before = children()
    env = make()
    env.reset()
    rows = env.observations
    del env
    assert children() == before
    assert rows.shape == (2, 4) and rows[1, 2] == 1  # the arrays live for as long as anybody looks at them


def test_a_vector_in_a_cycle_ends_its_workers() -> None:
    before = children()
    env = make()
    env.myself = env  # type: ignore[attr-defined]
    del env
    gc.collect()
    assert children() == before


def test_a_construction_that_fails_leaves_nothing() -> None:
    for _ in range(3):
        with pytest.raises(WorkerError, match="on purpose"):
            make(functools.partial(Walks, trouble=Trouble("error", "__init__", env=1)))


def test_too_few_descriptors_leave_nothing() -> None:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = len(list(Path("/proc/self/fd").iterdir()))
    for spare in range(1, 13):
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + spare, limit[1]))
        try:
            with pytest.raises(OSError, match="Too many open files"):
                make(workers=4, num_envs=4)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limit)


def cycle(times: int) -> None:
    for i in range(times):
        env = make(num_envs=1 + i % 2, workers=1 + i % 2, assets=None)
        env.reset()
        env.step([0] * env.num_envs)
        env.close()


def test_making_and_closing_leaks_nothing() -> None:
    cycle(4)
    before, memory = belongings(), resident_bytes()
    cycle(6)
    assert belongings() == before
    assert resident_bytes() - memory < 2**20


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_making_and_closing_a_thousand_times_leaks_nothing() -> None:
    cycle(50)
    before, memory = belongings(), resident_bytes()
    cycle(1000)
    assert belongings() == before
    assert resident_bytes() - memory < 2**20


def test_errors_can_be_pickled() -> None:
    for error in (WorkerError("a", 1, 2), WorkerTimeoutError("b", 3, 4)):
        copy = pickle.loads(pickle.dumps(error))
        assert type(copy) is type(error)
        assert (str(copy), copy.worker, copy.pid) == (str(error), error.worker, error.pid)


# -- large things ------------------------------------------------------------------------------------------


def test_descriptors_beyond_1024() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2048:
        pytest.skip("this system does not allow so many descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (2048, hard))
    occupied: list[int] = []
    try:
        while not occupied or occupied[-1] < 1100:
            occupied.append(os.open(os.devnull, os.O_RDONLY))
        env = make(functools.partial(Walks, trouble=Trouble("loop", "step", env=1, after=1)))
        assert env._crew[0].channel.fileno() > 1024
        env.reset()
        env.step([0, 0])
        lose_patience(env, 1)
        with pytest.raises(WorkerTimeoutError, match=r"worker 1(.|\n)*in loop"):
            env.step([0, 0])
    finally:
        for fd in occupied:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_observations_of_100_megabytes() -> None:
    env = make(functools.partial(Walks, size=25_000_000), num_envs=1, workers=1)
    observations = env.reset()
    assert observations.nbytes == 100_000_000
    env.step([1])
    assert observations[0, :4].any() and not observations[0, 4:].any()
    env.close()


def test_values_of_100_megabytes() -> None:
    env = make()
    env.reset()
    env.set("table", np.ones(12_500_000), when="step")
    env.step([0, 0])
    assert env.observations[:, 3].tolist() == [12_500_000.0] * 2
    env.close()


@pytest.mark.slow
def test_two_hundred_workers() -> None:
    env = make(num_envs=200, workers=200, timeout=300)
    env.reset()
    for _ in range(20):
        env.step([0] * 200)
    assert env.observations[:, 2].tolist() == list(range(200))
    began = time.monotonic()
    env.close()
    assert time.monotonic() - began < 4


# -- values ------------------------------------------------------------------------------------------------


class OnlyHere:
    """Cannot be unpickled unless `broken` is set."""

    def __reduce__(self) -> Any:
        return int, ("not a number",)


def test_values_that_cannot_be_sent_are_refused() -> None:
    env = make()
    env.reset()
    with pytest.raises(TypeError, match=r"the value cannot be sent to worker processes .*lock"):
        env.set("pace", threading.Lock())
    with pytest.raises(TypeError, match=r"a value could not be loaded in a worker process \(ValueError.*importable"):
        env.set("pace", OnlyHere())
    with pytest.raises(TypeError, match="cannot be sent"):
        env.set("pace", (number for number in range(3)))
    assert env.log() == {}
    env.step([0, 0])
    env.close()


# -- assets ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["serial", "processes"])
def test_assets_are_read_only(backend: str) -> None:
    assets: dict[str, NDArray[Any]] = {
        "map": np.arange(12, dtype=np.uint8).reshape(3, 4),
        "table": np.linspace(0, 1, 5),
        "big-endian": np.arange(3, dtype=">i4"),
        "none": np.zeros((0, 3)),
        "number": np.array(7.0),
        "across": np.arange(6.0).reshape(2, 3).T,
    }
    with vector.make(copied_walks, 2, backend=backend, workers=2, assets=assets) as env:
        assert isinstance(env, Vector)
        env.reset()
        for i in range(2):
            read = env.render(i)["read"]
            assert read.pop("refused") == 6
            assert read == {name: float(array.sum()) for name, array in assets.items()}
    assert all(array.flags.writeable for array in assets.values())


def test_no_assets_are_assets_too() -> None:
    with make(copied_walks, assets={}) as env:
        env.reset()
        assert env.render(0)["read"] == {"refused": 0}


def test_fields_of_assets_keep_their_names() -> None:
    table = np.array([(1, 2.5), (2, 3.5)], [("level", np.int32), ("weight", np.float64)])
    with make(weighted_walks, assets={"table": table}) as env:
        env.reset()


def weighted_walks(num_envs: int, seed: int, first: int, assets: Any) -> Walks:
    assert assets["table"]["weight"].sum() == 6.0
    return Walks(num_envs, seed, first)


def proportional_megabytes(pid: int) -> float:
    """Memory of a process, with what it shares divided by the number of those who share it."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def test_all_workers_read_one_copy_of_the_assets() -> None:
    assets = {"map": np.ones(200 * 2**20, np.uint8)}
    totals = []
    for workers in (1, 4):
        env = make(copied_walks, num_envs=4, workers=workers, assets=assets)
        env.reset()
        for i in range(0, 4, 4 // workers):
            assert env.render(i)["read"]["map"] == 200 * 2**20  # all of them have looked at all of it
        totals.append(sum(map(proportional_megabytes, pids(env))))
        env.close()
    assert 200 < totals[0] < 400
    assert totals[1] - totals[0] < 250  # three more interpreters, of at most 80 MB each


# -- what environments do besides --------------------------------------------------------------------------


def noisy_walks(num_envs: int, seed: int, first: int) -> Walks:
    for _ in range(200):
        os.write(2, b"x" * 2**20)
    print("hello from", first)
    assert sys.stdin.read() == ""
    return Walks(num_envs, seed, first)


def test_output_and_input_of_environments(capfd: pytest.CaptureFixture[str]) -> None:
    env = make(noisy_walks)
    env.reset()
    env.step([0, 0])
    env.close()
    output, errors = capfd.readouterr()
    assert sorted(output.splitlines()) == ["hello from 0", "hello from 1"]
    assert len(errors) == 2 * 200 * 2**20


def threaded_walks(num_envs: int, seed: int, first: int) -> Walks:
    threading.Thread(target=time.sleep, args=(3600,)).start()  # no daemon
    return Walks(num_envs, seed, first)


def test_threads_of_environments_do_not_hold_up_the_end() -> None:
    env = make(threaded_walks)
    env.reset()
    began = time.monotonic()
    env.close()
    assert time.monotonic() - began < 3


def nested_walks(num_envs: int, seed: int, first: int) -> Walks:
    with make(num_envs=1, workers=1) as inner:
        inner.reset()
    return Walks(num_envs, seed, first)


def test_a_vector_within_a_worker() -> None:
    with make(nested_walks) as env:
        env.reset()


@pytest.fixture
def child_signals_ignored() -> Iterator[None]:
    import signal  # noqa: PLC0415

    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGCHLD, before)


def test_children_that_the_system_reaps_by_itself(child_signals_ignored: None) -> None:
    env = make(functools.partial(Walks, trouble=Trouble("kill", "step", env=1, after=2)))
    env.reset()
    env.step([0, 0])
    env.step([0, 0])
    with pytest.raises(WorkerError, match=r"worker 1 .* died during step"):
        env.step([0, 0])


def test_the_limit_is_one_for_each_environment_and_the_start_can_be_watched() -> None:
    seen: list[tuple[int, int]] = []
    env = vector.make(
        SlowStart, 6, backend="processes", workers=1, wrap={"timeout": 8}, watch=lambda *now: seen.append(now)
    )
    assert isinstance(env, Processes) and env._timeout == 8
    lose_patience(env, 0.9)
    env.reset(1)  # another seed: 6 resets, 1.8 s
    assert {now for now, _ in seen[-12:]} >= {2, 4} and seen[-1][1] == 6
    for _ in range(12):  # nine steps at most, each of which may reset all
        env.step([0] * 6)
    env.close()

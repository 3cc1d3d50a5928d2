"""One contract, whatever the backend: equal trajectories, rows that belong to their environments, equal refusals."""

from __future__ import annotations

import functools
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from puffer_envs import vector
from puffer_envs.vector import Ready, Vector

from .unruly_envs import Trouble, Walks, copied_walks, whole_walks

ARRAYS = ("observations", "rewards", "terminals", "truncations", "final_observations", "action_masks", "agent_mask")

PYTHON: dict[str, Callable[..., Any]] = {
    "agents": functools.partial(Walks, agents=3, masked=True, padded=True, actions="multi"),
    "box": functools.partial(copied_walks, actions="box"),
}
SOURCES: dict[str, Any] = {**PYTHON, "snake": "snake", "cartpole": "cartpole"}


def seen(env: Any) -> list[bytes]:
    """Every array's valid bytes."""
    ended = env.terminals | env.truncations
    parts = [getattr(env, name) for name in ARRAYS if name != "final_observations"]
    return [part.tobytes() for part in parts if part is not None] + [env.final_observations[ended].tobytes()]


def some_actions(env: Any, rng: np.random.Generator) -> Any:
    """For every row, inside of the space but for a Box, where they may be outside."""
    if env.actions.dtype == np.float32:
        return rng.normal(0, 2, env.actions.shape).astype(np.float32)
    space = env.single_action_space
    return rng.integers(0, space.nvec if env.actions.ndim > 1 else space.n, env.actions.shape, dtype=np.int32)


def play(env: Any, steps: int = 40) -> list[list[bytes]]:
    """Three runs: from the seed it was made with, from no seed, from a seed."""
    record = []
    rng = np.random.default_rng(3)
    for seed in (None, None, 2**40):
        env.reset(seed)
        record.append(seen(env))
        for _ in range(steps):
            env.step(some_actions(env, rng))
            record.append(seen(env))
    return record


def variants(source: Any) -> Iterator[dict[str, Any]]:
    """Backends, workers and batches for 6 environments."""
    yield {"backend": "serial", "batch": 3}
    yield {"backend": "serial", "batch": 1}
    yield {"backend": "processes", "workers": 1}
    yield {"backend": "processes", "workers": 3, "batch": 4}
    yield {"backend": "processes", "workers": 4}  # of 1 and 2 environments
    yield {"backend": "processes", "workers": 2, "batch": 2}
    if isinstance(source, str):
        yield {"backend": "threads", "workers": 1}
        yield {"backend": "threads", "workers": 3, "batch": 2}


@pytest.mark.parametrize(
    "name", ["agents", "snake", *(pytest.param(n, marks=pytest.mark.slow) for n in ("box", "cartpole"))]
)
def test_trajectories_depend_on_seed_and_actions_alone(name: str) -> None:
    source = SOURCES[name]
    with vector.make(source, 6, backend="serial", seed=7) as env:
        expected = play(env)
    assert len(set(map(tuple, expected))) > 100
    for variant in variants(source):
        with vector.make(source, 6, seed=7, **variant) as env:
            assert play(env) == expected, variant


@pytest.mark.slow
@pytest.mark.parametrize("name", SOURCES)
def test_trajectories_over_many_divisions(name: str) -> None:
    source = SOURCES[name]
    with vector.make(source, 12, backend="serial", seed=1) as env:
        expected = play(env)
    for workers, batch in itertools.product((1, 2, 3, 4, 6, 12), (1, 2, 3, 4, 6, 12)):
        with vector.make(source, 12, backend="processes", workers=workers, batch=batch, seed=1) as env:
            assert play(env) == expected, (workers, batch)


def test_another_seed_is_another_run() -> None:
    runs = []
    for seed in (0, 1):
        with vector.make(Walks, 4, backend="processes", workers=2, seed=seed) as env:
            runs.append(env.reset().copy())
    assert not np.array_equal(runs[0], runs[1])


# -- in groups ---------------------------------------------------------------------------------------------


def action_of(env: int, step: int, agents: int) -> list[list[int]]:
    """A function of an environment's number and its own step."""
    return [[(env + step + agent) % 3, (env * step) % 2] for agent in range(agents)]


def rows_seen(result: Any, rows: slice) -> list[bytes]:
    """What one environment shows, of a Ready or of a vector."""
    ended = result.terminals[rows] | result.truncations[rows]
    parts = [getattr(result, name)[rows].tobytes() for name in ARRAYS if name != "final_observations"]
    return [*parts, result.final_observations[rows][ended].tobytes()]


@pytest.mark.parametrize(("workers", "batch"), [(1, 2), (2, 3), (3, 1), (2, 6), (3, 4)], ids=lambda value: f"{value}")
def test_each_environments_own_trajectory_is_that_of_stepping_together(workers: int, batch: int) -> None:
    steps, agents = 30, 2
    source = functools.partial(Walks, agents=agents, masked=True, padded=True, actions="multi")
    expected: list[list[list[bytes]]] = [[] for _ in range(6)]
    with vector.make(source, 6, backend="serial", seed=5) as env:
        env.reset()
        for step in range(steps):
            for i in range(6):
                expected[i].append(rows_seen(env, slice(i * agents, (i + 1) * agents)))
            env.step(np.concatenate([action_of(i, step, agents) for i in range(6)]))

    source = functools.partial(source, jitter=0.001)  # so that they overtake each other
    found: list[list[list[bytes]]] = [[] for _ in range(6)]
    with vector.make(source, 6, backend="processes", workers=workers, batch=batch, seed=5) as env:
        assert isinstance(env, Vector)
        env.reset()
        while min(map(len, found)) < steps:
            ready = env.recv()
            assert len(ready.env_id) == batch and ready.rewards.shape == (batch * agents,)
            for at, number in enumerate(ready.env_id):
                rows = slice(at * agents, (at + 1) * agents)
                assert (ready.observations[rows, 2] == number).all()  # walks show their number
                found[number].append(rows_seen(ready, rows))
            actions = [action_of(number, len(found[number]) - 1, agents) for number in ready.env_id]
            env.send(np.concatenate(actions), ready.env_id)
    for own, reference in zip(found, expected, strict=True):
        assert own[:steps] == reference


def test_a_slow_environment_does_not_hold_the_rest() -> None:
    source = functools.partial(Walks, trouble=Trouble("doze", "step", env=0))
    with vector.make(source, 4, backend="processes", workers=4, batch=1) as env:
        assert isinstance(env, Vector)
        env.reset()
        for _ in range(4):
            env.send([0], env.recv().env_id)
        received = [int(env.recv().env_id[0])]
        while received[-1] != 0:
            env.send([0])
            received.append(int(env.recv().env_id[0]))
        assert len(received) > 30 and set(received[:-1]) == {1, 2, 3}


def test_what_is_received_is_a_view_where_rows_lie_side_by_side() -> None:
    with vector.make(Walks, 4, backend="processes", workers=2, batch=2) as env:
        assert isinstance(env, Vector)
        env.reset()
        first, second = env.recv(), env.recv()
        assert first.env_id.tolist() == [0, 1] and second.env_id.tolist() == [2, 3]
        for ready, rows in ((first, slice(0, 2)), (second, slice(2, 4))):
            for name in ("observations", "rewards", "terminals", "truncations", "final_observations"):
                assert np.shares_memory(getattr(ready, name), getattr(env, name)[rows])
        kept = second.observations.copy()
        env.send([1, 1], first.env_id)
        assert env.recv().env_id.tolist() == [0, 1]
        np.testing.assert_array_equal(second.observations, kept)  # as long as nothing was sent there


def receive_pair(env: Vector, wanted: set[int]) -> Ready:
    """Receive again and again until these two environments come together."""
    deadline = time.monotonic() + 20
    while True:
        ready = env.recv()
        if set(ready.env_id.tolist()) == wanted:
            return ready
        assert time.monotonic() < deadline
        env.send([0, 0], ready.env_id)


def test_what_is_received_is_a_copy_where_rows_do_not_lie_side_by_side() -> None:
    source = functools.partial(Walks, jitter=0.002)  # environments 0 and 3 are quick, so that they meet
    with vector.make(source, 4, backend="processes", workers=4, batch=2, seed=3) as env:
        assert isinstance(env, Vector)
        env.reset()
        ready = receive_pair(env, {0, 3})
        assert ready.env_id.tolist() == [0, 3]
        assert not np.shares_memory(ready.observations, env.observations)
        np.testing.assert_array_equal(ready.observations, env.observations[[0, 3]])
        env.send([0, 1], ready.env_id)
        assert env.actions[0] == 0 and env.actions[3] == 1
        with pytest.raises(ValueError, match=r"action 3 of agent 0 in environment 3 \(row 3\)"):
            env.send([0, 3], receive_pair(env, {0, 3}).env_id)


# -- refusals ----------------------------------------------------------------------------------------------

BACKENDS = [("serial", {}), ("processes", {"workers": 2})]


@pytest.fixture(params=BACKENDS, ids=["serial", "processes"])
def groups(request: pytest.FixtureRequest) -> Iterator[Vector]:
    """Four walks in two groups, not reset."""
    backend, options = request.param
    with vector.make(Walks, 4, backend=backend, batch=2, seed=1, **options) as env:
        assert isinstance(env, Vector)
        yield env


@pytest.fixture(scope="module", params=BACKENDS, ids=["serial", "processes"])
def lasting(request: pytest.FixtureRequest) -> Iterator[Vector]:
    """Such groups for many tests, because workers take a while to start."""
    backend, options = request.param
    with vector.make(Walks, 4, backend=backend, batch=2, seed=1, **options) as env:
        assert isinstance(env, Vector)
        yield env


@pytest.fixture
def fresh(lasting: Vector) -> Vector:
    """Groups that were just reset; the test leaves none of them under way."""
    lasting.reset(1)
    return lasting


def test_before_reset_and_after_close(groups: Vector) -> None:
    for action in (lambda: groups.step([0] * 4), groups.recv, lambda: groups.send([0, 0]), groups.render):
        with pytest.raises(RuntimeError, match=r"call reset\(\) first"):
            action()
    groups.close()
    groups.close()
    for action in (groups.reset, groups.log, lambda: groups.set("pace", 1), groups.recv):  # type: ignore[assignment]
        with pytest.raises(RuntimeError, match="closed"):
            action()


def test_nothing_to_receive_and_nothing_to_send(groups: Vector) -> None:
    groups.reset()
    with pytest.raises(RuntimeError, match=r"send\(\) without recv\(\)"):
        groups.send([0, 0])
    groups.recv()
    last = groups.recv()
    with pytest.raises(RuntimeError, match="would wait forever"):
        groups.recv()
    groups.send([0, 0])
    with pytest.raises(RuntimeError, match=r"send\(\) without recv\(\)"):
        groups.send([0, 0])
    with pytest.raises(RuntimeError, match="environments 2 to 3 are under way"):
        groups.send([0, 0], last.env_id)
    for action in (groups.reset, lambda: groups.step([0] * 4), groups.log, lambda: groups.set("pace", 1)):
        with pytest.raises(RuntimeError, match="some are under way"):
            action()
    assert groups.recv().env_id.tolist() == [2, 3]


@pytest.mark.parametrize(
    "env_id",
    [
        [0],
        [1, 2],
        [2, 3, 0],
        [0, 1, 0, 1],
        [4, 5],
        [-1, 0],
        [[0, 1]],
        [0.0, 1.0],
        ["a", "b"],
        0,
        [None, 1],
        [True, False],
    ],
    ids=str,
)
def test_foreign_environments_are_refused(fresh: Vector, env_id: Any) -> None:
    fresh.recv()
    fresh.recv()
    with pytest.raises(ValueError, match=r"from recv\(\)"):
        fresh.send([0, 0], env_id)


BAD_ACTIONS = [
    (
        [0, 3],
        r"action 3 of agent 0 in environment 1 \(row 1\) must be an integer from 0 to 2\. No environment has moved",
    ),
    ([-1, 0], "action -1 of agent 0 in environment 0"),
    ([0, 2**40], f"action {2**40}"),
    (np.array([0, 2**63], np.uint64), "action 9223372036854775808"),
    ([0.0, 1.0], "expected integer actions"),
    ([True, False], "expected integer actions"),
    (["0", "1"], "expected integer actions"),
    ([None, 1], "expected integer actions"),
    ([0], "shape"),
    ([[0, 1]], "shape"),
    (0, "shape"),
    ([0, [1]], "shape"),
]


@pytest.mark.parametrize(("actions", "message"), BAD_ACTIONS, ids=lambda value: str(value)[:20])
def test_bad_discrete_actions_move_nothing(fresh: Vector, actions: Any, message: str) -> None:
    fresh.recv()
    fresh.recv()
    before = seen(fresh), fresh.actions.copy()
    with pytest.raises(ValueError, match=message):
        fresh.send(actions, [0, 1])
    assert seen(fresh) == before[0] and np.array_equal(fresh.actions, before[1])
    fresh.send([0, 0], [0, 1])
    fresh.recv()


@pytest.mark.parametrize("backend", ["serial", "processes"])
def test_continuous_actions(backend: str) -> None:
    with vector.make(functools.partial(Walks, actions="box"), 2, backend=backend) as env:
        env.reset()
        before = seen(env)
        for bad in (np.nan, np.inf, -np.inf):
            with pytest.raises(ValueError, match=r"action .* \(number 1\) of agent 0 in environment 1 .*finite"):
                env.step(np.array([[0, 0], [0, bad]]))
        for wrong in ([[0, 0]], [["a", "b"], ["c", "d"]], [[True, False]] * 2, [[1j, 0], [0, 0]]):
            with pytest.raises(ValueError, match="expected"):
                env.step(wrong)  # type: ignore[arg-type]
        assert seen(env) == before
        env.step(np.array([[5, 1e300], [-5, -1e300]]))
        greatest = np.finfo(np.float32).max
        np.testing.assert_array_equal(env.actions, np.array([[1, greatest], [-1, -greatest]], np.float32))


@pytest.mark.parametrize("value", [-1, 2**64, 1.5, "1", True], ids=str)
def test_bad_seeds(fresh: Vector, value: Any) -> None:
    with pytest.raises((ValueError, TypeError), match="seed"):
        fresh.reset(value)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"num_envs": 0}, ValueError, "num_envs"),
        ({"num_envs": 2.0}, TypeError, "num_envs"),
        ({"num_envs": True}, TypeError, "num_envs"),
        ({"backend": "thread"}, ValueError, "serial, threads, processes"),
        ({"backend": "threads"}, ValueError, "Use 'processes'"),
        ({"workers": 0}, ValueError, "workers"),
        ({"workers": "2"}, TypeError, "workers"),
        ({"batch": 0}, ValueError, "batch"),
        ({"batch": 7}, ValueError, "batch"),
        ({"workers": 4, "batch": 2}, ValueError, "multiple of workers"),
        ({"backend": "serial", "batch": 4}, ValueError, "multiple of batch"),
        ({"seed": -1}, ValueError, "seed"),
        ({"seed": 0.5}, TypeError, "seed"),
        *[({"timeout": bad}, ValueError, "timeout must be") for bad in (0, -1, np.inf, np.nan, "1", True, 1e300)],
        ({"assets": {"map": [1, 2]}}, TypeError, "NumPy arrays"),
        ({"assets": {"map": np.array([object()])}}, TypeError, "NumPy arrays"),
        ({"assets": [1]}, TypeError, "assets"),
        ({"factory_or_name": whole_walks, "workers": 2}, ValueError, "does not take `first`"),
        ({"factory_or_name": whole_walks, "workers": 1, "batch": 3}, ValueError, "does not take `first`"),
        ({"factory_or_name": whole_walks, "backend": "serial", "batch": 3}, ValueError, "does not take `first`"),
        ({"factory_or_name": whole_walks, "assets": {}}, TypeError, "does not take any"),
        ({"factory_or_name": 3}, TypeError, "callable"),
        ({"factory_or_name": "squared", "assets": {}}, TypeError, "does not take any"),
        ({"factory_or_name": "squarred"}, ValueError, "Did you mean"),
        ({"factory_or_name": "squared", "no_such": 1}, (ValueError, TypeError), "no_such"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_wrong_arguments(arguments: dict[str, Any], error: Any, message: str) -> None:
    given: dict[str, Any] = {"factory_or_name": Walks, "num_envs": 6, "backend": "processes", **arguments}
    with pytest.raises(error, match=message):
        vector.make(given.pop("factory_or_name"), given.pop("num_envs"), **given)


def test_two_threads_inside(fresh: Vector) -> None:
    refused: list[str] = []
    steps = 0

    def step() -> None:
        nonlocal steps
        for _ in range(300):
            try:
                fresh.step([0] * 4)
                steps += 1
            except RuntimeError as error:
                refused.append(str(error))

    threads = [threading.Thread(target=step) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert steps + len(refused) == 900 and steps
    assert all("another thread is inside" in message for message in refused)
    assert fresh._ledger.under_way == 0
    fresh.step([0] * 4)


def test_close_while_another_thread_is_inside() -> None:
    env = vector.make(functools.partial(Walks, trouble=Trouble("sleep", "step")), 2, backend="processes", workers=2)
    env.reset()
    raised: list[BaseException] = []

    def step() -> None:
        try:
            env.step([0, 0])
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=step)
    thread.start()
    time.sleep(0.2)
    start = time.monotonic()
    env.close()
    thread.join(2.0)
    assert not thread.is_alive() and time.monotonic() - start < 3
    assert isinstance(raised[0], RuntimeError) and "another thread has closed the vector" in str(raised[0])


# -- set and log -------------------------------------------------------------------------------------------


def play_with_changes(env: Any) -> list[list[bytes]]:
    """Values set for some and for all, for the next step and for the next reset, before a reset and between steps."""
    env.set("pace", 3, env_ids=[1])
    env.reset(4)
    rng, record = np.random.default_rng(0), [seen(env)]
    for step in range(60):
        if step == 10:
            env.set("pace", 10, env_ids=[0, 4], when="step")
            env.set("table", np.arange(5), env_ids=3, when="step")
        if step == 20:
            env.set("pace", -7)
        if step == 40:
            env.set("pace", 1)
            env.set("pace", 2, env_ids=[2, 2], when="reset")
            env.reset()
        env.step(some_actions(env, rng))
        record.append(seen(env))
    logs = [env.log(i) for i in range(6)]
    return [*record, [repr([{k: round(v, 4) for k, v in log.items()} for log in logs]).encode()]]


def test_set_takes_effect_at_the_same_moment_everywhere() -> None:
    with vector.make(Walks, 6, backend="serial") as env:
        expected = play_with_changes(env)
    for variant in variants(Walks):
        with vector.make(Walks, 6, **variant) as env:
            assert play_with_changes(env) == expected, variant


def test_set_is_for_the_chosen_environments_only(groups: Vector) -> None:
    groups.reset()
    groups.set("table", 8.0, env_ids=[1, 2], when="step")
    groups.set("table", 5.0, env_ids=[3], when="reset")
    np.testing.assert_array_equal(groups.observations[:, 3], [0, 0, 0, 0])  # not before the step
    groups.step([0] * 4)
    assert groups.observations[:3, 3].tolist() == [0, 8, 8]
    groups.reset()
    assert groups.observations[:, 3].tolist() == [0, 8, 8, 5]


REFUSED_VALUES: list[tuple[Any, Any, str]] = [
    (("no_such", 1), AttributeError, "no_such"),
    (("pace", 1, [4]), ValueError, "from 0 to 3"),
    (("pace", 1, [-1]), ValueError, "from 0 to 3"),
    (("pace", 1, [0.5]), ValueError, "from 0 to 3"),
    (("pace", 1, "all"), ValueError, "from 0 to 3"),
    (("pace", 1, [[0]]), ValueError, "from 0 to 3"),
    (("pace", 1, None, "now"), ValueError, "'reset' or 'step'"),
    ((3, 1), TypeError, "key must be a string"),
]


def test_refused_values_change_nothing(groups: Vector) -> None:
    with vector.make(Walks, 4, backend="serial", batch=2, seed=1) as other:
        expected = play(other, steps=20)
    for arguments, error, message in REFUSED_VALUES:
        with pytest.raises(error, match=message):
            groups.set(*arguments)
        assert groups.log() == {}  # the answer is to this call, not to the refused one
    assert play(groups, steps=20) == expected


def test_log_counts_once_and_clears(fresh: Vector) -> None:
    fresh.log()
    ended = 0
    for _ in range(50):
        _, _, terminals, truncations = fresh.step([1] * 4)
        ended += int((terminals | truncations).sum())
    alone = fresh.log(2)
    together = fresh.log()
    assert alone["n"] + together["n"] == ended and alone["n"] and together["n"]
    assert fresh.log() == {} and fresh.log(0) == {}
    for bad in (4, -1, 0.5, "0"):
        with pytest.raises(ValueError, match="from 0 to 3"):
            fresh.log(bad)  # type: ignore[arg-type]


def test_render_asks_the_right_environment(fresh: Vector) -> None:
    assert [fresh.render(env)["env"] for env in range(4)] == [0, 1, 2, 3]

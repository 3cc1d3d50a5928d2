"""Native environments in groups: the same bytes as together, every misuse reported, nothing left behind."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import puffer_envs
from puffer_envs.spec import EnvSpec, Setting, read_layout, to_numbers
from puffer_envs.vector.ready import Ready
from puffer_envs.vector.threads import Threads

from ..engine.conftest import TESTS, build, build_library, compiler, probe  # noqa: F401 (fixtures)

ENVIRONMENTS = puffer_envs.list_envs()
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> str:
    """tests/c/slow.h, compiled as a user would, and loaded."""
    library = tmp_path_factory.mktemp("slow") / "slow.so"
    flags = ["-std=c17", "-O2", "-shared", "-fPIC", "-DPUF_EXPORT", f"-I{puffer_envs.get_include()}"]
    command = [compiler(), *flags, "-include", str(TESTS / "c/slow.h"), "-x", "c", os.devnull, "-o", str(library)]
    subprocess.run(command, check=True)
    return puffer_envs.load_library(library)


def native_threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def draw_actions(env: Any, rows: int, rng: np.random.Generator) -> NDArray[Any]:
    """Actions of the right kind; continuous ones go a little beyond their bounds, which are clipped to."""
    space = env.single_action_space
    if isinstance(space, gymnasium.spaces.Box):
        return rng.uniform(-1.5, 1.5, (rows, *space.shape)).astype(np.float32)
    choices = space.n if isinstance(space, gymnasium.spaces.Discrete) else space.nvec
    return rng.integers(0, choices, (rows, *space.shape), dtype=np.int32)


def assert_same(ready: Ready, alone: puffer_envs.Environment) -> None:
    """The rows of a group are those of an environment that holds this group only."""
    over = alone.terminals | alone.truncations
    assert np.array_equal(ready.observations, alone.observations)
    assert np.array_equal(ready.rewards, alone.rewards)
    assert np.array_equal(ready.terminals, alone.terminals)
    assert np.array_equal(ready.truncations, alone.truncations)
    assert np.array_equal(ready.final_observations[over], alone.final_observations[over])
    for mask, expected in ((ready.action_masks, alone.action_masks), (ready.agent_mask, alone.agent_mask)):
        assert (mask is None) == (expected is None)
        assert mask is None or expected is None or np.array_equal(mask, expected)


# -- one group -------------------------------------------------------------------------------------------------


def test_step_is_the_environments_own() -> None:
    assert Threads.step is puffer_envs.Environment.step
    assert Threads.reset is puffer_envs.Environment.reset


@pytest.mark.parametrize("name", ["snake", "drone", "tanks"])
def test_what_is_written_after_send_is_not_stepped(name: str) -> None:
    """The actions are the caller's again once send returns, although the groups are still under way."""
    num_envs, batch, steps = 1024, 256, 20
    rng = np.random.default_rng(0)
    with (
        puffer_envs.make(name, num_envs) as alone,
        Threads(name, num_envs, threads=2, batch=batch) as env,
    ):
        alone.reset(0)
        env.reset(0)
        for _ in range(steps):
            actions = draw_actions(env, env.num_agents, rng)
            alone.step(actions)
            for ids in [env.recv().env_id for _ in range(num_envs // batch)]:
                rows = slice(ids[0] * env.agents, (ids[-1] + 1) * env.agents)
                env.send(actions[rows], ids)
                env.actions[:] = draw_actions(env, env.num_agents, rng)  # legal ones, so that a failure is no crash
        for _ in range(num_envs // batch):
            env.recv()
        assert env.state_hash() == alone.state_hash()


@pytest.mark.parametrize("threads", [1, 3])
def test_a_single_group_is_sent_by_stepping(threads: int) -> None:
    with Threads("squared", 300, threads=threads, seed=5) as vec, puffer_envs.make("squared", 300, seed=5) as alone:
        assert np.array_equal(vec.reset(), alone.reset())
        rng = np.random.default_rng(0)
        for step in range(100):
            ready = vec.recv()
            assert_same(ready, alone)
            actions = draw_actions(vec, 300, rng)
            alone.step(actions)
            if step % 3:
                vec.send(actions, ready.env_id if step % 2 else None)
            else:
                vec.step(actions)
        assert vec.state_hash() == alone.state_hash()


@linux
def test_threads_there_are(slow: str) -> None:
    before = native_threads()
    for batch, threads, expected in ((8, 1, 0), (8, 3, 2), (4, 1, 1), (2, 3, 3)):
        with Threads(slow, 8, batch=batch, threads=threads):
            assert native_threads() == before + expected
    assert native_threads() == before


# -- several groups --------------------------------------------------------------------------------------------


@st.composite
def plans(draw: st.DrawFn) -> tuple[str, dict[str, Any], int, int, int, int]:
    name, batches = draw(
        st.sampled_from(
            [("squared", [1, 5, 200]), ("cartpole", [3, 64, 300]), ("pong", [2, 150]), ("breakout", [1, 130]),
             ("snake", [1, 2]), ("probe", [1, 40])]
        )
    )  # fmt: skip
    own: dict[str, Any] = {}
    if name == "cartpole":
        own = {"continuous": draw(st.booleans()), "max_steps": 20}
    elif name == "breakout":
        own = {"frameskip": 16, "max_frames": 200}
    elif name == "snake":
        own = {"num_snakes": draw(st.sampled_from([1, 70])), "max_steps": 9}
    return (
        name,
        own,
        draw(st.sampled_from(batches)),
        draw(st.integers(2, 5)),
        draw(st.integers(1, 4)),
        draw(st.integers(0, 2**32)),
    )


@pytest.mark.usefixtures("probe")
@given(plans(), st.data())
@settings(max_examples=150, deadline=None)
def test_any_interleaving_gives_the_bytes_of_groups_on_their_own(
    plan: tuple[str, dict[str, Any], int, int, int, int], data: st.DataObject
) -> None:
    name, own, batch, groups, threads, seed = plan
    rng = np.random.default_rng(seed)
    alone = [puffer_envs.make(name, batch, seed=seed, first=g * batch, **own) for g in range(groups)]
    vec = Threads(name, batch * groups, batch=batch, threads=threads, seed=seed, **own)
    with vec:
        vec.reset()
        for env in alone:
            env.reset()
        held: list[Ready] = []
        sent = 0
        for _ in range(60):
            if held and (sent == groups or data.draw(st.booleans())):
                some = [held.pop(rng.integers(len(held))) for _ in range(1 + rng.integers(2)) if held]
                actions = np.concatenate([draw_actions(vec, len(r.rewards), rng) for r in some])
                vec.send(actions, np.concatenate([r.env_id for r in some]) if len(some) > 1 else some[0].env_id)
                for ready, part in zip(some, np.split(actions, len(some)), strict=True):
                    alone[ready.env_id[0] // batch].step(part)
            elif len(held) < groups:
                held.append(vec.recv())
                assert_same(held[-1], alone[held[-1].env_id[0] // batch])
        while len(held) < groups:
            held.append(vec.recv())
            assert_same(held[-1], alone[held[-1].env_id[0] // batch])
        assert sorted(i for ready in held for i in ready.env_id) == list(range(batch * groups))
        hashes = [env.state_hash(i) for env in alone for i in range(batch)]
        assert hashes == [vec.state_hash(i) for i in range(batch * groups)]
        sums = [env.log() for env in alone]
        n = sum(log.get("n", 0) for log in sums)
        log = vec.log()
        assert log.get("n", 0) == n
        assert not n or log["score"] == pytest.approx(sum(x["score"] * x["n"] for x in sums if x) / n, rel=1e-5)
    for env in alone:
        env.close()


def test_what_recv_returns_are_views_and_always_the_same() -> None:
    with Threads("squared", 6, batch=2) as vec:
        vec.reset(1)
        first = vec.recv()
        assert first.env_id.tolist() == [0, 1] and first.observations.base is not None
        assert np.shares_memory(first.observations, vec.observations) and np.shares_memory(first.rewards, vec.rewards)
        vec.actions[:2] = 3
        vec.send(vec.actions[:2], first.env_id)
        others = [vec.recv() for _ in range(3)]
        assert [r.env_id[0] for r in others] == [2, 4, 0] and others[-1] is first


def test_groups_arrive_as_they_finish(slow: str) -> None:
    """Two threads: one is held up by a slow group, the other brings all the rest meanwhile."""
    with Threads(slow, 8, batch=1, threads=2) as vec:
        vec.set("work", 100_000_000, 0)
        vec.reset(0)
        for _ in range(8):
            vec.send([1], vec.recv().env_id)
        arrived = [int(vec.recv().env_id[0]) for _ in range(8)]
        assert sorted(arrived) == list(range(8)) and arrived[-1] == 0


def test_a_step_of_all_makes_all_groups_wait() -> None:
    with Threads("squared", 4, batch=2, threads=2) as vec:
        vec.reset(0)
        ready = vec.recv()
        vec.step([0] * 4)
        with pytest.raises(RuntimeError, match=r"send\(\) without recv\(\)"):
            vec.send([0, 0])
        with pytest.raises(RuntimeError, match="environments 0 to 1 are waiting to be received"):
            vec.send([0, 0], ready.env_id)
        assert [vec.recv().env_id[0] for _ in range(2)] == [0, 2]
        snapshot = vec.snapshot()
        vec.send([0, 0])
        with pytest.raises(RuntimeError, match="some are under way"):
            vec.step([0] * 4)
        vec.recv()
        vec.restore(snapshot)
        assert [vec.recv().env_id[0] for _ in range(2)] == [0, 2]


def test_double_buffering_needs_one_thread(slow: str) -> None:
    """While one half steps in the background, the caller's thread computes."""
    with Threads(slow, 2, batch=1, threads=1, work=50_000_000) as vec:
        vec.reset(0)
        vec.recv()
        begin = time.perf_counter()
        vec.send([0])
        sent = time.perf_counter() - begin
        vec.recv()  # the other half, which waited
        vec.recv()
        assert sent < (time.perf_counter() - begin) / 4


# -- misuse ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"batch": 3}, ValueError, "num_envs must be a multiple of batch, got 8 and 3"),
        ({"batch": 9}, ValueError, "batch must be from 1 to 8"),
        ({"batch": 0}, ValueError, "batch must be from 1 to 8"),
        ({"batch": 2.0}, TypeError, "batch must be an integer"),
        ({"threads": 0}, ValueError, "threads must be from 1"),
        ({"sise": 3}, ValueError, "no setting 'sise'"),
    ],
)
def test_arguments(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Threads("squared", 8, **arguments)


def test_going_round_the_checks_is_no_way_into_c() -> None:
    with pytest.raises(ValueError, match="multiple of group"):
        puffer_envs.Environment("squared", 4, [32.0], group=3)
    with Threads("squared", 4, batch=2) as vec:
        vec.reset(0)
        vec._send([0], [0, 0])
        with pytest.raises(RuntimeError, match="group 0 is under way"):
            vec._send([0], [0, 0])
        vec._receive()
        with pytest.raises(RuntimeError, match="no environments are under way"):
            vec._receive()
        for groups in ([2], [-1], [0, 0]):
            with pytest.raises(ValueError, match="group"):
                vec._send(groups, [0, 0] * len(groups))
        for env in (-1, 4):
            with pytest.raises(IndexError, match="from 0 to 3"):
                vec._set_next([env], [[10.0]])
    with puffer_envs.make("squared", 4) as env:
        env.reset(0)
        with pytest.raises(ValueError, match="there are 0 groups"):
            env._send([0], [0] * 4)


def test_misuse_is_told_and_moves_nothing() -> None:
    vec = Threads("squared", 9, batch=3, threads=2)
    for call in (vec.recv, lambda: vec.send([0, 0, 0])):
        with pytest.raises(RuntimeError, match="call reset\\(\\) before"):
            call()
    vec.reset(0)
    with pytest.raises(RuntimeError, match=r"send\(\) without recv\(\)"):
        vec.send([0, 0, 0])
    first, second = vec.recv(), vec.recv()
    before = vec.state_hash()
    for env_id in ([2, 1, 0], [0, 1], [0, 1, 2, 3], [1, 2, 3], [9, 10, 11], [-3, -2, -1], [0.0, 1.0, 2.0], 0,
                   [[0, 1, 2]], ["a", "b", "c"], [0, 1, 2, 0, 1, 2]):  # fmt: skip
        with pytest.raises(ValueError, match="env_id must be from recv"):
            vec.send([0] * np.size(env_id), env_id)
    for actions in ([0, 0], [[0], [0], [0]], [0.5, 0, 0], 0, [0] * 9, None, "up"):
        with pytest.raises(ValueError, match=r"expected (integer )?actions"):
            vec.send(actions, first.env_id)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"action 7 .* in environment 4 \(row 4\) is refused.*Nothing has moved"):
        vec.send([0, 7, 0], second.env_id)
    with pytest.raises(ValueError, match=r"action -1 .* in environment 5 \(row 5\) is refused"):
        vec.send(np.array([0, 0, 0, 0, 0, -1]), [0, 1, 2, 3, 4, 5])
    with pytest.raises(ValueError, match=r"expected actions of shape \(6,\), got \(5,\)"):
        vec.send([0] * 5, [0, 1, 2, 3, 4, 5])
    assert vec.state_hash() == before

    vec.send([0, 0, 0])
    with pytest.raises(RuntimeError, match="environments 3 to 5 are under way"):
        vec.send([0, 0, 0], second.env_id)
    snapshot = b""
    for call in (vec.log, vec.state_hash, vec.snapshot, vec.state, vec.reset, lambda: vec.restore(snapshot)):
        with pytest.raises((RuntimeError, ValueError)) as caught:
            call()
        assert "under way" in str(caught.value) or call.__name__ == "<lambda>"
    vec.recv()
    vec.recv()
    with pytest.raises(RuntimeError, match="recv\\(\\) would wait forever"):
        vec.recv()
    vec.close()
    vec.close()
    for call in (vec.recv, lambda: vec.send([0, 0, 0], first.env_id), vec.reset):
        with pytest.raises(RuntimeError, match="closed"):
            call()


def test_a_snapshot_is_not_restored_while_environments_are_under_way() -> None:
    with Threads("squared", 4, batch=2) as vec:
        vec.reset(0)
        snapshot = vec.snapshot()
        vec.recv()
        vec.send([0, 0])
        with pytest.raises(RuntimeError, match="under way"):
            vec.restore(snapshot)


def test_a_replay_records_whole_steps_only(tmp_path: Path) -> None:
    with Threads("squared", 4, batch=2, threads=2) as vec:
        vec.start_replay(3)
        vec.recv()
        with pytest.raises(RuntimeError, match="a replay is being recorded"):
            vec.send([0, 0])
        vec.step([1, 2, 3, 4])
        vec.save_replay(tmp_path / "run.replay")
    assert len(puffer_envs.Replay.load(tmp_path / "run.replay")) == 1


def test_a_second_thread_is_turned_away(slow: str) -> None:
    with Threads(slow, 2, batch=1, threads=1, work=300_000_000) as vec:
        vec.reset(0)
        vec.send([0], vec.recv().env_id)
        vec.recv()
        waiting = threading.Thread(target=vec.recv)
        waiting.start()
        time.sleep(0.05)  # the step takes some tenths of a second
        for call in (vec.recv, lambda: vec.send([0], [1]), vec.log, vec.close):
            with pytest.raises(RuntimeError, match="another thread is inside"):
                call()
        waiting.join()


FORK = """
import os, sys, warnings
warnings.simplefilter("ignore")
from puffer_envs.vector.threads import Threads
vec = Threads("squared", 64, batch=32, threads=2)
vec.reset(0)
vec.send([0] * 32, vec.recv().env_id)
pid = os.fork()
if pid == 0:
    told = 0
    half = vec.recv()  # which waited: nothing has to be done for it
    for call in (lambda: vec.send([0] * 32), vec.recv):
        try:
            call()
        except RuntimeError as error:
            told += "fork" in str(error)
    with Threads("squared", 64, batch=32, threads=2) as own:
        own.reset(0)
        own.send([0] * 32, own.recv().env_id)
        own.recv(), own.recv()
    vec.close()
    os._exit(10 + told)
_, status = os.waitpid(pid, 0)
vec.recv(), vec.recv()
vec.step([0] * 64)
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork on Windows")
def test_a_forked_child_is_told_instead_of_hanging() -> None:
    assert subprocess.run([sys.executable, "-c", FORK], check=False, timeout=60).returncode == 12


# -- ends ------------------------------------------------------------------------------------------------------


def under_way(name: str, **own: Any) -> Threads:
    vec = Threads(name, 64, batch=4, threads=3, **own)
    vec.reset(0)
    for _ in range(16):
        vec.send([0] * 4, vec.recv().env_id)
    return vec


@linux
def test_closing_and_forgetting_while_under_way(slow: str) -> None:
    before = native_threads()
    for work in (0, 30_000):
        for _ in range(10):
            vec = under_way(slow, work=work)
            vec.close()
            vec.close()
            vec = under_way(slow, work=work)
            del vec
            vec = under_way(slow, work=work)
            vec.itself = vec  # type: ignore[attr-defined] # a cycle: found by the collector, arrays and all
            del vec
            gc.collect()
            vec = under_way(slow, work=work)
            views = vec.recv()
            del vec
            assert views.observations.shape == (4, 1)
    assert native_threads() == before


def test_the_interpreter_ends_while_groups_are_under_way() -> None:
    code = (
        "from puffer_envs.vector.threads import Threads\n"
        "vec = Threads('breakout', 4096, batch=512, threads=2)\n"
        "vec.reset(0)\n"
        "for _ in range(8): vec.send([0] * 512, vec.recv().env_id)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def changeable(spec: EnvSpec) -> tuple[str, Setting]:
    """A setting that keeps the layout and the assets as they are, and another value for it."""
    for param in reversed(spec.params):
        other = param.from_number(param.high if param.to_number(param.default) == param.low else param.low)
        changed = {**{p.name: p.default for p in spec.params}, param.name: other}
        if not param.fixed and read_layout(spec.name, to_numbers(spec, changed)) == spec.layout:
            return param.name, other
    raise AssertionError(spec.name)


@linux
def test_a_thousand_make_and_close_leave_nothing() -> None:
    def cycle(count: int) -> None:
        for i in range(count):
            vec = Threads(ENVIRONMENTS[i % len(ENVIRONMENTS)], 16, batch=4, threads=1 + i % 3, seed=i)
            vec.reset()
            for _ in range(4):
                ready = vec.recv()
                vec.send(np.zeros_like(vec.actions[: len(ready.rewards)]))
            if i % 2:
                vec.set(*changeable(vec.spec), [0, 5])
                vec.recv()
            vec.close()
        gc.collect()

    def resources() -> tuple[int, int]:
        return len(list(Path("/proc/self/fd").iterdir())), native_threads()

    def resident_bytes() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    cycle(300)
    before, memory = resources(), resident_bytes()
    cycle(1000)
    assert resources() == before
    assert resident_bytes() - memory < 2**20


@linux
def test_idle_threads_use_no_cpu() -> None:
    with Threads("squared", 4096, batch=512, threads=3) as vec:
        vec.reset(0)
        for _ in range(50):
            vec.send([0] * 512, vec.recv().env_id)
        while vec._ledger.under_way:
            vec.recv()
        time.sleep(0.05)
        before = time.process_time()
        time.sleep(0.5)
        assert time.process_time() - before < 0.02


@linux
def test_waiting_for_a_slow_group_sleeps(slow: str) -> None:
    with Threads(slow, 2, batch=1, threads=1, work=300_000_000) as vec:
        vec.reset(0)
        vec.send([0], vec.recv().env_id)
        vec.recv()
        wall, used = time.perf_counter(), time.thread_time()
        vec.recv()
        assert time.thread_time() - used < 0.1 * (time.perf_counter() - wall)

"""Settings of single native environments, changed while they run: when they take effect, and on whom."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import puffer_envs
from puffer_envs.vector.threads import Threads

from ..engine.conftest import build, build_library, probe  # noqa: F401 (fixtures)

NUM_ENVS = 150
"""More than two rows of the 64 environments that some loops step side by side."""
CHANGED = [0, 3, 4, 5, 63, 64, 100, 148, 149]
# A setting whose change shows, with values before and after; the others make episodes short.
CASES: dict[str, tuple[str, float, float, dict[str, Any]]] = {
    "cartpole": ("force", 10, 17.5, {"max_steps": 12}),
    "pong": ("opponent_speed", 3, 0.5, {"max_steps": 30, "max_score": 2}),
    "breakout": ("frameskip", 4, 13, {"max_frames": 100}),
    "squared": ("max_steps", 20, 3, {}),
    "snake": ("start_length", 2, 4, {"num_snakes": 1, "width": 7, "height": 7, "num_food": 4, "max_steps": 20}),
}
names = pytest.mark.parametrize("name", CASES)


def make(name: str, num_envs: int = NUM_ENVS, **arguments: Any) -> puffer_envs.Environment:
    key, before, _, others = CASES[name]
    return puffer_envs.make(name, num_envs, **{key: before, **others, **arguments})


def change(env: puffer_envs.Environment, envs: list[int] = CHANGED) -> None:
    key, _, after, _ = CASES[env.spec.name]
    env._set(key, after, envs)


def actions_of(name: str, steps: int, num_envs: int = NUM_ENVS) -> NDArray[np.int32]:
    with puffer_envs.make(name) as env:
        choices = env.single_action_space.n  # type: ignore[attr-defined]
    return np.random.default_rng(7).integers(0, choices, (steps, num_envs), dtype=np.int32)


def copies(env: puffer_envs.Environment) -> list[NDArray[Any]]:
    """All results of the last step; final observations only where they are valid."""
    over = env.terminals | env.truncations
    final = np.where(over.reshape(-1, *[1] * (env.observations.ndim - 1)), env.final_observations, 0)
    return [a.copy() for a in (env.observations, env.rewards, env.terminals, env.truncations, final)]


def run(env: puffer_envs.Environment, actions: NDArray[np.int32], change_at: int = -1) -> Iterator[list[NDArray[Any]]]:
    for step, row in enumerate(actions):
        if step == change_at:
            change(env)
        env.step(row)
        yield copies(env)


@names
def test_it_begins_with_the_next_episode_and_touches_no_other(name: str) -> None:
    actions = actions_of(name, 120)
    key, before, after, _ = CASES[name]
    changed = np.isin(np.arange(NUM_ENVS), CHANGED)
    begun = np.zeros(NUM_ENVS, bool)  # the first episode after the change
    with make(name, seed=1) as plain, make(name, seed=1) as env:
        plain.reset()
        env.reset()
        for step, (expected, got) in enumerate(zip(run(plain, actions), run(env, actions, change_at=10), strict=True)):
            for a, b in zip(expected[1:], got[1:], strict=True):  # of the last step of an episode, too
                assert np.array_equal(a[~begun], b[~begun]), step
            if step >= 10:
                begun |= changed & (got[2] | got[3])
            assert np.array_equal(expected[0][~begun], got[0][~begun]), step
            assert [env.env_settings(i)[key] for i in range(NUM_ENVS)] == [after if x else before for x in begun]
        assert begun[changed].all()
        assert not np.array_equal(expected[0][changed], got[0][changed])
        assert env.settings == plain.settings


@names
def test_from_then_on_it_is_an_environment_made_with_these_settings(name: str) -> None:
    """However their neighbours are stepped: compared with a batch of one, from the state that the change led to."""
    actions = actions_of(name, 200)
    key, _, after, _ = CASES[name]
    with make(name, seed=2) as env:
        env.reset()
        for _ in run(env, actions[:100], change_at=10):
            pass
        alone = [make(name, 1, **{key: after}) for _ in CHANGED]
        size = env._states.size // NUM_ENVS
        for i, one in zip(CHANGED, alone, strict=True):
            assert env.env_settings(i)[key] == after
            one._states[:] = env._states[i * size : (i + 1) * size]
            one._observe()
        for row in actions[100:]:
            env.step(row)
            for i, one in zip(CHANGED, alone, strict=True):
                one.step(row[i : i + 1])
                for a, b in zip(copies(env), copies(one), strict=True):
                    assert np.array_equal(a[i], b[0])
        for one in alone:
            one.close()


@names
@pytest.mark.parametrize(("batch", "threads"), [(150, 2), (150, 4), (75, 1), (50, 2), (10, 4), (1, 2)])
def test_threads_and_batches_change_nothing(name: str, batch: int, threads: int) -> None:
    actions = actions_of(name, 60)
    key, before, after, others = CASES[name]
    with (
        make(name, seed=3) as plain,
        Threads(name, NUM_ENVS, batch=batch, threads=threads, seed=3, **{key: before, **others}) as vec,
    ):
        plain.reset()
        vec.reset()
        groups = [vec.recv() for _ in range(NUM_ENVS // batch)]
        for step, expected in enumerate(run(plain, actions, change_at=10)):
            if step == 10:
                vec.set(key, after, CHANGED)
            if step % 20 == 19:
                vec.step(actions[step])
            else:
                for ready in groups:
                    vec.send(actions[step][ready.env_id], ready.env_id)
            groups = [vec.recv() for _ in groups]
            assert all(np.array_equal(a, b) for a, b in zip(expected, copies(vec), strict=True))
        assert vec.state_hash() == plain.state_hash()
        assert vec.log() == plain.log()


@names
def test_a_seeded_reset_is_that_of_an_environment_made_so(name: str) -> None:
    key, _, after, _ = CASES[name]
    actions = actions_of(name, 50)
    changed = np.isin(np.arange(NUM_ENVS), CHANGED)
    with make(name) as env, make(name) as before, make(name, **{key: after}) as later:
        change(env)  # before the first reset
        for each in (env, before, later):
            each.reset(9)
        for row in actions:
            for each in (env, before, later):
                each.step(row)
            for a, b, c in zip(copies(env), copies(before), copies(later), strict=True):
                assert np.array_equal(a[~changed], b[~changed]) and np.array_equal(a[changed], c[changed])


@names
def test_an_unseeded_reset_takes_it_and_keeps_the_log(name: str) -> None:
    key, _, after, _ = CASES[name]
    hashes = []
    for threads in (1, 3):
        with make(name, seed=4, threads=threads) as env, make(name, seed=4) as plain:
            for each in (env, plain):
                each.reset()
                for row in actions_of(name, 40):
                    each.step(row)
            change(env)
            assert np.array_equal(env.reset()[1:3], plain.reset()[1:3])
            assert not env.rewards.any() and not env.terminals.any() and not env.truncations.any()
            assert [env.env_settings(i)[key] for i in CHANGED] == [after] * len(CHANGED)
            hashes.append([env.state_hash(i) for i in range(NUM_ENVS)])
            same = [i for i in range(NUM_ENVS) if hashes[-1][i] == plain.state_hash(i)]
            assert same == [i for i in range(NUM_ENVS) if i not in CHANGED]
            log = plain.log()
            assert log["n"] > 0 and env.log() == log
    assert hashes[0] == hashes[1]


def test_agents_that_end_one_by_one_take_it_at_a_reset() -> None:
    with puffer_envs.make("snake", 4, num_snakes=8, max_steps=30) as env:
        env.reset(0)
        env._set("reward_food", 0.25, [1])
        rng = np.random.default_rng(0)
        ended = 0
        for _ in range(20):
            ended += int(env.step(rng.integers(0, 4, 32))[2].sum())
        assert ended > 0 and env.env_settings(1)["reward_food"] != 0.25
        env.reset()
        assert [env.env_settings(i)["reward_food"] == 0.25 for i in range(4)] == [False, True, False, False]


def test_all_agents_must_end_in_the_same_step(probe: str) -> None:  # noqa: F811
    """Several agents, masks, and a state with a table behind it."""
    with (
        puffer_envs.make(probe, 5, agents=4, max_steps=6) as env,
        puffer_envs.make(probe, 5, agents=4, max_steps=6) as old,
    ):
        env.reset(0)
        old.reset(0)
        env._set("max_steps", 3, [2])
        actions = np.ones((20, 2), np.int32)
        ends = []
        for _ in range(12):
            env.step(actions)
            old.step(actions)
            rest = np.r_[0:8, 12:20]
            for a, b in ((env.observations, old.observations), (env.action_masks, old.action_masks),
                         (env.agent_mask, old.agent_mask), (env.rewards, old.rewards)):  # fmt: skip
                assert a is not None and b is not None and np.array_equal(a[rest], b[rest])
            assert env.truncations[8:12].all() == env.truncations[8:12].any()
            ends.append(bool(env.truncations[8]))
        assert np.flatnonzero(ends).tolist() == [5, 8, 11]
        assert np.array_equal(env.final_observations[8:12, 0], [-3] * 4)
        with pytest.raises(ValueError, match="agents=2 would change the layout"):
            env._set("agents", 2, [0])
        with pytest.raises(ValueError, match="agents times max_steps must be at most 400"):
            env._set("max_steps", 120, [0])


def test_setting_it_back_leaves_no_trace() -> None:
    with make("cartpole", seed=5) as env, make("cartpole", seed=5) as plain:
        env.reset()
        plain.reset()
        env._set("force", 15, CHANGED)
        env._set("force", 10, CHANGED)
        for a, b in zip(run(env, actions_of("cartpole", 60)), run(plain, actions_of("cartpole", 60)), strict=True):
            assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize(
    ("key", "value", "arguments", "error", "message"),
    [
        ("forse", 12, {}, ValueError, "cartpole has no setting 'forse'"),
        ("force", 99, {}, ValueError, "setting 'force' must be from 1 to 20, got 99"),
        ("force", "hard", {}, TypeError, "setting 'force' must be a number"),
        ("max_steps", 2.5, {}, ValueError, "setting 'max_steps' must be an integer"),
        ("continuous", True, {}, ValueError, "continuous=True would change the layout"),
        ("force", 12, {"when": "step"}, ValueError, "when must be 'reset', since native settings are read at"),
        ("force", 12, {"when": 3}, ValueError, "when must be 'reset'"),
        ("force", 12, {"env_ids": [0, 8]}, ValueError, "environments are numbered from 0 to 7"),
        ("force", 12, {"env_ids": -1}, ValueError, "environments are numbered from 0 to 7"),
        ("force", 12, {"env_ids": [0.5]}, ValueError, "environments are numbered from 0 to 7"),
        ("force", 12, {"env_ids": "all"}, ValueError, "environments are numbered from 0 to 7"),
        ("force", 12, {"env_ids": [[1]]}, ValueError, "environments are numbered from 0 to 7"),
    ],
)
def test_what_is_refused_changes_nothing(
    key: str, value: Any, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with Threads("cartpole", 8, batch=4) as vec:
        vec.reset(0)
        with pytest.raises(error, match=message):
            vec.set(key, value, **arguments)
        before = vec.state_hash()
        vec.reset(0)
        assert vec.state_hash() == before and vec.env_settings(0) == vec.settings
    with pytest.raises(RuntimeError, match="closed"):
        vec.set("force", 12)


@pytest.mark.parametrize("key", ["width", "height", "num_snakes"])
def test_maps_keep_their_size(key: str) -> None:
    with puffer_envs.make("snake", 2, num_snakes=4) as env, pytest.raises(ValueError, match="would change the layout"):
        env._set(key, env.settings[key] + 1, [0])


def test_environments_may_be_given_one_by_one() -> None:
    with Threads("cartpole", 6, threads=2) as vec:
        vec.set("force", 11, 2)
        vec.set("max_steps", 77, np.array([2, 4]))
        vec.set("force", 12)
        vec.set("force", np.float32(13.5), [5, 5])
        vec.reset(0)
        force, steps = zip(*((s["force"], s["max_steps"]) for s in map(vec.env_settings, range(6))), strict=True)
        assert force == (12, 12, 12, 12, 12, 13.5) and steps == (500, 500, 77, 500, 77, 500)
        assert isinstance(vec.env_settings(0)["max_steps"], int)
        with pytest.raises(IndexError, match="from 0 to 5"):
            vec.env_settings(6)


def test_while_groups_are_under_way() -> None:
    with Threads("squared", 400, batch=100, threads=2, max_steps=4) as vec:
        vec.reset(0)
        for _ in range(4):
            vec.send([0] * 100, vec.recv().env_id)
        vec.set("max_steps", 2, range(50, 250))
        for _ in range(60):
            ready = vec.recv()
            vec.send([0] * 100, ready.env_id)
        for _ in range(4):
            vec.recv()
        assert [vec.env_settings(i)["max_steps"] for i in range(400)] == [4] * 50 + [2] * 200 + [4] * 150


@names
@pytest.mark.parametrize("moment", ["before", "pending", "in effect"])
def test_a_snapshot_continues_elsewhere(name: str, moment: str) -> None:
    key, _, after, _ = CASES[name]
    actions = actions_of(name, 160)
    with make(name, seed=6) as env, make(name, seed=0) as other:
        env.reset()
        for _ in run(env, actions[:30]):
            pass
        if moment != "before":
            change(env)
        if moment == "in effect":
            for _ in run(env, actions[30:110]):
                pass
        assert [env.env_settings(i)[key] == after for i in (147, 148)] == [False, moment == "in effect"]
        snapshot = env.snapshot()
        env.log()
        expected = list(run(env, actions[110:]))
        other.restore(snapshot)
        other.log()
        for a, b in zip(expected, run(other, actions[110:]), strict=True):
            assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))
        assert other.state_hash() == env.state_hash() and other.log() == env.log()
        assert all(other.env_settings(i) == env.env_settings(i) for i in range(NUM_ENVS))
        for damaged in (snapshot[:-8], snapshot[:-1] + bytes([snapshot[-1] ^ 1]), snapshot + b"x"):
            with pytest.raises(puffer_envs.SnapshotError):
                other.restore(damaged)


@names
def test_a_snapshot_from_before_undoes_it(name: str) -> None:
    actions = actions_of(name, 100)
    with make(name, seed=6) as env:
        env.reset()
        snapshot = env.snapshot()
        expected = list(run(env, actions))
        env.restore(snapshot)
        for _ in run(env, actions, change_at=1):
            pass
        env.restore(snapshot)
        assert all(env.env_settings(i) == env.settings for i in range(NUM_ENVS))
        for a, b in zip(expected, run(env, actions), strict=True):
            assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_replays_hold_one_set_of_settings(tmp_path: Path) -> None:
    with Threads("squared", 4) as vec:
        vec.start_replay(1)
        with pytest.raises(RuntimeError, match="a replay is being recorded"):
            vec.set("max_steps", 5)
        vec.reset(1)
        vec.set("max_steps", 5, [2])
        with pytest.raises(RuntimeError, match="a replay holds one set of settings"):
            vec.start_replay(1)
        vec.set("max_steps", 32)
        vec.start_replay(1)
        vec.step([0] * 4)
        vec.save_replay(tmp_path / "run.replay")
    assert len(list(puffer_envs.Replay.load(tmp_path / "run.replay").play())) == 2

"""gymnasium.make_vec("puffer/..."): no copies, and the form that Gymnasium's own SyncVectorEnv gives its results."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import puffer_envs
from puffer_envs.adapters.to_gymnasium import PufferEnv, PufferVectorEnv

CASES: list[tuple[str, dict[str, Any]]] = [
    ("breakout", {"max_frames": 200}),
    ("cartpole", {}),
    ("cartpole", {"continuous": True}),
    ("pong", {"max_steps": 40}),
    ("snake", {"num_snakes": 1, "width": 6, "height": 6, "num_food": 5}),
    ("squared", {}),
]
NUM_ENVS = 5


def make_vec(name: str, num_envs: int = NUM_ENVS, **keywords: Any) -> PufferVectorEnv:
    envs = gymnasium.make_vec(f"puffer/{name.capitalize()}-v1", num_envs=num_envs, **keywords)
    assert isinstance(envs, PufferVectorEnv)
    return envs


def assert_same(found: Any, wanted: Any, where: str) -> None:
    """Equal in keys, types, shapes, dtypes and values, to any depth."""
    assert type(found) is type(wanted), where
    if isinstance(found, dict):
        assert found.keys() == wanted.keys(), where
        for key in found:
            assert_same(found[key], wanted[key], f"{where}[{key!r}]")
    elif isinstance(found, np.ndarray):
        assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape), where
        if found.dtype == object:
            for i, pair in enumerate(zip(found, wanted, strict=True)):
                assert_same(*pair, f"{where}[{i}]")
        else:
            assert np.array_equal(found, wanted), where
    else:
        assert found == wanted, where


def both(name: str, settings: dict[str, Any], steps: int) -> Iterator[tuple[str, Any, Any]]:
    """(where, ours, SyncVectorEnv's) of every result of the same run."""
    ours = PufferVectorEnv(name, NUM_ENVS, **settings)
    theirs = SyncVectorEnv(
        [lambda i=i: PufferEnv(name, first=i, **settings) for i in range(NUM_ENVS)],
        autoreset_mode=AutoresetMode.SAME_STEP,
    )
    assert ours.single_observation_space == theirs.single_observation_space
    assert (ours.observation_space, ours.action_space) == (theirs.observation_space, theirs.action_space)
    assert ours.metadata == theirs.metadata
    ours.action_space.seed(2)
    yield "reset", ours.reset(seed=9), theirs.reset(seed=[9] * NUM_ENVS)
    for step in range(steps):
        actions = ours.action_space.sample()
        yield f"step {step}", ours.step(actions), theirs.step(actions)
    ours.close()
    theirs.close()


def compare(name: str, settings: dict[str, Any], steps: int) -> int:
    """Compare a run with SyncVectorEnv's; returns how many episodes ended."""
    ends = 0
    for where, ours, theirs in both(name, settings, steps):
        for part, wanted in zip(ours[:-1], theirs[:-1], strict=True):
            # Gymnasium's rewards are float64, the contract's float32
            assert_same(part, wanted.astype(part.dtype) if wanted.dtype == np.float64 else wanted, where)
        assert_same(ours[-1], theirs[-1], f"{where}: infos")
        ends += int(ours[-1].get("_final_obs", np.zeros(1)).sum())
    return ends


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_the_results_are_those_of_sync_vector_env(name: str, settings: dict[str, Any]) -> None:
    assert compare(name, settings, 150) >= NUM_ENVS


def test_the_results_are_those_of_sync_vector_env_with_masks(probe: str) -> None:
    assert compare(probe, {"agents": 1, "max_steps": 7}, 30) == 4 * NUM_ENVS


def test_nothing_is_copied() -> None:
    envs = make_vec("cartpole")
    native = envs.environment
    arrays = (native.observations, native.rewards, native.terminals, native.truncations)
    assert envs.reset(seed=0)[0] is native.observations
    assert all(a is b for a, b in zip(envs.step(np.zeros(NUM_ENVS, np.int32)), arrays, strict=False))


def test_copies_stay_as_they_are() -> None:
    envs = make_vec("cartpole", copy=True)
    kept = [envs.reset(seed=0)[0], *envs.step(np.zeros(NUM_ENVS, np.int32))[:4]]
    before = [array.copy() for array in kept]
    for _ in range(30):
        envs.step(np.ones(NUM_ENVS, np.int32))
    assert all(np.array_equal(*pair) for pair in zip(kept, before, strict=True))


def test_final_infos_stay_as_they_are() -> None:
    envs = make_vec("cartpole")
    envs.reset(seed=0)
    for _ in range(40):
        *_, infos = envs.step(np.ones(NUM_ENVS, np.int32))
        if infos:
            break
    row = int(np.flatnonzero(infos["_final_obs"])[0])
    kept, before = infos["final_obs"][row], infos["final_obs"][row].copy()
    assert abs(before[2]) > np.deg2rad(12)
    for _ in range(40):
        envs.step(np.ones(NUM_ENVS, np.int32))
    assert np.array_equal(kept, before)


def test_threads_change_nothing() -> None:
    one, many = make_vec("breakout", 64), make_vec("breakout", 64, threads=4)
    one.action_space.seed(0)
    assert np.array_equal(one.reset(seed=4)[0], many.reset(seed=4)[0])
    for _ in range(50):
        actions = one.action_space.sample()
        for a, b in zip(one.step(actions)[:4], many.step(actions)[:4], strict=True):
            assert np.array_equal(a, b)


def test_seeds() -> None:
    envs = make_vec("cartpole")
    seeded = envs.reset(seed=1)[0].copy()
    assert envs.np_random_seed == 1
    fresh = envs.reset()[0].copy()
    assert not np.array_equal(seeded, fresh)
    assert np.array_equal(envs.reset(seed=1)[0], seeded)
    assert np.array_equal(envs.reset()[0], fresh)
    assert not np.array_equal(make_vec("cartpole").reset()[0], make_vec("cartpole").reset()[0])


def test_a_reset_mask_is_refused() -> None:
    envs = make_vec("cartpole")
    envs.reset(seed=0, options={"anything": "else"})
    before = envs.environment.state_hash()
    with pytest.raises(ValueError, match=r"reset_mask.*Leave it out"):
        envs.reset(options={"reset_mask": np.ones(NUM_ENVS, np.bool_)})
    assert envs.environment.state_hash() == before


def test_rows_are_agents() -> None:
    envs = make_vec("snake", 3, num_snakes=4, max_steps=60)
    assert envs.num_envs == 12 and envs.observation_space.shape == (12, 11, 11)
    envs.action_space.seed(0)
    envs.reset(seed=0)
    returns, lengths, alone = np.zeros(12), np.zeros(12), 0
    for _ in range(300):
        _, rewards, terminations, truncations, infos = envs.step(envs.action_space.sample())
        returns += rewards
        lengths += 1
        ended = terminations | truncations
        if not ended.any():
            assert infos == {}
            continue
        assert np.array_equal(infos["_final_info"], ended)
        for row in np.flatnonzero(ended):
            logs = {key: infos["final_info"][key][row] for key in ("episode_return", "episode_length")}
            mates = [r for r in range(row // 4 * 4, row // 4 * 4 + 4) if ended[r]]
            assert logs["episode_return"] == pytest.approx(returns[mates].mean())
            assert logs["episode_length"] == pytest.approx(lengths[mates].mean())
            alone += len(mates) == 1
        returns[ended] = lengths[ended] = 0
    assert alone > 10


def test_single_agent_unless_asked() -> None:
    assert make_vec("snake", 3).num_envs == 3


@pytest.mark.parametrize(("mode", "options"), [("sync", {}), ("async", {"context": "spawn"})])
def test_gymnasiums_own_vectors_work(mode: str, options: dict[str, Any]) -> None:
    options = {"autoreset_mode": AutoresetMode.SAME_STEP, **options}
    envs = gymnasium.make_vec(
        "puffer_envs:puffer/Squared-v1", num_envs=2, vectorization_mode=mode, vector_kwargs=options, max_steps=3
    )
    first, _ = envs.reset(seed=[5, 6])
    assert np.array_equal(first[1], PufferEnv("squared").reset(seed=6)[0])
    for _ in range(3):
        *_, truncations, infos = envs.step(np.zeros(2, np.int32))
    assert truncations.all() and infos["final_info"]["episode_length"].tolist() == [3, 3]
    envs.close()


def test_gymnasiums_wrappers_work() -> None:
    envs = gymnasium.wrappers.vector.RecordEpisodeStatistics(make_vec("cartpole"))
    envs.action_space.seed(0)
    envs.reset(seed=0)
    seen = 0
    for _ in range(100):
        *_, infos = envs.step(envs.action_space.sample())
        if "episode" in infos:
            ended = infos["_episode"]
            assert np.array_equal(infos["episode"]["l"][ended], infos["final_info"]["episode_length"][ended])
            seen += int(ended.sum())
    assert seen > NUM_ENVS


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="no setting 'seed'"):
        PufferVectorEnv("cartpole", 2, seed=1)
    envs = make_vec("cartpole")
    envs.reset(seed=0)
    with pytest.raises(ValueError, match="environment 3"):
        envs.step([0, 0, 0, 7, 0])
    envs.close()
    envs.close()
    with pytest.raises(RuntimeError, match="clos"):
        envs.step([0] * NUM_ENVS)


@pytest.mark.parametrize("name", ["cartpole", "breakout", "maze"])
def test_next_step_shows_the_last_observation_first(name: str) -> None:
    """Each environment does the same in both modes; in one of them, it takes a step more after each episode."""
    num_envs, steps = 5, 400
    rng = np.random.default_rng(0)
    choices = int(puffer_envs.spec(name).layout.actions[0].choices)
    actions = rng.integers(0, choices, (steps, num_envs), np.int32)
    same = PufferVectorEnv(name, num_envs, copy=True)
    following = PufferVectorEnv(name, num_envs, copy=True, autoreset_mode="NextStep")
    assert following.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    expected: list[list[tuple[Any, ...]]] = [[] for _ in range(num_envs)]
    same.reset(seed=3)
    for row in actions:
        observations, rewards, terminations, truncations, infos = same.step(row)
        for i in range(num_envs):
            ended = terminations[i] or truncations[i]
            shown = infos["final_obs"][i] if ended else observations[i]
            expected[i].append((shown.tobytes(), rewards[i], terminations[i], truncations[i]))
            if ended:
                expected[i].append((observations[i].tobytes(), 0.0, False, False))
    following.reset(seed=3)
    at, waiting, ends = [0] * num_envs, [False] * num_envs, 0
    for step in range(steps):
        row = [actions[at[i], i] for i in range(num_envs)]
        observations, rewards, terminations, truncations, infos = following.step(np.array(row, np.int32))
        for i in range(num_envs):
            seen = (observations[i].tobytes(), rewards[i], terminations[i], truncations[i])
            assert seen == expected[i][step], (i, step)
            at[i] += not waiting[i]
            waiting[i] = bool(terminations[i] or truncations[i])
            ends += waiting[i]
            assert not waiting[i] or infos["_score"][i]
    assert ends >= (1 if name == "maze" else 5)


def test_wrappers_that_want_the_next_step() -> None:
    env = gymnasium.make_vec("puffer/Cartpole-v1", 4, autoreset_mode=AutoresetMode.NEXT_STEP)
    wrapped = gymnasium.wrappers.vector.NormalizeObservation(env)
    wrapped.reset(seed=0)
    for _ in range(60):
        observations, *_ = wrapped.step(wrapped.action_space.sample())
    assert np.abs(observations).max() < 10
    wrapped.close()


def test_modes_that_are_not_offered() -> None:
    with pytest.raises(ValueError, match=r"autoreset_mode 'Disabled': it must be AutoresetMode.SAME_STEP or"):
        PufferVectorEnv("cartpole", autoreset_mode="Disabled")
    with pytest.raises(ValueError, match="NEXT_STEP is for environments with one agent, and this one has 8"):
        PufferVectorEnv("snake", autoreset_mode="NextStep", num_snakes=8)

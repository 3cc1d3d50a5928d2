"""cartpole against Gymnasium's CartPole-v1, and its vectorised batch against single environments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest
from numpy.typing import NDArray

import puffer_envs
from puffer_envs import Environment, _core

# Ours is float32, Gymnasium's float64. One step from the same state differs by the rounding of the new position or
# velocity (half a unit in the last place: 2.4e-7 below 4) and of the acceleration (of which 0.02 s count).
ONE_STEP = 5e-7
# The upright pole is unstable: a small error grows by at most exp(4 * 0.02) a step (the rate is
# sqrt(g / (4/3 - m/M) / l) = 3.97 per second).
GROWTH = np.exp(4 * 0.02)


@pytest.fixture
def original() -> Iterator[gymnasium.Env[Any, Any]]:
    env = gymnasium.make("CartPole-v1")
    env.reset(seed=0)
    yield env
    env.close()


def balance(observation: NDArray[np.float32]) -> NDArray[np.int32]:
    """Push towards where the pole is about to fall: keeps it up for good."""
    return (observation @ np.array([0.1, 0.3, 3.0, 1.0], np.float32) > 0).astype(np.int32)


def last_observation(env: Environment, row: int = 0) -> NDArray[np.float32]:
    """What the last step led to, before any restart."""
    ended = env.terminals[row] or env.truncations[row]
    return np.array((env.final_observations if ended else env.observations)[row])


@pytest.mark.parametrize("policy", ["random", "balance", "always right"])
def test_every_step_matches_gymnasium(policy: str, original: gymnasium.Env[Any, Any]) -> None:
    rng = np.random.default_rng(1)
    choose = {
        "random": lambda obs: rng.integers(0, 2, 1, dtype=np.int32),
        "balance": balance,
        "always right": lambda obs: np.ones(1, np.int32),
    }[policy]
    ends = []
    with puffer_envs.make("cartpole", seed=2) as env:
        env.reset()
        for _ in range(2500):
            original.unwrapped.state = env.observations[0].astype(np.float64)
            action = choose(env.observations)
            env.step(action)
            _, reward, terminated, truncated, _ = original.step(int(action[0]))
            np.testing.assert_allclose(last_observation(env), original.unwrapped.state, rtol=0, atol=ONE_STEP)
            assert (env.rewards[0], env.terminals[0], env.truncations[0]) == (reward, terminated, truncated)
            if terminated or truncated:
                ends.append("fallen" if terminated else "late")
                original.reset()
    assert set(ends) == ({"late"} if policy == "balance" else {"fallen"})
    assert len(ends) == 5 if policy == "balance" else len(ends) > 50


def test_whole_episodes_match_gymnasium(original: gymnasium.Env[Any, Any]) -> None:
    rng = np.random.default_rng(3)
    longest = 0
    with puffer_envs.make("cartpole", seed=4) as env:
        env.reset()
        for _ in range(300):
            original.reset()
            original.unwrapped.state = env.observations[0].astype(np.float64)
            for tick in range(1, 501):
                action = rng.integers(0, 2, 1, dtype=np.int32)
                env.step(action)
                _, _, terminated, truncated, _ = original.step(int(action[0]))
                error = ONE_STEP * (GROWTH**tick - 1) / (GROWTH - 1)
                np.testing.assert_allclose(last_observation(env), original.unwrapped.state, rtol=0, atol=error)
                assert (env.terminals[0], env.truncations[0]) == (terminated, truncated)
                if terminated or truncated:
                    longest = max(longest, tick)
                    break
    assert longest > 60


def test_continuous_force_matches_gymnasium(original: gymnasium.Env[Any, Any]) -> None:
    rng = np.random.default_rng(5)
    with puffer_envs.make("cartpole", seed=6, continuous=True, force=7.5) as env:
        assert env.single_action_space == gymnasium.spaces.Box(-1, 1, (1,), np.float32)
        env.reset()
        for _ in range(2000):
            original.reset()
            original.unwrapped.state = env.observations[0].astype(np.float64)
            control = rng.uniform(-1.5, 1.5, (1, 1)).astype(np.float32)
            env.step(control)  # beyond [-1, 1] it is clipped
            force = 7.5 * np.clip(float(control[0, 0]), -1, 1)
            original.unwrapped.force_mag = force
            _, _, terminated, _, _ = original.step(1)
            np.testing.assert_allclose(last_observation(env), original.unwrapped.state, rtol=0, atol=ONE_STEP)
            assert env.terminals[0] == terminated
            if not terminated:
                assert env.state(0).force == pytest.approx(force, rel=1e-6)


@pytest.mark.parametrize("continuous", [False, True])
def test_batch_is_bit_for_bit_single_environments(continuous: bool) -> None:
    """64 environments at a time take the vectorised path, the rest the readable one."""
    rng = np.random.default_rng(7)
    total = 130
    variants: list[dict[str, Any]] = [{"num_envs": n} for n in (1, 7, 16, 64, total)]
    variants += [{"num_envs": total, "isa": isa} for isa in _core.supported_isas()]
    variants += [{"num_envs": total, "threads": 2}]
    batches = [
        puffer_envs.make("cartpole", **v, seed=8, first=total - v["num_envs"], continuous=continuous, max_steps=30)
        for v in variants
    ]
    whole = batches[4]
    for env in batches:
        env.reset()
    for _ in range(200):
        actions = rng.uniform(-1, 1, (total, 1)).astype(np.float32) if continuous else rng.integers(0, 2, total)
        for env in batches:
            env.step(actions[-env.num_envs :])
        ended = np.flatnonzero(whole.terminals | whole.truncations)
        for env in batches:
            first = total - env.num_envs
            for name in ("observations", "rewards", "terminals", "truncations"):
                assert getattr(env, name).tobytes() == getattr(whole, name)[first:].tobytes(), name
            rows = ended[ended >= first]
            assert env.final_observations[rows - first].tobytes() == whole.final_observations[rows].tobytes()
    hashes = [whole.state_hash(i) for i in range(total)]
    for env in batches:
        assert [env.state_hash(i) for i in range(env.num_envs)] == hashes[-env.num_envs :]
    logs = [env.log(env.num_envs - 1) for env in batches]  # of the last environment, which is in every batch
    assert logs[0]["n"] > 5 and logs == [logs[0]] * len(logs)
    for env in batches:
        env.close()


def test_no_way_of_pushing_leaves_the_declared_bounds() -> None:
    """Bang-bang controllers with random gains, at the greatest force, look for the widest observations."""
    rng = np.random.default_rng(9)
    with puffer_envs.make("cartpole", 4096, seed=10, force=20) as env:
        high = env.single_observation_space.high
        gains = rng.normal(0, 1, (4096, 4)).astype(np.float32) / np.array([2.4, 4, 0.2, 3], np.float32)
        env.reset()
        widest = np.zeros(4, np.float32)
        for _ in range(1500):
            env.step((np.einsum("ij,ij->i", env.observations, gains) > 0).astype(np.int32))
            ended = env.terminals | env.truncations
            widest = np.maximum(widest, np.abs(env.observations).max(0))
            widest = np.maximum(widest, np.abs(env.final_observations[ended]).max(0, initial=0))
    assert (widest <= high).all()
    assert (widest > 0.4 * high).all(), "the bounds should not be far wider than what can happen"


def test_episodes_start_uniformly_within_a_twentieth() -> None:
    with puffer_envs.make("cartpole", 50_000, seed=11) as env:
        starts = env.reset()
        assert np.abs(starts).max() <= 0.05
        counts = np.stack([np.histogram(column, 20, (-0.05, 0.05))[0] for column in starts.T])
        # Each bin holds a binomial count around 2,500 with deviation 49.
        assert np.abs(counts - 2500).max() < 5 * 49
        assert np.abs(np.corrcoef(starts.T) - np.eye(4)).max() < 5 / np.sqrt(50_000)


def test_perf_is_the_share_of_the_time_limit() -> None:
    with puffer_envs.make("cartpole", 64, seed=12, max_steps=200) as env:
        env.reset()
        for _ in range(200):
            env.step(balance(env.observations))
        assert env.truncations.all() and not env.terminals.any()
        assert env.log() == {
            "n": 64.0,
            "perf": 1.0,
            "score": 200.0,
            "episode_return": 200.0,
            "episode_length": 200.0,
        }
        for _ in range(100):
            env.step(np.ones(64, np.int32))
        log = env.log()
        assert log["n"] > 64 and log["perf"] == pytest.approx(log["episode_length"] / 200)
        assert 7 < log["episode_length"] < 12  # the pole falls to the left in about ten steps

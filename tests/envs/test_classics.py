"""Gymnasium's classic control: what the certificates (tests/engine/test_port.py) do not see."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest

import puffer_envs
from puffer_envs.policy import load_policy

NAMES = ("acrobot", "mountain_car", "mountain_car_continuous", "pendulum")
LEAST = {"acrobot": -90.0, "mountain_car": -110.0, "mountain_car_continuous": 90.0, "pendulum": -190.0}
"""Scores of the shipped policies on 64 episodes; Gymnasium calls -100, -110 and 90 solved, none for Pendulum."""
IDS = {"acrobot": "Acrobot", "mountain_car": "MountainCar", "mountain_car_continuous": "MountainCarContinuous",
       "pendulum": "Pendulum"}  # fmt: skip


def extreme(env: puffer_envs.Environment, rng: np.random.Generator) -> Any:
    """Actions at the ends of what is allowed."""
    space: Any = env.single_action_space
    if isinstance(space, gymnasium.spaces.Box):
        return rng.choice([space.low[0], space.high[0]], (env.num_envs, 1)).astype(np.float32)
    return rng.choice([0, space.n - 1], env.num_envs).astype(np.int32)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_leaves_the_declared_bounds(name: str) -> None:
    """Held and alternating full pushes, and pushes along the motion, which drive the system as hard as can be."""
    rng = np.random.default_rng(1)
    with puffer_envs.make(name, 512, seed=2, max_steps=400) as env:
        low, high = env.single_observation_space.low, env.single_observation_space.high
        env.reset()
        widest = np.zeros(len(high))
        held = extreme(env, rng)
        for _ in range(700):
            fresh = extreme(env, rng)
            change = rng.random(512) < 0.05
            held[change] = fresh[change]
            along = env.observations[:, -1] > 0
            best = np.where(along, env_high(env), env_low(env)).astype(held.dtype)
            held[:256] = best[:256].reshape(held[:256].shape)
            env.step(held)
            ended = env.terminals | env.truncations
            for rows in (env.observations, env.final_observations[ended]):
                assert (rows >= low).all() and (rows <= high).all()
            widest = np.maximum(widest, np.abs(env.observations).max(0))
    assert (widest > 0.4 * np.maximum(high, -low)).all(), "the bounds should not be far wider than what can happen"


def env_high(env: puffer_envs.Environment) -> float:
    """The greatest action."""
    space: Any = env.single_action_space
    return float(space.high[0]) if isinstance(space, gymnasium.spaces.Box) else float(space.n - 1)


def env_low(env: puffer_envs.Environment) -> float:
    """The least action."""
    space: Any = env.single_action_space
    return float(space.low[0]) if isinstance(space, gymnasium.spaces.Box) else 0.0


@pytest.mark.parametrize("name", NAMES)
def test_the_shipped_policy_solves_it(name: str) -> None:
    policy = load_policy(puffer_envs.trained_policy(name), seed=1)
    with puffer_envs.make(name, 64, seed=3) as env:
        observations = env.reset()
        first = np.ones(64, bool)
        scores: list[float] = []
        while first.any():
            observations, _, terminals, truncations = env.step(policy.act(observations))
            over = terminals | truncations
            policy.reset(over)
            scores += [env.log(int(i))["score"] for i in np.flatnonzero(over & first)]
            first &= ~over
    assert len(scores) == 64
    assert np.mean(scores) >= LEAST[name]


@pytest.mark.parametrize("name", NAMES)
def test_gymnasium_makes_it_by_id(name: str) -> None:
    env = gymnasium.make(f"puffer/{IDS[name]}-v1")
    env.reset(seed=1)
    env.step(env.action_space.sample())
    env.close()
    many: Any = gymnasium.make_vec(f"puffer/{IDS[name]}-v1", num_envs=5)
    observations, _ = many.reset(seed=1)
    assert observations.shape == (5, *many.single_observation_space.shape)
    many.close()


@pytest.mark.parametrize("name", NAMES[:3])
def test_scattered_starts_fill_the_space_and_default_ones_do_not(name: str) -> None:
    with (
        puffer_envs.make(name, 4000, seed=4) as narrow,
        puffer_envs.make(name, 4000, seed=4, scatter=1) as wide,
        puffer_envs.make(name, 4000, seed=4, scatter=0.25) as mixed,
    ):
        spreads = [env.reset().std(0) for env in (narrow, wide, mixed)]
    assert (spreads[1] > 5 * spreads[0]).any() and (spreads[1] > spreads[2]).all() and (spreads[2] > spreads[0]).all()


def test_returns_in_the_log_are_sums_of_rewards() -> None:
    for name in NAMES:
        rng = np.random.default_rng(5)
        with puffer_envs.make(name, 64, seed=6, max_steps=50) as env:
            env.reset()
            total = np.zeros(64)
            for _ in range(50):
                env.step(extreme(env, rng))
                total += env.rewards
            log = env.log()
        assert log["n"] == 64 and log["episode_length"] == 50
        assert log["episode_return"] == pytest.approx(total.mean(), rel=1e-5)
        assert 0 <= log["perf"] <= 1

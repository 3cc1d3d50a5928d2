"""mountain_car_continuous: fuel and prize; see also test_classics.py, and tests/engine/test_port.py."""

from __future__ import annotations

import numpy as np
import pytest

import puffer_envs


def test_rewards_are_the_fuel_and_the_prize() -> None:
    rng = np.random.default_rng(1)
    with puffer_envs.make("mountain_car_continuous", 256, seed=2, scatter=1) as env:
        observations = env.reset()
        prizes = 0
        for _ in range(120):
            push = (np.where(observations[:, 1:] < 0, -1, 1) * rng.uniform(0.2, 1.4, (256, 1))).astype(np.float32)
            env.step(push)
            burnt = 0.1 * np.clip(push[:, 0], -1, 1) ** 2
            np.testing.assert_allclose(env.rewards, 100.0 * env.terminals - burnt, rtol=1e-6, atol=1e-6)
            prizes += int(env.terminals.sum())
        log = env.log()
    assert prizes == log["n"] > 100
    assert log["perf"] == pytest.approx(1, abs=0.05)


def test_who_stays_burns_nothing_and_gets_nothing() -> None:
    with puffer_envs.make("mountain_car_continuous", 16, seed=3, max_steps=100) as env:
        env.reset()
        for _ in range(100):
            env.step(np.zeros((16, 1), np.float32))
        assert env.truncations.all()
        log = env.log()
    assert (log["score"], log["perf"]) == (0, 0)


def test_the_flag_is_nearer_than_in_the_discrete_one() -> None:
    """0.45: a car that passes it slowly has ended there."""
    with puffer_envs.make("mountain_car_continuous", 4000, seed=4, scatter=1) as env:
        env.reset()
        places = []
        for _ in range(30):
            env.step(np.ones((4000, 1), np.float32))
            places += env.final_observations[env.terminals, 0].tolist()
    assert min(places) >= np.float32(0.45)
    assert min(places) < 0.46 < max(places) < 0.45 + 0.0701

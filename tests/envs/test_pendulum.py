"""pendulum: what the certificate (tests/engine/test_port.py) does not ask for. See test_classics.py for the rest."""

from __future__ import annotations

import numpy as np
import pytest

import puffer_envs


def test_it_swings_at_the_period_of_a_rod() -> None:
    """Small swings about the bottom: 2 pi sqrt(2 l / (3 g)), found from where the speed changes its sign."""
    with puffer_envs.make("pendulum", 4000, seed=1, max_steps=400) as env:
        env.reset()
        low = [i for i in range(4000) if abs(abs(float(env.state(i).theta)) - np.pi) < 0.1]
        low = [i for i in low if abs(float(env.state(i).theta_dot)) < 0.3]
        assert len(low) > 10
        speeds = []
        for _ in range(380):
            env.step(np.zeros((4000, 1), np.float32))
            speeds.append(env.observations[low, 2].copy())
    turns = np.sum(np.diff(np.sign(np.array(speeds)), axis=0) != 0, axis=0)
    period = 2 * 379 * 0.05 / turns
    assert np.median(period) == pytest.approx(2 * np.pi * np.sqrt(2 / (3 * 10)), rel=0.02)


def test_the_angle_stays_within_a_turn_and_follows_the_speed() -> None:
    with puffer_envs.make("pendulum", 64, seed=2) as env:
        env.reset()
        wrapped = 0
        for _ in range(199):
            before = np.array([env.state(i).theta for i in range(64)])
            env.step(np.full((64, 1), 2, np.float32))
            after = np.array([env.state(i).theta for i in range(64)])
            moved = after - before - 0.05 * env.observations[:, 2]
            assert np.abs(np.remainder(moved + np.pi, 2 * np.pi) - np.pi).max() < 1e-5
            assert np.abs(after).max() <= 3.1416
            wrapped += int((np.abs(moved) > 1).sum())
    assert wrapped > 5


def test_perf_is_between_doing_nothing_and_holding_it_up() -> None:
    with puffer_envs.make("pendulum", 500, seed=3) as env:
        env.reset()
        for _ in range(200):
            env.step(np.zeros((500, 1), np.float32))
        log = env.log()
    assert log["n"] == 500
    assert log["perf"] == pytest.approx(np.clip((log["score"] / 200 + 6.25) / 5.5, 0, 1), abs=0.15)
    assert log["perf"] < 0.25


def test_without_gravity_nothing_moves_it() -> None:
    with puffer_envs.make("pendulum", 8, seed=4, gravity=0) as env:
        env.reset()
        speeds = np.array([env.state(i).theta_dot for i in range(8)])
        for _ in range(50):
            env.step(np.zeros((8, 1), np.float32))
        assert np.array_equal(env.observations[:, 2], speeds)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_actions_that_are_not_finite_are_refused_and_move_nothing(bad: float) -> None:
    with puffer_envs.make("pendulum", 3) as env:
        env.reset()
        before = env.snapshot()
        with pytest.raises(ValueError, match=r"row 1.*Nothing has moved"):
            env.step(np.array([[0.5], [bad], [0.5]], np.float32))
        assert env.snapshot() == before

"""mountain_car: what the certificate (tests/engine/test_port.py) does not ask for; see also test_classics.py."""

from __future__ import annotations

import numpy as np
import pytest

import puffer_envs

from .patch import patch

LEFT, COAST, RIGHT = 0, 1, 2


def test_no_constant_push_reaches_the_flag_but_rocking_does() -> None:
    lengths = {}
    for name in ("left", "coast", "right", "rock"):
        with puffer_envs.make("mountain_car", 256, seed=1) as env:
            observations = env.reset()
            for _ in range(200):
                along = np.where(observations[:, 1] < 0, LEFT, RIGHT)
                constant = {"left": LEFT, "coast": COAST, "right": RIGHT}.get(name)
                env.step(along if constant is None else np.full(256, constant, np.int32))
            lengths[name] = env.log()["episode_length"]
    assert (lengths["left"], lengths["coast"], lengths["right"]) == (200, 200, 200)
    assert lengths["rock"] < 140


def test_perf_is_one_from_a_hundred_and_ten_steps() -> None:
    with puffer_envs.make("mountain_car", 1, seed=2, scatter=1) as env:
        for seed in range(60):
            observations = env.reset(seed)
            while True:
                env.step(np.where(observations[:, 1] < 0, LEFT, RIGHT).astype(np.int32))
                if env.terminals[0] or env.truncations[0]:
                    break
            log = env.log()
            expected = 0 if env.truncations[0] else np.clip((200 - log["episode_length"]) / 90, 0, 1)
            assert log["perf"] == pytest.approx(expected)
            assert log["score"] == -log["episode_length"]


def test_the_wall_stops_the_car() -> None:
    with puffer_envs.make("mountain_car", 512, seed=3, scatter=1) as env:
        observations = env.reset()
        hits = 0
        for _ in range(60):
            env.step(np.full(512, LEFT, np.int32))
            at_wall = observations[:, 0] == np.float32(-1.2)
            hits += int(at_wall.sum())
            assert (observations[at_wall, 1] == 0).all()
    assert hits > 20


def test_a_car_that_leaves_the_wall_keeps_its_speed() -> None:
    """It is so slow that it is at the wall still."""
    with puffer_envs.make("mountain_car", 1) as env:
        env.reset()
        patch(env, position=-1.2, velocity=0.0)
        env.step(np.array([RIGHT], np.int32))
        gained = env.observations[0, 1]
        slowest = np.nextafter(-gained, np.float32(0), dtype=np.float32)
        patch(env, position=-1.2, velocity=slowest)
        env.step(np.array([RIGHT], np.int32))
        assert env.observations[0, 0] == np.float32(-1.2)
        assert env.observations[0, 1] == slowest + gained > 0

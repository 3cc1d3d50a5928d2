"""cliff_walking: ways, falls and slips. Its certificate is in tests/engine/test_port.py."""

from __future__ import annotations

import numpy as np

import puffer_envs
from puffer_envs.policy import load_policy

from .side_by_side import differ

UP, RIGHT, DOWN, LEFT = range(4)
SHORTEST = [UP, *[RIGHT] * 11, DOWN]


def walk(env: puffer_envs.Environment, actions: list[int]) -> list[float]:
    """The rewards of one environment's steps."""
    rewards = []
    for action in actions:
        env.step(np.array([action], np.int32))
        rewards.append(float(env.rewards[0]))
    return rewards


def test_the_shortest_way_and_falls_cost_what_they_should() -> None:
    with puffer_envs.make("cliff_walking", 1) as env:
        env.reset()
        assert walk(env, SHORTEST) == [-1.0] * 13 and env.terminals[0]
        log = env.log()
        assert (log["score"], log["perf"], log["episode_length"]) == (-13, 1, 13)
        assert walk(env, [RIGHT, LEFT, DOWN]) == [-100, -1, -1] and env.observations[0].tolist() == [3, 0]
        for column in range(1, 11):
            assert walk(env, [UP, *[RIGHT] * column, DOWN]) == [-1.0] * (column + 1) + [-100]
            assert env.observations[0].tolist() == [3, 0]
        assert walk(env, SHORTEST)[-1] == -1 and env.terminals[0]


def test_scattered_starts_are_on_the_meadow_and_default_ones_are_not() -> None:
    with puffer_envs.make("cliff_walking", 500, scatter=0.5) as env:
        places = {tuple(int(x) for x in row) for row in env.reset()}
    assert (3, 0) in places and len(places) == 37
    assert all(place == (3, 0) or place[0] < 3 for place in places)


def test_the_shipped_policy_takes_the_shortest_way() -> None:
    policy = load_policy(puffer_envs.trained_policy("cliff_walking"), seed=1)
    with puffer_envs.make("cliff_walking", 16) as env:
        observations = env.reset()
        for _ in range(13):
            observations, _, terminals, _ = env.step(policy.act(observations))
        assert terminals.all()


def test_slippery_ground_is_gymnasiums() -> None:
    assert differ("cliff_walking", "gymnasium:CliffWalking-v1", {"slippery": True}, {"is_slippery": True}) == []

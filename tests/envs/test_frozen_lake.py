"""frozen_lake: lakes, ways, slipping. Its certificate is in tests/engine/test_port.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import puffer_envs
from puffer_envs.policy import load_policy
from puffer_envs.porting.run import Request, port

LEFT, DOWN, RIGHT, UP = range(4)
ICE, HOLE, GOAL, YOU, OUTSIDE = range(5)


@pytest.mark.parametrize(
    ("settings", "reference"),
    [
        ({"map": "8x8", "max_steps": 200}, {"map_name": "8x8", "max_episode_steps": 200}),
        ({"slippery": False}, {"is_slippery": False}),
        ({"grip": 0.9}, {"success_rate": 0.9}),
    ],
)
def test_every_setting_is_gymnasiums(settings: dict[str, Any], reference: dict[str, Any], tmp_path: Any) -> None:
    from puffer_envs.porting.adapter import KNOWN  # noqa: PLC0415 - of this test alone

    adapter = tmp_path / "lake.py"
    code = (KNOWN / "frozen_lake.py").read_text("utf-8")
    adapter.write_text(f"{code}\nSETTINGS = {settings}\nREFERENCE_SETTINGS = {reference}\n", "utf-8")
    request = Request("gymnasium:FrozenLake-v1", "frozen_lake", adapter=adapter, steps=3000, episodes=20, scores=0)
    facts = port(request).facts
    assert facts["same"], facts["look_at"]
    assert facts["steps"]["that_ended"] > 20


def has_way(lake: Any) -> bool:
    """Told a second time, as a search."""
    open_tiles, seen = [(0, 0)], {(0, 0)}
    while open_tiles:
        row, column = open_tiles.pop()
        if lake[row][column] == GOAL:
            return True
        for near in ((row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)):
            if near not in seen and min(near) >= 0 and max(near) < 8 and lake[near] != HOLE:
                seen.add(near)
                open_tiles.append(near)
    return False


def test_random_lakes_have_a_way_and_as_much_ice_as_is_set() -> None:
    shares = {}
    for ice in (0.6, 0.9):
        with puffer_envs.make("frozen_lake", 500, seed=1, map="random", ice=ice) as env:
            lakes = env.reset().reshape(-1, 8, 8)
        assert all(has_way(lake) for lake in lakes)
        assert (lakes[:, 0, 0] == YOU).all() and (lakes[:, 7, 7] == GOAL).all()
        assert len({lake.tobytes() for lake in lakes}) > 490
        shares[ice] = (lakes == ICE).mean()
    assert shares[0.9] > 0.85 and 0.6 < shares[0.6] < 0.75  # those with a way have more ice


def test_it_slips_to_both_sides_equally() -> None:
    """From a start in the corner: down is taken one time in three, right and the edge each as often."""
    with puffer_envs.make("frozen_lake", 30_000, seed=2) as env:
        env.reset()
        env.step(np.full(30_000, DOWN, np.int32))
        places = np.argmax(env.observations == YOU, 1)
    counts = np.bincount(places, minlength=9)[[0, 1, 8]]
    assert counts.sum() == 30_000
    assert np.abs(counts - 10_000).max() < 5 * np.sqrt(30_000 * 2 / 9)


def test_without_slipping_the_shortest_way_takes_six_steps() -> None:
    with puffer_envs.make("frozen_lake", 1, slippery=False) as env:
        env.reset(0)
        for action in (DOWN, DOWN, RIGHT, RIGHT, DOWN, RIGHT):
            _, rewards, terminals, _ = env.step(np.array([action], np.int32))
        assert (rewards[0], terminals[0]) == (1, True)
        assert env.final_observations[0, 3 * 8 + 3] == YOU
        assert env.log() == {"n": 1, "perf": 1, "score": 1, "episode_return": 1, "episode_length": 6}


def test_the_shipped_policy_crosses_as_often_as_can_be() -> None:
    """0.74 at best in a hundred steps; random steps reach the goal once in seventy times."""
    policy = load_policy(puffer_envs.trained_policy("frozen_lake"), seed=1)
    with puffer_envs.make("frozen_lake", 512, seed=3) as env:
        observations = env.reset()
        for _ in range(300):
            observations, _, terminals, truncations = env.step(policy.act(observations))
            policy.reset(terminals | truncations)
        log = env.log()
    assert log["n"] > 1000
    assert log["perf"] > 0.66

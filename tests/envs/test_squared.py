"""squared against reference rules."""

from __future__ import annotations

import numpy as np
import pytest

import puffer_envs

MOVES = {0: (0, 0), 1: (-1, 0), 2: (1, 0), 3: (0, -1), 4: (0, 1)}


def field(agent: tuple[int, int], target: tuple[int, int]) -> np.ndarray:
    cells = np.zeros((11, 11), np.uint8)
    cells[target] = 2
    cells[agent] = 1
    return cells


def position(state: puffer_envs.State, prefix: str = "") -> tuple[int, int]:
    return int(getattr(state, f"{prefix}row")), int(getattr(state, f"{prefix}column"))


@pytest.mark.parametrize("max_steps", [1, 7, 32])
def test_every_step_follows_the_rules(max_steps: int) -> None:
    rng = np.random.default_rng(0)
    reached = late = 0
    with puffer_envs.make("squared", max_steps=max_steps) as env:
        env.reset(1)
        agent, target, tick = (5, 5), position(env.state(), "target_"), 0
        for _ in range(4000):
            action = int(rng.integers(5))
            _, rewards, terminals, truncations = env.step([action])
            agent = tuple(np.clip(np.add(agent, MOVES[action]), 0, 10).tolist())
            tick += 1
            assert terminals[0] == (agent == target) == rewards[0]
            assert truncations[0] == (agent != target and tick == max_steps)
            if terminals[0] or truncations[0]:
                assert np.array_equal(env.final_observations[0], field(agent, target))
                reached, late = reached + int(terminals[0]), late + int(truncations[0])
                agent, target, tick = (5, 5), position(env.state(), "target_"), 0
                assert position(env.state()) == agent != target
            assert np.array_equal(env.observations[0], field(agent, target))
        assert late > 100 and (reached > 10 or max_steps == 1)
        log = env.log()
        assert log["n"] == reached + late and log["perf"] == pytest.approx(reached / (reached + late))


def test_targets_lie_everywhere_but_in_the_middle() -> None:
    with puffer_envs.make("squared", 20_000) as env:
        counts = (env.reset(3) == 2).sum(axis=0)
    assert counts[5, 5] == 0
    others = counts[counts > 0]
    assert len(others) == 120
    expected = 20_000 / 120
    assert ((others - expected) ** 2 / expected).sum() < 190  # chi-square with 119 degrees of freedom, p < 1e-4


def test_the_shortest_way_solves_it() -> None:
    with puffer_envs.make("squared", 512) as env:
        env.reset(4)
        for _ in range(10):
            agent = np.argwhere(env.observations == 1)[:, 1:]
            target = np.argwhere(env.observations == 2)[:, 1:]
            down, right = (target - agent).T
            env.step(np.select([down < 0, down > 0, right < 0, right > 0], [1, 2, 3, 4]))
        log = env.log()
    assert log["perf"] == 1.0 and log["episode_length"] <= 10

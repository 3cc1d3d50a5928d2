"""memory against reference rules."""

from __future__ import annotations

import numpy as np
import pytest

import puffer_envs


@pytest.mark.parametrize("distance", [1, 2, 16, 300])
def test_every_step_follows_the_rules(distance: int) -> None:
    rng = np.random.default_rng(1)
    answers = {0: 0, 1: 0}
    with puffer_envs.make("memory", distance=distance) as env:
        cue, tick = int(env.reset(3)[0, 0]), 0
        assert cue in (-1, 1) and env.observations[0, 1] == 0
        for _ in range(5000):
            action = int(rng.integers(2))
            env.step([action])
            if tick < distance:
                assert not env.terminals[0] and env.rewards[0] == 0
                tick += 1
                assert env.observations[0].tolist() == [0, int(tick == distance)]
            else:
                right = (cue == 1) == (action == 1)
                assert env.terminals[0] and env.rewards[0] == (1 if right else -1)
                assert env.final_observations[0].tolist() == [0, 1]
                answers[int(right)] += 1
                cue, tick = int(env.observations[0, 0]), 0
                assert cue in (-1, 1) and env.observations[0, 1] == 0
            assert not env.truncations[0]
        log = env.log()
    played = answers[0] + answers[1]
    assert played == 5000 // (distance + 1)
    assert log["n"] == played
    assert log["episode_length"] == distance + 1
    assert log["perf"] == log["score"] == pytest.approx(answers[1] / played)
    assert log["episode_return"] == pytest.approx((answers[1] - answers[0]) / played)


def test_cues_are_fair_and_independent() -> None:
    with puffer_envs.make("memory", 4096, distance=1) as env:
        cues = []
        env.reset(5)
        for _ in range(64):
            cues.append(env.observations[:, 0].astype(int))
            env.step(np.zeros(4096, np.int32))
            env.step(np.zeros(4096, np.int32))
    table = np.array(cues)
    assert abs(table.mean()) < 4 / np.sqrt(table.size)
    assert abs((table[1:] * table[:-1]).mean()) < 4 / np.sqrt(table.size)
    assert abs((table[:, 1:] * table[:, :-1]).mean()) < 4 / np.sqrt(table.size)


def test_who_remembers_is_always_right_and_who_forgets_half_of_the_time() -> None:
    with puffer_envs.make("memory", 512) as env:
        env.reset(1)
        remembered = np.zeros(512, np.int32)
        for _ in range(17 * 20):
            shown = env.observations[:, 0]
            remembered = np.where(shown != 0, (shown > 0).astype(np.int32), remembered)
            env.step(remembered)
        assert env.log()["perf"] == 1
        for _ in range(17 * 20):
            env.step((env.observations[:, 0] > 0).astype(np.int32))
        assert env.log()["perf"] == pytest.approx(0.5, abs=0.02)

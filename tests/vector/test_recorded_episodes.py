"""The score is what `RecordEpisodeStatistics` recorded, whatever wrappers around it do to rewards and lives."""

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete
from gymnasium.wrappers import ClipReward, RecordEpisodeStatistics, TimeLimit

from puffer_envs import vector
from puffer_envs.adapters.meter import is_recorded, numbers_in


class Game(gymnasium.Env[Any, Any]):
    """Three lives of four steps each, 5 points a step."""

    observation_space, action_space = Box(0, 1, (1,), np.float32), Discrete(2)

    def __init__(self) -> None:
        self.steps = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.steps = 0
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> Any:
        self.steps += 1
        info = {"lives": 3 - self.steps // 4, "frame_number": 10**6, "level": 2}
        return np.zeros(1, np.float32), 5.0, self.steps == 12, False, info


class LifeLoss(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Ends an episode with each life; only with the last one does it really restart."""

    over = True

    def reset(self, **arguments: Any) -> Any:
        if self.over:
            return self.env.reset(**arguments)
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> Any:
        observation, reward, self.over, truncated, info = self.env.step(action)
        return observation, reward, self.over or self.env.unwrapped.steps % 4 == 0, truncated, info


def lives() -> Any:
    return ClipReward(LifeLoss(RecordEpisodeStatistics(Game())), -1, 1)


def logs(make_env: Callable[[], Any], steps: int) -> tuple[list[dict[str, float]], int]:
    """Play; return every log that says something, and how many episodes ended."""
    found, ends = [], 0
    with vector.make(make_env, num_envs=1, backend="serial") as env:
        env.reset(0)
        for _ in range(steps):
            _, _, terminals, truncations = env.step(np.zeros(1, np.int32))
            ends += int((terminals | truncations).sum())
            found += [log] if (log := env.log()) else []
    return found, ends


def test_a_game_counts_once_with_its_own_points() -> None:
    found, ends = logs(lives, 24)
    assert ends == 6, "lives"
    assert found == [{"n": 1, "episode_return": 12, "episode_length": 12, "score": 60, "level": 2}] * 2


def test_without_a_recorder_every_end_is_one() -> None:
    found, _ = logs(lambda: ClipReward(LifeLoss(Game()), -1, 1), 24)
    assert found == [{"n": 1, "episode_return": 4, "episode_length": 4, "score": 4, "level": 2}] * 6


def test_an_episode_that_was_cut_outside_of_the_recorder_counts() -> None:
    found, _ = logs(lambda: TimeLimit(RecordEpisodeStatistics(Game()), 5), 10)
    assert found == [{"n": 1, "episode_return": 25, "episode_length": 5, "score": 25, "level": 2}] * 2


@pytest.mark.parametrize("record", [{"r": "much"}, {"r": np.nan}, {"r": [1, 2]}, {}, 7.0, None])
def test_what_is_no_record_is_no_score(record: Any) -> None:
    assert "score" not in numbers_in({"episode": record})


@pytest.mark.parametrize("value", [3, 3.0, np.float32(3), np.array(3.0), np.array([3.0])])
def test_records_of_any_type_of_number(value: Any) -> None:
    assert numbers_in({"episode": {"r": value, "l": 4}}) == {"score": 3.0}


def test_wrappers_are_searched() -> None:
    assert is_recorded(lives()) and not is_recorded(Game())

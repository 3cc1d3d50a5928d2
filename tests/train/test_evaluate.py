"""Evaluation counts every agent's first full episode once, whatever its length."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_environments as tiny
import torch
from numpy.typing import NDArray

from puffer_train.algorithm.evaluate import evaluate, record, records
from puffer_train.config import PolicySettings
from puffer_train.contract import describe
from puffer_train.policy import Policy


class Lengths(tiny.VectorEnvironment):
    """Row r's episodes last `lengths[r]` steps and pay 1 a step; the second and later ones pay 1000."""

    lengths = np.arange(1, 11)

    def __init__(self, num_envs: int, seed: int = 0) -> None:
        super().__init__(tiny.Box(0, 1, (1,), np.float32), tiny.Discrete(2), num_envs, seed)
        self.episode = np.zeros(self.num_agents, np.int64)

    def begin(self, rows: NDArray[np.bool_]) -> None:
        self.episode[rows] = np.where(self.clock[rows] == 0, self.episode[rows] + 1, 1)

    def reset(self, seed: int | None = None) -> NDArray[Any]:
        self.episode[:] = 0
        return super().reset(seed)

    def advance(self, actions: NDArray[Any]) -> None:
        self.rewards[:] = np.where(self.episode == 1, 1, 1000)
        self.terminals[:] = self.clock == self.lengths[: self.num_agents]

    def observe(self, out: NDArray[Any]) -> None:
        out[:] = 0


class Logged(Lengths):
    """Adds the optional log: per environment, means over the episodes since it was read."""

    agents = 2
    lengths = np.array([2, 3, 5, 7, 11, 13, 17, 19])

    def __init__(self, num_envs: int, seed: int = 0) -> None:
        super().__init__(num_envs, seed)
        self.finished: list[list[float]] = [[] for _ in range(num_envs)]

    def step(self, actions: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        playing = self.episode.copy()
        result = super().step(actions)
        for row in np.flatnonzero(self.terminals):
            self.finished[row // 2].append(10.0 * (row + 1) if playing[row] == 1 else -1e9)
        return result

    def log(self, env: int | None = None) -> dict[str, float]:
        which = range(self.num_envs) if env is None else [env]
        scores = [score for i in which for score in self.finished[i]]
        for i in which:
            self.finished[i] = []
        return {"score": float(np.mean(scores)), "n": float(len(scores))} if scores else {}


def policy_for(env: Any) -> Policy:
    return Policy(describe(env), PolicySettings(4, 1), torch.Generator().manual_seed(0))


def test_short_games_are_not_favoured() -> None:
    env = Lengths(10)
    result = evaluate(env, policy_for(env), seed=1)
    assert result.episodes == 10
    assert sorted(result.figures["episode_return"]) == [float(n) for n in range(1, 11)]
    assert result.figures["episode_return"] == result.figures["episode_length"]
    assert result.unfinished == 0
    assert result.summary()["episode_return"] == pytest.approx(
        {"mean": 5.5, "std": np.std(range(10)), "min": 1, "q25": 3.25, "median": 5.5, "q75": 7.75, "max": 10}
    )


def test_the_log_is_read_where_episodes_end() -> None:
    env = Logged(4)
    env.finished[2] = [5e6]  # left over from earlier
    result = evaluate(env, policy_for(env), seed=1)
    assert sorted(result.figures["score"]) == [10.0 * n for n in range(1, 9)], "the first episodes, one by one"
    assert result.main == "score"


def test_episodes_that_do_not_end_are_counted_apart() -> None:
    env = Lengths(10)
    result = evaluate(env, policy_for(env), seed=1, longest=7)
    assert (result.episodes, result.unfinished, result.so_far, result.max_steps) == (7, 3, [7.0, 7.0, 7.0], 7)
    assert evaluate(env, policy_for(env), seed=1, longest=0).summary() == {}


def test_padding_rows_are_not_waited_for() -> None:
    env = tiny.Team(6)
    result = evaluate(env, policy_for(env), seed=1)
    assert result.episodes == int(env.num_agents / 2)


def test_same_seed_same_result() -> None:
    env = tiny.CartPole(8)
    policy = policy_for(env)
    results = [evaluate(env, policy, seed).figures for seed in (1, 1, 2)]
    assert results[0] == results[1]
    assert results[0] != results[2]


def test_recording_needs_an_environment_that_records(tmp_path: Path) -> None:
    env = tiny.CartPole(1)
    assert not records(env)

    class Recording(tiny.CartPole):
        def start_replay(self, seed: int) -> NDArray[Any]:
            return self.reset(seed)

        def save_replay(self, path: Path) -> None:
            path.write_text("saved")

    env = Recording(1)
    assert records(env)
    result = record(env, policy_for(env), 1, tmp_path / "replay")
    assert result.episodes == 1
    assert (tmp_path / "replay").read_text() == "saved"


class Lives(Lengths):
    """The first two ends of each game are those of a life, which the log says nothing about."""

    def __init__(self, num_envs: int, seed: int = 0) -> None:
        super().__init__(num_envs, seed)
        self.lost, self.games = np.zeros(num_envs, np.int64), np.zeros(num_envs, np.int64)

    def step(self, actions: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        result = super().step(actions)
        self.lost += self.terminals
        self.games += self.lost == 3
        self.lost %= 3
        return result

    def advance(self, actions: NDArray[Any]) -> None:
        super().advance(actions)
        self.rewards[:] = 1

    def log(self, env: int | None = None) -> dict[str, float]:
        which = slice(None) if env is None else slice(env, env + 1)
        games = int(self.games[which].sum())
        self.games[which] = 0
        return {"score": 40.0, "n": float(games)} if games else {}


def test_a_game_of_several_lives_is_played_to_its_end() -> None:
    env = Lives(4)
    figures = evaluate(env, policy_for(env), 1).figures
    assert figures["score"] == [40.0] * 4
    assert sorted(figures["episode_return"]) == sorted(figures["episode_length"]) == [3.0, 6.0, 9.0, 12.0]


class Returning(Lengths):
    """Two agents that always see the same; the second is away for the fourth and fifth step."""

    agents, lengths = 2, np.array([12, 12])

    def __init__(self, num_envs: int, seed: int = 0) -> None:
        super().__init__(num_envs, seed)
        self.single_action_space, self.taken = tiny.Box(-9, 9, (1,), np.float32), []
        self.actions, self.agent_mask = np.zeros((self.num_agents, 1), np.float32), np.ones(2, np.bool_)

    def advance(self, actions: NDArray[Any]) -> None:
        super().advance(actions)
        self.taken.append(actions[:, 0].copy())
        self.agent_mask[1] = self.clock[0] not in (3, 4)

    def observe(self, out: NDArray[Any]) -> None:
        out[:] = 1


@pytest.mark.parametrize("learner", ["kernels", "torch"])
def test_an_agent_that_comes_back_remembers_nothing(learner: str) -> None:
    env = Returning(1)
    policy = Policy(describe(env), PolicySettings(16, 1), torch.Generator().manual_seed(0))
    with torch.no_grad():
        policy.head[:1] = 1  # an action that shows the memory
    evaluate(env, policy, seed=1, deterministic=True, learner=learner)
    first, second = np.array(env.taken).T
    assert len(np.unique(first)) == 12, "each step is remembered"
    assert np.array_equal(second[:3], first[:3])
    assert np.array_equal(second[5:], first[:7])

"""Continuous actions are counted from the middle of their range: where the range lies makes no difference."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Box
from numpy.typing import NDArray
from tiny import make_trainer, train
from tiny_environments import VectorEnvironment

from puffer_envs.contract.actions import describe_actions
from puffer_envs.contract.policy_file import PolicyFile
from puffer_envs.policy import load_policy
from puffer_train.algorithm.evaluate import evaluate
from puffer_train.contract import describe
from puffer_train.errors import CheckpointError
from puffer_train.policy import action_centre, action_scale
from puffer_train.storage.policy_file import EnvironmentIdentity, read_policy, write_policy


class Aim(VectorEnvironment):
    """Ten shots an episode at one place that never changes; each costs a 40th of the distance."""

    time_limit = 10

    def __init__(self, low: float, high: float, wanted: float, num_envs: int = 32, seed: int = 0) -> None:
        super().__init__(Box(-1, 1, (1,), np.float32), Box(low, high, (1,), np.float32), num_envs, seed)
        self.low, self.high, self.wanted = low, high, wanted

    def begin(self, rows: NDArray[np.bool_]) -> None:
        pass

    def advance(self, actions: NDArray[Any]) -> None:
        self.rewards[:] = -abs(actions.clip(self.low, self.high)[:, 0] - self.wanted) / 40

    def observe(self, out: NDArray[Any]) -> None:
        out[:] = 1.0


def distance(low: float, high: float, wanted: float, seed: int) -> float:
    """Train; return how far the policy then is from the wanted action, in the environment's units."""
    trainer = make_trainer(Aim(low, high, wanted), seed, steps=40_000, gamma=0.5, reward_scale=5)
    train(trainer)
    figures = evaluate(Aim(low, high, wanted), trainer.policy, 5, deterministic=True).figures
    return -4 * float(np.mean(figures["episode_return"]))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_range_far_from_zero_is_learned_as_well_as_one_around_it(seed: int) -> None:
    around, far = distance(-20, 20, 11, seed), distance(100, 140, 131, seed)
    assert around < 1, "in the middle it is 11"
    assert far < 1, "on the nearest bound it would be 9, in the middle 11"
    assert far == pytest.approx(around, abs=0.1), "the same numbers, moved"


@pytest.mark.parametrize(
    ("low", "high", "wanted"), [(-math.inf, math.inf, 1.5), (100, math.inf, 102.5), (-math.inf, -7, -8.8)]
)
def test_a_range_without_bounds_is_learned(low: float, high: float, wanted: float) -> None:
    assert distance(low, high, wanted, 1) < 0.1


def test_centre_and_scale() -> None:
    inf = math.inf
    low = np.array([-1, 100, 0, -inf, 3, -inf, -9e6, 0, 5], np.float32)
    high = np.array([1, 140, 1, inf, inf, -2, 9e6, inf, 5], np.float32)
    spec = describe_actions(Box(low, high))
    assert action_centre(spec).tolist() == [0, 120, 0.5, 0, 4, -3, 0, 1, 5]
    assert action_scale(spec).tolist() == [1, 20, 0.5, 1, 1, 1, 1, 1, 1]


def test_the_file_knows_the_centre(tmp_path: Path) -> None:
    env, path = Aim(100, 140, 131), tmp_path / "policy.safetensors"
    trainer = make_trainer(env, 1, steps=2_000)
    train(trainer)
    write_policy(path, trainer.policy, EnvironmentIdentity("aim", 1, {}))
    assert PolicyFile.read(path).info.as_json()["action_centre"] == [120.0]

    trainer.restart(3)
    evaluate(env, trainer.policy, 3, deterministic=True, longest=1)
    played = load_policy(path).act(np.ones((32, 1), np.float32), deterministic=True)
    np.testing.assert_allclose(played, env.actions, rtol=1e-6)
    again = read_policy(path, describe(env))
    evaluate(env, again, 3, deterministic=True, longest=1)
    np.testing.assert_allclose(played, env.actions, rtol=1e-6)


def test_a_file_of_another_centre_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "policy.safetensors"
    write_policy(path, make_trainer(Aim(100, 140, 131), 1).policy, EnvironmentIdentity("aim", 1, {}))
    file = PolicyFile.read(path)
    file.info.action_centre[:] = 0
    file.write(path)
    with pytest.raises(CheckpointError, match=r"its action centre is None, here it is \[120.0\]"):
        read_policy(path, describe(Aim(100, 140, 131)))

"""Rewards of any size, brought to one size."""

import math

import numpy as np
import pytest
import torch
from test_ppo import make_trainer
from tiny_environments import Corridor, Target, VectorEnvironment

from puffer_train.algorithm import training_state
from puffer_train.algorithm.rewards import RewardNormalizer


def test_equals_the_spread_of_all_discounted_returns() -> None:
    generator = np.random.default_rng(5)
    time, rows, gamma = 60, 7, 0.9
    rewards = generator.normal(3, 2, (time, rows)).astype(np.float32)
    ends = generator.random((time, rows)) < 0.1
    normalizer = RewardNormalizer(rows, gamma)
    for start in range(0, time, 20):
        part = slice(start, start + 20)
        normalizer.update(torch.from_numpy(rewards[part]), torch.from_numpy(ends[part]))

    running, returns = np.zeros(rows), []
    for reward, end in zip(rewards, ends, strict=True):
        running = gamma * running + reward
        returns.append(running.copy())
        running[end] = 0
    assert normalizer.factor == pytest.approx(1 / np.std(returns), rel=1e-5)
    np.testing.assert_allclose(normalizer.returns.numpy(), running, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("rewards", [torch.zeros(8, 3), torch.full((8, 3), math.nan), torch.zeros(0, 3)])
def test_nothing_to_divide_by(rewards: torch.Tensor) -> None:
    normalizer = RewardNormalizer(3, 0.9)
    normalizer.update(rewards, torch.zeros(rewards.shape, dtype=torch.bool))
    assert normalizer.factor == 1.0
    assert not normalizer.returns.any()


def test_a_bad_reward_does_not_stay() -> None:
    normalizer = RewardNormalizer(2, 0.9)
    ends = torch.zeros(8, 2, dtype=torch.bool)
    spoiled = torch.ones(8, 2)
    spoiled[3, 1] = math.inf
    normalizer.update(spoiled, ends)
    assert math.isfinite(normalizer.factor)
    normalizer.update(torch.ones(8, 2), ends)
    assert torch.isfinite(normalizer.returns).all()


@pytest.mark.parametrize("kind", [Corridor, Target])
def test_the_size_of_rewards_does_not_matter(kind: type[VectorEnvironment]) -> None:
    """Times a power of two, floats keep their digits: the policies are then equal to the last bit."""
    weights = []
    for size in (1.0, 2.0**-12, 2.0**12):

        class Sized(kind):  # type: ignore[misc,valid-type]
            factor = size

            def advance(self, actions: object) -> None:
                super().advance(actions)
                self.rewards *= self.factor

        trainer = make_trainer(Sized(16), minibatch=64, normalize_rewards=True, reward_clip=10.0)
        for _ in range(6):
            trainer.iterate()
        weights.append(trainer.policy.core.detach().clone())
    assert torch.equal(weights[0], weights[1])
    assert torch.equal(weights[0], weights[2])


def test_going_on_equals_never_having_stopped() -> None:
    whole, first = (make_trainer(Corridor(32), normalize_rewards=True) for _ in range(2))
    reports = [whole.iterate() for _ in range(4)]
    first.iterate()
    first.iterate()
    tensors = {
        name: t.clone()
        for name, t in (training_state.learned_tensors(first) | training_state.game_tensors(first)).items()
    }
    second = make_trainer(Corridor(32), seed=9, normalize_rewards=True)
    second.env.restore(first.env.snapshot())  # type: ignore[attr-defined]
    training_state.restore(second, tensors, training_state.counters(first), game=True)
    for report in reports[2:]:
        assert second.iterate()["loss"] == report["loss"]

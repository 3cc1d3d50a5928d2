"""What must hold of any policy-gradient method, whatever it learns."""

from typing import Any

import numpy as np
import pytest
import references
import tiny
import torch
from gymnasium.spaces import Discrete
from tiny import make_trainer
from tiny_environments import CartPole, Target, Team, VectorEnvironment

from puffer_train.algorithm.ppo import PPO
from puffer_train.environments.parts import Parts

KINDS = [CartPole, Target, Team]
"""Discrete, continuous, and masked actions with agents that come and go."""

LEARNERS = ["kernels", "torch"]


def weights(trainer: PPO) -> bytes:
    return b"".join(p.detach().numpy().tobytes() for p in trainer.policy.parameters())


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("kind", KINDS)
def test_without_a_learning_rate_nothing_moves(kind: type[VectorEnvironment], learner: str) -> None:
    trainer = make_trainer(kind(16), learner=learner, learning_rate=0.0, vector_learning_rate=0.0)
    before = weights(trainer)
    for _ in range(5):
        report = trainer.iterate()
    assert report["updates"] > 0
    assert report["gradient_norm"] > 0
    assert weights(trainer) == before


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("kind", KINDS)
def test_an_unchanged_policy_has_ratio_one(kind: type[VectorEnvironment], learner: str) -> None:
    """On every sequence, over episode ends and rollouts: what was stored is what the policy says of past actions."""
    trainer = make_trainer(kind(16), learner=learner, learning_rate=0.0, vector_learning_rate=0.0, replay_ratio=2)
    for _ in range(5):
        report = trainer.iterate()
        assert report["importance"] == pytest.approx(1, abs=1e-6)
        assert report["approx_kl"] == pytest.approx(0, abs=1e-6)
        assert report["old_approx_kl"] == pytest.approx(0, abs=1e-6)
        assert report["clip_fraction"] == 0


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_first_update_has_ratio_one(kind: type[VectorEnvironment], learner: str) -> None:
    """Also once the policy has moved: one minibatch per rollout, which is therefore always the first."""
    env = kind(16)
    trainer = make_trainer(env, learner=learner, minibatch=8 * env.num_agents, replay_ratio=1)
    for _ in range(5):
        report = trainer.iterate()
        assert report["importance"] == pytest.approx(1, abs=1e-6)
        assert report["approx_kl"] == pytest.approx(0, abs=1e-6)
        assert report["clip_fraction"] == 0


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("kind", KINDS)
def test_later_updates_do_not(kind: type[VectorEnvironment], learner: str) -> None:
    """The test before this one would hold, too, if ratios were not computed at all."""
    env = kind(16)
    trainer = make_trainer(env, learner=learner, minibatch=8 * env.num_agents, replay_ratio=4)
    assert trainer.iterate()["approx_kl"] > 1e-6


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_weights(kind: type[VectorEnvironment], learner: str) -> None:
    found = []
    for seed in (3, 3, 4):
        trainer = make_trainer(kind(16), seed, learner=learner)
        for _ in range(5):
            trainer.iterate()
        found.append(weights(trainer))
        torch.rand(1)  # no generator but its own
        np.random.default_rng().random()
    assert found[0] == found[1]
    assert found[0] != found[2]


def test_the_seed_reaches_weights_actions_and_environment() -> None:
    one, other = (make_trainer(CartPole(16), seed) for seed in (3, 4))
    assert weights(one) != weights(other)
    assert not np.array_equal(one.env.observations, other.env.observations)
    other.policy.load_state_dict(one.policy.state_dict())
    for trainer in (one, other):
        trainer.restart(9)
        trainer.collect()
    assert torch.equal(one.buffers.observations[0], other.buffers.observations[0])
    assert not torch.equal(one.buffers.actions, other.buffers.actions)


@pytest.mark.parametrize("cell", ["mingru", "lstm"])
def test_the_number_of_threads_does_not_matter(cell: str) -> None:
    """Nor that of the parts that an environment is played in: not to a bit, after five iterations with the kernels."""

    def contexts(num_envs: int, first: int, buffers: dict[str, Any] | None) -> tiny.Bandit:
        env = tiny.Bandit(num_envs, np.eye(1, 3))
        for name, array in (buffers or {}).items():
            setattr(env, name, array)
        return env

    found = []
    for threads, parts in ((1, 1), (2, 1), (3, 1), (1, 2), (2, 3)):
        env = Parts(contexts, 120, parts)
        trainer = make_trainer(
            env, policy={"cell": cell, "layers": 2}, learner="kernels", threads=threads, minibatch=480
        )
        for _ in range(5):
            trainer.collect()
            trainer.learn()
        found.append(weights(trainer))
    assert all(other == found[0] for other in found[1:])


# -- which sequences are trained on ------------------------------------------------------------------------


def unequal_trainer(rows: int, chosen: int, **settings: Any) -> PPO:
    """Return a trainer whose sequences differ widely in how much there is to learn from them."""
    trainer = make_trainer(tiny.Chaos(rows, Discrete(3)), minibatch=chosen * 8, priority_alpha=0.8, **settings)
    trainer.collect()
    trainer.buffers.advantages *= torch.linspace(0.1, 3.0, rows)
    return trainer


def choices(trainer: PPO, draws: int) -> tuple[np.ndarray, np.ndarray]:
    """Return segments and importance weights of that many minibatches: (draws, B) each."""
    segments: list[np.ndarray] = []
    importance: list[np.ndarray] = []
    while len(segments) < draws:
        for rows, weight in trainer.minibatches.choose(trainer.progress):
            segments.append(rows.numpy().copy())
            importance.append(weight.numpy().copy())
    return np.stack(segments[:draws]), np.stack(importance[:draws])


def test_sequences_are_chosen_by_their_priority() -> None:
    trainer = unequal_trainer(12, chosen=1, replay_ratio=50)
    segments, importance = choices(trainer, draws=20_000)
    wanted = references.priorities(trainer.buffers.advantages.double().numpy(), alpha=0.8)
    counts = np.bincount(segments[:, 0], minlength=12)
    chi_squared = ((counts - 20_000 * wanted) ** 2 / (20_000 * wanted)).sum()
    assert chi_squared < 31.3, "beyond the 99.9 % point for 11 degrees of freedom"
    beta = trainer.settings.train.priority_beta
    np.testing.assert_allclose(importance[:, 0], (12 * wanted[segments[:, 0]]) ** -beta, rtol=1e-5)


@pytest.mark.parametrize("chosen", [1, 4, 16])
def test_importance_undoes_the_bias_of_the_choice(chosen: int) -> None:
    """With beta 1, what minibatches add up to on average is what all sequences, equally often, would."""
    trainer = unequal_trainer(16, chosen, replay_ratio=50, priority_beta=1.0)
    segments, importance = choices(trainer, draws=4_000)
    figure = trainer.buffers.advantages.double().square().mean(0).numpy()
    estimates = (importance * figure[segments]).mean(1)
    error = estimates.mean() - figure.mean()
    assert abs(error) < 4 * estimates.std() / np.sqrt(len(estimates)) + 1e-6


# -- rows without an agent ---------------------------------------------------------------------------------


class Visitors(VectorEnvironment):
    """Row 0 is always empty, the others at every other step; only `agent_mask` shows it, and no flag reports an end.

    Rewards are random and, where nobody is, huge.
    """

    def __init__(self, num_envs: int, seed: int = 0) -> None:
        super().__init__(tiny.flags(2), Discrete(2), num_envs, seed)
        self.agent_mask = np.ones(num_envs, np.bool_)

    def begin(self, rows: tiny.Rows) -> None:
        pass

    def advance(self, actions: Any) -> None:
        self.rewards[:] = self.generator.random(self.num_agents) * np.where(self.agent_mask, 1.0, 1000.0)

    def observe(self, out: Any) -> None:
        self.agent_mask[:] = self.clock % 2 == 0
        self.agent_mask[0] = False
        out[:] = np.where(self.agent_mask[:, None], [1.0, 0.5], 1.0)


@pytest.mark.parametrize("learner", LEARNERS)
def test_an_agent_that_joins_has_no_past(learner: str) -> None:
    trainer = make_trainer(Visitors(16), learner=learner)
    trainer.collect()
    buffers, policy = trainer.buffers, trainer.policy
    assert buffers.present is not None
    there = buffers.present[:-1]
    fresh = policy.values(policy.step(buffers.observations[:-1][there], policy.initial_state(int(there.sum()))))
    torch.testing.assert_close(buffers.values[there], fresh)


@pytest.mark.parametrize("learner", LEARNERS)
def test_explained_variance_is_that_of_agents(learner: str) -> None:
    trainer = make_trainer(Visitors(16), learner=learner, learning_rate=0.0, reward_clip=0.0)
    report = trainer.iterate()
    buffers = trainer.buffers
    assert buffers.present is not None
    advantages, values = (array[buffers.present[:-1]] for array in (buffers.advantages, buffers.values))
    wanted = 1 - advantages.var() / (advantages + values).var()
    assert report["explained_variance"] == pytest.approx(wanted.item(), abs=1e-4)


@pytest.mark.parametrize("learner", LEARNERS)
def test_empty_rows_have_no_priority(learner: str) -> None:
    trainer = make_trainer(Visitors(4), learner=learner, minibatch=8, priority_alpha=1.0, reward_clip=0.0)
    trainer.collect()
    segments, _ = choices(trainer, draws=200)
    counts = np.bincount(segments[:, 0], minlength=4)
    assert counts[0] == 0
    assert counts[1:].min() > 20, "a third of 200, more or less"


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("there", [0, 1])
def test_a_rollout_of_hardly_anybody(there: int, learner: str) -> None:
    """No agent at all, or a single one at a single step: nothing is divided by nothing."""

    class Deserted(Visitors):
        def observe(self, out: Any) -> None:
            super().observe(out)
            self.agent_mask[:] = False
            self.agent_mask[1] = there and self.clock[1] == 0

    trainer = make_trainer(Deserted(4), learner=learner)
    before = weights(trainer)
    report = trainer.iterate()
    assert report["skipped"] == 0
    assert (weights(trainer) == before) == (there == 0)

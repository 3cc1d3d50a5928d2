"""Actions are drawn from exactly the distribution that the policy gives, and stored with the probability they had.

The policy is drawn once and stays: all that is looked at is what `PPO.collect` plays and stores. Every episode is
one step long, so that the policy says the same of the same observation every time.
"""

import math
from typing import Any

import numpy as np
import pytest
import references
import torch
from gymnasium.spaces import Box, Discrete, MultiDiscrete
from numpy.typing import NDArray
from tiny import Rows, flags, make_trainer, one_hot
from tiny_environments import Space, VectorEnvironment

from puffer_train.algorithm.ppo import PPO
from puffer_train.environments.parts import Parts

LEARNERS = ["kernels", "torch"]


class Contexts(VectorEnvironment):
    """One step per episode; a random one of a few contexts is shown, each of which allows its own choices."""

    def __init__(self, num_envs: int, action: Space, contexts: int, allowed: NDArray[np.bool_] | None = None) -> None:
        super().__init__(flags(contexts), action, num_envs, seed=0)
        self.contexts, self.allowed = contexts, allowed
        self.context = np.zeros(num_envs, np.int64)
        self.action_masks = None if allowed is None else np.ones((num_envs, allowed.shape[1]), np.bool_)

    def begin(self, rows: Rows) -> None:
        self.context[rows] = self.generator.integers(0, self.contexts, int(rows.sum()))

    def advance(self, actions: NDArray[Any]) -> None:
        self.rewards[:] = 0
        self.terminals[:] = True

    def observe(self, out: NDArray[Any]) -> None:
        out[:] = one_hot(self.context, self.contexts)
        if self.action_masks is not None and self.allowed is not None:
            self.action_masks[:] = self.allowed[self.context]


def decided_trainer(env: VectorEnvironment | Parts, learner: str) -> PPO:
    """Return a trainer whose policy is far from indifferent: the first one nearly is."""
    trainer = make_trainer(env, seed=5, learner=learner, horizon=32)
    with torch.no_grad():
        trainer.policy.encoder *= 4
        trainer.policy.head[:-1] *= 20
    trainer.learner.weights_changed()
    return trainer


def collected(trainer: PPO, rollouts: int) -> dict[str, NDArray[Any]]:
    """Return observations, masks, actions and log-probabilities of several rollouts: (rollouts, T, A, ...)."""
    kept: dict[str, list[NDArray[Any]]] = {}
    for _ in range(rollouts):
        assert trainer.collect() is None
        buffers = trainer.buffers
        slots = {"observations": buffers.observations[:-1], "actions": buffers.actions, "log_probs": buffers.log_probs}
        for name, tensor in slots.items():
            kept.setdefault(name, []).append(tensor.numpy().copy())
    return {name: np.stack(arrays) for name, arrays in kept.items()}


def logits(trainer: PPO, contexts: int) -> NDArray[np.float64]:
    """Return what the policy's formulas give for each context: (K, contexts)."""
    weights = {name: p.detach().double().numpy() for name, p in trainer.policy.named_parameters()}
    network = references.Network(weights["encoder"], weights["core"], weights["head"])
    state = np.zeros((len(weights["core"]), contexts, len(weights["encoder"])))
    return network.run(np.eye(contexts)[None], state, np.ones((1, contexts)))[0][:-1, 0]


def joint_probabilities(logits: NDArray[np.float64], sizes: list[int], allowed: NDArray[np.bool_]) -> NDArray[Any]:
    """Return the probability of every combination of choices in each context: (contexts, product of sizes)."""
    joint, start = np.ones((logits.shape[1], 1)), 0
    for size in sizes:
        e = np.exp(logits[start : start + size].T) * allowed[:, start : start + size]
        joint = (joint[:, :, None] * (e / e.sum(1, keepdims=True))[:, None, :]).reshape(len(joint), -1)
        start += size
    return joint


def check_frequencies(counts: NDArray[Any], wanted: NDArray[Any]) -> None:
    """Pearson's chi-squared test; four standard deviations either way, as too good a fit is no chance either."""
    assert counts[wanted == 0].sum() == 0
    counts, wanted = counts[wanted > 5], wanted[wanted > 5]
    chi_squared, freedom = float(((counts - wanted) ** 2 / wanted).sum()), len(wanted) - 1
    normal = ((chi_squared / freedom) ** (1 / 3) - 1 + 2 / (9 * freedom)) / math.sqrt(2 / (9 * freedom))
    assert abs(normal) < 4  # Wilson & Hilferty 1931


SOME = np.array([[1, 1, 0, 1, 1, 1], [1, 0, 1, 1, 0, 1], [0, 1, 1, 0, 0, 1]], np.bool_)
"""Allowed choices of a Discrete(6), or of a MultiDiscrete([3, 3]), in three contexts."""

CASES: dict[str, tuple[Space, list[int], NDArray[np.bool_] | None]] = {
    "discrete": (Discrete(6), [6], None),
    "two actions": (Discrete(2), [2], None),
    "several": (MultiDiscrete([3, 2, 4]), [3, 2, 4], None),
    "masked": (Discrete(6), [6], SOME),
    "several masked": (MultiDiscrete([3, 3]), [3, 3], SOME),
}


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("case", CASES)
def test_frequencies_of_choices_are_their_probabilities(case: str, learner: str) -> None:
    """Of all combinations in each context, so that several actions of one row are independent, too."""
    space, sizes, allowed = CASES[case]
    trainer = decided_trainer(Contexts(256, space, 3, allowed), learner)
    seen = collected(trainer, rollouts=12)
    everything = np.ones((3, sum(sizes)), np.bool_) if allowed is None else allowed
    joint = joint_probabilities(logits(trainer, 3), sizes, everything)
    assert joint.max() > 1.2 / joint.shape[1], "the policy prefers something"
    context = seen["observations"].argmax(-1)
    chosen = np.ravel_multi_index(tuple(np.moveaxis(seen["actions"], -1, 0)), sizes)
    for i in range(3):
        counts = np.bincount(chosen[context == i], minlength=joint.shape[1])
        check_frequencies(counts, joint[i] * counts.sum())
    stored = np.exp(seen["log_probs"].astype(np.float64))
    np.testing.assert_allclose(stored, joint[context, chosen], rtol=1e-4)


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("apart", ["steps", "rows", "rollouts"])
def test_draws_are_independent(apart: str, learner: str) -> None:
    """Of neighbouring steps, neighbouring rows, and the same place in two rollouts."""
    trainer = decided_trainer(Contexts(256, Discrete(3), 1), learner)
    actions = collected(trainer, rollouts=12)["actions"][..., 0]
    axis = {"rollouts": 0, "steps": 1, "rows": 2}[apart]
    pairs = np.moveaxis(actions, axis, 0)
    pairs = pairs[: len(pairs) // 2 * 2]  # each draw in one pair only
    counts = np.bincount((3 * pairs[::2] + pairs[1::2]).ravel(), minlength=9)
    single = joint_probabilities(logits(trainer, 1), [3], np.ones((1, 3), np.bool_))[0]
    check_frequencies(counts, np.outer(single, single).ravel() * counts.sum())


def in_parts(parts: int) -> Parts:
    """256 environments in several parts, each of which is played by its own thread."""

    def make(num_envs: int, first: int, buffers: dict[str, NDArray[Any]] | None) -> Contexts:
        env = Contexts(num_envs, Discrete(3), 1)
        for name, array in (buffers or {}).items():
            setattr(env, name, array)
        return env

    return Parts(make, 256, parts)


@pytest.mark.parametrize("learner", LEARNERS)
def test_parts_of_an_environment_draw_independently(learner: str) -> None:
    trainer = decided_trainer(in_parts(2), learner)
    actions = collected(trainer, rollouts=12)["actions"][..., 0]
    counts = np.bincount((3 * actions[..., :128] + actions[..., 128:]).ravel(), minlength=9)
    single = joint_probabilities(logits(trainer, 1), [3], np.ones((1, 3), np.bool_))[0]
    check_frequencies(counts, np.outer(single, single).ravel() * counts.sum())


@pytest.mark.parametrize("learner", LEARNERS)
def test_continuous_actions_are_normal(learner: str) -> None:
    """Means, spreads and the shape of the distribution; what exceeds the range is stored as it was drawn."""
    space = Box(np.array([-3.0, -0.5, -np.inf], np.float32), np.array([3.0, 0.5, np.inf], np.float32))
    half_range = np.array([3.0, 0.5, 1.0])
    trainer = decided_trainer(Contexts(256, space, 3), learner)
    assert trainer.policy.log_std is not None
    log_std = np.array([-0.5, 0.2, 0.9])
    with torch.no_grad():
        trainer.policy.log_std.copy_(torch.from_numpy(log_std))
    trainer.learner.weights_changed()
    seen = collected(trainer, rollouts=12)
    context = seen["observations"].argmax(-1)
    means = logits(trainer, 3).T[context]
    z = ((seen["actions"] / half_range - means) / np.exp(log_std)).reshape(-1, 3)
    count = len(z)
    assert np.abs(z.mean(0)).max() < 4 / math.sqrt(count)
    assert np.abs(z.std(0) - 1).max() < 4 / math.sqrt(2 * count)
    correlations = np.corrcoef(z.T)[np.triu_indices(3, 1)]
    assert np.abs(correlations).max() < 4 / math.sqrt(count)
    for column in z.T:  # Kolmogorov and Smirnov's test
        normal = np.array([0.5 * (1 + math.erf(x / math.sqrt(2))) for x in np.sort(column)[::10]])
        assert np.abs(normal - np.arange(0, count, 10) / count).max() < 2.2 / math.sqrt(count) + 1 / count
    assert (np.abs(seen["actions"][..., 1]) > 0.5).any()
    wanted = references.gaussian(
        np.moveaxis(means, -1, 0), log_std, seen["actions"].astype(np.float64), half_range
    ).log_prob
    np.testing.assert_allclose(seen["log_probs"], wanted, rtol=1e-4, atol=1e-4)

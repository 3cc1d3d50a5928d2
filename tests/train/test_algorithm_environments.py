"""Environments with a known optimum are learned, and valued as their closed forms say, on three seeds of three."""

from typing import Any

import numpy as np
import pytest
import tiny
from tiny import make_trainer, train
from tiny_environments import Target

from puffer_train.algorithm.evaluate import evaluate
from puffer_train.algorithm.ppo import PPO

SEEDS = pytest.mark.parametrize("seed", [1, 2, 3])

PERMUTED = np.eye(5)[[3, 0, 4, 1, 2]]
"""Five contexts with one right arm each."""

BEST_RETURNS: dict[str, tuple[Any, dict[str, Any], float]] = {
    "two arms": (lambda: tiny.Bandit(16, [[0.0, 1.0]]), {"steps": 5_000}, 1.0),
    "five contexts": (lambda: tiny.Bandit(32, PERMUTED), {}, 1.0),
    "small differences": (lambda: tiny.Bandit(32, [[0.5, 0.55, 0.6, 0.65]]), {}, 0.65),
    "the nearer exit pays less": (lambda: tiny.Temptation(32), {"steps": 60_000}, 1.0),
    "combination": (lambda: tiny.Combination(64), {"steps": 60_000, "policy": {"hidden": 32}}, 1.0),
    "forbidden arms": (lambda: tiny.Forbidden(64), {"steps": 60_000}, 1.0),
}


@SEEDS
@pytest.mark.parametrize("case", BEST_RETURNS)
def test_the_best_return_is_reached(case: str, seed: int) -> None:
    """By every single episode, once nothing is tried out any more."""
    make_env, settings, best = BEST_RETURNS[case]
    trainer = make_trainer(make_env(), seed, **settings)
    train(trainer)
    returns = evaluate(make_env(), trainer.policy, seed=7, deterministic=True).figures["episode_return"]
    assert len(returns) == trainer.spec.rows
    assert returns == pytest.approx([best] * len(returns), abs=1e-5)


@SEEDS
def test_continuous_actions_meet_their_target_and_settle(seed: int) -> None:
    """Not only the means are right: the spread falls, too, so that what is sampled is right."""
    trainer = make_trainer(Target(64), seed, steps=100_000, gamma=0.5)
    train(trainer)
    assert trainer.policy.log_std is not None
    assert trainer.policy.log_std.max() < np.log(0.25), "it starts at a half"
    for deterministic, least in ((True, 3.9), (False, 3.4)):
        result = evaluate(Target(64), trainer.policy, seed=5, deterministic=deterministic)
        assert np.mean(result.figures["episode_return"]) > least, "4 is perfect, guessing the middle gives 1.3"


# -- memory ------------------------------------------------------------------------------------------------


def answers(env: tiny.Recall, seed: int, policy: dict[str, Any] | None = None, **settings: Any) -> float:
    """Train; return the share of right answers that the policy gives then, trying out included."""
    trainer = make_trainer(env, seed, {"hidden": 32, "layers": 2} | (policy or {}), **settings)
    train(trainer)
    env.log()
    for _ in range(20):
        trainer.collect()
    return env.log()["score"]


@SEEDS
def test_what_was_seen_before_is_remembered(seed: int) -> None:
    assert answers(tiny.Recall(64, delay=4), seed, steps=120_000) > 0.95


@pytest.mark.slow
@SEEDS
def test_what_was_seen_long_ago_is_remembered(seed: int) -> None:
    lstm = {"cell": "lstm", "layers": 1}
    long = {"horizon": 32, "minibatch": 512, "entropy_coefficient": 0.02, "steps": 2_000_000}
    assert answers(tiny.Recall(64, delay=16), seed, lstm, **long) > 0.95


@SEEDS
def test_the_state_reaches_over_the_edge_of_a_rollout(seed: int) -> None:
    """Cue and question always lie in different rollouts: only the state that a rollout begins with connects them.

    No gradient does, so that what is kept of the cues is left to chance, and hardly ever tells all four apart.
    """
    assert answers(tiny.Recall(64, delay=3), seed, horizon=3, minibatch=96, steps=300_000) > 0.6


@SEEDS
def test_without_its_state_the_policy_can_only_guess(seed: int) -> None:
    """Trained without a past as well as played: nothing else can carry the cue to where it is asked for."""
    assert answers(tiny.Recall(64, delay=4, interrupted=True), seed, steps=120_000) < 0.32


@SEEDS
def test_without_its_state_the_policy_does_all_that_needs_no_memory(seed: int) -> None:
    """So that it is the missing memory that the test before this one shows, and nothing else about interruptions."""
    assert answers(tiny.Recall(64, delay=4, interrupted=True, reminded=True), seed, steps=60_000) > 0.95


# -- values ------------------------------------------------------------------------------------------------

GAMMA = 0.9


def learned_values(trainer: PPO, first: int, places: int) -> np.ndarray:
    """Train; return the mean value given to each of several places, of which the observation holds a one-hot."""
    train(trainer)
    seen = trainer.buffers.observations[:-1, :, first : first + places] == 1
    return np.array([trainer.buffers.values[seen[..., place]].mean().item() for place in range(places)])


def finite_sum(steps: Any) -> np.ndarray:
    """Return the value of 1 per step for that many steps."""
    return (1 - GAMMA ** np.asarray(steps)) / (1 - GAMMA)


@SEEDS
def test_value_of_a_reward_that_is_cut_off_but_never_over(seed: int) -> None:
    trainer = make_trainer(tiny.Annuity(32, over=False), seed, gamma=GAMMA, steps=60_000)
    np.testing.assert_allclose(learned_values(trainer, 0, 8), 0.5 / (1 - GAMMA), rtol=0.03)


@SEEDS
def test_value_of_a_reward_that_is_over(seed: int) -> None:
    trainer = make_trainer(tiny.Annuity(32, over=True), seed, gamma=GAMMA, steps=60_000)
    np.testing.assert_allclose(learned_values(trainer, 0, 8), 0.5 * finite_sum(8 - np.arange(8)), rtol=0.03)


@SEEDS
def test_value_beyond_a_truncation_is_that_of_the_true_last_observation(seed: int) -> None:
    """Taken for an end, a truncation would give the second room 3.1; valued with the restart, about 8."""
    trainer = make_trainer(tiny.TwoRooms(64), seed, gamma=GAMMA, steps=60_000)
    np.testing.assert_allclose(learned_values(trainer, 0, 4), 10 * GAMMA ** np.array([3, 2, 1, 0]), rtol=0.03)


@SEEDS
def test_an_agent_that_leaves_early_and_one_that_stays(seed: int) -> None:
    """Both play perfectly, and what the empty row holds, a treasure, is no part of what the one that left is worth."""
    trainer = make_trainer(tiny.Pair(32), seed, gamma=GAMMA, steps=60_000, reward_clip=0.0, policy={"hidden": 32})
    train(trainer)
    buffers = trainer.buffers
    assert buffers.present is not None
    there = buffers.present[:-1]
    assert buffers.rewards[there].mean() > 0.98
    for first, rounds in ((0, tiny.Pair.rounds), (1, tiny.Pair.short)):
        values, seen = buffers.values[:, first::2], buffers.observations[:-1, first::2, 2:] == 1
        for step in range(rounds):
            value = values[there[:, first::2] & seen[..., step]].mean().item()
            assert value == pytest.approx(finite_sum(rounds - step), rel=0.03)


def test_an_agent_that_leaves_early_has_finished_its_episode() -> None:
    env = tiny.Pair(8)
    result = evaluate(env, make_trainer(env).policy, seed=3, longest=100)
    assert result.unfinished == 0
    assert sorted(result.figures["episode_length"]) == [3.0] * 8 + [6.0] * 8
    assert max(result.figures["episode_return"]) <= 6


# -- what counts -------------------------------------------------------------------------------------------


@SEEDS
@pytest.mark.parametrize(("limit", "best"), [(0.0, 1), (1.0, 0)])
def test_rewards_are_not_cut_unless_asked_for(limit: float, best: int, seed: int) -> None:
    """Rare large rewards are worth more here, but only to a learner that sees how large they are."""
    trainer = make_trainer(tiny.Lottery(128), seed, steps=60_000, gamma=0.0, reward_clip=limit, replay_ratio=1)
    train(trainer)
    assert (trainer.buffers.actions == best).float().mean() > 0.9


@SEEDS
@pytest.mark.parametrize(("period", "steps"), [(1, 6_000), (8, 30_000)])
def test_the_last_transition_of_a_rollout_counts(period: int, steps: int, seed: int) -> None:
    """All that is ever paid comes with it, and nothing reaches back to the ones before, as gamma is 0."""
    few = {"horizon": period, "minibatch": 16 * period, "steps": steps}
    trainer = make_trainer(tiny.LastStep(64, period), seed, gamma=0.0, **few)
    train(trainer)
    assert trainer.buffers.actions[-1].float().mean() > 0.95


def test_priority_finds_the_few_sequences_that_matter() -> None:
    """One environment of 64 pays, and a tenth of all sequences is trained on: chance seldom meets the one."""
    few = {"horizon": 4, "minibatch": 8, "replay_ratio": 0.1, "steps": 40_000}
    right: dict[float, list[float]] = {0.0: [], 1.0: []}
    for alpha, found in right.items():
        for seed in (1, 2, 3, 4):
            trainer = make_trainer(tiny.Needle(64), seed, priority_alpha=alpha, priority_beta=0.0, **few)
            train(trainer)
            for _ in range(20):
                trainer.collect()
                found.append((trainer.buffers.actions[:, 0] == tiny.Needle.right).float().mean().item())
    assert np.mean(right[1.0]) > 0.8
    assert np.mean(right[0.0]) < 0.5, "an eighth is what guessing brings"

"""Observations without useful bounds are learned from as well as others: the policy knows their mean and spread."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box
from tiny import make_trainer, train
from tiny_environments import Signpost, VectorEnvironment
from unscaled import Coin, Huge

from puffer_envs.contract.policy_file import PolicyFile
from puffer_envs.policy import load_policy
from puffer_train import config
from puffer_train.algorithm.evaluate import evaluate
from puffer_train.algorithm.observations import ObservationNormalizer
from puffer_train.config import PolicySettings, Settings
from puffer_train.contract import describe
from puffer_train.errors import ConfigError
from puffer_train.moments import column_moments, pooled
from puffer_train.policy import Policy
from puffer_train.storage.policy_file import EnvironmentIdentity, read_policy, write_policy

SEEDS = pytest.mark.parametrize("seed", [1, 2, 3])


def trained(env: VectorEnvironment, seed: int, **settings: Any) -> float:
    """Train; return the mean reward per step of the likeliest actions."""
    trainer = make_trainer(env, seed, **{"steps": 40_000, "gamma": 0.5} | settings)
    train(trainer)
    figures = evaluate(env, trainer.policy, 5, deterministic=True).figures
    return float(np.mean(figures["episode_return"])) / env.time_limit


@SEEDS
@pytest.mark.parametrize("coin", [(300, 0.02, 1), (0, 1, 500)], ids=["small beside its mean", "beside a large one"])
def test_what_is_small_beside_something_else_is_seen(coin: tuple[float, float, float], seed: int) -> None:
    assert trained(Coin(*coin), seed) > 0.95


def test_it_takes_normalisation() -> None:
    """Without it, all that is learned is to guess."""
    assert trained(Coin(300, 0.02, 1), 1, normalize_observations="false") < 0.6
    assert trained(Coin(300, 0.02, 1, bound=1000), 1) < 0.6
    assert trained(Coin(300, 0.02, 1, bound=1000), 1, normalize_observations="true") > 0.95


@SEEDS
def test_huge_observations_saturate_nothing(seed: int) -> None:
    trainer = make_trainer(Huge(), seed, steps=40_000, gamma=0.5)
    reports = [trainer.iterate() for _ in range(2)]
    assert all(report["approx_kl"] < 1 and report["gradient_norm"] < 1e3 for report in reports)
    assert trained(Huge(), seed) > -0.2


# -- what is normalised ------------------------------------------------------------------------------------


def normalized(bounds: list[float], wanted: Any, dtype: Any = np.float32) -> list[int]:
    env = Coin(0, 1, 1)
    high = np.array(bounds, dtype)
    env.single_observation_space = Box(-high, high, dtype=dtype)
    rows = np.zeros((env.num_agents, len(bounds)), dtype)
    env.observations, env.final_observations = rows, rows.copy()
    return Policy(describe(env), PolicySettings(16, 1), torch.Generator(), wanted).normalized


def test_which_inputs_are_normalised() -> None:
    bounds = [1.0, 1e6, 2e6, math.inf]
    assert normalized(bounds, "auto") == [2, 3]
    assert normalized(bounds, "true") == [0, 1, 2, 3]
    assert normalized(bounds, "false") == []
    assert normalized([100, 100], "true", np.int8) == [], "whole numbers are not"


def test_fields_are_normalised_one_by_one() -> None:
    """Of a structured observation, numbers with no bounds are; choices, bytes and pictures are not."""
    env = Signpost(16)
    trainer = make_trainer(env, 1, steps=2_000, normalize_observations="true")
    columns, first = [], 0
    for field in trainer.spec.observation_fields:
        columns += range(first, first + field.inputs) if field.dtype == "float32" else []
        first += field.inputs
    assert columns
    assert trainer.policy.normalized == columns
    train(trainer)
    assert trainer.policy.input_mean is not None
    still = [i for i in range(first) if i not in columns]
    assert not trainer.policy.input_mean[still].any()
    assert trainer.policy.input_mean[columns].any()


def test_the_setting_is_true_false_or_auto() -> None:
    for given, kept in ((True, "true"), (False, "false"), ("true", "true"), ("auto", "auto")):
        settings = config.overlay(Settings(), {"train": {"normalize_observations": given}}, "test")
        assert settings.train.normalize_observations == kept
    with pytest.raises(ConfigError, match="must be auto, true or false"):
        config.overlay(Settings(), {"train": {"normalize_observations": "yes"}}, "test")


# -- the moments -------------------------------------------------------------------------------------------


def test_moments_of_columns() -> None:
    numbers = torch.from_numpy(np.random.default_rng(1).normal(3, [1, 1e-3], (500, 2)))
    counts, means, squares = pooled(torch.stack([column_moments(part) for part in numbers.split([0, 200, 300])])).T
    assert counts.tolist() == [500, 500]
    np.testing.assert_allclose(means, numbers.mean(0), rtol=1e-12)
    np.testing.assert_allclose(squares, numbers.var(0, correction=0) * 500, rtol=1e-9)


def normalizer() -> ObservationNormalizer:
    return ObservationNormalizer(Policy(describe(Coin(0, 1, 1)), PolicySettings(16, 1), torch.Generator(), "auto"))


def test_the_policy_gets_mean_and_spread_of_all_rollouts() -> None:
    mine = normalizer()
    seen = torch.randn(6, 32, 2, generator=torch.Generator().manual_seed(1)) * torch.tensor([0.5, 40]) + 7
    mine.update(seen[:2])
    mine.update(seen[2:])
    mine.hand_over(mine.policy)
    flat = seen.flatten(0, 1).double()
    assert mine.policy.input_mean is not None
    np.testing.assert_allclose(mine.policy.input_mean, flat.mean(0), rtol=1e-6)
    np.testing.assert_allclose(1 / mine.policy.input_scale, flat.std(0, correction=0), rtol=1e-6)


def test_rows_that_are_not_finite_or_hold_no_agent_do_not_count() -> None:
    mine = normalizer()
    seen = torch.full((2, 32, 2), 1e9)
    seen[0, :4] = torch.tensor([[1.0, 2.0], [3.0, 2.0], [math.nan, 2.0], [math.inf, 2.0]])
    present = torch.zeros(2, 32, dtype=torch.bool)
    present[0, :4] = True
    mine.update(seen, present)
    mine.hand_over(mine.policy)
    assert mine.policy.input_mean is not None
    assert mine.policy.input_mean.tolist() == [2.0, 2.0]
    assert mine.policy.input_scale.tolist() == [1.0, 1.0], "a number that never changes is only shifted"
    assert mine.moments[:, 0].tolist() == [2, 2]


def test_an_evaluation_leaves_the_moments_alone() -> None:
    trainer = make_trainer(Coin(300, 0.02, 1), 1, steps=2_000)
    train(trainer)
    assert trainer.observations is not None
    before = [x.clone() for x in (trainer.observations.moments, trainer.policy.input_mean, trainer.policy.input_scale)]
    evaluate(Coin(0, 1e3, 1), trainer.policy, 5)
    after = [trainer.observations.moments, trainer.policy.input_mean, trainer.policy.input_scale]
    assert all(torch.equal(x, y) for x, y in zip(before, after, strict=True))


# -- the policy file ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("env", [Coin(300, 0.02, 1), Signpost(16)], ids=["array", "fields"])
def test_numpy_plays_the_same(env: Any, tmp_path: Path) -> None:
    trainer = make_trainer(env, 1, steps=2_000, normalize_observations="true")
    train(trainer)
    path = tmp_path / "policy.safetensors"
    write_policy(path, trainer.policy, EnvironmentIdentity("env", 0, {}))
    assert PolicyFile.read(path).info.normalized
    again, player = read_policy(path, describe(env)), load_policy(path)
    state, other = trainer.policy.initial_state(env.num_agents), again.initial_state(env.num_agents)
    seen = env.reset(3)
    for _ in range(5):
        wanted = trainer.policy.step(torch.from_numpy(seen), state)
        assert torch.equal(again.step(torch.from_numpy(seen), other), wanted)
        np.testing.assert_allclose(player._forward(seen).T, wanted, atol=1e-5)
        env.actions[:] = 0
        env.step(env.actions)


def test_numpy_cuts_what_is_far_off(tmp_path: Path) -> None:
    env = Coin(300, 0.02, 1)
    trainer = make_trainer(env, 1, steps=2_000)
    train(trainer)
    path = tmp_path / "policy.safetensors"
    write_policy(path, trainer.policy, EnvironmentIdentity("env", 0, {}))
    player = load_policy(path)
    far, limit = np.full((32, 2), 3e38, np.float32), trainer.policy.input_mean + 10 / trainer.policy.input_scale
    outputs = player._forward(far)
    player.reset()
    np.testing.assert_allclose(player._forward(np.tile(limit.numpy(), (32, 1))), outputs, rtol=1e-4)
    with pytest.raises(ValueError, match="must be finite"):
        player.act(np.full((32, 2), np.inf, np.float32))

"""The algorithm: what belongs together in the buffers, what is learned, and what happens to numbers gone bad."""

import math
from typing import Any, cast

import numpy as np
import pytest
import tiny_environments as tiny
import torch
from numpy.typing import NDArray

from puffer_train.algorithm import training_state
from puffer_train.algorithm.evaluate import evaluate
from puffer_train.algorithm.health import MAX_SKIPS_IN_A_ROW
from puffer_train.algorithm.ppo import PPO
from puffer_train.config import ConfigError, Settings, overlay
from puffer_train.errors import NonFiniteError
from puffer_train.learners.protocol import SOME_TRUNCATED


@pytest.fixture(autouse=True, params=["kernels", "torch"])
def learner(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Every test runs twice: both backends must do the same."""
    monkeypatch.setattr(Learning, "by", request.param)
    return request.param


class Learning:
    """Who does the numbers in this test."""

    by = "auto"


def make_trainer(env: Any, seed: int = 1, policy: dict[str, Any] | None = None, **train: Any) -> PPO:
    small = {"num_envs": env.num_envs, "horizon": 8, "minibatch": 128, "steps": 10_000} | train
    tables = {"train": small, "policy": {"hidden": 16, "layers": 1} | (policy or {})}
    return PPO(env, overlay(Settings(), tables, "test"), seed, learner=Learning.by)


def weights(trainer: PPO) -> bytes:
    """Everything that an update could change, as bytes."""
    tensors = training_state.learned_tensors(trainer)
    return b"".join(tensors[name].numpy().tobytes() for name in sorted(tensors) if "generator" not in name)


def train(trainer: PPO) -> dict[str, float]:
    report: dict[str, float] = {}
    while not trainer.finished:
        report |= trainer.iterate()
    return report


# -- time alignment ----------------------------------------------------------------------------------------


class Echo(tiny.VectorEnvironment):
    """Each reward names the observation and the action that it is for; episodes end at random, either way."""

    def __init__(self, num_envs: int, seed: int = 0) -> None:
        super().__init__(tiny.Box(-np.inf, np.inf, (1,), np.float32), tiny.Discrete(3), num_envs, seed)
        self.number = np.zeros(num_envs, np.float32)

    def begin(self, rows: NDArray[np.bool_]) -> None:
        self.number[rows] = self.generator.random(int(rows.sum())) - 10

    def advance(self, actions: NDArray[Any]) -> None:
        self.rewards[:] = self.number + 100 * actions
        self.number = self.generator.random(self.num_envs).astype(np.float32)
        self.terminals[:] = self.generator.random(self.num_envs) < 0.1
        self.time_limit = int(self.generator.integers(3, 9))

    def observe(self, out: NDArray[Any]) -> None:
        out[:, 0] = self.number


def test_slots_hold_what_belongs_together() -> None:
    trainer = make_trainer(Echo(32), horizon=8, minibatch=64)
    last = None
    for _ in range(4):
        assert trainer.collect() is None
        buffers = trainer.buffers
        assert buffers.ends.any()
        rebuilt = buffers.observations[:8, :, 0] + 100 * buffers.actions[..., 0]
        torch.testing.assert_close(buffers.rewards, rebuilt)
        if last is not None:
            assert torch.equal(buffers.observations[0], last), "no transition is lost between rollouts"
        last = buffers.observations[8].clone()
        starts = buffers.observations[1:, :, 0] < -5
        assert torch.equal(starts, buffers.ends), "the next slot holds the restarted episode"


@pytest.mark.parametrize("kind", [tiny.CartPole, tiny.Team, Echo])
def test_training_sees_the_states_of_the_rollout(kind: type[tiny.VectorEnvironment]) -> None:
    """Run as sequences, the unchanged policy must give what it gave step by step, over many episode ends."""
    trainer = make_trainer(kind(16), policy={"layers": 2}, minibatch=64)
    for _ in range(5):
        trainer.collect()
        buffers = trainer.buffers
        again = trainer.policy(buffers.observations[:8], buffers.first_state, buffers.keep)
        torch.testing.assert_close(trainer.policy.values(again), buffers.values, rtol=1e-4, atol=1e-5)
        masks = None if buffers.masks is None else buffers.masks[:8]
        log_probs, _ = trainer.policy.evaluate_actions(again, buffers.actions, masks)
        torch.testing.assert_close(log_probs, buffers.log_probs, rtol=1e-4, atol=1e-5)
    assert not buffers.keep.all()


def test_first_update_has_ratio_one() -> None:
    trainer = make_trainer(tiny.CartPole(16), minibatch=128, replay_ratio=1)
    for _ in range(3):
        report = trainer.iterate()
        assert report["importance"] == pytest.approx(1, abs=1e-5)
        assert report["approx_kl"] == pytest.approx(0, abs=1e-5)
        assert report["clip_fraction"] == 0


def test_truncation_is_valued_with_the_state_before_the_reset() -> None:
    trainer = make_trainer(Echo(16), minibatch=64)
    trainer.collect()
    env, policy = trainer.env, trainer.policy
    (actor,) = trainer.learner.actors
    checked = 0
    for t in range(200):
        before = trainer.state.clone()
        env.step(np.zeros(16, np.int32))
        if actor.store(0) & SOME_TRUNCATED:
            trainer.collector._value_truncated(env, actor, 0)
        actor.reset_state(0)
        rows = np.flatnonzero(env.truncations)
        final = torch.from_numpy(env.final_observations[rows])
        wanted = policy.step(final, before[:, rows])[-1]
        torch.testing.assert_close(trainer.buffers.final_values[0, rows], wanted)
        ends = env.terminals | env.truncations
        assert not trainer.state[:, ends].any()
        assert torch.equal(trainer.state[:, ~ends], before[:, ~ends])
        trainer.state.normal_(generator=torch.Generator().manual_seed(t))
        checked += len(rows)
    assert checked > 50


def test_every_sequence_is_visited_before_one_is_visited_twice() -> None:
    trainer = make_trainer(tiny.CartPole(48), minibatch=128, replay_ratio=1.7)
    visits = torch.cat([segments for segments, _ in trainer.minibatches.choose(trainer.progress)])
    assert len(visits) == round(1.7 * 48 * 8 / 128) * 16
    assert sorted(visits[:48].tolist()) == list(range(48))
    assert len(set(visits[48:].tolist())) == len(visits) - 48


def test_absent_agents_teach_nothing() -> None:
    trainer = make_trainer(tiny.Team(16), minibatch=256, replay_ratio=1)
    trainer.collect()
    assert trainer.buffers.present is not None
    absent = ~trainer.buffers.present[:-1]
    assert absent.any()
    found = []
    for spoiled in (0.0, 1e3):
        trainer.buffers.advantages += spoiled * absent
        _, report = trainer.learner.gradient(torch.arange(32), torch.ones(32))
        gradients = [cast(torch.Tensor, p.grad).clone() for p in trainer.policy.parameters()]
        found.append((report["loss"], [gradient.tolist() for gradient in gradients]))
    assert found[0] == found[1]


# -- learning ----------------------------------------------------------------------------------------------


def test_value_of_a_reward_that_never_stops() -> None:
    """Cut every 8 steps but never over: the value is 1 / (1 - gamma), which a lost bootstrap would miss by far."""
    gamma = 0.9
    trainer = make_trainer(tiny.ConstantReward(32), steps=60_000, gamma=gamma, horizon=16)
    train(trainer)
    assert trainer.buffers.values.mean().item() == pytest.approx(1 / (1 - gamma), rel=0.03)


def test_corridor_is_solved_and_valued() -> None:
    trainer = make_trainer(tiny.Corridor(32), steps=60_000, gamma=0.8)
    train(trainer)
    result = evaluate(tiny.Corridor(32), trainer.policy, seed=3, deterministic=True)
    assert result.figures["episode_length"] == [5.0] * 32
    start = trainer.policy.step(torch.eye(5, dtype=torch.uint8)[:1], trainer.policy.initial_state(1))
    assert start[-1].item() == pytest.approx(0.8**4, abs=0.08)


@pytest.mark.parametrize("how", [{"priority_alpha": 0.8}, {"refresh_advantages": True}])
def test_other_ways_to_use_samples_learn_too(how: dict[str, Any]) -> None:
    trainer = make_trainer(tiny.Corridor(32), steps=60_000, gamma=0.8, **how)
    assert train(trainer)["env/episode_length"] < 6


def test_memory_is_used() -> None:
    trainer = make_trainer(tiny.MemoryCue(64), steps=100_000, policy={"layers": 2})
    train(trainer)
    env = tiny.MemoryCue(256)
    assert np.mean(evaluate(env, trainer.policy, seed=5).figures["episode_return"]) > 0.95

    class Forgetful(type(trainer.policy)):  # type: ignore[misc]
        def step(self, observations: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
            return super().step(observations, torch.zeros_like(state))

    trainer.policy.__class__ = Forgetful
    forgetful = np.mean(evaluate(env, trainer.policy, seed=5, learner="torch").figures["episode_return"])
    assert abs(forgetful) < 0.3, "without its state it can only guess"


def test_continuous_actions_are_learned() -> None:
    trainer = make_trainer(tiny.Target(64), steps=80_000, gamma=0.5)
    train(trainer)
    result = evaluate(tiny.Target(64), trainer.policy, seed=5, deterministic=True)
    assert np.mean(result.figures["episode_return"]) > 3.8, "4 is perfect, guessing the middle gives 1.3"


def test_masks_and_several_agents() -> None:
    trainer = make_trainer(tiny.Team(32), steps=80_000, gamma=0.5, reward_scale=0.5)
    train(trainer)
    env = tiny.Team(32)
    result = evaluate(env, trainer.policy, seed=5, deterministic=True)
    # five steps of 2 where that is allowed, of 1 elsewhere; odd agents are absent at first
    assert result.figures["episode_return"] == [10.0 if free else 5.0 for free in first_free(32, seed=5)]


def first_free(num_envs: int, seed: int) -> list[bool]:
    env = tiny.Team(num_envs)
    env.reset(seed)
    assert env.agent_mask is not None
    return env.free[env.agent_mask].tolist()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_cart_pole_is_solved(seed: int) -> None:
    """With the settings that are shipped for the native one; with four layers a million steps do not suffice."""
    trainer = make_trainer(
        tiny.CartPole(256),
        seed,
        policy={"hidden": 32, "layers": 2},
        steps=1_000_000,
        horizon=32,
        minibatch=2048,
        reward_scale=0.05,
    )
    train(trainer)
    assert np.mean(evaluate(tiny.CartPole(64), trainer.policy, seed=9).figures["episode_return"]) >= 475


# -- the same again ----------------------------------------------------------------------------------------


def test_same_seed_same_numbers() -> None:
    torch.manual_seed(0)
    first = [make_trainer(tiny.CartPole(32), 4).iterate() for _ in range(1)]
    runs = []
    for seed in (4, 4, 5):
        torch.rand(3)  # the global generator must not matter
        trainer = make_trainer(tiny.CartPole(32), seed)
        runs.append([trainer.iterate() for _ in range(5)])
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]
    assert runs[0][0] == first[0]


def test_global_generators_are_left_alone() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    make_trainer(tiny.CartPole(32)).iterate()
    assert torch.equal(before, torch.get_rng_state())


def test_going_on_equals_never_having_stopped() -> None:
    whole = make_trainer(tiny.CartPole(32))
    reports = [whole.iterate() for _ in range(6)]
    first = make_trainer(tiny.CartPole(32))
    for _ in range(3):
        first.iterate()
    tensors = {
        name: t.clone()
        for name, t in (training_state.learned_tensors(first) | training_state.game_tensors(first)).items()
    }
    second = make_trainer(tiny.CartPole(32), seed=99)
    second.env.restore(first.env.snapshot())  # type: ignore[attr-defined]
    training_state.restore(second, tensors, training_state.counters(first), game=True)
    learned = ("loss", "entropy", "gradient_norm", "learning_rate", "steps", "updates")
    for report in reports[3:]:
        again = second.iterate()
        assert {key: again[key] for key in learned} == {key: report[key] for key in learned}


# -- numbers gone bad --------------------------------------------------------------------------------------


class Spoiled(tiny.CartPole):
    """CartPole that writes a bad number into one array at chosen steps."""

    def __init__(self, where: str, value: float, steps: range) -> None:
        super().__init__(16)
        self.where, self.value, self.bad_steps, self.count = where, value, steps, 0

    def step(self, actions: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        result = super().step(actions)
        if self.count in self.bad_steps:
            getattr(self, self.where)[3] = self.value
        self.count += 1
        return result


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("where", ["observations", "rewards"])
def test_bad_buffers_skip_the_update(where: str, value: float) -> None:
    env = Spoiled(where, value, range(10, 11))
    trainer = make_trainer(env, minibatch=64)
    trainer.iterate()
    before = weights(trainer)
    faults: list[str] = []
    trainer.health.on_skip = faults.append
    report = trainer.iterate()
    assert weights(trainer) == before
    assert report["skipped"] == 1
    assert "loss" not in report
    assert where in faults[0]
    assert "row 3" in faults[0]
    for _ in range(3):
        report = trainer.iterate()
    assert report["skipped"] == 1, "the damage does not outlive the rollout"
    assert weights(trainer) != before


def test_bad_final_observation_skips_the_update() -> None:
    class BadEnd(Echo):
        def step(self, actions: NDArray[Any]) -> tuple[NDArray[Any], ...]:
            result = super().step(actions)
            self.final_observations[self.truncations] = math.nan
            return result

    trainer = make_trainer(BadEnd(16), minibatch=64)
    before = weights(trainer)
    trainer.iterate()
    assert weights(trainer) == before
    assert trainer.health.fault is not None
    assert "final_observations" in trainer.health.fault


def test_bad_continuous_observation_still_gives_valid_actions() -> None:
    class BadTarget(tiny.Target):
        def observe(self, out: NDArray[Any]) -> None:
            super().observe(out)
            out[2] = math.nan

    trainer = make_trainer(BadTarget(16), minibatch=64)
    before = weights(trainer)
    trainer.iterate()  # the environment raises at an action that is not finite
    assert weights(trainer) == before


def test_bad_loss_skips_the_update() -> None:
    trainer = make_trainer(tiny.CartPole(16), minibatch=64, value_coefficient=1e39)
    before = weights(trainer)
    report = trainer.iterate()
    assert report["skipped"] == 3
    assert "loss" not in report
    assert weights(trainer) == before
    assert trainer.health.fault is not None
    assert "is not finite" in trainer.health.fault


@pytest.mark.parametrize("parameter", ["encoder", "core", "head"])
def test_bad_gradient_skips_the_update_and_names_the_parameter(parameter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = make_trainer(tiny.CartPole(16), minibatch=64)
    trainer.iterate()
    before = weights(trainer)

    gradient = trainer.learner.gradient

    def spoil(*arguments: Any) -> tuple[float, dict[str, float]]:
        _, report = gradient(*arguments)
        cast(torch.Tensor, dict(trainer.policy.named_parameters())[parameter].grad).view(-1)[1] = math.nan
        return math.nan, report

    monkeypatch.setattr(trainer.learner, "gradient", spoil)
    trainer.iterate()
    assert weights(trainer) == before
    assert trainer.health.fault == f"the gradient of parameter {parameter!r} is not finite"
    monkeypatch.setattr(trainer.learner, "gradient", gradient)
    trainer.iterate()
    assert weights(trainer) != before
    assert trainer.health.skipped_in_a_row == 0


def test_stops_after_ten_in_a_row() -> None:
    trainer = make_trainer(Spoiled("rewards", math.nan, range(10**9)), minibatch=64)
    before = weights(trainer)
    for _ in range(MAX_SKIPS_IN_A_ROW - 1):
        trainer.iterate()
    with pytest.raises(NonFiniteError, match="10 skipped updates in a row: rewards, row 3, at step"):
        trainer.iterate()
    assert weights(trainer) == before


def test_minibatch_must_fit() -> None:
    with pytest.raises(ConfigError, match="more than one rollout of 4 agents"):
        make_trainer(tiny.CartPole(4))

"""Playing the next rollout while learning from the last one, and what happens in the middle of a rollout."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_environments as tiny
import torch
from tiny import make_trainer, train

import puffer_envs
from puffer_train import Trainer
from puffer_train.errors import ConfigError, EnvironmentFailedError


class Pole:
    """The pole of `tiny.CartPole`, without snapshots; it notices two threads inside."""

    NAMES = ("observations", "final_observations", "rewards", "terminals", "truncations", "actions", "action_masks")
    NAMES += ("agent_mask", "single_observation_space", "single_action_space", "num_agents")

    def __init__(self, num_envs: int = 16, seed: int = 0, fails_at: int = 0) -> None:
        self.inner, self.fails_at, self.steps = tiny.CartPole(num_envs, seed), fails_at, 0
        self.num_envs, self.lock, self.changes = num_envs, threading.Lock(), [0.0]
        for name in self.NAMES:
            setattr(self, name, getattr(self.inner, name))

    @contextmanager
    def alone(self) -> Iterator[None]:
        assert self.lock.acquire(blocking=False), "two threads are inside"
        try:
            yield
        finally:
            self.lock.release()

    def reset(self, seed: int | None = None) -> Any:
        with self.alone():
            return self.inner.reset(seed)

    def step(self, actions: Any) -> Any:
        with self.alone():
            self.steps += 1
            if self.steps == self.fails_at:
                raise RuntimeError("the pole is broken")
            return self.inner.step(actions)

    def set(self, key: str, value: float) -> None:
        with self.alone():
            self.changes.append(value)

    def close(self) -> None:
        with self.alone():
            pass


KINDS = pytest.mark.parametrize("learner", ["kernels", "torch"])


@KINDS
def test_without_updates_it_changes_nothing(learner: str) -> None:
    """With the same weights all along, old ones are as good as new ones."""
    still = {"learning_rate": 0.0, "vector_learning_rate": 0.0, "steps": 1_000, "max_kl": 0}
    still |= {"normalize_observations": "false"}
    one = make_trainer(Pole(), learner=learner, **still)
    other = make_trainer(Pole(), learner=learner, **still, overlap=True)
    for _ in range(7):
        assert one.iterate() == other.iterate()
        for name in ("observations", "actions", "rewards", "ends", "values", "log_probs", "first_state"):
            assert torch.equal(getattr(one.buffers, name), getattr(other.buffers, name)), name
    other.stop_collecting()


@KINDS
def test_a_rollout_is_learned_from_with_the_moments_that_it_was_played_with(learner: str) -> None:
    still = {"learning_rate": 0.0, "vector_learning_rate": 0.0, "max_kl": 0}
    trainer = make_trainer(Pole(), learner=learner, **still, overlap=True)
    seen = []
    for _ in range(5):
        report = trainer.iterate()
        assert report["old_approx_kl"] == pytest.approx(0, abs=1e-5), "the probabilities of then"
        assert trainer.policy.input_mean is not None
        seen.append(trainer.policy.input_mean.clone())
    assert not torch.equal(seen[-1], seen[-2]), "they move"
    trainer.stop_collecting()


@KINDS
def test_a_rollout_is_played_by_the_weights_before_the_last_update(learner: str) -> None:
    trainer = make_trainer(
        Pole(), learner=learner, minibatch=128, replay_ratio=1, overlap=True, normalize_observations="false"
    )
    played_by = []
    for _ in range(4):
        played_by.append([p.detach().clone() for p in trainer.policy.parameters()])
        report = trainer.iterate()
        before = played_by[max(0, len(played_by) - 2)]
        buffers = trainer.buffers
        now = [p.detach().clone() for p in trainer.policy.parameters()]
        for parameter, old in zip(trainer.policy.parameters(), before, strict=True):
            parameter.data.copy_(old)
        again = trainer.policy(buffers.observations[:8], buffers.first_state, buffers.keep)
        log_probs, _ = trainer.policy.evaluate_actions(again, buffers.actions, None)
        torch.testing.assert_close(log_probs, buffers.log_probs, rtol=1e-4, atol=1e-5)
        for parameter, new in zip(trainer.policy.parameters(), now, strict=True):
            parameter.data.copy_(new)
    assert report["approx_kl"] > 0, "the policy has moved since"
    trainer.stop_collecting()


@KINDS
def test_same_seed_same_numbers_and_it_learns(learner: str) -> None:
    settings = {"steps": 40_000, "reward_scale": 0.1, "overlap": True, "normalize_rewards": True}
    reports = [train(make_trainer(Pole(), learner=learner, **settings)) for _ in range(2)]
    assert reports[0] == reports[1]
    assert reports[0]["env/episode_length"] > 80, "by chance a pole stands for 20 steps"


def test_no_rollout_is_left_at_the_end() -> None:
    trainer = make_trainer(Pole(), steps=8 * 16 * 5, overlap=True)
    train(trainer)
    assert trainer.ahead is not None
    assert not trainer.ahead.under_way
    assert trainer.env.steps == 8 * 5  # type: ignore[attr-defined]


def test_settings_change_between_rollouts(tmp_path: Path) -> None:
    """`Pole.alone` would complain."""
    tables = {"train": {"num_envs": 16, "horizon": 8, "minibatch": 128, "steps": 8 * 16 * 20, "overlap": True}}
    tables |= {"policy": {"hidden": 16, "layers": 1}, "curriculum": {"wind": "0 to 1 over 1000"}}
    with Trainer("test_overlap:Pole", settings=tables, folder=tmp_path / "run", quiet=True, video=False) as trainer:
        env: Any = trainer.ppo.env
        while not trainer.finished:
            report = trainer.iterate()
    assert report["curriculum/wind"] == 1
    assert env.changes[-1] == 1


@pytest.mark.parametrize("at", [3, 30])
def test_a_failure_of_the_environment_is_reported(at: int) -> None:
    trainer = make_trainer(Pole(fails_at=at), overlap=True)
    with pytest.raises(EnvironmentFailedError, match="the pole is broken"):
        train(trainer)
    trainer.stop_collecting()


def test_where_it_is_refused() -> None:
    with puffer_envs.make("cartpole", 16) as env, pytest.raises(ConfigError, match="it keeps snapshots"):
        make_trainer(env, overlap=True)
    with pytest.raises(ConfigError, match="cannot be used with --learner cuda"):
        make_trainer(Pole(), overlap=True, learner="cuda")


@pytest.mark.parametrize(("share", "overlap", "wanted"), [(0.4, False, True), (0.1, False, False), (0.4, True, False)])
def test_the_log_says_when_it_is_worth_it(
    share: float, overlap: bool, wanted: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = {"train": {"num_envs": 16, "horizon": 8, "minibatch": 128, "steps": 128, "overlap": overlap}}
    with Trainer("test_overlap:Pole", settings=tables, folder=tmp_path / "run", video=False) as trainer:
        trainer.iterate()
        trainer.ppo.clock.seconds.update(gradient=share, optimizer=0.0)
        trainer.ppo.clock.total = 1.0
    assert ("The environments waited 40% of that time" in capsys.readouterr().out) == wanted


# -- in the middle of a rollout ------------------------------------------------------------------------------


@pytest.mark.parametrize("overlap", [False, True])
def test_progress_is_reported_within_a_rollout(overlap: bool) -> None:
    trainer = make_trainer(Pole(), overlap=overlap)
    seen: list[float] = []

    def watch(done: float) -> bool:
        seen.append(done)
        return False

    trainer.watch = watch
    trainer.iterate()
    assert all(0 <= done <= 1 for done in seen)
    if not overlap:
        assert seen[:8] == [(t + 1) / 8 for t in range(8)]
    trainer.stop_collecting()


@pytest.mark.parametrize("overlap", [False, True])
def test_a_rollout_that_is_left_is_dropped(overlap: bool) -> None:
    """And the next one starts from what the environment shows."""
    trainer = make_trainer(Pole(), overlap=overlap, horizon=64, minibatch=1024)
    trainer.iterate()
    before = [p.detach().clone() for p in trainer.policy.parameters()], trainer.steps, trainer.updates
    trainer.watch = lambda done: True
    assert trainer.iterate() == {}
    assert (trainer.steps, trainer.updates) == before[1:]
    assert all(torch.equal(old, p) for old, p in zip(before[0], trainer.policy.parameters(), strict=True))
    shown = np.array(trainer.env.observations)
    trainer.watch = lambda done: False
    assert trainer.iterate()
    assert np.array_equal(trainer.buffers.observations[0].numpy(), shown)
    trainer.stop_collecting()


class Slow(Pole):
    """A rollout of it takes hours."""

    def step(self, actions: Any) -> Any:
        time.sleep(0.02)
        return super().step(actions)


@pytest.mark.parametrize(("overlap", "by"), [("false", signal.SIGTERM), ("true", signal.SIGINT)])
def test_a_signal_ends_a_rollout_that_takes_hours(overlap: str, by: signal.Signals, tmp_path: Path) -> None:
    """Everything before it is saved."""
    horizon = 200_000
    words = ["--train.num-envs", "16", "--train.horizon", f"{horizon}", "--train.minibatch", f"{horizon}"]
    words += ["--policy.hidden", "8", "--policy.layers", "1", "--train.overlap", overlap, "--no-video"]
    command = [sys.executable, "-m", "puffer_train.cli.train", "test_overlap:Slow", *words, "--run-dir", "run"]
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    with subprocess.Popen(
        command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": path}, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if "steps/s" in line:
                break
        assert "left" in said.splitlines()[-1], "how far the rollout is"
        process.send_signal(by)
        said += process.stdout.read()
    assert process.returncode == 128 + by
    assert "Stopped at 0 steps and saved. Resume with:" in said
    assert "--resume run" in said

"""docs/one_file_trainer.py is a trainer: the loss of `puffer-train`, every kind of action, a policy file that plays."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import puffer_envs
from puffer_envs.policy import load_policy
from puffer_train.algorithm.loss import Played, ppo_loss
from puffer_train.config import PolicySettings, TrainSettings
from puffer_train.policy import Policy

DOCS = Path(__file__).resolve().parents[2] / "docs"
sys.path.insert(0, str(DOCS))

import one_file_trainer as one  # noqa: E402 - its folder is no package

ENVIRONMENTS = ["cartpole", "drone", "connect4"]
"""Discrete, continuous and masked actions."""


def make(name: str, **changes: Any) -> Any:
    settings = one.Settings(**{"num_envs": 32, "horizon": 8, "minibatch": 128, "layers": 2, "hidden": 16} | changes)
    return one.Trainer(puffer_envs.make(name, settings.num_envs, seed=1), settings)


def test_it_is_short() -> None:
    assert len((DOCS / "one_file_trainer.py").read_text("utf-8").splitlines()) <= 300


def test_its_page_shows_it() -> None:
    """Formatters take the line that includes it for Python, and put spaces into it."""
    line = '--8<-- "docs/one_file_trainer.py"'
    assert line in (DOCS / "one-file-trainer.md").read_text("utf-8").splitlines()


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_its_loss_is_that_of_the_trainer(name: str) -> None:
    trainer = make(name)
    trainer.collect()
    trainer.learn()
    trainer.collect()
    agents = torch.randperm(trainer.env.num_agents)[:8]
    mine, network = trainer.policy, trainer.policy.network
    policy = Policy(mine.spec, PolicySettings(16, 2), torch.Generator())
    with torch.no_grad():
        for parameter, weight in (
            (policy.encoder, network.encoder),
            (policy.core, network.core),
            (policy.head, network.head),
        ):
            parameter.copy_(weight)
        if mine.log_std is not None:
            policy.log_std.copy_(mine.log_std)  # type: ignore[union-attr]
        policy.action_scale.fill_(1.0)
    seen, masks, actions, log_probs, values, advantages, keep = (
        None if x is None else x[:, agents]
        for x in (
            trainer.observations,
            trainer.masks,
            trainer.actions,
            trainer.log_probs,
            trainer.values,
            trainer.advantages,
            trainer.keep,
        )
    )
    output = policy(seen, trainer.first_state[:, agents], keep)
    minibatch = Played(
        actions=actions,  # type: ignore[arg-type]
        masks=masks,
        present=None,
        log_probs=log_probs,  # type: ignore[arg-type]
        values=values,  # type: ignore[arg-type]
        advantages=advantages,  # type: ignore[arg-type]
        importance=torch.ones(8),
    )
    wanted, report, _ = ppo_loss(output, minibatch, policy, TrainSettings())
    trainer.policy.zero_grad()
    found, kl = trainer.loss(agents)
    assert float(found.detach()) == pytest.approx(float(wanted.detach()), rel=1e-4, abs=1e-5)
    assert kl == pytest.approx(report["approx_kl"], abs=1e-5)
    quick, quick_kl = trainer.kernel_loss(agents)
    assert float(quick.detach()) == pytest.approx(float(found.detach()), rel=1e-4, abs=1e-5)
    assert quick_kl == pytest.approx(kl, abs=1e-5)
    found.backward()
    wanted.backward()  # type: ignore[no-untyped-call]
    weights = list(mine.parameters())
    for one_gradient, weight in zip(torch.autograd.grad(quick, weights), weights, strict=True):
        size = float(weight.grad.abs().max())
        torch.testing.assert_close(one_gradient, weight.grad, rtol=1e-3, atol=1e-4 * size)
    for parameter, weight in (
        (policy.encoder, network.encoder),
        (policy.core, network.core),
        (policy.head, network.head),
    ):
        size = float(parameter.grad.abs().max())  # type: ignore[union-attr]
        torch.testing.assert_close(weight.grad, parameter.grad, rtol=1e-3, atol=1e-4 * size)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_its_policy_file_plays(name: str, tmp_path: Path) -> None:
    trainer = make(name)
    trainer.collect()
    trainer.learn()
    one.write_policy(tmp_path / "policy.safetensors", trainer, name)
    policy = load_policy(tmp_path / "policy.safetensors")
    env = trainer.env
    policy.require(name, env.single_observation_space, env.single_action_space, env.observation_fields)
    outputs, _ = trainer.policy.step(
        torch.from_numpy(env.observations), trainer.policy.network.initial_state(env.num_agents)
    )
    found = policy._forward(env.observations)[:, : outputs.shape[1]]
    np.testing.assert_allclose(found, outputs.numpy(), rtol=1e-4, atol=1e-5)


def test_it_learns_and_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a command; a pole that falls after 20 steps by chance stands much longer in the last episodes.

    Each report is about the episodes since the one before. A clock that counts iterations makes that 50 iterations,
    however fast the machine is.
    """
    clock = SimpleNamespace(perf_counter=itertools.count(step=0.02).__next__)
    monkeypatch.setattr(one, "time", clock)
    out = tmp_path / "cartpole.safetensors"
    changes = {"steps": 300_000, "num-envs": 64, "horizon": 16, "minibatch": 512, "layers": 1, "learning-rate": 0.006}
    words = [f"--{name}={value}" for name, value in changes.items()]
    monkeypatch.setattr(sys, "argv", ["one_file_trainer.py", "cartpole", *words, f"--out={out}"])
    one.main()
    last = capsys.readouterr().out.splitlines()[-1]
    assert float(last.split()[-1]) > 70  # seeds 1 to 6: 134 to 227
    assert out.exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [(["nonesuch"], "there is no environment 'nonesuch'"), (["cartpole", "--loss=tourch"], "invalid choice: 'tourch'")],
)
def test_a_mistake_is_one_line(
    words: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["one_file_trainer.py", *words])
    with pytest.raises(SystemExit, match="2"):
        one.main()
    assert message in capsys.readouterr().err.splitlines()[-1]

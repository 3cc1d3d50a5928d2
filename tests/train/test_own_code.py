"""The user's own loss, advantage and optimizer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import puffer_train
from puffer_envs.contract.errors import UserError
from puffer_train.algorithm.advantage import advantages
from puffer_train.algorithm.loss import ppo_loss
from puffer_train.own_code import Code, named_code
from tests.train.runs import SMALL, Shell
from tests.train.test_python_api import options, policy_bytes

TRAIN = {"num_envs": 16, "horizon": 8, "minibatch": 64, "eval_episodes": 0}
POLICY = {"hidden": 16, "layers": 1}
STEPS = 6 * 16 * 8


def trained(folder: Path, *, steps: int = STEPS, **own: Any) -> puffer_train.Run:
    settings = {"train": {**TRAIN, **own}, "policy": POLICY}
    return puffer_train.train("squared", steps=steps, **options(folder, settings=settings))


def weights(run: puffer_train.Run) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in run.policy.parameters()])


def same_loss(output: Any, minibatch: Any, policy: Any, train: Any) -> Any:
    assert minibatch.observations.shape[:2] == minibatch.log_probs.shape == minibatch.keep.shape
    loss, report, ratio = ppo_loss(output, minibatch, policy, train)
    return loss, {**report, "twice": 2 * report["entropy"]}, ratio


def same_advantage(*arguments: torch.Tensor, **keywords: Any) -> torch.Tensor:
    return advantages(*arguments, **keywords)


def adamw(parameters: dict[str, torch.nn.Parameter], train: Any) -> torch.optim.Optimizer:
    return torch.optim.AdamW(parameters.values(), lr=0.01, weight_decay=0.1)


def test_an_own_loss_that_is_ppo_learns_what_the_kernels_learn(tmp_path: Path) -> None:
    kernels, own = trained(tmp_path / "a"), trained(tmp_path / "b", loss=same_loss)
    torch.testing.assert_close(weights(own), weights(kernels), rtol=2e-3, atol=2e-4)
    assert policy_bytes(own.folder) != policy_bytes(kernels.folder), "torch did the arithmetic"
    assert (own.metrics["twice"] == 2 * own.metrics["entropy"]).all()


def test_an_own_advantage_that_is_gae_learns_what_the_kernels_learn(tmp_path: Path) -> None:
    kernels, own = trained(tmp_path / "a"), trained(tmp_path / "b", advantage=same_advantage)
    torch.testing.assert_close(weights(own), weights(kernels), rtol=2e-3, atol=2e-4)


def test_another_advantage_is_used(tmp_path: Path) -> None:
    run = trained(tmp_path / "a", advantage=lambda rewards, *rest, **others: torch.zeros_like(rewards))
    assert abs(run.metrics["policy_loss"]).max() < 1e-6


@pytest.mark.parametrize("optimizer", [adamw, lambda parameters, train: torch.optim.SGD(parameters.values(), lr=0.1)])
def test_an_own_optimizer_follows_the_schedule(optimizer: Callable[..., Any], tmp_path: Path) -> None:
    made: list[torch.optim.Optimizer] = []

    def make(parameters: Any, train: Any) -> torch.optim.Optimizer:
        made.append(optimizer(parameters, train))
        return made[-1]

    rates = []
    puffer_train.train(
        "squared",
        steps=STEPS,
        on_iteration=lambda trainer, report: rates.append((made[-1].param_groups[0]["lr"], report["learning_rate"])),
        **options(tmp_path / "r", settings={"train": {**TRAIN, "optimizer": make}, "policy": POLICY}),
    )
    first, base = rates[0]
    assert [rate / first for rate, _ in rates] == pytest.approx([rate / base for _, rate in rates])
    assert rates[-1][0] < 0.2 * first


def test_resuming_with_an_own_optimizer_is_exact(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import torch\ndef make(parameters, train):\n    return torch.optim.AdamW(parameters.values(), lr=0.01)\n"
    )
    own = ["--train.optimizer", "mine:make"]
    assert shell.train("squared", *SMALL, *own, "--steps", STEPS, "--run-dir", "whole").status == 0
    half = ["--steps", STEPS // 2, "--train.final-learning-rate", "1"]
    assert shell.train("squared", *SMALL, *own, *half, "--run-dir", "half").status == 0
    whole = ["--steps", STEPS, "--train.final-learning-rate", "1"]
    assert shell.train("squared", *SMALL, *own, *whole, "--run-dir", "constant").status == 0
    done = shell.train("--resume", "half", *own, *SMALL[-3:], "--steps", STEPS)
    assert done.status == 0, done.all
    assert policy_bytes(tmp_path / "half") == policy_bytes(tmp_path / "constant")


def test_a_folder_alone_never_decides_which_code_runs(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "mine2.py").write_text("from puffer_train.algorithm.loss import ppo_loss as loss\n")
    own = ["--train.loss", "mine2:loss"]
    assert shell.train("squared", *SMALL, *own, "--steps", STEPS, "--run-dir", "r").status == 0
    for how in ("--resume", "--like"):
        refused = shell.train(how, "r")
        assert refused.status == 2
        assert "r was trained with your own code, train.loss 'mine2:loss': give that as well" in refused.all
    saved = json.loads((tmp_path / "r/config.json").read_text())
    assert saved["settings"]["train"]["loss"] == "mine2:loss"
    assert "--train.loss mine2:loss" in (tmp_path / "r/README.md").read_text()


@pytest.mark.parametrize(
    ("setting", "value", "wanted"),
    [
        ("loss", "pppo", "train.loss is 'pppo'; it must be ppo, or your own code as module:name. Did you mean 'ppo'"),
        ("loss", 3, "train.loss is 3; it must be ppo"),
        ("optimizer", "adm", "it must be muon, adam, or your own code as module:name. Did you mean 'adam'"),
        ("loss", "no_such_module:loss", "train.loss: there is no module 'no_such_module'"),
        ("loss", "json:lodas", "train.loss: 'json' has nothing called 'lodas'. Did you mean 'loads'"),
        ("loss", "__main__:loss", "is of a script or notebook: give it again from there"),
        ("loss", lambda *a: 1.0, "must return what ppo_loss does, with a loss"),
        ("loss", lambda o, m, p, t: (o.sum(), [], m.values), "with a report: numbers by name"),
        ("loss", lambda o, m, p, t: (o.sum(), {}, m.values[0]), "with the ratios of probabilities, a tensor"),
        ("loss", lambda *a: 1 // 0, "failed.\n.*ZeroDivisionError"),
        ("advantage", lambda *a, **k: None, "must return a tensor"),
        ("advantage", lambda *a, **k: 1 // 0, "ZeroDivisionError"),
        ("optimizer", lambda p, t: 3, "returned int: it must be a torch.optim.Optimizer"),
        ("optimizer", lambda p, t: 1 // 0, "ZeroDivisionError"),
    ],
)
def test_mistakes_in_own_code_are_explained(setting: str, value: Any, wanted: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"(?s){wanted}"):
        trained(tmp_path / "r", **{setting: value})


def test_progress_is_saved_when_a_loss_fails_later(tmp_path: Path) -> None:
    calls = []

    def breaks(output: Any, minibatch: Any, policy: Any, train: Any) -> Any:
        calls.append(1)
        return same_loss(output, minibatch, policy, train) if len(calls) < 8 else {}["gone"]

    with pytest.raises(UserError, match=r"(?s)KeyError: 'gone'.*Progress is saved"):
        trained(tmp_path / "r", loss=breaks)
    assert list((tmp_path / "r/checkpoints").glob("step_*"))


def test_cuda_refuses_own_code(tmp_path: Path) -> None:
    settings = {"train": {**TRAIN, "advantage": same_advantage}, "policy": POLICY}
    with (
        pytest.raises(UserError, match=r"--learner cuda cannot be used: it cannot run train.advantage"),
        puffer_train.Trainer("squared", learner="cuda", **options(tmp_path / "r", settings=settings)),
    ):
        pass


def test_code_is_its_name() -> None:
    code = Code.of(same_loss)
    assert code == f"{__name__}:same_loss"
    assert json.loads(json.dumps({"loss": code})) == {"loss": str(code)}
    assert named_code({"train": {"loss": code, "gamma": 0.9}, "env": {"map": "a:b"}}) == {"train.loss": code}

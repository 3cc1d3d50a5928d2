"""Numbers gone bad: NaN, infinities and numbers so large that sums of them are. Nothing of it gets into a weight."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import tiny_environments as tiny
import torch
from numpy.typing import NDArray
from runs import SMALL, Done, Shell, metrics, newest, saved_steps

from puffer_train.algorithm.health import MAX_SKIPS_IN_A_ROW
from puffer_train.algorithm.ppo import PPO
from puffer_train.algorithm.training_state import learned_tensors
from puffer_train.config import Settings, overlay
from puffer_train.errors import NonFiniteError

HORIZON, ROWS = 8, 16
BATCH = ROWS * HORIZON
RUN = [*SMALL, "--train.checkpoint-interval", str(2 * BATCH)]
BAD = [math.nan, math.inf, -math.inf]
LARGE = [1e10, 1e19, 1e30, 3e38, -3e38]
UNBOUNDED = {"reward_clip": 0.0}


class Spoiled(tiny.CartPole):
    """CartPole that writes a number into one row of one array at chosen steps, counted over all resets."""

    time_limit = 5  # so that final observations are looked at

    def __init__(self, where: str, value: float, steps: range) -> None:
        super().__init__(ROWS)
        self.where, self.value, self.bad_steps, self.count = where, value, steps, 0

    def step(self, actions: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        result = super().step(actions)
        if self.count in self.bad_steps:
            getattr(self, self.where)[3] = self.value
            if self.where == "final_observations":
                self.truncations[3], self.terminals[3] = True, False
        self.count += 1
        return result


def make_trainer(env: Any, learner: str, **train: Any) -> PPO:
    small = {"num_envs": env.num_envs, "horizon": HORIZON, "minibatch": 64, "steps": 100 * BATCH} | train
    tables = {"train": small, "policy": {"hidden": 16, "layers": 1}}
    return PPO(env, overlay(Settings(), tables, "test"), 1, learner=learner)


def learned(trainer: PPO) -> bytes:
    """Weights and moments, as bytes."""
    tensors = learned_tensors(trainer)
    return b"".join(tensors[name].numpy().tobytes() for name in sorted(tensors) if name.startswith(("policy", "opt")))


def all_finite(trainer: PPO) -> bool:
    tensors = learned_tensors(trainer).values()
    return all(torch.isfinite(tensor).all() for tensor in tensors if tensor.is_floating_point())


learners = pytest.mark.parametrize("learner", ["kernels", "torch"])


@learners
@pytest.mark.parametrize("step", [0, 3, 7])
@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize("where", ["observations", "rewards", "final_observations"])
def test_one_bad_number_costs_one_update(learner: str, where: str, value: float, step: int) -> None:
    """At the first, a middle and the last step of the second rollout; reported with its place; then all is well."""
    at = HORIZON + step
    trainer = make_trainer(Spoiled(where, value, range(at, at + 1)), learner)
    trainer.iterate()
    before, faults = learned(trainer), []
    trainer.health.on_skip = faults.append
    report = trainer.iterate()
    assert learned(trainer) == before
    assert (report["skipped"], len(faults)) == (1, 1)
    assert "loss" not in report
    assert where in faults[0]
    assert "row 3" in faults[0]
    # what is seen after the last step of a rollout is seen again at the first of the next
    again = 2 if (where, step) == ("observations", 7) else 1
    for _ in range(3):
        report = trainer.iterate()
    assert report["skipped"] == again
    assert learned(trainer) != before
    assert trainer.health.skipped_in_a_row == 0
    assert all_finite(trainer)


WAYS = [
    {},
    {"normalize_rewards": True},
    {"priority_alpha": 0.8, "refresh_advantages": True},
    {"normalize_rewards": True, "priority_alpha": 0.8},
]


@learners
@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("value", [*BAD, *LARGE])
@pytest.mark.parametrize("where", ["rewards", "observations"])
@pytest.mark.parametrize("steps", [range(11, 12), range(9, 10**9)], ids=["once", "always"])
def test_weights_stay_finite_whatever_comes(
    learner: str, way: dict[str, Any], where: str, value: float, steps: range
) -> None:
    """Whether an update is made or skipped, every weight is finite, and every figure that is reported."""
    trainer = make_trainer(Spoiled(where, value, steps), learner, **UNBOUNDED, **way)
    try:
        for _ in range(14):
            before, skipped = learned(trainer), trainer.health.skipped
            report = trainer.iterate()
            assert all(math.isfinite(figure) for figure in report.values())
            if trainer.health.skipped > skipped and "loss" not in report:
                assert learned(trainer) == before
            assert all_finite(trainer)
    except NonFiniteError as error:
        assert len(steps) > 1
        assert f"{MAX_SKIPS_IN_A_ROW} skipped updates in a row" in str(error)
    assert all_finite(trainer)
    if len(steps) == 1:
        assert trainer.health.skipped_in_a_row == 0, "one bad number is forgotten"


@learners
def test_priorities_of_advantages_of_any_size(learner: str) -> None:
    trainer = make_trainer(Spoiled("rewards", 1e20, range(0, 10**9, 3)), learner, priority_alpha=10.0, **UNBOUNDED)
    for _ in range(3):
        trainer.iterate()
    assert all_finite(trainer)


@learners
@pytest.mark.parametrize("coefficient", [1e30, 1e36, 1e37, 1e38, 3e38])
def test_a_gradient_that_overflows(learner: str, coefficient: float) -> None:
    """Before the loss does, after it, or only its length: an update is made of finite numbers or not made."""
    trainer = make_trainer(tiny.CartPole(ROWS), learner, value_coefficient=coefficient)
    before = learned(trainer)
    report = trainer.iterate()
    assert trainer.updates + report["skipped"] == 3
    assert (learned(trainer) == before) == (trainer.updates == 0)
    assert all_finite(trainer)
    assert trainer.health.fault is None or trainer.health.fault.endswith("is not finite")
    if coefficient == 3e38:
        assert report["skipped"] > 0


# --- through the commands ---


def spoil(patch: pytest.MonkeyPatch, where: str, value: float, steps: range) -> str:
    """Give the tests' environments one that is spoiled at these steps, and return its name."""

    class Broken(Spoiled):
        def __init__(self, num_envs: int = 1, seed: int = 0) -> None:
            super().__init__(where, value, steps)

    patch.setattr(tiny, "Broken", Broken, raising=False)
    return "tiny_environments:Broken"


@pytest.mark.parametrize("where", ["observations", "rewards"])
def test_a_run_gets_over_a_bad_stretch(shell: Shell, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """Bad for three rollouts, the end of one of which should have been saved."""
    name = spoil(monkeypatch, where, math.nan, range(3 * HORIZON, 6 * HORIZON))
    done = shell.train(name, *RUN, "--steps", str(12 * BATCH), "--run-dir", "run")
    assert done.status == 0, done.err
    lines = metrics(Path("run"))
    skips = lines[-1]["skipped"]
    assert skips == (4 if where == "observations" else 3)
    assert done.out.count(f"update skipped: {where}, row 3, at step ") == skips
    assert ["loss" in line for line in lines] == [True] * 3 + [False] * skips + [True] * (9 - skips)
    assert "no checkpoint was written" not in done.out, "it waits for an update"
    assert saved_steps(Path("run"))[-1] == 12 * BATCH, "and all are finite, which loading them makes sure of"


def go_on_mended(shell: Shell, patch: pytest.MonkeyPatch, done: Done) -> Done:
    spoil(patch, "rewards", math.nan, range(0))
    return shell.typed(done.resume_command)


@pytest.mark.parametrize(("where", "value"), [("rewards", math.nan), ("observations", math.inf)])
def test_a_run_that_stays_bad_stops_and_can_go_on(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, where: str, value: float
) -> None:
    """Ten in a row: the policy is kept, the last rollout dumped, and the printed command resumes once that is fixed."""
    name = spoil(monkeypatch, where, value, range(5 * HORIZON, 10**9))
    done = shell.train(name, *RUN, "--steps", str(40 * BATCH), "--run-dir", "run")
    assert done.status == 1
    assert done.err.count("\n") == 1
    assert f"stopped after 10 skipped updates in a row: {where}, row 3, at step " in done.err
    assert "The last rollout, weights and gradients are in run/nonfinite-dump.safetensors." in done.err
    dump = safetensors.torch.load(Path("run/nonfinite-dump.safetensors").read_bytes())
    assert not torch.isfinite(dump[where]).all()
    weights = newest(Path("run")).tensors
    assert all(torch.equal(weights[key], dump[key]) for key in dump if key.startswith("policy."))
    assert done.out.count("Too many updates in a row were skipped: ") == 3, "going back did not help"
    assert newest(Path("run")).manifest["counters"]["updates"] == 4 * 3, "of the good rollouts before the checkpoint"
    assert not Path("run/policy.safetensors").exists()
    again = go_on_mended(shell, monkeypatch, done)
    assert again.status == 0, again.err
    assert "its episodes start from scratch" in again.out, "the game of the broken iteration is not kept"
    assert metrics(Path("run"))[-1]["steps"] == 40 * BATCH


def test_a_step_so_long_that_weights_overflow(shell: Shell) -> None:
    """What was saved before stays, and no checkpoint or policy holds a number that is not finite."""
    assert shell.train("cartpole", *RUN, "--steps", str(4 * BATCH), "--run-dir", "run").status == 0
    policy = Path("run/policy.safetensors").read_bytes()
    more = ["--threads", "1", "--no-video", "--steps", str(40 * BATCH)]
    done = shell.train("--resume", "run", *more, "--train.learning-rate", "3e38")
    assert done.status == 1
    assert "skipped updates in a row" in done.err
    assert 4 * BATCH in saved_steps(Path("run"))
    assert Path("run/policy.safetensors").read_bytes() == policy


def test_metrics_hold_no_nan(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    name = spoil(monkeypatch, "rewards", math.nan, range(3 * HORIZON, 6 * HORIZON))
    assert shell.train(name, *RUN, "--steps", str(12 * BATCH), "--run-dir", "run").status == 0
    for line in Path("run/metrics.jsonl").read_text().splitlines():
        assert np.isfinite(list(json.loads(line, parse_constant=pytest.fail).values())).all()

"""Runs that can no longer learn go back to their last good checkpoint and take shorter steps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from runs import SMALL, Shell, metrics, newest, saved_steps, signalled

from puffer_train.algorithm.ppo import PPO

BATCH = 16 * 8
RUN = ["cartpole", *SMALL, "--steps", str(20 * BATCH), "--train.checkpoint-interval", str(2 * BATCH)]


@contextmanager
def diverging(above: float) -> Iterator[None]:
    """After seven iterations no loss is finite while the steps are longer than this share of what the settings say."""
    original = PPO._gradient_step

    def gradient_step(self: PPO, *arguments: Any) -> dict[str, float] | None:
        if self.steps >= 7 * BATCH and self.step_scale > above:
            self.health.skip("the loss is not finite")
            return None
        return original(self, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PPO, "_gradient_step", gradient_step)
        yield


def test_a_run_goes_back_and_takes_shorter_steps(shell: Shell) -> None:
    with diverging(above=0.5):
        done = shell.train(*RUN, "--run-dir", "r")
    assert done.status == 0, done.err
    wanted = (
        "WARNING: Too many updates in a row were skipped: the loss is not finite. The last rollout, weights and "
        "gradients are in r/nonfinite-dump.safetensors. Training continues from 768 steps with 0.5 of the learning "
        "rates (time 1 of 3).\n"
    )
    assert done.out.count(wanted) == 1
    assert (
        "WARNING: The run went back to a checkpoint once because of NaN: learning rates are multiplied by 0.5.\n"
        in (done.out)
    )
    lines = metrics(Path("r"))
    assert [line["steps"] for line in lines] == [n * BATCH for n in range(1, 21)], "what was abandoned is gone"
    assert [line.get("retreats", 0) for line in lines] == [0] * 6 + [1] * 14
    assert lines[6]["learning_rate"] < 0.55 * lines[5]["learning_rate"]
    (note,) = json.loads(Path("r/config.json").read_text())["history"][-1]["retreats"]
    assert note == {"failed_at": 10 * BATCH, "back_to": 6 * BATCH, "step_scale": 0.5, "fault": "the loss is not finite"}
    assert (
        "went back to a checkpoint with half the learning rates: at 1.28k back to 768"
        in Path("r/README.md").read_text()
    )
    assert saved_steps(Path("r"))[-1] == 20 * BATCH


@pytest.mark.parametrize("cut", [9, 16])
def test_a_run_that_went_back_resumes_exactly(shell: Shell, cut: int) -> None:
    """Interrupted while updates are skipped, and later."""
    with diverging(above=0.5):
        assert shell.train(*RUN, "--run-dir", "whole").status == 0
        with signalled(cut):
            stopped = shell.train(*RUN, "--run-dir", "r")
        assert stopped.status == 130
        assert shell.typed(stopped.resume_command).status == 0
    mine, wanted = newest(Path("r")), newest(Path("whole"))
    assert mine.manifest["counters"] == wanted.manifest["counters"]
    assert all(torch.equal(mine.tensors[name], tensor) for name, tensor in wanted.tensors.items())
    assert metrics(Path("r")) == metrics(Path("whole"))
    assert Path("r/policy.safetensors").read_bytes() == Path("whole/policy.safetensors").read_bytes()


def test_after_three_times_a_run_stops(shell: Shell) -> None:
    with diverging(above=0.0):
        done = shell.train(*RUN, "--run-dir", "r")
    assert done.status == 1
    assert "stopped after 10 skipped updates in a row: the loss is not finite." in done.err
    assert [f"(time {n} of 3)" in done.out for n in (1, 2, 3, 4)] == [True, True, True, False]
    assert newest(Path("r")).manifest["run"]["step_scale"] == 1 / 8
    assert json.loads(Path("r/config.json").read_text())["history"][-1]["ended"] == "failed"
    again = shell.typed(done.resume_command)
    assert again.status == 0, "with an eighth of the learning rates"


def test_without_a_checkpoint_a_run_stops(shell: Shell) -> None:
    with diverging(above=0.5):
        done = shell.train(*RUN, "--train.checkpoint-interval", "1M", "--run-dir", "r")
    assert done.status == 1
    assert "stopped after 10 skipped updates in a row" in done.err

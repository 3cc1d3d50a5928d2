"""Numbers that are not finite or absurd: where they came from, what they cost, what to do, and when to give up."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from puffer_train.algorithm.buffers import Buffers
from puffer_train.config import TrainSettings
from puffer_train.errors import NonFiniteError
from puffer_train.learners.protocol import UpdateSummary
from puffer_train.policy import Policy

MAX_SKIPS_IN_A_ROW = 10
"""Training stops after this many skipped updates in a row."""

ABSURD = {"approx_kl": 5.0, "gradient_norm": 1e6}
"""Figures of an iteration that are above this in no run that learns. (A KL of 5: an action that had a probability of
one half is as good as never taken now, or the other way round.)"""

LARGE = 1e3
"""Networks expect inputs and rewards of about 1; beyond this, they are the first suspects."""


class Health:
    """Counts the updates that were skipped because a number was not finite."""

    def __init__(self) -> None:
        self.skipped = 0
        """Updates skipped since the start of the run."""
        self.skipped_in_a_row = 0
        """Updates skipped since the last one that was made."""
        self.fault: str | None = None
        """What was not finite, and where, when this process last skipped an update."""
        self.on_skip: Callable[[str], None] = lambda fault: None
        """Called with the reason whenever an update is skipped."""
        self.absurd = 0
        """Iterations of this process with an absurd figure."""
        self.absurdity: str | None = None
        """What was absurd in the last one of them, and what to do."""
        self.on_absurd: Callable[[str], None] = lambda what: None
        """Called with that when it first happens."""

    def judge(self, figures: dict[str, float], advice: Callable[[], str]) -> None:
        """Note absurd figures of an iteration; `advice` says what to do, and is only asked then."""
        absurd = [f"{name.replace('_', ' ')} was {figures[name]:.3g}" for name in ABSURD if is_absurd(name, figures)]
        if not absurd:
            return
        self.absurd += 1
        self.absurdity = f"{' and '.join(absurd)}: {advice()}"
        if self.absurd == 1:
            self.on_absurd(self.absurdity)

    def updated(self) -> None:
        """Count an update that was made."""
        self.skipped_in_a_row = 0

    def count(self, summary: UpdateSummary) -> None:
        """Count the updates that a learner made or skipped by itself.

        Raises:
            NonFiniteError: Too many in a row were skipped.
        """
        if summary.taken:
            self.updated()
        if summary.fault is not None:
            self.skip(summary.fault, summary.skipped, summary.skipped_last)

    def skip(self, fault: str, times: int = 1, times_in_a_row: int = 1) -> None:
        """Count skipped updates.

        Raises:
            NonFiniteError: Too many in a row were skipped.
        """
        self.fault = fault
        self.skipped += times
        self.skipped_in_a_row += times_in_a_row
        self.on_skip(fault)
        if self.skipped_in_a_row >= MAX_SKIPS_IN_A_ROW:
            raise NonFiniteError(f"stopped after {self.skipped_in_a_row} skipped updates in a row: {fault}.")


def is_absurd(name: str, figures: Mapping[str, float]) -> bool:
    """Whether a figure of an iteration is beyond what `ABSURD` allows."""
    return figures.get(name, 0.0) > ABSURD.get(name, math.inf)


def advice(policy: Policy, buffers: Buffers, train: TrainSettings) -> str:
    """Return what is probably wrong where a figure is absurd, and what to do."""
    inputs = large_inputs(policy, buffers.observations)
    if inputs:
        return inputs
    reward = float(buffers.rewards.abs().max()) * train.reward_scale
    if reward > LARGE and train.reward_clip == 0 and not train.normalize_rewards:
        return f"rewards reach {reward:.3g}. Try --train.normalize-rewards true"
    return f"Try a lower --train.learning-rate than {train.learning_rate:g}"


def large_inputs(policy: Policy, observations: Tensor) -> str:
    """Return what to do if any of observations (T, A, *shape) is far beyond what networks expect, else nothing."""
    if policy.input_mean is not None or not len(policy.input_scale):
        return ""
    largest, inputs = (LARGE, ""), iter(policy.observations.float_inputs)
    for name, numbers in policy.observations.floats(observations).items():
        most = numbers.reshape(observations.shape[0] * observations.shape[1], -1).abs().amax(0)
        scale = policy.input_scale[[next(inputs) for _ in most]].to(most.device)
        largest = max(largest, (float((most * scale).max()), name))
    number, name = largest
    return f"{name} reach {number:.3g}. Try --train.normalize-observations true" if name else ""


def fault_in_output(policy: Policy, buffers: Buffers, t: int, row: int) -> str:
    """Return why the policy's output for a row at step t of the rollout is not finite."""
    seen = policy.observations.floats(buffers.observations[t, row])
    bad = [name for name, numbers in seen.items() if not torch.isfinite(numbers).all()]
    if bad:
        return f"{bad[0]}, row {row}, at step {t} of the rollout is not finite"
    return f"the policy's output for row {row} at step {t} of the rollout is not finite"


def faults_in_step(policy: Policy, buffers: Buffers, t: int, rows: slice) -> list[str]:
    """Name the first row that is not finite in the rewards of step t, and in each observation field after it."""
    seen = policy.observations.floats(buffers.observations[t + 1, rows])
    faults = []
    for name, numbers, step in [("rewards", buffers.rewards[t, rows], t), *((k, v, t + 1) for k, v in seen.items())]:
        bad = (~torch.isfinite(numbers)).nonzero()
        if len(bad):
            faults.append(f"{name}, row {rows.start + int(bad[0, 0])}, at step {step} of the rollout is not finite")
    return faults


def fault_in_gradient(policy: Policy, figures: dict[str, float], norm: float) -> str | None:
    """Return which loss or which parameter's gradient is not finite, or None. norm: length of the gradient."""
    for key, value in figures.items():
        if not math.isfinite(value):
            return f"{key.replace('_', ' ')} is not finite"
    if math.isfinite(norm):
        return None
    for name, parameter in policy.named_parameters():
        if parameter.grad is not None and not torch.isfinite(parameter.grad).all():
            return f"the gradient of parameter {name!r} is not finite"
    return "the norm of the gradient is not finite"

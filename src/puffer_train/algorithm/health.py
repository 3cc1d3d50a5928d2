"""Numbers that are not finite: where they came from, how many updates they cost, and when to give up."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from puffer_train.algorithm.buffers import Buffers
from puffer_train.errors import NonFiniteError
from puffer_train.learners.protocol import UpdateSummary
from puffer_train.policy import Policy

MAX_SKIPS_IN_A_ROW = 10
"""Training stops after this many skipped updates in a row."""


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


def fault_in_output(policy: Policy, buffers: Buffers, t: int, row: int) -> str:
    """Return why the policy's output for a row at step t of the rollout is not finite."""
    seen = policy.observations.floats(buffers.observations[t, row])
    bad = [name for name, numbers in seen.items() if not torch.isfinite(numbers).all()]
    what = f"{bad[0]}, row {row}," if bad else f"the policy's output for row {row}"
    return f"{what} at step {t} of the rollout is not finite"


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

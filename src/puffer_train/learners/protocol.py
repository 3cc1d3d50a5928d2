"""The arithmetic that the algorithm needs: acting, gradients, advantages. Implementations: `registry.LEARNERS`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from puffer_train.algorithm.loss import Scale
from puffer_train.algorithm.optimizer import Optimizer

SOME_TRUNCATED, BAD_OBSERVATIONS, BAD_REWARDS = 1, 2, 4
"""What `Actor.store` reports, added up: the numbers of c/learn/network.h, also where no kernels are built."""


class Actor(Protocol):
    """Acts for rows `first` to `last - 1`, those of one part of the environment, in its own thread."""

    @property
    def first(self) -> int:
        """Number of its first row."""
        ...

    @property
    def last(self) -> int:
        """Number of the row after its last."""
        ...

    def begin(self, generator: torch.Generator) -> None:
        """Draw the random numbers of a rollout."""
        ...

    def act(self, t: int, greedy: bool = False) -> int:
        """Fill slot t of actions from observations and state; return the first row with bad outputs, or -1.

        Actions are drawn, greedily the likeliest are taken.

        Rows whose outputs are not finite get neutral ones and a zero state: the environment still receives valid
        actions, and the next rollout does not inherit the damage.
        """
        ...

    def store(self, t: int) -> int:
        """Copy the outcome of step t into the buffers; return a sum of flags that describe it."""
        ...

    def value(self, observations: NDArray[Any], rows: NDArray[np.intp]) -> Tensor:
        """Value observations (n, *shape) of some of the part's rows with their current state: (n,)."""
        ...

    def reset_state(self, t: int) -> None:
        """Reset the recurrent state of those whose episode ended with step t."""
        ...

    def finish(self) -> None:
        """Fill in the log-probabilities and values still missing, and the value after the last step."""
        ...


class Learner(Protocol):
    """Computes gradients; the policy's parameters hold them."""

    workers: Any
    """The kernels' threads, which the optimizer uses as well; None where there are no kernels."""
    work: str
    """One sentence for the log: who computes what."""

    @property
    def actors(self) -> Sequence[Actor]:
        """One for each part of the environment; they may act at the same time."""
        ...

    def weights_changed(self) -> None:
        """Must be called whenever the policy's parameters changed."""
        ...

    def gradient(
        self, sequences: Tensor, importance: Tensor, scale: Scale | None = None
    ) -> tuple[float, dict[str, float]]:
        """Compute the gradient of the loss over some sequences.

        With `refresh_advantages`, new values and ratios of these sequences are written to the buffers.

        Args:
            sequences: Agents whose sequences to learn from: (B,) int64.
            importance: Their weights: (B,) float32.
            scale: Given where other ranks have more sequences of the same minibatch. Gradients and figures must then
                be summed over the ranks.

        Returns:
            The length of the gradient, and the losses to report.
        """
        ...

    def estimate_advantages(self, reward_factor: float) -> None:
        """Fill the buffers' advantages; rewards are multiplied by the factor and the settings' scale first."""
        ...

    def torch_seconds(self, spent: Mapping[str, float]) -> float:
        """Return for how many of the seconds that were spent, by section, torch ran the network or the loss."""
        ...


@dataclass(frozen=True)
class UpdateSummary:
    """The results of several gradient steps."""

    means: dict[str, float]
    """Mean losses over the steps taken; empty when there was none."""
    taken: int
    """How many steps were taken."""
    skipped: int
    """How many were not, because a number was not finite."""
    skipped_last: int
    """How many were skipped since the last step that was taken, or since the first."""
    fault: str | None
    """What was not finite when a step was first skipped."""


@runtime_checkable
class UnattendedLearner(Learner, Protocol):
    """A learner that can also take the optimizer's steps by itself, without waiting for each one."""

    def learn(
        self, optimizer: Optimizer, minibatches: Iterable[tuple[Tensor, Tensor]], rates: tuple[float, float]
    ) -> UpdateSummary:
        """Take a gradient step on each minibatch: sequences (B,) and their importance (B,).

        rates: step length for matrices and for vectors. A step with a number that is not finite is not taken.
        """
        ...

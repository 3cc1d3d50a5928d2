"""What the algorithm needs done with numbers, and who does it: C kernels where they know the network, else torch."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from puffer_train.algorithm.buffers import Buffers
from puffer_train.algorithm.loss import Scale
from puffer_train.algorithm.optimizer import Optimizer
from puffer_train.config import TrainSettings
from puffer_train.contract import Environment
from puffer_train.errors import ConfigError
from puffer_train.policy import Policy
from puffer_train.system.ranks import ALONE, Ranks

if TYPE_CHECKING:
    from puffer_train.learners.cuda.update import Books

SOME_TRUNCATED, BAD_OBSERVATIONS, BAD_REWARDS = 1, 2, 4
"""What `Actor.store` reports, added up."""


class Actor(Protocol):
    """Acts for rows `first` to `last - 1`, those of one part of the environment, in one thread."""

    @property
    def first(self) -> int:
        """Number of its first row."""
        ...

    @property
    def last(self) -> int:
        """Number of the row after its last."""
        ...

    def begin(self, generator: torch.Generator) -> None:
        """Draw what the randomness of a rollout comes from."""
        ...

    def act(self, t: int, greedy: bool = False) -> int:
        """Fill slot t of actions from observations and state; return the first row with bad outputs, or -1.

        Actions are drawn, greedily the likeliest are taken.

        Rows whose outputs are not finite get neutral ones and a fresh state: the environment still receives valid
        actions, and the next rollout does not inherit the damage.
        """
        ...

    def store(self, t: int) -> int:
        """Copy what step t brought into the buffers; return what was noticed, as a sum of flags."""
        ...

    def value(self, observations: NDArray[Any], rows: NDArray[np.intp]) -> Tensor:
        """Value observations (n, *shape) of some of the part's rows with their present state: (n,)."""
        ...

    def wipe(self, t: int) -> None:
        """Set back the recurrent state of those whose episode ended with step t."""
        ...

    def finish(self) -> None:
        """Fill log-probabilities, values and the value after the last step, whatever is missing of them."""
        ...


class Learner(Protocol):
    """Computes gradients; the policy's parameters hold them."""

    workers: Any
    """The kernels' threads, which the optimizer uses as well; None where there are no kernels."""

    @property
    def actors(self) -> Sequence[Actor]:
        """One for each part of the environment; they may act at the same time."""
        ...

    def weights_changed(self) -> None:
        """Take note that the policy's parameters are others now."""
        ...

    def gradient(
        self, sequences: Tensor, importance: Tensor, scale: Scale | None = None
    ) -> tuple[float, dict[str, float]]:
        """Compute the gradient of the loss over some agents' sequences (B,), weighted by importance (B,).

        scale: given where other ranks have more sequences of the same minibatch. Gradients and figures are then to be
        added up over the ranks.

        Returns its length and what there is to report. With `refresh_advantages`, new values and ratios of these
        sequences are written to the buffers.
        """
        ...

    def estimate_advantages(self, reward_factor: float) -> None:
        """Fill the buffers' advantages; rewards are multiplied by the factor and the settings' scale first."""
        ...


@runtime_checkable
class UnattendedLearner(Learner, Protocol):
    """A learner that also takes the optimizer's steps itself, without anybody looking at them one by one."""

    def learn(
        self, optimizer: Optimizer, minibatches: Iterable[tuple[Tensor, Tensor]], rates: tuple[float, float]
    ) -> Books:
        """Take a gradient step on each minibatch: sequences (B,) and their importance (B,).

        rates: step length for matrices and for vectors. A step with a number that is not finite is not taken.
        """
        ...


def make_learner(
    kind: str,
    policy: Policy,
    buffers: Buffers,
    parts: Sequence[Environment],
    state: Tensor,
    train: TrainSettings,
    threads: int,
    ranks: Ranks = ALONE,
) -> Learner:
    """Return who does the work: `kernels`, `torch`, `cuda`, or with `auto` the kernels wherever they know the network.

    Raises `ConfigError` where the kernels were asked for and do not.
    """
    from puffer_train.learners import kernels as kernel_learner  # noqa: PLC0415 - they import this module
    from puffer_train.learners import torch as torch_learner  # noqa: PLC0415 - they import this module

    if kind == "cuda":
        from puffer_train.learners.cuda import device, learner  # noqa: PLC0415 - only where a GPU was asked for

        policy.to(device.nvidia_gpu(int(os.environ.get("LOCAL_RANK", "0"))))  # which torchrun sets
        return learner.CudaLearner(policy, buffers, parts, state, train, ranks)
    reason = kernel_learner.why_not(policy, parts)
    if kind == "kernels" and reason is not None:
        raise ConfigError(f"the kernels cannot be used: {reason}. Leave the choice to --learner auto.")
    if kind == "torch" or reason is not None:
        return torch_learner.TorchLearner(policy, buffers, parts, state, train, threads, ranks)
    return kernel_learner.KernelLearner(policy, buffers, parts, state, train, threads, ranks)


def row_bounds(parts: Sequence[Environment]) -> list[tuple[int, int]]:
    """Return the first row of each part and the one after its last."""
    ends = np.cumsum([part.num_agents for part in parts]).tolist()
    return list(zip([0, *ends[:-1]], ends, strict=True))

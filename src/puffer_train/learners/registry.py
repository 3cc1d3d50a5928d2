"""The learners by name, and which of them a run gets."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from puffer_envs.contract import BufferEnv
from puffer_train.algorithm.buffers import Buffers
from puffer_train.config import TrainSettings
from puffer_train.errors import ConfigError
from puffer_train.learners import hybrid, kernels, torch
from puffer_train.learners.protocol import Learner
from puffer_train.own_code import named_code
from puffer_train.policy import Policy
from puffer_train.system.ranks import ALONE, Ranks


@dataclass(frozen=True)
class LearnerKind:
    """One way to do the arithmetic."""

    make: Callable[[Policy, Buffers, Sequence[BufferEnv], Tensor, TrainSettings, int, Ranks], Learner]
    """Called with the arguments of `make_learner` after the first."""
    unsupported_reason: Callable[[Policy, Sequence[BufferEnv]], str | None]
    """Why it cannot serve this policy in an environment of these parts; None when it can."""
    automatic: bool = False
    """Whether `auto` may choose it."""


def _make_cuda(
    policy: Policy,
    buffers: Buffers,
    parts: Sequence[BufferEnv],
    state: Tensor,
    train: TrainSettings,
    threads: int,
    ranks: Ranks,
) -> Learner:
    """Move the policy to this rank's GPU and train it there."""
    own = named_code({"train": vars(train)})
    if own:
        setting, name = next(iter(own.items()))
        raise ConfigError(f"--learner cuda cannot be used: it cannot run {setting} {name!r}. Use --learner auto.")
    from puffer_train.learners.cuda import device, learner  # noqa: PLC0415 - only where a GPU was asked for

    policy.to(device.nvidia_gpu(int(os.environ.get("LOCAL_RANK", "0"))))  # which torchrun sets
    return learner.CudaLearner(policy, buffers, parts, state, train, threads, ranks)


def _cuda_unsupported_reason(policy: Policy, parts: Sequence[BufferEnv]) -> str | None:
    from puffer_train.learners.cuda.network import unsupported_reason  # noqa: PLC0415 - only where a GPU was asked for

    return unsupported_reason(policy)


LEARNERS = {
    "kernels": LearnerKind(hybrid.make_kernel_learner, kernels.unsupported_after_encoder, automatic=True),
    "torch": LearnerKind(torch.TorchLearner, lambda policy, parts: None, automatic=True),
    "cuda": LearnerKind(_make_cuda, _cuda_unsupported_reason),
}
"""Every learner by name; `auto` takes the first automatic one that can serve."""


def make_learner(
    kind: str,
    policy: Policy,
    buffers: Buffers,
    parts: Sequence[BufferEnv],
    state: Tensor,
    train: TrainSettings,
    threads: int,
    ranks: Ranks = ALONE,
) -> Learner:
    """Return the learner called `kind`; `auto` is the kernels where they can run what follows the encoder, else torch.

    Args:
        kind: One of `config.LEARNERS`.
        policy: The policy to act with and to improve.
        buffers: The rollout, on the processor.
        parts: The environment's parts, each of which gets an actor.
        state: The recurrent state (L, A, S) of all rows, updated in place.
        train: How to learn.
        threads: Threads of the kernels.
        ranks: The processes that train together.

    Raises:
        ConfigError: The learner that was asked for does not support the policy or the environment.
    """
    if kind == "auto":
        kind = next(
            name
            for name, learner in LEARNERS.items()
            if learner.automatic and learner.unsupported_reason(policy, parts) is None
        )
    reason = LEARNERS[kind].unsupported_reason(policy, parts)
    if reason is not None:
        raise ConfigError(f"--learner {kind} cannot be used: {reason}. Use --learner auto.")
    return LEARNERS[kind].make(policy, buffers, parts, state, train, threads, ranks)

"""What all learners need: which rows are a part's, the kernels' threads, and rewards turned into advantages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from puffer_envs.contract import BufferEnv
from puffer_train import _kernels
from puffer_train.algorithm.advantage import advantages
from puffer_train.config import TrainSettings


class Rollout(Protocol):
    """The buffers that advantages are computed from: `Buffers`, or a GPU's."""

    rewards: Tensor
    values: Tensor
    ratios: Tensor
    advantages: Tensor

    @property
    def ends(self) -> Tensor:
        """(T, A) bool: whether the step ended the episode."""
        ...

    def next_values(self) -> Tensor:
        """(T, A): the value of what each action led to."""
        ...


def row_bounds(parts: Sequence[BufferEnv]) -> list[tuple[int, int]]:
    """Return the first row of each part and the one after its last."""
    ends = np.cumsum([part.num_agents for part in parts]).tolist()
    return list(zip([0, *ends[:-1]], ends, strict=True))


def kernel_workers(threads: int) -> Any:
    """Return threads that kernels run on."""
    return _kernels.Workers(threads)


def fill_advantages(
    rollout: Rollout,
    train: TrainSettings,
    reward_scale: float | Tensor,
    estimate: Callable[..., Tensor] = advantages,
) -> None:
    """Fill the advantages of a rollout, by torch.

    Args:
        rollout: Provides rewards, values and ends; receives the advantages.
        train: How to clip and discount.
        reward_scale: What rewards are multiplied by, before they are clipped.
        estimate: `advantage.advantages`, or a faster function of the same arguments.
    """
    rewards = rollout.rewards * reward_scale
    if train.reward_clip > 0:
        rewards.clamp_(-train.reward_clip, train.reward_clip)
    estimated = estimate(
        rewards,
        rollout.values,
        rollout.next_values(),
        rollout.ends.float(),
        gamma=train.gamma,
        lam=train.gae_lambda,
        ratios=rollout.ratios if train.refresh_advantages else None,
        rho_clip=train.rho_clip,
        trace_clip=train.trace_clip,
    )
    rollout.advantages.copy_(estimated)

"""Normalising rewards of any scale."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from puffer_train.moments import moments, pooled
from puffer_train.system.ranks import ALONE, Ranks

MIN_SPREAD = 1e-8
"""Below this spread all returns count as equal, and rewards are not divided."""


class RewardNormalizer:
    """Divides rewards by the spread of discounted returns over everything played so far.

    The return so far, R = gamma R + r, starts at 0 in every episode; its variance is added up over all steps of all
    agents, a rollout at a time (Chan, Golub & LeVeque 1979). Rewards keep their sign: nothing is subtracted.
    """

    def __init__(self, rows: int, gamma: float) -> None:
        self.gamma = gamma
        self.returns = torch.zeros(rows)
        """(A,): discounted return of each agent's episode so far."""
        self.moments = torch.zeros(3, dtype=torch.float64)
        """Steps counted, mean of the returns, and sum of squared distances from it."""

    @property
    def factor(self) -> float:
        """Multiply rewards by this."""
        count, _, squares = self.moments.tolist()
        spread = math.sqrt(squares / count) if count else 0.0
        return 1 / spread if spread > MIN_SPREAD else 1.0

    def update(self, rewards: Tensor, ends: Tensor, present: Tensor | None = None, ranks: Ranks = ALONE) -> None:
        """Add the rewards and ends of one rollout, (T, A) each. Returns that are not finite are left out.

        present (T or more, A): which rows held an agent; rewards of other rows are ignored. Those of other ranks count.
        """
        seen = torch.empty_like(rewards)
        discount = float(np.float32(self.gamma))
        if present is not None:
            rewards = torch.where(present[: len(rewards)], rewards, 0.0)
        for t, (reward, end) in enumerate(zip(rewards, ends, strict=True)):
            # rounded once on every processor: torch.add with `alpha` fuses on some of them
            seen[t] = self.returns.double() * discount + reward.double()
            self.returns = torch.where(end, 0.0, seen[t])
        self.returns.nan_to_num_(0.0, 0.0, 0.0)
        counted = torch.isfinite(seen) if present is None else torch.isfinite(seen) & present[: len(seen)]
        self.moments.copy_(pooled(torch.stack([self.moments, ranks.pool(moments(seen[counted]))])))

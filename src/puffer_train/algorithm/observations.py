"""Normalising observations of any mean and spread."""

from __future__ import annotations

import torch
from torch import Tensor

from puffer_train.moments import column_moments, pooled
from puffer_train.policy import Policy
from puffer_train.system.ranks import ALONE, Ranks

MIN_SPREAD = 1e-6
"""A spread below this fraction of the mean is rounding: such an input is only shifted."""


class ObservationNormalizer:
    """Gives policies the mean and the spread of everything that was seen so far.

    A rollout is learned from with those that it was played with. Neither an evaluation nor a rollout whose update was
    skipped changes them.
    """

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        inputs = policy.normalized
        self.moments = torch.zeros(len(inputs), 3, dtype=torch.float64)
        """(n, 3): of each normalised input, numbers counted, mean, and sum of squared distances from it."""
        self.inputs = torch.tensor(inputs)
        """(n,): which ones these are."""
        places = {number: place for place, number in enumerate(policy.observations.float_inputs)}
        self.places = torch.tensor([places[number] for number in inputs])
        """(n,): where they are among the observation's floats."""

    def begin(self, observations: Tensor, ranks: Ranks = ALONE) -> None:
        """Start from the first observations (A, *shape) if nothing was seen yet."""
        if not self.moments.any():
            self.update(observations.unsqueeze(0), ranks=ranks)

    def update(self, observations: Tensor, present: Tensor | None = None, ranks: Ranks = ALONE) -> None:
        """Add observations (T, A, *shape), except rows that are not finite, or where present (T, A) shows no agent."""
        steps = [
            column_moments(self._numbers(seen, None if present is None else present[t]))
            for t, seen in enumerate(observations)
        ]
        self.moments.copy_(pooled(torch.stack([self.moments, ranks.pool(pooled(torch.stack(steps)))])))

    def _numbers(self, observations: Tensor, present: Tensor | None) -> Tensor:
        """Return the numbers of observations (A, *shape) that count: (N, n)."""
        seen = self.policy.observations.floats(observations).values()
        numbers = torch.cat([part.reshape(len(part), -1) for part in seen], 1).index_select(1, self.places)
        counts = torch.isfinite(numbers).all(1)
        return numbers[counts if present is None else counts & present]

    def hand_over(self, policy: Policy) -> None:
        """Write the mean and one over the spread to a policy like the one this was made for."""
        count, mean, squares = self.moments.unbind(1)
        spread = (squares / count.clamp_min(1.0)).sqrt()
        scale = torch.where(spread > MIN_SPREAD * mean.abs(), 1 / spread, 1.0)
        assert policy.input_mean is not None
        for target, numbers in ((policy.input_mean, mean), (policy.input_scale, scale)):
            target[self.inputs] = numbers.to(target.dtype).to(target.device)


def copy_moments(source: Policy, policy: Policy) -> None:
    """Normalise with one policy as with another."""
    assert source.input_mean is not None
    assert policy.input_mean is not None
    policy.input_mean.copy_(source.input_mean)
    policy.input_scale.copy_(source.input_scale)

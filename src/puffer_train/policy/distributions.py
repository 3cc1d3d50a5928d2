"""The distributions of actions: drawing from them, and the probability of what was drawn."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from puffer_envs.contract.actions import ActionSpec

MASKED_LOGIT = -1e9
"""Logit of an action that may not be taken: its probability is exactly 0, and no arithmetic turns to NaN."""


class CategoricalActions:
    """One or several independent discrete actions, each with its own block of logits."""

    def __init__(self, spec: ActionSpec) -> None:
        self.sizes, self.outputs = spec.sizes, spec.outputs
        self.dtype = torch.int64

    def noise(self, steps: int, rows: int, generator: torch.Generator) -> Tensor:
        """Draw the randomness of a rollout: Gumbel noise (steps, K, rows), on the generator's device."""
        shape = (steps, self.outputs, rows)
        exponential = torch.empty(shape, device=generator.device).exponential_(generator=generator)
        return exponential.log_().neg_()

    def sample(
        self,
        output: Tensor,
        noise: Tensor | None,
        masks: Tensor | None,
        log_std: Tensor | None = None,
        scale: Tensor | None = None,
    ) -> Tensor:
        """Choose actions (B, k) from output (K + V, B) and noise (K, B); without noise the likeliest ones.

        The largest of logits plus Gumbel noise is an exact sample of the softmax.
        """
        logits = output[: self.outputs] if noise is None else output[: self.outputs] + noise
        return torch.stack([block.argmax(0) for block in self._blocks(logits, masks)], dim=-1)

    def evaluate(
        self,
        output: Tensor,
        actions: Tensor,
        masks: Tensor | None,
        log_std: Tensor | None = None,
        scale: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return log-probability and entropy, each (...), of actions (..., k) under output (K + V, ...)."""
        log_prob = entropy = output.new_zeros(())
        for i, block in enumerate(self._blocks(output[: self.outputs], masks)):
            log_probs = torch.log_softmax(block, 0)
            log_prob = log_prob + log_probs.gather(0, actions[..., i].unsqueeze(0)).squeeze(0)
            entropy = entropy - (log_probs.exp() * log_probs).sum(0)
        return log_prob, entropy

    def _blocks(self, logits: Tensor, masks: Tensor | None) -> list[Tensor]:
        """Return the logits (K, ...) of each action apart, those of forbidden choices at `MASKED_LOGIT`."""
        if masks is not None:
            logits = torch.where(masks.movedim(-1, 0), logits, MASKED_LOGIT)
        return list(torch.split(logits, list(self.sizes)))


class GaussianActions:
    """Independent normal distributions whose spread is learned but does not depend on the observation.

    Actions are counted from `action_centre`, which `Buffers.give_actions` adds. Means are in units of `scale` (k,),
    half the allowed range; `log_std` (k,) is the logarithm of the spread in those units. The environment clips what
    falls outside its box; probabilities are those of the number that was drawn, before clipping.
    """

    def __init__(self, spec: ActionSpec) -> None:
        self.dimensions = spec.dimensions
        self.dtype = torch.float32

    def noise(self, steps: int, rows: int, generator: torch.Generator) -> Tensor:
        """Draw the randomness of a rollout: standard normal numbers (steps, k, rows), on the generator's device."""
        return torch.randn(steps, self.dimensions, rows, generator=generator, device=generator.device)

    def sample(
        self,
        output: Tensor,
        noise: Tensor | None,
        masks: Tensor | None,
        log_std: Tensor | None = None,
        scale: Tensor | None = None,
    ) -> Tensor:
        """Draw actions (B, k) from output (k + V, B) and noise (k, B); without noise the means."""
        assert log_std is not None and scale is not None
        z = output[: self.dimensions]
        if noise is not None:
            z = z + log_std.exp().unsqueeze(-1) * noise
        return z.T * scale

    def evaluate(
        self,
        output: Tensor,
        actions: Tensor,
        masks: Tensor | None,
        log_std: Tensor | None = None,
        scale: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return log-probability and entropy, each (...), of actions (..., k) under output (k + V, ...)."""
        assert log_std is not None and scale is not None
        log_spread = log_std + scale.log()
        means = output[: self.dimensions].movedim(0, -1) * scale
        z = (actions - means) * torch.exp(-log_spread)
        log_prob = (-0.5 * z.square() - log_spread - 0.5 * math.log(2 * math.pi)).sum(-1)
        entropy = (log_spread + 0.5 * math.log(2 * math.pi * math.e)).sum().expand_as(log_prob)
        return log_prob, entropy


ActionDistribution = CategoricalActions | GaussianActions


def action_distribution(spec: ActionSpec) -> ActionDistribution:
    """Return the distribution of such actions."""
    return GaussianActions(spec) if spec.kind == "box" else CategoricalActions(spec)


MAX_HALF_RANGE = 1e6
"""A range at least twice as large means "unbounded"."""


def action_scale(spec: ActionSpec) -> Tensor:
    """Return half the allowed range of each continuous action, or 1 where it is unbounded: (k,); (0,) if discrete."""
    _, half, bounded = _ranges(spec)
    return torch.where(bounded, half, 1.0).to(torch.float32)


def action_centre(spec: ActionSpec) -> Tensor:
    """Return the middle of the allowed range of each continuous action: (k,); (0,) if discrete.

    Where the range has one end, one unit from it; where it has none, 0, or the number nearest to it that lies a unit
    within the bounds.
    """
    low, half, bounded = _ranges(spec)
    high = torch.tensor(spec.high, dtype=torch.float64)
    inside = torch.zeros_like(low).maximum(low + 1).minimum(high - 1)
    inside = torch.where(low == high, low, inside)
    return torch.where(bounded, low + half, inside).to(torch.float32)


def _ranges(spec: ActionSpec) -> tuple[Tensor, Tensor, Tensor]:
    """Return the lower bound of each continuous action, half its range, and whether that is a useful unit."""
    low, high = (torch.tensor(bound, dtype=torch.float64) for bound in (spec.low, spec.high))
    half = (high - low) / 2
    return low, half, torch.isfinite(half) & (half > 0) & (half < MAX_HALF_RANGE)

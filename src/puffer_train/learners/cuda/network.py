"""The policy's network with kernels for its layers: what `Policy.step` and `Policy.forward` compute."""

from __future__ import annotations

import torch
from torch import Tensor

from puffer_train.learners.cuda.cells import FUSED
from puffer_train.policy import Policy, Resets


def unsupported_reason(policy: Policy) -> str | None:
    """Return why the kernels cannot run this policy, or None when they can."""
    if type(policy) is not Policy:
        return f"it runs Policy, not its subclass {type(policy).__name__}"
    if policy.settings.network:
        return "it runs no network of your own"
    if policy.layers == 0:
        return "policy.layers is 0, and it has no policies without memory"
    if policy.settings.cell not in FUSED:
        return f"it has no {policy.settings.cell} cell"
    return None


class Network:
    """A policy on the GPU."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.cell = FUSED[policy.settings.cell]

    @torch.no_grad()
    def step(self, observations: Tensor, state: Tensor) -> Tensor:
        """One time step for acting: (B, *shape) -> (K + V, B); state (L, B, S) is updated in place."""
        x = self.policy.encode(observations)
        for weight, layer_state in zip(self.policy.core, state, strict=True):
            x = self.cell.step(x, layer_state, weight)
        return self.policy.head @ x.T

    def forward(self, observations: Tensor, state: Tensor, keep: Tensor) -> Tensor:
        """Whole sequences for learning: (T, B, *shape), the state (L, B, S) before them, keep (T, B): (K + V, T, B)."""
        x = self.policy.encode(observations)
        resets = Resets(keep)
        for weight, layer_state in zip(self.policy.core, state, strict=True):
            x = self.cell.sequence(x, layer_state, weight, resets)
        time, rows, hidden = x.shape
        return (self.policy.head @ x.reshape(time * rows, hidden).T).view(-1, time, rows)

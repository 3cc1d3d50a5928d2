"""The rollout on the GPU, and its copy in pinned memory of the processor."""

from __future__ import annotations

import torch
from torch import Tensor

from puffer_train.algorithm.buffers import Buffers


def pin(buffers: Buffers) -> None:
    """Move the processor's buffers to pinned memory: copies to and from a GPU are asynchronous there."""
    for name, value in vars(buffers).items():
        if isinstance(value, Tensor):
            setattr(buffers, name, value.pin_memory())


class DeviceBuffers:
    """T steps of A agents, on the GPU; slots mean what they mean in `Buffers`.

    One difference: `started` in slot t is set if a new episode began *before* step t, so slot t + 1 has the ends of
    step t. In slot 0 nothing ever starts: the first state is already reset.
    """

    def __init__(self, host: Buffers, device: torch.device) -> None:
        def like(tensor: Tensor) -> Tensor:
            return torch.zeros_like(tensor, device=device)

        self.observations = like(host.observations)
        """(T + 1, A, *shape)."""
        self.masks = None if host.masks is None else like(host.masks)
        """(T + 1, A, K)."""
        self.present = None if host.present is None else like(host.present)
        """(T + 1, A)."""
        self.started = torch.zeros((host.horizon + 1, host.ends.shape[1]), dtype=torch.bool, device=device)
        """(T + 1, A)."""
        self.actions = like(host.actions)
        """(T, A, k)."""
        self.valid = torch.ones(host.ends.shape, dtype=torch.bool, device=device)
        """(T, A): whether the policy's outputs were finite."""
        self.log_probs, self.values, self.rewards = like(host.log_probs), like(host.values), like(host.rewards)
        self.final_values, self.last_value = like(host.final_values), like(host.last_value)
        self.ratios, self.advantages = like(host.ratios), like(host.advantages)
        self.state = like(host.first_state)
        """(L, A, S): the recurrent state now."""
        self.first_state = like(host.first_state)
        """(L, A, S): before step 0."""

    @property
    def ends(self) -> Tensor:
        """(T, A) bool: whether the step ended the episode."""
        return self.started[1:]

    def keep(self) -> Tensor:
        """(T, A) float: 0 where the recurrent state is reset before that step, else 1."""
        return 1 - self.started[:-1].to(torch.float32)

    def next_values(self) -> Tensor:
        """(T, A): the value of what each action led to."""
        following = torch.cat([self.values[1:], self.last_value.unsqueeze(0)])
        return torch.where(self.ends, self.final_values, following)

"""What one rollout leaves behind.

Buffers are time-major, (T, A) for T steps of A agents. Slot t holds what belongs together: the observation that was
seen, the action taken on it, and the reward and end which *that action* brought. A slot T holds the observation after
the last action, so that all T transitions count.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from puffer_train.contract import Environment
from puffer_train.policy import Policy


class Buffers:
    """The arrays of a rollout of T steps and A agents. Allocated once, overwritten by every rollout."""

    def __init__(self, env: Environment, policy: Policy, horizon: int) -> None:
        rows = env.num_agents
        time_rows = (horizon, rows)

        def like(array: NDArray[Any]) -> Tensor:
            return torch.zeros((horizon + 1, *array.shape), dtype=torch.from_numpy(array[:0].copy()).dtype)

        self.observations = like(env.observations)
        """(T + 1, A, *shape): what was seen before each step, and after the last."""
        self.masks = None if env.action_masks is None else like(env.action_masks)
        """(T + 1, A, K): which actions were allowed."""
        self.present = None if env.agent_mask is None else like(env.agent_mask)
        """(T + 1, A): which rows held an agent."""
        self.actions = torch.zeros((*time_rows, policy.spec.action.dimensions), dtype=policy.actions.dtype)
        """(T, A, k): what was done."""
        self.log_probs = torch.zeros(time_rows)
        """(T, A): the log-probability it had."""
        self.rewards = torch.zeros(time_rows)
        """(T, A): what it brought, as the environment gave it."""
        self.ends = torch.zeros(time_rows, dtype=torch.bool)
        """(T, A): whether it ended the episode, by a terminal or a truncation."""
        self.final_values = torch.zeros(time_rows)
        """(T, A): value of what lies beyond the end: of the last observation at a truncation, else 0."""
        self.first_state = policy.initial_state(rows)
        """(L, A, S): the recurrent state before step 0, already wiped where an episode starts there."""
        self.values = torch.zeros(time_rows)
        """(T, A): the value before each step."""
        self.last_value = torch.zeros(rows)
        """(A,): the value after the last."""
        self.ratios = torch.ones(time_rows)
        """(T, A): new to old probability of the actions, where sequences were trained on already."""
        self.advantages = torch.zeros(time_rows)
        """(T, A)."""

    @property
    def horizon(self) -> int:
        """T."""
        return len(self.ends)

    @property
    def keep(self) -> Tensor:
        """(T, A) float: 0 where the recurrent state is wiped before that step, else 1."""
        keep = torch.ones(self.ends.shape)
        keep[1:] -= self.ends[:-1].to(torch.float32)
        return keep

    def next_values(self) -> Tensor:
        """(T, A): the value of what each action led to."""
        following = torch.cat([self.values[1:], self.last_value.unsqueeze(0)])
        return torch.where(self.ends, self.final_values, following)

    def observe(self, env: Environment) -> None:
        """Copy what the environment shows into slot 0."""
        seen = ((self.observations, env.observations), (self.masks, env.action_masks), (self.present, env.agent_mask))
        for slots, array in seen:
            if slots is not None and array is not None:
                np.copyto(slots[0].numpy(), array)

    def turn_over(self) -> None:
        """Make the last observation of the rollout the first one of the next."""
        for slots in (self.observations, self.masks, self.present):
            if slots is not None:
                slots[0] = slots[-1]

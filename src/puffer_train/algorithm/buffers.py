"""The data of one rollout.

Buffers are time-major, (T, A) for T steps of A agents. Slot t holds one transition: the observation, the
action taken on it, and the reward and end that *this action* led to. A slot T holds the observation after the last
action, so that all T transitions count.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from puffer_envs.contract import BufferEnv
from puffer_train.policy import Policy


class Buffers:
    """The arrays of a rollout of T steps and A agents. Allocated once, overwritten by every rollout."""

    def __init__(self, env: BufferEnv, policy: Policy, horizon: int, learning: NDArray[np.bool_] | None = None) -> None:
        """learning (A,): which rows learn now; the others count as absent. None: all always do."""
        rows = env.num_agents
        time_rows = (horizon, rows)

        def like(array: NDArray[Any]) -> Tensor:
            return torch.zeros((horizon + 1, *array.shape), dtype=torch.from_numpy(array[:0].copy()).dtype)

        self.observations = like(env.observations)
        """(T + 1, A, *shape): the observation before each step, and after the last."""
        self.masks = None if env.action_masks is None else like(env.action_masks)
        """(T + 1, A, K): which actions were allowed."""
        self.present = None if env.agent_mask is None else like(env.agent_mask)
        """(T + 1, A): which rows held an agent that learns; None: all did."""
        self.learning = learning
        if learning is not None:
            self.present = torch.from_numpy(learning).repeat(horizon + 1, 1)
        self.actions = torch.zeros((*time_rows, policy.spec.action.dimensions), dtype=policy.actions.dtype)
        """(T, A, k): the actions taken; continuous ones counted from their centre."""
        centre = policy.action_centre.cpu().numpy()
        self.action_centre = centre if centre.any() else None
        """(k,): what the environment gets in addition; None where that is nothing."""
        self.log_probs = torch.zeros(time_rows)
        """(T, A): the log-probability they had."""
        self.rewards = torch.zeros(time_rows)
        """(T, A): the rewards, as the environment gave them."""
        self.ends = torch.zeros(time_rows, dtype=torch.bool)
        """(T, A): whether the episode ended, by a terminal or a truncation."""
        self.final_values = torch.zeros(time_rows)
        """(T, A): value of what lies beyond the end: of the last observation at a truncation, else 0."""
        self.first_state = policy.initial_state(rows)
        """(L, A, S): the recurrent state before step 0, already zero where an episode starts there."""
        self.values = torch.zeros(time_rows)
        """(T, A): the value before each step."""
        self.last_value = torch.zeros(rows)
        """(A,): the value after the last."""
        self.ratios = torch.ones(time_rows)
        """(T, A): new to old probability of the actions, where sequences were trained on already."""
        self.advantages = torch.zeros(time_rows)
        """(T, A): how much better the actions were than expected."""

    @property
    def horizon(self) -> int:
        """T."""
        return len(self.ends)

    @property
    def keep(self) -> Tensor:
        """(T, A) float: 0 where the recurrent state is reset before that step, else 1."""
        keep = torch.ones(self.ends.shape)
        keep[1:] -= self.ends[:-1].to(torch.float32)
        return keep

    def next_values(self) -> Tensor:
        """(T, A): the value of what each action led to."""
        following = torch.cat([self.values[1:], self.last_value.unsqueeze(0)])
        return torch.where(self.ends, self.final_values, following)

    def observe(self, env: BufferEnv) -> None:
        """Copy the environment's current observations into slot 0."""
        seen = ((self.observations, env.observations), (self.masks, env.action_masks), (self.present, env.agent_mask))
        for slots, array in seen:
            if slots is not None and array is not None:
                np.copyto(slots[0].numpy(), array)

    def give_actions(self, env: BufferEnv, t: int, rows: slice = slice(None)) -> None:
        """Write the actions of step t into `env`, whose rows these are."""
        actions = self.actions[t, rows].numpy().reshape(env.actions.shape)
        env.actions[...] = actions if self.action_centre is None else actions + self.action_centre

    def store_masks(self, env: BufferEnv, slot: int, rows: slice) -> None:
        """Copy which rows hold an agent and what these may do, as `env`, whose rows these are, shows it now."""
        if self.masks is not None and env.action_masks is not None:
            np.copyto(self.masks[slot, rows].numpy(), env.action_masks)
        if self.present is not None:
            here, learning = self.present[slot, rows].numpy(), True if self.learning is None else self.learning[rows]
            np.logical_and(True if env.agent_mask is None else env.agent_mask, learning, out=here)

    def turn_over(self) -> None:
        """Make the last observation of the rollout the first one of the next."""
        for slots in (self.observations, self.masks, self.present):
            if slots is not None:
                slots[0] = slots[-1]

    def skip_to_end(self, slot: int, rows: slice) -> None:
        """Make what some rows observed at `slot` the last observation of the rollout, which ends there."""
        for slots in (self.observations, self.masks, self.present):
            if slots is not None:
                slots[-1, rows] = slots[slot, rows]

    def copy_(self, other: Buffers) -> None:
        """Copy everything from other buffers of the same shapes."""
        for name, tensor in vars(other).items():
            if isinstance(tensor, Tensor):
                getattr(self, name).copy_(tensor)

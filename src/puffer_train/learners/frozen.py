"""Policies that no longer learn, and act for some rows beside the one that does: by the C kernels, or by torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from puffer_train import _kernels
from puffer_train.algorithm.buffers import Buffers
from puffer_train.learners.kernels import make_core, unsupported_reason, weights_of
from puffer_train.learners.shared import kernel_workers
from puffer_train.policy import Policy


class Frozen:
    """A policy that does not learn."""

    def __init__(self, policy: Policy, own_turns: bool = False) -> None:
        """Keep a policy, which must not be changed but by `take`.

        own_turns: it has only ever seen its own turns, and sees only those here: steps in which it has a choice.
        """
        self.policy, self.own_turns = policy.requires_grad_(False), own_turns
        self.core: Any = None
        """The kernels' network; None where torch runs it."""
        if unsupported_reason(policy) is None:
            self.core = make_core(policy, kernel_workers(1), 1)
        self._pack()

    @torch.no_grad()
    def take(self, tensors: Mapping[str, Tensor]) -> None:
        """Become another policy of the same sizes. tensors: its `Policy.saved_tensors`."""
        for name, tensor in self.policy.saved_tensors().items():
            tensor.copy_(tensors[name])
        self._pack()

    def _pack(self) -> None:
        if self.core is None:
            return
        policy = self.policy
        if policy.input_mean is not None:
            self.core.normalize(policy.input_mean.numpy(), policy.input_scale.numpy())
        self.core.pack(weights_of(policy, lambda p: p.detach()))


class FrozenActor:
    """Acts for some rows of a rollout; which policy acts for which row may change with every step.

    The rows of a policy are gathered and are one call, whatever the number of policies.
    """

    def __init__(
        self, rows: NDArray[np.int64], numbers: NDArray[np.int64], policies: Sequence[Frozen], states: Sequence[Tensor]
    ) -> None:
        """Keep references.

        Args:
            rows: (n,): these rows, as the buffers count them.
            numbers: (n,): the same, as they are counted over all processes.
            policies: Who may act.
            states: (L, n, S): the recurrent state of each, updated in place; policies of the same sizes may share one.
        """
        self._rows, self._numbers = torch.from_numpy(rows), torch.from_numpy(numbers)
        self._policies, self._states = list(policies), list(states)
        self._patient = np.array([policy.own_turns for policy in policies])
        cores = [policy.core for policy in policies]
        arrays = [None if core is None else state.numpy() for core, state in zip(cores, states, strict=True)]
        some = len(rows) > 0 and any(core is not None for core in cores)
        self._crowd = _kernels.Crowd(rows, numbers, cores, arrays) if some else None
        self._by_torch = [place for place, core in enumerate(cores) if core is None]

    @torch.no_grad()
    def act(self, t: int, buffers: Buffers, who: NDArray[np.int32], key: int, noise: Tensor | None) -> None:
        """Fill slot t of the rows' actions.

        Args:
            t: The step.
            buffers: Observations and masks are read, actions written.
            who: (n,): the policy of each row.
            key: Stands for the kernels' randomness in this step.
            noise: Torch's, (..., N) for the rows of all processes; None: torch acts for nobody.
        """
        masks, actions = None if buffers.masks is None else buffers.masks[t], buffers.actions[t]
        if masks is not None and self._patient.any():
            waits = masks[self._rows].numpy().sum(axis=1) <= actions.shape[1]
            who = np.where(waits & self._patient[who], np.int32(-1), who)
        if self._crowd is not None:
            seen = buffers.observations[t].flatten(1).numpy()
            self._crowd.act(who, seen, None if masks is None else masks.numpy(), actions.numpy(), key)
        for place in self._by_torch:
            mine = torch.from_numpy(np.flatnonzero(who == place))
            if len(mine):
                assert noise is not None
                policy, rows, state = self._policies[place].policy, self._rows[mine], self._states[place][:, mine]
                output = policy.step(buffers.observations[t, rows], state)
                self._states[place][:, mine] = state
                allowed = None if masks is None else masks[rows]
                drawn = noise[..., self._numbers[mine]]
                actions[rows] = policy.sample_actions(output.nan_to_num(), drawn, allowed)

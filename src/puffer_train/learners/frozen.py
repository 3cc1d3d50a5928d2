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

    def __init__(self, policy: Policy) -> None:
        """policy: it is kept, and must not be changed but by `take`."""
        self.policy = policy
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
        cores = [policy.core for policy in policies]
        arrays = [None if core is None else state.numpy() for core, state in zip(cores, states, strict=True)]
        self._crowd = _kernels.Crowd(rows, numbers, cores, arrays) if any(arrays_of(cores)) and len(rows) else None

    @torch.no_grad()
    def act(self, t: int, buffers: Buffers, who: NDArray[np.int32], key: int, noise: Tensor | None) -> None:
        """Fill slot t of the rows' actions.

        Args:
            t: The step.
            buffers: Observations and masks are read, actions written.
            who: (n,): the policy of each row.
            key: Stands for the kernels' randomness in this step.
            noise: Torch's, (..., N) for all rows of all processes that are anybody's opponents; None: torch acts for
                nobody.
        """
        masks = None if buffers.masks is None else buffers.masks[t]
        if self._crowd is not None:
            seen = buffers.observations[t]
            self._crowd.act(
                who,
                seen.view(len(seen), -1).numpy(),
                None if masks is None else masks.numpy(),
                buffers.actions[t].numpy(),
                key,
            )
        for place, (frozen, state) in enumerate(zip(self._policies, self._states, strict=True)):
            mine = torch.from_numpy(np.flatnonzero(who == place)) if frozen.core is None else self._rows[:0]
            if len(mine):
                rows, its = self._rows[mine], state[:, mine]
                output = frozen.policy.step(buffers.observations[t, rows], its)
                state[:, mine] = its
                assert noise is not None
                allowed = None if masks is None else masks[rows]
                drawn = noise[..., self._numbers[mine]]
                buffers.actions[t, rows] = frozen.policy.sample_actions(output.nan_to_num(), drawn, allowed)


def arrays_of(cores: Sequence[Any]) -> list[bool]:
    """Return which of them there are."""
    return [core is not None for core in cores]

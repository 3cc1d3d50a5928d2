"""Torch runs the user's own encoder, and the C kernels do the rest: recurrent layers, head, loss.

So any module may encode. The kernels compute the gradient of the loss with respect to what the encoder put out, and
torch carries it on to the encoder's own parameters.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from puffer_envs.contract import BufferEnv
from puffer_train import _kernels
from puffer_train.algorithm.buffers import Buffers
from puffer_train.algorithm.loss import Scale
from puffer_train.config import TrainSettings
from puffer_train.learners.kernels import KernelActor, KernelLearner, unsupported_reason
from puffer_train.learners.protocol import BAD_OBSERVATIONS
from puffer_train.learners.torch import TorchGradient
from puffer_train.own_code import is_code
from puffer_train.policy import Policy
from puffer_train.system.ranks import ALONE, Ranks

PICKED = ("actions", "masks", "present", "ends", "first_state", "log_probs", "values", "advantages")
"""The buffers that a minibatch is gathered from."""


class HybridActor(KernelActor):
    """See `Actor`."""

    has_encoder = False
    encoding = 0.0
    """Seconds that torch spent on encoding."""

    def act(self, t: int, greedy: bool = False) -> int:
        """See `Actor.act`."""
        return int(self.core.act(t, self.key + t, greedy, self._encode(self._observations(t))))

    def store(self, t: int) -> int:
        """See `Actor.store`."""
        flags = super().store(t)
        # the kernels look at float32; here numbers may also be parts of rows of bytes
        seen = self.policy.observations.floats(self._observations(t + 1)).values()
        return flags | (0 if all(torch.isfinite(x).all() for x in seen) else BAD_OBSERVATIONS)

    def value(self, observations: NDArray[Any], rows: NDArray[np.intp]) -> Tensor:
        """See `Actor.value`."""
        return super().value(self._encode(torch.from_numpy(observations)), rows)

    def finish(self) -> None:
        """See `Actor.finish`."""
        state = self.state.clone(memory_format=torch.contiguous_format).numpy()
        self.core.look_ahead(self.horizon, state, self._encode(self._observations(self.horizon)))

    def _observations(self, t: int) -> Tensor:
        return self.observations[t, self.first : self.last]

    @torch.no_grad()
    def _encode(self, observations: Tensor) -> NDArray[np.float32]:
        """Return what the first layer gets of observations (n, *shape): (n, H)."""
        begin = time.perf_counter()
        encoded: NDArray[np.float32] = self.policy.encode(observations).contiguous().numpy()
        self.encoding += time.perf_counter() - begin
        return encoded


class HybridLearner(KernelLearner):
    """See `Learner`."""

    work = "The C kernels run the recurrent layers, heads and loss; PyTorch runs the encoder."
    has_encoder = False
    actor = HybridActor

    def __init__(
        self,
        policy: Policy,
        buffers: Buffers,
        parts: Sequence[BufferEnv],
        state: Tensor,
        train: TrainSettings,
        threads: int,
        ranks: Ranks = ALONE,
    ) -> None:
        super().__init__(policy, buffers, parts, state, train, threads, ranks)
        mine = {id(p) for p in (policy.core, policy.head, policy.log_std)}
        self.front = [p for p in policy.parameters() if id(p) not in mine]
        """The parameters that torch computes the gradients of."""
        self.minibatch: dict[str, Tensor] = {}
        """Buffers of the sequences of one minibatch, side by side."""
        self.encoding = 0.0
        """Seconds that torch spent on encoding for gradients, and on the gradient of the encoder."""

    def torch_seconds(self, spent: Mapping[str, float]) -> float:
        """See `Learner.torch_seconds`."""
        acting = sum(actor.encoding for actor in self.actors if isinstance(actor, HybridActor)) / len(self.actors)
        return acting + (super().torch_seconds(spent) or self.encoding)

    def gradient(
        self, sequences: Tensor, importance: Tensor, scale: Scale | None = None
    ) -> tuple[float, dict[str, float]]:
        """See `Learner.gradient`."""
        count, buffers = len(sequences), self.buffers
        for parameter in self.front:
            if parameter.grad is not None:
                parameter.grad.zero_()
        begin = time.perf_counter()
        inputs = self.policy.encode(buffers.observations[: buffers.horizon].index_select(1, sequences))
        self.encoding += time.perf_counter() - begin
        minibatch = self._gather(sequences, inputs.detach())
        rollout = _kernels.Rollout(self.core, {name: x.numpy() for name, x in minibatch.items()})
        length, report = self._gradient(rollout, torch.arange(count), importance, scale)
        begin = time.perf_counter()
        inputs.backward(minibatch["by_inputs"])  # type: ignore[no-untyped-call]
        self.encoding += time.perf_counter() - begin
        if self.train.refresh_advantages:
            for name in ("values", "ratios"):
                getattr(buffers, name).index_copy_(1, sequences, minibatch[name])
        squares = [p.grad.square().sum() for p in self.front if p.grad is not None]
        return math.hypot(length, math.sqrt(float(sum(squares)))), report

    def _gather(self, sequences: Tensor, inputs: Tensor) -> dict[str, Tensor]:
        """Return the buffers of a minibatch: those of the given agents (B,), and the inputs (T, B, H)."""
        if self.minibatch.get("inputs", inputs[:0]).shape != inputs.shape:
            times, rows = inputs.shape[:2]
            self.minibatch = {"last_value": torch.zeros(rows)}
            for name in ("ratios", "rewards", "final_values"):
                self.minibatch[name] = torch.zeros(times, rows)
            self.minibatch["by_inputs"] = torch.empty_like(inputs)
        for name in PICKED:
            buffer = getattr(self.buffers, name)
            if buffer is not None:
                self.minibatch[name] = buffer.index_select(1, sequences)
        self.minibatch["inputs"] = inputs.contiguous()
        return self.minibatch


def make_kernel_learner(
    policy: Policy,
    buffers: Buffers,
    parts: Sequence[BufferEnv],
    state: Tensor,
    train: TrainSettings,
    threads: int,
    ranks: Ranks = ALONE,
) -> KernelLearner:
    """Return who runs everything by kernels that they know: not an encoder of torch's, nor a loss of the user's."""
    kind = KernelLearner if unsupported_reason(policy, parts) is None else HybridLearner
    learner = kind(policy, buffers, parts, state, train, threads, ranks)
    if is_code(train.loss):
        learner.gradient = TorchGradient(policy, buffers, train)  # type: ignore[method-assign]
        learner.work = "The C kernels act and step the optimizer; PyTorch runs your loss and computes the gradient."
    return learner

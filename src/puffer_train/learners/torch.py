"""The arithmetic in torch, for every network: the reference that the C kernels are checked against."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from puffer_envs.contract import BufferEnv
from puffer_train.algorithm.buffers import Buffers
from puffer_train.algorithm.loss import Minibatch, Scale, choose_loss
from puffer_train.config import TrainSettings
from puffer_train.learners.protocol import BAD_OBSERVATIONS, BAD_REWARDS, SOME_TRUNCATED
from puffer_train.learners.shared import fill_advantages, kernel_workers, row_bounds
from puffer_train.policy import Policy
from puffer_train.system.ranks import ALONE, Ranks


class TorchActor:
    """See `Actor`."""

    def __init__(
        self,
        policy: Policy,
        buffers: Buffers,
        env: BufferEnv,
        state: Tensor,
        bounds: tuple[int, int],
        ranks: Ranks = ALONE,
    ) -> None:
        self.policy, self.buffers, self.env, self.ranks = policy, buffers, env, ranks
        self.first, self.last = bounds
        self.state = state[:, self.first : self.last]
        rows = self.last - self.first
        self.outputs = torch.zeros(buffers.horizon, policy.outputs, rows)
        """(T, K + V, rows): the policy's outputs."""
        self.noise = torch.zeros(0)

    def begin(self, generator: torch.Generator) -> None:
        """See `Actor.begin`."""
        self.noise = self._draw(generator)

    def _draw(self, generator: torch.Generator) -> Tensor:
        """Return the noise of a rollout: every part, on every rank, draws for all rows and keeps its own."""
        rows = self.buffers.ends.shape[1]
        everyone = self.policy.actions.noise(self.buffers.horizon, self.ranks.count * rows, generator)
        before = self.ranks.rank * rows
        return everyone[..., before + self.first : before + self.last]

    def act(self, t: int, greedy: bool = False) -> int:
        """See `Actor.act`."""
        mine = slice(self.first, self.last)
        output = self.policy.step(self.buffers.observations[t, mine], self.state)
        bad = self._neutralise(output)
        masks = None if self.buffers.masks is None else self.buffers.masks[t, mine]
        noise = None if greedy else self.noise[t]
        self.buffers.actions[t, mine] = self.policy.sample_actions(output, noise, masks)
        self.outputs[t] = output
        return bad

    def _neutralise(self, output: Tensor) -> int:
        """Replace outputs that are not finite by zeros; return the first such row, or -1."""
        if math.isfinite(float(output.sum())):
            return -1
        bad = ~torch.isfinite(output).all(0)
        if not bad.any():
            return -1  # only the sum overflowed
        output[:, bad] = 0.0
        self.state[:, bad] = 0.0
        return int(bad.nonzero()[0])

    def store(self, t: int) -> int:
        """See `Actor.store`."""
        env, buffers, mine = self.env, self.buffers, slice(self.first, self.last)
        np.copyto(buffers.observations[t + 1, mine].numpy(), env.observations)
        np.copyto(buffers.rewards[t, mine].numpy(), env.rewards)
        ends = buffers.ends[t, mine].numpy()
        np.logical_or(env.terminals, env.truncations, out=ends)
        if buffers.present is not None:
            # an agent may leave without a terminal, and one that joins has no past
            np.logical_or(ends, ~buffers.present[t : t + 2, mine].numpy().all(0), out=ends)
        seen = self.policy.observations.floats(buffers.observations[t + 1, mine])
        flags = SOME_TRUNCATED if env.truncations.any() else 0
        flags |= BAD_REWARDS if not np.isfinite(env.rewards).all() else 0
        return flags | (BAD_OBSERVATIONS if not all(torch.isfinite(x).all() for x in seen.values()) else 0)

    def value(self, observations: NDArray[Any], rows: NDArray[np.intp]) -> Tensor:
        """See `Actor.value`."""
        return self.policy.values(self.policy.step(torch.from_numpy(observations), self.state[:, rows]))

    def reset_state(self, t: int) -> None:
        """See `Actor.reset_state`."""
        ends = self.buffers.ends[t, self.first : self.last]
        if ends.any():
            self.state *= (~ends).unsqueeze(-1)

    def finish(self) -> None:
        """See `Actor.finish`."""
        buffers, policy, mine = self.buffers, self.policy, slice(self.first, self.last)
        # look ahead on a copy of the state: the next rollout starts with this observation
        last = policy.step(buffers.observations[-1, mine], self.state.clone())
        buffers.last_value[mine] = policy.values(last)
        outputs = self.outputs.movedim(0, 1)
        buffers.values[:, mine] = policy.values(outputs)
        masks = None if buffers.masks is None else buffers.masks[:-1, mine]
        buffers.log_probs[:, mine] = policy.evaluate_actions(outputs, buffers.actions[:, mine], masks)[0]


class TorchGradient:
    """Computes gradients by torch's automatic differentiation."""

    def __init__(self, policy: Policy, buffers: Buffers, train: TrainSettings) -> None:
        self.policy, self.buffers, self.train = policy, buffers, train
        self.loss = choose_loss(train)

    def __call__(
        self, sequences: Tensor, importance: Tensor, scale: Scale | None = None
    ) -> tuple[float, dict[str, float]]:
        """See `Learner.gradient`."""
        batch = self._gather(sequences, importance, scale)
        for parameter in self.policy.parameters():
            if parameter.grad is not None:
                parameter.grad.zero_()
        output = self.policy(batch.observations, batch.first_state, batch.keep)
        loss, report, ratio = self.loss(output, batch, self.policy, self.train)
        loss.backward()  # type: ignore[no-untyped-call]
        if self.train.refresh_advantages:
            with torch.no_grad():
                self.buffers.values.index_copy_(1, sequences, self.policy.values(output))
            self.buffers.ratios.index_copy_(1, sequences, ratio)
        squares = [p.grad.square().sum() for p in self.policy.parameters() if p.grad is not None]
        return float(torch.stack(squares).sum().sqrt()), report

    def _gather(self, sequences: Tensor, importance: Tensor, scale: Scale | None) -> Minibatch:
        """Copy the sequences of the given agents (B,) out of the buffers."""
        buffers, horizon = self.buffers, self.buffers.horizon

        def pick(tensor: Tensor) -> Tensor:
            return tensor.index_select(1, sequences)

        return Minibatch(
            observations=pick(buffers.observations[:horizon]),
            first_state=pick(buffers.first_state),
            keep=pick(buffers.keep),
            actions=pick(buffers.actions),
            masks=None if buffers.masks is None else pick(buffers.masks[:horizon]),
            present=None if buffers.present is None else pick(buffers.present[:horizon]).to(torch.float32),
            log_probs=pick(buffers.log_probs),
            values=pick(buffers.values),
            advantages=pick(buffers.advantages),
            importance=importance,
            scale=scale,
        )


class TorchLearner:
    """See `Learner`."""

    work = "PyTorch runs the network."

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
        self.policy, self.buffers, self.train = policy, buffers, train
        self.gradient = TorchGradient(policy, buffers, train)
        self.workers = kernel_workers(threads)
        self.actors = [
            TorchActor(policy, buffers, part, state, bounds, ranks)
            for part, bounds in zip(parts, row_bounds(parts), strict=True)
        ]

    def weights_changed(self) -> None:
        """See `Learner.weights_changed`: torch looks at the parameters themselves."""

    @torch.no_grad()
    def estimate_advantages(self, reward_factor: float) -> None:
        """See `Learner.estimate_advantages`."""
        fill_advantages(self.buffers, self.train, self.train.reward_scale * reward_factor)

    def torch_seconds(self, spent: Mapping[str, float]) -> float:
        """See `Learner.torch_seconds`."""
        return spent.get("policy", 0.0) + spent.get("gradient", 0.0)

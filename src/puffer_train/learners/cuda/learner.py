"""The work of the algorithm done by one GPU."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from puffer_train.algorithm.buffers import Buffers
from puffer_train.algorithm.loss import Scale
from puffer_train.algorithm.optimizer import Optimizer
from puffer_train.config import TrainSettings
from puffer_train.contract import Environment
from puffer_train.learners.cuda import operations
from puffer_train.learners.cuda.acting import CudaActor
from puffer_train.learners.cuda.buffers import DeviceBuffers, pin
from puffer_train.learners.cuda.network import Network
from puffer_train.learners.cuda.update import REPORTED, Books, Gradient, Update
from puffer_train.learners.protocol import row_bounds
from puffer_train.policy import Policy
from puffer_train.system.ranks import ALONE, Ranks


class CudaLearner:
    """See `Learner`. Besides, `learn` takes all gradient steps of an iteration without waiting between them.

    The policy's parameters are on the GPU; buffers and state are the processor's, and are kept up to date: rewards,
    ends and observations are read from them, actions, values, advantages and the state are written to them.
    """

    def __init__(
        self,
        policy: Policy,
        buffers: Buffers,
        parts: Sequence[Environment],
        state: Tensor,
        train: TrainSettings,
        ranks: Ranks = ALONE,
    ) -> None:
        """Raises `ConfigError` without Triton."""
        operations.kernels()
        self.policy, self.buffers, self.train = policy, buffers, train
        self.device = policy.head.device
        if self.device.type == "cuda":
            torch.cuda.set_device(self.device)  # kernels are launched on the present one
            pin(buffers)
        self.there = DeviceBuffers(buffers, self.device)
        self.network = Network(policy)
        self.actors = [
            CudaActor(self.network, buffers, self.there, part, state, bounds, ranks)
            for part, bounds in zip(parts, row_bounds(parts), strict=True)
        ]
        self.workers = None
        """The optimizer's threads on the processor: there is nothing for them to do."""
        self.reward_factor = torch.ones((), device=self.device)
        self.gradients: dict[int, Gradient] = {}
        self.update: Update | None = None

    def weights_changed(self) -> None:
        """See `Learner.weights_changed`: the kernels look at the parameters themselves."""

    def gradient(
        self, sequences: Tensor, importance: Tensor, scale: Scale | None = None
    ) -> tuple[float, dict[str, float]]:
        """See `Learner.gradient`. Waits for the GPU, which `learn` does not."""
        gradient = self._gradient(len(sequences))
        gradient.choose(sequences, importance, scale)
        gradient.graph()
        report = dict(zip(REPORTED, gradient.report.tolist(), strict=True))
        return report.pop("gradient_norm"), report

    def learn(
        self, optimizer: Optimizer, minibatches: Iterable[tuple[Tensor, Tensor]], rates: tuple[float, float]
    ) -> Books:
        """Take a gradient step on each of the minibatches: sequences (B,) and their importance (B,), all of one size.

        rates: step length for matrices and for vectors. A step with a number that is not finite is not taken: weights
        and the optimizer's memory stay as they are, bit for bit. Returns when all is done.
        """
        update = self._update(optimizer)
        update.optimizer.taken.fill_(optimizer.steps)
        update.rates[0], update.rates[1] = rates
        for sequences, importance in minibatches:
            update.gradient.choose(sequences, importance)
            update.graph()
        return update.close_books()

    def _update(self, optimizer: Optimizer) -> Update:
        """Return what takes this optimizer's steps; it is made once."""
        if self.update is None or self.update.optimizer.optimizer is not optimizer:
            self.update = Update(self._gradient(self.train.minibatch // self.train.horizon), optimizer)
        return self.update

    def _gradient(self, sequences: int) -> Gradient:
        """Return what computes gradients of this many sequences; it is made once."""
        if sequences not in self.gradients:
            self.gradients[sequences] = Gradient(self.network, self.there, self.train, sequences, self._estimate)
        return self.gradients[sequences]

    def estimate_advantages(self, reward_factor: float) -> None:
        """See `Learner.estimate_advantages`. Brings values and advantages to the processor's buffers."""
        here, there = self.buffers, self.there
        self.reward_factor.fill_(reward_factor)
        pairs = [(here.rewards, there.rewards), (here.ends, there.ends), (here.final_values, there.final_values)]
        if here.present is not None and there.present is not None:
            pairs.append((here.present, there.present))
        for source, target in pairs:
            target.copy_(source, non_blocking=True)
        self._estimate()
        for target, source in ((here.values, there.values), (here.last_value, there.last_value)):
            target.copy_(source, non_blocking=True)
        here.advantages.copy_(there.advantages)  # waits, for the others too

    @torch.no_grad()
    def _estimate(self) -> None:
        """Compute the advantages from what is in the GPU's buffers."""
        there, train = self.there, self.train
        rewards = there.rewards * (self.reward_factor * train.reward_scale)
        if train.reward_clip > 0:
            rewards.clamp_(-train.reward_clip, train.reward_clip)
        estimate = operations.advantages(
            rewards,
            there.values,
            there.next_values(),
            there.ends.to(torch.float32),
            gamma=train.gamma,
            lam=train.gae_lambda,
            ratios=there.ratios if train.refresh_advantages else None,
            rho_clip=train.rho_clip,
            trace_clip=train.trace_clip,
        )
        there.advantages.copy_(estimate)

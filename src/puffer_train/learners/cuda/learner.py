"""The arithmetic on one GPU."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from puffer_envs.contract import BufferEnv
from puffer_train.algorithm.buffers import Buffers
from puffer_train.algorithm.loss import Scale
from puffer_train.algorithm.optimizer import Optimizer
from puffer_train.config import TrainSettings
from puffer_train.learners.cuda import operations
from puffer_train.learners.cuda.acting import CudaActor
from puffer_train.learners.cuda.buffers import DeviceBuffers, pin
from puffer_train.learners.cuda.network import Network
from puffer_train.learners.cuda.update import REPORTED, Gradient, Update
from puffer_train.learners.protocol import UpdateSummary
from puffer_train.learners.shared import fill_advantages, row_bounds
from puffer_train.policy import Policy
from puffer_train.system.ranks import ALONE, Ranks


class CudaLearner:
    """See `Learner`. Besides, `learn` takes all gradient steps of an iteration without waiting between them.

    The policy's parameters are on the GPU. Buffers and state stay on the processor: rewards, ends and observations are
    read from them; actions, values, advantages and the state are written to them.
    """

    def __init__(
        self,
        policy: Policy,
        buffers: Buffers,
        parts: Sequence[BufferEnv],
        state: Tensor,
        train: TrainSettings,
        threads: int = 1,
        ranks: Ranks = ALONE,
    ) -> None:
        """threads: unused, nothing is computed on the processor. Raises `ConfigError` without Triton."""
        operations.kernels()
        self.policy, self.buffers, self.train = policy, buffers, train
        self.device = policy.head.device
        if self.device.type == "cuda":
            torch.cuda.set_device(self.device)  # kernels are launched on the current device
            pin(buffers)
        self.device_buffers = DeviceBuffers(buffers, self.device)
        self.network = Network(policy)
        self.actors = [
            CudaActor(self.network, buffers, self.device_buffers, part, state, bounds, ranks)
            for part, bounds in zip(parts, row_bounds(parts), strict=True)
        ]
        self.workers = None
        """The kernels' threads on the processor: there are none."""
        self.work = "The GPU runs the whole network."
        self.reward_factor = torch.ones((), device=self.device)
        self.gradients: dict[int, Gradient] = {}
        self.update: Update | None = None

    def weights_changed(self) -> None:
        """See `Learner.weights_changed`: the kernels read the parameters directly."""

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
    ) -> UpdateSummary:
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
        return update.summarize()

    def _update(self, optimizer: Optimizer) -> Update:
        """Return the `Update` for this optimizer, made on first use."""
        if self.update is None or self.update.optimizer.optimizer is not optimizer:
            self.update = Update(self._gradient(self.train.minibatch // self.train.horizon), optimizer)
        return self.update

    def _gradient(self, sequences: int) -> Gradient:
        """Return the `Gradient` for this many sequences, made on first use."""
        if sequences not in self.gradients:
            self.gradients[sequences] = Gradient(
                self.network, self.device_buffers, self.train, sequences, self._estimate
            )
        return self.gradients[sequences]

    def estimate_advantages(self, reward_factor: float) -> None:
        """See `Learner.estimate_advantages`. Brings values and advantages to the processor's buffers."""
        host, gpu = self.buffers, self.device_buffers
        self.reward_factor.fill_(reward_factor)
        pairs = [(host.rewards, gpu.rewards), (host.ends, gpu.ends), (host.final_values, gpu.final_values)]
        if host.present is not None and gpu.present is not None:
            pairs.append((host.present, gpu.present))
        for source, target in pairs:
            target.copy_(source, non_blocking=True)
        self._estimate()
        for target, source in ((host.values, gpu.values), (host.last_value, gpu.last_value)):
            target.copy_(source, non_blocking=True)
        host.advantages.copy_(gpu.advantages)  # waits, for the others too

    def torch_seconds(self, spent: Mapping[str, float]) -> float:
        """See `Learner.torch_seconds`: the GPU's own kernels do everything."""
        return 0.0

    @torch.no_grad()
    def _estimate(self) -> None:
        """Compute the advantages from what is in the GPU's buffers."""
        scale = self.reward_factor * self.train.reward_scale
        fill_advantages(self.device_buffers, self.train, scale, operations.advantages)

"""One gradient step as one piece of work for the GPU: gather, forward, loss, backward, clip, optimizer, statistics.

Nothing is read back. Whether all numbers are finite is itself a number on the GPU: the step is always computed, and
taken only where it is finite. Figures are summed until `Update.summarize` reads them.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from puffer_train.algorithm.loss import Played, Scale
from puffer_train.algorithm.optimizer import Optimizer
from puffer_train.config import TrainSettings
from puffer_train.kernels import FIGURES
from puffer_train.learners.cuda import operations
from puffer_train.learners.cuda.buffers import DeviceBuffers
from puffer_train.learners.cuda.graphs import Graph
from puffer_train.learners.cuda.loss import differentiable_loss
from puffer_train.learners.cuda.network import Network
from puffer_train.learners.cuda.optimizer import DeviceOptimizer
from puffer_train.learners.protocol import UpdateSummary
from puffer_train.policy import CategoricalActions, ScalarValue

MIN_NORM = 1e-12
"""Gradients shorter than this are not divided by their length."""

REPORTED = ("loss", *FIGURES, "gradient_norm")
"""Figures reported of a gradient step."""

APPROX_KL = REPORTED.index("approx_kl")


class Gradient:
    """The gradient of the loss over some sequences, left in the parameters' `grad`."""

    def __init__(
        self,
        network: Network,
        buffers: DeviceBuffers,
        train: TrainSettings,
        sequences: int,
        estimate: Callable[[], None],
    ) -> None:
        """sequences: how many are trained on at once, B; `estimate` recomputes the buffers' advantages."""
        self.network, self.buffers, self.train = network, buffers, train
        self.estimate = estimate
        policy, device = network.policy, buffers.rewards.device
        self.layout = operations.CategoricalLayout(policy.spec.action, device)
        self.has_kernel = isinstance(policy.actions, CategoricalActions) and isinstance(policy.value, ScalarValue)
        self.names, self.parameters = map(list, zip(*policy.named_parameters(), strict=True))
        for parameter in self.parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        self.sequences = torch.zeros(sequences, dtype=torch.int64, device=device)
        """(B,): agents whose sequences to train on. Fill before use."""
        self.importance = torch.ones(sequences, device=device)
        """(B,): their weights. Fill before use."""
        self.scale = torch.zeros(3, device=device)
        """(3,): mean and 1 / spread of the advantages and 1 / count of the samples of a minibatch that other ranks have
        more of; zeros where this is all of it."""
        self.report = torch.zeros(len(REPORTED), device=device)
        """Figures of the last gradient."""
        self.finite = torch.ones(len(REPORTED) + len(self.parameters), dtype=torch.bool, device=device)
        """Which of them, and which parameters' gradients, are finite; the norm comes last."""
        self.graph = Graph(self.compute, device, self.changed())

    def changed(self) -> list[Tensor]:
        """Return what computing a gradient changes and the next one depends on."""
        return [self.buffers.values, self.buffers.ratios, self.buffers.advantages] if self._refreshes else []

    @property
    def _refreshes(self) -> bool:
        return self.train.refresh_advantages

    def choose(self, sequences: Tensor, importance: Tensor, scale: Scale | None = None) -> None:
        """Set which agents' sequences (B,) are next, and their weights (B,); see `Learner`."""
        self.sequences.copy_(sequences, non_blocking=True)
        self.importance.copy_(importance, non_blocking=True)
        if scale is not None:
            self.scale.copy_(torch.tensor([scale.mean, scale.inverse_spread, scale.weight]))

    def compute(self) -> None:
        """Fill gradients, `report` and `finite`."""
        buffers, train = self.buffers, self.train
        seen, keep = self._pick(buffers.observations[:-1]), self._pick(buffers.keep())
        output = self.network.forward(seen, self._pick(buffers.first_state), keep)
        gradients, ratios, figures = self._differentiate(output)
        with torch.no_grad():
            norm = torch.stack([gradient.square().sum() for gradient in gradients]).sum().sqrt()
            loss = figures[0] + train.value_coefficient * figures[1] - train.entropy_coefficient * figures[2]
            self.report.copy_(torch.cat([loss.unsqueeze(0), figures, norm.unsqueeze(0)]))
            each = torch.stack([gradient.isfinite().all() for gradient in gradients])
            self.finite.copy_(torch.cat([self.report[:-1].isfinite(), each, self.report[-1:].isfinite()]))
            for parameter, gradient in zip(self.parameters, gradients, strict=True):
                assert parameter.grad is not None
                parameter.grad.copy_(gradient)
            if self._refreshes:
                self._refresh(self.network.policy.values(output), ratios)

    def _pick(self, slots: Tensor) -> Tensor:
        return slots.index_select(1, self.sequences)

    def _differentiate(self, output: Tensor) -> tuple[list[Tensor], Tensor, Tensor]:
        """Return the gradients of the loss, the ratios (T, B) and the figures (7,) of output (K + V, T, B)."""
        minibatch = self._minibatch()
        mine = operations.advantage_moments(minibatch.advantages, minibatch.present, self.train.normalize_advantages)
        moments = torch.where(self.scale[2] > 0, self.scale, mine)
        if self.has_kernel:
            slopes, ratios, figures = operations.ppo_loss(self.layout, output.detach(), minibatch, moments, self.train)
            return list(torch.autograd.grad(output, self.parameters, slopes)), ratios, figures
        loss, ratios, figures = differentiable_loss(self.network.policy, output, minibatch, moments, self.train)
        return list(torch.autograd.grad(loss, self.parameters)), ratios, figures

    def _minibatch(self) -> Played:
        buffers = self.buffers
        return Played(
            actions=self._pick(buffers.actions),
            masks=None if buffers.masks is None else self._pick(buffers.masks[:-1]),
            present=None if buffers.present is None else self._pick(buffers.present[:-1]).to(torch.float32),
            log_probs=self._pick(buffers.log_probs),
            values=self._pick(buffers.values),
            advantages=self._pick(buffers.advantages),
            importance=self.importance,
        )

    def _refresh(self, values: Tensor, ratios: Tensor) -> None:
        """Store new values and ratios for later minibatches, unless they are not finite."""
        sound = self.finite.all()
        for slots, now in ((self.buffers.values, values), (self.buffers.ratios, ratios)):
            slots.index_copy_(1, self.sequences, torch.where(sound, now, self._pick(slots)))
        self.estimate()

    def fault(self, number: int) -> str:
        """Return which number is not finite, where entry `number` of `finite` is false."""
        if number < len(REPORTED) - 1:
            return f"{REPORTED[number].replace('_', ' ')} is not finite"
        if number < len(self.finite) - 1:
            return f"the gradient of parameter {self.names[number - len(REPORTED) + 1]!r} is not finite"
        return "the norm of the gradient is not finite"


class Update:
    """Gradient and optimizer step in one, with statistics."""

    def __init__(self, gradient: Gradient, optimizer: Optimizer) -> None:
        self.gradient, self.optimizer = gradient, DeviceOptimizer(optimizer)
        device = gradient.report.device
        self.rates = torch.zeros(2, device=device)
        """(2,): step length for matrices and for vectors. Fill before use."""
        self.totals = torch.zeros(len(REPORTED), dtype=torch.float64, device=device)
        self.counts = torch.zeros(4, dtype=torch.int64, device=device)
        """Steps taken, skipped, skipped since one was taken, and the number of the first fault plus one."""
        self.stopped = torch.zeros((), dtype=torch.bool, device=device)
        """Whether the policy moved further than `max_kl` allows: no step is taken then until `summarize`."""
        changed = [*gradient.changed(), *self.optimizer.changed(), self.totals, self.counts, self.stopped]
        self.graph = Graph(self._step, device, changed)

    @torch.no_grad()
    def _step(self) -> None:
        gradient = self.gradient
        with torch.enable_grad():
            gradient.compute()
        finite = gradient.finite.all()
        sound = finite & ~self.stopped
        scale = (gradient.train.max_gradient_norm / gradient.report[-1].clamp_min(MIN_NORM)).clamp_max(1.0)
        self.optimizer.step(scale, self.rates, sound)
        self.totals += torch.where(sound, gradient.report, 0.0)
        taken, skipped, skipped_last, fault = self.counts.unbind()
        taken += sound
        faulty = ~finite & ~self.stopped
        skipped += faulty
        skipped_last.copy_(torch.where(sound, 0, skipped_last + faulty))
        first_fault = (~gradient.finite).to(torch.int64).argmax() + 1
        fault.copy_(torch.where(faulty & (fault == 0), first_fault, fault))
        if gradient.train.max_kl > 0:
            self.stopped |= sound & (gradient.report[APPROX_KL] > gradient.train.max_kl)

    def summarize(self) -> UpdateSummary:
        """Return the summary and start a new one. Only here does the processor wait for the GPU."""
        numbers = torch.cat([self.totals, self.counts.to(torch.float64), self.optimizer.taken.unsqueeze(0)]).tolist()
        totals, counts = numbers[: len(REPORTED)], [int(number) for number in numbers[len(REPORTED) :]]
        taken, skipped, skipped_last, fault, self.optimizer.optimizer.steps = counts
        self.totals.zero_()
        self.counts.zero_()
        self.stopped.zero_()
        means = {key: total / taken for key, total in zip(REPORTED, totals, strict=True)} if taken else {}
        return UpdateSummary(means, taken, skipped, skipped_last, self.gradient.fault(fault - 1) if fault else None)

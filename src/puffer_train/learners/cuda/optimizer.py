"""Optimizer steps without waiting for the GPU.

Step lengths are tensors and steps are counted on the device. An update that must not happen is computed anyway and
then discarded: every number is either the new one or, bit for bit, the old one.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from puffer_train.algorithm.optimizer import ADAM_BETAS, ADAM_EPSILON, Muon, Optimizer, matrix_shape, orthogonalize


class DeviceOptimizer:
    """Takes the steps of an `Optimizer`, whose memory it shares; gradients are read from the parameters."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self.parameters = optimizer.parameters
        device = next(iter(self.parameters.values())).device
        self.taken = torch.tensor(float(optimizer.steps), dtype=torch.float64, device=device)
        """How many steps were taken; `Update.summarize` copies it to `optimizer.steps`."""
        self.shapes: dict[tuple[int, int], list[str]] = {}
        """Matrices by their shape: those of one shape are orthogonalised together."""
        for name, parameter in self.parameters.items():
            if not optimizer.uses_adam(parameter):
                rows, columns = matrix_shape(parameter)
                self.shapes.setdefault((rows, columns), []).append(name)

    @torch.no_grad()
    def step(self, scale: Tensor, rates: Tensor, sound: Tensor) -> None:
        """Move every parameter along its gradient, multiplied by `scale` (), where `sound` () bool is true.

        rates (2,): step length of Muon and of Adam. Where `sound` is false nothing changes.
        """
        self.taken += sound
        for (rows, columns), names in self.shapes.items():
            self._muon(names, rows, columns, scale, rates[0], sound)
        for name in self.optimizer.squares:
            self._adam(name, scale, rates[1], sound)

    def _muon(self, names: list[str], rows: int, columns: int, scale: Tensor, rate: Tensor, sound: Tensor) -> None:
        """Jordan et al. 2024, for all matrices (rows, columns) at once."""
        assert isinstance(self.optimizer, Muon)
        averages, momentum = self.optimizer.averages, self.optimizer.momentum
        gradient = torch.cat([self.optimizer.gradient(name).reshape(-1, rows, columns) for name in names]) * scale
        average = torch.cat([averages[name].view(-1, rows, columns) for name in names]).lerp(gradient, 1 - momentum)
        change = orthogonalize(gradient.lerp(average, momentum)) * (rate * math.sqrt(max(1.0, rows / columns)))
        counts = [self.parameters[name].numel() // (rows * columns) for name in names]
        for name, mean, move in zip(names, torch.split(average, counts), torch.split(change, counts), strict=True):
            parameter = self.parameters[name]
            _take(averages[name], mean.view_as(parameter), sound)
            kept = parameter * (1 - rate * self.optimizer.weight_decay)
            _take(parameter, kept - move.view_as(parameter), sound)

    def _adam(self, name: str, scale: Tensor, rate: Tensor, sound: Tensor) -> None:
        """Kingma & Ba 2015, algorithm 1."""
        first, second = ADAM_BETAS
        parameter, gradient = self.parameters[name], self.optimizer.gradient(name) * scale
        average = self.optimizer.averages[name].lerp(gradient, 1 - first)
        square = self.optimizer.squares[name].lerp(gradient.square(), 1 - second)
        unbiased = average / (1 - first**self.taken)
        spread = (square / (1 - second**self.taken)).sqrt() + ADAM_EPSILON
        decay = self.optimizer.weight_decay if parameter.ndim >= 2 else 0.0
        _take(parameter, parameter * (1 - rate * decay) - rate * unbiased / spread, sound)
        _take(self.optimizer.averages[name], average, sound)
        _take(self.optimizer.squares[name], square, sound)

    def changed(self) -> list[Tensor]:
        """Return every tensor that a step changes."""
        return [*self.parameters.values(), *self.optimizer.tensors().values(), self.taken]


def _take(old: Tensor, new: Tensor, sound: Tensor) -> None:
    """Overwrite `old` with `new` where `sound`; else leave every bit as it is."""
    old.copy_(torch.where(sound, new, old))

"""Muon for matrices, Adam for vectors.

Muon (Jordan et al. 2024): follow not the gradient itself but the orthogonal matrix nearest to its momentum,
so that every direction that the gradient has, strong or weak, is followed equally fast. Matrices of one
shape that are stacked in one parameter (layers, rows, columns) are treated in one batch, each as its own
matrix.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, cast

import torch
from torch import Tensor

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of the odd polynomial that drives singular values towards 1, steepest at 0 (Jordan et al.)."""

NEWTON_SCHULZ_STEPS = 5

ADAM_BETAS = (0.9, 0.999)

ADAM_EPSILON = 1e-8


def orthogonalize(matrices: Tensor) -> Tensor:
    """Return (..., m, n) matrices with the singular vectors of the given ones and singular values of about 1.

    Five Newton-Schulz steps leave them between about 0.7 and 1.2. A zero matrix stays zero.
    """
    a, b, c = NEWTON_SCHULZ
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if tall else matrices
    x = x / x.flatten(-2).norm(dim=-1).clamp_min(1e-30)[..., None, None]
    for _ in range(NEWTON_SCHULZ_STEPS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    result: Tensor = x.mT.contiguous() if tall else x
    return result


class Optimizer:
    """Steps named parameters: those with two or more dimensions by Muon, vectors by Adam."""

    def __init__(
        self,
        parameters: Iterable[tuple[str, torch.nn.Parameter]],
        momentum: float,
        workers: Any = None,
        matrices: str = "muon",
        weight_decay: float = 0.0,
    ) -> None:
        """workers: the kernels' threads (`_kernels.Workers`) that step matrices on a processor; None: torch does.

        matrices: `muon`, or `adam` for them, too. weight_decay: each step takes this part of the step length off
        every weight of a matrix.
        """
        self.parameters = dict(parameters)
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.by_adam = {name for name, p in self.parameters.items() if p.ndim < 2 or matrices == "adam"}
        self.steps = 0
        self.averages = {name: torch.zeros_like(p) for name, p in self.parameters.items()}
        """Running mean of the gradient."""
        self.squares = {name: torch.zeros_like(p) for name, p in self.parameters.items() if name in self.by_adam}
        """Running mean of the squared gradient, for Adam."""
        for parameter in self.parameters.values():
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)  # kept, so that a kernel finds it where it was
        self.muon = None if workers is None else _kernel_muon(workers, self._matrices())

    @torch.no_grad()
    def step(self, learning_rate: float, vector_learning_rate: float, gradient_scale: float = 1.0) -> None:
        """Move every parameter along its gradient, which is first multiplied by `gradient_scale`."""
        self.steps += 1
        if self.muon is not None:
            self.muon.step(learning_rate, self.momentum, gradient_scale, learning_rate * self.weight_decay)
        for name, parameter in self.parameters.items():
            assert parameter.grad is not None
            if name in self.by_adam:
                self._adam(name, parameter, parameter.grad * gradient_scale, vector_learning_rate)
            elif self.muon is None:
                self._muon(name, parameter, parameter.grad * gradient_scale, learning_rate)

    def _matrices(self) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Return (parameter, gradient, average) of every matrix, stacked ones one by one."""
        found = []
        for name, parameter in self.parameters.items():
            if parameter.ndim >= 2:
                rows, columns = parameter.shape[-2:]
                whole = (parameter.detach(), cast(Tensor, parameter.grad), self.averages[name])
                found += list(zip(*(tensor.view(-1, rows, columns) for tensor in whole), strict=True))
        return found

    def _muon(self, name: str, parameter: Tensor, gradient: Tensor, learning_rate: float) -> None:
        """Jordan et al. 2024; `c/learn/muon.h` has the same in C."""
        average = self.averages[name].lerp_(gradient, 1 - self.momentum)
        nesterov = gradient.lerp_(average, self.momentum)
        rows, columns = parameter.shape[-2:]
        parameter.mul_(1 - learning_rate * self.weight_decay)
        parameter.add_(orthogonalize(nesterov), alpha=-learning_rate * math.sqrt(max(1.0, rows / columns)))

    def _adam(self, name: str, parameter: Tensor, gradient: Tensor, learning_rate: float) -> None:
        """Kingma & Ba 2015, algorithm 1."""
        first, second = ADAM_BETAS
        average = self.averages[name].lerp_(gradient, 1 - first)
        square = self.squares[name].lerp_(gradient.square(), 1 - second)
        unbiased = average / (1 - first**self.steps)
        spread = (square / (1 - second**self.steps)).sqrt_().add_(ADAM_EPSILON)
        if parameter.ndim >= 2:
            parameter.mul_(1 - learning_rate * self.weight_decay)
        parameter.addcdiv_(unbiased, spread, value=-learning_rate)

    def tensors(self) -> dict[str, Tensor]:
        """Return the optimizer's memory by name, for a checkpoint; writing to these tensors restores it."""
        return {f"average.{name}": t for name, t in self.averages.items()} | {
            f"square.{name}": t for name, t in self.squares.items()
        }


def _kernel_muon(workers: Any, matrices: list[tuple[Tensor, Tensor, Tensor]]) -> Any:
    """Return the kernel that steps these matrices."""
    from puffer_train import _kernels  # noqa: PLC0415 - there are workers, so there are kernels

    return _kernels.Muon(workers, [(p.numpy(), g.numpy(), a.numpy()) for p, g, a in matrices])

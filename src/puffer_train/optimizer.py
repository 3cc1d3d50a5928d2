"""Muon for matrices, Adam for vectors.

Muon (Jordan et al. 2024): follow not the gradient itself but the orthogonal matrix nearest to its momentum,
so that every direction that the gradient has, strong or weak, is followed equally fast. Matrices of one
shape that are stacked in one parameter (layers, rows, columns) are treated in one batch, each as its own
matrix.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

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

    def __init__(self, parameters: Iterable[tuple[str, torch.nn.Parameter]], momentum: float) -> None:
        self.parameters = dict(parameters)
        self.momentum = momentum
        self.steps = 0
        self.averages = {name: torch.zeros_like(p) for name, p in self.parameters.items()}
        """Running mean of the gradient."""
        self.squares = {name: torch.zeros_like(p) for name, p in self.parameters.items() if p.ndim < 2}
        """Running mean of the squared gradient, for Adam."""

    def zero_gradients(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters.values():
            parameter.grad = None

    def gradient_norm(self) -> float:
        """Return the length of all gradients together; not finite as soon as one number is not."""
        gradients = [p.grad for p in self.parameters.values() if p.grad is not None]
        return float(torch.stack([g.square().sum() for g in gradients]).sum().sqrt())

    @torch.no_grad()
    def step(self, learning_rate: float, vector_learning_rate: float, gradient_scale: float = 1.0) -> None:
        """Move every parameter along its gradient, which is first multiplied by `gradient_scale`."""
        self.steps += 1
        for name, parameter in self.parameters.items():
            if parameter.grad is None:
                continue
            gradient = parameter.grad * gradient_scale
            if parameter.ndim >= 2:
                average = self.averages[name].lerp_(gradient, 1 - self.momentum)
                nesterov = gradient.lerp_(average, self.momentum)
                rows, columns = parameter.shape[-2:]
                scale = math.sqrt(max(1.0, rows / columns))
                parameter.add_(orthogonalize(nesterov), alpha=-learning_rate * scale)
            else:
                self._adam(name, parameter, gradient, vector_learning_rate)

    def _adam(self, name: str, parameter: Tensor, gradient: Tensor, learning_rate: float) -> None:
        """Kingma & Ba 2015, algorithm 1."""
        first, second = ADAM_BETAS
        average = self.averages[name].lerp_(gradient, 1 - first)
        square = self.squares[name].lerp_(gradient.square(), 1 - second)
        unbiased = average / (1 - first**self.steps)
        spread = (square / (1 - second**self.steps)).sqrt_().add_(ADAM_EPSILON)
        parameter.addcdiv_(unbiased, spread, value=-learning_rate)

    def tensors(self) -> dict[str, Tensor]:
        """Return the optimizer's memory by name, for a checkpoint; writing to these tensors restores it."""
        return {f"average.{name}": t for name, t in self.averages.items()} | {
            f"square.{name}": t for name, t in self.squares.items()
        }

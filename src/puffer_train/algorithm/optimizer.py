"""The optimizers, in order of increasing complexity: Adam, Muon.

Muon (Jordan et al. 2024) follows not the gradient itself but the orthogonal matrix nearest to its momentum,
so that every direction that the gradient has, strong or weak, is followed equally fast. Matrices of one
shape that are stacked in one parameter (layers, rows, columns) are treated in one batch, each as its own
matrix. The kernels of a convolution (channels out, channels in, height, width) are one matrix with a row per
kernel.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, cast

import torch
from torch import Tensor

from puffer_train.config import TrainSettings
from puffer_train.errors import CheckpointError, ConfigError, OwnCalls
from puffer_train.own_code import is_code, load_code

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of the odd polynomial that drives singular values towards 1, steepest at 0 (Jordan et al.)."""

NEWTON_SCHULZ_STEPS = 5
"""How often the polynomial is applied."""

ADAM_BETAS = (0.9, 0.999)
"""How much of the running means of the gradient and of its square each step keeps."""

ADAM_EPSILON = 1e-8
"""Added to the root of the mean square, which may be 0."""

Parameters = Iterable[tuple[str, torch.nn.Parameter]]
"""Parameters with their names."""


class Optimizer:
    """Steps named parameters along their gradients: vectors by Adam, matrices as the subclass does."""

    def __init__(self, parameters: Parameters, weight_decay: float = 0.0) -> None:
        """weight_decay: each step shrinks every weight of a matrix by this times the step length."""
        self.parameters = dict(parameters)
        self.weight_decay = weight_decay
        self.steps = 0
        """Steps taken so far."""
        self.averages = {name: torch.zeros_like(p) for name, p in self.parameters.items()}
        """Running mean of each gradient."""
        self.squares = {name: torch.zeros_like(p) for name, p in self.parameters.items() if self.uses_adam(p)}
        """Running mean of each squared gradient, for those that Adam steps."""
        for parameter in self.parameters.values():
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)  # kept, so that a kernel finds it where it was

    def uses_adam(self, parameter: Tensor) -> bool:
        """Whether Adam steps this parameter."""
        return parameter.ndim < 2

    @torch.no_grad()
    def step(self, learning_rate: float, vector_learning_rate: float, gradient_scale: float = 1.0) -> None:
        """Move every parameter along its gradient, which is first multiplied by `gradient_scale`."""
        self.steps += 1
        self.step_matrices(learning_rate, gradient_scale)
        for name in self.squares:
            self._adam(name, gradient_scale, vector_learning_rate)

    def step_matrices(self, learning_rate: float, gradient_scale: float) -> None:
        """Move the parameters that Adam does not step."""

    def _adam(self, name: str, gradient_scale: float, learning_rate: float) -> None:
        """Kingma & Ba 2015, algorithm 1."""
        first, second = ADAM_BETAS
        parameter = self.parameters[name]
        gradient = self.gradient(name) * gradient_scale
        average = self.averages[name].lerp_(gradient, 1 - first)
        square = self.squares[name].lerp_(gradient.square(), 1 - second)
        unbiased = average / (1 - first**self.steps)
        spread = (square / (1 - second**self.steps)).sqrt_().add_(ADAM_EPSILON)
        if parameter.ndim >= 2:
            parameter.mul_(1 - learning_rate * self.weight_decay)
        parameter.addcdiv_(unbiased, spread, value=-learning_rate)

    def gradient(self, name: str) -> Tensor:
        """Return the gradient of a parameter."""
        return cast(Tensor, self.parameters[name].grad)

    def tensors(self) -> dict[str, Tensor]:
        """Return the optimizer's memory by name, for a checkpoint; writing to these tensors restores it."""
        return {f"average.{name}": t for name, t in self.averages.items()} | {
            f"square.{name}": t for name, t in self.squares.items()
        }

    def allocate(self, tensors: dict[str, Tensor]) -> None:
        """Make room for the tensors that a checkpoint has, where the memory grows with the first steps."""


class Adam(Optimizer):
    """Adam for every parameter, at the step length for vectors."""

    def uses_adam(self, parameter: Tensor) -> bool:
        """Always."""
        return True


class Muon(Optimizer):
    """Muon for parameters of two or more dimensions, Adam for vectors."""

    def __init__(self, parameters: Parameters, momentum: float, workers: Any = None, weight_decay: float = 0.0) -> None:
        """workers: the kernels' threads (`_kernels.Workers`) that step matrices on a processor; None: torch does."""
        super().__init__(parameters, weight_decay)
        self.momentum = momentum
        self.kernel = None if workers is None else _kernel(workers, self._matrices())

    def step_matrices(self, learning_rate: float, gradient_scale: float) -> None:
        """Move every matrix along the orthogonalised momentum of its gradient."""
        if self.kernel is not None:
            self.kernel.step(learning_rate, self.momentum, gradient_scale, learning_rate * self.weight_decay)
            return
        for name, parameter in self.parameters.items():
            if not self.uses_adam(parameter):
                self._muon(name, parameter, self.gradient(name) * gradient_scale, learning_rate)

    def _muon(self, name: str, parameter: Tensor, gradient: Tensor, learning_rate: float) -> None:
        """Jordan et al. 2024; `c/learn/muon.h` has the same in C."""
        average = self.averages[name].lerp_(gradient, 1 - self.momentum)
        rows, columns = matrix_shape(parameter)
        nesterov = gradient.lerp_(average, self.momentum).view(-1, rows, columns)
        parameter.mul_(1 - learning_rate * self.weight_decay)
        step = orthogonalize(nesterov).view_as(parameter)
        parameter.add_(step, alpha=-learning_rate * math.sqrt(max(1.0, rows / columns)))

    def _matrices(self) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Return (parameter, gradient, average) of every matrix, stacked ones one by one."""
        found = []
        for name, parameter in self.parameters.items():
            if not self.uses_adam(parameter):
                rows, columns = matrix_shape(parameter)
                whole = (parameter.detach(), self.gradient(name), self.averages[name])
                found += list(zip(*(tensor.view(-1, rows, columns) for tensor in whole), strict=True))
        return found


class OwnOptimizer(Optimizer):
    """A `torch.optim.Optimizer` that the user's own function makes.

    `train.optimizer` names a function of the parameters, by name, and the settings. The learning rates of its groups
    follow the same schedule as ours.
    """

    def __init__(self, train: TrainSettings, parameters: Parameters) -> None:
        """Raises `ConfigError` when the function cannot be found, or returns something else."""
        super().__init__(parameters)
        self.averages, self.squares = {}, {}
        self.setting, self.first_rate = train.optimizer, train.learning_rate
        make = load_code("train.optimizer", train.optimizer)
        with OwnCalls("train.optimizer", self.setting):
            inner = make(self.parameters, train)
        if not isinstance(inner, torch.optim.Optimizer):
            raise ConfigError(
                f"train.optimizer {self.setting!r} returned {type(inner).__name__}: it must be a torch.optim.Optimizer."
            )
        self.inner = inner
        self.first_rates = [group["lr"] for group in inner.param_groups]

    @torch.no_grad()
    def step(self, learning_rate: float, vector_learning_rate: float, gradient_scale: float = 1.0) -> None:
        """Set the learning rates, scale the gradients, and let the inner optimizer step."""
        self.steps += 1
        decay = learning_rate / self.first_rate if self.first_rate > 0 else 1.0
        for group, first in zip(self.inner.param_groups, self.first_rates, strict=True):
            group["lr"] = first * decay
        for name in self.parameters:
            self.gradient(name).mul_(gradient_scale)
        with OwnCalls("train.optimizer", self.setting):
            self.inner.step()

    def tensors(self) -> dict[str, Tensor]:
        """Return the inner optimizer's memory: the tensors of its state, by key and parameter.

        Raises:
            CheckpointError: It remembers something that is not a tensor, which no checkpoint could hold.
        """
        found = {}
        for name, parameter in self.parameters.items():
            for key, value in self.inner.state.get(parameter, {}).items():
                if not isinstance(value, Tensor):
                    kind = type(value).__name__
                    raise CheckpointError(f"train.optimizer {self.setting!r} cannot be saved: its {key!r} is a {kind}.")
                found[f"{key}.{name}"] = value
        return found

    def allocate(self, tensors: dict[str, Tensor]) -> None:
        """See `Optimizer.allocate`."""
        for name, parameter in self.parameters.items():
            for found, tensor in tensors.items():
                key, _, owner = found.partition(".")
                if owner == name:
                    self.inner.state[parameter][key] = torch.zeros_like(tensor)


OPTIMIZERS: dict[str, Callable[[TrainSettings, Parameters, Any], Optimizer]] = {
    "adam": lambda train, parameters, workers: Adam(parameters, train.weight_decay),
    "muon": lambda train, parameters, workers: Muon(parameters, train.momentum, workers, train.weight_decay),
}
"""Every optimizer by the name that `train.optimizer` gives it."""


def make_optimizer(train: TrainSettings, parameters: Parameters, workers: Any = None) -> Optimizer:
    """Return the optimizer that the settings name. workers: the kernels' threads, None where there are none."""
    if is_code(train.optimizer):
        return OwnOptimizer(train, parameters)
    return OPTIMIZERS[train.optimizer](train, parameters, workers)


def matrix_shape(parameter: Tensor) -> tuple[int, int]:
    """Return the rows and columns of a parameter's matrices: one, a stack of several, or a convolution's kernels."""
    if parameter.ndim > 3:
        return parameter.shape[0], parameter[0].numel()
    return parameter.shape[-2], parameter.shape[-1]


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


def _kernel(workers: Any, matrices: list[tuple[Tensor, Tensor, Tensor]]) -> Any:
    """Return the kernel that steps these matrices."""
    from puffer_train import _kernels  # noqa: PLC0415 - only for those who have workers

    return _kernels.Muon(workers, [(p.numpy(), g.numpy(), a.numpy()) for p, g, a in matrices])

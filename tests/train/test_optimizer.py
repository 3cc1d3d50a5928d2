"""The optimizer against NumPy and torch."""

import dataclasses
from typing import Any, Literal, cast

import numpy as np
import pytest
import references
import torch

from puffer_train.algorithm.optimizer import OPTIMIZERS, Adam, Muon, make_optimizer, orthogonalize
from puffer_train.config import TrainSettings
from puffer_train.learners.shared import kernel_workers


def randn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


SHAPES = [(4, 32), (32, 4), (32, 118), (96, 32), (32, 32), (1, 16), (16, 1), (5, 96, 32)]


@pytest.mark.parametrize("size", [1e-12, 1e-3, 1e6])
@pytest.mark.parametrize("shape", SHAPES)
def test_singular_vectors_stay_and_values_come_near_one(shape: tuple[int, ...], size: float) -> None:
    """Any but the weakest directions of a matrix, whatever its size."""
    matrices = randn(*shape) * size
    u, s, v = torch.linalg.svd(matrices.double(), full_matrices=False)
    values = (u.mT @ orthogonalize(matrices).double() @ v.mT).diagonal(dim1=-2, dim2=-1)
    strong = s > 0.02 * s.norm(dim=-1, keepdim=True)
    assert values[strong].min() > 0.4, "no direction is lost"
    assert values.max() < 1.3
    rest = orthogonalize(matrices).double() - u @ torch.diag_embed(values) @ v
    assert rest.abs().max() < 1e-4, "no direction is added"


@pytest.mark.parametrize("shape", SHAPES)
def test_newton_schulz_equals_its_formulas(shape: tuple[int, ...]) -> None:
    matrices = randn(*shape)
    stack = matrices.double().numpy().reshape(-1, *shape[-2:])
    wanted = np.stack([references.newton_schulz(matrix) for matrix in stack]).reshape(shape)
    np.testing.assert_allclose(orthogonalize(matrices).numpy(), wanted, atol=2e-5)


def test_zero_gradient_moves_nothing() -> None:
    assert torch.equal(orthogonalize(torch.zeros(4, 8)), torch.zeros(4, 8))


def test_a_zero_matrix_among_others_disturbs_none() -> None:
    stack = randn(3, 8, 4)
    stack[1] = 0
    result = orthogonalize(stack)
    assert torch.equal(result[1], torch.zeros(8, 4))
    torch.testing.assert_close(result[[0, 2]], orthogonalize(stack[[0, 2]]))


@pytest.mark.parametrize("shape", [(12, 4), (4, 12), (8, 8), (3, 12, 4)])
def test_muon_steps_equal_their_formulas(shape: tuple[int, ...]) -> None:
    matrix = torch.nn.Parameter(randn(*shape))
    optimizer = Muon([("matrix", matrix)], momentum=0.8)
    wanted, average = matrix.detach().double().numpy().copy(), np.zeros(shape)
    for step in range(6):
        gradient = randn(*shape, seed=step + 1) * (step + 1)  # of unlike sizes, so that momentum weighs them
        matrix.grad = gradient.clone()
        optimizer.step(0.05, 0.0, gradient_scale=0.5)
        direction, average = references.muon(average, 0.5 * gradient.double().numpy(), momentum=0.8)
        wanted -= 0.05 * direction
        np.testing.assert_allclose(matrix.detach().numpy(), wanted, atol=2e-5)


def test_a_shortened_gradient_weighs_less_in_the_momentum() -> None:
    """Muon's step has one length whatever the gradient's; what clipping changes is what later steps remember."""
    ends = []
    for scale in (1.0, 0.01):
        matrix = torch.nn.Parameter(torch.zeros(8, 4))
        optimizer = Muon([("matrix", matrix)], momentum=0.9)
        for gradient, shortened in ((randn(8, 4, seed=1), scale), (randn(8, 4, seed=2), 1.0)):
            matrix.grad = gradient.clone()
            optimizer.step(0.1, 0.0, gradient_scale=shortened)
        ends.append(matrix.detach().clone())
    assert (ends[0] - ends[1]).abs().max() > 0.01


def test_stacked_matrices_are_stepped_each_on_its_own() -> None:
    stacked = torch.nn.Parameter(randn(3, 12, 4))
    single = [torch.nn.Parameter(stacked.detach()[i].clone()) for i in range(3)]
    gradient = randn(3, 12, 4, seed=1)
    stacked.grad = gradient.clone()
    Muon([("stacked", stacked)], 0.9).step(0.1, 0.0)
    for i, matrix in enumerate(single):
        matrix.grad = gradient[i].clone()
        Muon([("matrix", matrix)], 0.9).step(0.1, 0.0)
        torch.testing.assert_close(stacked[i], matrix, rtol=1e-4, atol=1e-5)


def test_vectors_are_stepped_by_adam() -> None:
    mine, other = (torch.nn.Parameter(randn(7)) for _ in range(2))
    optimizer, adam = Muon([("vector", mine)], 0.9), torch.optim.Adam([other], lr=0.01)
    for step in range(5):
        mine.grad, other.grad = (randn(7, seed=step + 1) for _ in range(2))
        optimizer.step(0.0, 0.01)
        adam.step()
        torch.testing.assert_close(mine, other)


def test_momentum_forgets_as_declared() -> None:
    """Without momentum a step depends on its own gradient alone."""
    once, twice = (torch.nn.Parameter(torch.zeros(6, 3)) for _ in range(2))
    for matrix, gradients in ((once, [2]), (twice, [1, 2])):
        optimizer = Muon([("matrix", matrix)], momentum=0.0)
        for seed in gradients:
            matrix.data.zero_()
            matrix.grad = randn(6, 3, seed=seed)
            optimizer.step(0.1, 0.0)
    torch.testing.assert_close(once, twice)


def step_once(
    matrices: Literal["muon", "adam"], workers: Any, gradient: torch.Tensor, weight_decay: float
) -> torch.Tensor:
    """Return a matrix of fours and twos after one step of 0.1."""
    matrix = torch.nn.Parameter(4.0 - 2 * torch.eye(6, 3))
    train = TrainSettings(optimizer=matrices, momentum=0.9, weight_decay=weight_decay)
    optimizer = make_optimizer(train, [("matrix", matrix)], workers)
    cast(torch.Tensor, matrix.grad).copy_(gradient)
    optimizer.step(0.1, 0.1)
    return matrix.detach()


@pytest.mark.parametrize("matrices", ["muon", "adam"])
@pytest.mark.parametrize("by", ["kernels", "torch"])
def test_weights_decay_beside_the_step(matrices: Literal["muon", "adam"], by: str) -> None:
    workers = kernel_workers(1) if by == "kernels" and matrices == "muon" else None
    start = 4.0 - 2 * torch.eye(6, 3)
    torch.testing.assert_close(step_once(matrices, workers, torch.zeros(6, 3), 0.5), 0.95 * start)
    gradient = randn(6, 3)
    moved = step_once(matrices, workers, gradient, 0.0) - start
    torch.testing.assert_close(step_once(matrices, workers, gradient, 0.5), 0.95 * start + moved)


def test_vectors_do_not_decay() -> None:
    vector = torch.nn.Parameter(torch.ones(3))
    Muon([("vector", vector)], 0.9, weight_decay=1.0).step(0.1, 0.1)
    assert torch.equal(vector.detach(), torch.ones(3))


def test_matrices_by_adam_are_those_of_torch() -> None:
    mine, other = (torch.nn.Parameter(randn(7, 5)) for _ in range(2))
    optimizer = Adam([("matrix", mine)], weight_decay=0.3)
    adam = torch.optim.AdamW([other], lr=0.01, weight_decay=0.3)
    for step in range(5):
        mine.grad, other.grad = (randn(7, 5, seed=step + 1) for _ in range(2))
        optimizer.step(0.0, 0.01)
        adam.step()
        torch.testing.assert_close(mine, other)


def test_the_setting_offers_every_optimizer_there_is() -> None:
    (setting,) = (field for field in dataclasses.fields(TrainSettings) if field.name == "optimizer")
    assert set(setting.metadata["names"]) == OPTIMIZERS.keys()

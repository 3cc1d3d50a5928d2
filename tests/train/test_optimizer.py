"""The optimizer against NumPy and torch."""

import math

import numpy as np
import pytest
import torch

from puffer_train.optimizer import Optimizer, orthogonalize


def randn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(4, 32), (32, 4), (32, 118), (96, 32), (3, 96, 32)])
def test_singular_vectors_stay_and_values_come_near_one(shape: tuple[int, ...]) -> None:
    matrices = randn(*shape) * 1e-3
    u, _, v = torch.linalg.svd(matrices.double(), full_matrices=False)
    values = (u.mT @ orthogonalize(matrices).double() @ v.mT).diagonal(dim1=-2, dim2=-1)
    assert values.min() > 0.4, "no direction is lost"
    assert values.max() < 1.3
    rest = orthogonalize(matrices).double() - u @ torch.diag_embed(values) @ v
    assert rest.abs().max() < 1e-4, "no direction is added"


def test_zero_gradient_moves_nothing() -> None:
    assert torch.equal(orthogonalize(torch.zeros(4, 8)), torch.zeros(4, 8))


def newton_schulz(matrix: np.ndarray) -> np.ndarray:
    x = matrix / np.linalg.norm(matrix)
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.775 * a + 2.0315 * a @ a) @ x
    return x


def test_muon_step_equals_its_formulas() -> None:
    matrix = torch.nn.Parameter(randn(12, 4))
    optimizer = Optimizer([("matrix", matrix)], momentum=0.8)
    wanted, average = matrix.detach().double().numpy().copy(), np.zeros((12, 4))
    for step in range(4):
        gradient = randn(12, 4, seed=step + 1)
        matrix.grad = gradient.clone()
        optimizer.step(0.05, 0.0, gradient_scale=0.5)
        g = 0.5 * gradient.double().numpy()
        average = 0.8 * average + 0.2 * g
        nesterov = 0.8 * average + 0.2 * g
        wanted -= 0.05 * math.sqrt(12 / 4) * newton_schulz(nesterov.T).T
        np.testing.assert_allclose(matrix.detach().numpy(), wanted, atol=1e-4)


def test_stacked_matrices_are_stepped_each_on_its_own() -> None:
    stacked = torch.nn.Parameter(randn(3, 12, 4))
    single = [torch.nn.Parameter(stacked.detach()[i].clone()) for i in range(3)]
    gradient = randn(3, 12, 4, seed=1)
    stacked.grad = gradient.clone()
    Optimizer([("stacked", stacked)], 0.9).step(0.1, 0.0)
    for i, matrix in enumerate(single):
        matrix.grad = gradient[i].clone()
        Optimizer([("matrix", matrix)], 0.9).step(0.1, 0.0)
        torch.testing.assert_close(stacked[i], matrix, rtol=1e-4, atol=1e-5)


def test_vectors_are_stepped_by_adam() -> None:
    mine, other = (torch.nn.Parameter(randn(7)) for _ in range(2))
    optimizer, adam = Optimizer([("vector", mine)], 0.9), torch.optim.Adam([other], lr=0.01)
    for step in range(5):
        mine.grad, other.grad = (randn(7, seed=step + 1) for _ in range(2))
        optimizer.step(0.0, 0.01)
        adam.step()
        torch.testing.assert_close(mine, other)

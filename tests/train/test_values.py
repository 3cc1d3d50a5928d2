"""What the rows of the value mean: encoding, decoding, losses and their gradients."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from puffer_train.policy.values import BINS, LIMIT, DistributionValue, ScalarValue, symexp, symlog, two_hot


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


RETURNS = torch.tensor([0.0, 1e-9, 0.3, -0.3, 1.0, -7.25, 50.0, -999.0, 2979.0], dtype=torch.float64)


def test_symlog_and_back() -> None:
    wanted = [math.copysign(math.log(1 + abs(x)), x) for x in RETURNS.tolist()]
    torch.testing.assert_close(symlog(RETURNS), torch.tensor(wanted, dtype=torch.float64))
    torch.testing.assert_close(symexp(symlog(RETURNS)), RETURNS, rtol=1e-12, atol=1e-15)


def test_two_hot_is_two_neighbours_whose_mean_is_the_return() -> None:
    weights = two_hot(RETURNS)
    assert weights.shape == (BINS, len(RETURNS))
    torch.testing.assert_close(weights.sum(0), torch.ones(len(RETURNS), dtype=torch.float64))
    assert weights.min() >= 0
    for column in weights.T:
        bins = column.nonzero().flatten()
        assert len(bins) in (1, 2) and bins[-1] - bins[0] == len(bins) - 1
    assert weights[:, 0].tolist() == [float(k == BINS // 2) for k in range(BINS)], "0 has a bin of its own"
    bins = torch.tensor([-LIMIT + k * 2 * LIMIT / (BINS - 1) for k in range(BINS)], dtype=torch.float64)
    torch.testing.assert_close(bins @ weights, symlog(RETURNS), rtol=1e-12, atol=1e-12)


def test_returns_survive_encoding_and_decoding() -> None:
    rows = two_hot(RETURNS).clamp(min=1e-300).log()
    torch.testing.assert_close(DistributionValue().decode(rows), RETURNS, rtol=1e-10, atol=1e-10)
    several = two_hot(RETURNS.view(3, 3))
    torch.testing.assert_close(several, two_hot(RETURNS).view(BINS, 3, 3))


def test_returns_beyond_the_range_are_cut() -> None:
    weights = two_hot(torch.tensor([1e9, -1e9]))
    assert weights[-1, 0] == 1 and weights[0, 1] == 1 and weights.sum() == 2


def test_equal_bins_are_a_value_of_zero() -> None:
    assert DistributionValue().decode(torch.zeros(BINS, 4)).abs().max() < 1e-5


def test_distribution_loss_is_cross_entropy() -> None:
    rows, returns = randn(BINS, 4, 3).requires_grad_(), 20 * randn(4, 3, seed=1)
    loss = DistributionValue().loss(rows, returns, torch.zeros(4, 3), 0.1)
    wanted = torch.nn.functional.cross_entropy(rows.flatten(1).T, two_hot(returns).flatten(1).T, reduction="none").view(
        4, 3
    )
    torch.testing.assert_close(loss, wanted)
    loss.sum().backward()
    torch.testing.assert_close(rows.grad, (torch.softmax(rows, 0) - two_hot(returns)).detach())


def test_distribution_learns_the_mean_on_its_scale() -> None:
    """Of returns that are 0 or 9 with equal chance: symexp of half of symlog 9, the documented bias."""
    rows = torch.zeros(BINS, 2, requires_grad=True)
    returns = torch.tensor([0.0, 9.0])
    for _ in range(2000):
        loss = DistributionValue().loss(rows[:, :1].expand(-1, 2), returns, torch.zeros(2), 0.0).mean()
        (gradient,) = torch.autograd.grad(loss, rows)
        with torch.no_grad():
            rows -= 2 * gradient
    assert DistributionValue().decode(rows)[0].item() == pytest.approx(math.exp(math.log(10) / 2) - 1, rel=0.02)


@pytest.mark.parametrize("value_clip", [0.0, 0.5])
def test_scalar_loss_is_the_larger_of_two_squared_errors(value_clip: float) -> None:
    values, returns, old = randn(1, 4, 3), randn(4, 3, seed=1), randn(4, 3, seed=2)
    loss = ScalarValue().loss(values, returns, old, value_clip)
    assert torch.equal(ScalarValue().decode(values), values[0])
    for index in [(t, b) for t in range(4) for b in range(3)]:
        value, wanted, before = values[0][index].item(), returns[index].item(), old[index].item()
        errors = [(value - wanted) ** 2]
        if value_clip:
            errors.append((min(max(value, before - value_clip), before + value_clip) - wanted) ** 2)
        assert loss[index].item() == pytest.approx(0.5 * max(errors))

"""How many numbers there are, their mean, and the sum of their squared distances from it: what normalising takes."""

from __future__ import annotations

import torch
from torch import Tensor


def moments(numbers: Tensor) -> Tensor:
    """Return (3,) float64: count, mean and sum of squared distances; zeros where there are no numbers."""
    if numbers.numel() == 0:
        return torch.zeros(3, dtype=torch.float64)
    exact = numbers.double()
    mean = exact.mean()
    return torch.stack([torch.tensor(float(numbers.numel()), dtype=torch.float64), mean, (exact - mean).square().sum()])


def pooled(parts: Tensor) -> Tensor:
    """Return the moments (..., 3) of several sets of numbers together, given those of each set: (R, ..., 3).

    Chan, Golub & LeVeque 1979, for any number of sets at once.
    """
    counts, means, squares = parts.unbind(-1)
    total = counts.sum(0)
    mean = (counts * means).sum(0) / total.clamp_min(1.0)
    return torch.stack([total, mean, (squares + counts * (means - mean).square()).sum(0)], dim=-1)

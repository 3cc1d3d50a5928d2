"""How many numbers there are, their mean, and the sum of their squared distances from it: what normalising takes."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def moments(numbers: Tensor) -> Tensor:
    """Return (3,) float64: count, mean and sum of squared distances; zeros where there are no numbers."""
    if numbers.numel() == 0:
        return torch.zeros(3, dtype=torch.float64)
    exact = numbers.double()
    mean = exact.mean()
    return torch.stack([torch.tensor(float(numbers.numel()), dtype=torch.float64), mean, (exact - mean).square().sum()])


def column_moments(numbers: Tensor) -> Tensor:
    """Return the moments of each column of numbers (N, n): (n, 3) float64; zeros where there are no rows.

    NumPy adds up row after row, where torch's order depends on its number of threads.
    """
    exact = numbers.numpy().astype(np.float64)
    found = np.zeros((exact.shape[1], 3))
    if len(exact):
        mean = exact.mean(0)
        found[:, 0], found[:, 1], found[:, 2] = len(exact), mean, np.square(exact - mean).sum(0)
    return torch.from_numpy(found)


def pooled(parts: Tensor) -> Tensor:
    """Return the moments (..., 3) of several sets of numbers together, given those of each set: (R, ..., 3).

    Chan, Golub & LeVeque 1979, for any number of sets at once.
    """
    counts, means, squares = parts.unbind(-1)
    total = counts.sum(0)
    mean = (counts * means).sum(0) / total.clamp_min(1.0)
    return torch.stack([total, mean, (squares + counts * (means - mean).square()).sum(0)], dim=-1)

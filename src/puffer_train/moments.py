"""How many numbers there are, their mean, and the sum of their squared distances from it: what normalising takes.

Sums add one row after the other, as `c/learn/moments.h` does: the order that torch and NumPy choose depends on threads,
processor and version.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def _total(rows: NDArray[np.float64]) -> Any:
    """Return the sum of rows (N, ...), N at least 1, in order.

    NumPy adds up rows of several numbers like that; single ones it would pair, but not where it accumulates.
    """
    return rows.sum(0) if rows[0].size > 1 else np.add.accumulate(rows, 0)[-1]


def moments(numbers: Tensor) -> Tensor:
    """Return (3,) float64: count, mean and sum of squared distances; zeros where there are no numbers."""
    return column_moments(numbers.detach().cpu().reshape(-1, 1))[0]


def column_moments(numbers: Tensor) -> Tensor:
    """Return the moments of each column of numbers (N, n): (n, 3) float64; zeros where there are no rows."""
    exact = numbers.numpy().astype(np.float64)
    found = np.zeros((exact.shape[1], 3))
    if len(exact):
        mean = _total(exact) / len(exact)
        found[:, 0], found[:, 1], found[:, 2] = len(exact), mean, _total(np.square(exact - mean))
    return torch.from_numpy(found)


def pooled(parts: Tensor) -> Tensor:
    """Return the moments (..., 3) of several sets of numbers together, given those of each set: (R, ..., 3).

    Chan, Golub & LeVeque 1979, for any number of sets at once.
    """
    counts, means, squares = np.moveaxis(parts.numpy(), -1, 0)
    total = _total(counts)
    mean = _total(counts * means) / np.maximum(total, 1.0)
    return torch.from_numpy(np.stack([total, mean, _total(squares + counts * np.square(means - mean))], axis=-1))

"""The matrices of a C file, perhaps rounded to int16 or int8, and products with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_envs.contract.tensor_file import Floats

PANEL = 4
"""Outputs that are computed side by side: the rows of a matrix are padded to a multiple."""

LARGEST = {"float32": 0, "int16": 32767, "int8": 127}
"""What weights may be stored as, and the largest whole number of it."""


@dataclass(frozen=True)
class Matrix:
    """A matrix (R, C) as it is stored."""

    numbers: NDArray[Any]
    """(R, C) float32, or the nearest whole numbers."""
    scales: Floats | None
    """(R,): what the sums of each row are multiplied with; None if nothing was rounded."""

    @classmethod
    def of(cls, weight: Floats, kind: str) -> Matrix:
        """Store weight (R, C) as one of `LARGEST`: the largest number of each row becomes the largest there is."""
        if not LARGEST[kind]:
            return cls(weight, None)
        most = np.abs(weight).max(axis=1, initial=0)  # there are no columns where an observation is all codes
        scales = np.where(most > 0, most / np.float32(LARGEST[kind]), 1).astype(np.float32)
        return cls(np.rint(weight / scales[:, None]).astype(kind), scales)

    @property
    def values(self) -> Floats:
        """(R, C): what the numbers stand for."""
        numbers = self.numbers.astype(np.float32)
        return numbers if self.scales is None else numbers * self.scales[:, None]

    @property
    def panels(self) -> NDArray[Any]:
        """The numbers in the order of the C file: panels of rows, column by column; rows of zeros fill the last one."""
        rows, columns = self.numbers.shape
        padded = np.zeros((-(-rows // PANEL) * PANEL, columns), self.numbers.dtype)
        padded[:rows] = self.numbers
        return padded.reshape(len(padded) // PANEL, PANEL, columns).transpose(0, 2, 1).ravel()

    @property
    def padded_scales(self) -> Floats:
        """The scales, and zeros for the rows of zeros."""
        assert self.scales is not None
        return np.pad(self.scales, (0, -len(self.scales) % PANEL))

    @property
    def num_bytes(self) -> int:
        """What it takes in the C file."""
        panels = self.panels
        return panels.nbytes + (0 if self.scales is None else self.padded_scales.nbytes)


def fused(a: Any, b: Any, c: Any) -> Floats:
    """a b + c, rounded once, of float32.

    The product is exact in float64. The sum is rounded to odd, so that rounding it again, to float32, gives the same as
    rounding the exact one (Boldo & Melquiond 2008, "Emulation of a FMA and correctly rounded sums").
    """
    product, addend = np.multiply(a, b, dtype=np.float64), np.asarray(c, np.float64)
    total = np.asarray(product + addend)
    part = total - product
    missing = (product - (total - part)) + (addend - part)
    bits = total.view(np.int64)
    even = (missing != 0) & (bits & 1 == 0) & np.isfinite(total)
    odd = bits + np.where((missing > 0) == (total > 0), 1, -1)
    return np.asarray(np.where(even, odd, bits).view(np.float64).astype(np.float32))


def multiply(x: Floats, matrix: Matrix, start: Floats | None = None) -> Floats:
    """x (A, C) times a matrix (R, C), added to `start`: (A, R), chains of fused multiply-adds in the order of x."""
    sums = np.zeros((len(x), len(matrix.numbers)), np.float32) if start is None else start
    for k, column in enumerate(matrix.numbers.astype(np.float32).T):
        sums = fused(x[:, k, None], column, sums)
    return sums if matrix.scales is None else fused(sums, matrix.scales, np.float32(0))

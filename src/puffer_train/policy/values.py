"""How the last rows of the output stand for a value, and what the loss of a value is.

`scalar`: one row, the value itself, with a squared error.

`distribution`: one row per bin, the logits of a distribution over returns on a symmetric-log scale,

    symlog(x) = sign(x) ln(1 + |x|),   symexp(y) = sign(y) (exp(|y|) - 1)         (Hafner et al. 2023)

A return is encoded by the two bins around it, weighted so that their mean is the return ("two-hot"), and
learned by cross-entropy. The gradient is bounded for returns of any size, so nothing is clipped. The
value is symexp of the mean bin. If returns are uncertain this is closer to 0 than their mean: the
price of a scale on which a rare large return cannot dominate the others.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor

BINS = 63
"""An odd number has a bin at 0."""

LIMIT = 8.0
"""The outermost bins, on the symmetric-log scale: returns of +-2,980, to which larger ones are cut."""


class ValueHead(Protocol):
    """A representation of values."""

    outputs: int
    """V, rows of the output."""
    first_scale: float
    """Factor of the first weights of those rows."""

    def identity(self) -> dict[str, Any]:
        """Return what else the meaning of the rows depends on, as JSON values."""
        ...

    def decode(self, rows: Tensor) -> Tensor:
        """Return the values (...) of rows (V, ...)."""
        ...

    def loss(self, rows: Tensor, returns: Tensor, old_values: Tensor, value_clip: float) -> Tensor:
        """Return the loss (...) of rows (V, ...) where returns (...) came and old_values (...) had been expected.

        value_clip: how far a value may leave its old estimate before its loss goes flat; 0 is no limit.
        """
        ...


class ScalarValue:
    """The value itself."""

    outputs = 1
    first_scale = 1.0

    def identity(self) -> dict[str, Any]:
        """Return nothing: one row depends on nothing else."""
        return {}

    def decode(self, rows: Tensor) -> Tensor:
        """Return the only row."""
        return rows[0]

    def loss(self, rows: Tensor, returns: Tensor, old_values: Tensor, value_clip: float) -> Tensor:
        """Half the larger of the squared errors of the value and of its clipped version (Schulman et al. 2017)."""
        value = rows[0]
        error = (value - returns).square()
        if value_clip > 0:
            shift = (value - old_values).clamp(-value_clip, value_clip)
            error = torch.maximum(error, (old_values + shift - returns).square())
        return 0.5 * error


class DistributionValue:
    """A distribution over bins that lie evenly on the symmetric-log scale."""

    outputs = BINS
    first_scale = 0.0
    """All bins start equally likely: a value of 0."""

    def identity(self) -> dict[str, Any]:
        """Return how many bins there are, and where the last one is."""
        return {"value_bins": BINS, "value_limit": LIMIT}

    def decode(self, rows: Tensor) -> Tensor:
        """Return symexp of the mean bin."""
        bins = torch.linspace(-LIMIT, LIMIT, BINS, dtype=rows.dtype, device=rows.device)
        return symexp(torch.tensordot(bins, torch.softmax(rows, 0), 1))

    def loss(self, rows: Tensor, returns: Tensor, old_values: Tensor, value_clip: float) -> Tensor:
        """Cross-entropy to the two-hot returns; nothing is clipped."""
        return -(two_hot(returns) * torch.log_softmax(rows, 0)).sum(0)


VALUE_HEADS: dict[str, ValueHead] = {"scalar": ScalarValue(), "distribution": DistributionValue()}


def symlog(x: Tensor) -> Tensor:
    """Return sign(x) ln(1 + |x|): about x near 0, about the logarithm far from it."""
    return x.sign() * x.abs().log1p()


def symexp(y: Tensor) -> Tensor:
    """Return the x of which `symlog` is y."""
    return y.sign() * y.abs().expm1()


def two_hot(returns: Tensor) -> Tensor:
    """Return the weights (BINS, ...) of the bins around returns (...): two neighbours, or a single one, sum to 1."""
    place = (symlog(returns).clamp(-LIMIT, LIMIT) + LIMIT) * ((BINS - 1) / (2 * LIMIT))
    bins = torch.arange(BINS, dtype=returns.dtype, device=returns.device)
    return (1 - (place - bins.view(-1, *[1] * returns.ndim)).abs()).clamp_(min=0)

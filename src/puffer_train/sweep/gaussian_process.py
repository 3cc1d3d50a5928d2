"""Gaussian process regression, small and with NumPy alone: Rasmussen and Williams (2006), chapters 2 and 5.

The kernel is Matern 5/2 with a length scale for each dimension; optionally a linear one is added, for quantities that
keep rising beyond what was seen. The prior of the length scales grows with the dimensions (Hvarfner et al. 2024).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FIT_ROWS = 256
"""Observations that hyperparameters are fitted to, spread over all: more change them little and cost the cube."""
FIT_STEPS = 60
"""Steps of the fit."""
LENGTH_PRIOR = (math.sqrt(2) + math.log(2), math.sqrt(3))
"""Mean (plus half the log of the dimensions) and deviation of the log of a length scale, for places from -1 to 1."""
NOISE_PRIOR = (-4.0, 1.5)
"""Of the log of the noise's variance, for values of variance 1."""
LONGEST_STEP = 3.0
"""Of the fit, in logs: a wilder guess of the curvature is cut."""
JITTER = 1e-7
"""Added to the diagonal."""


class GaussianProcess:
    """A posterior over functions of places (n, d) in [-1, 1]."""

    def __init__(self, dimensions: int, linear: bool = False) -> None:
        """Start from the prior. linear: whether a linear kernel is added."""
        length = LENGTH_PRIOR[0] + 0.5 * math.log(dimensions)
        # logs of the length scales and of three variances: the Matern part's, the noise's, the linear part's
        self._means = np.array([length] * dimensions + [0.0, NOISE_PRIOR[0], 0.0])
        self._deviations = np.array([LENGTH_PRIOR[1]] * dimensions + [1.0, NOISE_PRIOR[1], 1.0])
        self._linear, self._theta = float(linear), self._means
        self._shift, self._scale = 0.0, 1.0

    def fit(self, x: Floats, y: Floats, counts: Floats | None = None) -> None:
        """Find the most likely hyperparameters, from shorter lengths than expected on: a function of the data alone.

        Args:
            x: (n, d) places.
            y: (n,) values.
            counts: (n,) how many observations each value is the mean of; None is one.
        """
        chosen = np.unique(np.linspace(0, len(x) - 1, min(len(x), FIT_ROWS)).round().astype(int))
        self._set_scale(y)
        x, y = x[chosen], (y[chosen] - self._shift) / self._scale
        noise = 1 / (np.ones(len(y)) if counts is None else counts[chosen])
        squares = np.square(x.T[:, :, None] - x.T[:, None, :])
        products = self._linear * (1 + x @ x.T)
        start = self._means - np.array([LENGTH_PRIOR[0]] * (len(self._means) - 3) + [0.0, 0.0, 0.0])
        self._theta = minimize(lambda theta: self._loss(theta, squares, products, y, noise), start)

    def condition(self, x: Floats, y: Floats, counts: Floats | None = None) -> None:
        """Take observations in, with the hyperparameters as they are. Arguments as for `fit`."""
        self._set_scale(y)
        self._x, self._values = x, y
        noise = math.exp(self._theta[-2]) / (np.ones(len(y)) if counts is None else counts) + JITTER
        self._inverse = np.linalg.inv(self._kernel(x, x) + np.diag(noise))
        self._weights = self._inverse @ ((y - self._shift) / self._scale)

    def predict(self, x: Floats) -> tuple[Floats, Floats]:
        """Return mean and standard deviation of the function (without noise) at places (n, d)."""
        cross = self._kernel(x, self._x)
        prior = math.exp(self._theta[-3]) + self._linear * math.exp(self._theta[-1]) * (1 + np.square(x).sum(1))
        variance = np.maximum(prior - ((cross @ self._inverse) * cross).sum(1), 1e-12)
        return self._shift + self._scale * (cross @ self._weights), self._scale * np.sqrt(variance)

    def mean(self, x: Floats) -> Floats:
        """Return the mean alone at places (n, d): it takes a small part of the time."""
        return np.asarray(self._shift + self._scale * (self._kernel(x, self._x) @ self._weights))

    def left_out(self) -> Floats:
        """Return what each of the (n,) observations is expected to be from the others: their equation 5.12."""
        away = self._weights / self._inverse.diagonal()
        return np.asarray(self._values - self._scale * away)

    @property
    def noise(self) -> float:
        """Standard deviation of single observations around the function."""
        return self._scale * math.exp(self._theta[-2] / 2)

    def _set_scale(self, y: Floats) -> None:
        self._shift, spread = float(y.mean()), float(y.std())
        self._scale = spread if spread > 1e-12 else 1.0

    def _kernel(self, a: Floats, b: Floats) -> Floats:
        lengths = np.exp(self._theta[:-3])
        squares = np.square(a / lengths).sum(1)[:, None] + np.square(b / lengths).sum(1) - 2 * (a / lengths**2) @ b.T
        kernel = math.exp(self._theta[-3]) * _matern(5 * np.maximum(squares, 0.0))[0]
        linear = self._linear * math.exp(self._theta[-1]) * (1 + a @ b.T) if self._linear else 0.0
        return np.asarray(kernel + linear)

    def _loss(self, theta: Floats, squares: Floats, products: Floats, y: Floats, noise: Floats) -> tuple[float, Floats]:
        """Return minus the log of likelihood times prior, without constants, and its gradient (their equation 5.9)."""
        inverse_squares = np.exp(-2 * theta[:-3])
        matern, slope = _matern(5 * np.tensordot(inverse_squares, squares, 1))
        signal, noise, linear = (
            math.exp(theta[-3]) * matern,
            math.exp(theta[-2]) * noise,
            math.exp(theta[-1]) * products,
        )
        covariance = signal + linear + np.diag(noise + JITTER)
        try:
            factor = np.linalg.cholesky(covariance)
        except np.linalg.LinAlgError:
            return math.inf, np.zeros(len(theta))
        inverse = np.linalg.inv(covariance)
        weights = inverse @ y
        away = (theta - self._means) / self._deviations
        loss = 0.5 * float(y @ weights) + float(np.log(factor.diagonal()).sum()) + 0.5 * float(away @ away)
        outer = 0.5 * (inverse - np.outer(weights, weights))
        by_length = np.tensordot(squares, outer * slope, 2) * (-10 * math.exp(theta[-3]) * inverse_squares)
        others = [(outer * signal).sum(), (outer.diagonal() * noise).sum(), (outer * linear).sum()]
        return loss, np.concatenate([by_length, others]) + away / self._deviations


def _matern(squares: Floats) -> tuple[Floats, Floats]:
    """Return the Matern 5/2 kernel at 5 times a squared distance, and its derivative by that."""
    r = np.sqrt(squares)
    decay = np.exp(-r)
    return (1 + r + squares / 3) * decay, -(1 + r) * decay / 6


def minimize(function: Callable[[Floats], tuple[float, Floats]], start: Floats) -> Floats:
    """Return where a smooth function is least nearby: BFGS (Nocedal and Wright 2006, 6.1), halving steps that fail."""
    x, (value, gradient) = start, function(start)
    inverse = np.eye(len(x)) / max(1.0, float(np.linalg.norm(gradient)))
    for _ in range(FIT_STEPS):
        step = -inverse @ gradient
        step *= min(1.0, LONGEST_STEP / max(1e-12, float(np.linalg.norm(step))))
        slope = float(step @ gradient)
        if slope > -1e-6:
            break
        for _ in range(12):
            found, there = function(x + step)
            if found <= value + 1e-4 * slope:
                break
            step, slope = step / 2, slope / 2
        else:
            break
        change = there - gradient
        x, value, gradient = x + step, found, there
        curvature = float(change @ step)
        if curvature > 1e-10:
            moved = np.eye(len(x)) - np.outer(step, change) / curvature
            inverse = moved @ inverse @ moved.T + np.outer(step, step) / curvature
    return x

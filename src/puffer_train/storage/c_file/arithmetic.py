"""What a C file computes, in NumPy, with the same roundings: for its self-test, on any processor.

It is the arithmetic of the trainer's kernels (c/learn) where they have fused multiply-adds: with AVX2, AVX-512 and on
aarch64. tests/train/test_c_file.py compares them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_envs.contract.policy_info import INPUT_LIMIT
from puffer_envs.contract.tensor_file import Floats
from puffer_train.storage.c_file.codes import read_amounts
from puffer_train.storage.c_file.matrix import Matrix, fused, multiply
from puffer_train.storage.c_file.weights import Weights

FORBIDDEN = np.float32(-1e9)
"""The logit of a choice that a mask forbids."""


def exponential(x: Floats) -> Floats:
    """e^x, as c/learn/simd.h computes it."""
    x = np.clip(x, np.float32(-87), np.float32(88))
    shifted = fused(x, np.float32(1.44269504), np.float32(12582912))
    n = shifted - np.float32(12582912)
    r = fused(n, np.float32(2.12194440e-4), fused(n, np.float32(-0.693359375), x))
    e = fused(r, np.float32(1 / 5040), np.float32(1 / 720))
    for term in (1 / 120, 1 / 24, 1 / 6, 0.5, 1, 1):
        e = fused(e, r, np.float32(term))
    return np.asarray(e * ((shifted.view(np.int32) << 23) + 0x3F800000).view(np.float32))


def sigmoid(x: Floats) -> Floats:
    """1 / (1 + e^-x)."""
    return np.asarray(np.float32(1) / (np.float32(1) + exponential(-x)))


def hyperbolic_tangent(x: Floats) -> Floats:
    """The hyperbolic tangent of x."""
    return np.asarray(np.float32(2) / (np.float32(1) + exponential(np.float32(-2) * x)) - np.float32(1))


class Arithmetic:
    """The network of a C file, for some rows A at a time."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights

    def initial_state(self, rows: int) -> Floats:
        """Return zeros (L, A, S)."""
        return np.zeros((self.weights.info.layers, rows, self.weights.unit_state), np.float32)

    def step(self, observations: NDArray[Any], state: Floats) -> Floats:
        """Return the outputs (A, K) for observations (A, *shape); state (L, A, S) is updated in place."""
        x = self._encode(observations)
        cell = {"mingru": self._mingru, "lstm": self._lstm}[self.weights.info.cell]
        for matrix, memory in zip(self.weights.cores, state, strict=True):
            x = cell(x, memory, matrix)
        return multiply(x, self.weights.head)

    def _encode(self, observations: NDArray[Any]) -> Floats:
        weights, table = self.weights, self.weights.table
        features = [front.features(observations) for front in weights.fronts]
        if table is None:
            numbers = observations.reshape(len(observations), -1).astype(np.float32)
            return multiply(np.hstack(features or [self._scaled(numbers)]), weights.encoder)
        rounded = weights.encoder.scales is not None
        sums = np.tile(table.base * np.float32(not rounded), (len(observations), 1))
        for picked in table.picks(weights.info, observations).T:
            sums = sums + table.rows[picked].astype(np.float32)
        amounts = self._scaled(read_amounts(weights.info, observations))
        x = multiply(np.hstack([amounts, *features]), weights.encoder, sums)
        return x + table.base if rounded else x

    def _scaled(self, x: Floats) -> Floats:
        if self.weights.mean is None or self.weights.scale is None:
            return x
        limit = np.float32(INPUT_LIMIT)
        return np.asarray(np.clip((x - self.weights.mean) * self.weights.scale, -limit, limit) + np.float32(0) * x)

    def _mingru(self, x: Floats, memory: Floats, matrix: Matrix) -> Floats:
        hidden, gate, highway = np.split(multiply(x, matrix), 3, axis=1)
        candidate = np.where(hidden < 0, sigmoid(hidden), hidden + np.float32(0.5))
        memory[:] = fused(sigmoid(gate), candidate - memory, memory)
        return fused(sigmoid(highway), memory - x, x)

    def _lstm(self, x: Floats, memory: Floats, matrix: Matrix) -> Floats:
        h, c = np.split(memory, 2, axis=1)
        i, f, g, o = np.split(multiply(np.concatenate([x, h], axis=1), matrix), 4, axis=1)
        c[:] = fused(sigmoid(i), hyperbolic_tangent(g), sigmoid(f + np.float32(1)) * c)
        h[:] = sigmoid(o) * hyperbolic_tangent(c)
        return h.copy()


def likeliest(weights: Weights, outputs: Floats, masks: NDArray[Any] | None = None) -> NDArray[Any]:
    """Return the likeliest actions (A, k) of outputs (A, K): int32, or float32 and cut to the bounds."""
    info = weights.info
    if info.action_kind == "box":
        return np.asarray(np.clip(outputs + info.action_centre, info.action_low, info.action_high), np.float32)
    parts = _parts(weights, outputs, masks)
    return np.stack([part.argmax(axis=1) for part in parts], axis=1).astype(np.int32)


def drawn(weights: Weights, outputs: Floats, masks: NDArray[Any] | None, uniform: Floats) -> NDArray[np.int32]:
    """Draw discrete actions (A, k), given uniform random numbers (A, k): the running sum first exceeds them there."""
    chosen = []
    for part, u in zip(_parts(weights, outputs, masks), uniform.T, strict=True):
        powers = exponential(part - part.max(axis=1, keepdims=True))
        running = np.cumsum(powers, axis=1, dtype=np.float32)
        above = running > np.maximum(u * running[:, -1], np.float32(1e-30))[:, None]
        chosen.append(np.where(above.any(axis=1), above.argmax(axis=1), part.argmax(axis=1)))
    return np.stack(chosen, axis=1).astype(np.int32)


def _parts(weights: Weights, outputs: Floats, masks: NDArray[Any] | None) -> list[Floats]:
    """Return the logits of each number of an action."""
    allowed = outputs if masks is None else np.where(masks, outputs, FORBIDDEN)
    return np.split(allowed, np.cumsum(weights.info.action_sizes)[:-1], axis=1)

"""One time step of each kind of recurrent layer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from puffer_envs.contract.tensor_file import Floats


def mingru(x: Floats, state: Floats, weight: Floats) -> Floats:
    """Apply a MinGRU layer (Feng et al. 2024, arXiv:2410.01201) with a highway gate.

    Args:
        x: (A, H) float32.
        state: (A, H) float32, updated in place.
        weight: (3H, H) float32.

    Returns:
        (A, H) float32.
    """
    hidden, gate, highway = np.split(x @ weight.T, 3, axis=1)
    candidate = np.where(hidden >= 0, hidden + np.float32(0.5), _sigmoid(hidden))
    state += _sigmoid(gate) * (candidate - state)
    mix = _sigmoid(highway)
    return mix * state + (1 - mix) * x


def lstm(x: Floats, state: Floats, weight: Floats) -> Floats:
    """Apply an LSTM layer without biases, except for the 1 added to the forget gate.

    Args:
        x: (A, H) float32.
        state: h and c, (A, 2H) float32, updated in place.
        weight: (4H, 2H) float32.

    Returns:
        (A, H) float32.
    """
    h, c = np.split(state, 2, axis=1)
    i, f, g, o = np.split(np.concatenate([x, h], axis=1) @ weight.T, 4, axis=1)
    c[:] = _sigmoid(f + 1) * c + _sigmoid(i) * np.tanh(g)
    h[:] = _sigmoid(o) * np.tanh(c)
    return h.copy()


CELLS: dict[str, Callable[[Floats, Floats, Floats], Floats]] = {"mingru": mingru, "lstm": lstm}
"""Layers by name: (x, state, weight) -> next x. The sizes are in `CELL_SHAPES`."""


def _sigmoid(x: Floats) -> Floats:
    """Return 1 / (1 + exp(-x)), in a form that cannot overflow."""
    half = np.float32(0.5)
    return np.asarray(half * (1 + np.tanh(half * x)))

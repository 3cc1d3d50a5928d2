"""One time step of each kind of recurrent layer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from puffer_envs.contract.tensor_file import Floats


def mingru(x: Floats, state: Floats, weight: Floats) -> Floats:
    """A MinGRU layer (Feng et al. 2024, arXiv:2410.01201) with a highway gate; state s (A, H) is updated in place."""
    hidden, gate, highway = np.split(x @ weight.T, 3, axis=1)
    candidate = np.where(hidden >= 0, hidden + np.float32(0.5), _sigmoid(hidden))
    state += _sigmoid(gate) * (candidate - state)
    mix = _sigmoid(highway)
    return mix * state + (1 - mix) * x


def lstm(x: Floats, state: Floats, weight: Floats) -> Floats:
    """An LSTM layer without biases, but for the 1 at the forget gate; state h and c (A, 2H) is updated in place."""
    h, c = np.split(state, 2, axis=1)
    i, f, g, o = np.split(np.concatenate([x, h], axis=1) @ weight.T, 4, axis=1)
    c[:] = _sigmoid(f + 1) * c + _sigmoid(i) * np.tanh(g)
    h[:] = _sigmoid(o) * np.tanh(c)
    return h.copy()


CELLS: dict[str, Callable[[Floats, Floats, Floats], Floats]] = {"mingru": mingru, "lstm": lstm}
"""From x (A, H), its state, which is updated, and its matrix to the next x (A, H); sizes are in `CELL_SHAPES`."""


def _sigmoid(x: Floats) -> Floats:
    """1 / (1 + exp(-x)), in the form that cannot overflow."""
    half = np.float32(0.5)
    return np.asarray(half * (1 + np.tanh(half * x)))

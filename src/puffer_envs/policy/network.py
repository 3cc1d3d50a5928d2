"""The network of a policy file, run with NumPy alone: encoder, recurrent layers, head."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from puffer_envs.contract.policy_info import CELL_SHAPES, PolicyInfo
from puffer_envs.contract.tensor_file import Floats
from puffer_envs.policy.cells import CELLS
from puffer_envs.policy.encoders import make_encoder


class Network(Protocol):
    """What a policy computes from observations and state: this package's, or one that another package offers."""

    def initial_state(self, rows: int) -> Floats:
        """Return the state at the start of an episode: zeros (L, rows, S)."""
        ...

    def step(self, observations: NDArray[Any], state: Floats) -> Floats:
        """Return logits or means in the environment's units, then the value: (A, K + V).

        observations (A, *shape); state (L, A, S) is updated in place. Raises ValueError for invalid observations.
        """
        ...


class NumpyNetwork:
    """See `Network`."""

    def __init__(self, info: PolicyInfo, tensors: dict[str, Floats]) -> None:
        self.info = info
        self._encoder = make_encoder(info, tensors)
        self._cell = CELLS[info.cell]
        self._cores = [tensors[f"core.{layer}.weight"] for layer in range(info.layers)]
        self._head = tensors["head.weight"]

    def initial_state(self, rows: int) -> Floats:
        """See `Network.initial_state`."""
        size = CELL_SHAPES[self.info.cell].state * self.info.hidden
        return np.zeros((self.info.layers, rows, size), np.float32)

    def step(self, observations: NDArray[Any], state: Floats) -> Floats:
        """See `Network.step`."""
        x = self._encoder(observations)
        for weight, layer_state in zip(self._cores, state, strict=True):
            x = self._cell(x, layer_state, weight)
        return np.asarray(x @ self._head.T)

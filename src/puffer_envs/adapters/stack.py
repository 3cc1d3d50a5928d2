"""The newest N observations as one."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from puffer_envs.adapters.spaces import Space
from puffer_envs.contract.planes import MIN_IMAGE_SIDE


class Stack:
    """Keeps the newest N values of one leaf, for every row; the oldest comes first.

    Gray pictures (h, w) become (N, h, w). Everything else is joined along its last axis: (k,) becomes (N * k,) and
    (h, w, c) becomes (h, w, N * c). A single choice becomes N choices.
    """

    space: Space
    """Of what `push` returns."""

    def __init__(self, space: Space, size: int, rows: int) -> None:
        """Create empty stacks.

        Args:
            space: of the leaf.
            size: N.
            rows: how many stacks.
        """
        shape = space.shape or ()
        self._in_front = len(shape) == 2 and space.dtype == np.uint8 and min(shape) >= MIN_IMAGE_SIDE
        self._size, self._shape = size, shape
        self._dtype = np.dtype(space.dtype)
        self._memory = np.zeros((rows, size, *shape), self._dtype)
        self._empty = np.ones(rows, np.bool_)
        self.space = self._stacked_space(space)

    def _stacked_space(self, space: Space) -> Space:
        def again(values: Any) -> NDArray[Any]:
            array = np.asarray(values)
            return self._joined(np.broadcast_to(array, (self._size, *array.shape)))

        if isinstance(space, spaces.Box):
            return spaces.Box(again(space.low), again(space.high), dtype=self._dtype.type)
        if isinstance(space, spaces.Discrete):
            return spaces.MultiDiscrete(
                np.full(self._size, int(space.n)), start=np.full(self._size, int(space.start)), dtype=self._dtype.type
            )
        if isinstance(space, spaces.MultiDiscrete):
            return spaces.MultiDiscrete(again(space.nvec), start=again(space.start), dtype=self._dtype.type)
        assert isinstance(space, spaces.MultiBinary)
        return spaces.MultiBinary(again(np.zeros(self._shape)).shape)

    def restart(self, row: int) -> None:
        """Forget what this row has seen."""
        self._empty[row] = True

    def push(self, row: int, value: Any) -> Any:
        """Add a value to a row's stack and return the stack, which shares memory with it.

        A value of another shape or type is returned as it is: who writes it says what is wrong.
        """
        array = np.asarray(value)
        if array.shape != self._shape or not np.can_cast(array.dtype, self._dtype, "same_kind"):
            return value
        memory = self._memory[row]
        if self._empty[row]:
            memory[:] = array
            self._empty[row] = False
        else:
            memory[:-1] = memory[1:]
            memory[-1] = array
        return self._joined(memory)

    def _joined(self, values: NDArray[Any]) -> NDArray[Any]:
        if self._in_front or values.ndim == 1:
            return values
        return np.moveaxis(values, 0, -2).reshape(*values.shape[1:-1], -1)

"""From the contract's rows of actions to actions of any Gymnasium space whose parts are all discrete or continuous."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from puffer_envs.adapters.spaces import MAX_CHOICES, ONLY_LEAF, Space, children, join, leaves

Decoder = Callable[[NDArray[Any]], list[Any]]
"""Columns (A, k) of actions -> A values of a space, which share no memory with the columns."""


class ActionCodec:
    """Converts rows of actions to actions of one space."""

    space: Space
    """Space of a row: int32 Discrete or MultiDiscrete starting at 0, or a one-dimensional float32 Box."""

    def __init__(self, space: Space) -> None:
        """Create a codec.

        Raises:
            ValueError: the space mixes discrete and continuous parts, is empty, or has a leaf that is neither.
        """
        parts = list(leaves(space, "action"))
        discrete, continuous = (
            [name for name, part in parts if _is_continuous(part) == wanted] for wanted in (False, True)
        )
        if discrete and continuous:
            raise ValueError(
                f"the action space mixes discrete parts ({discrete[0]!r}) and continuous parts ({continuous[0]!r}). "
                "Wrap the environment so that all are of one kind"
            )
        whole = _part(space, "")
        if len(whole.low) == 0:
            raise ValueError("the action space is empty. Add at least one action")
        self._decode = whole.decode
        single = len(whole.low) == 1 and all(isinstance(part, spaces.Discrete) for _, part in parts)
        self._unpack = single and not isinstance(space, spaces.Discrete)
        if continuous:
            self.space = spaces.Box(whole.low, whole.high, dtype=np.float32)
        elif single:
            self.space = spaces.Discrete(int(whole.high[0]) + 1, dtype=np.int32)
        else:
            self.space = spaces.MultiDiscrete((whole.high + 1).astype(np.int32), dtype=np.int32)

    def decode(self, actions: NDArray[Any]) -> list[Any]:
        """Return one action of the environment's own space per row.

        Args:
            actions: (A,) for Discrete, else (A, k).

        Returns:
            A actions, which share no memory with `actions`: an environment may keep and change its action.
        """
        return self._decode(actions[:, None] if self._unpack else actions)


_FLOAT16_MAX = float(np.finfo(np.float16).max)


@dataclass(frozen=True)
class _Part:
    """A part of an action space, which takes some columns of the rows of actions."""

    low: NDArray[Any]
    """(k,) minimum of each column: int64 zeros if discrete, float32 if continuous."""
    high: NDArray[Any]
    """(k,) maximum of each column."""
    decode: Decoder
    """Converts these columns."""


def _is_continuous(space: Space) -> bool:
    return isinstance(space, spaces.Box) and space.dtype.kind == "f"


def _part(space: Space, path: str) -> _Part:
    parts = children(space)
    if parts is not None:
        keys = [key for key, _ in parts] if isinstance(space, spaces.Dict) else None
        return _nested([_part(part, join(path, key)) for key, part in parts], keys)
    if isinstance(space, spaces.Discrete):
        return _discrete(np.array([space.n - 1], np.int64), _discrete_decoder(space))
    if isinstance(space, spaces.MultiDiscrete):
        return _discrete(space.nvec.ravel().astype(np.int64) - 1, _integer_decoder(space.start))
    if isinstance(space, spaces.MultiBinary):
        return _discrete(np.ones(math.prod(space.shape), np.int64), _integer_decoder(np.zeros(space.shape, np.int8)))
    assert isinstance(space, spaces.Box)
    return _continuous_box(space) if _is_continuous(space) else _integer_box(space, path or ONLY_LEAF)


def _nested(parts: list[_Part], keys: list[Any] | None) -> _Part:
    """Combine the parts of a Dict with these keys, or of a Tuple if `keys` is None."""
    ends = np.cumsum([0, *(len(part.low) for part in parts)]).tolist()
    slices = [slice(*bounds) for bounds in itertools.pairwise(ends)]

    def decode(actions: NDArray[Any]) -> list[Any]:
        columns = [part.decode(actions[:, at]) for part, at in zip(parts, slices, strict=True)]
        rows = list(zip(*columns, strict=True)) if columns else [()] * len(actions)
        return rows if keys is None else [dict(zip(keys, row, strict=True)) for row in rows]

    low, high = (
        np.concatenate([getattr(part, bound) for part in parts] or [np.zeros(0, np.float32)])
        for bound in ("low", "high")
    )
    return _Part(low, high, decode)


def _discrete(last_choices: NDArray[np.int64], decode: Decoder) -> _Part:
    return _Part(np.zeros_like(last_choices), last_choices, decode)


def _discrete_decoder(space: spaces.Discrete[Any]) -> Decoder:
    dtype, start = space.dtype, space.start

    def decode(actions: NDArray[Any]) -> list[Any]:
        # NumPy integers, as `sample` returns them: `contains`, which many environments assert, is slower for int.
        choices = actions.reshape(len(actions)).astype(dtype)
        return list(choices + start if start else choices)

    return decode


def _integer_decoder(start: NDArray[Any]) -> Decoder:
    """Return a decoder for arrays of integers or booleans that start at `start`, in its dtype."""

    def decode(actions: NDArray[Any]) -> list[Any]:
        # An overflow in the cast is undone by the sum: integers wrap around, and the sum is in range.
        return _rows(actions.reshape(len(actions), *start.shape).astype(start.dtype) + start)

    return decode


def _integer_box(space: spaces.Box, name: str) -> _Part:
    if not (space.bounded_below.all() and space.bounded_above.all()):
        raise ValueError(f"the action space's part {name!r} is a Box of integers without bounds. Give it bounds")
    choices = [int(high) - int(low) + 1 for low, high in zip(space.low.flat, space.high.flat, strict=True)]
    if max(choices, default=0) > MAX_CHOICES:
        raise ValueError(f"the action space's part {name!r} has {max(choices)} choices: at most 2**31 - 1 are allowed")
    return _discrete(np.array(choices, np.int64) - 1, _integer_decoder(space.low))


def _continuous_box(space: spaces.Box) -> _Part:
    low, high, shape, dtype = space.low, space.high, space.shape, space.dtype

    def decode(actions: NDArray[Any]) -> list[Any]:
        values = actions.reshape(len(actions), *shape).astype(dtype)
        # Bounds that float32 cannot represent were rounded, possibly outwards.
        return _rows(values if dtype == np.float32 else np.minimum(np.maximum(values, low), high))

    with np.errstate(over="ignore"):  # bounds beyond float32 become infinite
        bounds = [bound.ravel().astype(np.float32) for bound in (low, high)]
    if dtype == np.float16:  # its range is smaller, and actions within bounds must not become infinite
        bounds = [bound.clip(-_FLOAT16_MAX, _FLOAT16_MAX) for bound in bounds]
    return _Part(bounds[0], bounds[1], decode)


def _rows(values: NDArray[Any]) -> list[Any]:
    """Return each row as an array, even if it has no dimensions."""
    return list(values) if values.ndim > 1 else [values[row, ...] for row in range(len(values))]

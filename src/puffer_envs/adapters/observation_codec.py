"""From observations of any Gymnasium space to the contract's rows.

A Box of numbers remains an array. Everything else becomes structured bytes: the leaves one after the other, each
described by an `ObservationField`, with discrete values starting at 0.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from puffer_envs.adapters.spaces import ONLY_LEAF, Space, join, leaves
from puffer_envs.contract.observations import ObservationField, named_observations

Writer = Callable[[int, Any], None]
"""write(row, observation) checks an observation and writes it into that row of an array."""

ROW_ALIGNMENT = 8
"""The length of structured bytes is a multiple of this, so that the fields of every row are aligned."""


class ObservationCodec:
    """Writes observations of one space into rows."""

    space: spaces.Box
    """Space of a row: uint8, int8 or float32."""
    fields: tuple[ObservationField, ...] | None
    """The meaning of a row's bytes; None if a row is a plain array."""

    def __init__(self, space: Space) -> None:
        """Create a codec.

        Raises:
            ValueError: a leaf of the space has no fixed size, two leaves share a name, or there is no leaf.
        """
        self._space = space
        parts = list(leaves(space, "observation"))
        if isinstance(space, spaces.Box | spaces.MultiBinary):
            self.space, self.fields = _array_space(space), None
        else:
            self.fields, size = _place(parts)
            self.space = spaces.Box(0, 255, (size,), np.uint8)

    def writer(self, rows: NDArray[Any]) -> Writer:
        """Return write(row, observation), which writes every byte of that row.

        It raises ValueError, naming the leaf, if an observation has a shape or keys that its space does not allow, or
        values that the dtype cannot hold.

        Args:
            rows: (A, *space.shape).
        """
        if self.fields is None:
            return _array_writer("", self._space, rows)
        write_parts = _tree_writer(self._space, "", named_observations(rows, self.fields))
        padding = rows[:, max(f.start + f.size for f in self.fields) :]
        if padding.size == 0:
            return write_parts

        def write(row: int, observation: Any) -> None:
            write_parts(row, observation)
            padding[row] = 0

        return write

    def part_writers(self, rows: NDArray[Any]) -> dict[str, Writer]:
        """Return, for each part of a Dict space, write(row, value), which writes only its bytes."""
        assert isinstance(self._space, spaces.Dict) and self.fields is not None
        columns = named_observations(rows, self.fields)
        return {key: _tree_writer(part, key, columns) for key, part in self._space.spaces.items()}


def _place(parts: list[tuple[str, Space]]) -> tuple[tuple[ObservationField, ...], int]:
    """Return the position of each leaf, widest numbers first to avoid gaps, and the length of a row in bytes."""
    dtypes: dict[str, np.dtype[Any]] = {}
    for name, space in parts:
        if name in dtypes:
            raise ValueError(f"two parts of the observation space are named {name!r}. Rename one of them")
        dtypes[name] = _stored_dtype(space)
    starts, end = {}, 0
    for name, space in sorted(parts, key=lambda part: -dtypes[part[0]].itemsize):
        starts[name] = end
        end += math.prod(space.shape or ()) * dtypes[name].itemsize
    if end == 0:
        raise ValueError("the observation space is empty. Add at least one observation")
    fields = (ObservationField(name, space, starts[name], dtypes[name], space.shape or ()) for name, space in parts)
    return tuple(fields), -(-end // ROW_ALIGNMENT) * ROW_ALIGNMENT


def _stored_dtype(space: Space) -> np.dtype[Any]:
    """Return the dtype that stores a leaf: a narrow integer if the bounds allow it, else float32."""
    if isinstance(space, spaces.Discrete | spaces.MultiDiscrete):
        return np.dtype(np.int32)
    if space.dtype in (np.uint8, np.int8):
        return np.dtype(space.dtype)
    assert isinstance(space, spaces.Box)
    for dtype in (np.uint8, np.int8) if space.dtype.kind in "biu" else ():
        if (space.low >= np.iinfo(dtype).min).all() and (space.high <= np.iinfo(dtype).max).all():
            return np.dtype(dtype)
    return np.dtype(np.float32)


def _array_space(space: spaces.Box | spaces.MultiBinary) -> spaces.Box:
    dtype = _stored_dtype(space)
    if isinstance(space, spaces.MultiBinary):
        return spaces.Box(0, 1, space.shape, dtype.type)
    if space.dtype == dtype:
        return space
    with np.errstate(over="ignore"):  # bounds beyond float32 become infinite
        return spaces.Box(space.low.astype(dtype), space.high.astype(dtype), dtype=dtype.type)


def _tree_writer(space: Space, path: str, columns: Mapping[str, NDArray[Any]]) -> Writer:
    """Return a writer of (nested) observations to `columns`, which has one array (A, *shape) per leaf by name."""
    if isinstance(space, spaces.Dict):
        return _dict_writer(space, path, columns)
    if isinstance(space, spaces.Tuple):
        return _tuple_writer(space, path, columns)
    column = columns[path or ONLY_LEAF]
    if isinstance(space, spaces.Discrete):
        return _discrete_writer(path, space, column)
    if isinstance(space, spaces.MultiDiscrete):
        return _multi_discrete_writer(path, space, column)
    return _array_writer(path, space, column)


def _dict_writer(space: spaces.Dict, path: str, columns: Mapping[str, NDArray[Any]]) -> Writer:
    keys = space.spaces.keys()
    writers = [(key, _tree_writer(part, join(path, key), columns)) for key, part in space.spaces.items()]

    def write(row: int, observation: Any) -> None:
        if not isinstance(observation, Mapping):
            _refuse(path, f"is of type {type(observation).__name__}", f"a dictionary with the keys {list(keys)}")
        if observation.keys() != keys:
            _refuse(path, f"has the keys {list(observation)}", f"the keys {list(keys)}")
        for key, write_part in writers:
            write_part(row, observation[key])

    return write


def _tuple_writer(space: spaces.Tuple[Any], path: str, columns: Mapping[str, NDArray[Any]]) -> Writer:
    writers = [_tree_writer(part, join(path, at), columns) for at, part in enumerate(space.spaces)]

    def write(row: int, observation: Any) -> None:
        if not isinstance(observation, tuple | list):
            if not isinstance(observation, np.ndarray) or observation.ndim == 0:
                _refuse(path, f"is of type {type(observation).__name__}", f"a tuple of {len(writers)} parts")
            observation = tuple(observation)
        if len(observation) != len(writers):
            _refuse(path, f"has {len(observation)} parts", f"{len(writers)} parts")
        for write_part, part in zip(writers, observation, strict=True):
            write_part(row, part)

    return write


def _discrete_writer(path: str, space: spaces.Discrete[Any], column: NDArray[np.int32]) -> Writer:
    start, n, index = int(space.start), int(space.n), operator.index

    def write(row: int, observation: Any) -> None:
        try:
            value = index(observation) - start
        except TypeError:
            found = f"is of type {type(observation).__name__} and shape {np.shape(observation)}"
            _refuse(path, found, f"a single integer from {start} to {start + n - 1}")
        if not 0 <= value < n:
            _refuse(path, f"is {observation}", f"a single integer from {start} to {start + n - 1}")
        column[row] = value

    return write


def _multi_discrete_writer(path: str, space: spaces.MultiDiscrete[Any], column: NDArray[np.int32]) -> Writer:
    shape, low, high = space.shape, space.start, space.start + (space.nvec - 1)

    def write(row: int, observation: Any) -> None:
        values = _numbers(path, observation, shape)
        if values.dtype.kind not in "iu" or not ((values >= low) & (values <= high)).all():
            _refuse(path, f"is {values.tolist()}", f"integers from {low.tolist()} to {high.tolist()}")
        column[row] = values.astype(low.dtype) - low

    return write


def _array_writer(path: str, space: Space, column: NDArray[Any]) -> Writer:
    # This runs for every environment and step: an array with the declared type and shape costs three comparisons and a
    # copy into an existing view. Values of the declared dtype are not lost when stored: they fit or are rounded.
    own, shape, ndarray = np.dtype(space.dtype), column.shape[1:], np.ndarray
    views = [column[row, ...] for row in range(len(column))]
    declared = own if column.dtype.kind == "f" or np.can_cast(own, column.dtype) else column.dtype

    def write(row: int, observation: Any) -> None:
        if type(observation) is not ndarray or observation.dtype is not declared or observation.shape != shape:
            observation = _converted(path, observation, shape, column.dtype)
        views[row][...] = observation

    return write


def _converted(path: str, observation: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Convert an observation without the declared type to the dtype in which it is stored."""
    values = _numbers(path, observation, shape)
    if dtype.kind == "f":
        return values
    with np.errstate(invalid="ignore"):
        stored = values.astype(dtype)
    if not np.array_equal(stored, values):
        _refuse(path, f"holds {values.dtype} values that {dtype} cannot", f"integers that fit {dtype}")
    return stored


def _numbers(path: str, observation: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    try:
        values = np.asarray(observation)
    except ValueError:  # ragged lists
        values = np.asarray(None)
    if values.dtype.kind not in "biuf":
        _refuse(path, f"is of type {type(observation).__name__}, not an array of numbers", f"numbers of shape {shape}")
    if values.shape != shape:
        _refuse(path, f"has shape {values.shape}", f"shape {shape}")
    return values


def _refuse(path: str, found: str, expected: str) -> NoReturn:
    subject = f"part {path!r} of the observation" if path else "the observation"
    raise ValueError(f"{subject} {found}: its space requires {expected}")

"""Named observations: where each value lies in a row of bytes, and what it is."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete
from numpy.typing import NDArray

MAX_CHOICES = 1 << 16
"""Of all discrete fields of an observation together: each choice is an input of the policy."""

STORED = ("uint8", "int8", "int32", "float32")
"""What the numbers of a field may be stored as."""


@dataclass(frozen=True)
class ObservationField:
    """One value of a nested observation, and where its numbers lie in a row of bytes.

    An environment lists its fields in the optional attribute `observation_fields`; any object with the attributes
    `name`, `space`, `start`, `dtype` and `shape` will do.
    """

    name: str
    """Keys and positions that lead to it, joined by dots: `camera.left`, `1.speed`; `value` for a single value."""
    space: gymnasium.spaces.Space[Any]
    """Box, Discrete, MultiDiscrete or MultiBinary. Discrete values are stored counted from 0."""
    start: int
    """Its first byte in the row: a multiple of its item size."""
    dtype: np.dtype[Any]
    """As stored: uint8, int8, int32 or float32."""
    shape: tuple[int, ...]
    """Of its value; `()` for a Discrete."""

    @property
    def size(self) -> int:
        """Bytes."""
        return math.prod(self.shape) * self.dtype.itemsize


@dataclass(frozen=True)
class FieldSpec:
    """A field as policies and policy files describe it: plain values, without a space."""

    name: str
    """Of the field."""
    kind: Literal["box", "discrete"]
    """`box`: the encoder gets its numbers; `discrete`: a one-hot of each of its numbers."""
    start: int
    """First byte in the row."""
    dtype: str
    """`uint8`, `int8`, `int32` or `float32`."""
    shape: tuple[int, ...]
    """Of the value."""
    choices: tuple[int, ...]
    """Of each number of a discrete field, in C order; empty for a box."""

    @property
    def size(self) -> int:
        """Bytes."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize

    @property
    def inputs(self) -> int:
        """Inputs of the encoder."""
        return sum(self.choices) if self.kind == "discrete" else math.prod(self.shape)

    @property
    def parts(self) -> list[tuple[str, int, int, int]]:
        """Its numbers as (dtype, first byte, count, choices): runs of equal choices, 0 for a box."""
        item, at, found = np.dtype(self.dtype).itemsize, self.start, []
        for choices, same in itertools.groupby(self.choices or (0,) * self.inputs):
            count = len(list(same))
            found.append((self.dtype, at, count, choices))
            at += count * item
        return found

    def read(self, rows: NDArray[np.uint8]) -> NDArray[Any]:
        """Its numbers in rows of bytes (A, B): a view (A, N)."""
        return rows[:, self.start : self.start + self.size].view(self.dtype)


def describe_fields(given: Iterable[ObservationField], row: gymnasium.spaces.Space[Any]) -> tuple[FieldSpec, ...]:
    """Check the fields of a structured observation, whose rows are in the space `row`.

    Raises:
        ValueError: naming the first field that cannot be read.
    """
    if not isinstance(row, Box) or row.dtype != np.uint8 or len(row.shape) != 1:
        raise ValueError(f"observation_fields is given, but single_observation_space is {row}, not a flat Box of uint8")
    fields = tuple(_describe_field(field, row.shape[0]) for field in given)
    if not fields:
        raise ValueError("observation_fields is empty")
    names = [field.name for field in fields]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two observation fields are called {name!r}")
    for before, after in itertools.pairwise(sorted(fields, key=lambda field: field.start)):
        if after.start < before.start + before.size:
            raise ValueError(f"the observation fields {before.name!r} and {after.name!r} overlap")
    choices = sum(sum(field.choices) for field in fields)
    if choices > MAX_CHOICES:
        raise ValueError(
            f"its observation fields have {choices} discrete choices, each of which is an input of the policy: "
            f"at most {MAX_CHOICES} are allowed"
        )
    return fields


def _describe_field(field: ObservationField, row_bytes: int) -> FieldSpec:
    """Check one field against its space and a row of that many bytes."""
    for attribute in ("name", "space", "start", "dtype", "shape"):
        if not hasattr(field, attribute):
            raise ValueError(f"an observation field has no attribute {attribute!r}")
    if not isinstance(field.name, str) or not field.name:
        raise ValueError(f"an observation field is called {field.name!r}: its name must be a text")
    what, space, dtype = f"observation field {field.name!r}", field.space, str(np.dtype(field.dtype))
    if isinstance(space, Discrete):
        choices: tuple[int, ...] = (int(space.n),)
    elif isinstance(space, MultiDiscrete):
        choices = tuple(int(n) for n in space.nvec.ravel())
    elif isinstance(space, (Box, MultiBinary)):
        choices = ()
    else:
        raise ValueError(f"{what} is {space}, not Box, Discrete, MultiDiscrete or MultiBinary")
    allowed = STORED[: 3 if choices else 4]
    if dtype not in allowed:
        raise ValueError(f"{what} is stored as {dtype}, not as {', '.join(allowed)}")
    shape = tuple(int(n) for n in field.shape)
    if shape != tuple(space.shape or ()):
        raise ValueError(f"{what} has shape {shape}, but its space has {tuple(space.shape or ())}")
    if choices and max(choices) - 1 > np.iinfo(dtype).max:
        raise ValueError(f"{what} has {max(choices)} choices, more than {dtype} can count")
    spec = FieldSpec(field.name, "discrete" if choices else "box", int(field.start), dtype, shape, choices)
    if spec.inputs == 0:
        raise ValueError(f"{what} holds no numbers")
    if spec.start % np.dtype(dtype).itemsize:
        raise ValueError(f"{what} starts at byte {spec.start}, where no {dtype} can be read")
    if spec.start < 0 or spec.start + spec.size > row_bytes:
        raise ValueError(
            f"{what} takes bytes {spec.start} to {spec.start + spec.size - 1}, but a row has {row_bytes} bytes"
        )
    return spec


def named_observations(observations: NDArray[np.uint8], fields: Sequence[ObservationField]) -> dict[str, NDArray[Any]]:
    """Structured bytes (..., B) as views by name: name -> (..., *shape). Nothing is copied."""
    named = {}
    for field in fields:
        end = field.start + math.prod(field.shape) * field.dtype.itemsize
        numbers = observations[..., field.start : end].view(field.dtype)
        named[field.name] = numbers.reshape(*observations.shape[:-1], *field.shape)
    return named

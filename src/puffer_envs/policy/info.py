"""What a policy file says about itself, checked once: docs/contract.md, "The policy file"."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FORMAT = "puffer-policy-1"
OLDER = {"cell": "mingru", "encoder": "flat", "value_head": "scalar"}
"""What files hold that do not say."""
LARGEST_UNITS = 1 << 20
"""Refuse sizes beyond this: no policy is so large, and a damaged file may claim anything."""

SMALLEST_IMAGE = 36
"""Pixels: shorter sides are none of a picture."""

Floats = NDArray[np.floating[Any]]
"""float32, all of them; NumPy's stubs cannot follow that through arithmetic."""


class PolicyError(Exception):
    """A policy file that cannot be used. The message is one or two sentences for the person who named the file."""


@dataclass(frozen=True)
class PolicyField:
    """One named value within a row of structured bytes."""

    name: str
    """Of the field."""
    kind: str
    """box: the encoder gets its numbers; discrete: a one-hot of each of its numbers."""
    start: int
    """First byte in the row."""
    dtype: str
    """uint8, int8, int32 or float32."""
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

    def read(self, rows: NDArray[np.uint8]) -> NDArray[Any]:
        """Its numbers in every row of bytes, (A, N): a view."""
        return rows[:, self.start : self.start + self.size].view(self.dtype)


@dataclass(frozen=True)
class Convolution:
    """One layer of convolutions."""

    channels: int
    """Channels out."""
    kernel: int
    """Pixels per side."""
    stride: int
    """Pixels between two places."""
    padding: int
    """Zeros around the planes."""

    def places(self, side: int) -> int:
        """Return at how many places the kernel is applied along a side of that many pixels."""
        return (side + 2 * self.padding - self.kernel) // self.stride + 1


@dataclass(frozen=True)
class PolicyInfo:
    """What a policy file says about itself."""

    environment: str
    """Name of the environment it was trained in."""
    environment_version: int
    """Version of that environment's rules."""
    observation_shape: tuple[int, ...]
    """Shape of one agent's observation."""
    observation_dtype: str
    """uint8, int8 or float32."""
    observation_fields: tuple[PolicyField, ...]
    """What the bytes of a structured observation mean; empty where an observation is just an array."""
    action_kind: str
    """discrete or box."""
    action_sizes: tuple[int, ...]
    """Choices of each discrete action, or (number of continuous actions,)."""
    action_low: Floats
    """Lower bound of each continuous action, shape (k,); empty when discrete."""
    action_high: Floats
    """Upper bound of each continuous action, shape (k,); empty when discrete."""
    hidden: int
    """Units H of each layer."""
    layers: int
    """Recurrent layers L."""
    cell: str
    """Their kind: a key of `CELLS`."""
    encoder: str
    """flat, grid or image."""
    convolutions: tuple[Convolution, ...]
    """Of a grid or image."""
    grid_values: tuple[int, int]
    """Least and greatest value of a cell of a grid; (0, 0) for others."""
    value_rows: int
    """V, the rows of the head behind the actions: 1, or the bins of a distribution."""
    settings: dict[str, Any]
    """Settings of the environment during training."""

    @property
    def inputs(self) -> int:
        """O, the inputs of a flat encoder."""
        fields = self.observation_fields
        return sum(field.inputs for field in fields) if fields else math.prod(self.observation_shape)

    @property
    def head_rows(self) -> int:
        """K, the outputs before the value: all logits, or all means."""
        return sum(self.action_sizes)

    @property
    def channels_first(self) -> bool:
        """Whether an image has the shape (c, h, w): a first side that is too short for a picture counts channels."""
        return len(self.observation_shape) == 3 and min(self.observation_shape[:2]) < SMALLEST_IMAGE

    @property
    def planes(self) -> tuple[int, int, int]:
        """C, h and w of what a grid or an image gives the convolutions."""
        shape = self.observation_shape
        if self.encoder == "image":
            height, width, channels = (*shape[1:], shape[0]) if self.channels_first else (*shape, 1)[:3]
            return channels, height, width
        height, width, channels = (*shape, 1)[:3]
        return channels * (self.grid_values[1] - self.grid_values[0] + 1), height, width


def read_info(metadata: dict[str, str]) -> PolicyInfo:
    """Parse and check the metadata. Raises PolicyError naming the first field that is wrong."""
    if metadata.get("format") != FORMAT:
        raise PolicyError(f"its format is {metadata.get('format')!r}; this version reads {FORMAT!r}.")
    try:
        fields = json.loads(metadata.get("policy", ""))
    except (ValueError, RecursionError):
        raise PolicyError("its 'policy' metadata is not JSON.") from None
    if not isinstance(fields, dict):
        raise PolicyError("its 'policy' metadata is not a JSON object.")
    fields = OLDER | fields
    kind = _field(fields, "action_kind", lambda v: v in ("discrete", "box"))
    sizes = tuple(_field(fields, "action_sizes", lambda v: _is_list(v, _is_size) and v and sum(v) <= LARGEST_UNITS))
    if kind == "box" and len(sizes) != 1:
        raise PolicyError(f"metadata field 'action_sizes' is {list(sizes)}; box actions have one size.")
    low, high = (
        _bounds(fields, name, sizes[0]) if kind == "box" else np.zeros(0, np.float32)
        for name in ("action_low", "action_high")
    )
    if not (low <= high).all():
        raise PolicyError("metadata field 'action_low' exceeds 'action_high'.")
    shape = tuple(_field(fields, "observation_shape", lambda v: _is_list(v, _is_size) and len(v) <= 8))
    dtype = _field(fields, "observation_dtype", lambda v: v in ("uint8", "int8", "float32"))
    encoder = _field(fields, "encoder", lambda v: v in ("flat", "grid", "image"))
    info = PolicyInfo(
        environment=_field(fields, "environment", lambda v: isinstance(v, str) and v),
        environment_version=_field(fields, "environment_version", lambda v: _is_integer(v) and v >= 0),
        observation_shape=shape,
        observation_dtype=dtype,
        observation_fields=_read_fields(fields.get("observation_fields", []), shape, dtype),
        action_kind=kind,
        action_sizes=sizes,
        action_low=low,
        action_high=high,
        hidden=_field(fields, "hidden", _is_size),
        layers=_field(fields, "layers", lambda v: _is_integer(v) and 0 <= v <= 1024),
        cell=_field(fields, "cell", lambda v: v in ("mingru", "lstm")),
        encoder=encoder,
        convolutions=_read_convolutions(fields) if encoder != "flat" else (),
        grid_values=_read_grid_values(fields) if encoder == "grid" else (0, 0),
        value_rows=_read_value_rows(fields),
        settings=_field(fields, "settings", _is_settings),
    )
    if max(info.inputs, math.prod(shape)) > LARGEST_UNITS:
        raise PolicyError(f"metadata field 'observation_shape' is {list(info.observation_shape)}: too large.")
    if encoder != "flat":
        _check_planes(info)
    return info


def _read_convolutions(fields: dict[str, Any]) -> tuple[Convolution, ...]:
    """The layers of a grid or image, written as [channels, kernel, stride, padding]."""

    def is_layer(given: Any) -> bool:
        if not _is_list(given, _is_integer) or len(given) != 4:
            return False
        channels, kernel, stride, padding = given
        return bool(1 <= channels <= 4096 and 1 <= kernel <= 64 and 1 <= stride <= 64 and 0 <= padding <= 64)

    given = _field(fields, "convolutions", lambda v: _is_list(v, is_layer) and 1 <= len(v) <= 16)
    return tuple(Convolution(*layer) for layer in given)


def _read_grid_values(fields: dict[str, Any]) -> tuple[int, int]:
    """Least and greatest value of a cell: numbers of a byte."""
    low, high = _field(fields, "grid_values", lambda v: _is_list(v, _is_integer) and len(v) == 2 and v[0] <= v[1])
    if not -128 <= low <= high <= 255:
        raise PolicyError(f"metadata field 'grid_values' is {[low, high]}, which is not allowed.")
    return low, high


def _read_value_rows(fields: dict[str, Any]) -> int:
    if _field(fields, "value_head", lambda v: v in ("scalar", "distribution")) == "scalar":
        return 1
    return int(_field(fields, "value_bins", lambda v: _is_size(v) and v <= 4096))


def _check_planes(info: PolicyInfo) -> None:
    """Refuse observations that are no grid or image, or too small for its convolutions."""
    shape, grid = info.observation_shape, info.encoder == "grid"
    kinds = ("uint8", "int8") if grid else ("uint8",)
    if info.observation_dtype not in kinds or info.observation_fields or len(shape) not in (2, 3):
        raise PolicyError(f"metadata field 'encoder' is {info.encoder!r}, which does not read such observations.")
    _, height, width = info.planes
    for layer in info.convolutions:
        height, width = layer.places(height), layer.places(width)
        if min(height, width) < 1:
            raise PolicyError(f"metadata field 'convolutions' leaves nothing of observations of shape {shape}.")


def _read_fields(given: Any, shape: tuple[int, ...], dtype: str) -> tuple[PolicyField, ...]:
    """The fields of a structured observation; none in files of policies that read arrays."""
    if not _is_list(given, lambda v: isinstance(v, dict)):
        raise PolicyError(f"metadata field 'observation_fields' is {repr(given)[:60]}, which is not allowed.")
    if given and (dtype != "uint8" or len(shape) != 1):
        raise PolicyError("metadata field 'observation_fields' needs rows of uint8.")
    fields = tuple(_read_field(field) for field in given)
    for field in fields:
        if field.start + field.size > shape[0]:
            raise PolicyError(f"metadata field 'observation_fields' has {field.name!r} reach beyond the row.")
    return fields


def _read_field(given: dict[str, Any]) -> PolicyField:
    field = PolicyField(
        name=_field(given, "name", lambda v: isinstance(v, str) and v),
        kind=_field(given, "kind", lambda v: v in ("box", "discrete")),
        start=_field(given, "start", lambda v: _is_integer(v) and 0 <= v <= LARGEST_UNITS),
        dtype=_field(given, "dtype", lambda v: v in ("uint8", "int8", "int32", "float32")),
        shape=tuple(_field(given, "shape", lambda v: _is_list(v, _is_size) and len(v) <= 8)),
        choices=tuple(_field(given, "choices", lambda v: _is_list(v, _is_size))),
    )
    if len(field.choices) != (math.prod(field.shape) if field.kind == "discrete" else 0):
        raise PolicyError(f"metadata field 'choices' of {field.name!r} does not fit its kind and shape.")
    return field


def _field(fields: dict[str, Any], name: str, allowed: Any) -> Any:
    """One metadata field, or PolicyError when it is missing or not allowed."""
    if name not in fields:
        raise PolicyError(f"its metadata has no field {name!r}.")
    value = fields[name]
    if not allowed(value):
        raise PolicyError(f"metadata field {name!r} is {repr(value)[:60]}, which is not allowed.")
    return value


def _bounds(fields: dict[str, Any], name: str, size: int) -> Floats:
    """action_low or action_high as float32 (k,); infinities are allowed, NaN is not."""
    values = _field(fields, name, lambda v: _is_list(v, _is_number) and len(v) == size)
    with np.errstate(over="ignore"):
        return np.array(values, np.float64).astype(np.float32)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_size(value: Any) -> bool:
    return _is_integer(value) and 1 <= value <= LARGEST_UNITS


def _is_number(value: Any) -> bool:
    return (_is_integer(value) and abs(value) < 1 << 64) or (isinstance(value, float) and not math.isnan(value))


def _is_list(value: Any, item_allowed: Any) -> bool:
    return isinstance(value, list) and all(item_allowed(item) for item in value)


def _is_settings(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(v, (bool, str)) or _is_number(v) for v in value.values())

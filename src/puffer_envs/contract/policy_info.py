"""What a policy file says about itself, checked once: docs/policy-file.md."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from puffer_envs.contract.errors import UserError
from puffer_envs.contract.observations import MAX_CHOICES, STORED, FieldSpec
from puffer_envs.contract.planes import PLANE_KINDS, Convolution, PlaneEncoder
from puffer_envs.contract.tensor_file import Floats

MAX_UNITS = 1 << 20
"""Larger sizes are refused: no policy is so large, and a damaged file may claim anything."""

MAX_LAYERS = 1024

MAX_EXACT = 1 << 24
"""Up to here, float32 holds every whole number."""

INPUT_LIMIT = 10.0
"""Normalised observations are cut to plus or minus this, before they enter the network."""

MAX_SETTING_DEPTH = 8
"""Lists and tables within each other, in a setting."""


class PolicyError(UserError):
    """A policy file that cannot be used. The message is one or two sentences for the person who named the file."""


@dataclass(frozen=True)
class CellShape:
    """Sizes of a kind of recurrent layer with H units."""

    weight: tuple[int, int]
    """Rows and columns of its matrix, in units of H."""
    state: int
    """Numbers that it remembers of one row, in units of H."""


CELL_SHAPES = {"mingru": CellShape((3, 1), 1), "lstm": CellShape((4, 2), 2)}
"""The kinds of recurrent layers that a policy file may name."""


MAX_CONVOLUTION = 1 << 27
"""Numbers that one layer of convolutions may read for one observation, each as often as kernels cover it: 512 MiB.

Kernels of 8 x 8 with stride 4 read 102,400 of four pictures of 84 x 84, and 99,532,800 of one of 2160 x 3840 x 3.
"""


@dataclass(frozen=True)
class NetworkInfo:
    """A network of the user's own: code that the file names but does not hold."""

    name: str
    """`module:Class`."""
    sha256: str
    """Hash of its source."""
    features: int
    """F, the numbers that it makes of an observation; 0 where it is the whole policy."""
    state: int
    """S, the numbers that a whole policy remembers of a row."""
    observation_range: tuple[int, int] | None
    """Least and greatest number of an array of integers that it reads; None for others."""

    def as_json(self) -> dict[str, Any]:
        """The metadata as JSON values."""
        limits = None if self.observation_range is None else list(self.observation_range)
        about = {"name": self.name, "sha256": self.sha256, "features": self.features, "state": self.state}
        return about | {"observation_range": limits}


NETWORK_TENSOR = "network."
"""How the names of a network's own tensors begin; their shapes are the network's business."""


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
    observation_fields: tuple[FieldSpec, ...]
    """What the bytes of a structured observation mean; empty where an observation is just an array."""
    action_kind: Literal["discrete", "box"]
    """Which kind of actions it chooses."""
    action_sizes: tuple[int, ...]
    """Choices of each discrete action, or (number of continuous actions,)."""
    action_low: Floats
    """Lower bound of each continuous action, shape (k,); empty when discrete."""
    action_high: Floats
    """Upper bound of each continuous action, shape (k,); empty when discrete."""
    action_centre: Floats
    """What is added to the mean of each continuous action, shape (k,); empty when discrete."""
    hidden: int
    """Units H of each layer."""
    layers: int
    """Recurrent layers L."""
    cell: str
    """Their kind: a key of `CELL_SHAPES`."""
    encoder: str
    """`flat`, a key of `PLANE_KINDS` for the whole observation, or `fields`: each has its own;
    `network` for one of the user's own."""
    network: NetworkInfo | None
    """The user's own network; None for all others."""
    plane_encoders: tuple[PlaneEncoder | None, ...]
    """That of the whole observation, or one per field, None for a flat one; empty for the encoder `flat`."""
    normalized: bool
    """Whether the numbers of a flat encoder are shifted by `input_mean`, scaled, and cut to +-`INPUT_LIMIT`."""
    value_head: Literal["scalar", "distribution"]
    """How the rows of the head behind the actions stand for the value: one number, or a distribution over bins."""
    value_bins: int
    """Bins of a distribution; 1 for a scalar."""
    value_limit: float
    """Where the outermost bins lie, on the symmetric-log scale; 0 for a scalar."""
    settings: dict[str, Any]
    """Settings of the environment during training."""

    @property
    def inputs(self) -> int:
        """O, how many inputs are multiplied as they are; 0 where the whole observation is read as planes."""
        if self.observation_fields:
            return sum(field.inputs for field in self.flat_fields)
        return 0 if self.plane_encoders else math.prod(self.observation_shape)

    @property
    def flat_fields(self) -> tuple[FieldSpec, ...]:
        """The fields that are not read as planes; none where an observation is just an array."""
        if not self.observation_fields:
            return ()
        planes = self.plane_encoders or (None,) * len(self.observation_fields)
        pairs = zip(self.observation_fields, planes, strict=True)
        return tuple(field for field, encoder in pairs if encoder is None)

    @property
    def planes(self) -> list[tuple[str, FieldSpec | None, PlaneEncoder]]:
        """What is read as planes: prefix of its tensors, field (None: the whole observation), and encoder."""
        if not self.observation_fields:
            return [("", None, encoder) for encoder in self.plane_encoders if encoder is not None]
        numbered = enumerate(zip(self.observation_fields, self.plane_encoders, strict=False))
        return [(f"field.{i}.", field, encoder) for i, (field, encoder) in numbered if encoder is not None]

    @property
    def head_rows(self) -> int:
        """K, the outputs before the value: all logits, or all means."""
        return sum(self.action_sizes)

    @property
    def value_rows(self) -> int:
        """V, the outputs behind those of the actions."""
        return self.value_bins

    @property
    def tensor_shapes(self) -> dict[str, tuple[int, ...]]:
        """Every tensor of the file with its shape, but those of a network of the user's own."""
        if self.network is not None and self.network.features == 0:
            return {"input_scale": (self.inputs,)} | self._spread_shape
        shapes: dict[str, tuple[int, ...]] = {"head.weight": (self.head_rows + self.value_rows, self.hidden)}
        inputs = self.inputs
        shapes["input_scale"] = (inputs,)
        if self.normalized:
            shapes["input_mean"] = (inputs,)
        for prefix, _, encoder in self.planes:
            shapes |= {prefix + name: shape for name, shape in encoder.tensor_shapes.items()}
            inputs += encoder.features
        if self.network is not None:
            inputs = self.network.features
        shapes["encoder.weight"] = (self.hidden, inputs)
        rows, columns = CELL_SHAPES[self.cell].weight
        for i in range(self.layers):
            shapes[f"core.{i}.weight"] = (rows * self.hidden, columns * self.hidden)
        return shapes | self._spread_shape

    @property
    def _spread_shape(self) -> dict[str, tuple[int, ...]]:
        return {"log_std": (self.head_rows,)} if self.action_kind == "box" else {}

    def as_json(self) -> dict[str, Any]:
        """The metadata as JSON values; `read_info` is the way back."""
        about: dict[str, Any] = {
            "environment": self.environment,
            "environment_version": self.environment_version,
            "observation_shape": list(self.observation_shape),
            "observation_dtype": self.observation_dtype,
            "observation_fields": fields_as_json(self.observation_fields),
            "action_kind": self.action_kind,
            "action_sizes": list(self.action_sizes),
            "action_low": self.action_low.tolist(),
            "action_high": self.action_high.tolist(),
            "hidden": self.hidden,
            "layers": self.layers,
            "cell": self.cell,
            "encoder": self.encoder,
            "value_head": self.value_head,
        }
        if self.normalized:
            about["normalized"] = True
        if self.action_centre.any():
            about["action_centre"] = self.action_centre.tolist()
        if self.network is not None:
            about["network"] = self.network.as_json()
        if self.encoder == "fields":
            about["field_encoders"] = [field_encoder_as_json(encoder) for encoder in self.plane_encoders]
        else:
            for encoder in self.plane_encoders:
                about |= {} if encoder is None else encoder.as_json()
        if self.value_head == "distribution":
            about |= {"value_bins": self.value_bins, "value_limit": self.value_limit}
        return about | {"settings": self.settings}


def fields_as_json(fields: tuple[FieldSpec, ...]) -> list[dict[str, Any]]:
    """Observation fields as JSON values."""
    return [
        {key: list(value) if isinstance(value, tuple) else value for key, value in dataclasses.asdict(field).items()}
        for field in fields
    ]


def field_encoder_as_json(encoder: PlaneEncoder | None) -> dict[str, Any]:
    """What reads a field, as JSON values."""
    return {"encoder": "flat"} if encoder is None else {"encoder": encoder.kind, **encoder.as_json()}


def read_info(about: object) -> PolicyInfo:
    """Check the metadata of a policy file, parsed from JSON.

    Raises:
        PolicyError: naming the first field that is missing or wrong.
    """
    if not isinstance(about, dict):
        raise PolicyError("its 'policy' metadata is not a JSON object.")
    fields: Mapping[str, Any] = about
    kind = _field(fields, "action_kind", lambda v: v in ("discrete", "box"))
    sizes = tuple(_field(fields, "action_sizes", lambda v: _is_list(v, _is_size) and v and sum(v) <= MAX_UNITS))
    if kind == "box" and len(sizes) != 1:
        raise PolicyError(f"metadata field 'action_sizes' is {list(sizes)}; box actions have one size.")
    low, high = (
        _numbers(fields, name, sizes[0]) if kind == "box" else np.zeros(0, np.float32)
        for name in ("action_low", "action_high")
    )
    centre = np.zeros_like(low)
    if "action_centre" in fields and kind == "box":
        centre = _numbers(fields, "action_centre", sizes[0])
    if not np.isfinite(centre).all():
        raise PolicyError(f"metadata field 'action_centre' is {centre.tolist()}, which is not allowed.")
    if not (low <= high).all():
        raise PolicyError("metadata field 'action_low' exceeds 'action_high'.")
    shape = tuple(_field(fields, "observation_shape", lambda v: _is_list(v, _is_size) and len(v) <= 8))
    dtype = _field(fields, "observation_dtype", lambda v: v in ("uint8", "int8", "float32"))
    value_head, bins, limit = _field(fields, "value_head", lambda v: v in ("scalar", "distribution")), 1, 0.0
    if value_head == "distribution":
        bins = _field(fields, "value_bins", lambda v: _is_size(v) and v <= 4096)
        limit = float(_field(fields, "value_limit", lambda v: _is_number(v) and 0 < v < math.inf))
    encoder = _field(fields, "encoder", lambda v: v in ("flat", "fields", "network", *PLANE_KINDS))
    observation_fields = _read_fields(fields, shape, dtype)
    info = PolicyInfo(
        environment=_field(fields, "environment", lambda v: isinstance(v, str) and v),
        environment_version=_field(fields, "environment_version", lambda v: _is_integer(v) and v >= 0),
        observation_shape=shape,
        observation_dtype=dtype,
        observation_fields=observation_fields,
        action_kind=kind,
        action_sizes=sizes,
        action_low=low,
        action_high=high,
        action_centre=centre,
        hidden=_field(fields, "hidden", _is_size),
        layers=_field(fields, "layers", lambda v: _is_integer(v) and 0 <= v <= MAX_LAYERS),
        cell=_field(fields, "cell", lambda v: isinstance(v, str) and v in CELL_SHAPES),
        encoder=encoder,
        network=_read_network(fields) if encoder == "network" else None,
        normalized="normalized" in fields and _field(fields, "normalized", lambda v: isinstance(v, bool)),
        plane_encoders=_read_plane_encoders(fields, encoder, shape, dtype, observation_fields),
        value_head=value_head,
        value_bins=bins,
        value_limit=limit,
        settings=_field(fields, "settings", _is_settings),
    )
    if max(info.inputs, math.prod(shape)) > MAX_UNITS:
        raise PolicyError(f"metadata field 'observation_shape' is {list(info.observation_shape)}: too large.")
    if info.normalized and not info.inputs:
        raise PolicyError("metadata field 'normalized' is true, but there is no input to normalise.")
    return info


def _read_network(fields: Mapping[str, Any]) -> NetworkInfo:
    """The network of the user's own."""
    given = _field(fields, "network", lambda v: isinstance(v, dict))
    limits = _field(given, "observation_range", lambda v: v is None or (_is_list(v, _is_integer) and len(v) == 2))
    return NetworkInfo(
        name=_field(given, "name", lambda v: isinstance(v, str) and v),
        sha256=_field(given, "sha256", lambda v: isinstance(v, str) and len(v) == 64),
        features=_field(given, "features", lambda v: _is_integer(v) and 0 <= v <= MAX_UNITS),
        state=_field(given, "state", lambda v: _is_integer(v) and 0 <= v <= MAX_UNITS),
        observation_range=None if limits is None else (limits[0], limits[1]),
    )


def _read_plane_encoders(
    about: Mapping[str, Any], encoder: str, shape: tuple[int, ...], dtype: str, fields: tuple[FieldSpec, ...]
) -> tuple[PlaneEncoder | None, ...]:
    """What is read as planes: `PolicyInfo.plane_encoders`."""
    if encoder in ("flat", "network"):
        return ()
    if encoder != "fields":
        if fields:
            raise PolicyError(f"metadata field 'encoder' is {encoder!r}, which does not read such observations.")
        return (_read_plane_encoder(about, encoder, shape, dtype),)
    given = _field(about, "field_encoders", lambda v: _is_list(v, lambda item: isinstance(item, dict)))
    if not fields or len(given) != len(fields):
        raise PolicyError(f"metadata field 'field_encoders' has {len(given)} entries for {len(fields)} fields.")
    found: list[PlaneEncoder | None] = []
    for field, entry in zip(fields, given, strict=True):
        kind = _field(entry, "encoder", lambda v: v in ("flat", *PLANE_KINDS))
        if kind != "flat" and field.kind != "box":
            raise PolicyError(f"metadata field 'field_encoders' has {kind!r} for {field.name!r}, which is discrete.")
        found.append(None if kind == "flat" else _read_plane_encoder(entry, kind, field.shape, field.dtype))
    return tuple(found)


def _read_plane_encoder(about: Mapping[str, Any], kind: str, shape: tuple[int, ...], dtype: str) -> PlaneEncoder:
    """One encoder. Refuses arrays that are no image or grid, or too small for the convolutions."""

    def is_layer(given: Any) -> bool:
        if not _is_list(given, _is_integer) or len(given) != 4:
            return False
        channels, kernel, stride, padding = given
        return bool(1 <= channels <= 4096 and 1 <= kernel <= 64 and 1 <= stride <= 64 and 0 <= padding <= 64)

    dtypes = {"image": ("uint8",), "grid": ("uint8", "int8"), "embedding": STORED}[kind]
    if dtype not in dtypes or len(shape) not in (2, 3):
        raise PolicyError(f"metadata field 'encoder' is {kind!r}, which does not read such observations.")
    layers = _field(about, "convolutions", lambda v: _is_list(v, is_layer) and 1 <= len(v) <= 16)
    values, size = (0, 0), 0
    if kind != "image":
        low, high = _field(about, "grid_values", lambda v: _is_list(v, _is_integer) and len(v) == 2 and v[0] <= v[1])
        if high - low >= MAX_CHOICES or max(abs(low), abs(high)) > MAX_EXACT:
            raise PolicyError(f"metadata field 'grid_values' is {[low, high]}, which is not allowed.")
        values = (low, high)
    if kind == "embedding":
        size = _field(about, "embedding_size", lambda v: _is_size(v) and v <= 4096)
    encoder = PlaneEncoder(kind, shape, tuple(Convolution(*layer) for layer in layers), values, size)
    if min(encoder.places) < 1:
        raise PolicyError(f"metadata field 'convolutions' leaves nothing of observations of shape {shape}.")
    if encoder.most_numbers > MAX_CONVOLUTION:
        raise PolicyError(f"metadata field 'convolutions' reads more than {MAX_CONVOLUTION:_} numbers in a layer.")
    return encoder


def _read_fields(fields: Mapping[str, Any], shape: tuple[int, ...], dtype: str) -> tuple[FieldSpec, ...]:
    """The fields of a structured observation; none where the policy reads arrays."""
    given = _field(fields, "observation_fields", lambda v: _is_list(v, lambda item: isinstance(item, dict)))
    if given and (dtype != "uint8" or len(shape) != 1):
        raise PolicyError("metadata field 'observation_fields' needs rows of uint8.")
    found = tuple(_read_field(field) for field in given)
    for field in found:
        if field.start + field.size > shape[0]:
            raise PolicyError(f"metadata field 'observation_fields' has {field.name!r} reach beyond the row.")
    return found


def _read_field(given: Mapping[str, Any]) -> FieldSpec:
    field = FieldSpec(
        name=_field(given, "name", lambda v: isinstance(v, str) and v),
        kind=_field(given, "kind", lambda v: v in ("box", "discrete")),
        start=_field(given, "start", lambda v: _is_integer(v) and 0 <= v <= MAX_UNITS),
        dtype=_field(given, "dtype", lambda v: v in STORED),
        shape=tuple(_field(given, "shape", lambda v: _is_list(v, _is_size) and len(v) <= 8)),
        choices=tuple(_field(given, "choices", lambda v: _is_list(v, _is_size))),
    )
    if len(field.choices) != (math.prod(field.shape) if field.kind == "discrete" else 0):
        raise PolicyError(f"metadata field 'choices' of {field.name!r} does not fit its kind and shape.")
    return field


def _field(fields: Mapping[str, Any], name: str, allowed: Callable[[Any], object]) -> Any:
    """One metadata field, or PolicyError when it is missing or not allowed."""
    if name not in fields:
        raise PolicyError(f"its metadata has no field {name!r}.")
    value = fields[name]
    if not allowed(value):
        raise PolicyError(f"metadata field {name!r} is {repr(value)[:60]}, which is not allowed.")
    return value


def _numbers(fields: Mapping[str, Any], name: str, size: int) -> Floats:
    """A list of numbers as float32 (k,); infinities are allowed, NaN is not."""
    values = _field(fields, name, lambda v: _is_list(v, _is_number) and len(v) == size)
    with np.errstate(over="ignore"):
        return np.array(values, np.float64).astype(np.float32)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_size(value: Any) -> bool:
    return _is_integer(value) and 1 <= value <= MAX_UNITS


def _is_number(value: Any) -> bool:
    return (_is_integer(value) and abs(value) < 1 << 64) or (isinstance(value, float) and not math.isnan(value))


def _is_list(value: Any, item_allowed: Callable[[Any], object]) -> bool:
    return isinstance(value, list) and all(item_allowed(item) for item in value)


def _is_settings(value: Any) -> bool:
    return isinstance(value, dict) and all(is_setting(v) for v in value.values())


def is_setting(value: object, depth: int = MAX_SETTING_DEPTH) -> bool:
    """Whether a policy file can hold a setting of this value: a number, true, false, text, or lists and tables."""
    if depth and isinstance(value, list | tuple):
        return all(is_setting(item, depth - 1) for item in value)
    if depth and isinstance(value, dict):
        return all(isinstance(key, str) and is_setting(item, depth - 1) for key, item in value.items())
    return isinstance(value, (bool, str)) or _is_number(value)

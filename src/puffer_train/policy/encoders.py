"""How observations become the first layer's input: which encoder reads what, and the convolutions of most of them.

- `flat`: all numbers of the observation, scaled, times one matrix (observations.py does it).
- `grid`: cells of few different values, shape (h, w) or (h, w, c). Every cell becomes a one-hot, 3x3 convolutions see
  each with its neighbours, and the encoder's matrix gets what they found at every place.
- `embedding`: the same for cells of many values, such as the numbers of glyphs: each value stands for a few learned
  numbers rather than a one-hot.
- `image`: bytes, shape (h, w, c), (c, h, w) or (h, w). Three strided convolutions shrink it (the kernels and
  strides of Mnih et al. 2015, which need 36 pixels a side, with fewer channels), or two that are small and look at
  each pixel once; then as above.
- `fields`: named fields, each of which gets one of the above.

A ReLU follows each convolution. Kernels are kept as matrices (channels out, channels in * k * k), which is how
Muon treats them. `auto` is `image` where an array is almost certainly a picture: uint8 with two sides of at least 36.
Another array as a whole is `flat`, since small numbers may be categories or quantities. Among named fields, a map of
whole numbers, at least five by five, is a `grid` or, with too many values for that, an `embedding`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from puffer_envs.contract.observations import MAX_CHOICES, FieldSpec
from puffer_envs.contract.planes import MIN_IMAGE_SIDE, Convolution, PlaneEncoder, channels_first
from puffer_envs.contract.policy_info import field_encoder_as_json
from puffer_train.config import EncoderKind, ImageSize
from puffer_train.contract import EnvironmentSpec
from puffer_train.errors import ConfigError, ContractError
from puffer_train.policy.observations import Observations, can_look_at, view_field

MAX_VALUES = 64
"""Values that a cell of a grid may have: each adds a plane of inputs."""

EMBEDDING_SIZE = 8
"""Numbers that each value of an embedding stands for."""

MIN_MAP_SIDE = 5
"""Cells: what is smaller is rather a table than a map."""

LARGE_MAP = 256
"""Cells: two strides shrink what is larger, or the encoder's matrix would have most of the weights."""

IMAGES = {
    "large": (Convolution(16, 8, 4, 0), Convolution(32, 4, 2, 0), Convolution(32, 3, 1, 0)),
    "small": (Convolution(16, 8, 8, 0), Convolution(16, 4, 4, 0)),
}
SMALL_GRID = (Convolution(16, 3, 1, 1),)
LARGE_GRID = (Convolution(16, 3, 1, 1), Convolution(32, 3, 2, 1), Convolution(32, 3, 2, 1))


@dataclass(frozen=True)
class Seen:
    """An array that an encoder may read: the whole observation, or a field of it."""

    shape: tuple[int, ...]
    """Its shape."""
    dtype: str
    """As it is stored."""
    scale: float
    """Factor that scales its numbers to about -1..1."""
    limits: tuple[int, int] | None
    """Least and greatest number, of whole numbers with bounds."""


def whole(spec: EnvironmentSpec) -> Seen:
    """Return an observation that is an array."""
    scale = min(spec.observation_scale, default=1.0)
    return Seen(spec.observation_shape, spec.observation_dtype, scale, spec.observation_range)


def fields_seen(spec: EnvironmentSpec) -> list[Seen]:
    """Return the fields of a structured observation."""
    found, first = [], 0
    ranges = spec.field_ranges or (None,) * len(spec.observation_fields)
    for field, limits in zip(spec.observation_fields, ranges, strict=True):
        scale = min(spec.observation_scale[first : first + field.inputs])
        found.append(Seen(field.shape, field.dtype, scale, limits))
        first += field.inputs
    return found


def choose_encoder(spec: EnvironmentSpec, wanted: EncoderKind) -> EncoderKind:
    """Return the encoder for the setting `wanted`, never `auto`. Raises `ConfigError` when it cannot read such."""
    if spec.observation_fields:
        if wanted == "auto":
            return "fields" if any(kind != "flat" for kind in choose_field_encoders(spec)) else "flat"
        if wanted in ("flat", "fields"):
            return wanted
    seen = whole(spec)
    if wanted == "auto":
        return "image" if _is_image(seen) else "flat"
    if wanted == "fields":
        needed = "rows of named fields"
    elif wanted == "image" and (spec.observation_fields or not _is_image(seen)):
        needed = f"uint8 of shape (h, w, c), (c, h, w) or (h, w) with h and w at least {MIN_IMAGE_SIDE}"
    elif wanted in ("grid", "embedding") and (seen.limits is None or len(seen.shape) not in (2, 3)):
        needed = "uint8 or int8 of shape (h, w) or (h, w, c)"
    elif wanted == "grid" and seen.limits is not None and _values(seen.limits) > MAX_VALUES:
        low, high = seen.limits
        raise ConfigError(
            f"policy.encoder 'grid' reads cells of at most {MAX_VALUES} values, but these observations may hold "
            f"{low} to {high}: narrow the bounds of the observation space, or use 'embedding' or 'flat'."
        )
    else:
        return wanted
    what = "rows of named fields" if spec.observation_fields else f"{seen.dtype} of shape {seen.shape}"
    raise ConfigError(f"policy.encoder {wanted!r} reads {needed}, but these observations are {what}: use 'auto'.")


def choose_field_encoders(spec: EnvironmentSpec) -> list[EncoderKind]:
    """Return `flat`, `image`, `grid` or `embedding` for each named field."""
    chosen: list[EncoderKind] = []
    for field, seen in zip(spec.observation_fields, fields_seen(spec), strict=True):
        if field.kind == "box" and _is_image(seen):
            chosen.append("image")
        elif field.kind == "box" and _is_map(seen):
            assert seen.limits is not None
            few = _values(seen.limits) <= MAX_VALUES and seen.dtype != "float32"
            chosen.append("grid" if few else "embedding")
        else:
            chosen.append("flat")
    return chosen


def _is_image(seen: Seen) -> bool:
    if seen.dtype != "uint8" or len(seen.shape) not in (2, 3):
        return False
    return min(seen.shape[:2]) >= MIN_IMAGE_SIDE or min(seen.shape[-2:]) >= MIN_IMAGE_SIDE


def _is_map(seen: Seen) -> bool:
    if seen.limits is None or len(seen.shape) not in (2, 3) or min(seen.shape[:2]) < MIN_MAP_SIDE:
        return False
    return _values(seen.limits) * (*seen.shape, 1)[2] <= MAX_CHOICES


def _values(limits: tuple[int, int]) -> int:
    return limits[1] - limits[0] + 1


def plane_encoder(seen: Seen, kind: str, image: ImageSize = "large") -> PlaneEncoder:
    """Return the convolutions for an array that is read as `image`, `grid` or `embedding`."""
    if kind == "image":
        return PlaneEncoder(kind, seen.shape, IMAGES[image])
    assert seen.limits is not None
    stack = SMALL_GRID if math.prod(seen.shape[:2]) <= LARGE_MAP else LARGE_GRID
    return PlaneEncoder(kind, seen.shape, stack, seen.limits, EMBEDDING_SIZE if kind == "embedding" else 0)


class ImagePlanes(nn.Module):
    """The channels of an image."""

    def __init__(self, encoder: PlaneEncoder) -> None:
        super().__init__()
        self.channels_first = channels_first(encoder.shape)

    def forward(self, observations: Tensor) -> Tensor:
        """Return images (N, *shape) as planes (N, C, h, w)."""
        if self.channels_first:
            return observations
        return observations.unsqueeze(1) if observations.ndim == 3 else observations.movedim(-1, 1)


class GridPlanes(nn.Module):
    """One plane for each value of each channel of a grid: 1 in the cells that hold it."""

    def __init__(self, encoder: PlaneEncoder) -> None:
        super().__init__()
        self.low, self.high = encoder.values

    def forward(self, observations: Tensor) -> Tensor:
        """Return grids (N, h, w) or (N, h, w, c) as planes (N, C, h, w).

        Raises `ContractError` for a cell outside the declared range. On a GPU, where checking would
        mean waiting, such a grid becomes all NaN, which the trainer notices and does not learn from.
        """
        grids = _channels(observations)
        values = torch.arange(self.low, self.high + 1, dtype=grids.dtype, device=grids.device)
        planes = (grids.unsqueeze(2) == values.view(-1, 1, 1)).flatten(1, 2)
        wrong = _outside(grids, self.low, self.high)
        return planes if wrong is None else torch.where(wrong, torch.nan, planes.to(torch.float32))


class EmbeddingPlanes(nn.Module):
    """Learned numbers for each value of each channel of a grid: a plane for each of these numbers."""

    def __init__(self, encoder: PlaneEncoder, generator: torch.Generator) -> None:
        super().__init__()
        self.low, self.high = encoder.values
        self.size = encoder.size
        rows = encoder.tensor_shapes["embedding.weight"][0]
        self.weight = nn.Parameter(torch.randn(rows * self.size, generator=generator))
        """(values of all channels * size,), flat: Adam steps it, since most rows have no gradient most of the time."""

    def forward(self, observations: Tensor) -> Tensor:
        """Return grids (N, h, w) or (N, h, w, c) as planes (N, c * size, h, w). Outside its range: see `GridPlanes`."""
        grids = _channels(observations)
        wrong = _outside(grids, self.low, self.high)
        rows = grids.to(torch.int64) - self.low
        first = (self.high - self.low + 1) * torch.arange(grids.shape[1], device=grids.device)
        rows = rows + first.view(-1, 1, 1)
        if wrong is not None:
            rows = rows.masked_fill(wrong, 0)
        numbers = nn.functional.embedding(rows, self.weight.view(-1, self.size))
        planes = numbers.movedim(-1, 2).flatten(1, 2)
        return planes if wrong is None else planes.masked_fill(wrong, torch.nan)


def _channels(observations: Tensor) -> Tensor:
    """Return grids (N, h, w) or (N, h, w, c) as (N, c, h, w)."""
    return observations.unsqueeze(1) if observations.ndim == 3 else observations.movedim(-1, 1)


def _outside(grids: Tensor, low: int, high: int) -> Tensor | None:
    """Return which grids (N, ...) have a number outside a range, (N, 1, 1, 1); on a processor raise `ContractError`."""
    wrong = ~((grids >= low) & (grids <= high)).flatten(1)
    if not can_look_at(grids):
        return wrong.any(1).view(-1, 1, 1, 1)
    if wrong.any():
        cell = float(grids.flatten(1)[wrong][0])
        raise ContractError(f"an observation holds {cell:g}, but its space allows {low} to {high} only.")
    return None


class Convolutions(nn.Module):
    """An array as planes of numbers, and the convolutions that they go through."""

    scale: Tensor

    def __init__(self, seen: Seen, kind: str, generator: torch.Generator, image: ImageSize = "large") -> None:
        """Draw the first weights (He et al. 2015: a ReLU keeps half of what it gets). kind: see `plane_encoder`."""
        super().__init__()
        self.encoder = plane_encoder(seen, kind, image)
        self.planes: nn.Module = ImagePlanes(self.encoder)
        scale = seen.scale
        if kind == "grid":
            self.planes, scale = GridPlanes(self.encoder), math.sqrt(self.encoder.num_values)  # of a one-hot: 1
        elif kind == "embedding":
            self.planes, scale = EmbeddingPlanes(self.encoder, generator), 1.0
        self.register_buffer("scale", torch.tensor([scale]), persistent=False)  # to about -1..1
        self.weights = nn.ParameterList()
        for name, shape in self.encoder.tensor_shapes.items():
            if name.startswith("convolution."):
                bound = math.sqrt(6 / shape[1])
                self.weights.append(nn.Parameter(torch.empty(shape).uniform_(-bound, bound, generator=generator)))
        self.features = self.encoder.features
        """Numbers that come out, F."""

    def identity(self) -> dict[str, Any]:
        """Return what its weights depend on, as JSON values."""
        return self.encoder.as_json()

    def products(self) -> list[tuple[int, int]]:
        """Return the (inputs, outputs) of every matrix of kernels."""
        return [(weight.shape[1], weight.shape[0]) for weight in self.weights]

    def tensors(self) -> dict[str, Tensor]:
        """Return what a policy file holds of it, by name; writing to these tensors restores it."""
        found = {"input_scale": self.scale}
        if isinstance(self.planes, EmbeddingPlanes):
            found["embedding.weight"] = self.planes.weight.detach().view(-1, self.planes.size)
        return found | {f"convolution.{i}.weight": weight.detach() for i, weight in enumerate(self.weights)}

    def check(self, observations: Tensor) -> None:
        """Raise `ContractError` if a cell of arrays (..., *shape) has none of its values."""
        if self.encoder.kind != "image":
            _outside(observations.reshape(-1, *self.encoder.shape), *self.encoder.values)

    def forward(self, observations: Observations) -> Tensor:
        """Return the features of observations (..., *shape), by channel, row and column: (..., F)."""
        assert isinstance(observations, Tensor)
        batch = observations.shape[: observations.ndim - len(self.encoder.shape)]
        x = self.planes(observations.reshape(-1, *self.encoder.shape)).to(self.scale.dtype) * self.scale
        for layer, weight in zip(self.encoder.convolutions, self.weights, strict=True):
            kernels = weight.view(layer.channels, -1, layer.kernel, layer.kernel)
            x = torch.relu_(nn.functional.conv2d(x, kernels, stride=layer.stride, padding=layer.padding))
        found: Tensor = x.reshape(*batch, self.features)
        return found


class FieldConvolutions(nn.Module):
    """The fields of structured observations that are read as planes."""

    def __init__(self, spec: EnvironmentSpec, generator: torch.Generator, image: ImageSize = "large") -> None:
        """Draw the first weights."""
        super().__init__()
        self.kinds = choose_field_encoders(spec)
        self.fields: list[FieldSpec] = []
        self.numbers: list[int] = []
        """Which of all fields these are."""
        self.parts = nn.ModuleList()
        for number, (kind, seen) in enumerate(zip(self.kinds, fields_seen(spec), strict=True)):
            if kind != "flat":
                self.fields.append(spec.observation_fields[number])
                self.numbers.append(number)
                self.parts.append(Convolutions(seen, kind, generator, image))
        self.features = sum(part.features for part in self._convolutions())
        """Numbers that come out, F."""

    def _convolutions(self) -> list[Convolutions]:
        return [part for part in self.parts if isinstance(part, Convolutions)]

    def identity(self) -> dict[str, Any]:
        """Return what its weights depend on, as JSON values."""
        found = dict(zip(self.numbers, (part.encoder for part in self._convolutions()), strict=True))
        return {"field_encoders": [field_encoder_as_json(found.get(n)) for n in range(len(self.kinds))]}

    def products(self) -> list[tuple[int, int]]:
        """Return the (inputs, outputs) of every matrix of kernels."""
        return [product for part in self._convolutions() for product in part.products()]

    def tensors(self) -> dict[str, Tensor]:
        """Return what a policy file holds of it, by name; writing to these tensors restores it."""
        pairs = zip(self.numbers, self._convolutions(), strict=True)
        return {f"field.{n}.{name}": tensor for n, part in pairs for name, tensor in part.tensors().items()}

    def check(self, observations: Tensor) -> None:
        """Raise `ContractError` if a cell in observations (..., B) has none of its values."""
        for field, part in zip(self.fields, self._convolutions(), strict=True):
            part.check(view_field(observations, field))

    def forward(self, observations: Observations) -> Tensor:
        """Return the features of observations (..., B), or of named fields, field by field: (..., F)."""
        pairs = zip(self.fields, self._convolutions(), strict=True)
        return torch.cat([part(view_field(observations, field)) for field, part in pairs], -1)


def flat_inputs(
    spec: EnvironmentSpec, kind: EncoderKind
) -> tuple[list[FieldSpec], tuple[float, ...], tuple[bool, ...]]:
    """Return what is multiplied as it is, for a kind that `choose_encoder` returned.

    Returns:
        The fields of structured observations that are; the factor of each input; whether it lacks useful bounds.
    """
    scale = spec.observation_scale
    unbounded = spec.observation_unbounded or (False,) * len(scale)
    if kind == "flat":
        return list(spec.observation_fields), scale, unbounded
    fields: list[FieldSpec] = []
    inputs: list[int] = []
    first = 0
    for field, of_field in zip(spec.observation_fields, choose_field_encoders(spec), strict=True):
        if of_field == "flat":
            fields.append(field)
            inputs += range(first, first + field.inputs)
        first += field.inputs
    return fields, tuple(scale[i] for i in inputs), tuple(unbounded[i] for i in inputs)


Front = Convolutions | FieldConvolutions


def make_front(
    spec: EnvironmentSpec, kind: EncoderKind, generator: torch.Generator, image: ImageSize = "large"
) -> Front | None:
    """Return what maps observations (..., *shape) to features (..., F), for a kind that `choose_encoder` returned."""
    if kind == "flat":
        return None
    if kind == "fields":
        return FieldConvolutions(spec, generator, image)
    return Convolutions(whole(spec), kind, generator, image)

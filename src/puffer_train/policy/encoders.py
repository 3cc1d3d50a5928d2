"""How observations become the first layer's input: which encoder reads what, and the convolutions of two of them.

- `flat`: all numbers of the observation, scaled, times one matrix (observations.py does it).
- `grid`: cells of few different values, shape (h, w) or (h, w, c). Every cell becomes a one-hot, one 3x3
  convolution sees each with its neighbours, and the encoder's matrix gets what it found at every place.
- `image`: bytes, shape (h, w, c), (c, h, w) or (h, w). Three strided convolutions shrink it (the kernels and
  strides of Mnih et al. 2015, which need 36 pixels a side, with fewer channels), then as above.

A ReLU follows each convolution. Kernels are kept as matrices (channels out, channels in * k * k), which is how
Muon treats them. `auto` is `image` where an observation is almost certainly a picture: uint8 in three dimensions
with two sides of at least 36, and otherwise `flat`, since small numbers may be categories or quantities.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from puffer_envs.contract.policy_info import (
    MIN_IMAGE_SIDE,
    Convolution,
    channels_first,
    convolutions_as_json,
    grid_planes,
    image_planes,
)
from puffer_train.config import EncoderKind
from puffer_train.contract import EnvironmentSpec
from puffer_train.errors import ConfigError, ContractError
from puffer_train.policy.observations import can_look_at

MAX_VALUES = 64
"""Values that a cell of a grid may have: each adds a plane of inputs."""


STACKS = {
    "grid": (Convolution(16, 3, 1, 1),),
    "image": (Convolution(16, 8, 4, 0), Convolution(32, 4, 2, 0), Convolution(32, 3, 1, 0)),
}


def choose_encoder(spec: EnvironmentSpec, wanted: EncoderKind) -> EncoderKind:
    """Return `flat`, `grid` or `image` for the setting `wanted`. Raises `ConfigError` when it cannot read such."""
    shape, dtype = spec.observation_shape, spec.observation_dtype
    if wanted == "auto":
        return "image" if len(shape) == 3 and _is_image(spec) else "flat"
    if wanted == "image" and not _is_image(spec):
        needed = f"uint8 of shape (h, w, c), (c, h, w) or (h, w) with h and w at least {MIN_IMAGE_SIDE}"
    elif wanted == "grid" and (spec.observation_range is None or len(shape) not in (2, 3)):
        needed = "uint8 or int8 of shape (h, w) or (h, w, c)"
    elif wanted == "grid" and spec.observation_range is not None and _values(spec.observation_range) > MAX_VALUES:
        low, high = spec.observation_range
        raise ConfigError(
            f"policy.encoder 'grid' reads cells of at most {MAX_VALUES} values, but these observations may hold "
            f"{low} to {high}: narrow the bounds of the observation space, or use 'flat'."
        )
    else:
        return wanted
    what = "rows of named fields" if spec.observation_fields else f"{dtype} of shape {shape}"
    raise ConfigError(f"policy.encoder {wanted!r} reads {needed}, but these observations are {what}: use 'auto'.")


def _is_image(spec: EnvironmentSpec) -> bool:
    shape = spec.observation_shape
    if spec.observation_dtype != "uint8" or spec.observation_fields or len(shape) not in (2, 3):
        return False
    return min(shape[:2]) >= MIN_IMAGE_SIDE or min(shape[-2:]) >= MIN_IMAGE_SIDE


def _values(limits: tuple[int, int]) -> int:
    return limits[1] - limits[0] + 1


class ImagePlanes:
    """The channels of an image."""

    def __init__(self, spec: EnvironmentSpec) -> None:
        self.channels_first = channels_first(spec.observation_shape)
        self.shape = image_planes(spec.observation_shape)
        self.scale = min(spec.observation_scale)

    def __call__(self, observations: Tensor) -> Tensor:
        """Return images (N, *shape) as planes (N, C, h, w)."""
        if self.channels_first:
            return observations
        return observations.unsqueeze(1) if observations.ndim == 3 else observations.movedim(-1, 1)

    def identity(self) -> dict[str, Any]:
        """Nothing depends on more than the observation's shape."""
        return {}


class GridPlanes:
    """One plane for each value of each channel of a grid: 1 in the cells that hold it."""

    def __init__(self, spec: EnvironmentSpec) -> None:
        assert spec.observation_range is not None
        self.low, self.high = spec.observation_range
        self.shape = grid_planes(spec.observation_shape, spec.observation_range)
        self.scale = math.sqrt(_values(spec.observation_range))  # scales a one-hot's mean square to 1

    def __call__(self, observations: Tensor) -> Tensor:
        """Return grids (N, h, w) or (N, h, w, c) as planes (N, C, h, w).

        Raises `ContractError` for a cell outside the declared range. On a GPU, where checking would
        mean waiting, such a grid becomes all NaN, which the trainer notices and does not learn from.
        """
        grids = observations.unsqueeze(1) if observations.ndim == 3 else observations.movedim(-1, 1)
        values = torch.arange(self.low, self.high + 1, dtype=grids.dtype, device=grids.device)
        planes = (grids.unsqueeze(2) == values.view(-1, 1, 1)).flatten(1, 2)
        wrong = ((grids < self.low) | (grids > self.high)).flatten(1)
        if can_look_at(grids):
            if wrong.any():
                cell = int(grids.flatten(1)[wrong][0])
                raise ContractError(
                    f"an observation holds {cell}, but its space allows {self.low} to {self.high} only."
                )
            return planes
        return torch.where(wrong.any(1).view(-1, 1, 1, 1), torch.nan, planes.to(torch.float32))

    def identity(self) -> dict[str, Any]:
        """Which values a cell may have."""
        return {"grid_values": [self.low, self.high]}


class Convolutions(nn.Module):
    """Observations as planes of numbers, and the convolutions that they go through."""

    scale: Tensor

    def __init__(self, spec: EnvironmentSpec, encoder: str, generator: torch.Generator) -> None:
        """Draw the first weights (He et al. 2015: a ReLU keeps half of what it gets). encoder: a key of `STACKS`."""
        super().__init__()
        self.planes: ImagePlanes | GridPlanes = ImagePlanes(spec) if encoder == "image" else GridPlanes(spec)
        self.stack, self.dimensions = STACKS[encoder], len(spec.observation_shape)
        self.register_buffer("scale", torch.tensor([self.planes.scale]), persistent=False)  # to about -1..1
        self.weights = nn.ParameterList()
        channels, height, width = self.planes.shape
        for layer in self.stack:
            inputs = channels * layer.kernel**2
            bound = math.sqrt(6 / inputs)
            weight = torch.empty(layer.channels, inputs).uniform_(-bound, bound, generator=generator)
            self.weights.append(nn.Parameter(weight))
            channels, height, width = layer.channels, layer.places(height), layer.places(width)
        self.features = channels * height * width
        """Numbers that come out, F."""

    def identity(self) -> dict[str, Any]:
        """Return what its weights depend on, as JSON values."""
        return {"convolutions": convolutions_as_json(self.stack), **self.planes.identity()}

    def products(self) -> list[tuple[int, int]]:
        """Return the (inputs, outputs) of every matrix of kernels."""
        return [(weight.shape[1], weight.shape[0]) for weight in self.weights]

    def forward(self, observations: Tensor) -> Tensor:
        """Return the features of observations (..., *shape), by channel, row and column: (..., F)."""
        batch = observations.shape[: observations.ndim - self.dimensions]
        planes = self.planes(observations.reshape(-1, *observations.shape[len(batch) :]))
        x = planes.to(self.scale.dtype) * self.scale
        for layer, weight in zip(self.stack, self.weights, strict=True):
            kernels = weight.view(layer.channels, -1, layer.kernel, layer.kernel)
            x = torch.relu_(nn.functional.conv2d(x, kernels, stride=layer.stride, padding=layer.padding))
        return x.reshape(*batch, self.features)

"""Convolutions in a C file: their sizes, their weights in the order of the C code, and what they compute.

Planes lie in memory as c/learn/planes.h has them: (groups, height, width, inner), the channels of a place side by side;
an image with its channels first has a group for each. Weights and features follow the same order, that of a policy file
is (channels, height, width).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_envs.contract.planes import Convolution, PlaneEncoder, channels_first
from puffer_envs.contract.policy_info import PolicyInfo
from puffer_envs.contract.tensor_file import Floats
from puffer_train.storage.c_file.matrix import Matrix, fused, multiply

KINDS = ("image", "grid", "embedding")
"""In the order of the C file's enumeration."""


@dataclass(frozen=True)
class Layer:
    """A convolution, and the planes that it reads, without their padding."""

    convolution: Convolution
    groups: int
    height: int
    width: int
    inner: int
    """Numbers of a place in a group."""
    looks_up: bool
    """The first layer of a grid: rows of weights are picked and added up."""

    @property
    def places(self) -> tuple[int, int]:
        """Height and width of what it writes."""
        return self.convolution.places(self.height), self.convolution.places(self.width)

    @property
    def depth(self) -> int:
        """Numbers that a place reads."""
        return self.groups * self.convolution.kernel**2 * self.inner

    @property
    def order(self) -> NDArray[np.int64]:
        """Where the numbers of a place are in the rows of a policy file."""
        shape = (self.groups * self.inner, self.convolution.kernel, self.convolution.kernel)
        found = np.arange(self.depth).reshape(shape)
        return (found if self.groups > 1 else found.transpose(1, 2, 0)).ravel()

    @property
    def work(self) -> int:
        """Multiplications and additions, at most; additions alone where it looks up."""
        cells = self.groups * self.inner if not self.looks_up else self.inner
        return math.prod(self.places) * cells * self.convolution.kernel**2 * self.convolution.channels


@dataclass(frozen=True)
class Front:
    """An array of an observation, and the convolutions that it goes through."""

    encoder: PlaneEncoder
    prefix: str
    """Of its tensors in a policy file."""
    dtype: str
    at: int
    """Its first byte."""
    layers: list[Layer]
    matrices: list[Matrix]
    """One (channels, depth) for each layer, the first with the scale of the numbers."""
    embedding: Floats | None
    """(channels * values, size)."""

    @property
    def first(self) -> bool:
        """Whether its channels come first."""
        return self.encoder.kind == "image" and channels_first(self.encoder.shape)

    @property
    def height_width_channels(self) -> tuple[int, int, int]:
        """Of the array."""
        shape = self.encoder.shape
        height, width, channels = (*shape[1:], shape[0]) if self.first else (*shape, 1)[:3]
        return height, width, channels

    @property
    def order(self) -> NDArray[np.int64]:
        """Where its features are among those of a policy file."""
        channels, places = self.encoder.convolutions[-1].channels, self.encoder.places
        return np.arange(self.encoder.features).reshape(channels, *places).transpose(1, 2, 0).ravel()

    @property
    def tensors(self) -> dict[str, Floats]:
        """In a policy file, with the scale in the weights."""
        found: dict[str, Floats] = {"input_scale": np.ones(1, np.float32)}
        if self.embedding is not None:
            found["embedding.weight"] = self.embedding
        for i, (layer, matrix) in enumerate(zip(self.layers, self.matrices, strict=True)):
            found[f"convolution.{i}.weight"] = matrix.values[:, np.argsort(layer.order)]
        return {self.prefix + name: tensor for name, tensor in found.items()}

    def features(self, observations: NDArray[Any]) -> Floats:
        """The features (A, F) of observations, with the roundings of the C code."""
        rows = np.ascontiguousarray(observations).reshape(len(observations), -1).view(np.uint8)
        size = math.prod(self.encoder.shape) * np.dtype(self.dtype).itemsize
        array = np.ascontiguousarray(rows[:, self.at : self.at + size]).view(self.dtype)
        planes = array.astype(np.float32) if self.encoder.kind == "image" else self._picked(array)
        for layer, matrix in zip(self.layers, self.matrices, strict=True):
            planes = _look_up(layer, matrix, planes) if layer.looks_up else _convolve(layer, matrix, planes)
        return planes

    def _picked(self, array: NDArray[Any]) -> Floats:
        """What the cells (A, N) of an embedding stand for; those of a grid: which row of weights each picks."""
        values, channels = self.encoder.num_values, self.height_width_channels[2]
        cells = array.astype(np.int64) - self.encoder.values[0]
        cells = np.where((cells < 0) | (cells >= values), values - 1, cells)
        cells += np.tile(np.arange(channels) * values, cells.shape[1] // channels)
        picked = cells if self.embedding is None else self.embedding[cells].reshape(len(cells), -1)
        return np.asarray(picked)


def fronts_of(info: PolicyInfo, tensors: dict[str, Floats], kind: str) -> list[Front]:
    """Return what a policy reads as planes, in the order of its features."""
    found = []
    for prefix, field, encoder in info.planes:
        layers = _layers(encoder)
        scale = tensors[f"{prefix}input_scale"]
        matrices = []
        for i, layer in enumerate(layers):
            weight = tensors[f"{prefix}convolution.{i}.weight"][:, layer.order]
            matrices.append(Matrix.of(weight * scale if i == 0 else weight, kind))
        embedding = tensors.get(f"{prefix}embedding.weight")
        dtype, at = (info.observation_dtype, 0) if field is None else (field.dtype, field.start)
        found.append(Front(encoder, prefix, dtype, at, layers, matrices, embedding))
    return found


def _layers(encoder: PlaneEncoder) -> list[Layer]:
    inner, height, width = encoder.planes
    first = encoder.kind == "image" and channels_first(encoder.shape)
    groups, inner = (inner, 1) if first else (1, inner)
    layers = []
    for i, convolution in enumerate(encoder.convolutions):
        layer = Layer(convolution, groups, height, width, inner, i == 0 and encoder.kind == "grid")
        layers.append(layer)
        (height, width), groups, inner = layer.places, 1, convolution.channels
    return layers


def _windows(layer: Layer, planes: NDArray[Any], outside: Any) -> NDArray[Any]:
    """What each place of a layer reads: (A, places, groups * kernel * kernel, numbers of a cell)."""
    rows, pad = len(planes), layer.convolution.padding
    shaped = planes.reshape(rows, layer.groups, layer.height, layer.width, -1)
    padded = np.pad(shaped, ((0, 0), (0, 0), (pad, pad), (pad, pad), (0, 0)), constant_values=outside)
    kernel, stride = layer.convolution.kernel, layer.convolution.stride
    windows = np.lib.stride_tricks.sliding_window_view(padded, (kernel, kernel), axis=(2, 3))
    windows = windows[:, :, ::stride, ::stride].transpose(0, 2, 3, 1, 5, 6, 4)
    return windows.reshape(rows, math.prod(layer.places), layer.groups * kernel * kernel, -1)


def _convolve(layer: Layer, matrix: Matrix, planes: Floats) -> Floats:
    windows = _windows(layer, planes, 0).reshape(-1, layer.depth)
    return np.maximum(multiply(windows, matrix), 0).reshape(len(planes), -1)


def _look_up(layer: Layer, matrix: Matrix, cells: NDArray[Any]) -> Floats:
    """Add up the rows of weights that the cells (A, N) pick."""
    windows = _windows(layer, cells, -1)
    table = np.vstack([matrix.numbers.T.astype(np.float32), np.zeros(len(matrix.numbers), np.float32)])
    first = np.arange(windows.shape[2])[:, None] * layer.inner
    picked = np.where(windows < 0, layer.depth, windows + first).reshape(len(cells) * windows.shape[1], -1)
    sums = np.zeros((len(picked), len(matrix.numbers)), np.float32)
    for column in picked.T:
        sums = sums + table[column]
    sums = sums if matrix.scales is None else fused(sums, matrix.scales, np.float32(0))
    return np.maximum(sums, 0).reshape(len(cells), -1)

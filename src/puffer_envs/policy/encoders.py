"""Encoders, from observations to the input of the first recurrent layer: a matrix, or convolutions and a matrix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from puffer_envs.contract.observations import FieldSpec
from puffer_envs.contract.planes import Convolution, PlaneEncoder, channels_first
from puffer_envs.contract.policy_info import INPUT_LIMIT, PolicyInfo
from puffer_envs.contract.tensor_file import Floats

Encoder = Callable[[NDArray[Any]], Floats]
"""From observations (A, *shape) to (A, H)."""


def make_encoder(info: PolicyInfo, tensors: dict[str, Floats]) -> Encoder:
    """Return the encoder that a policy file describes. Calling it raises ValueError for invalid observations."""
    if info.encoder == "flat":
        return StructuredEncoder(info, tensors) if info.observation_fields else FlatEncoder(tensors)
    if info.encoder == "fields":
        return FieldsEncoder(info, tensors)
    ((_, _, encoder),) = info.planes
    features, weight = PlaneFeatures(encoder, tensors), tensors["encoder.weight"]
    return lambda observations: np.asarray(features(observations) @ weight.T)


class FlatEncoder:
    """Multiplies all numbers, scaled or normalised, by one matrix."""

    def __init__(self, tensors: dict[str, Floats]) -> None:
        self.scale, self.weight = tensors["input_scale"], tensors["encoder.weight"]
        self.mean = tensors.get("input_mean")

    def __call__(self, observations: NDArray[Any]) -> Floats:
        """Return (A, H)."""
        return self.multiply(observations.reshape(len(observations), -1), slice(0, len(self.scale)))

    def multiply(self, numbers: NDArray[Any], columns: slice) -> Floats:
        """Multiply numbers (A, N) by their N columns of the matrix; returns (A, H)."""
        scaled: Floats = numbers.astype(np.float32)
        if not np.isfinite(scaled).all():
            raise ValueError("observations must be finite, got NaN or infinity")
        if self.mean is None:
            scaled *= self.scale[columns]
        else:
            with np.errstate(over="ignore"):  # what is cut may overflow
                scaled = (scaled - self.mean[columns]) * self.scale[columns]
            scaled.clip(-INPUT_LIMIT, INPUT_LIMIT, out=scaled)
        return np.asarray(scaled @ self.weight[:, columns].T)


class StructuredEncoder(FlatEncoder):
    """Multiplies the numbers of some fields, and one-hots of others, by one matrix."""

    def __init__(self, info: PolicyInfo, tensors: dict[str, Floats]) -> None:
        super().__init__(tensors)
        self.fields = info.flat_fields
        columns = len(self.scale)  # behind them are those of planes
        self.rows = np.ascontiguousarray((self.weight[:, :columns] * self.scale).T)
        """The matrix with a row for each input, scaled: what a code picks is then in one piece."""

    def __call__(self, observations: NDArray[Any]) -> Floats:
        """Return (A, H)."""
        x: Floats = np.zeros((len(observations), len(self.weight)), np.float32)
        rows, column = np.ascontiguousarray(observations, np.uint8), 0
        for field in self.fields:
            numbers = field.read(rows)
            if field.kind == "box":
                x += self.multiply(numbers, slice(column, column + field.inputs))
            else:
                x += self._look_up(field, numbers, column)
            column += field.inputs
        return x

    def _look_up(self, field: FieldSpec, numbers: NDArray[Any], column: int) -> Floats:
        """Multiply one-hots of numbers (A, N) by the matrix from `column` on, by picking rows of it; returns (A, H)."""
        if ((numbers < 0) | (numbers >= field.choices)).any():
            raise ValueError(f"observation field {field.name!r} has a number outside its {field.choices} choices")
        first = column + np.cumsum((0, *field.choices[:-1]))
        columns = numbers.astype(np.int64) + first
        return np.asarray(self.rows[columns].sum(axis=1))


class FieldsEncoder(StructuredEncoder):
    """Some fields as above, and behind their columns the features of those that are read as planes."""

    def __init__(self, info: PolicyInfo, tensors: dict[str, Floats]) -> None:
        super().__init__(info, tensors)
        self.planes = [(field, PlaneFeatures(encoder, tensors, prefix)) for prefix, field, encoder in info.planes]

    def __call__(self, observations: NDArray[Any]) -> Floats:
        """Return (A, H)."""
        x = super().__call__(observations)
        rows, column = np.ascontiguousarray(observations, np.uint8), len(self.scale)
        for field, features in self.planes:
            assert field is not None
            found = features(field.read(rows).reshape(len(rows), *field.shape))
            x += found @ self.weight[:, column : column + found.shape[1]].T
            column += found.shape[1]
        return x


class PlaneFeatures:
    """Applies convolutions, each followed by a ReLU, to planes of numbers."""

    def __init__(self, encoder: PlaneEncoder, tensors: dict[str, Floats], prefix: str = "") -> None:
        self.encoder, self.scale = encoder, tensors[f"{prefix}input_scale"]
        self.table = tensors.get(f"{prefix}embedding.weight")
        self.kernels = [tensors[f"{prefix}convolution.{i}.weight"] for i in range(len(encoder.convolutions))]

    def __call__(self, arrays: NDArray[Any]) -> Floats:
        """Return the features (A, F) of arrays (A, *shape)."""
        planes = self._image_planes(arrays) if self.encoder.kind == "image" else self._grid_planes(arrays)
        x: Floats = planes.astype(np.float32) * self.scale
        for layer, weight in zip(self.encoder.convolutions, self.kernels, strict=True):
            x = np.maximum(_convolve(x, layer, weight), 0)
        return np.asarray(x.reshape(len(x), -1))

    def _image_planes(self, arrays: NDArray[Any]) -> NDArray[Any]:
        """Return images (A, *shape) as planes (A, C, h, w)."""
        if arrays.ndim == 3:
            return arrays[:, None]
        return arrays if channels_first(self.encoder.shape) else np.moveaxis(arrays, -1, 1)

    def _grid_planes(self, arrays: NDArray[Any]) -> NDArray[Any]:
        """Return grids (A, h, w) or (A, h, w, c) as planes (A, C, h, w): one-hots of each channel, or embeddings."""
        low, high = self.encoder.values
        if not ((arrays >= low) & (arrays <= high)).all():
            raise ValueError(f"cells of the grid must be from {low} to {high}, got another number")
        grids = arrays[:, None] if arrays.ndim == 3 else np.moveaxis(arrays, -1, 1)
        if self.table is None:
            planes = grids[:, :, None] == np.arange(low, high + 1)[:, None, None]
        else:
            first = self.encoder.num_values * np.arange(grids.shape[1])
            planes = np.moveaxis(self.table[grids.astype(np.int64) - low + first[:, None, None]], -1, 2)
        joined: NDArray[Any] = planes.reshape(len(planes), -1, *planes.shape[-2:])
        return joined


def _convolve(x: Floats, layer: Convolution, weight: Floats) -> Floats:
    """Convolve planes (A, C, h, w) with kernels (channels out, C * k * k); returns (A, channels out, h', w')."""
    border = (layer.padding, layer.padding)
    windows = sliding_window_view(np.pad(x, ((0, 0), (0, 0), border, border)), (layer.kernel,) * 2, axis=(2, 3))
    windows = windows[:, :, :: layer.stride, :: layer.stride].transpose(0, 2, 3, 1, 4, 5)
    places = windows.reshape(*windows.shape[:3], -1)
    return np.asarray(np.moveaxis(places @ weight.T, -1, 1))

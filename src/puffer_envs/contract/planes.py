"""Arrays that are read as planes of numbers, and the convolutions that these go through: docs/policy-file.md."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

MIN_IMAGE_SIDE = 36
"""Pixels: what the trainer's three convolutions need. A shorter side counts channels instead."""

PLANE_KINDS = ("grid", "image", "embedding")
"""What an array may be read as."""


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
        """At how many places the kernel is applied along a side of that many pixels."""
        return (side + 2 * self.padding - self.kernel) // self.stride + 1


@dataclass(frozen=True)
class PlaneEncoder:
    """Reads an array as planes and applies convolutions to them."""

    kind: str
    """`image`: a plane is a channel; `grid`: a plane for each value of each channel, 1 where a cell holds it;
    `embedding`: each value of each channel stands for `size` learned numbers, a plane for each."""
    shape: tuple[int, ...]
    """Of the array: (h, w), (h, w, c), or for images also (c, h, w)."""
    convolutions: tuple[Convolution, ...]
    """In the order of their use."""
    values: tuple[int, int] = (0, 0)
    """Least and greatest number in a cell of a grid or an embedding."""
    size: int = 0
    """Numbers that a value stands for; 0 without an embedding."""

    @property
    def num_values(self) -> int:
        """How many values a cell may have."""
        return self.values[1] - self.values[0] + 1

    @property
    def planes(self) -> tuple[int, int, int]:
        """C, h and w of what the convolutions get."""
        if self.kind == "image":
            return image_planes(self.shape)
        height, width, channels = (*self.shape, 1)[:3]
        return channels * (self.num_values if self.kind == "grid" else self.size), height, width

    @property
    def places(self) -> tuple[int, int]:
        """Height and width of what the convolutions give; below 1 if they need more than there is."""
        _, height, width = self.planes
        for layer in self.convolutions:
            if min(height, width) < 1:
                break
            height, width = layer.places(height), layer.places(width)
        return height, width

    @property
    def most_numbers(self) -> int:
        """The most numbers that a layer reads, each as often as kernels do."""
        channels, height, width = self.planes
        most = channels * height * width
        for layer in self.convolutions:
            height, width = layer.places(height), layer.places(width)
            most = max(most, channels * layer.kernel**2 * height * width)
            channels = layer.channels
        return most

    @property
    def features(self) -> int:
        """Numbers that come out, F."""
        return self.convolutions[-1].channels * math.prod(self.places)

    @property
    def tensor_shapes(self) -> dict[str, tuple[int, ...]]:
        """Its tensors in a policy file."""
        shapes: dict[str, tuple[int, ...]] = {"input_scale": (1,)}
        if self.kind == "embedding":
            shapes["embedding.weight"] = ((*self.shape, 1)[2] * self.num_values, self.size)
        inputs = self.planes[0]
        for i, layer in enumerate(self.convolutions):
            shapes[f"convolution.{i}.weight"] = (layer.channels, inputs * layer.kernel**2)
            inputs = layer.channels
        return shapes

    def as_json(self) -> dict[str, Any]:
        """All but kind and shape as JSON values; layers are [channels, kernel, stride, padding]."""
        about: dict[str, Any] = {"convolutions": [list(dataclasses.astuple(layer)) for layer in self.convolutions]}
        if self.kind != "image":
            about["grid_values"] = list(self.values)
        if self.kind == "embedding":
            about["embedding_size"] = self.size
        return about


def channels_first(shape: tuple[int, ...]) -> bool:
    """Whether an image of this shape is (c, h, w): a first side too short for a picture counts channels."""
    return len(shape) == 3 and min(shape[:2]) < MIN_IMAGE_SIDE


def image_planes(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """C, h and w of an image of shape (h, w, c), (c, h, w) or (h, w)."""
    height, width, channels = (*shape[1:], shape[0]) if channels_first(shape) else (*shape, 1)[:3]
    return channels, height, width

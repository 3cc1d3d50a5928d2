"""Pictures made gray and smaller, with NumPy alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from puffer_envs.adapters.spaces import Space

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""How bright red, green and blue are (ITU-R BT.601)."""


def is_picture(space: Space) -> bool:
    """Whether this is uint8 of shape (h, w), (h, w, 1) or (h, w, 3)."""
    if not isinstance(space, spaces.Box) or space.dtype != np.uint8 or len(space.shape) not in (2, 3):
        return False
    return len(space.shape) == 2 or space.shape[2] in (1, 3)


def picture_change(space: Space, gray: bool, size: tuple[int, int] | None) -> tuple[Space, Callable[[Any], Any] | None]:
    """Return the space of changed pictures, and the function that changes one.

    Args:
        space: of the pictures.
        gray: whether to make them gray, of shape (h, w).
        size: height and width; None leaves them.
    """
    shape = space.shape or ()
    resize = None if size is None or size == shape[:2] else Resize((shape[0], shape[1]), size)
    gray = gray and len(shape) == 3
    if resize is None and not gray:
        return space, None
    new = (*(size or shape[:2]), *(() if gray else shape[2:]))

    def change(picture: Any) -> Any:
        values = np.asarray(picture)
        if values.shape != shape:
            return picture  # the codec says what is wrong
        if gray:
            values = values[..., 0] if shape[2] == 1 else np.rint(values @ LUMA)
        if resize is not None:
            values = resize(values)
        return values.astype(np.uint8)

    return spaces.Box(0, 255, new, np.uint8), change


class Resize:
    """Pictures in another size: each pixel is the average over its area in the original."""

    def __init__(self, size: tuple[int, int], new_size: tuple[int, int]) -> None:
        """size, new_size: height and width."""
        # Down a column, few rows matter to each new one: adding them up is faster than a matrix product.
        weights = area_weights(size[0], new_size[0])
        taps = int((weights > 0).sum(axis=1).max())
        self._rows = np.argsort(weights <= 0, axis=1, kind="stable")[:, :taps].T.copy()
        self._weights = np.take_along_axis(weights, self._rows.T, axis=1).T.copy()
        self._across = np.ascontiguousarray(area_weights(size[1], new_size[1]).T)

    def __call__(self, picture: NDArray[Any]) -> NDArray[np.float32]:
        """Return (h, w) or (h, w, c) in the new size, as whole numbers."""
        extra = (1,) * (picture.ndim - 1)
        down = np.take(picture, self._rows[0], axis=0) * self._weights[0].reshape(-1, *extra)
        for rows, weights in zip(self._rows[1:], self._weights[1:], strict=True):
            down += np.take(picture, rows, axis=0) * weights.reshape(-1, *extra)
        if picture.ndim == 2:
            resized: NDArray[np.float32] = down @ self._across
        else:
            resized = np.moveaxis(np.moveaxis(down, 1, -1) @ self._across, -1, 1)
        return np.rint(resized)


def area_weights(old: int, new: int) -> NDArray[np.float32]:
    """Return (new, old): how much of each new pixel's length comes from each old one."""
    edges = np.arange(new + 1) * (old / new)
    pixels = np.arange(old)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    overlap = np.where(overlap > 1e-9, overlap, 0.0)
    shares: NDArray[np.float64] = overlap / overlap.sum(axis=1, keepdims=True)
    return shares.astype(np.float32)

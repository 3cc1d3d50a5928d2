"""The policy's convolutions as the C kernels need them described: c/learn/network.h, `PufFront`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor

from puffer_envs.contract.planes import channels_first
from puffer_train import _kernels
from puffer_train.policy import Policy
from puffer_train.policy.encoders import Convolutions, EmbeddingPlanes, FieldConvolutions

MAX_FEATURES = 1 << 17
"""Numbers that convolutions may give. With more, a thread would need gigabytes for its 256 samples."""


def arrays_of(policy: Policy) -> list[tuple[Convolutions, str, int]]:
    """Return the convolutions of a policy, with the dtype of the array that each reads and its first byte."""
    if isinstance(policy.front, Convolutions):
        return [(policy.front, policy.spec.observation_dtype, 0)]
    if isinstance(policy.front, FieldConvolutions):
        pairs = zip(policy.front.fields, policy.front.parts, strict=True)
        return [(part, field.dtype, field.start) for field, part in pairs if isinstance(part, Convolutions)]
    return []


def unsupported_front(policy: Policy) -> str | None:
    """Return why the kernels cannot run what comes before the encoder's matrix, or None when they can."""
    arrays = arrays_of(policy)
    if policy.front is not None and not arrays:
        return "they have no networks of your own"
    if len(arrays) > _kernels.MAX_FRONTS:
        return f"{len(arrays)} arrays go through convolutions, more than {_kernels.MAX_FRONTS}"
    if policy.front is not None and policy.front.features > MAX_FEATURES:
        return f"convolutions give {policy.front.features} features, more than {MAX_FEATURES}"
    for part, dtype, _ in arrays:
        if dtype not in _kernels.NUMBERS:
            return f"they have no convolutions over {dtype}"
        values = part.encoder.num_values * (*part.encoder.shape, 1)[2]
        if part.encoder.kind != "image" and values > _kernels.MAX_CHOICES:
            return f"the cells of all channels have {values} values, more than {_kernels.MAX_CHOICES}"
    return None


def describe_fronts(policy: Policy) -> list[_kernels.Front]:
    """Return what goes through convolutions, in the order of the features."""
    found: list[_kernels.Front] = []
    for part, dtype, at in arrays_of(policy):
        encoder = part.encoder
        first = encoder.kind == "image" and channels_first(encoder.shape)
        shape = (*encoder.shape[1:], encoder.shape[0]) if first else (*encoder.shape, 1)[:3]
        layers = tuple((c.channels, c.kernel, c.stride, c.padding) for c in encoder.convolutions)
        values = 0 if encoder.kind == "image" else encoder.num_values
        scale = float(part.scale)
        found.append((encoder.kind, dtype, at, shape, first, encoder.values[0], values, encoder.size, scale, layers))
    return found


def front_tensors(policy: Policy, take: Callable[[Tensor], Any]) -> list[Any]:
    """Return `take` of each parameter of the convolutions, as `_kernels.Fronts` wants them: None is no embedding."""
    found: list[Any] = []
    for part, _, _ in arrays_of(policy):
        planes = part.planes
        found.append(take(planes.weight).view(-1, planes.size).numpy() if isinstance(planes, EmbeddingPlanes) else None)
        found += [take(weight).numpy() for weight in part.weights]
    return found


def row_bytes(policy: Policy) -> int:
    """Return the bytes of one observation."""
    return int(np.prod(policy.spec.observation_shape)) * np.dtype(policy.spec.observation_dtype).itemsize

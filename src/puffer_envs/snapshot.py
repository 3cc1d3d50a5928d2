"""Snapshots: the states of a batch as bytes, with a header that describes them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from puffer_envs.settings import settings_hash
from puffer_envs.spec import EnvSpec, Setting

MAGIC = b"PUFFER SNAPSHOT 1\n"


class SnapshotError(ValueError):
    """A snapshot is damaged or does not fit the environment."""


def _header(env: EnvSpec, settings: Mapping[str, Setting], num_envs: int) -> dict[str, object]:
    return {
        "environment": env.name,
        "version": env.version,
        "settings": settings_hash(env, settings),
        "num_envs": num_envs,
    }


def pack_snapshot(env: EnvSpec, settings: Mapping[str, Setting], num_envs: int, states: NDArray[np.uint8]) -> bytes:
    """Return a snapshot: a header line (JSON), the SHA-256 of the states, and the states."""
    body = states.tobytes()
    header = json.dumps(_header(env, settings, num_envs)).encode()
    return MAGIC + header + b"\n" + hashlib.sha256(body).digest() + body


def unpack_snapshot(
    snapshot: bytes, env: EnvSpec, settings: Mapping[str, Setting], num_envs: int, size: int
) -> NDArray[np.uint8]:
    """Return the states, (size,) uint8, from a snapshot of a batch with this spec, settings and size.

    Raises:
        SnapshotError: the snapshot is damaged, or is of another batch.
        TypeError: it is not bytes.
    """
    if not isinstance(snapshot, (bytes, bytearray, memoryview)):
        raise TypeError(f"a snapshot must be bytes, got {type(snapshot).__name__}")
    data = bytes(snapshot)
    end = data.find(b"\n", len(MAGIC))
    if not data.startswith(MAGIC) or end < 0:
        raise SnapshotError("these bytes are not a snapshot from this version of puffer-envs")
    try:
        found = json.loads(data[len(MAGIC) : end])
        keys = found.keys()
    except (ValueError, RecursionError, AttributeError):
        raise SnapshotError("the snapshot's header is damaged") from None
    expected = _header(env, settings, num_envs)
    for key in expected:
        if key not in keys or found[key] != expected[key]:
            raise SnapshotError(
                f"the snapshot does not fit: its {key.replace('_', ' ')} is {found.get(key)!r}, "
                f"this environment's is {expected[key]!r}"
            )
    digest, body = data[end + 1 : end + 33], data[end + 33 :]
    if len(body) != size or hashlib.sha256(body).digest() != digest:
        raise SnapshotError("the snapshot is damaged: its checksum does not match")
    return np.frombuffer(body, dtype=np.uint8)

"""Recording: the contents of a replay file, collected while an environment steps."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_envs.contract.files import write_atomically

MAGIC = b"PUFFER REPLAY 1\n"
HASH_EVERY = 64
"""Steps between two state hashes: 8 bytes per 64 steps, enough to find a divergence within a second of play."""


class Recorder:
    """Collects the actions of an environment, starting with a reset.

    Args:
        header: the file's description of the environment: `environment`, `version`, `settings`, `num_envs`, `first`
            and the `seed` of the reset.
        actions: what the environment steps from: its private copy of the actions.
        state_hash: returns the current hash of all its states, also inside a step.
    """

    def __init__(self, header: Mapping[str, Any], actions: NDArray[Any], state_hash: Callable[[], int]) -> None:
        self._header, self._buffer, self._state_hash = dict(header), actions, state_hash
        self._actions: list[bytes] = []
        self._hashes = [state_hash()]

    def record(self) -> None:
        """Record a step. Called inside it, once its actions are checked and before anything moves."""
        steps = len(self._actions)
        if steps and steps % HASH_EVERY == 0:
            self._hashes.append(self._state_hash())
        self._actions.append(self._buffer.tobytes())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the file atomically. Raises OSError."""
        actions = zlib.compress(b"".join(self._actions), 9)
        hashes = np.array([*self._hashes, self._state_hash()], dtype="<u8").tobytes()
        header = {
            **self._header,
            "steps": len(self._actions),
            "hash_every": HASH_EVERY,
            "hash_bytes": len(hashes),
            "checksum": zlib.crc32(hashes + actions),
        }
        write_atomically(Path(path), MAGIC + json.dumps(header).encode() + b"\n" + hashes + actions)

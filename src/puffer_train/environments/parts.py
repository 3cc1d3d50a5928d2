"""One environment made of several parts, which can be stepped in parallel, each by its own thread."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_envs.contract.logs import merge_logs
from puffer_envs.contract.machine import physical_memory

ARRAYS = ("observations", "final_observations", "actions", "rewards", "terminals", "truncations")
OPTIONAL = ("action_masks", "agent_mask")

MIN_ROWS_PER_PART = 64
"""Rows of the smallest part: with fewer, waking its thread costs more than it saves."""


def _check_memory(of_one: Sequence[NDArray[Any]], num_envs: int) -> None:
    """Raise MemoryError if arrays for that many environments, each like these, do not fit into memory."""
    needed, available = num_envs * sum(array.nbytes for array in of_one), physical_memory()
    if available is not None and needed > available:
        raise MemoryError(
            f"the arrays of {num_envs} environments take {needed / 2**30:.1f} GiB, and this machine has "
            f"{available / 2**30:.1f}"
        )


class Parts:
    """Keeps the buffer contract over arrays of all rows, of which every part has a slice.

    There are `parts` of them at most. make(num_envs, first, buffers) makes environments number `first` on over the
    given arrays, None for its own. As trajectories depend on a run's seed and an environment's number alone, they are
    those of one undivided batch.
    """

    def __init__(
        self, make: Callable[[int, int, dict[str, NDArray[Any]] | None], Any], num_envs: int, parts: int
    ) -> None:
        sample = make(1, 0, None)
        agents = sample.num_agents
        arrays = {name: getattr(sample, name) for name in (*ARRAYS, *OPTIONAL)}
        sample.close()
        _check_memory([array for array in arrays.values() if array is not None], num_envs)
        parts = max(1, min(parts, num_envs, num_envs * agents // MIN_ROWS_PER_PART))
        self.num_envs, self.num_agents = num_envs, num_envs * agents
        self._buffers = {
            name: np.zeros((self.num_agents, *array.shape[1:]), array.dtype)
            for name, array in arrays.items()
            if array is not None
        }
        bounds = [num_envs * i // parts for i in range(parts + 1)]
        self.parts: list[Any] = []
        try:
            for first, last in itertools.pairwise(bounds):
                rows = slice(first * agents, last * agents)
                mine = {name: array[rows] for name, array in self._buffers.items()}
                self.parts.append(make(last - first, first, mine))
        except BaseException:
            self.close()
            raise

    def __getattr__(self, name: str) -> Any:
        """Arrays of all rows. Everything else (spaces, `spec`, `settings`) is the same in every part.

        `log`, `snapshot`, `restore` and `set` are there if the parts have them.
        """
        if name in ARRAYS or name in OPTIONAL:
            return self._buffers.get(name)
        if name.startswith("_") or name in ("parts", "start_replay", "save_replay"):
            raise AttributeError(name)
        of_one = getattr(self.parts[0], name)
        joined = {"log": self._log, "snapshot": self._snapshot, "restore": self._restore, "set": self._set}
        return joined.get(name, of_one)

    def reset(self, seed: int | None = None) -> NDArray[Any]:
        """See docs/contract.md."""
        for part in self.parts:
            part.reset(seed)
        return self._buffers["observations"]

    def step(
        self, actions: NDArray[Any]
    ) -> tuple[NDArray[Any], NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]]:
        """See docs/contract.md."""
        first = 0
        for part in self.parts:
            part.step(actions[first : first + part.num_agents])
            first += part.num_agents
        b = self._buffers
        return b["observations"], b["rewards"], b["terminals"], b["truncations"]

    def _log(self, env: int | None = None) -> dict[str, float]:
        """Means over the episodes that ended since the last call, in one environment or in all; `n` counts them."""
        if env is not None:
            return self._log_of(env)
        return merge_logs([part.log() for part in self.parts])

    def _set(self, key: str, value: Any) -> None:
        """Change a setting of all environments, from their next episodes on."""
        for part in self.parts:
            part.set(key, value)

    def _log_of(self, env: int) -> dict[str, float]:
        for part in self.parts:
            if env < part.num_envs:
                return dict(part.log(env))
            env -= part.num_envs
        raise IndexError(f"there are {self.num_envs} environments")

    def _snapshot(self) -> bytes:
        """The states of all parts: their number, and the length of each one's bytes before them."""
        snapshots = [part.snapshot() for part in self.parts]
        return struct.pack("<q", len(snapshots)) + b"".join(struct.pack("<q", len(s)) + s for s in snapshots)

    def _restore(self, snapshot: bytes) -> NDArray[Any]:
        """Go back to a snapshot. Raises ValueError when it is of another number of parts, or cut short."""
        pieces = _unpack(snapshot)
        if len(pieces) != len(self.parts):
            raise ValueError(f"it was taken on {len(pieces)} threads, and now there are {len(self.parts)}")
        for part, piece in zip(self.parts, pieces, strict=True):
            part.restore(piece)
        return self._buffers["observations"]

    def close(self) -> None:
        """See docs/contract.md."""
        for part in self.parts:
            part.close()


def _unpack(snapshot: bytes) -> Sequence[bytes]:
    """Return the parts' snapshots out of `Parts._snapshot`. Raises ValueError when they are not whole."""
    numbers, at, pieces = struct.Struct("<q"), 0, []
    try:
        (count,) = numbers.unpack_from(snapshot, at)
        for _ in range(count):
            at += numbers.size
            (length,) = numbers.unpack_from(snapshot, at)
            if length < 0:  # would lead back to where it was read
                raise ValueError("the length of a part is negative")
            pieces.append(snapshot[at + numbers.size : at + numbers.size + length])
            at += length
    except struct.error as error:
        raise ValueError("it is cut short") from error
    if at + numbers.size != len(snapshot):
        raise ValueError("it is cut short")
    return pieces

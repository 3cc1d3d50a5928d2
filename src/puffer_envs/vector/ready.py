"""Bookkeeping of asynchronous steps, for every backend: where each block is, and what `recv` returns."""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

WITH_CALLER, UNDER_WAY, WAITING = "with the caller", "under way", "waiting to be received"


class Ready(NamedTuple):
    """What `recv` returns: the rows of environments that have finished a step or a reset."""

    observations: NDArray[Any]
    """(B, *obs_shape) with B = `batch` * agents per environment."""
    rewards: NDArray[np.float32]
    """(B,) float32."""
    terminals: NDArray[np.bool_]
    """(B,) bool."""
    truncations: NDArray[np.bool_]
    """(B,) bool."""
    env_id: NDArray[np.int64]
    """(batch,) int64: numbers of the environments in the vector, in the order of the rows. Pass it to `send`."""
    final_observations: NDArray[Any]
    """(B, *obs_shape): valid where a terminal or truncation is set."""
    action_masks: NDArray[np.bool_] | None
    """(B, sum of choices) bool, or None."""
    agent_mask: NDArray[np.bool_] | None
    """(B,) bool, or None."""


class Ledger:
    """Where each block of a vector is: with the caller, being stepped, or waiting to be received.

    After `reset` all blocks wait to be received; `recv` gives some to the caller; `send` takes them back.
    """

    def __init__(self, bounds: list[tuple[int, int]], blocks_per_recv: int) -> None:
        """Create a ledger.

        Args:
            bounds: first environment of each block, and the one after its last.
            blocks_per_recv: blocks that `recv` returns.
        """
        self.bounds = bounds
        self.blocks_per_recv = blocks_per_recv
        self.where = [WITH_CALLER] * len(bounds)
        self.waiting: deque[int] = deque()
        self.under_way = 0
        self._env_id = [np.arange(first, last) for first, last in bounds]
        for numbers in self._env_id:
            numbers.flags.writeable = False
        self._block_of = {first: block for block, (first, _) in enumerate(bounds)}
        self._block_of_array = {id(numbers): block for block, numbers in enumerate(self._env_id)}
        self._received: list[int] = []

    def all_ready(self) -> None:
        """Record a reset or a synchronous step of all blocks."""
        self.where = [WAITING] * len(self.bounds)
        self.waiting = deque(range(len(self.bounds)))
        self.under_way = 0
        self._received = []

    def finished(self, block: int) -> None:
        """Record that a block has finished its step."""
        self.where[block] = WAITING
        self.waiting.append(block)
        self.under_way -= 1

    def check_idle(self, what: str) -> None:
        """Raise RuntimeError if any block is being stepped."""
        if self.under_way:
            raise RuntimeError(f"{what} needs every environment, and some are under way. Call recv() first")

    def missing(self) -> int:
        """Return how many more blocks must finish before `take` has a batch; raise RuntimeError if they never will."""
        missing = self.blocks_per_recv - len(self.waiting)
        if missing > self.under_way:
            raise RuntimeError(
                "recv() would wait forever: too few environments are under way. "
                "Call send(actions, env_id) for those you have received, or reset()"
            )
        return max(missing, 0)

    def take(self) -> list[int]:
        """Give the blocks that have waited longest to the caller, in the order of their environments."""
        self._received = sorted(self.waiting.popleft() for _ in range(self.blocks_per_recv))
        for block in self._received:
            self.where[block] = WITH_CALLER
        return self._received

    def env_id(self, blocks: list[int]) -> NDArray[np.int64]:
        """Return the numbers of the environments in these blocks."""
        return self._env_id[blocks[0]] if len(blocks) == 1 else np.concatenate([self._env_id[b] for b in blocks])

    def blocks(self, env_id: ArrayLike | None) -> list[int]:
        """Return the blocks for `send`: the last ones received, or those of `env_id`. They must be with the caller."""
        if env_id is None:
            blocks = self._received
        elif (block := self._block_of_array.get(id(env_id))) is not None:  # the common case, for speed
            blocks = [block]
        else:
            blocks = self._find(np.asarray(env_id))
        if not blocks:
            raise RuntimeError("send() without recv(): no environment is waiting for actions. Call recv() first")
        for block in blocks:
            if self.where[block] != WITH_CALLER:
                first, last = self.bounds[block]
                raise RuntimeError(f"environments {first} to {last - 1} are {self.where[block]}. Call recv() first")
        return blocks

    def _find(self, env_id: NDArray[Any]) -> list[int]:
        blocks, at = [], 0
        valid = env_id.ndim == 1 and env_id.dtype.kind in "iu"
        while valid and at < len(env_id):
            block = self._block_of.get(int(env_id[at]), -1)
            size = len(self._env_id[block])
            if block < 0 or block in blocks or not np.array_equal(env_id[at : at + size], self._env_id[block]):
                break
            blocks.append(block)
            at += size
        if not valid or at < len(env_id):
            raise ValueError("env_id must be from recv(): whole groups of environments, in the same order")
        return blocks

    def sent(self, blocks: list[int]) -> None:
        """Record that these blocks are now being stepped."""
        for block in blocks:
            self.where[block] = UNDER_WAY
        self.under_way += len(blocks)
        self._received = []

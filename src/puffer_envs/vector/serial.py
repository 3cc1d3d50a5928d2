"""All environments in this process, one after the other: nothing to start or wait for, and easy to debug."""

from __future__ import annotations

import contextlib
from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_envs import _core
from puffer_envs.vector.block import Block, When
from puffer_envs.vector.layout import rows_of
from puffer_envs.vector.source import Assets, Source
from puffer_envs.vector.vector import Vector, split


class Serial(Vector):
    """Steps in the order of `send`, when `recv` asks for the result. Exceptions of environments arrive unchanged."""

    def __init__(self, source: Source, num_envs: int, batch: int, seed: int, assets: Assets | None = None) -> None:
        super().__init__(source.name, num_envs, batch)
        if num_envs % batch:
            raise ValueError(f"num_envs must be a multiple of batch, got {num_envs} and {batch}")
        if batch < num_envs and not source.divisible:
            raise ValueError(
                f"batch={batch}: {source.name} makes whole batches and does not take `first`. Add that parameter, the "
                "number of its first environment in the run, to use groups"
            )
        self.workers = 0
        self._queue: deque[int] = deque()
        self._blocks: list[Block] = []
        if assets is not None:
            assets = {name: _read_only(array) for name, array in assets.items()}
        bounds = split(num_envs, num_envs // batch)
        try:
            for first, last in bounds:
                self._blocks.append(source.build(last - first, first, seed, assets))
            layout = self._blocks[0].layout
            memory = _core.aligned_zeros((layout.size(num_envs),), np.uint8)
            self._open(layout, layout.carve(memory, num_envs), bounds)
            for block, (first, last) in zip(self._blocks, bounds, strict=True):
                block.attach(rows_of(self._buffers, first * self.agents, last * self.agents))
        except BaseException:
            self.close()
            raise

    def _reset(self, seed: int | None) -> None:
        for block in self._blocks:
            block.reset(seed)

    def _begin(self, blocks: list[int]) -> None:
        self._queue.extend(blocks)

    def _next_finished(self) -> int:
        block = self._queue.popleft()
        try:
            self._blocks[block].step()
        except BaseException:
            with contextlib.suppress(Exception):
                self.close()  # some environments have moved and some have not, so the vector cannot continue
            raise
        return block

    def _set(self, key: str, value: Any, envs: NDArray[np.int64], when: When) -> None:
        for block, (first, last) in zip(self._blocks, self._ledger.bounds, strict=True):
            inside = envs[(envs >= first) & (envs < last)] - first
            if len(inside):
                block.set(key, value, inside.tolist(), when)

    def _logs(self, env: int | None) -> list[dict[str, float]]:
        if env is None:
            return [block.log(None) for block in self._blocks]
        return [self._blocks[env // self.batch].log(env % self.batch)]

    def _render(self, env: int) -> Any:
        return self._blocks[env // self.batch].render(env % self.batch)

    def _close(self) -> None:
        blocks, self._blocks = self._blocks, []
        errors = []
        for block in blocks:
            try:
                block.close()
            except Exception as error:
                errors.append(error)
        if errors:
            raise errors[0]


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view()
    view.flags.writeable = False
    return view

"""A block: consecutive environments of a vector that are always stepped together and share rows of its buffers."""

from __future__ import annotations

from typing import Any, Literal, Protocol

import numpy as np

from puffer_envs.vector.layout import BufferLayout, Buffers

When = Literal["reset", "step"]
"""When a value takes effect: at the environment's next reset, or before its next step."""


class Block(Protocol):
    """Environments `first` to `first + num_envs - 1` of a run. It is created first, then gets the arrays to write.

    Exceptions come from the environments themselves; the vector reports them with their tracebacks.
    """

    layout: BufferLayout
    """Known before `attach`."""

    def attach(self, buffers: Buffers) -> None:
        """Take this block's rows of every buffer in `layout.arrays(num_envs)`. Called once."""
        ...

    def reset(self, seed: int | None) -> None:
        """Reset every environment: the contract's `reset` for this block's rows.

        Environment i of the block is number `first + i` of the run. From here on, it depends only on
        (seed, first + i) and its actions.

        Args:
            seed: 0 to 2**64 - 1. None: on the first call the seed given to the constructor, later fresh episodes.
        """
        ...

    def step(self) -> None:
        """Step every environment with the actions in the buffer, which are already checked and clipped."""
        ...

    def set(self, key: str, value: Any, envs: list[int], when: When) -> None:
        """Set a value of some environments of the block.

        Args:
            key: name of the attribute or setting.
            value: its new value.
            envs: numbers of environments within the block, from 0.
            when: when it takes effect.

        Raises:
            ValueError, AttributeError: it cannot be set; nothing has changed.
        """
        ...

    def log(self, env: int | None) -> dict[str, float]:
        """Return and clear the sums over the episodes finished since the last call; `n` counts them.

        Args:
            env: number of one environment within the block; None for all.

        Returns:
            Sums by name; `{}` if no episode has finished.
        """
        ...

    def render(self, env: int) -> Any:
        """Return what the environment's `render()` returns (usually an RGB array), or None if it has none."""
        ...

    def close(self) -> None:
        """Free all resources. Can be called twice."""
        ...


def environment_seed(seed: int, index: int) -> int:
    """Derive a seed from 0 to 2**31 - 1 for Python environment number `index` of the run with this seed.

    The two are hashed rather than added, so that the environments of run 1 are not those of run 0 shifted by one.
    Every generator accepts 31 bits.
    """
    return int(np.random.SeedSequence([seed, index]).generate_state(1, np.uint32)[0] >> 1)

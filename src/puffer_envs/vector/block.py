"""A block: some consecutive environments of a vector that are always stepped together, over rows of its buffers."""

from __future__ import annotations

from typing import Any, Literal, Protocol

import numpy as np

from puffer_envs.vector.layout import BufferLayout, Buffers

When = Literal["reset", "step"]
"""When a value that was set takes effect: at the environment's next reset, or before its next step."""


class Block(Protocol):
    """Environments `first` to `first + num_envs - 1` of a run. Made first, then given the arrays to write.

    Whatever a method raises is the environment's own exception: the vector reports it with its traceback.
    """

    layout: BufferLayout
    """Known before `attach`."""

    def attach(self, buffers: Buffers) -> None:
        """Take the rows of this block of every buffer of `layout.arrays(num_envs)`; called once."""
        ...

    def reset(self, seed: int | None) -> None:
        """Start every environment anew: the contract's `reset`, for this block's rows.

        Environment i of the block is number `first + i` of the run, and what it does from here on is a function of
        (seed, first + i) and its actions alone. None: as the contract says, the first time the seed it was made with.
        """
        ...

    def step(self) -> None:
        """The contract's `step` for this block's rows, with the actions that its buffer holds: checked and clipped."""
        ...

    def set(self, key: str, value: Any, envs: list[int], when: When) -> None:
        """Hand a value to some environments of the block (0 is its first); it takes effect as `when` says.

        Raises ValueError or AttributeError, and changes nothing, where there is no such thing to set.
        """
        ...

    def log(self, env: int | None) -> dict[str, float]:
        """Sums over the episodes finished since the last call, of one environment or of all; `n` counts them.

        What was reported is cleared. `{}` when no episode finished.
        """
        ...

    def render(self, env: int) -> Any:
        """What the environment's own `render()` returns (an RGB array, usually), or None where it has none."""
        ...

    def close(self) -> None:
        """Free everything; may be called twice."""
        ...


def environment_seed(seed: int, index: int) -> int:
    """A seed from 0 to 2**31 - 1 for Python environment number `index` of the run with this seed.

    Hashed rather than added, so that the environments of run 1 are not those of run 0 moved by one. Within 31 bits,
    which every generator takes.
    """

    return int(np.random.SeedSequence([seed, index]).generate_state(1, np.uint32)[0] >> 1)

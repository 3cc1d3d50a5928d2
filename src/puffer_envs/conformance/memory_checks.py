"""Whether a native environment stays inside its own memory.

The first line of a docstring says what the check ensures, the rest how to fix a failure.
docs/check.md is generated from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_envs import _core
from puffer_envs.conformance.errors import ContractError
from puffer_envs.conformance.runs import random_actions
from puffer_envs.conformance.subject import BATCH, Subject

GUARD_BYTES = 16384
"""On either side of every array: a multiple of the arrays' alignment."""
PATTERNS = (0xA5, 0x5A)
"""Two, so that no write goes unnoticed because it repeats what was there."""
HOW_TO_FIND_THE_LINE = "To get the file and line, check the C file itself, with --sanitize"


def check_memory(s: Subject) -> None:
    """Nothing outside its own memory is written.

    An index beyond an array changes another agent's row, another environment, or whatever lies behind. Compare the
    indices that `observe`, `step` and `reset` use with the shapes that the table declares. To get the file and line,
    add `--sanitize`.
    """
    for num_envs in (1, BATCH):
        for pattern in PATTERNS:
            _play_guarded(s, num_envs, pattern)


def _play_guarded(s: Subject, num_envs: int, pattern: int) -> None:
    guards = guarded_arrays(s, num_envs, pattern)
    buffers = {name: guard.array for name, guard in guards.items()}
    with s.env(num_envs=num_envs, buffers=buffers) as env:
        rng = np.random.default_rng(16)
        for step in range(s.steps + 1):
            if step == 0:
                env.reset(16)
            else:
                env.step(random_actions(env, rng))
            when = f"step {step} after reset(16)" if step else "reset(16)"
            if outside := written_outside(guards, env):
                raise ContractError(f"{when} wrote outside {outside}. {HOW_TO_FIND_THE_LINE}")


def guarded_arrays(s: Subject, num_envs: int, pattern: int) -> dict[str, Guarded]:
    """Arrays for that many environments, each in the middle of bytes that nothing may change."""
    with s.env(num_envs=num_envs) as plain:
        return {name: Guarded.around(array, pattern) for name, array in _arrays(plain).items()}


def _arrays(env: Any) -> dict[str, NDArray[Any]]:
    names = ("observations", "final_observations", "rewards", "terminals", "truncations", "action_masks", "agent_mask")
    arrays = {name: getattr(env, name) for name in names} | {"states": env._states}
    return {name: array for name, array in arrays.items() if array is not None}


@dataclass(frozen=True)
class Guarded:
    """An array in the middle of bytes that nothing may change."""

    array: NDArray[Any]
    """The array itself."""
    whole: NDArray[np.uint8]
    """The array's bytes and those around it."""
    pattern: int
    """What the bytes around it hold."""

    @classmethod
    def around(cls, like: NDArray[Any], pattern: int) -> Guarded:
        """An array of this shape and dtype, full of the pattern as well."""
        whole = _core.aligned_zeros(like.nbytes + 2 * GUARD_BYTES, np.uint8)
        whole[:] = pattern
        inside = whole[GUARD_BYTES : GUARD_BYTES + like.nbytes]
        inside[:] = 0
        return cls(inside.view(like.dtype).reshape(like.shape), whole, pattern)

    def changed(self) -> int | None:
        """The first byte that was changed, counted from the start of the array; None if there is none."""
        for start in (0, GUARD_BYTES + self.array.nbytes):
            changed = np.flatnonzero(self.whole[start : start + GUARD_BYTES] != self.pattern)
            if changed.size:
                nearest = changed[-1] if start == 0 else changed[0]
                return int(start + nearest - GUARD_BYTES)
        return None


def written_outside(guards: dict[str, Guarded], env: Any) -> str | None:
    """Which array was written outside of, and where; None if none was."""
    for name, guard in guards.items():
        byte = guard.changed()
        if byte is not None:
            size = guard.array.nbytes
            edge = f"where {size - 1} is the last" if byte >= size else "where 0 is the first"
            return f"{_what(name, env)} ({size} bytes): to byte {byte}, {edge}"
    return None


def _what(name: str, env: Any) -> str:
    words = name.replace("_", " ")
    if env.num_envs > 1:
        return f"the {words} of {env.num_envs} environments"
    single = words.removesuffix("s")
    return f"its {single}" if env.agents == 1 or name == "states" else f"the {words} of its {env.agents} agents"

"""frozen_lake and Gymnasium's FrozenLake-v1."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_envs.porting import Draws, Given, elapsed_steps, set_elapsed_steps

_SIDE, _YOU, _OUTSIDE = 8, 3, 4
_CODES = {b"S": 0, b"F": 0, b"H": 1, b"G": 2}
_LAKE: NDArray[np.uint8] = np.full((_SIDE, _SIDE), _OUTSIDE, np.uint8)  # of the reference that was made last

NOTES = (
    "Gymnasium's observation is the number of a tile; here it is the whole lake, so that a policy can cross one that "
    "it has not seen. The comparison translates.",
    "Certified is the lake of 4 x 4 tiles, on slippery ice. Random lakes are drawn by another generator.",
)


def prepare(env: Any) -> None:
    """Note where the holes are."""
    lake = env.unwrapped.desc
    _LAKE[:] = _OUTSIDE
    for (row, column), letter in np.ndenumerate(lake):
        _LAKE[row, column] = _CODES[bytes(letter)]


def observe(observation: int) -> NDArray[np.uint8]:
    """The number of a tile, as the lake with you on it."""
    side = int((_LAKE[0] != _OUTSIDE).sum())
    seen = _LAKE.copy()
    seen[divmod(int(observation), side)] = _YOU
    return seen.reshape(-1)


def read(env: Any) -> dict[str, Any]:
    """Our fields, from the reference."""
    row, column = divmod(int(env.unwrapped.s), env.unwrapped.ncol)
    return {"tiles": _LAKE.reshape(-1).copy(), "row": row, "column": column, "side": env.unwrapped.ncol,
            "tick": elapsed_steps(env)}  # fmt: skip


def write(env: Any, state: Mapping[str, Any]) -> None:
    """Put our fields into the reference; the lake is the same."""
    env.unwrapped.s = int(state["row"]) * env.unwrapped.ncol + int(state["column"])
    set_elapsed_steps(env, state["tick"])


def share(env: Any, draws: Draws, state: Mapping[str, Any], action: Any) -> None:
    """One number decides which way you slip, on both sides."""
    del state, action
    env.unwrapped.np_random = Given([draws.uniform()])

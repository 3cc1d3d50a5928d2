"""taxi and Gymnasium's Taxi-v4."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_envs.porting import Draws, Given, elapsed_steps, set_elapsed_steps

IGNORED = {
    "last": "it is kept for drawing; every step sets it from the action",
    "episode_return": "the reference has none: it is summed for the log",
}
NOTES = (
    "Gymnasium's observation is one number of 500; here it is the four that it is made of. The comparison translates.",
    "Gymnasium's setting fickle_passenger is missing.",
)


def observe(observation: int) -> NDArray[np.uint8]:
    """The one number of 500, as the four that it is made of."""
    rest, destination = divmod(int(observation), 4)
    rest, passenger = divmod(rest, 5)
    row, column = divmod(rest, 5)
    return np.array([row, column, passenger, destination], np.uint8)


def read(env: Any) -> dict[str, Any]:
    """Our fields, from the reference."""
    row, column, passenger, destination = env.unwrapped.decode(env.unwrapped.s)
    return {"row": row, "column": column, "passenger": passenger, "destination": destination,
            "tick": elapsed_steps(env)}  # fmt: skip


def write(env: Any, state: Mapping[str, Any]) -> None:
    """Put our fields into the reference."""
    names = ("row", "column", "passenger", "destination")
    env.unwrapped.s = env.unwrapped.encode(*(int(state[name]) for name in names))
    set_elapsed_steps(env, state["tick"])


def share(env: Any, draws: Draws, state: Mapping[str, Any], action: Any) -> None:
    """One number decides which way the taxi drifts, on both sides; where there is no rain, nothing depends on it."""
    del state, action
    env.unwrapped.np_random = Given([draws.uniform()])

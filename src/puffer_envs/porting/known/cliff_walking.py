"""cliff_walking and Gymnasium's CliffWalking-v1."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_envs.porting import Draws, Given, elapsed_steps, set_elapsed_steps

_COLUMNS = 12

REFERENCE_SETTINGS = {"max_episode_steps": 1000}
IGNORED = {
    "falls": "the reference does not count them: they are kept for drawing",
    "episode_return": "the reference has none: it is summed for the log",
}
NOTES = (
    "Gymnasium's observation is the number of a place; here it is the row and the column. The comparison translates.",
    "Gymnasium never truncates an episode. Here episodes end after `max_steps` steps, 1,000 unless set, and so do the "
    "reference's in the comparison.",
)


def observe(observation: int) -> NDArray[np.uint8]:
    """The number of a place, as its row and column."""
    return np.array(divmod(int(observation), _COLUMNS), np.uint8)


def read(env: Any) -> dict[str, Any]:
    """Our fields, from the reference."""
    row, column = divmod(int(env.unwrapped.s), _COLUMNS)
    return {"row": row, "column": column, "tick": elapsed_steps(env)}


def write(env: Any, state: Mapping[str, Any]) -> None:
    """Put our fields into the reference."""
    env.unwrapped.s = int(state["row"]) * _COLUMNS + int(state["column"])
    set_elapsed_steps(env, state["tick"])


def share(env: Any, draws: Draws, state: Mapping[str, Any], action: Any) -> None:
    """One number decides where a step goes, on both sides; where it is not slippery, nothing depends on it."""
    del state, action
    env.unwrapped.np_random = Given([(draws.below(3) + 0.5) / 3])

"""minatar_freeway and the package MinAtar's Freeway."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from puffer_envs.porting import Draws, Given, minatar, set_elapsed_steps

IGNORED = minatar.IGNORED
NOTES = (
    *minatar.NOTES[1:],
    "Where the number that decides a car's direction is just 0.5, the package raises an exception. Here a bit decides.",
)
_LAST = 2500
"""The package's count of the steps that are left, at first."""
_LANES = 8


def read(env: Any) -> dict[str, Any]:
    """Our fields, from the reference."""
    rules = env.unwrapped.rules
    cars = np.array(rules.cars)
    return {
        "cars": cars[:, 0], "rests": cars[:, 2], "pace": cars[:, 3], "row": rules.pos, "tired": rules.move_timer,
        "tick": _LAST - rules.terminate_timer, "last": env.unwrapped.game.last_action,
    }  # fmt: skip


def write(env: Any, state: Mapping[str, Any]) -> None:
    """Put our fields into the reference."""
    rules = env.unwrapped.rules
    lanes = zip(state["cars"], state["rests"], state["pace"], strict=True)
    rules.cars = [[int(x), row, int(rests), int(pace)] for row, (x, rests, pace) in enumerate(lanes, 1)]
    rules.pos, rules.move_timer = int(state["row"]), int(state["tired"])
    rules.terminate_timer, rules.terminal = _LAST - int(state["tick"]), False
    env.unwrapped.game.last_action = int(state["last"])
    set_elapsed_steps(env, state["tick"])


def share(env: Any, draws: Draws, state: Mapping[str, Any], action: Any) -> None:
    """Whether the last action is repeated; and the paces and directions of the cars, in case the chicken arrives."""
    del state, action
    repeated = draws.uniform()
    paces = np.array([1 + draws.below(5) for _ in range(_LANES)])
    sides = np.array([0.25 + 0.5 * draws.below(2) for _ in range(_LANES)])
    env.unwrapped.np_random = Given([repeated, paces, sides])

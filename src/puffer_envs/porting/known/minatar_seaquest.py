"""minatar_seaquest and the package MinAtar's Seaquest."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_envs.porting import Draws, Given, elapsed_steps, minatar, set_elapsed_steps

IGNORED = minatar.IGNORED
NOTES = minatar.NOTES
_LISTS = {"fish": ("e_fish", 4, 32), "subs": ("e_subs", 5, 32), "their_shots": ("e_bullets", 3, 32),
          "divers": ("divers", 4, 4), "shots": ("f_bullets", 3, 4)}  # fmt: skip
"""Our lists; of the package's: name, numbers in a row, and rows at most."""
_NUMBERS = {
    "oxygen": "oxygen", "x": "sub_x", "y": "sub_y", "right": "sub_or", "aboard": "diver_count", "surfaced": "surface",
    "hot": "shot_timer", "spawn_speed": "e_spawn_speed", "spawn_timer": "e_spawn_timer",
    "diver_timer": "d_spawn_timer", "move_speed": "move_speed", "ramps": "ramp_index",
}  # fmt: skip
"""Our names, and those of the package."""


def read(env: Any) -> dict[str, Any]:
    """Our fields, from the reference."""
    rules = env.unwrapped.rules
    state = {ours: getattr(rules, theirs) for ours, theirs in _NUMBERS.items()}
    for ours, (theirs, width, most) in _LISTS.items():
        rows: NDArray[np.int8] = np.zeros((most, 5), np.int8)
        for i, row in enumerate(getattr(rules, theirs)):
            rows[i, :width] = row
        state |= {ours: rows, f"num_{ours}": len(getattr(rules, theirs))}
    return {**state, "last": env.unwrapped.game.last_action, "tick": elapsed_steps(env)}


def write(env: Any, state: Mapping[str, Any]) -> None:
    """Put our fields into the reference."""
    rules = env.unwrapped.rules
    for ours, theirs in _NUMBERS.items():
        setattr(rules, theirs, int(state[ours]))
    rules.sub_or, rules.surface = bool(rules.sub_or), bool(rules.surface)
    for ours, (theirs, width, _) in _LISTS.items():
        rows = np.asarray(state[ours])[: int(state[f"num_{ours}"]), :width].tolist()
        setattr(rules, theirs, [[x, y, bool(right), *rest] for x, y, right, *rest in rows])
    rules.terminal, env.unwrapped.game.last_action = False, int(state["last"])
    set_elapsed_steps(env, state["tick"])


def share(env: Any, draws: Draws, state: Mapping[str, Any], action: Any) -> None:
    """Whether the last action is repeated; and who comes from where in which row, when it is time."""
    del action
    given = [draws.uniform()]
    if state["spawn_timer"] == 0:
        given += [draws.uniform(), draws.uniform(), 1 + draws.below(8)]
    if state["diver_timer"] == 0:
        given += [draws.uniform(), 1 + draws.below(8)]
    env.unwrapped.np_random = Given(given)

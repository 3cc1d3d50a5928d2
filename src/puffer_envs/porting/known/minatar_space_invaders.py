"""minatar_space_invaders and the package MinAtar's Space Invaders."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_envs.porting import elapsed_steps, minatar, set_elapsed_steps

IGNORED = minatar.IGNORED
NOTES = (
    *minatar.NOTES,
    "Of two columns of aliens as near to the cannon the left one fires, as it was in the comparison; the package seems "
    "to leave it to NumPy.",
)
share = minatar.share_the_step
_MAPS = {"aliens": "alien_map", "shots": "f_bullet_map", "their_shots": "e_bullet_map"}
_NUMBERS = {
    "x": "pos", "right": "alien_dir", "interval": "enemy_move_interval", "move_timer": "alien_move_timer",
    "shot_timer": "alien_shot_timer", "hot": "shot_timer", "ramps": "ramp_index",
}  # fmt: skip
"""Our names, and those of the package."""
_BITS: NDArray[np.int64] = 1 << np.arange(10)


def read(env: Any) -> dict[str, Any]:
    """Our fields, from the reference."""
    rules = env.unwrapped.rules
    return {
        **{ours: (getattr(rules, theirs) > 0) @ _BITS for ours, theirs in _MAPS.items()},
        **{ours: getattr(rules, theirs) for ours, theirs in _NUMBERS.items()},
        "last": env.unwrapped.game.last_action,
        "tick": elapsed_steps(env),
    }


def write(env: Any, state: Mapping[str, Any]) -> None:
    """Put our fields into the reference."""
    rules = env.unwrapped.rules
    for ours, theirs in _MAPS.items():
        rows = np.asarray(state[ours], np.int64)[:, None]
        setattr(rules, theirs, (rows & _BITS > 0).astype(np.float64))
    for ours, theirs in _NUMBERS.items():
        setattr(rules, theirs, int(state[ours]))
    rules.terminal, env.unwrapped.game.last_action = False, int(state["last"])
    set_elapsed_steps(env, state["tick"])

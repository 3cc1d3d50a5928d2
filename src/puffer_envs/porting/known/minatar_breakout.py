"""minatar_breakout and the package MinAtar's Breakout."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from puffer_envs.porting import elapsed_steps, minatar, set_elapsed_steps

IGNORED = minatar.IGNORED
NOTES = minatar.NOTES
_WAYS = ((-1, -1), (1, -1), (1, 1), (-1, 1))
"""(right, down) of the package's directions."""
share = minatar.share_the_step


def read(env: Any) -> dict[str, Any]:
    """Our fields, from the reference."""
    rules = env.unwrapped.rules
    right, down = _WAYS[rules.ball_dir]
    return {
        "bricks": rules.brick_map[1:4].reshape(-1), "x": rules.ball_x, "y": rules.ball_y, "old_x": rules.last_x,
        "old_y": rules.last_y, "right": right, "down": down, "paddle": rules.pos, "struck": rules.strike,
        "last": env.unwrapped.game.last_action, "tick": elapsed_steps(env),
    }  # fmt: skip


def write(env: Any, state: Mapping[str, Any]) -> None:
    """Put our fields into the reference."""
    rules = env.unwrapped.rules
    rules.brick_map = np.zeros((10, 10))
    rules.brick_map[1:4] = np.reshape(state["bricks"], (3, 10))
    rules.ball_x, rules.ball_y, rules.pos = int(state["x"]), int(state["y"]), int(state["paddle"])
    rules.last_x, rules.last_y = int(state["old_x"]), int(state["old_y"])
    rules.ball_dir = _WAYS.index((int(state["right"]), int(state["down"])))
    rules.strike, rules.terminal = bool(state["struck"]), False
    env.unwrapped.game.last_action = int(state["last"])
    set_elapsed_steps(env, state["tick"])

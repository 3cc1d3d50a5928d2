"""tower: a climber who never moves a block, and the solution that each level was made with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from puffer_envs import Environment

GRAB, RELEASE = 4, 5
VIEW = (6, 7, 7)
FACING, HANGING, WAY = 294, 298, 300
STEPS = np.array([(-1, 0), (0, 1), (1, 0), (0, -1)])


def climber(env: Environment) -> Callable[[], Any]:
    """Up wherever he can, else towards the goal, with some chance; he neither grabs nor lets go."""
    rng = np.random.default_rng(0)

    def act() -> Any:
        obs = env.observations.reshape(env.num_agents, -1)
        view = obs[:, : np.prod(VIEW)].reshape(-1, *VIEW)
        scores = rng.random((len(obs), 6)) * 3
        scores[:, :4] += obs[:, WAY : WAY + 4]
        facing = obs[:, FACING : FACING + 4]
        beside = np.stack([view[:, 2, 3 + south, 3 + east] for south, east in STEPS], axis=1)
        scores[:, :4] += 4 * beside * np.where(facing, 1, 0.3)  # climb, or turn to a block
        scores[:, GRAB:] -= 100
        return np.where(env.action_masks, scores, -1000).argmax(1).astype(np.int32)

    return act


def solution(env: Environment) -> Callable[[], Any]:
    """Action by action, as it is stored."""

    def act() -> Any:
        states = [env.state(i) for i in range(env.num_envs)]
        return np.array([state.solution[0, int(state.tick)] for state in states], np.int32)

    return act


PLAYERS = {"climber": climber, "solution": solution}

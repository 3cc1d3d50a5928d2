"""cards: plays what is dearest, attacks and blocks with what nothing could kill. It knows what an agent sees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_envs import Environment

HAND, BOARD, ENTER = 8, 6, 10
CHOSEN, COULD_DIE = 11, 12
"""Flags of a creature."""
ATTACK, BLOCK, TARGET, ANSWER = 1, 2, 3, 4


def careful(env: Environment) -> Callable[[], Any]:
    """One button at a time, from the flags and the mask."""
    starts = dict(zip((p.name for p in env.spec.obs), np.cumsum([0] + [p.count for p in env.spec.obs]), strict=False))

    def flags(name: str) -> NDArray[np.bool_]:
        part = env.observations[
            :, starts[f"{name}_flags"] : starts["other_amounts" if name == "own" else "stack_amounts"]
        ]
        return part.reshape(len(part), BOARD, -1) > 0

    def act() -> Any:
        assert env.action_masks is not None
        masks, rows = env.action_masks, np.arange(env.num_agents)
        modes = env.observations[:, starts["asked"] : starts["asked"] + 5].argmax(1)
        own, other = flags("own"), flags("other")
        hand, board = masks[:, :HAND], masks[:, :BOARD]
        main = np.where(hand.any(1), HAND - 1 - hand[:, ::-1].argmax(1), ENTER)
        safe = board & ~own[:, :, COULD_DIE] & ~own[:, :, CHOSEN]
        alone = ~own[:, :, CHOSEN].any(1)
        attack = np.where(safe.any(1), safe.argmax(1), ENTER)
        block = np.where(safe.any(1) & alone, safe.argmax(1), ENTER)
        kills = board & other[:, :, COULD_DIE]
        target = np.where(kills.any(1), kills.argmax(1), masks.argmax(1))
        answer = np.full_like(main, ENTER)
        return np.stack([main, attack, block, target, answer])[modes, rows].astype(np.int32)

    return act


PLAYERS = {"careful": careful}

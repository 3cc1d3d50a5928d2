"""What the picture of tower says that a key would do is what it does."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import numpy as np
from tower_picture import keep, words

import puffer_envs

GRAB, FELL = 4, 2
FALL_OUT = "let go and fall out!"
PLAIN = (
    *("turn", "walk", "climb", "step down", "hang from the edge", "pull yourself up", "move along the edge"),
    *("grab the block", "let go", "push", "pull", "pull, and hang", FALL_OUT),
)


def happened(before: SimpleNamespace, after: SimpleNamespace, action: int) -> str:
    """In the same words, judged by the states around a step."""
    rise, moved = int(after.height) - int(before.height), before.cell != after.cell
    if before.hanging:
        if after.hanging:
            return "move along the edge"
        return "pull yourself up" if moved else f"let go, drop {-rise}"
    if (before.layers != after.layers).any():
        return "push" if not moved else "pull, and hang" if after.hanging else "pull"
    if after.facing != before.facing and not after.hanging:
        return "turn"
    if not moved:
        return "grab the block" if action == GRAB else "let go"
    return "hang from the edge" if after.hanging else ["step down", "walk", "climb"][rise + 1]


def test_each_word_comes_true() -> None:
    rng = np.random.default_rng(0)
    said: Counter[str] = Counter()
    with puffer_envs.make("tower", 24, seed=2) as env:
        env.reset()
        for _ in range(100):
            assert env.action_masks is not None
            before = [keep(env.state(i)) for i in range(24)]
            masks = env.action_masks.copy()
            actions = [int(rng.choice(np.flatnonzero(mask))) for mask in masks]
            env.step(np.array(actions, np.int32))
            for i, (action, state, mask) in enumerate(zip(actions, before, masks, strict=True)):
                told = words(state)
                assert [word != "" for word in told] == mask.tolist()
                said[told[action]] += 1
                if env.terminals[i] or env.truncations[i]:
                    assert (env.state(i).result == FELL) == (told[action] == FALL_OUT)
                    continue
                assert told[action] == happened(state, keep(env.state(i)), action)
    assert [word for word in PLAIN if said[word] < 3] == []

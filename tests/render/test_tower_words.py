"""What the picture of tower says that a key would do is what it does."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

import puffer_envs
from puffer_render.draw.tower_rules import FALL_OUT, GRAB, Tower, verbs

FELL = 2
"""As the state's `result` has it."""
PLAIN = (
    *("turn", "walk", "climb", "step down", "hang from the edge", "pull yourself up", "move along the edge"),
    *("grab the block", "let go", "push", "pull", "pull, and hang", FALL_OUT),
)


def happened(before: Tower, after: Tower, layers: list[list[int]], action: int) -> str:
    """In the same words, judged by the states around a step."""
    rise, moved, blocks = after.height - before.height, after.at[:2] != before.at[:2], layers[0] != layers[1]
    if before.hands == "hang":
        if after.hands == "hang":
            return "move along the edge"
        return "pull yourself up" if moved else f"let go, drop {-rise}"
    if blocks:
        return "push" if not moved else "pull, and hang" if after.hands == "hang" else "pull"
    if after.facing != before.facing and after.hands == "free":
        return "turn"
    if not moved:
        return "grab the block" if action == GRAB else "let go"
    return "hang from the edge" if after.hands == "hang" else ["step down", "walk", "climb"][rise + 1]


def test_each_word_comes_true() -> None:
    rng = np.random.default_rng(0)
    said: Counter[str] = Counter()
    with puffer_envs.make("tower", 64, seed=2) as env:
        env.reset()
        for _ in range(100):
            before = [read(env.state(i)) for i in range(64)]
            actions = [int(rng.choice(np.flatnonzero(mask))) for mask in env.action_masks]
            env.step(np.array(actions, np.int32))
            for i, (action, (tower, layers)) in enumerate(zip(actions, before, strict=True)):
                words = verbs(tower)
                assert [word is not None for word in words] == tower.can
                word = words[action]
                assert word is not None
                said[word] += 1
                if env.terminals[i] or env.truncations[i]:
                    assert (env.state(i).result == FELL) == (word == FALL_OUT)
                    continue
                after, now = read(env.state(i))
                assert word == happened(tower, after, [layers, now], action)
    assert [word for word in PLAIN if said[word] < 3] == []


def read(state: Any) -> tuple[Tower, list[int]]:
    """The world of a state, and its layers."""
    return Tower(state), state.layers.tolist()

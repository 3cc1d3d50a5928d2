"""Random play, for tests that need something to draw."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import puffer_envs


def record(name: str, steps: int, path: Path, num_envs: int = 1, **settings: int) -> Path:
    """A replay of `steps` random steps."""
    with puffer_envs.make(name, num_envs, **settings) as env:
        env.start_replay(seed=1)
        play_randomly(env, steps)
        env.save_replay(path)
    return path


def play_randomly(env: puffer_envs.Environment, steps: int) -> None:
    """Actions drawn evenly, the same every time."""
    random = np.random.default_rng(0)
    space, shape = env.single_action_space, env.actions.shape
    for _ in range(steps):
        if hasattr(space, "low"):
            actions: NDArray[np.generic] = random.uniform(space.low, space.high, shape).astype(np.float32)
        else:
            actions = random.integers(0, getattr(space, "nvec", getattr(space, "n", 1)), shape).astype(np.int32)
        env.step(actions)

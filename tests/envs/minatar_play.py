"""Many of MinAtar's games side by side, at random."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import puffer_envs


class Play:
    """Many games side by side, played at random; `before` and `after` are observations around the last step."""

    def __init__(self, game: str, envs: int = 64, **settings: Any) -> None:
        self.env = puffer_envs.make(f"minatar_{game}", envs, seed=1, **settings)
        self.after = self.env.reset().copy()
        self.rng = np.random.default_rng(2)
        self.choices = int(self.env.single_action_space.n)  # type: ignore[attr-defined]

    def step(self, actions: NDArray[np.int32] | None = None) -> NDArray[np.bool_]:
        """Act; return which games still run."""
        self.before = self.after
        if actions is None:
            actions = self.rng.integers(0, self.choices, self.env.num_envs).astype(np.int32)
        self.env.step(actions)
        self.after = self.env.observations.copy()
        return ~(self.env.terminals | self.env.truncations)


def position(layer: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """(x, y) of what there is one of in a layer of every game."""
    assert (layer.sum((1, 2)) == 1).all()
    y, x = np.divmod(layer.reshape(len(layer), -1).argmax(1), 10)
    return x, y

"""Environments whose observations are far from -1 to 1, and declare no bounds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete
from numpy.typing import NDArray
from tiny_environments import VectorEnvironment

Rows = NDArray[np.bool_]


class Coin(VectorEnvironment):
    """Fifty coins an episode: 1 for naming the side that shows, as `mean` plus or minus `spread`, beside noise."""

    time_limit = 50

    def __init__(self, mean: float, spread: float, noise: float, bound: float = math.inf, num_envs: int = 32) -> None:
        super().__init__(Box(-bound, bound, (2,), np.float32), Discrete(2), num_envs, 0)
        self.mean, self.spread, self.noise = mean, spread, noise
        self.side = np.zeros(num_envs, np.int64)

    def begin(self, rows: Rows) -> None:
        self.toss()

    def toss(self) -> None:
        self.side = self.generator.integers(0, 2, self.num_agents)
        self.other = self.generator.normal(0, self.noise, self.num_agents)

    def advance(self, actions: NDArray[Any]) -> None:
        self.rewards[:] = actions == self.side
        self.toss()

    def observe(self, out: NDArray[Any]) -> None:
        out[:, 0] = self.mean + self.spread * (2 * self.side - 1)
        out[:, 1] = self.other


class Huge(VectorEnvironment):
    """Observations of a spread of 1e4 say nothing; the less two continuous actions are, the better."""

    time_limit = 10

    def __init__(self, num_envs: int = 32, seed: int = 0, spread: float = 1e4) -> None:
        super().__init__(Box(-np.inf, np.inf, (3,), np.float32), Box(-1, 1, (2,), np.float32), num_envs, seed)
        self.spread = spread

    def begin(self, rows: Rows) -> None:
        pass

    def advance(self, actions: NDArray[Any]) -> None:
        self.rewards[:] = -abs(actions.clip(-1, 1)).sum(1)

    def observe(self, out: NDArray[Any]) -> None:
        out[:] = self.generator.normal(0, self.spread, out.shape)

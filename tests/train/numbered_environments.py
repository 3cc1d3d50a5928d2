"""An environment whose every copy knows its number in the run, so that several processes can share a run of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete
from numpy.typing import NDArray
from tiny_environments import VectorEnvironment


class Visitors(VectorEnvironment):
    """Copy number i plays episodes of 3 to 7 steps, in which its second agent comes and goes. Nothing is random.

    1 for action 1 in odd steps and for action 0 in even ones, times the copy's number, so that rewards differ.
    """

    agents = 2

    def __init__(self, num_envs: int, seed: int = 0, first: int = 0) -> None:
        super().__init__(Box(-1, 1, (3,), np.float32), Discrete(2), num_envs, seed)
        self.number = first + np.arange(self.num_agents) // 2
        self.second = np.arange(self.num_agents) % 2 == 1
        self.agent_mask = np.ones(self.num_agents, np.bool_)

    def begin(self, rows: NDArray[np.bool_]) -> None:
        pass

    def advance(self, actions: NDArray[Any]) -> None:
        self.rewards[:] = (actions == self.clock % 2) * (1 + self.number % 4)
        self.terminals[:] = self.clock == 3 + self.number % 5

    def observe(self, out: NDArray[Any]) -> None:
        assert self.agent_mask is not None
        self.agent_mask[:] = ~self.second | ((self.clock + self.number) % 3 > 0)
        out[:, 0] = self.clock % 2
        out[:, 1] = np.sin(self.number + self.clock)
        out[:, 2] = self.second

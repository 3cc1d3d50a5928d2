"""A mask that allows nothing stops the run: any action would be against the environment's rules."""

from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete, MultiDiscrete
from numpy.typing import NDArray
from tiny import make_trainer, train
from tiny_environments import VectorEnvironment

from puffer_train.algorithm.evaluate import evaluate
from puffer_train.errors import EnvironmentFailedError


class Stuck(VectorEnvironment):
    """Two agents; at step `at`, agent 1 of environment 3 may do nothing (of the second action, where there are two)."""

    agents, time_limit = 2, 20

    def __init__(self, action: Any, at: int, *, absent: bool = False) -> None:
        super().__init__(Box(0, 1, (1,), np.float32), action, 8, 0)
        self.at, self.steps = at, 0
        choices = int(action.n) if isinstance(action, Discrete) else int(action.nvec.sum())
        self.action_masks = np.ones((16, choices), np.bool_)
        if absent:
            self.agent_mask = np.arange(16) != 7

    def begin(self, rows: NDArray[np.bool_]) -> None:
        pass

    def reset(self, seed: int | None = None) -> NDArray[Any]:
        self.steps = 0
        return super().reset(seed)

    def advance(self, actions: NDArray[Any]) -> None:
        self.steps += 1

    def observe(self, out: NDArray[Any]) -> None:
        assert self.action_masks is not None
        self.action_masks[:] = True
        self.action_masks[5, -2:] = False
        self.action_masks[6, -2:] = False
        if self.steps == self.at:
            self.action_masks[7, -3:] = False


@pytest.mark.parametrize("at", [0, 19])
@pytest.mark.parametrize("action", [Discrete(3), MultiDiscrete([2, 3])], ids=["one action", "two actions"])
def test_environment_agent_and_step_are_named(action: Any, at: int) -> None:
    wanted = f"environment 'environment' number 3 allows agent 1 no action at step {at}: its action mask must allow"
    with pytest.raises(EnvironmentFailedError, match=wanted):
        train(make_trainer(Stuck(action, at), horizon=8))
    policy = make_trainer(Stuck(action, -1)).policy
    with pytest.raises(EnvironmentFailedError, match=wanted):
        evaluate(Stuck(action, at), policy, 1)


def test_an_absent_agent_needs_no_choice() -> None:
    train(make_trainer(Stuck(Discrete(3), 5, absent=True), steps=300))

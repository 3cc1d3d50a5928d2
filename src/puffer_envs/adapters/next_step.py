"""A native batch whose episodes restart one step later, as Gymnasium's `AutoresetMode.NEXT_STEP` asks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from puffer_envs.contract import StepResult
from puffer_envs.environment import Environment


class NextStep:
    """Steps a batch of environments with one agent each.

    The batch itself restarts within a step. So the first observation of the next episode is kept for one step, in
    which the environment is stepped like all others and then put back to where it was.
    """

    def __init__(self, environment: Environment) -> None:
        self._env = environment
        self._states = environment._states.reshape(environment.num_envs, -1)
        self.reset()

    def reset(self) -> None:
        """All environments were reset."""
        self._rows: NDArray[np.intp] = np.zeros(0, np.intp)
        self._kept: list[NDArray[Any]] = []

    def step(self, actions: ArrayLike) -> StepResult:
        """Step the environments whose episode did not end before; the others show their next one."""
        env, waiting = self._env, self._rows
        states = self._states[waiting]
        result = env.step(actions)
        if len(waiting):
            self._states[waiting] = states
            for array, kept in zip(self._shown(), self._kept, strict=True):
                array[waiting] = kept
            for array in (env.rewards, env.terminals, env.truncations):
                array[waiting] = 0
        self._rows = np.flatnonzero(env.terminals | env.truncations)
        self._kept = [array[self._rows] for array in self._shown()]
        env.observations[self._rows] = env.final_observations[self._rows]
        return result

    def _shown(self) -> list[NDArray[Any]]:
        """What an environment shows of its state."""
        env = self._env
        return [env.observations] if env.action_masks is None else [env.observations, env.action_masks]

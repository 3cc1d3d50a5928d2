"""What was played since a reset, as a replay: steps that a person took back are not on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import puffer_envs
from puffer_render.errors import RenderError


class Tape:
    """The actions of one environment, and the seed of the reset before them."""

    def __init__(self) -> None:
        self._seed = 0
        self._actions: list[NDArray[Any]] = []

    def __len__(self) -> int:
        """Steps."""
        return len(self._actions)

    def begin(self, seed: int) -> None:
        """Forget everything: the environment was reset with this seed."""
        self._seed = seed
        self._actions.clear()

    def add(self, actions: NDArray[Any]) -> None:
        """A step was taken. actions: of all agents."""
        self._actions.append(actions.copy())

    def cut(self, steps: int) -> None:
        """The environment went back to where it was after so many steps."""
        del self._actions[steps:]

    def save(self, path: Path, env: Any) -> None:
        """Play it again in a new environment like `env`, and write the replay.

        Raises:
            RenderError: it cannot be written, or the environment does not lead to where `env` is.
        """
        with puffer_envs.make(env.spec.name, 1, **env.settings) as again:
            again.start_replay(self._seed)
            for actions in self._actions:
                again.step(np.ascontiguousarray(actions))
            if again.state_hash() != env.state_hash():
                raise RenderError(f"{path} was not written: {env.spec.name} does not repeat itself")
            try:
                again.save_replay(path)
            except OSError as error:
                raise RenderError(f"{path}: cannot be written ({error.strerror or error})") from None

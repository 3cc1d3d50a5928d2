"""The games of the package MinAtar (Young and Tian, 2019) as references: `pip install MinAtar`.

Each function makes one, for `puffer-envs port puffer_envs.porting.minatar:breakout minatar_breakout`.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.wrappers import TimeLimit
from numpy.typing import NDArray

from puffer_envs.porting.draws import Draws, Given


class Chance:
    """What the package draws, from a Gymnasium environment's generator: the latter can be replaced for a step."""

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        self._env = env

    def rand(self, *shape: int) -> Any:
        """Numbers in [0, 1)."""
        return self._env.np_random.random(shape or None)

    def randint(self, low: int, high: int | None = None, size: int | None = None) -> Any:
        """Whole numbers from low to high - 1."""
        return self._env.np_random.integers(low, high, size)


class Game(gymnasium.Env[NDArray[np.uint8], Any]):
    """One of the package's games; `game` is the package's environment, `rules` what holds the state."""

    def __init__(self, name: str, settings: dict[str, Any], all_actions: bool) -> None:
        self.game: Any = importlib.import_module("minatar").Environment(name, **settings)
        self.rules: Any = self.game.env
        self.game.random = self.rules.random = Chance(self)
        self._actions = range(self.game.num_actions()) if all_actions else self.game.minimal_action_set()
        self.action_space = spaces.Discrete(len(self._actions))
        self.observation_space = spaces.Box(0, 1, self.game.state_shape(), np.uint8)
        self.game.reset()

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """Begin an episode. What was last done is forgotten, which the package itself remembers."""
        super().reset(seed=seed)
        self.game.reset()
        self.game.last_action = 0
        return self._seen(), {}

    def step(self, action: Any) -> tuple[NDArray[np.uint8], float, bool, bool, dict[str, Any]]:
        """Act."""
        reward, terminal = self.game.act(self._actions[int(action)])
        return self._seen(), float(reward), bool(terminal), False, {}

    def _seen(self) -> NDArray[np.uint8]:
        return np.asarray(self.game.state(), np.uint8)


def _make(name: str, all_actions: bool, max_steps: int, settings: dict[str, Any]) -> gymnasium.Env[Any, Any]:
    return TimeLimit(Game(name, settings, all_actions), max_steps)


def asterix(all_actions: bool = False, max_steps: int = 10_000, **settings: Any) -> gymnasium.Env[Any, Any]:
    """Asterix."""
    return _make("asterix", all_actions, max_steps, settings)


def breakout(all_actions: bool = False, max_steps: int = 10_000, **settings: Any) -> gymnasium.Env[Any, Any]:
    """Breakout."""
    return _make("breakout", all_actions, max_steps, settings)


def freeway(all_actions: bool = False, max_steps: int = 10_000, **settings: Any) -> gymnasium.Env[Any, Any]:
    """Freeway."""
    return _make("freeway", all_actions, max_steps, settings)


def seaquest(all_actions: bool = False, max_steps: int = 10_000, **settings: Any) -> gymnasium.Env[Any, Any]:
    """Seaquest."""
    return _make("seaquest", all_actions, max_steps, settings)


def space_invaders(all_actions: bool = False, max_steps: int = 10_000, **settings: Any) -> gymnasium.Env[Any, Any]:
    """Space Invaders."""
    return _make("space_invaders", all_actions, max_steps, settings)


# what the adapters share

IGNORED = {"score": "the reference has none: it is summed for the log"}
NOTES = (
    "The package never truncates an episode. Here episodes end after `max_steps` steps, 10,000 unless set; the "
    "comparison puts Gymnasium's TimeLimit of that many around the package.",
    "The package remembers the last action of an episode, and may repeat it in the first step of the next one. Here an "
    "episode begins as if nothing was done before, and so does the package's in the comparison.",
    "The package's Environment takes all six actions; Gymnasium's MinAtar/...-v1 those that do something, as here. The "
    "setting all_actions gives all six.",
)


def share_the_step(env: Any, draws: Draws, state: Mapping[str, Any], action: Any) -> None:
    """One number decides whether the last action is repeated; nothing else is drawn."""
    del state, action
    env.unwrapped.np_random = Given([draws.uniform()])

"""Repeated actions, no-ops at the start and lost lives: what the literature does to Atari games, for any environment.

Machado et al. (2018), "Revisiting the Arcade Learning Environment"; Mnih et al. (2015), "Human-level control through
deep reinforcement learning", methods: each action lasts four frames, of the last two the brighter pixel is shown, up to
30 no-ops start a game, and while learning a lost life ends an episode.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from puffer_envs.adapters.pictures import is_picture
from puffer_envs.adapters.rewards import as_reward
from puffer_envs.contract.wrap import Wrap

Step = tuple[Any, float, bool, bool, dict[str, Any]]


def repeated(env: gymnasium.Env[Any, Any], wrap: Wrap, training: bool) -> gymnasium.Env[Any, Any]:
    """Return the environment, wrapped if `wrap` asks for anything here."""
    lives = wrap.lives and training
    if wrap.frameskip == 1 and not wrap.pool and not wrap.noops and not lives:
        return env
    if is_atari(env) and wrap.frameskip > 1:
        return RepeatedGame(env, wrap, lives)
    return Repeated(env, wrap, lives)


class Repeated(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Repeats each action, starts with no-ops, and ends episodes where a life is lost.

    Where lives end episodes, the return and length of a whole game are in the info `episode` of its last step, as
    `RecordEpisodeStatistics` writes them.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], wrap: Wrap, lives: bool) -> None:
        super().__init__(env)
        if wrap.pool and not is_picture(env.observation_space):
            raise ValueError(f"wrap.pool is for pictures, and observations are {env.observation_space}: leave it out")
        if wrap.noops and not isinstance(env.action_space, spaces.Discrete):
            raise ValueError(f"wrap.noops is for discrete actions, and these are {env.action_space}: leave it out")
        self._skip, self._pool, self._noops, self._end_with_life = wrap.frameskip, wrap.pool, wrap.noops, lives
        self.records_episodes = lives
        """Whether the return of a whole game comes with its last step: a lost life ends no game."""
        self._lives = 0
        self._last: tuple[Any, dict[str, Any]] = (None, {})
        self._continues = False
        self._total, self._length = 0.0, 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start a game; after a lost life, continue it."""
        if self._continues and seed is None:
            self._continues = False
            return self._last
        self._continues, self._total, self._length = False, 0.0, 0
        observation, info = self.env.reset(seed=seed, options=options)
        if self._noops:
            observation, info = self._start_late(observation, info)
        self._lives = int(info.get("lives", 0))
        return observation, info

    def _start_late(self, observation: Any, info: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        space = self.action_space
        assert isinstance(space, spaces.Discrete)
        for _ in range(int(self.unwrapped.np_random.integers(1, self._noops + 1))):
            observation, _, terminated, truncated, info = self.env.step(space.dtype.type(space.start))
            if terminated or truncated:
                observation, info = self.env.reset()
        return observation, info

    def step(self, action: Any) -> Step:
        """Take the action `frameskip` times, or until the episode ends."""
        observation, reward, terminated, truncated, info = self._repeat(action)
        if not self._end_with_life:
            return observation, reward, terminated, truncated, info
        self._total += reward
        self._length += 1
        lives = int(info.get("lives", 0))
        if terminated or truncated:
            info = {**info, "episode": {"r": self._total, "l": self._length}}
        elif lives < self._lives:
            self._continues, self._last = True, (observation, info)
            terminated = True
        self._lives = lives
        return observation, reward, terminated, truncated, info

    def _repeat(self, action: Any) -> Step:
        total, before = 0.0, None
        for at in range(1, self._skip + 1):
            observation, reward, terminated, truncated, info = self.env.step(action)
            total += as_reward(reward)
            if terminated or truncated or at == self._skip:
                break
            before = observation
        if self._pool and before is not None:
            observation = np.maximum(before, observation)
        return observation, total, bool(terminated), bool(truncated), info


def is_atari(env: gymnasium.Env[Any, Any]) -> bool:
    """Whether this is a bare game of the Arcade Learning Environment with pictures and discrete actions."""
    core: Any = env
    return (
        env is env.unwrapped
        and type(env).__name__ == "AtariEnv"
        and hasattr(core, "_action_set")
        and isinstance(env.action_space, spaces.Discrete)
        and is_picture(env.observation_space)
    )


class RepeatedGame(Repeated):
    """The same for a bare Atari game, without the pictures that nobody sees: a fifth faster.

    `frameskip` takes the place of the id's own; sticky actions stay. Gray is the emulator's own.
    """

    def __init__(self, env: Any, wrap: Wrap, lives: bool) -> None:
        super().__init__(env, wrap, lives)
        self._ale = env.ale
        self._actions = list(env._action_set)
        shape = env.observation_space.shape
        self._gray = wrap.gray or len(shape) == 2
        self.observation_space = spaces.Box(0, 255, shape[:2] if self._gray else shape, np.uint8)
        self._frames = np.zeros((2, *self.observation_space.shape), np.uint8)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start a game; after a lost life, continue it."""
        observation, info = super().reset(seed=seed, options=options)
        if observation.shape != self.observation_space.shape:  # the game's own color
            observation = self._grab(0).copy()
        return observation, info

    def _start_late(self, observation: Any, info: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        for _ in range(int(self.unwrapped.np_random.integers(1, self._noops + 1))):
            self._ale.act(self._actions[0])
            if self._ale.game_over():
                self._ale.reset_game()
        return self._grab(0).copy(), {**info, "lives": self._ale.lives()}

    def _grab(self, which: int) -> NDArray[np.uint8]:
        frame: NDArray[np.uint8] = self._frames[which]
        if self._gray:
            self._ale.getScreenGrayscale(frame)
        else:
            self._ale.getScreenRGB(frame)
        return frame

    def _repeat(self, action: Any) -> Step:
        ale, act, total, pooled = self._ale, self._actions[int(action)], 0.0, False
        for at in range(1, self._skip + 1):
            total += ale.act(act)
            if ale.game_over():
                break
            if self._pool and at == self._skip - 1:
                self._grab(1)
                pooled = True
        frame = self._grab(0)
        frame = np.maximum(frame, self._frames[1]) if pooled else frame.copy()
        ended, cut = bool(ale.game_over(with_truncation=False)), bool(ale.game_truncated())
        return frame, total, ended, cut, {"lives": ale.lives()}

"""Small environments in Python for the tests: every kind of end, of space, and of agents that come and go."""

from __future__ import annotations

import time
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces


class Walk(gymnasium.Env[Any, Any]):
    """A walk on a line, for a random number of steps; `level` can be set from outside.

    Observation: position, level, and a random number drawn in this step. Action: a step of -1, 0 or 1. Reward: the
    position. Reaching 3 or -3 terminates; the end of time truncates; both may happen at once.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}

    def __init__(self, level: float = 0.0, longest: int = 9, render_mode: str | None = None) -> None:
        self.observation_space = spaces.Box(-np.inf, np.inf, (3,), np.float32)
        self.action_space = spaces.Discrete(3, start=-1)
        self.level = level
        self.longest = longest
        self.render_mode = render_mode
        self.closed = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.position = 0
        self.remaining = int(self.np_random.integers(1, self.longest + 1))
        return self._observe(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert self.action_space.contains(action), action
        self.position += int(action)
        self.remaining -= 1
        info = {"distance": abs(self.position), "won": self.position == 3, "note": "text", "nothing": float("nan")}
        return self._observe(), float(self.position), abs(self.position) == 3, self.remaining <= 0, info

    def render(self) -> Any:
        return np.full((2, 2, 3), self.position + 3, np.uint8)

    def close(self) -> None:
        self.closed += 1

    def _observe(self) -> Any:
        return np.array([self.position, self.level, self.np_random.random()], np.float32)


class Sampler(gymnasium.Env[Any, Any]):
    """Shows random members of any space, takes actions of any space, and keeps what it showed and was given."""

    def __init__(self, observation_space: Any, action_space: Any = None, length: int = 3) -> None:
        self.observation_space = observation_space
        self.action_space = spaces.Discrete(2) if action_space is None else action_space
        self.length = length
        self.shown: list[Any] = []
        self.given: list[Any] = []

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.observation_space.seed(int(self.np_random.integers(2**31)))
        self.time = 0
        return self._observe(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert self.action_space.contains(action), action
        self.given.append(action)
        self.time += 1
        return self._observe(), 1.0, False, self.time == self.length, {}

    def _observe(self) -> Any:
        self.shown.append(self.observation_space.sample())
        return self.shown[-1]


class Broken(Walk):
    """Raises in its third step, or where requested."""

    def __init__(self, where: str = "step") -> None:
        super().__init__(longest=100)
        self.where = where
        self.steps = 0
        if where == "init":
            raise OSError("broken in init")

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        if self.where == "reset":
            raise OSError("broken in reset")
        return super().reset(seed=seed)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        if self.where == "step" and self.steps == 3:
            raise OSError("broken in step")
        return super().step(action)

    def close(self) -> None:
        super().close()
        if self.where == "close":
            raise OSError("broken in close")


class Visitors:
    """A PettingZoo ParallelEnv (by its methods) that plays a script: who is there after the reset and after each step.

    The script has one entry per moment: agent -> "" (lives), "terminated", "truncated", "both" or "vanished". An agent
    sees its own number, the time, and the number of the episode. Its reward is its number plus a tenth of the action.
    """

    metadata = {"name": "visitors_v0"}
    render_mode = None

    def __init__(self, script: list[dict[str, str]], possible_agents: list[str], masks: str = "") -> None:
        self.script = script
        self.possible_agents = possible_agents
        self.masks = masks
        self.agents: list[str] = []
        self.episode = 0
        self.level = 0
        self.given: list[dict[str, Any]] = []
        plain = spaces.Box(0, 100, (3,), np.float32)
        beside = spaces.Dict({"observation": plain, "action_mask": spaces.Box(0, 1, (4,), np.int8)})
        self._observation_space = beside if masks == "beside" else plain
        self._action_space = spaces.Discrete(4)

    def observation_space(self, agent: str) -> Any:
        return self._observation_space

    def action_space(self, agent: str) -> Any:
        return self._action_space

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        if seed is not None:
            self.episode = 0
        self.episode += 1
        self.time = 0
        self.agents = list(self.script[0])
        return self._observations(), self._infos()

    def step(self, actions: dict[str, Any]) -> tuple[Any, ...]:
        assert set(actions) == set(self.agents), (actions, self.agents)
        assert all(self._action_space.contains(action) for action in actions.values())
        self.given.append(actions)
        self.time += 1
        fates = self.script[self.time]
        known = [agent for agent, fate in fates.items() if fate != "vanished"]
        self.agents = known
        observations, infos = self._observations(), self._infos()
        rewards = {a: self.possible_agents.index(a) + 0.1 * int(actions.get(a, 0)) for a in known}
        terminations = {a: fates[a] in ("terminated", "both") for a in known}
        truncations = {a: fates[a] in ("truncated", "both") for a in known}
        self.agents = [a for a in known if fates[a] == ""]
        return observations, rewards, terminations, truncations, infos

    def seen(self, agent: str) -> Any:
        """What an agent sees now."""
        return np.array([self.possible_agents.index(agent), self.time, self.episode], np.float32)

    def mask(self, agent: str) -> Any:
        """What an agent may do now: everything but one action."""
        mask = np.ones(4, np.int8)
        mask[(self.time + self.possible_agents.index(agent)) % 4] = 0
        return mask

    def close(self) -> None:
        self.agents = []

    def render(self) -> None:
        return None

    @property
    def unwrapped(self) -> Visitors:
        return self

    def _observations(self) -> dict[str, Any]:
        if self.masks == "beside":
            return {a: {"observation": self.seen(a), "action_mask": self.mask(a)} for a in self.agents}
        return {a: self.seen(a) for a in self.agents}

    def _infos(self) -> dict[str, Any]:
        return {a: {"action_mask": self.mask(a)} if self.masks == "info" else {"time": self.time} for a in self.agents}


AGENTS = ["ada", "bob", "cyd", "dan"]
SCRIPT = [
    {"ada": "", "cyd": ""},
    {"ada": "", "cyd": "", "bob": ""},  # bob comes
    {"ada": "terminated", "cyd": "", "bob": ""},
    {"cyd": "vanished", "bob": "truncated", "dan": ""},  # dan comes as others leave
    {"dan": "both"},  # nobody is left
]
"""Everything that can happen to agents, in four steps."""


def visitors(masks: str = "") -> Visitors:
    """Visitors that play `SCRIPT`."""
    return Visitors(SCRIPT, AGENTS, masks)


def walk() -> Walk:
    """A Walk with its defaults."""
    return Walk()


class SlowStart(Walk):
    """Each reset takes a while."""

    def reset(self, **keywords: Any) -> tuple[Any, dict[str, Any]]:
        time.sleep(0.3)
        return super().reset(**keywords)

"""Plays one environment in fixed steps: decides on actions, keeps time. Knows nothing of windows or pictures."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from types import SimpleNamespace
from typing import Any

import numpy as np

from puffer_envs.policy import NumpyPolicy
from puffer_render.keys import KeyMap
from puffer_render.states import keep

SLOWEST, FASTEST = 1 / 16, 64.0
"""Bounds of the speed, as multiples of the environment's own."""
LONGEST_WAIT = 0.25
"""Seconds: time lost beyond this (a window being dragged, a slow machine) is not caught up on."""
CHANCE_OF_CHANGE = 0.25
"""Other agents without a policy keep a random action for a while: they wander rather than tremble."""


class Player:
    """An environment, who plays it, and its clock.

    A person plays agent 0 while a key is held. The policy, if there is one, plays whatever the person does not;
    without one, agent 0 idles and other agents move at random.
    """

    def __init__(
        self,
        env: Any,
        keymap: KeyMap,
        policy: NumpyPolicy | None = None,
        seed: int = 0,
        rate: float = 60.0,
        hold: int = 1,
    ) -> None:
        self.env, self.keymap, self.policy = env, keymap, policy
        self.rate = rate
        """Steps per second at speed 1."""
        self.hold = hold
        """Steps between two decisions; in between, the action stays."""
        self.paused = False
        self.speed = 1.0
        """Multiple of the environment's own rate."""
        self.steps = 0
        """Taken since the reset."""
        self.person_drives = False
        """Whether a person chose the last action."""
        self.waits = False
        """Whether a step waits for a key of the game, while there is no policy."""
        self.last_episode: dict[str, float] = {}
        """The log of the last episode that ended; of a single agent only, since a log does not tell agents apart."""
        self.remember = False
        """Whether to keep the state before each step."""
        self.before: SimpleNamespace | None = None
        """The state before the last step, if there was one and it was to be kept."""
        self._random = np.random.default_rng(seed)
        self._tapped: set[str] = set()
        self._debt = 0.0
        self._until_decision = 0
        self.reset(seed)

    def reset(self, seed: int | None = None) -> None:
        """Begin anew: with a seed, exactly as at the start; without one, a fresh episode."""
        self.env.reset(seed)
        self._actions = np.zeros_like(self.env.actions).reshape(self.env.num_agents, -1)
        self._debt, self.steps, self._until_decision = 0.0, 0, 0
        self.person_drives, self.before = False, None
        self.last_episode = {}
        if self.policy is not None:
            self.policy.reset()

    @property
    def progress(self) -> float:
        """How much of the time until the next step has passed, 0 to 1."""
        return self._debt

    def faster(self) -> None:
        """Twice the speed."""
        self.speed = min(FASTEST, self.speed * 2)

    def slower(self) -> None:
        """Half the speed."""
        self.speed = max(SLOWEST, self.speed / 2)

    def advance(self, seconds: float, held: AbstractSet[str], tapped: AbstractSet[str]) -> int:
        """Let time pass, and return the number of steps taken.

        seconds: since the last call. held: keys down now. tapped: keys that went down since the last call,
        which count for the next step even when they are up again.
        """
        self._tapped |= tapped
        if self.paused:
            return 0
        if self.waits and self.policy is None:
            due = int(self.keymap.driving(self._tapped))
            if due:
                self.step(held)
            self._tapped = set()
            return due
        self._debt += min(seconds, LONGEST_WAIT) * self.rate * self.speed
        due = int(self._debt)
        self._debt -= due
        for _ in range(due):
            self.step(held)
        return due

    def step(self, held: AbstractSet[str] = frozenset()) -> None:
        """Take one step, after a decision if one is due."""
        if self._until_decision == 0:
            self._decide(self._tapped | held)
            self._tapped = set()
            self._until_decision = self.hold
        if self.remember:
            self.before = keep(self.env.state(0))
        _, _, terminals, truncations = self.env.step(self._actions.reshape(self.env.actions.shape))
        self.steps += 1
        self._until_decision -= 1
        ended = terminals | truncations
        if ended.any():
            self._until_decision = 0
            if self.env.num_agents == 1:
                self.last_episode = self.env.log()
        if self.policy is not None:
            self.policy.reset(ended)

    def _decide(self, keys: AbstractSet[str]) -> None:
        """Fill `_actions`, (agents, parts): the person's for agent 0, the policy's or chance's for the rest."""
        env, previous = self.env, self._actions[0].copy()
        self.person_drives = self.keymap.driving(keys)
        if self.policy is not None:
            chosen = self.policy.act(env.observations, action_masks=env.action_masks)
            self._actions[:] = chosen.reshape(self._actions.shape)
        else:
            for agent in range(1, env.num_agents):
                if self._random.random() < CHANCE_OF_CHANGE:
                    self._actions[agent] = self._random_action()
        if self.policy is None or self.person_drives:
            self._actions[0] = self.keymap.action(keys, previous, env.state(0))

    def _random_action(self) -> Any:
        space = self.env.single_action_space
        if hasattr(space, "low"):
            return self._random.uniform(space.low, space.high)
        return self._random.integers(0, getattr(space, "nvec", getattr(space, "n", 1)))

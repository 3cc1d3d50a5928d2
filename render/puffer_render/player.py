"""Plays one environment in fixed steps: decides on actions, keeps time. Knows nothing of windows or pictures."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from puffer_envs.policy import NumpyPolicy
from puffer_render.keys import KeyMap
from puffer_render.past import Course, Past
from puffer_render.states import keep
from puffer_render.tape import Tape

MIN_SPEED, MAX_SPEED = 1 / 16, 64.0
"""Bounds of the speed, as multiples of the environment's own."""
MAX_WAIT = 0.25
"""Seconds: time lost beyond this (a window being dragged, a slow machine) is not caught up on."""
REST = 0.6
"""Seconds after a game's end in which keys do not start the next one, since they were meant for the last; and in which
keys do not end what is shown."""
SHORTEST = 1 / 64
"""Steps that a step is shown, at least."""
CHANCE_OF_CHANGE = 0.25
"""Other agents without a policy keep a random action for a while: they wander rather than tremble."""


Stop = Literal["start", "end"]
Lasting = Callable[[Any, Any], float]


@dataclass(frozen=True)
class Game:
    """The result of an episode of the person's agent."""

    score: float
    """The environment's own where there is one agent: a log does not tell agents apart. Else the sum of rewards."""
    steps: int
    verdict: str = ""
    """How it ended, in words."""
    won: bool = False
    """Whether all that can be reached was, as the environment says."""

    def __str__(self) -> str:
        """The score, whole where it is whole or large, else with three digits: 864, 36250, 0.0847."""
        whole = self.score.is_integer() or abs(self.score) >= 1000
        return f"{self.score:.0f}" if whole else f"{self.score:.3g}"


class Player:
    """An environment, who plays it, and its clock.

    A person plays one agent, the first unless handed over: always, or beside a policy only while a key is held. The
    policy, if there is one, plays the rest; without one, the others move at random.
    """

    def __init__(
        self,
        env: Any,
        keymap: KeyMap,
        policy: NumpyPolicy | None = None,
        seed: int = 0,
        rate: float = 60.0,
        hold: int = 1,
        tape: Tape | None = None,
    ) -> None:
        """tape: on which the game is recorded."""
        self.tape = tape
        self.env, self.keymap, self.policy = env, keymap, policy
        self.rate = rate
        """Steps per second at speed 1."""
        self.hold = hold
        """Steps between two decisions; in between, the action stays."""
        self.agent = 0
        """Number of the agent that the person plays."""
        self.present: Callable[[Any, int], bool] = lambda state, agent: True
        """Whether an agent takes part now: present(state, agent)."""
        self.goal = ""
        """What a person is to do, in a sentence."""
        self.judge: Callable[[Any, int], str] = lambda state, agent: ""
        """How the last episode of an agent ended, in words."""
        self.seated = policy is None
        """Whether the person plays also while no key is held."""
        self.paused = False
        self.speed = 1.0
        """Multiple of the environment's own rate."""
        self.steps = 0
        """Taken since the reset."""
        self.person_drives = False
        """Whether a person chose the last action."""
        self.waits = False
        """Whether a step waits for a key of the game, while the person is seated and has a choice."""
        self.stops = False
        """Whether to pause before and after a game until a key of the game is pressed."""
        self.stopped: Stop | None = None
        """Why the game is paused now."""
        self.games: list[Game] = []
        """The games of the person's agent that have ended, oldest first."""
        self.remember = False
        """Whether to keep the state before each step."""
        self.before: SimpleNamespace | None = None
        """The state before the last step, if there was one and states are kept."""
        self.after: SimpleNamespace | None = None
        """The state after it."""
        self.lasting: Lasting | None = None
        """How long what a step did is shown, in steps, given the states around it; None: until the next step is due.
        A person who waits no longer cuts it short with the next key, which is a move where it lasts one step."""
        self.touched: int | None = None
        """The action that a person clicked at, for the next decision."""
        self.past = Past(env)
        """What a person may take back."""
        self.course: Course | None = None
        """The levels that a person plays one after the other, if they are."""
        self._random = np.random.default_rng(seed)
        self._thoughts: Any = None
        self._tapped: set[str] = set()
        self._debt, self._length = 0.0, 1.0
        self._until_decision = 0
        self.reset(seed)

    def begin(self) -> None:
        """From now on, wait for the person before each game."""
        self.stops, self.stopped = True, None if self.waits else "start"

    def reset(self, seed: int | None = None) -> None:
        """Start over: with a seed, exactly as at the start; without one, with a new episode."""
        if self.tape is not None:
            seed = int(self._random.integers(1 << 31)) if seed is None else seed
            self.tape.begin(seed)
        self.env.reset(seed)
        self._actions = np.zeros_like(self.env.actions).reshape(self.env.num_agents, -1)
        self._debt, self._length, self.steps, self._until_decision = 0.0, 1.0, 0, 0
        self.person_drives, self.before = False, None
        self.past.forget()
        self._returns = np.zeros(self.env.num_agents)
        self._lengths = np.zeros(self.env.num_agents, np.int64)
        self._rest = 0.0
        self.stopped = "start" if self.stops and not self.waits else None
        if self.policy is not None:
            self.policy.reset()

    def take_policy(self, newer: NumpyPolicy) -> None:
        """Continue with newer weights in the place of the policy."""
        if self.policy is not None:
            newer.resume_from(self.policy)
        self.policy = newer

    def take_env(self, env: Any, keymap: KeyMap) -> None:
        """Continue in an environment with newer code and the state of the old one, or with a new game."""
        fits = env.num_agents == self.env.num_agents and env.actions.shape == self.env.actions.shape
        self.env, self.keymap, self.before, self._length = env, keymap, None, 1.0
        self.past, self.course = Past(env), None
        if not fits:
            self.agent = 0
            self.reset()

    def thoughts(self, agent: int) -> tuple[list[NDArray[np.float32]], float] | None:
        """What the policy finds of the moves that an agent has now, see `NumpyPolicy.peek`, and the value it expects.

        None without a policy.
        """
        if self.policy is None:
            return None
        moment = self.policy, self.env, self.steps, len(self.games)
        if self._thoughts is None or self._thoughts[0] != moment:
            self._thoughts = moment, self.policy.peek(self.env.observations, self.env.action_masks)
        parts, values = self._thoughts[1]
        return [part[agent] for part in parts], float(values[agent])

    def hand_over(self) -> None:
        """From the next decision on, play the next agent that is present."""
        mask, count = self.env.agent_mask, self.env.num_agents
        state = self.env.state(0)
        others = ((self.agent + step) % count for step in range(1, count))
        self.agent = next((n for n in others if (mask is None or mask[n]) and self.present(state, n)), self.agent)
        self.person_drives = False

    def take_back(self, everything: bool = False) -> None:
        """Be where the game was before the last step of the person, or before the first."""
        if len(self.past) == 0:
            return
        moment = self.past.return_to(0 if everything else -1)
        if self.stopped == "end":
            self.games.pop()
        self._returns, self._lengths = moment.returns, moment.lengths
        if self.tape is not None:
            self.tape.cut(moment.recorded)
        self._debt, self._length, self._until_decision = 0.0, 1.0, 0
        self.stopped, self.before = None, None

    def change_level(self, by: int) -> None:
        """Begin a level that is so many ranks harder."""
        if self.course is not None:
            rank = self.course.rank
            self.reset()
            self.course.go(rank + by)

    def take_seat(self) -> None:
        """Play also while no key is held, or no longer. Without a policy there is nobody to hand back to."""
        self.seated = self.policy is None or not self.seated

    @property
    def plays_all(self) -> bool:
        """Whether the person plays every agent: where a game waits for them, and there is no policy."""
        return self.waits and self.policy is None and self.env.num_agents > 1

    @property
    def can_choose(self) -> bool:
        """Whether the person's agent has more than one action now; it has one while it waits for its turn."""
        masks = self.env.action_masks
        parts = self._actions.shape[1]
        return masks is None or self.plays_all or int(masks[self.agent].sum()) > parts

    @property
    def progress(self) -> float:
        """How much of the time until the next step has passed, 0 to 1."""
        return self._debt / self._length

    @property
    def shows_end(self) -> bool:
        """Whether the game is over, and its last step is still being shown."""
        return self.stopped == "end" and self.before is not None and self._debt < self._length

    def faster(self) -> None:
        """Twice the speed."""
        self.speed = min(MAX_SPEED, self.speed * 2)

    def slower(self) -> None:
        """Half the speed."""
        self.speed = max(MIN_SPEED, self.speed / 2)

    def advance(self, seconds: float, held: AbstractSet[str], tapped: AbstractSet[str]) -> int:
        """Let time pass, and return the number of steps taken.

        seconds: since the last call. held: keys down now. tapped: keys that went down since the last call,
        which count for the next step even when they are up again.
        """
        self._tapped |= tapped
        if self.paused:
            self.touched = None
            return 0
        time = min(seconds, MAX_WAIT) * self.rate * self.speed
        if self.shows_end:
            self._debt = min(self._length, self._debt + time)
            self._tapped = set()
            return 0
        if self.stopped is not None:
            self._rest = max(0.0, self._rest - seconds)
            if self._rest > 0 or not self._driven(tapped):
                self._tapped, self.touched = set(), None
                return 0
            self.stopped, self.before = None, None
            self.past.forget()
            if self.waits:  # the key ended the pause; it is not a move
                self._tapped, self.touched = set(), None
                return 0
        if self.waits and self.seated and self.can_choose:
            self._debt = min(self._length, self._debt + time)
            due = int(self._driven(self._tapped))
            if due and self._debt < self._length - 1:  # the key ends what is being shown; it is not a move
                self.touched = None
                self._debt, due = self._length if self._debt > REST * self.rate else self._debt, 0
            elif due:
                self._debt = 0.0
                self.past.note(self._returns, self._lengths, 0 if self.tape is None else len(self.tape))
                self.step(held)
            self._tapped = set()
            return due
        self._debt += time
        taken = 0
        while self._debt >= self._length:
            self._debt -= self._length
            self.step(held)
            taken += 1
            if self.stopped is not None:
                self._debt = 0.0
        return taken

    def step(self, held: AbstractSet[str] = frozenset()) -> None:
        """Take one step, after a decision if one is due."""
        if self._until_decision == 0:
            self._decide(self._tapped | held)
            self._tapped = set()
            self._until_decision = self.hold
        if self.remember:
            self.before = keep(self.env.state(0))
        actions = self._actions.reshape(self.env.actions.shape)
        _, _, terminals, truncations = self.env.step(actions)
        if self.tape is not None:
            self.tape.add(actions)
        if self.remember and self.lasting is not None:
            self.after = keep(self.env.state(0))
            self._length = max(self.lasting(self.before, self.after), SHORTEST)
        self.steps += 1
        self._until_decision -= 1
        ended = terminals | truncations
        self._returns += self.env.rewards
        self._lengths += 1
        if ended.any():
            self._until_decision = 0
        if ended[self.agent]:
            self._end_game()
        self._returns[ended] = 0
        self._lengths[ended] = 0
        if self.policy is not None:
            self.policy.reset(ended)

    def _end_game(self) -> None:
        score = float(self._returns[self.agent])
        log = self.env.log() if self.env.num_agents == 1 else {}
        score = float(log.get("score", score))
        verdict = self.judge(self.env.state(0), self.agent)
        self.games.append(Game(score, int(self._lengths[self.agent]), verdict, log.get("perf") == 1))
        if self.stops:
            self.stopped, self._rest = "end", REST
            self.before = None if self.lasting is None else self.before
        if self.course is not None and self.games[-1].won:
            self.course.go(self.course.rank + 1)

    def _decide(self, keys: AbstractSet[str]) -> None:
        """Fill `_actions`, (agents, parts): the person's for their agent, the policy's or random ones for the rest."""
        env, own = self.env, self.agent
        previous = self._actions[own].copy()
        self.person_drives = self._driven(keys)
        if self.policy is not None:
            chosen = self.policy.act(env.observations, action_masks=env.action_masks, agent_mask=env.agent_mask)
            self._actions[:] = chosen.reshape(self._actions.shape)
        else:
            for agent in range(env.num_agents):
                if agent != own and self._random.random() < CHANCE_OF_CHANGE:
                    self._actions[agent] = self._random_action()
        if self.seated or self.person_drives:
            touched = self.touched is not None
            self._actions[own] = self.touched if touched else self.keymap.action(keys, previous, env.state(0), own)
            self.touched = None
        if self.plays_all:
            self._actions[:] = self._actions[own]

    def _driven(self, keys: AbstractSet[str]) -> bool:
        """Whether the person presses a key of the game, or clicked at an action."""
        return self.touched is not None or self.keymap.driving(keys)

    def _random_action(self) -> Any:
        space = self.env.single_action_space
        if hasattr(space, "low"):
            return self._random.uniform(space.low, space.high)
        return self._random.integers(0, getattr(space, "nvec", getattr(space, "n", 1)))

"""Environments so small that best returns and values are known exactly, and a trainer scaled down to them."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete, MultiDiscrete
from numpy.typing import NDArray
from tiny_environments import Space, VectorEnvironment

from puffer_train.algorithm.ppo import PPO
from puffer_train.config import Settings, overlay

Rows = NDArray[np.bool_]


def make_trainer(
    env: Any,
    seed: int = 1,
    policy: dict[str, Any] | None = None,
    *,
    threads: int = 1,
    learner: str = "auto",
    **train: Any,
) -> PPO:
    """Return a trainer with the shared defaults, only with less of everything: environments, steps, units."""
    small = {"num_envs": env.num_envs, "horizon": 8, "minibatch": min(128, 8 * env.num_agents), "steps": 20_000}
    tables = {"train": small | train, "policy": {"hidden": 16, "layers": 1} | (policy or {})}
    return PPO(env, overlay(Settings(), tables, "test"), seed, threads=threads, learner=learner)


def train(trainer: PPO) -> dict[str, float]:
    """Train to the end; return the latest value of everything reported."""
    report: dict[str, float] = {}
    while not trainer.finished:
        report |= trainer.iterate()
    return report


def one_hot(numbers: NDArray[np.int64], choices: int) -> NDArray[np.float32]:
    """(A,) to (A, choices)."""
    return (np.arange(choices) == numbers[:, None]).astype(np.float32)


def flags(size: int) -> Box:
    """Observations of `size` numbers between 0 and 1."""
    return Box(0, 1, (size,), np.float32)


class Bandit(VectorEnvironment):
    """One choice per episode: the reward is `payoffs[context, action]`, and the context is shown.

    With one context it is the plain many-armed bandit. The best return is the mean over contexts of their best payoff.
    """

    def __init__(self, num_envs: int, payoffs: NDArray[np.float64], seed: int = 0) -> None:
        self.payoffs = np.asarray(payoffs, np.float32)
        contexts, arms = self.payoffs.shape
        super().__init__(flags(contexts), Discrete(arms), num_envs, seed)
        self.context = np.zeros(num_envs, np.int64)

    def begin(self, rows: Rows) -> None:
        self.context[rows] = self.generator.integers(0, len(self.payoffs), int(rows.sum()))

    def advance(self, actions: NDArray[Any]) -> None:
        self.rewards[:] = self.payoffs[self.context, actions]
        self.terminals[:] = True

    def observe(self, out: NDArray[Any]) -> None:
        out[:] = one_hot(self.context, len(self.payoffs))


class Lottery(VectorEnvironment):
    """Arm 0 pays 1 for sure, arm 1 pays 10 every fifth time: 2 on average, or 0.2 if rewards are cut to 1."""

    def __init__(self, num_envs: int, seed: int = 0) -> None:
        super().__init__(flags(1), Discrete(2), num_envs, seed)

    def begin(self, rows: Rows) -> None:
        pass

    def advance(self, actions: NDArray[Any]) -> None:
        won = self.generator.random(self.num_agents) < 0.2
        self.rewards[:] = np.where(actions == 0, 1.0, 10.0 * won)
        self.terminals[:] = True

    def observe(self, out: NDArray[Any]) -> None:
        out[:] = 1.0


class Temptation(VectorEnvironment):
    """Six cells in a row: leaving on the left, where one starts, pays 0.2, leaving on the right pays 1.

    Right is best from every cell, so long as gamma^5 is above 0.2: 1 comes after six steps.
    """

    cells = 6
    time_limit = 40

    def __init__(self, num_envs: int, seed: int = 0) -> None:
        super().__init__(flags(self.cells), Discrete(2), num_envs, seed)
        self.cell = np.zeros(num_envs, np.int64)

    def begin(self, rows: Rows) -> None:
        self.cell[rows] = 0

    def advance(self, actions: NDArray[Any]) -> None:
        cell = self.cell + np.where(actions == 1, 1, -1)
        self.rewards[:] = np.where(cell < 0, 0.2, 0.0) + (cell == self.cells)
        self.terminals[:] = (cell < 0) | (cell == self.cells)
        self.cell = np.clip(cell, 0, self.cells - 1)

    def observe(self, out: NDArray[Any]) -> None:
        out[:] = one_hot(self.cell, self.cells)


class Annuity(VectorEnvironment):
    """Reward 0.5 per step, whatever is done; how many steps were done is shown, counted modulo 8.

    `over` for good after 8 steps, the value at step k is 0.5 (1 - gamma^(8 - k)) / (1 - gamma). Else episodes are cut
    off at random, after 8 steps on average, and the value is 0.5 / (1 - gamma) everywhere. (At random because a
    recurrent policy never trains on what it bootstraps from where the cut always comes at the same step.)
    """

    length = 8

    def __init__(self, num_envs: int, *, over: bool, seed: int = 0) -> None:
        super().__init__(flags(self.length), Discrete(2), num_envs, seed)
        self.over = over
        self.time_limit = np.zeros(num_envs, np.int64)

    def begin(self, rows: Rows) -> None:
        if not self.over:
            self.time_limit[rows] = self.generator.geometric(1 / self.length, int(rows.sum()))

    def advance(self, actions: NDArray[Any]) -> None:
        self.rewards[:] = 0.5
        self.terminals[:] = self.over & (self.clock == self.length)

    def observe(self, out: NDArray[Any]) -> None:
        out[:] = one_hot(self.clock % self.length, self.length)


class TwoRooms(VectorEnvironment):
    """Three steps through a first room, without reward, into a second, where every step pays 1 forever.

    Every step may be the last one seen (truncation, one in four), and episodes start anywhere. The value is
    1 / (1 - gamma) in the second room and gamma^k of that k steps before it; a truncation taken for an end, or valued
    with the observation after the restart, gives far less.
    """

    first = 3

    def __init__(self, num_envs: int, seed: int = 0) -> None:
        super().__init__(flags(self.first + 1), Discrete(2), num_envs, seed)
        self.place = np.zeros(num_envs, np.int64)
        self.time_limit = np.ones(num_envs, np.int64)

    def begin(self, rows: Rows) -> None:
        self.place[rows] = self.generator.integers(0, self.first + 1, int(rows.sum()))
        self.time_limit[rows] = self.generator.geometric(0.25, int(rows.sum()))

    def advance(self, actions: NDArray[Any]) -> None:
        self.rewards[:] = self.place == self.first
        self.place = np.minimum(self.place + 1, self.first)

    def observe(self, out: NDArray[Any]) -> None:
        out[:] = one_hot(self.place, self.first + 1)


class Recall(VectorEnvironment):
    """One of four cues is shown at first; several steps later, when asked, the action must be its number.

    Right pays 1, wrong nothing, so that guessing is worth 1/4. `reminded`, the cue is shown again with the question.
    `interrupted`, every step is flagged as the last one seen of the episode (truncation), though the game continues:
    a policy lives through the same game without ever having a past.
    """

    cues = 4

    def __init__(
        self, num_envs: int, delay: int, *, reminded: bool = False, interrupted: bool = False, seed: int = 0
    ) -> None:
        super().__init__(flags(self.cues + 1), Discrete(self.cues), num_envs, seed)
        self.delay, self.reminded, self.interrupted = delay, reminded, interrupted
        self.cue = np.zeros(num_envs, np.int64)
        self.answers: list[float] = []

    def begin(self, rows: Rows) -> None:
        self.cue[rows] = self.generator.integers(0, self.cues, int(rows.sum()))

    def advance(self, actions: NDArray[Any]) -> None:
        self.terminals[:] = self.clock == self.delay + 1
        self.rewards[:] = self.terminals & (actions == self.cue)
        self.answers += self.rewards[self.terminals].tolist()

    def step(self, actions: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        result = super().step(actions)
        if self.interrupted:
            self.truncations[:] = ~self.terminals
            self.final_observations[self.truncations] = self.observations[self.truncations]
        return result

    def observe(self, out: NDArray[Any]) -> None:
        asked = self.clock == self.delay
        shown = (self.clock == 0) | (asked & self.reminded)
        out[:, : self.cues] = one_hot(self.cue, self.cues) * shown[:, None]
        out[:, self.cues] = asked

    def log(self) -> dict[str, float]:
        answers, self.answers = self.answers, []
        return {"score": float(np.mean(answers)), "n": float(len(answers))} if answers else {}


class Combination(VectorEnvironment):
    """A lock of three wheels with 2, 3 and 4 numbers; it opens, for 1, when every wheel is at the number shown."""

    wheels = (2, 3, 4)

    def __init__(self, num_envs: int, seed: int = 0) -> None:
        super().__init__(flags(sum(self.wheels)), MultiDiscrete(list(self.wheels)), num_envs, seed)
        self.numbers = np.zeros((num_envs, 3), np.int64)

    def begin(self, rows: Rows) -> None:
        self.numbers[rows] = self.generator.integers(0, self.wheels, (int(rows.sum()), 3))

    def advance(self, actions: NDArray[Any]) -> None:
        self.rewards[:] = (actions == self.numbers).all(1)
        self.terminals[:] = True

    def observe(self, out: NDArray[Any]) -> None:
        out[:] = np.concatenate([one_hot(self.numbers[:, i], n) for i, n in enumerate(self.wheels)], axis=1)


class Forbidden(VectorEnvironment):
    """Six arms, better by 0.2 each from the first to the last, about half of which may not be touched at a time.

    Which ones, the observation does not say: only the action mask does. The reward is 1 less what the best of the
    allowed arms would have brought more, so that 1 is the best return.
    """

    arms = 6

    def __init__(self, num_envs: int, seed: int = 0) -> None:
        super().__init__(flags(1), Discrete(self.arms), num_envs, seed)
        self.allowed = np.ones((num_envs, self.arms), np.bool_)
        self.action_masks = self.allowed.copy()

    def begin(self, rows: Rows) -> None:
        count = int(rows.sum())
        allowed = self.generator.random((count, self.arms)) < 0.5
        allowed[np.arange(count), self.generator.integers(0, self.arms, count)] = True
        self.allowed[rows] = allowed

    def advance(self, actions: NDArray[Any]) -> None:
        if not self.allowed[np.arange(self.num_agents), actions].all():
            raise ValueError("an arm was touched that is forbidden")
        best = self.arms - 1 - self.allowed[:, ::-1].argmax(1)
        self.rewards[:] = 1 - 0.2 * (best - actions)
        self.terminals[:] = True

    def observe(self, out: NDArray[Any]) -> None:
        out[:] = 1.0
        self.action_masks[:] = self.allowed


class Pair(VectorEnvironment):
    """Two agents play six rounds, but the second leaves after three without a flag: only `agent_mask` shows it.

    1 for the action that is shown, every round. What an empty row holds means nothing, and looks like a treasure.
    """

    agents = 2
    rounds, short = 6, 3

    def __init__(self, num_envs: int, seed: int = 0) -> None:
        super().__init__(flags(2 + self.rounds + 1 + 1), Discrete(2), num_envs, seed)
        self.second = np.arange(self.num_agents) % 2 == 1
        self.wanted = np.zeros(self.num_agents, np.int64)
        self.agent_mask = np.ones(self.num_agents, np.bool_)

    def begin(self, rows: Rows) -> None:
        self.wanted[rows] = self.generator.integers(0, 2, int(rows.sum()))
        self.clock[1::2] = self.clock[::2]  # nothing reports that the second restarts, either

    def advance(self, actions: NDArray[Any]) -> None:
        self.rewards[:] = np.where(self.agent_mask, actions == self.wanted, 50.0)
        self.wanted = self.generator.integers(0, 2, self.num_agents)
        self.terminals[:] = (self.clock == self.rounds) & ~self.second

    def observe(self, out: NDArray[Any]) -> None:
        self.agent_mask[:] = ~self.second | (self.clock < self.short)
        which = self.second[:, None]  # without it, both would be worth the same
        played = np.concatenate([one_hot(self.wanted, 2), one_hot(self.clock, self.rounds + 1), which], axis=1)
        out[:] = np.where(self.agent_mask[:, None], played, 1.0)


class LastStep(VectorEnvironment):
    """Pays 1 for action 1 on every `period`-th step and nothing in between; no episode ever ends.

    With a rollout of that length, all there is to learn lies in its last transition.
    """

    def __init__(self, num_envs: int, period: int, seed: int = 0) -> None:
        super().__init__(flags(2), Discrete(2), num_envs, seed)
        self.period = period

    def begin(self, rows: Rows) -> None:
        pass

    def advance(self, actions: NDArray[Any]) -> None:
        self.rewards[:] = (self.clock % self.period == 0) & (actions == 1)

    def observe(self, out: NDArray[Any]) -> None:
        last = (self.clock + 1) % self.period == 0
        out[:, 0], out[:, 1] = last, ~last


class Needle(VectorEnvironment):
    """Of all environments only the first pays: 1 for the one right action of eight. Each row shows its number."""

    actions_to_try, right = 8, 5

    def __init__(self, num_envs: int, seed: int = 0) -> None:
        super().__init__(flags(num_envs), Discrete(self.actions_to_try), num_envs, seed)

    def begin(self, rows: Rows) -> None:
        pass

    def advance(self, actions: NDArray[Any]) -> None:
        self.rewards[:] = 0
        self.rewards[0] = actions[0] == self.right
        self.terminals[:] = True

    def observe(self, out: NDArray[Any]) -> None:
        out[:] = np.eye(self.num_agents)


class Chaos(VectorEnvironment):
    """Nothing to learn: all is random, so that every case that a transition can be in occurs.

    Episodes restart at random, either way; `masked`, choices are forbidden; `deserted`, agents leave without a flag and
    come with the next episode. `history` is what an onlooker sees: one dictionary of arrays per step.
    """

    def __init__(
        self, num_envs: int, action: Space, *, masked: bool = False, deserted: bool = False, seed: int = 0
    ) -> None:
        super().__init__(Box(-1, 1, (3,), np.float32), action, num_envs, seed)
        self.sight = np.zeros((num_envs, 3), np.float32)
        self.time_limit = np.ones(num_envs, np.int64)
        choices = 0 if isinstance(action, Box) else int(np.sum(getattr(action, "nvec", getattr(action, "n", 0))))
        self.action_masks = np.ones((num_envs, choices), np.bool_) if masked else None
        self.agent_mask = np.ones(num_envs, np.bool_) if deserted else None
        self.history: list[dict[str, NDArray[Any]]] = []

    def begin(self, rows: Rows) -> None:
        self.time_limit[rows] = self.generator.geometric(0.1, int(rows.sum()))
        self.look()
        if self.agent_mask is not None:
            self.agent_mask[rows] = self.generator.random(int(rows.sum())) < 0.8

    def look(self) -> None:
        self.sight = self.generator.uniform(-1, 1, self.sight.shape).astype(np.float32)
        if self.action_masks is not None:
            self.action_masks[:] = self.generator.random(self.action_masks.shape) < 0.5
            self.action_masks[:, [0, -1]] = True  # of each action at least one choice: the tests have at most two

    def advance(self, actions: NDArray[Any]) -> None:
        self.rewards[:] = self.generator.normal(size=self.num_agents) + 0.3 * actions.reshape(self.num_agents, -1)[:, 0]
        self.terminals[:] = self.generator.random(self.num_agents) < 0.1
        if self.agent_mask is not None:
            self.agent_mask &= self.generator.random(self.num_agents) < 0.9
        self.look()

    def observe(self, out: NDArray[Any]) -> None:
        out[:] = self.sight

    def step(self, actions: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        before = {name: getattr(self, name) for name in ("observations", "action_masks", "agent_mask")}
        seen = {name: array.copy() for name, array in before.items() if array is not None}
        result = super().step(actions)
        after = ("actions", "rewards", "terminals", "truncations", "final_observations")
        self.history.append(seen | {name: getattr(self, name).copy() for name in after})
        return result

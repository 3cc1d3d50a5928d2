"""Small environments in NumPy that keep the buffer contract: what the trainer is tested on.

Each is a few lines of dynamics over `VectorEnvironment`, which does what every environment has to: buffers
that never move, restart within the step, final observations, and one generator per batch.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete
from gymnasium.spaces import Space as AnySpace
from numpy.typing import NDArray

Space = Box | Discrete | MultiDiscrete


class VectorEnvironment:
    """The buffer contract around four methods: `begin`, `advance`, `observe`, and the spaces."""

    agents = 1
    """Agents per environment."""
    time_limit = 0
    """Steps after which an episode is truncated; 0 is never."""

    def __init__(self, observation: Box, action: Space, num_envs: int, seed: int) -> None:
        self.num_envs, self.num_agents = num_envs, num_envs * self.agents
        rows = self.num_agents
        self.single_observation_space, self.single_action_space = observation, action
        self.observations = np.zeros((rows, *observation.shape), observation.dtype)
        self.final_observations = np.zeros_like(self.observations)
        shape = () if isinstance(action, Discrete) else action.shape
        self.actions = np.zeros((rows, *shape), np.float32 if isinstance(action, Box) else np.int32)
        self.rewards = np.zeros(rows, np.float32)
        self.terminals = np.zeros(rows, np.bool_)
        self.truncations = np.zeros(rows, np.bool_)
        self.action_masks: NDArray[np.bool_] | None = None
        self.agent_mask: NDArray[np.bool_] | None = None
        self.clock = np.zeros(rows, np.int64)
        self.seed = seed
        self.generator = np.random.default_rng(seed)

    def begin(self, rows: NDArray[np.bool_]) -> None:
        """Start a new episode in these rows."""
        raise NotImplementedError

    def advance(self, actions: NDArray[Any]) -> None:
        """Write rewards and terminals of one step."""
        raise NotImplementedError

    def observe(self, out: NDArray[Any]) -> None:
        """Write what every row sees now."""
        raise NotImplementedError

    def reset(self, seed: int | None = None) -> NDArray[Any]:
        self.generator = np.random.default_rng(self.seed if seed is None else seed)
        everyone = np.ones(self.num_agents, np.bool_)
        self.clock[:] = 0
        self.begin(everyone)
        self.observe(self.observations)
        for array in (self.rewards, self.terminals, self.truncations):
            array[:] = 0
        return self.observations

    def step(self, actions: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        if actions is not self.actions:
            self.actions[...] = actions
        self.clock += 1
        self.terminals[:] = False
        self.advance(self.actions)
        self.truncations[:] = (self.clock == self.time_limit) & ~self.terminals
        self.observe(self.final_observations)
        ends = self.terminals | self.truncations
        if ends.any():
            self.clock[ends] = 0
            self.begin(ends)
        self.observe(self.observations)
        return self.observations, self.rewards, self.terminals, self.truncations

    def close(self) -> None:
        pass

    def snapshot(self) -> bytes:
        arrays = {name: value.tolist() for name, value in vars(self).items() if isinstance(value, np.ndarray)}
        return json.dumps({"arrays": arrays, "generator": self.generator.bit_generator.state}).encode()

    def restore(self, snapshot: bytes) -> NDArray[Any]:
        saved = json.loads(snapshot)
        for name, value in saved["arrays"].items():
            getattr(self, name)[...] = value
        self.generator.bit_generator.state = saved["generator"]
        return self.observations


class CartPole(VectorEnvironment):
    """Gymnasium's CartPole-v1: balance a pole on a cart; 1 per step, 500 steps at most."""

    time_limit = 500

    def __init__(self, num_envs: int = 1, seed: int = 0, length: float = 0.5) -> None:
        if not 0 < length <= 2:
            raise ValueError(f"length is {length}; it must be above 0 and at most 2")
        limit = np.array([4.8, np.inf, 0.42, np.inf], np.float32)
        super().__init__(Box(-limit, limit), Discrete(2), num_envs, seed)
        self.length = length
        self.physics = np.zeros((4, num_envs))

    def begin(self, rows: NDArray[np.bool_]) -> None:
        self.physics[:, rows] = self.generator.uniform(-0.05, 0.05, (4, int(rows.sum())))

    def advance(self, actions: NDArray[Any]) -> None:
        gravity, cart, pole, tau = 9.8, 1.0, 0.1, 0.02
        _, v, angle, spin = self.physics
        force = np.where(actions == 1, 10.0, -10.0)
        sin, cos = np.sin(angle), np.cos(angle)
        push = (force + pole * self.length * spin**2 * sin) / (cart + pole)
        turn = (gravity * sin - cos * push) / (self.length * (4 / 3 - pole * cos**2 / (cart + pole)))
        acceleration = push - pole * self.length * turn * cos / (cart + pole)
        self.physics += tau * np.stack([v, acceleration, spin, turn])
        self.rewards[:] = 1.0
        self.terminals[:] = (np.abs(self.physics[0]) > 2.4) | (np.abs(self.physics[2]) > np.radians(12))

    def observe(self, out: NDArray[Any]) -> None:
        out[:] = self.physics.T


class ConstantReward(VectorEnvironment):
    """Reward 1 whatever happens, truncated every 8 steps, never terminal: the value is 1 / (1 - gamma)."""

    time_limit = 8

    def __init__(self, num_envs: int = 1, seed: int = 0) -> None:
        super().__init__(Box(0, 1, (1,), np.float32), Discrete(2), num_envs, seed)

    def begin(self, rows: NDArray[np.bool_]) -> None:
        pass

    def advance(self, actions: NDArray[Any]) -> None:
        self.rewards[:] = 1.0

    def observe(self, out: NDArray[Any]) -> None:
        out[:] = 1.0


class MemoryCue(VectorEnvironment):
    """A cue of 0 or 1 is shown at the first step only; the action at the last of 6 steps must repeat it."""

    length = 6

    def __init__(self, num_envs: int = 1, seed: int = 0) -> None:
        super().__init__(Box(0, 1, (3,), np.float32), Discrete(2), num_envs, seed)
        self.cue = np.zeros(num_envs, np.int64)

    def begin(self, rows: NDArray[np.bool_]) -> None:
        self.cue[rows] = self.generator.integers(0, 2, int(rows.sum()))

    def advance(self, actions: NDArray[Any]) -> None:
        self.terminals[:] = self.clock == self.length
        self.rewards[:] = np.where(self.terminals, np.where(actions == self.cue, 1.0, -1.0), 0.0)

    def observe(self, out: NDArray[Any]) -> None:
        first = self.clock == 0
        out[:] = 0
        out[:, 0] = first & (self.cue == 0)
        out[:, 1] = first & (self.cue == 1)
        out[:, 2] = self.clock == self.length - 1


class Corridor(VectorEnvironment):
    """Five cells; right leads to the goal (+1, terminal), left back; start at the left end.

    Always going right is best: the value of cell i is gamma to the power of the steps still to go, less one.
    """

    cells = 5

    def __init__(self, num_envs: int = 1, seed: int = 0) -> None:
        super().__init__(Box(0, 1, (self.cells,), np.uint8), Discrete(2), num_envs, seed)
        self.cell = np.zeros(num_envs, np.int64)

    def begin(self, rows: NDArray[np.bool_]) -> None:
        self.cell[rows] = 0

    def advance(self, actions: NDArray[Any]) -> None:
        self.cell = np.maximum(self.cell + np.where(actions == 1, 1, -1), 0)
        self.terminals[:] = self.cell == self.cells
        self.rewards[:] = self.terminals

    def observe(self, out: NDArray[Any]) -> None:
        out[:] = np.arange(self.cells) == self.cell[:, None]


class Target(VectorEnvironment):
    """Continuous bandit: the reward is highest where the action is the observation."""

    time_limit = 4

    def __init__(self, num_envs: int = 1, seed: int = 0) -> None:
        super().__init__(Box(-1, 1, (2,), np.float32), Box(-2, 2, (2,), np.float32), num_envs, seed)
        self.wanted = np.zeros((num_envs, 2), np.float32)

    def begin(self, rows: NDArray[np.bool_]) -> None:
        self.wanted[rows] = self.generator.uniform(-1, 1, (int(rows.sum()), 2))

    def advance(self, actions: NDArray[Any]) -> None:
        if not np.isfinite(actions).all():
            raise ValueError("an action is not finite")
        self.rewards[:] = 1 - np.square(np.clip(actions, -2, 2) - self.wanted).sum(1)

    def observe(self, out: NDArray[Any]) -> None:
        out[:] = self.wanted


class Team(VectorEnvironment):
    """Two agents per environment, two masked actions each; odd agents are absent every other episode.

    The reward is the number of the second action (0 to 2); the mask forbids 2 while the observation is 0.
    """

    agents = 2
    time_limit = 5

    def __init__(self, num_envs: int = 1, seed: int = 0) -> None:
        super().__init__(Box(0, 1, (1,), np.int8), MultiDiscrete([2, 3]), num_envs, seed)
        rows = self.num_agents
        self.free = np.zeros(rows, np.bool_)
        self.action_masks = np.ones((rows, 5), np.bool_)
        self.agent_mask = np.ones(rows, np.bool_)

    def begin(self, rows: NDArray[np.bool_]) -> None:
        assert self.agent_mask is not None
        self.free[rows] = self.generator.random(int(rows.sum())) < 0.5
        odd = np.arange(self.num_agents) % 2 == 1
        self.agent_mask[rows & odd] ^= True

    def advance(self, actions: NDArray[Any]) -> None:
        forbidden = (actions[:, 1] == 2) & ~self.free & self.agent_mask
        if forbidden.any():
            raise ValueError(f"agent {int(np.flatnonzero(forbidden)[0])} took a masked action")
        self.rewards[:] = np.where(self.agent_mask, actions[:, 1], 0)

    def observe(self, out: NDArray[Any]) -> None:
        assert self.action_masks is not None
        out[:, 0] = self.free
        self.action_masks[:, 4] = self.free


@dataclass(frozen=True)
class Field:
    """What the contract wants of an observation field, in the trainer's eyes."""

    name: str
    space: AnySpace[Any]
    start: int
    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    def of(self, rows: NDArray[np.uint8]) -> NDArray[Any]:
        """View of the field in rows of bytes (A, B): (A, *shape)."""
        size = math.prod(self.shape) * self.dtype.itemsize
        return rows[:, self.start : self.start + size].view(self.dtype).reshape(len(rows), *self.shape)


def fields_of(*placed: tuple[str, AnySpace[Any], int, Any]) -> tuple[Field, ...]:
    """Fields out of (name, space, start, dtype)."""
    return tuple(Field(n, space, start, np.dtype(d), tuple(space.shape or ())) for n, space, start, d in placed)


class Signpost(VectorEnvironment):
    """Structured bytes: the reward is 1 where the action is `goal`; all else distracts. Four steps."""

    time_limit = 4
    row_bytes = 28
    observation_fields = fields_of(
        ("position", Box(-100.0, 100.0, (2,)), 0, np.float32),
        ("pair", MultiDiscrete([4, 2]), 8, np.int32),
        ("goal", Discrete(3), 16, np.uint8),
        ("flags", MultiBinary(3), 17, np.int8),
        ("picture", Box(0, 255, (2, 3), np.uint8), 20, np.uint8),
    )

    def __init__(self, num_envs: int = 1, seed: int = 0) -> None:
        super().__init__(Box(0, 255, (self.row_bytes,), np.uint8), Discrete(3), num_envs, seed)
        self.goal = np.zeros(num_envs, np.int64)

    def begin(self, rows: NDArray[np.bool_]) -> None:
        self.goal[rows] = self.generator.integers(0, 3, int(rows.sum()))

    def advance(self, actions: NDArray[Any]) -> None:
        self.rewards[:] = actions == self.goal
        self.goal[:] = self.generator.integers(0, 3, self.num_envs)

    def observe(self, out: NDArray[Any]) -> None:
        for field in self.observation_fields:
            values = field.of(out)
            if isinstance(field.space, Box):
                values[:] = self.generator.integers(0, 100, values.shape)
            elif isinstance(field.space, MultiDiscrete):
                values[:] = self.generator.integers(0, field.space.nvec, values.shape)
            else:
                values[:] = self.generator.integers(0, 2, values.shape)
        self.observation_fields[2].of(out)[:] = self.goal


class OtherCartPole(CartPole):
    """A variant of the same game."""

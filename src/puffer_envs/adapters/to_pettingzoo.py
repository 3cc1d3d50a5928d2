"""Native environments with several agents in PettingZoo: `parallel_env("snake", num_snakes=8)`."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from puffer_envs.adapters.native import draw_seed, make_native
from puffer_envs.adapters.rendering import Frame, View, offered_modes

try:
    from pettingzoo import ParallelEnv
except ImportError as error:
    raise ImportError(f"PettingZoo is not installed ({error}): pip install pettingzoo") from None

Array = NDArray[Any]
ByAgent = dict[str, Any]


def parallel_env(
    name: str, render_mode: str | None = None, max_cycles: int | None = None, **settings: Any
) -> PufferParallelEnv:
    """Return one native environment with PettingZoo's parallel API. The arguments are those of `PufferParallelEnv`."""
    return PufferParallelEnv(name, render_mode, max_cycles, **settings)


class PufferParallelEnv(ParallelEnv[str, Array, Any]):  # type: ignore[misc]  # PettingZoo is not typed
    """One native environment, whose agents "agent_0", "agent_1", … have one life each per episode.

    An agent whose life ends, by `terminations` or `truncations`, gets its final observation and leaves `agents`. The
    episode is over when all have left, or after `max_cycles` steps, which truncate the remaining agents.

    The native environment gives such an agent a new life in the same step. That life continues, hidden, until the
    episode is over: the agent takes action 0 (zeros for a Box), and can still get in the way of others.

    If agents join and leave during an episode (`agent_mask`), they enter `agents` when they first join, and leaving
    counts as a truncation.

    `infos` are empty or, if actions can be forbidden, have `action_mask`, int8 (sum of choices,).
    """

    def __init__(
        self, name: str, render_mode: str | None = None, max_cycles: int | None = None, **settings: Any
    ) -> None:
        """Make the environment.

        Args:
            name: one of `puffer_envs.list_envs()`.
            render_mode: "rgb_array", "human" (a window that follows every step) or None.
            max_cycles: steps after which an episode is over; None: only the environment's own limit.
            **settings: settings of the environment; one of them usually sets the number of agents.

        Raises:
            ValueError, TypeError: an unknown name, setting or mode, or a value that is not allowed.
            gymnasium.error.DependencyNotInstalled: there is a render mode, but no renderer is installed.
        """
        if max_cycles is not None and max_cycles < 1:
            raise ValueError(f"max_cycles must be at least 1, or None, got {max_cycles!r}")
        self.environment = make_native(name, settings)
        """The native environment, with `state()`, `log()` and all."""
        env = self.environment
        self.possible_agents = [f"agent_{row}" for row in range(env.num_agents)]
        self.agents: list[str] = []
        self._row = {agent: row for row, agent in enumerate(self.possible_agents)}
        # each agent has its own space, so that they can be seeded separately
        self.observation_spaces = {a: copy.deepcopy(env.single_observation_space) for a in self.possible_agents}
        self.action_spaces = {a: copy.deepcopy(env.single_action_space) for a in self.possible_agents}
        self.state_space = batch_space(env.single_observation_space, env.num_agents)
        self.metadata = {
            "name": f"{name}_v{env.spec.version}",
            "render_modes": offered_modes(),
            "render_fps": env.spec.rate,
            "is_parallelizable": True,
        }
        self.render_mode = render_mode
        self.max_cycles = max_cycles
        self._view = View(env, render_mode)
        self._started = False
        self._cycle = 0
        self._met: set[str] = set()
        self._seen = np.zeros_like(env.observations)

    def observation_space(self, agent: str) -> gymnasium.spaces.Space[Any]:
        """Return the observation space of an agent: always the same object."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> gymnasium.spaces.Space[Any]:
        """Return the action space of an agent: always the same object."""
        space: gymnasium.spaces.Space[Any] = self.action_spaces[agent]
        return space

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[ByAgent, ByAgent]:
        """Start an episode.

        Args:
            seed: 0 to 2**64 - 1. From here on, the run depends only on it and the actions. None: the first run is
                random, and later episodes continue its random sequence.
            options: not used.

        Returns:
            (observations, infos), both by agent.
        """
        if seed is None and not self._started:
            seed = draw_seed()
        self._seen = self.environment.reset(seed).copy()
        self._started = True
        self._cycle = 0
        self._met = set()
        self.agents = self._newcomers()
        self._view.follow()
        return self._by_agent(self._seen.copy()), self._infos()

    def step(self, actions: ByAgent) -> tuple[ByAgent, ByAgent, ByAgent, ByAgent, ByAgent]:
        """Take one step.

        Args:
            actions: one for each agent in `agents`, and for no other.

        Returns:
            (observations, rewards, terminations, truncations, infos), each by agent, for all that were in `agents` or
            have joined.

        Raises:
            RuntimeError: the episode is over or has not started.
            ValueError: actions are missing, there are too many, or one is out of range.
        """
        env = self.environment
        if not self.agents:
            raise RuntimeError(f"{env.spec.name}: no agent is left to act. Call reset() first")
        env.step(self._all_actions(actions))
        self._cycle += 1

        ended = env.terminals | env.truncations
        leaving = ended if env.agent_mask is None else ended | ~env.agent_mask
        if self.max_cycles is not None and self._cycle >= self.max_cycles:
            leaving = np.ones_like(ended)
        self.agents += [agent for agent in self._newcomers() if not leaving[self._row[agent]]]
        self._look(ended)
        outcome = (
            self._by_agent(self._seen.copy()),
            self._by_agent(env.rewards.tolist()),
            self._by_agent(env.terminals.tolist()),
            self._by_agent((leaving & ~env.terminals).tolist()),
            self._infos(),
        )
        self.agents = [agent for agent in self.agents if not leaving[self._row[agent]]]
        self._view.follow()
        return outcome

    def state(self) -> Array:
        """Return what each agent sees, or saw last: (agents, *observation shape), an element of `state_space`."""
        return self._seen.copy()

    def render(self) -> Frame | None:
        """Return an image, (height, width, 3) uint8, in mode rgb_array; None in mode human, which has a window."""
        return self._view.picture(self)

    def close(self) -> None:
        """Free all resources. Can be called twice."""
        self._view.close()
        self.environment.close()

    def _all_actions(self, actions: ByAgent) -> Array:
        """Return actions for every row, with 0 for agents that have left."""
        if actions.keys() != set(self.agents):
            raise ValueError(
                f"{self.environment.spec.name}: actions must be for the agents in `agents`, {', '.join(self.agents)}, "
                f"got {', '.join(map(str, actions)) or 'none'}"
            )
        idle = np.zeros_like(self.environment.actions[0])
        return np.stack([np.asarray(actions.get(agent, idle)) for agent in self.possible_agents])

    def _newcomers(self) -> list[str]:
        """Return agents that are present for the first time in this episode."""
        present = self.environment.agent_mask
        if present is None:
            present = np.ones(self.environment.num_agents, np.bool_)
        new = [agent for agent, row in self._row.items() if present[row] and agent not in self._met]
        self._met.update(new)
        return new

    def _look(self, ended: NDArray[np.bool_]) -> None:
        """Copy what the current agents see after a step: the final observation for those whose life has ended."""
        rows = np.array([self._row[agent] for agent in self.agents])
        env = self.environment
        self._seen[rows] = env.observations[rows]
        rows = rows[ended[rows]]
        self._seen[rows] = env.final_observations[rows]

    def _by_agent(self, rows: Sequence[Any] | Array) -> ByAgent:
        return {agent: rows[self._row[agent]] for agent in self.agents}

    def _infos(self) -> ByAgent:
        masks = self.environment.action_masks
        if masks is None:
            return {agent: {} for agent in self.agents}
        return {agent: {"action_mask": masks[self._row[agent]].astype(np.int8)} for agent in self.agents}

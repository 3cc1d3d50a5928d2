"""Native environments with several agents as PettingZoo's: `parallel_env("snake", num_snakes=8)`."""

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
    """One native environment behind PettingZoo's parallel API. The arguments are those of `PufferParallelEnv`."""
    return PufferParallelEnv(name, render_mode, max_cycles, **settings)


class PufferParallelEnv(ParallelEnv[str, Array, Any]):  # type: ignore[misc]  # PettingZoo is not typed
    """One native environment, whose agents "agent_0", "agent_1", … live one life each.

    An agent whose life ends, in `terminations` or `truncations`, gets its final observation and leaves `agents`. The
    episode is over when all have left, or after `max_cycles` steps, which truncate those that are still there.

    The native environment gives such an agent a new life in the same step. That goes on, unseen, until the episode is
    over: whoever has left takes action 0 (of a Box: zeros), and can still be in the way of those that are left.

    Where agents come and go (`agent_mask`), they join `agents` when they first come, and going is a truncation.

    `infos` are empty, but for `action_mask`, int8 of (sum of choices,), where actions can be forbidden.
    """

    def __init__(
        self, name: str, render_mode: str | None = None, max_cycles: int | None = None, **settings: Any
    ) -> None:
        """Make the environment.

        Args:
            name: one of `puffer_envs.list_envs()`.
            render_mode: "rgb_array", "human" (a window that follows every step) or None.
            max_cycles: steps after which an episode is over; None is no limit but the environment's own.
            **settings: settings of the environment; one of them usually says how many agents there are.

        Raises:
            ValueError, TypeError: unknown name, setting or mode; a value that is not allowed.
            gymnasium.error.DependencyNotInstalled: nothing that draws is installed, and there is a render mode.
        """
        if max_cycles is not None and max_cycles < 1:
            raise ValueError(f"max_cycles must be at least 1, or None, got {max_cycles!r}")
        self.environment = make_native(name, settings)
        """The native environment, with `state()`, `log()` and all."""
        env = self.environment
        self.possible_agents = [f"agent_{row}" for row in range(env.num_agents)]
        self.agents: list[str] = []
        self._row = {agent: row for row, agent in enumerate(self.possible_agents)}
        # a space of its own for each, so that they can be seeded apart
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
        """What the agent can see: always the same object."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> gymnasium.spaces.Space[Any]:
        """What the agent can do: always the same object."""
        return self.action_spaces[agent]

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[ByAgent, ByAgent]:
        """Begin an episode: (observations, infos).

        Args:
            seed: 0 to 2**64 - 1; from here on the run is a function of it and the actions. Without one, the first
                run is a random one, and later episodes go on from where the generator stands.
            options: not used.
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
        """One step: (observations, rewards, terminations, truncations, infos) of all that were in `agents`, or came.

        Args:
            actions: of every agent in `agents`, and of no other.

        Raises:
            RuntimeError: the episode is over, or has not begun.
            ValueError: actions are missing or too many, or one is out of its range.
        """
        env = self.environment
        if not self.agents:
            raise RuntimeError(f"{env.spec.name}: no agent is there to act; call reset() first")
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
        """(agents, *observation shape): what each agent sees, or saw last. In `state_space`."""
        return self._seen.copy()

    def render(self) -> Frame | None:
        """Mode rgb_array: a picture, (height, width, 3) uint8. Mode human: None, the window shows it already."""
        return self._view.picture(self)

    def close(self) -> None:
        """Free everything; may be called twice."""
        self._view.close()
        self.environment.close()

    def _all_actions(self, actions: ByAgent) -> Array:
        """Actions for every row, with 0 for those that have left."""
        if actions.keys() != set(self.agents):
            raise ValueError(
                f"{self.environment.spec.name}: actions must be of the agents that are there, "
                f"{', '.join(self.agents)}; got {', '.join(map(str, actions)) or 'none'}"
            )
        idle = np.zeros_like(self.environment.actions[0])
        return np.stack([np.asarray(actions.get(agent, idle)) for agent in self.possible_agents])

    def _newcomers(self) -> list[str]:
        """Agents that are there, and were not before in this episode."""
        present = self.environment.agent_mask
        if present is None:
            present = np.ones(self.environment.num_agents, np.bool_)
        new = [agent for agent, row in self._row.items() if present[row] and agent not in self._met]
        self._met.update(new)
        return new

    def _look(self, ended: NDArray[np.bool_]) -> None:
        """Take over what the agents that are there see after a step; those that end it see their life's end."""
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

"""PettingZoo's environments whose agents take turns (AEC), as environments whose agents act together.

In each step one agent acts. The others are asked, too, but have only one choice, which is ignored; so they must have
discrete actions. All of them observe, and each is given its rewards as they come.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from puffer_envs.adapters import masks
from puffer_envs.adapters.action_codec import ActionCodec
from puffer_envs.adapters.rewards import as_reward
from puffer_envs.adapters.spaces import Space, number_of_choices

Agents = dict[Any, Any]


def takes_turns(env: Any) -> bool:
    """Whether the agents of a PettingZoo environment take turns."""
    return hasattr(type(env), "agent_iter") or hasattr(env, "agent_iter")


class Turns:
    """A ParallelEnv, by its methods, around an AEC environment."""

    def __init__(self, env: Any) -> None:
        """Raises ValueError if an agent's actions are not discrete."""
        self.env = env
        self.possible_agents = list(env.possible_agents)
        self.agents: list[Any] = []
        self.metadata = getattr(env, "metadata", {})
        self.render_mode = getattr(env, "render_mode", None)
        self._masked = {
            agent: masks.is_beside_observation(env.observation_space(agent), env.action_space(agent))
            for agent in self.possible_agents
        }
        self._unmask = {
            agent: masks.beside(env.observation_space(agent)) for agent, masked in self._masked.items() if masked
        }
        for agent in self.possible_agents:
            if number_of_choices(env.action_space(agent)) is None:
                raise ValueError(
                    f"agents take turns, and the actions of {agent!r} are {env.action_space(agent)}: they must be "
                    "discrete, so that an agent that waits can be given a single choice"
                )

    @property
    def unwrapped(self) -> Any:
        """The innermost environment."""
        return getattr(self.env, "unwrapped", self.env)

    def observation_space(self, agent: Any) -> Space:
        """Of an agent; a mask beside it is in the info instead."""
        space: Space = self.env.observation_space(agent)
        return masks.without(space) if self._masked[agent] else space

    def action_space(self, agent: Any) -> Space:
        """Of an agent."""
        return self.env.action_space(agent)  # type: ignore[no-any-return]

    def reset(self, seed: int | None = None, options: Mapping[str, Any] | None = None) -> tuple[Agents, Agents]:
        """Start an episode."""
        self.env.reset(seed=seed, options=options)
        self.agents = list(self.env.agents)
        return self._looks(self.agents)

    def step(self, actions: Agents) -> tuple[Agents, Agents, Agents, Agents, Agents]:
        """Let the agent whose turn it is act."""
        env, before, acting = self.env, list(self.agents), self.env.agent_selection
        env.step(actions[acting])
        rewards = {agent: as_reward(env.rewards.get(agent, 0.0)) for agent in before}
        ended = {agent: bool(env.terminations.get(agent, False)) for agent in before}
        cut = {agent: bool(env.truncations.get(agent, False)) for agent in before}
        observations, infos = self._looks([agent for agent in before if ended[agent] or cut[agent]])
        # Agents that are over are stepped with None when it is their turn, as PettingZoo asks, until they are gone.
        while env.agents and (env.terminations[env.agent_selection] or env.truncations[env.agent_selection]):
            env.step(None)
        self.agents = [agent for agent in env.agents if not env.terminations[agent] and not env.truncations[agent]]
        live = self._looks(self.agents)
        return observations | live[0], rewards, ended, cut, infos | live[1]

    def _looks(self, agents: list[Any]) -> tuple[Agents, Agents]:
        """What agents observe, and their infos with a mask: the first choice only for those who wait."""
        observations, infos = {}, {}
        for agent in agents:
            observation, space = self.env.observe(agent), self.env.action_space(agent)
            info = dict(self.env.infos.get(agent, {}))
            if self._masked[agent]:
                info[masks.KEY] = observation[masks.KEY]
                observation = self._unmask[agent](observation)
            if self.env.agents and agent == self.env.agent_selection:
                info[masks.KEY] = masks.flat(info.get(masks.KEY), space)
            else:
                info[masks.KEY] = np.zeros(number_of_choices(space) or 0, np.bool_)
                info[masks.KEY][first_choices(space)] = True
            observations[agent], infos[agent] = observation, info
        return observations, infos

    def render(self) -> Any:
        """What the environment draws."""
        return self.env.render()

    def close(self) -> None:
        """Close the environment."""
        self.env.close()


def first_choices(space: Space) -> list[int]:
    """Return the places, in a flat mask, of the first choice of each part."""
    row: Any = ActionCodec(space).space
    counts = np.atleast_1d(row.n if hasattr(row, "n") else row.nvec)
    return np.cumsum([0, *counts[:-1]]).tolist()  # type: ignore[no-any-return]

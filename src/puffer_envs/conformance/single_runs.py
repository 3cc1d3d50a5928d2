"""Playing one Gymnasium or PettingZoo environment with random actions.

Everything it returns is checked against its interface before use; a wrong type raises `ContractError`.
"""

from __future__ import annotations

import copy
import numbers
from collections.abc import Iterator, Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from puffer_envs.adapters import masks
from puffer_envs.adapters.action_codec import ActionCodec
from puffer_envs.adapters.returned import OLD, RESET, RESET_OF_MANY, STEP, describe, is_old_step
from puffer_envs.adapters.turns import Turns, takes_turns
from puffer_envs.conformance.errors import require
from puffer_envs.conformance.runs import Output, Tracked
from puffer_envs.contract.documentation import page_url

Space = spaces.Space[Any]


class GymnasiumRun(Tracked):
    """One environment of Gymnasium's interface."""

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        super().__init__()
        self.env = env
        self.over, self.note = False, ""
        self.observation: Any = None
        self.reward: Any = None
        self._info: Mapping[str, Any] = {}
        self._actions = copy.deepcopy(env.action_space)  # to sample from without moving a generator of the user's
        self._actions.seed(0)

    def reset(self, seed: int | None) -> Output:
        """See `Run`."""
        self.note_reset(seed)
        if seed is not None:
            self._actions.seed(seed)
        result: Any = self.env.reset() if seed is None else self.env.reset(seed=seed)
        require(
            isinstance(result, tuple) and len(result) == 2,
            f"reset must return {RESET}, returned {describe(result)}",
        )
        self.observation, self._info = result
        require(
            isinstance(self._info, Mapping), f"the info that reset returns must be a dict, is {describe(self._info)}"
        )
        self.over, self.reward = False, None
        return dict(named_leaves("observation", self.observation))

    def step(self) -> Output:
        """See `Run`."""
        if self.over:
            return self.reset(None)
        self.note_step()
        result: Any = self.env.step(self._sample())
        require(
            isinstance(result, tuple) and len(result) == 5,
            f"step must return {STEP}, returned {describe(result)}{OLD if is_old_step(result) else ''} ({self.where})",
        )
        self.observation, self.reward, terminated, truncated, self._info = result
        require_reward("the reward", self.reward, self.where)
        for name, flag in (("terminated", terminated), ("truncated", truncated)):
            self.note = require_flag(name, flag, self.where) or self.note
        require(
            isinstance(self._info, Mapping), f"the info that step returns must be a dict, is {describe(self._info)}"
        )
        self.over = bool(terminated or truncated)
        return {
            **dict(named_leaves("observation", self.observation)),
            "reward": np.array(self.reward),
            "terminated": np.array(bool(terminated)),
            "truncated": np.array(bool(truncated)),
        }

    def _sample(self) -> Any:
        """A random action; one that is allowed, if the environment reports that."""
        for _, space, mask in self.masks():
            return sample_allowed(space, mask, self._actions.np_random)
        return self._actions.sample()

    def masks(self) -> Iterator[tuple[str, Space, Any]]:
        """Name, action space and value of the mask that was shown last, if the environment shows any."""
        space = self.env.action_space
        method = masks.method_of(self.env)
        if isinstance(self.observation, Mapping) and masks.is_beside_observation(self.env.observation_space, space):
            yield "the action_mask of the observation", space, self.observation[masks.KEY]
        elif method is not None:
            yield "action_masks()", space, method()
        elif self._info.get(masks.KEY) is not None:
            yield "the action_mask of the info", space, self._info[masks.KEY]

    def observed(self) -> Iterator[tuple[str, Space, Any]]:
        """Name, space and value of what was observed last."""
        yield "observation", self.env.observation_space, self.observation

    def rewarded(self) -> Iterator[tuple[str, Any]]:
        """Name and value of the reward of the last step; none after a reset."""
        if self.reward is not None:
            yield "reward", self.reward

    def close(self) -> None:
        """See `Run`."""
        self.env.close()


class PettingZooRun(Tracked):
    """One environment of PettingZoo's ParallelEnv interface."""

    def __init__(self, env: Any) -> None:
        super().__init__()
        self.env = env
        self.over, self.note = False, ""
        self.observations: Mapping[Any, Any] = {}
        self.rewards: Mapping[Any, Any] = {}
        self._infos: Mapping[Any, Any] = {}
        self._actions = {agent: copy.deepcopy(env.action_space(agent)) for agent in env.possible_agents}
        self._seed_actions(0)

    def _seed_actions(self, seed: int) -> None:
        for number, space in enumerate(self._actions.values()):
            space.seed(seed * len(self._actions) + number)

    def reset(self, seed: int | None) -> Output:
        """See `Run`."""
        self.note_reset(seed)
        if seed is not None:
            self._seed_actions(seed)
        result: Any = self.env.reset() if seed is None else self.env.reset(seed=seed)
        require(
            isinstance(result, tuple) and len(result) == 2 and all(isinstance(part, Mapping) for part in result),
            f"reset must return {RESET_OF_MANY}, returned {describe(result)}",
        )
        self.observations, self.rewards, self.over = result[0], {}, False
        self._infos = result[1]
        self._require_agents()
        require(self.env.agents, f"env.agents is empty after {self.where}; no agent could act")
        return self._leaves()

    def step(self) -> Output:
        """See `Run`."""
        if self.over:
            return self.reset(None)
        self.note_step()
        acting = list(self.env.agents)
        result: Any = self.env.step({agent: self._sample(agent) for agent in acting})
        require(
            isinstance(result, tuple) and len(result) == 5 and all(isinstance(part, Mapping) for part in result),
            "step must return five dicts by agent (observations, rewards, terminations, truncations, infos), returned "
            f"{describe(result)} ({self.where})",
        )
        self.observations, self.rewards, terminations, truncations, self._infos = result
        results: Output = {}
        for what, values in (("reward", self.rewards), ("termination", terminations), ("truncation", truncations)):
            for agent in acting:
                require(agent in values, f"agent {agent!r} acted at {self.where}, but was given no {what}; give it one")
                name = f"{what} of {agent}"
                if what == "reward":
                    require_reward(f"the {name}", values[agent], self.where)
                else:
                    self.note = require_flag(name, values[agent], self.where) or self.note
                results[name] = np.array(values[agent])
        self._require_agents()
        gone = [agent for agent in acting if terminations[agent] or truncations[agent]]
        for agent in set(gone) & set(self.env.agents):
            self.note = f"agent {agent!r} is over at {self.where}, but is still in env.agents; take it out"
        self.over = not set(self.env.agents) - set(gone)
        return self._leaves() | results

    def _require_agents(self) -> None:
        for agent in self.env.agents:
            require(
                agent in self._actions,
                f"agent {agent!r} is in env.agents at {self.where}, but not in possible_agents; list it there too",
            )
            require(
                agent in self.observations,
                f"agent {agent!r} is in env.agents at {self.where}, but was given no observation; give it one",
            )

    def _leaves(self) -> Output:
        return {
            name: leaf
            for agent, observation in self.observations.items()
            for name, leaf in named_leaves(f"observation of {agent}", observation)
        }

    def _sample(self, agent: Any) -> Any:
        """A random action; one that is allowed, if the observation reports that."""
        for _, space, mask in self._masks_of(agent):
            return sample_allowed(space, mask, self._actions[agent].np_random)
        return self._actions[agent].sample()

    def masks(self) -> Iterator[tuple[str, Space, Any]]:
        """Name, action space and value of the masks that were shown last, if the environment shows any."""
        for agent in self.env.agents:
            yield from self._masks_of(agent)

    def _masks_of(self, agent: Any) -> Iterator[tuple[str, Space, Any]]:
        space, observation = self.env.action_space(agent), self.observations[agent]
        beside = masks.is_beside_observation(self.env.observation_space(agent), space)
        if beside and isinstance(observation, Mapping):
            yield f"the action_mask that {agent!r} observes", space, observation[masks.KEY]
        elif self._infos.get(agent, {}).get(masks.KEY) is not None:
            yield f"the action_mask in the info of {agent!r}", space, self._infos[agent][masks.KEY]

    def observed(self) -> Iterator[tuple[str, Space, Any]]:
        """Name, space and value of what the agents observed last."""
        for agent, observation in self.observations.items():
            if agent in self._actions:
                yield f"observation of {agent}", self.env.observation_space(agent), observation

    def rewarded(self) -> Iterator[tuple[str, Any]]:
        """Name and value of the rewards of the last step; none after a reset."""
        for agent, reward in self.rewards.items():
            yield f"reward of {agent}", reward

    def close(self) -> None:
        """See `Run`."""
        self.env.close()


SingleRun = GymnasiumRun | PettingZooRun


def single_run(env: Any) -> SingleRun:
    """The run of a single environment.

    Raises:
        ContractError: it has neither interface.
    """
    if isinstance(env, gymnasium.Env):
        for what in ("observation_space", "action_space"):
            space = getattr(env, what, None)
            require(isinstance(space, spaces.Space), f"{what} must be a gymnasium.spaces.Space, is {describe(space)}")
        return GymnasiumRun(env)
    kind = f"{type(env).__module__}.{type(env).__name__}"
    require(
        hasattr(env, "possible_agents"),
        f"the factory made a {kind}; it must make a gymnasium.Env or a PettingZoo ParallelEnv, or take num_envs and "
        f"seed and make a batch that keeps the buffer contract ({page_url('contract')})",
    )
    require(
        isinstance(env.possible_agents, list | tuple) and env.possible_agents,
        f"possible_agents must list all agents that may ever take part, is {describe(env.possible_agents)}",
    )
    return PettingZooRun(Turns(env) if takes_turns(env) else env)


def sample_allowed(space: Space, mask: Any, rng: np.random.Generator) -> Any:
    """Return a random action that a mask allows; any one if it allows none or does not fit, which has its own check."""
    codec = ActionCodec(space)
    try:
        allowed = masks.by_action(masks.flat(mask, space), space)
    except ValueError:
        return space.sample()
    row = [int(rng.choice(np.flatnonzero(part) if part.any() else len(part))) for part in allowed]
    single = isinstance(codec.space, spaces.Discrete)
    return codec.decode(np.array(row if single else [row], np.int32))[0]


def require_reward(name: str, reward: Any, where: str) -> None:
    """Raise `ContractError` unless it is a single number."""
    single = isinstance(reward, numbers.Real | np.number | np.bool_)
    single = single or (isinstance(reward, np.ndarray) and reward.ndim == 0 and reward.dtype.kind in "biuf")
    require(single, f"{name} must be a single number, is {describe(reward)} at {where}; use float(...)")


def require_flag(name: str, flag: Any, where: str) -> str:
    """Raise `ContractError` unless it is a truth value; return a note if it is not a bool."""
    if isinstance(flag, bool | np.bool_):
        return ""
    truth = isinstance(flag, numbers.Integral | np.ndarray) and np.asarray(flag).size == 1
    require(truth, f"{name} must be True or False, is {describe(flag)} at {where}; use bool(...)")
    return f"{name} is {describe(flag)} at {where}, but should be a bool; use bool(...)"


def named_leaves(name: str, observation: Any) -> Iterator[tuple[str, NDArray[Any]]]:
    """Copies of the arrays and numbers that a (nested) observation is made of."""
    if isinstance(observation, Mapping):
        for key, part in observation.items():
            yield from named_leaves(f"{name}[{key!r}]", part)
    elif isinstance(observation, tuple):
        for position, part in enumerate(observation):
            yield from named_leaves(f"{name}[{position}]", part)
    else:
        yield name, np.array(observation)

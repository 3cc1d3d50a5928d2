"""PettingZoo's environments with the buffer contract."""

from __future__ import annotations

import functools
import importlib.util
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_envs.adapters.kinds import Kinds, KindsOfActions, KindsOfObservations
from puffer_envs.adapters.meter import EpisodeMeter, numbers_in
from puffer_envs.adapters.observation_codec import Writer
from puffer_envs.adapters.python_block import PythonBlock, require_same
from puffer_envs.adapters.returned import RESET_OF_MANY, STEP_OF_MANY, refuse_step
from puffer_envs.adapters.rewards import as_reward
from puffer_envs.adapters.turns import Turns, takes_turns
from puffer_envs.contract.factories import load_factory
from puffer_envs.contract.names import suggest
from puffer_envs.contract.wrap import Wrap
from puffer_envs.vector.layout import BufferLayout, Buffers

NEEDED = ("possible_agents", "observation_space", "action_space", "reset", "step", "close")
PACKAGE = "pettingzoo"


class PettingZooBlock(PythonBlock):
    """PettingZoo environments: one row for each of `possible_agents`, in that order.

    Where agents take turns, `adapters.turns` makes them act together; where their spaces differ, `adapters.kinds` pads.

    - `agent_mask` is True for agents that are alive. Other rows are zeros, with every action allowed.
    - An agent whose termination or truncation is set leaves its last observation in `final_observations`, and its row
      stays empty until the next episode. If both are set, it counts as terminated.
    - An agent that disappears from `env.agents` without a flag counts as truncated. Its last observation is the one
      from that step, if any, else the one before.
    - An agent that joins later, or comes back, fills its row in the step that lists it. Values for agents that are not
      alive are ignored.
    - When no agent is left, the environment restarts in the same step.
    """

    _reset_returns = RESET_OF_MANY
    single = False
    _kinds: KindsOfObservations | None = None

    def _check(self, env: Any) -> None:
        kind = type(env)
        missing = [name for name in NEEDED if not hasattr(env, name)]
        if missing:
            raise TypeError(
                f"the factory must return a PettingZoo ParallelEnv, got a {kind.__name__}, which has no {missing[0]}"
            )

    def _wrapped(self, env: Any) -> Any:
        for word in ("frameskip", "pool", "noops", "lives"):
            if getattr(self._wrap, word) != getattr(Wrap(), word):
                raise ValueError(f"wrap.{word} is for environments with one agent, and this one is PettingZoo's")
        return Turns(env) if takes_turns(env) else env

    def _prepare(self) -> None:
        agents = list(self.envs[0].possible_agents)
        if not agents:
            raise ValueError("possible_agents is empty. List all agents that can ever take part")
        spaces: dict[str, dict[Any, Any]] = {}
        for kind in ("observation_space", "action_space"):
            spaces[kind] = {agent: getattr(self.envs[0], kind)(agent) for agent in agents}
        for i, env in enumerate(self.envs):
            require_same("possible_agents", agents, list(env.possible_agents), self._first, self._first + i)
            for kind, of_agent in spaces.items():
                for agent, space in of_agent.items():
                    theirs = getattr(env, kind)(agent)
                    require_same(f"{kind} of {agent!r}", space, theirs, self._first, self._first + i)
        self._rows = [
            {agent: env * len(agents) + at for at, agent in enumerate(agents)} for env in range(len(self.envs))
        ]
        self._seen: list[dict[Any, Any]] = [{} for _ in self.envs]
        self._gone: list[set[Any]] = [set() for _ in self.envs]
        self._lives = np.zeros(len(self.envs) * len(agents), np.bool_)
        kinds = Kinds(spaces["observation_space"], spaces["action_space"])
        if kinds.count == 1:
            self._lay_out(kinds.observed[0], kinds.acted[0], agents=len(agents), padded=True)
        else:
            self._lay_out_kinds(kinds)

    def _lay_out_kinds(self, kinds: Kinds) -> None:
        """Determine the layout of rows of several kinds of agents."""
        agents, envs = len(kinds.of_agent), len(self.envs)
        self._prepared = self._kinds = KindsOfObservations(kinds, self._wrap, envs)
        self._actions = actions = KindsOfActions(kinds, envs)
        self._mask_place = None if actions.allowed is None else "observation"
        self._meter = EpisodeMeter(envs, agents)
        self.layout = BufferLayout(
            agents=agents,
            single_observation_space=self._kinds.space,
            single_action_space=actions.space,
            masked=actions.allowed is not None,
            padded=True,
            observation_fields=self._kinds.fields,
            notes=self._kinds.notes,
        )

    def _observation_writer(self, rows: NDArray[Any]) -> Writer:
        return super()._observation_writer(rows) if self._kinds is None else self._kinds.writer(rows)

    def _mask_writer(self, rows: NDArray[np.bool_]) -> Callable[[int, Any, Mapping[str, Any]], None]:
        if isinstance(self._actions, KindsOfActions):
            return self._actions.mask_writer(rows)
        return super()._mask_writer(rows)

    def _info_of(self, env: int, infos: Any) -> dict[str, Any]:
        agents = self.envs[env].agents
        return infos.get(agents[0], {}) if agents else {}

    def attach(self, buffers: Buffers) -> None:
        """See `Block`."""
        super().attach(buffers)
        self._agent_mask = buffers["agent_mask"]

    def reset(self, seed: int | None) -> None:
        """See `Block`."""
        super().reset(seed)
        self._agent_mask[:] = self._lives

    def _begin(self, env: int, seed: int | None) -> None:
        observations, infos = self._reset_env(env, seed)
        self._seen[env] = {}
        self._gone[env] = set()
        self._welcome(env, observations, infos, starts=True)
        if not self._seen[env]:
            raise ValueError(f"{type(self.envs[env]).__name__}.reset() left env.agents empty: no agent can act")
        self._clear_empty_rows(env)

    def step(self) -> None:
        """See `Block`."""
        self._changes.before_step()
        self._clear_step()
        lived = self._lives.copy()
        choices = self._actions.decode(self._buffers["actions"])
        finished: list[tuple[int, dict[str, float]]] = []
        for env in range(len(self.envs)):
            self._step_env(env, choices, finished)
        self._agent_mask[:] = self._lives
        self._meter.count(self._rewards, lived)
        for row, extras in finished:
            if self._kinds is not None:  # a mean over rivals would tell nothing
                kind = self._kinds.name_of(row)
                extras |= {f"{kind}.score": self._meter.return_of(row), f"{kind}.n": 1.0}
            self._meter.finish(row, extras)

    def _step_env(self, env: int, choices: list[Any], finished: list[tuple[int, dict[str, float]]]) -> None:
        environment, rows, before = self.envs[env], self._rows[env], self._seen[env]
        result = environment.step({agent: choices[rows[agent]] for agent in before})
        try:
            observations, rewards, terminations, truncations, infos = result
        except (TypeError, ValueError):
            refuse_step(environment, result, STEP_OF_MANY)
        self._get_on(False)
        listed = set(environment.agents)
        self._seen[env] = {}
        for agent, last_seen in before.items():
            row = rows[agent]
            self._rewards[row] = self._judge(rewards.get(agent, 0.0), env, agent)
            terminated = terminations.get(agent, False)
            if terminated or truncations.get(agent, False) or agent not in listed:
                (self._terminals if terminated else self._truncations)[row] = True
                self._write_final(row, observations.get(agent, last_seen))
                self._gone[env].add(agent)
                self._lives[row] = False
                finished.append((row, numbers_in(infos.get(agent, {}))))
        self._gone[env] &= listed  # who has left may come back
        self._welcome(env, observations, infos)
        if self._seen[env]:
            self._clear_empty_rows(env)
        else:
            self._begin(env, None)

    def _judge(self, reward: Any, env: int, agent: Any) -> float:
        try:
            return as_reward(reward)
        except ValueError as error:
            raise ValueError(f"environment {self._first + env}, agent {agent!r}: {error}") from None

    def _welcome(
        self, env: int, observations: Mapping[Any, Any], infos: Mapping[Any, Any], starts: bool = False
    ) -> None:
        """Write the rows of all agents that are alive now, including new ones."""
        rows, gone, seen = self._rows[env], self._gone[env], self._seen[env]
        for agent in self.envs[env].agents:
            if agent in gone:
                continue
            if agent not in rows:
                raise ValueError(
                    f"agent {agent!r} is in env.agents, but not in env.possible_agents. List it there, too"
                )
            if agent not in observations:
                raise ValueError(f"agent {agent!r} is in env.agents, but got no observation. Return one for it")
            row, observation = rows[agent], observations[agent]
            seen[agent] = observation
            if not self._lives[row] or starts:
                self._prepared.restart(row)
            self._lives[row] = True
            self._write(row, observation)
            if self._write_mask is not None:
                self._write_mask(row, observation, infos.get(agent, {}))

    def _clear_empty_rows(self, env: int) -> None:
        rows, seen = self._rows[env], self._seen[env]
        if len(seen) == len(rows):
            return
        for agent, row in rows.items():
            if agent not in seen:
                self._lives[row] = False
                self._buffers["observations"][row] = 0
                if self.layout.masked:
                    self._buffers["action_masks"][row] = True


@dataclass(frozen=True)
class PettingZooFactory:
    """Makes environments of one name. Can be pickled."""

    name: str
    """See `pettingzoo_factory`."""
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    """Keyword arguments for the environment."""

    def __call__(self) -> Any:
        """Make one environment."""
        return find_factory(self.name)(**self.kwargs)


def pettingzoo_factory(name: str, **kwargs: Any) -> PettingZooFactory:
    """Return a factory of PettingZoo environments: parallel ones where there are both kinds.

    Args:
        name: an environment of PettingZoo, such as `butterfly/pistonball-v6`, `butterfly.pistonball_v6` or
            `pettingzoo.butterfly.pistonball_v6`; a module of another package that has a `parallel_env` or an `env`; or
            `module:factory`.
        **kwargs: keyword arguments for the environment.

    Raises:
        ValueError: there is no such environment.
        ImportError: a package is missing.
    """
    find_factory(name)
    return PettingZooFactory(name, kwargs)


def find_factory(name: str) -> Callable[..., Any]:
    """Return the callable that makes environments of this name; see `pettingzoo_factory`."""
    if ":" in name:
        return load_factory(name)
    package = _import(PACKAGE, f"{name!r} needs PettingZoo")
    # PettingZoo has had a registry since 1.27. In older versions, its environments are modules as in other packages.
    registry: Mapping[str, Any] = getattr(package, "parallel_registry", {})
    env_id = re.sub(r"_v(?=\d+$)", "-v", name.removeprefix(f"{PACKAGE}.").replace(".", "/"))
    if env_id in registry:
        spec = registry[env_id]
        if isinstance(spec.entry_point, str):
            _import(spec.entry_point.partition(":")[0], f"{name!r} needs more packages")
        return functools.partial(package.make, "parallel", spec)
    in_turn: Mapping[str, Any] = getattr(package, "aec_registry", {})
    if env_id in in_turn:
        spec = in_turn[env_id]
        if isinstance(spec.entry_point, str):
            _import(spec.entry_point.partition(":")[0], f"{name!r} needs more packages")
        return functools.partial(package.make, "aec", spec)
    inside = name if name.startswith(f"{PACKAGE}.") else f"{PACKAGE}.{name}"
    for module_name in (name,) if registry else (inside, name):
        if not _exists(module_name):
            continue
        module = _import(module_name, f"{name!r} needs more packages")
        factory = getattr(module, "parallel_env", None) or getattr(module, "env", None)
        if factory is None:
            raise ValueError(
                f"the module {module_name!r} has neither parallel_env nor env. Name one that has, or module:factory"
            )
        return factory  # type: ignore[no-any-return]
    raise ValueError(f"there is no PettingZoo environment or module {name!r}.{suggest(env_id, registry)}")


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):  # the parent package is missing, or the name is not valid
        return False


def _import(module: str, purpose: str) -> ModuleType:
    """Import a module, or raise ImportError with the command that installs what is missing."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package, _, rest = module.partition(".")
        if package == PACKAGE and rest:
            package = f'"{PACKAGE}[{rest.partition(".")[0]}]"'
        elif package != PACKAGE:
            package = str(error.name).partition(".")[0]
        raise ImportError(f"{purpose} ({error}): pip install {package}") from error

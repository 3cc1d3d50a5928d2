"""PettingZoo's parallel environments with the buffer contract."""

from __future__ import annotations

import functools
import importlib.util
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

from puffer_envs.adapters.meter import numbers_in
from puffer_envs.adapters.python_block import PythonBlock, require_same
from puffer_envs.contract.factories import load_factory
from puffer_envs.contract.names import suggest
from puffer_envs.vector.layout import Buffers

NEEDED = ("possible_agents", "observation_space", "action_space", "reset", "step", "close")
PACKAGE = "pettingzoo"


class PettingZooBlock(PythonBlock):
    """PettingZoo ParallelEnvs: one row for each of `possible_agents`, in that order.

    - `agent_mask` is True for agents that are alive. Other rows are zeros, with every action allowed.
    - An agent whose termination or truncation is set leaves its last observation in `final_observations`, and its row
      stays empty until the next episode. If both are set, it counts as terminated.
    - An agent that disappears from `env.agents` without a flag counts as truncated. Its last observation is the one
      from that step, if any, else the one before.
    - An agent that joins later fills its row in the step that lists it. Values for agents that are not alive are
      ignored.
    - When no agent is left, the environment restarts in the same step.
    """

    def _check(self, env: Any) -> None:
        kind = type(env)
        if hasattr(kind, "agent_iter"):
            raise TypeError(
                f"{kind.__name__} is an AEC environment, whose agents take turns. Use a ParallelEnv, "
                "or convert it with pettingzoo.utils.aec_to_parallel"
            )
        missing = [name for name in NEEDED if not hasattr(env, name)]
        if missing:
            raise TypeError(
                f"the factory must return a PettingZoo ParallelEnv, got a {kind.__name__}, which has no {missing[0]}"
            )

    def _prepare(self) -> None:
        agents = list(self.envs[0].possible_agents)
        if not agents:
            raise ValueError("possible_agents is empty. List all agents that can ever take part")
        for i, env in enumerate(self.envs):
            require_same("possible_agents", agents, list(env.possible_agents), self._first, self._first + i)
        spaces = {}
        for kind in ("observation_space", "action_space"):
            spaces[kind] = getattr(self.envs[0], kind)(agents[0])
            for i, env in enumerate(self.envs):
                for agent in agents:
                    theirs = getattr(env, kind)(agent)
                    if theirs != spaces[kind]:
                        raise ValueError(
                            f"all agents must have the same {kind}: {agents[0]!r} has {spaces[kind]}, {agent!r} of "
                            f"environment {self._first + i} has {theirs}. Wrap the environment so that they match, "
                            "for example by padding"
                        )
        self._lay_out(spaces["observation_space"], spaces["action_space"], agents=len(agents), padded=True)
        self._rows = [
            {agent: env * len(agents) + at for at, agent in enumerate(agents)} for env in range(len(self.envs))
        ]
        self._seen: list[dict[Any, Any]] = [{} for _ in self.envs]
        self._gone: list[set[Any]] = [set() for _ in self.envs]
        self._lives = np.zeros(len(self.envs) * len(agents), np.bool_)

    def _first_info(self, env: Any, seed: int) -> dict[str, Any]:
        infos = env.reset(seed=seed)[1]
        return infos.get(env.agents[0], {}) if env.agents else {}

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
        self._welcome(env, observations, infos)
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
            self._meter.finish(row, extras)

    def _step_env(self, env: int, choices: list[Any], finished: list[tuple[int, dict[str, float]]]) -> None:
        environment, rows, before = self.envs[env], self._rows[env], self._seen[env]
        observations, rewards, terminations, truncations, infos = environment.step(
            {agent: choices[rows[agent]] for agent in before}
        )
        listed = set(environment.agents)
        self._seen[env] = {}
        for agent, last_seen in before.items():
            row = rows[agent]
            self._rewards[row] = rewards.get(agent, 0.0)
            terminated = terminations.get(agent, False)
            if terminated or truncations.get(agent, False) or agent not in listed:
                (self._terminals if terminated else self._truncations)[row] = True
                self._write_final(row, observations.get(agent, last_seen))
                self._gone[env].add(agent)
                self._lives[row] = False
                finished.append((row, numbers_in(infos.get(agent, {}))))
        self._welcome(env, observations, infos)
        if self._seen[env]:
            self._clear_empty_rows(env)
        else:
            self._begin(env, None)

    def _welcome(self, env: int, observations: Mapping[Any, Any], infos: Mapping[Any, Any]) -> None:
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
            self._lives[row] = True
            self._write(row, observation)
            if self._write_mask is not None:
                self._write_mask(row, observation if self._mask_beside else infos.get(agent, {}))

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
    """Makes parallel environments of one name. Can be pickled."""

    name: str
    """See `pettingzoo_factory`."""
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    """Keyword arguments for the environment."""

    def __call__(self) -> Any:
        """Make one environment."""
        return find_factory(self.name)(**self.kwargs)


def pettingzoo_factory(name: str, **kwargs: Any) -> PettingZooFactory:
    """Return a factory of parallel environments.

    Args:
        name: an environment of PettingZoo, such as `butterfly/pistonball-v6`, `butterfly.pistonball_v6` or
            `pettingzoo.butterfly.pistonball_v6`; a module of another package that has a `parallel_env`; or
            `module:factory`.
        **kwargs: keyword arguments for the environment.

    Raises:
        ValueError: there is no such environment, or no parallel one.
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
    if env_id in getattr(package, "aec_registry", {}):
        raise ValueError(f"{name!r} has agents that take turns: only parallel environments can be run")
    inside = name if name.startswith(f"{PACKAGE}.") else f"{PACKAGE}.{name}"
    for module_name in (name,) if registry else (inside, name):
        if not _exists(module_name):
            continue
        factory = getattr(_import(module_name, f"{name!r} needs more packages"), "parallel_env", None)
        if factory is None:
            raise ValueError(f"the module {module_name!r} has no parallel_env. Name one that has, or module:factory")
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

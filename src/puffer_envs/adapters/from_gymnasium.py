"""Gymnasium environments with the buffer contract."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import gymnasium
from gymnasium.envs.registration import EnvSpec

from puffer_envs.adapters import masks
from puffer_envs.adapters.known_packages import register
from puffer_envs.adapters.meter import numbers_in
from puffer_envs.adapters.python_block import PythonBlock, require_same
from puffer_envs.adapters.repeat import repeated
from puffer_envs.adapters.returned import refuse_step
from puffer_envs.adapters.rewards import GREATEST, PLAIN, as_reward


class GymnasiumBlock(PythonBlock):
    """Single-agent Gymnasium environments, one row each.

    Episodes restart in the step that ends them. If an environment sets both flags, the episode counts as terminated.
    """

    envs: list[gymnasium.Env[Any, Any]]

    def _check(self, env: Any) -> None:
        if not isinstance(env, gymnasium.Env):
            raise TypeError(
                f"the factory must return a gymnasium.Env, got a {type(env).__module__}.{type(env).__name__}"
            )
        for kind in ("observation_space", "action_space"):
            if not isinstance(getattr(env, kind, None), gymnasium.Space):
                name = type(env.unwrapped).__name__
                raise TypeError(f"{name} has no {kind}: make it a gymnasium.Space, in the class or in __init__")

    def _wrapped(self, env: gymnasium.Env[Any, Any]) -> gymnasium.Env[Any, Any]:
        return repeated(env, self._wrap, self._training)

    def _prepare(self) -> None:
        one = self.envs[0]
        for i, env in enumerate(self.envs):
            for kind in ("observation_space", "action_space"):
                require_same(kind, getattr(one, kind), getattr(env, kind), self._first, self._first + i)
        self._lay_out(one.observation_space, one.action_space, agents=1, padded=False)

    def _info_of(self, env: int, infos: Any) -> dict[str, Any]:
        return infos  # type: ignore[no-any-return]

    def _begin(self, env: int, seed: int | None) -> None:
        observation, info = self._reset_env(env, seed)
        self._prepared.restart(env)
        self._write(env, observation)
        if self._write_mask is not None:
            self._write_mask(env, observation, info)
        elif masks.KEY in info:
            masks.refuse_unexpected(info, self._action_space)

    def step(self) -> None:
        """See `Block`."""
        self._changes.before_step()
        self._clear_step()
        rewards, write, write_mask, tick = self._rewards, self._write, self._write_mask, self._tick
        finished = []
        actions = self._actions.decode(self._buffers["actions"])
        for i, (env, action) in enumerate(zip(self.envs, actions, strict=True)):
            result = env.step(action)
            try:
                observation, reward, terminated, truncated, info = result
            except (TypeError, ValueError):
                refuse_step(env, result)
            if tick is not None:
                tick(False)
            paid: Any = reward
            rewards[i] = paid if type(paid) in PLAIN and -GREATEST < paid < GREATEST else self._judge(paid, i)
            if terminated or truncated:
                (self._terminals if terminated else self._truncations)[i] = True
                finished.append((i, numbers_in(info)))
                self._write_final(i, observation)
                self._begin(i, None)
                continue
            write(i, observation)
            if write_mask is not None:
                write_mask(i, observation, info)
        self._meter.count(rewards)
        for i, extras in finished:
            self._meter.finish(i, extras, bool(self._truncations[i]))

    def _judge(self, reward: Any, env: int) -> float:
        """Return a reward of an unusual type, or name the environment in the error."""
        try:
            return as_reward(reward)
        except ValueError as error:
            raise ValueError(f"environment {self._first + env}: {error}") from None


@dataclass(frozen=True)
class GymnasiumFactory:
    """Makes environments from one registration. Can be pickled, even if only this process has the registration."""

    spec: EnvSpec
    """The registration."""
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    """Keyword arguments for `gymnasium.make`."""

    def __call__(self) -> gymnasium.Env[Any, Any]:
        """Make one environment.

        Raises:
            ImportError: it needs a package that is not installed.
        """
        register(self.spec.id)  # in this process, too
        try:
            return gymnasium.make(self.spec, **{"disable_env_checker": True, **self.kwargs})
        except gymnasium.error.DependencyNotInstalled as error:
            reason = str(error).strip().rstrip(".")
            hint = "" if "pip install" in reason else '. Try: pip install "gymnasium[all]"'
            raise ImportError(f"{self.spec.id} needs a package that is missing: {reason}{hint}") from error
        except ModuleNotFoundError as error:
            raise ImportError(f"{self.spec.id} needs a package that is missing: pip install {error.name}") from error


def gymnasium_factory(env_id: str, **kwargs: Any) -> GymnasiumFactory:
    """Return a factory for `gymnasium.make(env_id, **kwargs)`, without the wrappers that only check.

    Args:
        env_id: `CartPole-v1`, or `module:Name-v0` to import a module that registers it.
        **kwargs: keyword arguments for `gymnasium.make`: `max_episode_steps`, `render_mode`, and the environment's
            own.

    Raises:
        ValueError: there is no such environment.
        ImportError: the module cannot be found.
    """
    module, _, name = env_id.rpartition(":")
    if module:
        _import(module, env_id)
    elif name not in gymnasium.registry:
        register(name)
    try:
        spec = gymnasium.spec(name)
    except gymnasium.error.Error as error:
        versions = [known for known in gymnasium.registry if known.startswith(f"{name}-v")]
        hint = f". Give its version: {', '.join(versions)}" if versions else f": {error}"
        raise ValueError(f"Gymnasium has no environment {name!r}{hint}") from error
    if spec.entry_point is None:
        raise ValueError(f"Gymnasium has {name!r} only as a vector environment. Use one that gymnasium.make can make")
    # The block guarantees the order of calls, so it need not be checked on every step.
    return GymnasiumFactory(dataclasses.replace(spec, order_enforce=False), kwargs)


def _import(module: str, env_id: str) -> None:
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise  # the module exists, but something it imports does not
        raise ImportError(
            f"{env_id!r} needs the module {error.name!r}, which was not found. "
            f"Check its name, add it to the Python path, or: pip install {error.name.partition('.')[0]}"
        ) from error

"""A block that is one batch with the buffer contract: a native environment, or one from a user's factory."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np

from puffer_envs.contract.documentation import page_url
from puffer_envs.contract.logs import sums
from puffer_envs.vector.block import When
from puffer_envs.vector.layout import BufferLayout, Buffers


class BatchBlock:
    """Wraps what `factory(num_envs=..., seed=...)` returns.

    A factory that takes `buffers` writes directly into the vector's memory: it is called once with one environment,
    to learn the sizes, and again with the buffers. The arrays of any other batch are copied after every step.
    """

    def __init__(self, name: str, factory: Callable[..., Any], num_envs: int, first: int, seed: int) -> None:
        parameters = inspect.signature(factory).parameters
        self._name, self._num_envs = name, num_envs
        self._in_place = "buffers" in parameters
        arguments: dict[str, Any] = {"seed": seed} | ({"first": first} if "first" in parameters else {})
        self._make = functools.partial(factory, **arguments)
        self._env = self._make(num_envs=1 if self._in_place else num_envs)
        self.layout = _layout(name, self._env)
        self._buffers: Buffers = {}

    def attach(self, buffers: Buffers) -> None:
        """Create the batch on these buffers, or keep them to copy into."""
        self._buffers = buffers
        if self._in_place:
            self._env.close()
            self._env = self._make(num_envs=self._num_envs, buffers=buffers)
        for name, array in buffers.items():
            own = getattr(self._env, name)
            if own.shape != array.shape or own.dtype != array.dtype:
                raise TypeError(
                    f"{self._name}: {name} must be {array.dtype} {array.shape}, got {own.dtype} {own.shape}"
                )

    def reset(self, seed: int | None) -> None:
        """See `Block.reset`."""
        self._env.reset(seed)
        self._copy()

    def step(self) -> None:
        """See `Block.step`."""
        self._env.step(self._buffers["actions"])
        self._copy()

    def _copy(self) -> None:
        if not self._in_place:
            for name, array in self._buffers.items():
                if name != "actions":
                    np.copyto(array, getattr(self._env, name))

    def set(self, key: str, value: Any, envs: list[int], when: When) -> None:
        """See `Block.set`. Calls the batch's own `set(key, value, env_ids, when)`."""
        own = getattr(self._env, "set", None)
        if own is None:
            raise AttributeError(
                f"cannot set {key!r}: {self._name} has no method set(key, value, env_ids, when). Add one"
            )
        own(key, value, envs, when)

    def log(self, env: int | None) -> dict[str, float]:
        """See `Block.log`."""
        if not hasattr(self._env, "log"):
            return {}
        return sums(self._env.log(env))

    def render(self, env: int) -> Any:
        """See `Block.render`. Calls the batch's own `render(env)`, if it has one."""
        own = getattr(self._env, "render", None)
        return None if own is None else own(env)

    def close(self) -> None:
        """See `Block.close`."""
        self._env.close()


def _layout(name: str, env: Any) -> BufferLayout:
    arrays = ("observations", "final_observations", "actions", "rewards", "terminals", "truncations")
    wanted = ("num_envs", "num_agents", "single_observation_space", "single_action_space", *arrays)
    missing = [attribute for attribute in wanted if not hasattr(env, attribute)]
    if missing:
        raise TypeError(
            f"{name} takes num_envs, so it must return a batch with the buffer contract ({page_url('contract')}); "
            f"the {type(env).__name__} it returned has no {missing[0]!r}"
        )
    space = env.single_observation_space
    if not isinstance(space, gymnasium.spaces.Box):
        raise TypeError(f"{name}: single_observation_space must be a Box, got {space}")
    return BufferLayout(
        agents=env.num_agents // env.num_envs,
        single_observation_space=space,
        single_action_space=env.single_action_space,
        masked=getattr(env, "action_masks", None) is not None,
        padded=getattr(env, "agent_mask", None) is not None,
        observation_fields=getattr(env, "observation_fields", None),
    )

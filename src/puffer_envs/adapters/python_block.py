"""The base class of blocks of Python environments: making, seeding, changing, logging, rendering and closing them."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from puffer_envs.adapters import masks
from puffer_envs.adapters.action_codec import ActionCodec
from puffer_envs.adapters.changes import Changes
from puffer_envs.adapters.meter import EpisodeMeter, is_recorded
from puffer_envs.adapters.observation_codec import ObservationCodec, Writer
from puffer_envs.adapters.spaces import Space
from puffer_envs.vector.block import When, environment_seed
from puffer_envs.vector.layout import BufferLayout, Buffers


def require_same(what: str, ours: Any, theirs: Any, first: int, other: int) -> None:
    """Raise ValueError unless environments `first` and `other` have the same value."""
    if ours != theirs:
        raise ValueError(
            f"all environments must have the same {what}: environment {first} has {ours}, environment {other} {theirs}"
        )


class PythonBlock(ABC):
    """A `Block` (vector/block.py) of Python environments that are stepped one after the other."""

    envs: list[Any]
    """The environments; empty after `close`."""
    layout: BufferLayout
    """Layout of their rows."""

    def __init__(self, make_env: Callable[[], Any], num_envs: int, first: int, seed: int) -> None:
        """Make the environments `first` to `first + num_envs - 1` of a run.

        With discrete actions, each is reset once, to find out whether it has action masks.

        Args:
            make_env: makes a new environment in every call.
            num_envs: how many to make.
            first: number of the first one in the run.
            seed: seed of the first `reset(None)`.

        Raises:
            TypeError: `make_env` returned something else than the right kind of environment.
            ValueError: the environments have different spaces, are the same object, or have a space that the contract
                does not support.
        """
        self.envs = []
        self._first = first
        self._seed: int | None = seed
        try:
            for _ in range(num_envs):
                self.envs.append(make_env())
                self._check(self.envs[-1])
            if len({id(env) for env in self.envs}) < num_envs:
                raise ValueError("the factory returned the same environment twice. Make a new one in every call")
            self._changes = Changes(self.envs)
            self._prepare()
        except BaseException:
            with contextlib.suppress(Exception):  # the first error is the one to report
                self.close()
            raise

    @abstractmethod
    def _check(self, env: Any) -> None:
        """Raise TypeError unless `env` is the right kind of environment."""

    @abstractmethod
    def _prepare(self) -> None:
        """Compare the environments, and call `_lay_out`."""

    @abstractmethod
    def _first_info(self, env: Any, seed: int) -> dict[str, Any]:
        """Reset an environment and return the info of its (first) agent."""

    @abstractmethod
    def _begin(self, env: int, seed: int | None) -> None:
        """Start an episode and write its first observation."""

    @abstractmethod
    def step(self) -> None:
        """See `Block`."""

    def _lay_out(self, observation_space: Space, action_space: Space, agents: int, padded: bool) -> None:
        """Determine the layout of rows from the spaces of one agent."""
        self._mask_beside = masks.is_beside_observation(observation_space, action_space)
        self._mask_in_info = not self._mask_beside and self._find_masks(action_space)
        self._observations = ObservationCodec(
            masks.without(observation_space) if self._mask_beside else observation_space
        )
        self._actions = ActionCodec(action_space)
        self._meter = EpisodeMeter(len(self.envs), agents, all(is_recorded(env) for env in self.envs))
        self.layout = BufferLayout(
            agents=agents,
            single_observation_space=self._observations.space,
            single_action_space=self._actions.space,
            masked=self._mask_beside or self._mask_in_info,
            padded=padded,
            observation_fields=self._observations.fields,
        )

    def _find_masks(self, action_space: Space) -> bool:
        # Reset all of them, because the behaviour of an environment must not depend on its place in a block.
        if not isinstance(action_space, spaces.Discrete):
            return False
        found = [
            masks.is_in_info(self._first_info(env, environment_seed(0, self._first + i)), action_space)
            for i, env in enumerate(self.envs)
        ]
        if len(set(found)) > 1:
            raise ValueError(
                f"some environments have an {masks.KEY} in their first info and some do not: all or none must"
            )
        return found[0]

    def attach(self, buffers: Buffers) -> None:
        """See `Block`."""
        self._buffers = buffers
        self._rewards: NDArray[np.float32] = buffers["rewards"]
        self._terminals: NDArray[np.bool_] = buffers["terminals"]
        self._truncations: NDArray[np.bool_] = buffers["truncations"]
        self._write = self._observation_writer(buffers["observations"])
        self._write_final = self._observation_writer(buffers["final_observations"])
        self._write_mask = masks.writer(buffers["action_masks"]) if self.layout.masked else None

    def _observation_writer(self, rows: NDArray[Any]) -> Writer:
        write = self._observations.writer(rows)
        return masks.beside(write) if self._mask_beside else write

    def reset(self, seed: int | None) -> None:
        """See `Block`."""
        seed = self._seed if seed is None else seed
        self._seed = None
        self._clear_step()
        self._meter.restart()
        for env in range(len(self.envs)):
            self._begin(env, None if seed is None else environment_seed(seed, self._first + env))

    def _clear_step(self) -> None:
        self._rewards.fill(0.0)
        self._terminals.fill(False)
        self._truncations.fill(False)

    def _reset_env(self, env: int, seed: int | None) -> tuple[Any, Any]:
        self._changes.before_reset(env)
        environment = self.envs[env]
        observation, info = environment.reset() if seed is None else environment.reset(seed=seed)
        return observation, info

    def set(self, key: str, value: Any, envs: list[int], when: When) -> None:
        """Set an attribute of some environments; see `Block`.

        The attribute is searched in the environment's wrappers, from the outermost inwards, then in the environment.
        Environments of a block share the value, so they must not change it.

        Raises:
            AttributeError: one of them has no such attribute, or it cannot be set.
            ValueError: an invalid `when`.
        """
        self._changes.plan(key, value, envs, when)

    def log(self, env: int | None) -> dict[str, float]:
        """Return and clear the sums over the (agents') episodes finished since the last call; see `Block`.

        They are `n`, `episode_return`, `episode_length`, `score` and, by its own name, every finite number in the last
        step's info. An episode without that number counts as 0. The score is the return, or what
        `RecordEpisodeStatistics` recorded; then only what it records as an episode counts as one.
        """
        return self._meter.report(env)

    def render(self, env: int) -> Any:
        """Return what the environment's `render()` returns; None if it was made without a render mode."""
        environment = self.envs[env]
        return None if getattr(environment, "render_mode", None) is None else environment.render()

    def close(self) -> None:
        """Close all environments, then raise the first exception, if any. Can be called twice."""
        envs, self.envs = self.envs, []
        errors = []
        for env in envs:
            try:
                env.close()
            except Exception as error:
                errors.append(error)
        if errors:
            raise errors[0]

"""The base class of blocks of Python environments: making, seeding, changing, logging, rendering and closing them."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_envs.adapters import masks
from puffer_envs.adapters.action_codec import ActionCodec
from puffer_envs.adapters.changes import Changes
from puffer_envs.adapters.kinds import KindsOfActions, KindsOfObservations
from puffer_envs.adapters.meter import EpisodeMeter, is_recorded
from puffer_envs.adapters.observation_codec import ObservationCodec, Writer
from puffer_envs.adapters.prepare import Preparation
from puffer_envs.adapters.returned import RESET, unpack_reset
from puffer_envs.adapters.spaces import Space, number_of_choices
from puffer_envs.contract.wrap import Wrap
from puffer_envs.vector.block import When, environment_seed
from puffer_envs.vector.layout import BufferLayout, Buffers
from puffer_envs.vector.pulse import Tick


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
    single = True
    """Whether each has one agent."""
    _reset_returns = RESET
    _prepared: Preparation | KindsOfObservations
    _actions: ActionCodec | KindsOfActions

    def __init__(
        self,
        make_env: Callable[[], Any],
        num_envs: int,
        first: int,
        seed: int,
        wrap: Wrap | None = None,
        training: bool = False,
        tick: Tick | None = None,
    ) -> None:
        """Make the environments `first` to `first + num_envs - 1` of a run.

        With discrete actions, each is reset once, to find out whether it has action masks. `reset` with the same seed
        uses that reset.

        Args:
            make_env: makes a new environment in every call.
            num_envs: how many to make.
            first: number of the first one in the run.
            seed: seed of the first `reset(None)`.
            wrap: how they are wrapped.
            training: whether `wrap.lives` applies.
            tick: called after every call of an environment.

        Raises:
            TypeError: `make_env` returned something else than the right kind of environment.
            ValueError: the environments have different spaces, are the same object, or have a space that the contract
                does not support.
        """
        self.envs = []
        self._first = first
        self._seed: int | None = seed
        self._first_seed = seed
        self._wrap, self._training = wrap or Wrap(), training
        self._tick = tick
        self._reset_already: dict[int, tuple[Any, Any]] = {}
        try:
            for _ in range(num_envs):
                env = make_env()
                self.envs.append(env)
                self._check(env)
                self.envs[-1] = self._wrapped(env)
                self._get_on(True)
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
    def _wrapped(self, env: Any) -> Any:
        """Return the environment, wrapped as `_wrap` says."""

    @abstractmethod
    def _prepare(self) -> None:
        """Compare the environments, and call `_lay_out`."""

    @abstractmethod
    def _info_of(self, env: int, infos: Any) -> dict[str, Any]:
        """Return the info of an environment's (first) agent out of what its reset returned."""

    @abstractmethod
    def _begin(self, env: int, seed: int | None) -> None:
        """Start an episode and write its first observation."""

    @abstractmethod
    def step(self) -> None:
        """See `Block`."""

    def _lay_out(self, observation_space: Space, action_space: Space, agents: int, padded: bool) -> None:
        """Determine the layout of rows from the spaces of one agent."""
        self._action_space = action_space
        self._mask_place = self._find_masks(observation_space, action_space)
        self._take_out_mask = None
        if self._mask_place == "observation":
            self._take_out_mask = masks.beside(observation_space)
            observation_space = masks.without(observation_space)
        prepared = self._prepared = Preparation(observation_space, self._wrap, agents * len(self.envs))
        self._observations = ObservationCodec(prepared.space)
        self._actions = ActionCodec(action_space)
        self._meter = EpisodeMeter(len(self.envs), agents, all(is_recorded(env) for env in self.envs))
        self.layout = BufferLayout(
            agents=agents,
            single_observation_space=self._observations.space,
            single_action_space=self._actions.space,
            masked=self._mask_place is not None,
            padded=padded,
            observation_fields=self._observations.fields,
            notes=prepared.notes,
        )

    def _find_masks(self, observation_space: Space, action_space: Space) -> masks.Place | None:
        # Reset all of them, because the behaviour of an environment must not depend on its place in a block.
        if masks.is_beside_observation(observation_space, action_space):
            return "observation"
        if number_of_choices(action_space) is None:
            return None
        self._mask_methods = [masks.method_of(env) if self.single else None for env in self.envs]
        if all(method is not None for method in self._mask_methods):
            return "method"
        found = []
        for i in range(len(self.envs)):
            self._reset_already[i] = self._reset_env(i, environment_seed(self._first_seed, self._first + i))
            found.append(masks.is_in_info(self._info_of(i, self._reset_already[i][1]), action_space))
        if len(set(found)) > 1:
            raise ValueError(
                f"some environments have an {masks.KEY} in their first info and some do not: all or none must"
            )
        return "info" if found[0] else None

    def attach(self, buffers: Buffers) -> None:
        """See `Block`."""
        self._buffers = buffers
        self._rewards: NDArray[np.float32] = buffers["rewards"]
        self._terminals: NDArray[np.bool_] = buffers["terminals"]
        self._truncations: NDArray[np.bool_] = buffers["truncations"]
        self._write = self._observation_writer(buffers["observations"])
        self._write_final = self._observation_writer(buffers["final_observations"])
        self._write_mask = None if self._mask_place is None else self._mask_writer(buffers["action_masks"])

    def _observation_writer(self, rows: NDArray[Any]) -> Writer:
        write, take_out_mask, prepared = self._observations.writer(rows), self._take_out_mask, self._prepared
        assert isinstance(prepared, Preparation)
        if take_out_mask is None and not prepared.does_something:
            return write

        def write_prepared(row: int, observation: Any) -> None:
            write(row, prepared(row, observation if take_out_mask is None else take_out_mask(observation)))

        return write_prepared

    def _mask_writer(self, rows: NDArray[np.bool_]) -> Callable[[int, Any, Mapping[str, Any]], None]:
        """Return write(row, observation, info), which writes the mask of what a row may do now."""
        write, key = masks.writer(rows, self._action_space), masks.KEY
        if self._mask_place == "observation":
            return lambda row, observation, _: write(row, observation[key])
        if self._mask_place == "info":
            return lambda row, _, info: write(row, info.get(key))
        methods = self._mask_methods

        def write_from_method(row: int, *_: Any) -> None:
            method = methods[row]
            assert method is not None
            write(row, method())

        return write_from_method

    def reset(self, seed: int | None) -> None:
        """See `Block`."""
        seed = self._seed if seed is None else seed
        self._seed = None
        if seed != self._first_seed or self._changes.wait_for_reset:
            self._reset_already.clear()
        self._clear_step()
        self._meter.restart()
        for env in range(len(self.envs)):
            self._begin(env, None if seed is None else environment_seed(seed, self._first + env))
            self._get_on(True)

    def _clear_step(self) -> None:
        self._rewards.fill(0.0)
        self._terminals.fill(False)
        self._truncations.fill(False)

    def _reset_env(self, env: int, seed: int | None) -> tuple[Any, Any]:
        if env in self._reset_already:
            return self._reset_already.pop(env)
        self._changes.before_reset(env)
        environment = self.envs[env]
        result = environment.reset() if seed is None else environment.reset(seed=seed)
        self._get_on(False)
        return unpack_reset(environment, result, self._reset_returns)

    def _get_on(self, is_ready: bool) -> None:
        """Show that a call of an environment has returned; `is_ready`: that one is made or reset."""
        if self._tick is not None:
            self._tick(is_ready)

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

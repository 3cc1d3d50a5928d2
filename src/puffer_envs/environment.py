"""Environment: a batch of one environment behind the buffer contract (docs/contract.md)."""

from __future__ import annotations

import contextlib
import math
import numbers
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from puffer_envs import _core
from puffer_envs.contract.logs import means
from puffer_envs.contract.machine import physical_memory
from puffer_envs.contract.offers import open_file
from puffer_envs.habits import refuse_attribute
from puffer_envs.recorder import Recorder
from puffer_envs.settings import check_env_ids, check_seed, resolve_settings
from puffer_envs.snapshot import SnapshotError, pack_snapshot, unpack_snapshot
from puffer_envs.spec import (
    EnvSpec,
    Field,
    Setting,
    action_space,
    code_file,
    from_numbers,
    observation_fields,
    observation_space,
    read_layout,
    spec,
    to_numbers,
)

MAX_ENVS = 2**24
MAX_THREADS = 1024
MAX_SHOWN = 8
"""Elements of an array that `repr` of a state shows."""
MAX_FIELDS_SHOWN = 25
"""Of a state, at a prompt."""
MAX_SETTINGS_SHOWN = 24
"""An environment with more settings shows, at a prompt, those that are not at their defaults."""


class State:
    """The named fields of one environment's state, read-only and live: they change as the environment steps.

    Numbers are read when asked for (`state.ball_x`); arrays are views. Tables whose rows have named parts are record
    arrays: `state.drones.position` has a row for each drone. `dir(state)` and iteration give the names.
    """

    __slots__ = ("_assets", "_memory", "_spec")

    def __init__(self, env: EnvSpec, memory: NDArray[np.uint8], assets: NDArray[np.uint8]) -> None:
        self._spec = env
        self._memory = memory
        self._assets = assets

    def __getattr__(self, name: str) -> Any:
        for field in self._spec.fields:
            if field.name == name:
                array = self._view(field)
                return array if field.ndim else array[()]
        raise AttributeError(f"{self._spec.name}'s state has no field {name!r}; it has: {', '.join(self)}")

    def __iter__(self) -> Iterator[str]:
        return (field.name for field in self._spec.fields)

    def __dir__(self) -> list[str]:
        return list(self)

    def __repr__(self) -> str:
        names = list(self)
        values = [f"{name}={_short(getattr(self, name))}" for name in names[:MAX_FIELDS_SHOWN]]
        more = f", and {len(names) - len(values)} more" if len(names) > len(values) else ""
        return f"<{self._spec.name}: {', '.join(values)}{more}>"

    def _view(self, field: Field) -> NDArray[Any]:
        offset, shape = field.offset, field.shape[: field.ndim]
        if field.in_block:
            offset, *shape_list = (int(self._memory[at : at + 4].view(np.int32)[0]) for at in (offset, *shape))
            shape = tuple(shape_list)
        size = int(np.prod(shape)) * field.dtype.itemsize
        whole = self._assets if field.in_assets else self._memory
        view = whole[offset : offset + size].view(field.dtype).reshape(shape)
        view = view.view(np.recarray) if field.parts else view
        view.flags.writeable = False
        return view


def state_memory(state: State) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The bytes of a state, and those of what all environments of its batch share: live views, for code in C."""
    return state._memory, state._assets


def state_over(env: EnvSpec, memory: NDArray[np.uint8], assets: NDArray[np.uint8]) -> State:
    """The named fields of a state in these bytes."""
    return State(env, memory, assets)


def _short(value: Any) -> str:
    """A number with six digits; a few of them in brackets; of a larger array, type and shape."""
    if value.ndim == 0:
        return f"{value:.6g}"
    if value.size <= MAX_SHOWN and not value.dtype.names:
        return np.array2string(value, separator=", ", precision=6, max_line_width=1000).replace("\n", "")
    return f"{'rows' if value.dtype.names else value.dtype} {value.shape}"


class Environment(_core.Batch):
    """A batch of environments of one kind. Made by `make`; the contract is described in docs/contract.md.

    Attributes:
        spec: what kind of environment it is.
        settings: all its settings.
        agents: agents per environment; `num_agents` = `num_envs` * `agents` is the number of rows.
        single_observation_space, single_action_space: of one agent.
        observation_fields: the parts of an observation by name, where some are codes; else None.
        observations, final_observations, actions, rewards, terminals, truncations, action_masks, agent_mask: the
            arrays, which never change identity.
    """

    spec: EnvSpec
    settings: dict[str, Setting]
    single_action_space: Any  # Discrete, MultiDiscrete or Box: a type checker lets all their attributes pass

    def __init__(
        self,
        name: str,
        num_envs: int,
        params: list[float],
        *,
        seed: int = 0,
        settings: dict[str, Setting] | None = None,
        first: int = 0,
        threads: int = 1,
        group: int = 0,
        isa: str | None = None,
        buffers: Mapping[str, NDArray[Any]] | None = None,
    ) -> None:
        # `Batch.__new__` has taken these four
        del threads, group, isa, buffers
        self.spec = spec(name)
        self.settings = dict(settings or {})
        self.first = first
        self._layout = read_layout(name, params)
        self.agents = self._layout.agents
        self.single_observation_space = observation_space(self.spec, self._layout)
        self.observation_fields = observation_fields(self.spec, self._layout)
        self.single_action_space = action_space(self._layout)
        self._next_seed: int | None = seed
        self._recorder: Recorder | None = None

    if not TYPE_CHECKING:  # a type checker should refuse names that do not exist

        def __getattr__(self, name: str) -> NoReturn:
            refuse_attribute(self, name)

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"{self.spec.name}: a batch cannot be copied or pickled. Make another one; snapshot() and restore() copy "
            "states"
        )

    @property
    def code_files(self) -> tuple[str, ...]:
        """The compiled file that the rules are in; see `contract.protocol`."""
        return (code_file(self.spec.name),)

    @contextlib.contextmanager
    def _held(self, *, started: bool = False, idle: bool = True) -> Iterator[None]:
        """No other thread moves the batch inside the block; raises as a call would."""
        self._hold(started, idle)
        try:
            yield
        finally:
            self._release()

    def reset(self, seed: int | None = None) -> NDArray[Any]:
        """Start every environment from scratch and return `observations`.

        Args:
            seed: 0 to 2**64 - 1. Without one, the first call uses the seed given to `make`, and later ones draw
                fresh episodes from where the generators stand.

        Raises:
            ValueError, TypeError: not such a number.
            RuntimeError: after close, or while another thread is inside.
        """
        seed = None if seed is None else check_seed(seed)
        with self._held():
            observations = self._reset(self._next_seed if seed is None else seed)
            self._forget_start()
        return observations

    def _forget_start(self) -> None:
        """Note that the states no longer follow from the constructor's seed or a recording."""
        self._next_seed = None
        self._recorder = None
        self._on_step = None

    def log(self, env: int | None = None) -> dict[str, float]:
        """Means over the episodes finished since the last call, of one environment or of all; `n` counts them.

        What was reported is cleared. `{}` when no episode finished. Figures such as `race.perf` are means over the
        `race.n` episodes of one kind, and left out when there were none.
        """
        first, count = (0, self.num_envs) if env is None else (self._check_index(env), 1)
        return means(dict(zip(self.spec.log_names, self._log(first, count).tolist(), strict=True)))

    def state(self, env: int = 0) -> State:
        """The named fields of one environment's state, as live, read-only views."""
        self._check_open()
        index = self._check_index(env)
        size = self._states.size // self.num_envs
        return State(self.spec, self._states[index * size : (index + 1) * size], self._assets)

    def state_hash(self, env: int | None = None) -> int:
        """A 64-bit hash of the state of one environment, or of all. Logs do not enter."""
        return self._hash(0, self.num_envs) if env is None else self._hash(self._check_index(env), 1)

    def env_settings(self, env: int) -> dict[str, Setting]:
        """All settings of environment `env`, as they are in the current episode."""
        index = self._check_index(env)
        with self._held(idle=False):
            own = None if self._current is None else self._current[index].tolist()
        return dict(self.settings) if own is None else from_numbers(self.spec, own)

    def _common(self) -> list[float]:
        """The settings of the batch as numbers."""
        return to_numbers(self.spec, self.settings)

    def set(self, key: str, value: Any, env_ids: ArrayLike | None = None) -> None:
        """Change a setting of environments while they run, e.g. to make them harder.

        It takes effect when their next episodes start: at the next `reset`, with or without a seed, or when all agents
        of an environment end their episodes in the same step. Environments whose agents end one by one apply it at the
        next `reset`. Other environments are not affected. An environment that starts so without a seed gets a
        generator seeded by the state it leaves. `settings` remains what `make` was given; `env_settings` returns the
        current values.

        Args:
            key: name of a setting.
            value: its new value.
            env_ids: numbers of environments; None for all.

        Raises:
            ValueError, TypeError: an invalid setting, value or environment, or the buffers would have to change;
                nothing has changed.
            RuntimeError: a replay is being recorded, closed, or in use by another thread.
        """
        self._set(key, value, check_env_ids(self.spec.name, self.num_envs, env_ids))

    def _set(self, key: str, value: Any, envs: ArrayLike) -> None:
        if self._recorder is not None:
            raise RuntimeError(f"{self.spec.name}: a replay is being recorded, and holds one set of settings")
        if key not in self.settings:
            resolve_settings(self.spec, {key: value})  # raises, with the nearest name
        numbers = np.asarray(envs, np.int64)
        with self._held(idle=False):
            base = np.tile(self._common(), (self.num_envs, 1)) if self._next is None else self._next
            before, which = np.unique(base[numbers], axis=0, return_inverse=True)
            after = np.array([self._changed(row, key, value) for row in before])
            self._set_next(numbers, after.reshape(before.shape)[which.reshape(-1)])

    def _changed(self, params: NDArray[np.float64], key: str, value: Any) -> list[float]:
        """These settings with another value, as long as the buffers stay as they are."""
        wanted = from_numbers(self.spec, params.tolist()) | {key: value}
        changed = to_numbers(self.spec, resolve_settings(self.spec, wanted))
        fixed = any(p.fixed and p.name == key for p in self.spec.params)
        if fixed and changed != params.tolist():
            raise ValueError(
                f"{self.spec.name}: {key}={self.settings[key]!r} is fixed, since data that the whole batch shares was "
                f"made with it; make a new batch with {key}={value!r}"
            )
        if read_layout(self.spec.name, changed) != self._layout:
            raise ValueError(
                f"{self.spec.name}: {key}={value!r} would change the layout of buffers or states, which is fixed once "
                "they are made; make a new batch with it"
            )
        return changed

    def snapshot(self) -> bytes:
        """The whole state of the batch, as bytes that `restore` takes.

        Raises:
            RuntimeError: before reset, closed, another thread is inside, or some environments are being stepped.
        """
        with self._held(started=True):
            whole = self._states
            if self._current is not None and self._next is not None:
                tables = np.stack([self._current, self._next])
                whole = np.concatenate([self._states, tables.reshape(-1).view(np.uint8)])
            return pack_snapshot(self.spec, self.settings, self.num_envs, whole)

    def restore(self, snapshot: bytes) -> NDArray[Any]:
        """Go back to a snapshot and return `observations`; rewards, terminals and truncations are cleared.

        Settings of single environments become what they were.

        Raises:
            SnapshotError: it is damaged, of another environment, version, batch size or settings, or holds numbers that
                no game leads to (see docs/formats.md); nothing has changed.
            RuntimeError: closed, another thread is inside, or some environments are being stepped.
        """
        own = self._holds_own_settings(snapshot)
        shape = (2, self.num_envs, len(self.spec.params))
        size = self._states.size + (8 * math.prod(shape) if own else 0)
        whole = unpack_snapshot(snapshot, self.spec, self.settings, self.num_envs, size)
        with self._held():
            states = _core.aligned_zeros(self._states.shape, np.uint8)
            states[:] = whole[: self._states.size]
            current = following = np.array(self._common())
            if own:
                current, following = whole[self._states.size :].view(np.float64).reshape(shape)
                self._check_own_settings(current)
                self._check_own_settings(following)
            self._check_snapshot(self._check_states(states, current))
            self._states[:] = states
            if own or self._next is not None:
                self._replace_settings(current, following)
            self._observe()
            self._forget_start()
        return self.observations

    def _check_own_settings(self, rows: NDArray[np.float64]) -> None:
        """Raise SnapshotError unless `set` could have given environments these settings, (num_envs, num_params)."""
        low, high = (np.array([getattr(p, name) for p in self.spec.params]) for name in ("low", "high"))
        outside = np.argwhere(~((rows >= low) & (rows <= high)))  # also where it is NaN
        if len(outside):
            env, number = outside[0]
            param = self.spec.params[number]
            problem = (
                f"setting {param.name!r} of environment {env} is {rows[env, number]:g}, allowed is {param.allowed}"
            )
            self._check_snapshot(problem)
        common = self._common()
        for row in np.unique(rows, axis=0):
            self._check_snapshot(_core.conflict(self.spec.name, row))
            fixed = any(p.fixed and row[i] != common[i] for i, p in enumerate(self.spec.params))
            if fixed or read_layout(self.spec.name, row.tolist()) != self._layout:
                self._check_snapshot("its settings of single environments are those of another batch")

    def _check_snapshot(self, problem: str | None) -> None:
        if problem is not None:
            raise SnapshotError(
                f"{self.spec.name}: the snapshot cannot be right: {problem}. Use one that was not changed"
            )

    def _holds_own_settings(self, snapshot: bytes) -> bool:
        """Whether a snapshot holds settings of single environments behind the states: it is longer then."""
        plain = len(pack_snapshot(self.spec, self.settings, self.num_envs, self._states[:0])) + self._states.size
        return isinstance(snapshot, (bytes, bytearray, memoryview)) and memoryview(snapshot).nbytes > plain

    def start_replay(self, seed: int) -> NDArray[Any]:
        """Reset with this seed and record every action from here on, for `save_replay`.

        Raises:
            RuntimeError: some environments have their own settings, which a replay cannot hold; closed; or
                another thread is inside.
        """
        header = {
            "environment": self.spec.name,
            "version": self.spec.version,
            "settings": self.settings,
            "num_envs": self.num_envs,
            "first": self.first,
            "seed": check_seed(seed),
        }
        with self._held():
            if self._next is not None and (self._next != self._common()).any():
                raise RuntimeError(
                    f"{self.spec.name}: a replay holds one set of settings, and some were changed by set()"
                )
            observations = self.reset(seed)
            self._recorder = Recorder(header, self._taken, self._hash_held)
            self._on_step = self._recorder.record
        return observations

    def save_replay(self, path: str | os.PathLike[str]) -> None:
        """Write what was recorded since `start_replay` to a file that `Replay.load` and `puffer-render` read.

        Raises:
            RuntimeError: nothing is being recorded, closed, or another thread is inside.
            OSError: the file cannot be written.
        """
        with self._held():
            if self._recorder is None:
                raise RuntimeError(f"{self.spec.name}: call start_replay(seed) before the steps that are to be saved")
            self._recorder.save(path)

    def _check_index(self, env: int) -> int:
        if isinstance(env, bool) or not isinstance(env, numbers.Integral) or not 0 <= env < self.num_envs:
            raise IndexError(f"{self.spec.name}: environment must be from 0 to {self.num_envs - 1}, got {env!r}")
        return int(env)

    def __enter__(self) -> Environment:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        shown = self.settings
        if len(shown) > MAX_SETTINGS_SHOWN:
            defaults = {p.name: p.default for p in self.spec.params}
            shown = {k: v for k, v in shown.items() if v != defaults[k]}
        settings = "".join(f", {k}={v}" for k, v in shown.items())
        return f"<{self.spec.name} version {self.spec.version}, num_envs={self.num_envs}{settings}>"


def make(
    name: str,
    num_envs: int = 1,
    seed: int = 0,
    threads: int = 1,
    *,
    first: int = 0,
    isa: str | None = None,
    buffers: Mapping[str, NDArray[Any]] | None = None,
    **settings: Any,
) -> Environment:
    """Make a batch of environments.

    Args:
        name: one of `list_envs()`, or the path of a C file such as `./catch.h`.
        num_envs: environments in the batch, 1 to 16,777,216.
        seed: what the first `reset()` without a seed uses, 0 to 2**64 - 1.
        threads: how many threads step the batch; the results do not depend on it.
        first: number, in the run, of the batch's first environment: environment i here is number `first + i`, and
            behaves as it would in one large batch.
        isa: an instruction set of `_core.supported_isas()`, or None for the best one. Results do not depend on it.
        buffers: arrays to use for `observations` and so on; those missing are made.
        **settings: settings of the environment; `spec(name).params` lists them.

    Raises:
        ValueError, TypeError: unknown name or setting, value out of range or of the wrong type; unfit buffers.
        MemoryError: the batch does not fit into this machine's memory.
    """
    arguments = check_arguments(name, num_envs, seed, threads, first, isa, settings)
    return Environment(**arguments, buffers=buffers)


def check_arguments(
    name: str, num_envs: int, seed: int, threads: int, first: int, isa: str | None, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Turn the arguments of `make` into those of `Environment`; raises as `make` does."""
    if not isinstance(name, str | os.PathLike):
        raise TypeError(f"name must be the name of an environment, such as 'breakout', got {name!r}")
    name = open_file(os.fspath(name))
    env_spec = spec(name)
    num_envs = check_count("num_envs", num_envs, MAX_ENVS)
    threads = min(check_count("threads", threads, MAX_THREADS), num_envs)
    seed, first = check_seed(seed), check_seed(first, "first")
    if isa is not None and isa not in _core.supported_isas():
        raise ValueError(f"isa must be one of {', '.join(_core.supported_isas())} on this machine, got {isa!r}")
    resolved = resolve_settings(env_spec, settings)
    params = to_numbers(env_spec, resolved)
    _check_memory(env_spec, params, num_envs)
    return {
        "name": name,
        "num_envs": num_envs,
        "params": params,
        "threads": threads,
        "first": first,
        "isa": isa,
        "seed": seed,
        "settings": resolved,
    }


def check_count(what: str, value: object, most: int) -> int:
    """A whole number from 1 to `most`, as an int. Raises TypeError or ValueError."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{what} must be an integer from 1 to {most}, got {value!r}")
    count = int(value)
    if not 1 <= count <= most:
        raise ValueError(f"{what} must be from 1 to {most}, got {count}")
    return count


def _check_memory(env: EnvSpec, params: list[float], num_envs: int) -> None:
    """Refuse a batch that does not fit into memory, instead of being killed while filling it."""
    layout = read_layout(env.name, params)
    observation = int(np.prod(layout.obs_shape)) * env.obs_dtype.itemsize
    rows = num_envs * layout.agents
    if rows >= 2**31:
        raise ValueError(f"{num_envs} environments of {layout.agents} agents make {rows} rows; the limit is 2**31 - 1")
    needed = num_envs * layout.state_bytes + rows * (2 * observation + 16)
    available = physical_memory()
    if available is not None and needed > available:
        raise MemoryError(
            f"{num_envs} environments of {env.name} need {needed / 2**30:.1f} GiB, and this machine has "
            f"{available / 2**30:.1f}"
        )

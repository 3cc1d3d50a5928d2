"""The base class of `Serial` and `Processes`: many environments with one contract, stepped together or in groups."""

from __future__ import annotations

import itertools
import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NoReturn, Self

import gymnasium
import numpy as np
from numpy.typing import ArrayLike, NDArray

from puffer_envs.contract import StepResult
from puffer_envs.contract.actions import describe_shape
from puffer_envs.contract.logs import means
from puffer_envs.contract.observations import ObservationField
from puffer_envs.habits import refuse_attribute
from puffer_envs.settings import check_env_ids, check_seed
from puffer_envs.vector.block import When
from puffer_envs.vector.layout import BufferLayout, Buffers
from puffer_envs.vector.ready import Ledger, Ready


class Vector(ABC):
    """The buffer contract (docs/contract.md) over blocks of environments, plus asynchronous `send` and `recv`.

    Attributes beyond the contract's:
        agents: rows per environment.
        batch: number of environments that `recv` returns.
        workers: processes that step the environments; 0 for none.
        observation_fields: the meaning of observations that are structured bytes; None for plain arrays.
        notes: what a person should know, a sentence each.
    """

    workers: int
    _ledger: Ledger

    def __init__(self, name: str, num_envs: int, batch: int) -> None:
        self.name, self.num_envs, self.batch = name, num_envs, batch
        self._started = self._closed = False
        self._lock = threading.Lock()

    if not TYPE_CHECKING:  # a type checker should refuse names that do not exist

        def __getattr__(self, name: str) -> NoReturn:
            refuse_attribute(self, name)

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{self.name}: a vector cannot be copied or pickled. Make another one with `vector.make`")

    def _open(self, layout: BufferLayout, buffers: Buffers, bounds: list[tuple[int, int]]) -> None:
        """Finish construction, once the layout of the environments' rows is known."""
        self._layout, self._buffers = layout, buffers
        self.agents, self.num_agents = layout.agents, self.num_envs * layout.agents
        self.single_observation_space = layout.single_observation_space
        self.single_action_space = layout.single_action_space
        self.observation_fields: tuple[ObservationField, ...] | None = layout.observation_fields
        self.notes = layout.notes
        self.observations, self.final_observations = buffers["observations"], buffers["final_observations"]
        self.actions: NDArray[Any] = buffers["actions"]
        self.rewards: NDArray[np.float32] = buffers["rewards"]
        self.terminals: NDArray[np.bool_] = buffers["terminals"]
        self.truncations: NDArray[np.bool_] = buffers["truncations"]
        self.action_masks: NDArray[np.bool_] | None = buffers.get("action_masks")
        self.agent_mask: NDArray[np.bool_] | None = buffers.get("agent_mask")
        self._result: StepResult = (self.observations, self.rewards, self.terminals, self.truncations)
        self._all_blocks = list(range(len(bounds)))
        smallest = min(last - first for first, last in bounds)
        self._ledger = Ledger(bounds, max(1, self.batch // smallest) if self.batch < self.num_envs else len(bounds))
        self._views = [self._view(slice(a * self.agents, b * self.agents), self._ledger.env_id([i]))
                       for i, (a, b) in enumerate(bounds)]  # fmt: skip
        self._choices = layout.choices
        space = layout.single_action_space
        if isinstance(space, gymnasium.spaces.Box):
            greatest = np.finfo(np.float32).max  # keeps finite actions finite where there is no bound
            self._limits = np.maximum(space.low, -greatest), np.minimum(space.high, greatest)

    # -- all together --------------------------------------------------------------------------------------

    def reset(self, seed: int | None = None) -> NDArray[Any]:
        """Reset every environment. In asynchronous mode, all are then ready to be received.

        Args:
            seed: 0 to 2**64 - 1. None: the first call uses the seed given to `make`, later calls start fresh
                episodes.

        Returns:
            `observations`, (A, *obs_shape).

        Raises:
            ValueError, TypeError: an invalid seed.
            RuntimeError: closed, or some environments are under way.
            WorkerError: a worker died, raised or timed out; the vector is closed.
        """
        seed = None if seed is None else check_seed(seed)
        with self._inside():
            self._ledger.check_idle("reset()")
            self._reset(seed)
            self._started = True
            self._ledger.all_ready()
        return self.observations

    def step(self, actions: ArrayLike) -> StepResult:
        """Step every environment.

        Args:
            actions: int32 (A,) or (A, k), or float32 (A, k) for a Box. To avoid a copy, fill the `actions` array in
                place and pass it.

        Returns:
            (observations, rewards, terminals, truncations): always the same arrays.

        Raises:
            ValueError: wrong shape or dtype, or an action out of range, NaN or infinite; no environment has moved.
            RuntimeError: before reset, closed, or some environments are under way.
            WorkerError: as for `reset`.
        """
        with self._inside(started=True):
            self._ledger.check_idle("step()")
            self._take_actions(actions, self.actions, 0)
            self._ledger.sent(self._all_blocks)
            self._begin(self._all_blocks)
            while self._ledger.under_way:
                self._ledger.finished(self._next_finished())
            self._ledger.all_ready()
        return self._result

    # -- in groups -----------------------------------------------------------------------------------------

    def recv(self) -> Ready:
        """Return the `batch` environments that have been ready longest; wait until there are enough.

        Returns:
            Views of the vector's own arrays, which do not change until `send` gets actions for these environments. If
            the batch consists of rows that are not adjacent, from several workers, they are copies.

        Raises:
            RuntimeError: before reset, closed, or too few environments are under way, so it would never return.
            WorkerError: as for `reset`.
        """
        with self._inside(started=True):
            while self._ledger.missing():
                self._ledger.finished(self._next_finished())
            return self._gather(self._ledger.take())

    def send(self, actions: ArrayLike, env_id: ArrayLike | None = None) -> None:
        """Start a step of environments that were received, and return immediately.

        Args:
            actions: for their rows, in the order of `recv`.
            env_id: `Ready.env_id` of the environments. None: those of the last `recv`.

        Raises:
            ValueError: as for `step`, or an invalid `env_id`; no environment has moved.
            RuntimeError: before reset, closed, or these environments are not waiting for actions.
            WorkerError: as for `reset`.
        """
        with self._inside(started=True):
            blocks = self._ledger.blocks(env_id)
            rows = self._rows(blocks)
            if isinstance(rows, slice):
                self._take_actions(actions, self.actions[rows], rows.start)
            else:
                checked = np.empty_like(self.actions, shape=(len(rows), *self.actions.shape[1:]))
                self._take_actions(actions, checked, rows)
                self.actions[rows] = checked
            self._ledger.sent(blocks)
            self._begin(blocks)

    def _gather(self, blocks: list[int]) -> Ready:
        if len(blocks) == 1:
            return self._views[blocks[0]]
        return self._view(self._rows(blocks), self._ledger.env_id(blocks))

    def _rows(self, blocks: list[int]) -> slice | NDArray[np.int64]:
        """Return the rows of these blocks: a slice if they are adjacent, else their numbers."""
        bounds = [self._ledger.bounds[block] for block in blocks]
        if all(this[1] == following[0] for this, following in itertools.pairwise(bounds)):
            return slice(bounds[0][0] * self.agents, bounds[-1][1] * self.agents)
        return np.concatenate([np.arange(a * self.agents, b * self.agents) for a, b in bounds])

    def _view(self, rows: slice | NDArray[np.int64], env_id: NDArray[np.int64]) -> Ready:
        return Ready(
            self.observations[rows],
            self.rewards[rows],
            self.terminals[rows],
            self.truncations[rows],
            env_id,
            self.final_observations[rows],
            None if self.action_masks is None else self.action_masks[rows],
            None if self.agent_mask is None else self.agent_mask[rows],
        )

    # -- besides stepping ----------------------------------------------------------------------------------

    def set(self, key: str, value: Any, env_ids: ArrayLike | None = None, when: When = "reset") -> None:
        """Set a value of environments while they run: a level of difficulty, an opponent, a reward weight.

        Args:
            key: an attribute of the environments, or a setting if they are native.
            value: its new value; it must be possible to send it to workers.
            env_ids: numbers of environments; None for all.
            when: "reset": right before the environment's next reset, including the one after an episode's end.
                "step": right before its next step. Native environments read their settings at a reset.

        Raises:
            ValueError, AttributeError, TypeError: an invalid environment, key, value or `when`; nothing has changed.
            RuntimeError: closed, or some environments are under way.
            WorkerError: as for `reset`.
        """
        if when not in ("reset", "step"):
            raise ValueError(f"when must be 'reset' or 'step', got {when!r}")
        if not isinstance(key, str):
            raise TypeError(f"key must be a string, got {key!r}")
        numbers_of_envs = check_env_ids(self.name, self.num_envs, env_ids)
        with self._inside():
            self._ledger.check_idle("set()")
            self._set(key, value, numbers_of_envs, when)

    def log(self, env: int | None = None) -> dict[str, float]:
        """Return and clear the means over the episodes finished since the last call; `n` counts them.

        Args:
            env: number of one environment; None for all.

        Returns:
            Means by name; `{}` if no episode has finished.
        """
        index = None if env is None else int(check_env_ids(self.name, self.num_envs, [env])[0])
        with self._inside():
            self._ledger.check_idle("log()")
            sums: dict[str, float] = {}
            for part in self._logs(index):
                for key, value in part.items():
                    sums[key] = sums.get(key, 0.0) + value
        return means(sums)

    def render(self, env: int = 0) -> Any:
        """Return what environment `env` renders, usually a uint8 array (height, width, 3); None if nothing."""
        index = int(check_env_ids(self.name, self.num_envs, [env])[0])
        with self._inside(started=True):
            self._ledger.check_idle("render()")
            return self._render(index)

    def close(self) -> None:
        """Free all resources, within seconds. Can be called twice, and while environments are under way."""
        if not self._closed:
            self._closed = True
            self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        kind = type(self).__name__
        return f"<{kind} of {self.num_envs} {self.name}, batch={self.batch}, workers={self.workers}>"

    # -- what a backend does -------------------------------------------------------------------------------

    @abstractmethod
    def _reset(self, seed: int | None) -> None: ...

    @abstractmethod
    def _begin(self, blocks: list[int]) -> None:
        """Start a step of these blocks; their actions are in the buffers."""

    @abstractmethod
    def _next_finished(self) -> int:
        """Wait for one of the blocks under way, and return it."""

    @abstractmethod
    def _set(self, key: str, value: Any, envs: NDArray[np.int64], when: When) -> None: ...

    @abstractmethod
    def _logs(self, env: int | None) -> list[dict[str, float]]: ...

    @abstractmethod
    def _render(self, env: int) -> Any: ...

    @abstractmethod
    def _close(self) -> None: ...

    # -- borders -------------------------------------------------------------------------------------------

    def _inside(self, *, started: bool = False) -> Inside:
        if self._closed:
            raise RuntimeError(f"{self.name}: the vector is closed. Make a new one")
        if started and not self._started:
            raise RuntimeError(f"{self.name}: call reset() first")
        return Inside(self)

    def _take_actions(self, given: ArrayLike, target: NDArray[Any], rows: int | NDArray[np.int64]) -> None:
        """Check actions and copy them to `target`, which does not change if they are rejected.

        `rows` has the numbers of target's rows in the vector, or the first of them.
        """
        try:
            source = np.asarray(given)
        except ValueError as error:  # rows of different lengths
            raise ValueError(f"{self.name}: expected actions of shape {target.shape}: {error}") from None
        if source.shape != target.shape:
            found = describe_shape(given, source)
            raise ValueError(f"{self.name}: expected actions of shape {target.shape}, got {found}")
        if target.dtype == np.int32:
            if source.dtype.kind not in "iu":
                raise ValueError(f"{self.name}: expected integer actions (int32 is fastest), got {source.dtype}")
            bad = (source < 0) | (source >= self._choices)
            if bad.any():
                self._refuse(source, bad, rows, "an integer from 0 to {}")
            if source is not target:
                np.copyto(target, source, casting="unsafe")
            return
        if source.dtype.kind not in "iuf":
            raise ValueError(f"{self.name}: expected float32 actions, got {source.dtype}")
        bad = ~np.isfinite(source)
        if bad.any():
            self._refuse(source, bad, rows, "a finite number")
        np.clip(source, *self._limits, out=target, casting="unsafe")

    def _refuse(self, source: NDArray[Any], bad: NDArray[np.bool_], rows: Any, allowed: str) -> None:
        at = tuple(int(i) for i in np.argwhere(bad)[0])
        row = int(rows[at[0]]) if isinstance(rows, np.ndarray) else rows + at[0]
        environment, agent = divmod(row, self.agents)
        limit = self._choices[at[1] if len(at) > 1 else 0] - 1 if len(self._choices) else None
        which = f" (number {at[1]})" if len(at) > 1 else ""
        raise ValueError(
            f"{self.name}: action {source[at]}{which} of agent {agent} in environment {environment} (row {row}) must "
            f"be {allowed.format(limit)}. No environment has moved"
        )


class Inside:
    """Keeps other threads out of a vector. An interrupt closes the vector, because its steps are half done."""

    def __init__(self, vector: Vector) -> None:
        self._vector = vector

    def __enter__(self) -> None:
        if not self._vector._lock.acquire(blocking=False):
            raise RuntimeError(
                f"{self._vector.name}: another thread is inside this vector. Give each thread its own vector"
            )

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._vector._lock.release()
        if kind is not None and not issubclass(kind, Exception):
            self._vector.close()


def split(num_envs: int, parts: int) -> list[tuple[int, int]]:
    """Split `num_envs` environments into `parts` ranges of nearly equal size: first and one after the last of each."""
    edges = [num_envs * i // parts for i in range(parts + 1)]
    return list(itertools.pairwise(edges))

"""Native environments in this process, stepped by threads that never touch Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from numpy.typing import ArrayLike, NDArray

from puffer_envs.environment import Environment, check_arguments, check_count
from puffer_envs.vector.block import When
from puffer_envs.vector.ready import Ledger, Ready


class Threads(Environment):
    """An `Environment` that can also be stepped in groups: `send` one, and do something else until `recv`.

    With `batch` = `num_envs` there is one group, and `send` is `step`: the caller's thread works too, and returns when
    everything is done. With a smaller `batch`, background threads step groups in the order of `send`, while the caller
    continues. If fewer groups are being stepped than there are threads, several threads share a group. `recv` returns
    views of the environment's own arrays, always the same ones for a group.

    The environments of a group and the contents of their rows do not depend on threads or timing; only the order in
    which groups are received does.

    Attributes beyond those of `Environment`:
        batch: environments per group.
        threads: threads that step the environments.
        workers: 0, the number of processes.
    """

    batch: int
    threads: int
    workers = 0
    _ledger: Ledger
    _ready: list[Ready]

    def __new__(
        cls,
        name: str,
        num_envs: int = 1,
        *,
        threads: int = 1,
        batch: int | None = None,
        seed: int = 0,
        first: int = 0,
        isa: str | None = None,
        buffers: Mapping[str, NDArray[Any]] | None = None,
        **settings: Any,
    ) -> Self:
        """Make a batch of environments.

        Args:
            name: as for `puffer_envs.make`, like `num_envs`, `seed`, `first`, `isa`, `buffers` and `settings`.
            num_envs: number of environments.
            threads: threads that step the environments. With groups, they are in addition to the caller's.
            batch: number of environments that `recv` returns; `num_envs` must be a multiple of it. None: all.
            seed: seed of the first `reset()` that is called without one.
            first: number of the first environment in the run.
            isa: instruction set to use.
            buffers: arrays to write into, by name.
            **settings: settings of the environments.

        Raises:
            ValueError, TypeError, MemoryError: as for `puffer_envs.make`, or `num_envs` is not a multiple of `batch`.
        """
        arguments = check_arguments(name, num_envs, seed, threads, first, isa, settings)
        num_envs = arguments["num_envs"]
        batch = num_envs if batch is None else check_count("batch", batch, num_envs)
        if num_envs % batch:
            raise ValueError(f"num_envs must be a multiple of batch, got {num_envs} and {batch}")
        self = super().__new__(cls, **arguments, buffers=buffers, group=batch if batch < num_envs else 0)
        Environment.__init__(self, **arguments)
        self.batch = batch
        self.threads = arguments["threads"]
        self._ledger = Ledger([(i, i + batch) for i in range(0, num_envs, batch)], 1)
        self._ready = [self._view(group) for group in range(num_envs // batch)]
        return self

    def __init__(self, *_: Any, **__: Any) -> None:
        """Do nothing: `__new__` passes the checked arguments to C."""

    def send(self, actions: ArrayLike, env_id: ArrayLike | None = None) -> None:
        """Start a step of a group that was received, and return immediately.

        Args:
            actions: for the group's rows. To avoid a copy, fill these rows of `actions` in place and pass the view.
            env_id: `Ready.env_id` of the group, or of several groups, concatenated. None: the group received last.

        Raises:
            ValueError: as for `step`, or an invalid `env_id`; no environment has moved.
            RuntimeError: before reset, closed, in use by another thread, or the group is not waiting for actions.
        """
        self._note_common_moves()
        groups = self._ledger.blocks(env_id)
        if self.batch == self.num_envs:
            self.step(actions)
            self._ledger.sent(groups)
            self._ledger.finished(groups[0])
            self._moved_together()
        else:
            self._send(groups, actions)
            self._ledger.sent(groups)

    def recv(self) -> Ready:
        """Return the group that has been ready longest; wait for one if there is none.

        After `reset` or `step`, every group is ready.

        Returns:
            Views of the environment's arrays, which do not change until this group is sent again.

        Raises:
            RuntimeError: before reset, closed, in use by another thread, or no group is being stepped.
        """
        self._note_common_moves()
        ledger = self._ledger
        if ledger.missing():
            ledger.finished(self._receive())
        return self._ready[ledger.take()[0]]

    def set(self, key: str, value: Any, env_ids: ArrayLike | None = None, when: When = "reset") -> None:
        """See `Environment.set`. when: only "reset", the word for it that all vectors know; else a ValueError."""
        if when != "reset":
            raise ValueError(f"when must be 'reset', since native settings are read at a reset, got {when!r}")
        super().set(key, value, env_ids)

    def _note_common_moves(self) -> None:
        """Mark all groups as ready if all environments were reset, stepped or restored since the last call."""
        if self._moved_together():
            self._ledger.all_ready()

    def _view(self, group: int) -> Ready:
        rows = slice(group * self.batch * self.agents, (group + 1) * self.batch * self.agents)
        return Ready(
            self.observations[rows],
            self.rewards[rows],
            self.terminals[rows],
            self.truncations[rows],
            self._ledger.env_id([group]),
            self.final_observations[rows],
            None if self.action_masks is None else self.action_masks[rows],
            None if self.agent_mask is None else self.agent_mask[rows],
        )

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}, batch={self.batch}, threads={self.threads}>"

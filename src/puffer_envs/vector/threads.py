"""Native environments in this process, stepped by threads that never touch Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from numpy.typing import ArrayLike, NDArray

from puffer_envs.environment import Environment, check_arguments, check_count
from puffer_envs.vector.block import When
from puffer_envs.vector.ready import Ledger, Ready, check_env_ids


class Threads(Environment):
    """An `Environment` that can also be stepped in groups: `send` one, and do something else until `recv`.

    With `batch` = `num_envs` there is one group, and `send` is `step`: the caller's thread works too, and returns when
    all is done. With less, threads in the background take the groups in the order in which they were sent, and the
    caller goes on meanwhile. Several of them share a group where there are fewer groups under way than threads. What
    `recv` returns are views of the environment's own arrays, always the same ones for a group.

    Which environments are in a group, and what their rows hold, depends on neither threads nor timing; only the order
    in which groups are received does.

    Attributes beyond those of `Environment`:
        batch: environments in a group.
        threads: that step the environments.
        workers: 0, the number of processes.
    """

    batch: int
    threads: int
    workers = 0
    observation_fields = None
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
            name, num_envs, seed, first, isa, buffers, settings: as for `puffer_envs.make`.
            threads: how many step the environments: with less than all in a batch, beside the caller's.
            batch: environments that `recv` returns; `num_envs` must be a multiple of it. None: all.

        Raises:
            ValueError, TypeError, MemoryError: as `puffer_envs.make`, or `num_envs` is no multiple of `batch`.
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
        """Everything is done in `__new__`, where the checked arguments go to C."""

    def send(self, actions: ArrayLike, env_id: ArrayLike | None = None) -> None:
        """Have a group that was received take a step, and return at once.

        Args:
            actions: for its rows. Fill `actions` in place, in these rows, and pass the view to save a copy.
            env_id: `Ready.env_id` of the group, or of several, one behind the other. None: the group last received.

        Raises:
            ValueError: as for `step`, or not such an `env_id`; nothing has moved.
            RuntimeError: before reset, closed, another thread is inside, or the group is not waiting for actions.
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
        """The group that has been ready for longest; waits for one if there is none.

        After a reset, and after a `step` of all, every group waits to be received.

        Returns:
            Views of the environment's arrays, which stay as they are until this group is sent again.

        Raises:
            RuntimeError: before reset, closed, another thread is inside, or nothing is under way.
        """
        self._note_common_moves()
        ledger = self._ledger
        if ledger.missing():
            ledger.finished(self._receive())
        return self._ready[ledger.take()[0]]

    def set(self, key: str, value: Any, env_ids: ArrayLike | None = None, when: When = "reset") -> None:
        """Change a setting of environments while they run, e.g. to make them harder.

        It takes effect when their next episodes begin: at the next `reset`, or when all agents of an environment end
        their episodes in the same step. Environments whose agents end one by one take it at the next `reset`. Other
        environments are not touched. `settings` stays what `make` was given; `env_settings` tells the present ones.

        Args:
            key: the name of a setting.
            value: the new value.
            env_ids: numbers of environments; None for all.
            when: only "reset".

        Raises:
            ValueError, TypeError: no such setting, value, environment or moment, or the buffers would have to change;
                nothing has changed.
            RuntimeError: a replay is being recorded, closed, or another thread is inside.
        """
        if when != "reset":
            raise ValueError(f"when must be 'reset', as native settings are read when an episode begins; got {when!r}")
        self._set(key, value, check_env_ids(self.spec.name, self.num_envs, env_ids))

    def _note_common_moves(self) -> None:
        """A reset, a step or a restore of all since the last `send` or `recv` made all groups wait to be received."""
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

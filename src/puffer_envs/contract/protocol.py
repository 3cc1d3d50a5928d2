"""The buffer contract as types; docs/contract.md explains it, `puffer-envs check` tests it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import gymnasium
import numpy as np
from numpy.typing import ArrayLike, NDArray

StepResult = tuple[NDArray[Any], NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]]
"""(observations, rewards, terminals, truncations), the environment's own arrays."""


class BufferEnv(Protocol):
    """A batch of environments over arrays that never change identity; A rows, one per agent.

    The rows of one environment lie next to each other. What follows is optional: the trainer and the vectorizers look
    for it with `getattr` and do without it.

    - `observation_fields: Sequence[ObservationField]`: what the bytes of a structured observation mean.
    - `spec`, of which `spec.version: int` is the version of the rules, and `settings: Mapping[str, Value]`: all
      settings. Both are stored in policy files and checkpoints. `spec.rate: float` is the number of steps per second
      at which it is played in real time.
    - `code_files: Sequence[str]`: the files that its rules are in. A run stores their SHA-256, so that runs before and
      after a change of the rules do not look the same. Without them, the Python module that its name leads to is used.
    - `log() -> dict[str, float]`: means over the episodes that ended since the last call, and their number `n`.
    - `snapshot() -> bytes` and `restore(bytes)`: the whole state, so that training resumes within episodes.
    - `start_replay(seed)` and `save_replay(path)`: record what is played.
    - `parts: Sequence[BufferEnv]`: batches that make up this one. Part 0 has the first rows of every array, part 1
      those after them, and so on; the parts' arrays are views of the whole's. They must be safe to step from
      several threads, one thread to a part: the trainer then steps each part on its own core, and calls `step`
      of the parts instead of `step` of the whole.
    """

    num_envs: int
    """Environments in the batch."""
    num_agents: int
    """A, the rows of every array: a multiple of `num_envs`."""
    single_observation_space: gymnasium.spaces.Box
    """Of one row: uint8, int8 or float32."""
    single_action_space: gymnasium.spaces.Space[Any]
    """Of one row: Discrete, MultiDiscrete or a one-dimensional float32 Box. Discrete actions count from 0."""
    observations: NDArray[Any]
    """(A, *obs_shape) of uint8, int8 or float32: what each agent sees now."""
    final_observations: NDArray[Any]
    """(A, *obs_shape): the last observation of the episode that just ended; valid in the rows that ended."""
    actions: NDArray[Any]
    """(A,) int32 for Discrete, (A, k) int32 for MultiDiscrete, (A, k) float32 for Box."""
    rewards: NDArray[np.float32]
    """(A,)."""
    terminals: NDArray[np.bool_]
    """(A,): the episode ended for good."""
    truncations: NDArray[np.bool_]
    """(A,): the episode was cut off; what would have come is estimated from `final_observations`."""
    action_masks: NDArray[np.bool_] | None
    """(A, sum of choices): True where a discrete action may be taken now; or None."""
    agent_mask: NDArray[np.bool_] | None
    """(A,): True where the row holds an agent now; or None."""

    def reset(self, seed: int | None = None) -> NDArray[Any]:
        """Start all environments from the beginning; returns `observations`."""
        ...

    def step(self, actions: ArrayLike) -> StepResult:
        """Step all environments; an environment whose episode ended starts the next one in the same step."""
        ...

    def close(self) -> None:
        """Free everything; may be called twice."""
        ...


class DivisibleFactory(Protocol):
    """A factory of batches that can be made piece by piece; plain factories take `num_envs` and `seed` only.

    Optional keywords, found in the signature:

    - `first`: environment i of the batch is number `first + i` of the run and behaves as that one does in a batch that
      holds the whole run. Needed for several processes that train together.
    - `buffers`: use these arrays, by name, instead of new ones. With `first`, it lets the trainer make one batch out
      of parts over shared arrays, and step each part on its own core.
    - `threads` or `workers`: how many cores to use.
    """

    def __call__(
        self,
        num_envs: int,
        seed: int,
        *,
        first: int = 0,
        buffers: Mapping[str, NDArray[Any]] | None = None,
        **settings: Any,
    ) -> BufferEnv:
        """A batch of `num_envs` environments, not yet reset."""
        ...

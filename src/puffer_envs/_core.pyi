"""Where C and Python meet: the spec tables as dictionaries, and `Batch`, which steps any environment.

See cython/_core.pyx. Settings are passed to it as `params`: (num_params,) float64 in the spec's order.
"""

from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

DTYPES: tuple[np.dtype[Any], ...]
"""The dtype for each number of `PufDtype` in c/puffer.h."""
LOG_NAMES: tuple[str, ...]
"""The figures that every environment's log begins with."""

def spec_name(address: int) -> str:
    """Return the name of an environment.

    Args:
        address: where its `PufSpec` lies.

    Raises:
        ValueError: compiled for another version of puffer.h.
    """

def register(address: int) -> str:
    """Add an environment and return its name.

    Args:
        address: where its `PufSpec` lies, for as long as this process runs.

    Raises:
        ValueError: compiled for another version of puffer.h, tables that contradict each other, or a name that is
            taken.
    """

def unregister(name: str) -> None:
    """Forget an environment: its tables turned out to be wrong, or another one takes its name.

    Raises:
        KeyError: no environment has that name.
    """

def names() -> list[str]:
    """Return the names of all environments, sorted."""

def supported_isas() -> list[str]:
    """Return the instruction sets that this processor and this build have, slowest first."""

def describe(name: str) -> dict[str, Any]:
    """Return an environment's spec table as plain Python values, with its layout at the default settings.

    `puffer_envs.spec` makes an `EnvSpec` of it.

    Raises:
        ValueError: no environment has that name.
    """

def conflict(name: str, params: ArrayLike) -> str | None:
    """Return what is wrong with a combination of settings, or None.

    Raises:
        ValueError: no environment has that name, or another number of settings.
    """

def layout(name: str, params: ArrayLike) -> tuple[dict[str, Any], int]:
    """Return the layout under some settings, and the bytes of one state.

    The layout has agents, obs_shape, actions (name, choices, low, high, labels of each number), masked and padded.

    Raises:
        ValueError: no environment has that name, or another number of settings.
    """

def cover(name: str, params: ArrayLike) -> tuple[NDArray[np.int32], list[str], int]:
    """Return which field holds each byte of a state with these settings.

    Returns:
        For each byte the number of its field; -1 if no field holds it, -2 if it is of the generator or the log, or has
        one right value. Then the fields that the numbers are of, those included that `spec` does not show; and the
        bytes of the struct, behind which the block is.

    Raises:
        ValueError: no environment has that name, or another number of settings.
    """

def calibrate_gflops(seconds: float) -> float:
    """Measure the peak of float32 multiply-adds on one core for so many seconds.

    Returns:
        GFLOP/s; a multiply-add counts as two operations.
    """

def aligned_zeros(shape: int | tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Return a C-contiguous array of zeros that begins on a 64-byte boundary."""

class Batch:
    """A batch of one environment over buffers that may be borrowed; see docs/contract.md.

    N environments of a agents each have A = N * a rows. The arrays never change identity.

    `Environment` is a subclass, so that its `step` is C's own. What begins with an underscore is for this package
    only: under a public name it would show on every environment.
    """

    num_envs: int
    """N."""
    num_agents: int
    """A: rows of the arrays."""
    observations: NDArray[Any]
    """(A, *shape of one observation) uint8, int8 or float32."""
    final_observations: NDArray[Any]
    """As `observations`: the last ones of episodes that ended in this step. Other rows mean nothing."""
    actions: NDArray[Any]
    """(A,) or (A, k) int32, or (A, k) float32 where actions are continuous. Fill it and pass it to `step`."""
    rewards: NDArray[np.float32]
    """(A,)."""
    terminals: NDArray[np.bool_]
    """(A,): the episode ended for good in this step."""
    truncations: NDArray[np.bool_]
    """(A,): the episode was cut off in this step; never together with a terminal."""
    action_masks: NDArray[np.bool_] | None
    """(A, choices of all numbers of an action together): whether a choice may be taken now; None: all always may."""
    agent_mask: NDArray[np.bool_] | None
    """(A,): whether a row holds an agent now; None: all always do."""
    _taken: NDArray[Any]
    """As `actions`: the checked copy that C steps."""
    _states: NDArray[np.uint8]
    """(N * bytes of one state,)."""
    _assets: NDArray[np.uint8]
    """Bytes that all environments read and none writes."""
    _on_step: Callable[[], None] | None
    """Called before each step, once actions are checked, for recording."""
    _current: NDArray[np.float64] | None
    """(N, num_params): the settings of each environment's present episode; None: all have those of the batch."""
    _next: NDArray[np.float64] | None
    """(N, num_params): those of its next episode; None together with `_current`."""

    def __new__(
        cls,
        name: str,
        num_envs: int,
        params: ArrayLike,
        *,
        threads: int = 1,
        first: int = 0,
        group: int = 0,
        isa: str | None = None,
        buffers: Mapping[str, NDArray[Any]] | None = None,
        seed: int | None = None,
        settings: Mapping[str, float] | None = None,
    ) -> Self:
        """Make a batch.

        Args:
            name: of the environment.
            num_envs: N.
            params: (num_params,) float64, checked already.
            threads: how many step it; results do not depend on it.
            first: number of the batch's first environment in the run: it decides the random numbers.
            group: how many environments `_send` and `_receive` move together; 0: all are always stepped together.
            isa: one of `supported_isas()`, or None for the best one.
            buffers: arrays to use, by attribute name; `states` for the states. Others are made.
            seed: not used here; `Environment` takes it.
            settings: not used here; `Environment` takes it.

        Raises:
            ValueError: arguments or buffers that do not fit.
            TypeError: a buffer is no array.
            MemoryError: there is not enough memory, or the threads could not be started.
        """

    def step(
        self, actions: ArrayLike
    ) -> tuple[NDArray[Any], NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]]:
        """Step every environment once.

        Args:
            actions: integers of shape (A,) or (A, k), or floats (A, k), as `actions` is. Pass `actions` itself,
                filled in place, to save a copy.

        Returns:
            observations, rewards, terminals, truncations: always the same arrays.

        Raises:
            ValueError: wrong shape or dtype, or an action out of range, NaN or infinite; nothing has moved.
            RuntimeError: before reset, after close, while groups are under way, or while another thread is inside.
        """

    def close(self) -> None:
        """Stop the threads and refuse all further steps. May be called twice.

        Raises:
            RuntimeError: another thread is inside.
        """

    def _send(self, groups: list[int], actions: ArrayLike) -> None:
        """Start a step of some groups, with the actions of their rows in that order, and return at once."""

    def _receive(self) -> int:
        """Wait for the group that has been done for longest, and return its number."""

    def _moved_together(self) -> bool:
        """Return whether all environments were reset, stepped or restored at once since the last call."""

    def _set_next(self, envs: ArrayLike, params: ArrayLike) -> None:
        """Give environments (k,) the settings (k, num_params) in their next episodes."""

    def _replace_settings(self, current: ArrayLike, following: ArrayLike) -> None:
        """Set `_current` and `_next`, both (N, num_params), as a snapshot has them."""

    def _reset(self, seed: int | None) -> NDArray[Any]:
        """Seed every environment unless `seed` is None, start it, and return `observations`."""

    def _observe(self) -> None:
        """Write observations again and clear rewards and ends: after the states were replaced."""

    def _hold(self, started: bool = False, idle: bool = True) -> None:
        """Keep the batch for several calls of this thread, until `_release`. May be nested.

        Args:
            started: raise RuntimeError unless it was reset.
            idle: raise RuntimeError while groups are under way.
        """

    def _release(self) -> None:
        """Undo one `_hold`."""

    def _check_states(self, states: NDArray[np.uint8], params: ArrayLike) -> str | None:
        """Return what is wrong with states that come from elsewhere, or None.

        Args:
            states: as `_states`; begins on an 8-byte boundary.
            params: their settings: a row for all, or (num_envs, num_params).
        """

    def _hash(self, first: int, count: int) -> int:
        """Return a 64-bit hash of `count` states from environment `first` on."""

    def _hash_held(self) -> int:
        """Return the hash of all states, inside `_hold` or `_on_step`."""

    def _log(self, first: int, count: int) -> NDArray[np.float64]:
        """Return and clear the sums over episodes that `count` environments finished: one per name of the log."""

    def _log_each(self, envs: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return and clear the sums of each of k environments: (k, names of the log)."""

    def _check_open(self) -> None:
        """Raise RuntimeError after close, while groups are under way, or while another thread is inside."""

    def _run(self, actions: NDArray[Any], steps: int) -> None:
        """Step `steps` times in C, without checks, through the rows of `actions` (m, *shape of `actions`) in turn."""

class Forest:
    """The trees of a search through M games at once; see c/search.h.

    A walk ends at a leaf: a node, a move from it, which throw of dice follows, and the node behind that, or 0 for a new
    position. Values are for the first player.
    """

    shape: tuple[int, int, int, int]
    """Games M, moves K, simulations, and throws that a mean is over."""
    visits: NDArray[np.int32]
    """(M, simulations + 1, K): how often each move of each node was taken."""
    value: NDArray[np.float64]
    """(M, simulations + 1): of each node."""

    def __new__(cls, games: int, moves: int, simulations: int, draws: int) -> Self:
        """Make room for trees, the only memory that a search takes."""

    def plant(self, mover: NDArray[np.int64], prior: NDArray[np.float32], value: NDArray[np.float64]) -> None:
        """Start all trees over.

        Args:
            mover: which of two players is to move, (M,).
            prior: (M, K) probabilities; 0 for moves that are not allowed.
            value: (M,).
        """

    def descend(self, simulation: int) -> NDArray[np.int32]:
        """Walk to an edge of each tree; returns the leaves, (M, 4). They are valid until the next call."""

    def add(
        self,
        games: NDArray[np.int64],
        mover: NDArray[np.int64],
        prior: NDArray[np.float32],
        value: NDArray[np.float64],
        over: NDArray[np.uint8],
    ) -> NDArray[np.int64]:
        """Put positions behind the leaves of some games; returns their numbers."""

    def toss(self, games: NDArray[np.int64], mean: NDArray[np.float64]) -> None:
        """Dice decide what the moves of some leaves lead to; `mean` is over all throws."""

    def tossed(self, games: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether `toss` was called for the moves of some leaves."""

    def credit(self, value: NDArray[np.float64]) -> None:
        """Credit the moves of all walks with the values of their ends, (M,)."""

    def best(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the move to play in each game, (M,), and the better policy at the root, (M, K)."""

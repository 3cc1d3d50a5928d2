"""The part of the buffer contract (docs/contract.md) that the trainer needs, and its check at the border.

An environment is an object with arrays that never move and methods that fill them. `describe` looks at one
once, before training, and turns what it finds into an `EnvironmentSpec`; behind it nothing is checked again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from gymnasium.spaces import Box, Discrete, MultiDiscrete
from numpy.typing import NDArray

from puffer_train.errors import ContractError


class Environment(Protocol):
    """A batch of environments with `A = num_agents` rows, those of one environment next to each other."""

    num_agents: int
    """Rows of every array."""
    num_envs: int
    """Environments in the batch; `num_agents` is a multiple of it."""
    single_observation_space: Any
    """Gymnasium `Box` of uint8, int8 or float32: one row of `observations`."""
    single_action_space: Any
    """Gymnasium `Discrete`, `MultiDiscrete` or `Box`: one row of `actions`."""
    observations: NDArray[Any]
    """(A, *shape): what each agent sees now."""
    actions: NDArray[Any]
    """(A,) int32 for Discrete, (A, k) int32 for MultiDiscrete, (A, k) float32 for Box."""
    rewards: NDArray[np.float32]
    """(A,)."""
    terminals: NDArray[np.bool_]
    """(A,): the episode ended for good."""
    truncations: NDArray[np.bool_]
    """(A,): the episode was cut off; its value goes on from `final_observations`."""
    final_observations: NDArray[Any]
    """(A, *shape): last observation of the episode that just ended, in the rows that ended."""
    action_masks: NDArray[np.bool_] | None
    """(A, sum of choices): True where a discrete action may be taken now; or None."""
    agent_mask: NDArray[np.bool_] | None
    """(A,): True where the row holds an agent now; or None."""

    def reset(self, seed: int | None = None) -> NDArray[Any]:
        """Start every environment anew and return `observations`."""
        ...

    def step(
        self, actions: NDArray[Any]
    ) -> tuple[NDArray[Any], NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]]:
        """Step every environment; return observations, rewards, terminals and truncations."""
        ...

    def close(self) -> None:
        """Free everything; may be called twice."""
        ...


@dataclass(frozen=True)
class ActionSpec:
    """What one row of `actions` holds."""

    kind: Literal["discrete", "box"]
    """`discrete` for Discrete and MultiDiscrete, `box` for continuous actions."""
    sizes: tuple[int, ...]
    """Choices of each discrete action; `(k,)` for a Box of k numbers."""
    row_shape: tuple[int, ...]
    """Shape of one row: `()` for Discrete, `(k,)` otherwise."""
    low: tuple[float, ...] = ()
    """Lower bounds of a Box, in action units."""
    high: tuple[float, ...] = ()
    """Upper bounds of a Box, in action units."""

    @property
    def dimensions(self) -> int:
        """Numbers in one row of actions."""
        return self.sizes[0] if self.kind == "box" else len(self.sizes)

    @property
    def outputs(self) -> int:
        """Policy outputs needed: one logit per choice, or one mean per number."""
        return sum(self.sizes)


@dataclass(frozen=True)
class EnvironmentSpec:
    """Everything about an environment that shapes the trainer's buffers and the policy."""

    rows: int
    """Agents in the batch, A."""
    envs: int
    """Environments in the batch."""
    observation_shape: tuple[int, ...]
    """Shape of one observation."""
    observation_dtype: str
    """`uint8`, `int8` or `float32`."""
    observation_scale: tuple[float, ...]
    """Factor for each number of the flattened observation that brings it to about -1..1."""
    action: ActionSpec
    """The action space."""

    def identity(self) -> dict[str, Any]:
        """Return what a policy for this environment depends on, as JSON values: it must match to load one."""
        return {
            "observation_shape": list(self.observation_shape),
            "observation_dtype": self.observation_dtype,
            "action_kind": self.action.kind,
            "action_sizes": list(self.action.sizes),
            "action_low": list(self.action.low),
            "action_high": list(self.action.high),
        }


def describe(env: Environment, name: str = "environment") -> EnvironmentSpec:
    """Check the environment's attributes against the contract and return its spec.

    Raises `ContractError` with one sentence naming the first attribute that is missing or of the wrong
    type, shape or dtype. It does not reset or step the environment.
    """

    def broken(what: str) -> ContractError:
        return ContractError(f"{name} breaks the buffer contract: {what} (see docs/contract.md).")

    for attribute in Environment.__annotations__:
        if not hasattr(env, attribute):
            raise broken(f"it has no attribute {attribute!r}")
    for method in ("reset", "step", "close"):
        if not callable(getattr(env, method, None)):
            raise broken(f"it has no method {method!r}")

    rows, envs = env.num_agents, env.num_envs
    for attribute, count in (("num_agents", rows), ("num_envs", envs)):
        if not isinstance(count, (int, np.integer)) or count < 1:
            raise broken(f"{attribute} is {count!r}, not a positive whole number")
    if rows % envs:
        raise broken(f"num_agents {rows} is not a multiple of num_envs {envs}")

    observed = env.single_observation_space
    if not isinstance(observed, Box) or observed.dtype not in (np.uint8, np.int8, np.float32):
        raise broken(f"single_observation_space is {observed}, not a Box of uint8, int8 or float32")
    try:
        action = _action_spec(env.single_action_space)
    except ValueError as error:
        raise broken(str(error)) from None

    shape = tuple(int(n) for n in observed.shape)
    expected: dict[str, tuple[tuple[int, ...], Any]] = {
        "observations": ((rows, *shape), observed.dtype),
        "final_observations": ((rows, *shape), observed.dtype),
        "actions": ((rows, *action.row_shape), np.int32 if action.kind == "discrete" else np.float32),
        "rewards": ((rows,), np.float32),
        "terminals": ((rows,), np.bool_),
        "truncations": ((rows,), np.bool_),
    }
    if env.action_masks is not None:
        if action.kind == "box":
            raise broken("action_masks is given, but only discrete actions can be masked")
        expected["action_masks"] = ((rows, action.outputs), np.bool_)
    if env.agent_mask is not None:
        expected["agent_mask"] = ((rows,), np.bool_)
    for attribute, (wanted_shape, dtype) in expected.items():
        array = getattr(env, attribute)
        if not isinstance(array, np.ndarray) or array.shape != wanted_shape or array.dtype != dtype:
            found = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
            raise broken(f"{attribute} is {found}, not {np.dtype(dtype)} {wanted_shape}")

    return EnvironmentSpec(
        rows=int(rows),
        envs=int(envs),
        observation_shape=shape,
        observation_dtype=str(observed.dtype),
        observation_scale=_observation_scale(observed),
        action=action,
    )


def _action_spec(space: Any) -> ActionSpec:
    """Translate a Gymnasium action space; raises `ValueError` for one the contract does not have."""
    if isinstance(space, Discrete):
        if space.start != 0:
            raise ValueError(f"single_action_space starts at {space.start}; actions are counted from 0")
        return ActionSpec("discrete", (int(space.n),), ())
    if isinstance(space, MultiDiscrete):
        if space.nvec.ndim != 1 or np.any(space.start):
            raise ValueError("single_action_space must be a flat MultiDiscrete whose actions count from 0")
        return ActionSpec("discrete", tuple(int(n) for n in space.nvec), (len(space.nvec),))
    if isinstance(space, Box) and len(space.shape) == 1 and space.dtype == np.float32:
        low, high = (tuple(float(x) for x in bound) for bound in (space.low, space.high))
        return ActionSpec("box", (int(space.shape[0]),), tuple(space.shape), low, high)
    raise ValueError(f"single_action_space is {space}, not Discrete, MultiDiscrete or a flat float32 Box")


WIDEST_SCALED_BOUND = 1e6
"""A declared bound beyond this says "unbounded" rather than how large the number usually is."""


def _observation_scale(space: Box) -> tuple[float, ...]:
    """One over the largest magnitude that the space declares, or 1 where it declares none or less than 1."""
    bound = np.maximum(np.abs(space.low.astype(np.float64)), np.abs(space.high.astype(np.float64))).ravel()
    bound[(bound < 1.0) | (bound > WIDEST_SCALED_BOUND)] = 1.0
    return tuple(float(x) for x in 1.0 / bound)

"""The check at the border: an environment is checked once, before training, and never again.

`describe` turns what it finds of the buffer contract (`puffer_envs.contract`) into an `EnvironmentSpec`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium.spaces import Box

from puffer_envs.contract import BufferEnv
from puffer_envs.contract.actions import ActionSpec, describe_actions
from puffer_envs.contract.documentation import page_url
from puffer_envs.contract.observations import FieldSpec, describe_fields
from puffer_envs.contract.policy_info import fields_as_json
from puffer_train.errors import ContractError


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
    """Factor that scales each input of the encoder to about -1..1, if it has useful bounds, else 1."""
    action: ActionSpec
    """The action space."""
    observation_fields: tuple[FieldSpec, ...] = ()
    """What the bytes of a structured observation mean; empty where an observation is just an array."""
    observation_range: tuple[int, int] | None = None
    """Lowest and highest number that an array of integers may hold; None for others, and for empty ones."""
    field_ranges: tuple[tuple[int, int] | None, ...] = ()
    """The same for each of `observation_fields`; None for those that are not declared as bounded whole numbers."""
    observation_unbounded: tuple[bool, ...] = ()
    """Whether each input lacks useful bounds; empty where none does."""

    def identity(self) -> dict[str, Any]:
        """Return what a policy for this environment depends on, as JSON values: it must match to load one."""
        return {
            "observation_shape": list(self.observation_shape),
            "observation_dtype": self.observation_dtype,
            "observation_fields": fields_as_json(self.observation_fields),
            "action_kind": self.action.kind,
            "action_sizes": list(self.action.sizes),
            "action_low": list(self.action.low),
            "action_high": list(self.action.high),
        }


def describe(env: BufferEnv, name: str = "environment") -> EnvironmentSpec:
    """Check the environment's attributes against the contract and return its spec.

    Raises `ContractError` with one sentence naming the first attribute that is missing or of the wrong
    type, shape or dtype. It does not reset or step the environment.
    """

    def broken(what: str) -> ContractError:
        return ContractError(f"{name} breaks the buffer contract: {what} (see {page_url('contract')}).")

    for attribute in BufferEnv.__annotations__:
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
        action = describe_actions(env.single_action_space)
        given = getattr(env, "observation_fields", None)
        fields = () if given is None else describe_fields(given, observed)
        spaces = [observed] if given is None else [field.space for field in given]
        inputs = [_inputs(space, spec) for space, spec in zip(spaces, fields or (None,), strict=True)]
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
        observation_scale=tuple(x for scales, _ in inputs for x in scales),
        action=action,
        observation_fields=fields,
        observation_range=None if fields else _integer_range(observed),
        field_ranges=tuple(_integer_range(space) for space in spaces) if fields else (),
        observation_unbounded=_unless_all_false(x for _, unbounded in inputs for x in unbounded),
    )


def _integer_range(space: Any) -> tuple[int, int] | None:
    """Return the least and the greatest number of a Box of integers; None for every other space."""
    if not isinstance(space, Box) or space.dtype is None or space.dtype.kind not in "iu" or space.low.size == 0:
        return None
    return int(space.low.min()), int(space.high.max())


MAX_SCALED_BOUND = 1e6
"""A declared bound beyond this means "unbounded"."""


def _inputs(space: Any, field: FieldSpec | None) -> tuple[list[float], list[bool]]:
    """Return the factor of each input that a space gives, and whether it lacks useful bounds.

    The factor is one over the largest magnitude that the space declares, or 1 where it declares none or less than 1.
    """
    if field is not None and field.kind == "discrete":
        scales = [math.sqrt(n) for n in field.choices for _ in range(n)]  # scales a one-hot's mean square to 1
        return scales, [False] * len(scales)
    if not isinstance(space, Box):
        size = math.prod(space.shape)
        return [1.0] * size, [False] * size
    bound = np.maximum(np.abs(space.low.astype(np.float64)), np.abs(space.high.astype(np.float64))).ravel()
    unbounded = bound > MAX_SCALED_BOUND
    return (1.0 / np.where((bound < 1.0) | unbounded, 1.0, bound)).tolist(), unbounded.tolist()


def _unless_all_false(flags: Iterable[bool]) -> tuple[bool, ...]:
    """Return the flags, or nothing if none is set."""
    given = tuple(flags)
    return given if any(given) else ()

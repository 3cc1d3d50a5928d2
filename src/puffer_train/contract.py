"""The part of the buffer contract (docs/contract.md) that the trainer needs, and its check at the border.

An environment is an object with arrays that never move and methods that fill them. `describe` looks at one
once, before training, and turns what it finds into an `EnvironmentSpec`; behind it nothing is checked again.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol

import numpy as np
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete
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


class ObservationField(Protocol):
    """One named value within a row of structured bytes; the optional attribute `observation_fields` holds all."""

    @property
    def name(self) -> str:
        """Unlike any other field's."""
        ...

    @property
    def space(self) -> Any:
        """Gymnasium `Box`, `Discrete`, `MultiDiscrete` or `MultiBinary`; discrete values are stored from 0."""
        ...

    @property
    def start(self) -> int:
        """Its first byte in the row: a multiple of its item size."""
        ...

    @property
    def dtype(self) -> Any:
        """As stored: uint8, int8, int32 or float32."""
        ...

    @property
    def shape(self) -> tuple[int, ...]:
        """Of its value; `()` for a `Discrete`."""
        ...


@dataclass(frozen=True)
class FieldSpec:
    """Where a field lies in a row of structured bytes, and what the policy makes of it."""

    name: str
    """Of the field."""
    kind: Literal["box", "discrete"]
    """`box`: the encoder gets its numbers; `discrete`: a one-hot of each of its numbers."""
    start: int
    """First byte."""
    dtype: str
    """`uint8`, `int8`, `int32` or `float32`."""
    shape: tuple[int, ...]
    """Of the value."""
    choices: tuple[int, ...]
    """Of each number of a discrete field, in C order; empty for a box."""

    @property
    def size(self) -> int:
        """Bytes."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize

    @property
    def inputs(self) -> int:
        """Inputs of the encoder."""
        return sum(self.choices) if self.kind == "discrete" else math.prod(self.shape)


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
    """Factor for each input of the encoder that brings it to about -1..1."""
    action: ActionSpec
    """The action space."""
    observation_fields: tuple[FieldSpec, ...] = ()
    """What the bytes of a structured observation mean; empty where an observation is just an array."""
    observation_range: tuple[int, int] | None = None
    """Least and greatest number that an array of integers may hold; None for others, and for empty ones."""

    def identity(self) -> dict[str, Any]:
        """Return what a policy for this environment depends on, as JSON values: it must match to load one."""
        return {
            "observation_shape": list(self.observation_shape),
            "observation_dtype": self.observation_dtype,
            "observation_fields": [_json(asdict(field)) for field in self.observation_fields],
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
        given = getattr(env, "observation_fields", None)
        fields, scale = ((), _box_scale(observed)) if given is None else _field_specs(given, observed)
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
        observation_scale=scale,
        action=action,
        observation_fields=fields,
        observation_range=None if fields else _integer_range(observed),
    )


def _integer_range(space: Box) -> tuple[int, int] | None:
    """Return the least and the greatest number of a space of integers."""
    if space.dtype == np.float32 or space.low.size == 0:
        return None
    return int(space.low.min()), int(space.high.max())


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


MOST_CHOICES = 1 << 16
"""Of all discrete fields of an observation together: each choice is an input of the policy."""

STORED = ("uint8", "int8", "int32", "float32")
"""What the numbers of a field may be stored as."""


def _field_specs(given: Iterable[ObservationField], row: Box) -> tuple[tuple[FieldSpec, ...], tuple[float, ...]]:
    """Return the fields of a structured observation and the scale of all their inputs, one after the other.

    Raises `ValueError` for the first field that cannot be read.
    """
    if row.dtype != np.uint8 or len(row.shape) != 1:
        raise ValueError(f"observation_fields is given, but single_observation_space is {row}, not a flat Box of uint8")
    fields: list[FieldSpec] = []
    scale: tuple[float, ...] = ()
    for field in given:
        fields.append(_field_spec(field, row.shape[0]))
        scale += _field_scale(field.space, fields[-1])
    if not fields:
        raise ValueError("observation_fields is empty")
    names = [field.name for field in fields]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two observation fields are called {name!r}")
    ordered = sorted(fields, key=lambda field: field.start)
    for before, after in itertools.pairwise(ordered):
        if after.start < before.start + before.size:
            raise ValueError(f"the observation fields {before.name!r} and {after.name!r} overlap")
    choices = sum(sum(field.choices) for field in fields)
    if choices > MOST_CHOICES:
        raise ValueError(
            f"its observation fields have {choices} discrete choices, each of which is an input of the policy; "
            f"{MOST_CHOICES} are the most"
        )
    return tuple(fields), scale


def _field_spec(field: ObservationField, row_bytes: int) -> FieldSpec:
    """Check one field against its space and a row of that many bytes."""
    for attribute in ("name", "space", "start", "dtype", "shape"):
        if not hasattr(field, attribute):
            raise ValueError(f"an observation field has no attribute {attribute!r}")
    if not isinstance(field.name, str) or not field.name:
        raise ValueError(f"an observation field is called {field.name!r}, not by a text")
    what, space, dtype = f"observation field {field.name!r}", field.space, str(np.dtype(field.dtype))
    if isinstance(space, Discrete):
        choices: tuple[int, ...] = (int(space.n),)
    elif isinstance(space, MultiDiscrete):
        choices = tuple(int(n) for n in space.nvec.ravel())
    elif isinstance(space, (Box, MultiBinary)):
        choices = ()
    else:
        raise ValueError(f"{what} is {space}, not Box, Discrete, MultiDiscrete or MultiBinary")
    if dtype not in STORED or (choices and dtype == "float32"):
        raise ValueError(f"{what} is stored as {dtype}, not as {', '.join(STORED[: 3 if choices else 4])}")
    shape = tuple(int(n) for n in field.shape)
    if shape != tuple(space.shape):
        raise ValueError(f"{what} has shape {shape}, but its space has {tuple(space.shape)}")
    if choices and max(choices) - 1 > np.iinfo(dtype).max:
        raise ValueError(f"{what} has {max(choices)} choices, more than {dtype} can count")
    spec = FieldSpec(field.name, "discrete" if choices else "box", int(field.start), dtype, shape, choices)
    if spec.inputs == 0:
        raise ValueError(f"{what} holds no numbers")
    if spec.start % np.dtype(dtype).itemsize:
        raise ValueError(f"{what} starts at byte {spec.start}, where no {dtype} can be read")
    if spec.start < 0 or spec.start + spec.size > row_bytes:
        raise ValueError(
            f"{what} takes bytes {spec.start} to {spec.start + spec.size - 1}, but a row has {row_bytes} bytes"
        )
    return spec


def _field_scale(space: Any, field: FieldSpec) -> tuple[float, ...]:
    """Return the factor for each input of a field."""
    if field.kind == "discrete":
        return tuple(math.sqrt(n) for n in field.choices for _ in range(n))  # brings a one-hot's mean square to 1
    return _box_scale(space) if isinstance(space, Box) else (1.0,) * field.inputs


WIDEST_SCALED_BOUND = 1e6
"""A declared bound beyond this says "unbounded" rather than how large the number usually is."""


def _box_scale(space: Box) -> tuple[float, ...]:
    """One over the largest magnitude that the space declares, or 1 where it declares none or less than 1."""
    bound = np.maximum(np.abs(space.low.astype(np.float64)), np.abs(space.high.astype(np.float64))).ravel()
    bound[(bound < 1.0) | (bound > WIDEST_SCALED_BOUND)] = 1.0
    return tuple(float(x) for x in 1.0 / bound)


def _json(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values with lists for tuples, as JSON gives them back."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}

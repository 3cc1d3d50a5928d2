"""What an environment is: its spec table in C, as dataclasses and Gymnasium spaces."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from puffer_envs import _core
from puffer_envs.contract.names import suggest
from puffer_envs.contract.observations import ObservationField
from puffer_envs.contract.offers import load_offers, open_file, suggest_file


@dataclass(frozen=True)
class ObsPart:
    """A run of elements of the flattened observation that share bounds and meaning."""

    name: str
    """Of the part."""
    start: int
    """Index of its first element in the flattened observation."""
    count: int
    """How many elements."""
    low: float
    """Least value, inclusive."""
    high: float
    """Greatest value, inclusive."""
    doc: str
    """What it means, with its unit."""
    codes: int = 0
    """Of codes, which name categories: how many there are. 0: the elements are amounts."""


@dataclass(frozen=True)
class ActionPart:
    """One action of an agent: discrete where `choices` > 0, else continuous within [low, high]."""

    name: str
    """Of the action."""
    choices: int
    """Number of choices; 0 for a continuous action."""
    low: float
    """Least value of a continuous action."""
    high: float
    """Greatest value of a continuous action."""
    labels: tuple[str, ...]
    """Names of the choices, in order; or the unit of a continuous action."""


Setting = float | str
"""The value of a setting: bool, int, float, or one of several names."""


@dataclass(frozen=True)
class Param:
    """A setting of the environment."""

    name: str
    """As passed to `make`."""
    type: type[int] | type[float] | type[bool] | type[str]
    """int, float or bool; str for one of several names."""
    default: Setting
    """Its value unless set."""
    low: float
    """Least value allowed."""
    high: float
    """Greatest value allowed."""
    doc: str
    """What it does, with its unit."""
    fixed: bool = False
    """Whether what all environments of a batch share is made from it, so that `set` cannot change it."""
    choices: tuple[str, ...] = ()
    """The names, where it is one of several; C holds their numbers, from `low` = 0 to `high`."""

    def to_number(self, value: Setting) -> float:
        """The number that C holds for a value. Raises ValueError for a name that is not among the choices."""
        return float(self.choices.index(str(value)) if self.choices else value)

    def from_number(self, number: float) -> Setting:
        """The value that a number in C stands for."""
        return self.choices[int(number)] if self.choices else self.type(number)

    @property
    def allowed(self) -> str:
        """What it can be, for people: `1 to 16`, or the names."""
        return ", ".join(self.choices) if self.choices else f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class Field:
    """A field of the state that `Environment.state` shows."""

    name: str
    """As in `env.state(i).NAME`."""
    dtype: np.dtype[Any]
    """Of its elements; structured for a table whose rows have named parts."""
    ndim: int
    """0 for a number, 1 or 2 for an array."""
    in_block: bool
    """True: its place and shape depend on the settings, and `offset` and `shape` say where the state holds them."""
    in_assets: bool
    """True: it is part of what all environments of the batch share."""
    offset: int
    """Bytes from the start of the state."""
    shape: tuple[int, ...]
    """Its first `ndim` elements count."""
    doc: str
    """What it means, with its unit."""
    parts: tuple[Field, ...] = ()
    """The named parts of one row, in a table that has them: `state.drones.position`."""


@dataclass(frozen=True)
class Layout:
    """Sizes and spaces, which may depend on the settings."""

    agents: int
    """Agents per environment."""
    obs_shape: tuple[int, ...]
    """Of one agent's observation."""
    actions: tuple[ActionPart, ...]
    """Of one agent."""
    masked: bool
    """Whether there are action masks."""
    padded: bool
    """Whether there is an agent mask."""
    state_bytes: int
    """Of one environment."""


@dataclass(frozen=True, repr=False)
class EnvSpec:
    """All facts about an environment, read from its table in C."""

    name: str
    """As passed to `make`."""
    version: int
    """Raised whenever the same seed and actions give different bytes than before."""
    doc: str
    """One sentence."""
    reward: str
    """What is rewarded, and by how much."""
    ends: str
    """What terminates and what truncates an episode."""
    rate: float
    """Steps per second at which a person plays it."""
    obs_dtype: np.dtype[Any]
    """uint8, int8 or float32."""
    obs: tuple[ObsPart, ...]
    """The observation's parts, at the default settings."""
    params: tuple[Param, ...]
    """The settings."""
    fields: tuple[Field, ...]
    """What `Environment.state` shows."""
    log_names: tuple[str, ...]
    """What `Environment.log` reports."""
    layout: Layout
    """At the default settings."""

    def __repr__(self) -> str:
        shape, actions = (
            "x".join(map(str, self.layout.obs_shape)),
            " x ".join(map(_describe_action, self.layout.actions)),
        )
        return (
            f"<{self.name} version {self.version}: agents {self.layout.agents}, observation {self.obs_dtype} {shape}, "
            f"action {actions}; puffer-envs info {self.name} shows it all>"
        )


def _describe_action(part: ActionPart) -> str:
    return f"{part.name} ({part.choices})" if part.choices else f"{part.name} ({part.low:g} to {part.high:g})"


_PARAM_TYPES: tuple[type[int] | type[float] | type[bool] | type[str], ...] = (int, float, bool, str)


def list_envs() -> list[str]:
    """The names of the C environments that are loaded, sorted."""
    return _core.names()


def spec(name: str) -> EnvSpec:
    """The spec of an environment.

    Raises:
        ValueError: there is no environment of that name.
    """
    name = open_file(name) if isinstance(name, str) else name
    if not is_native(name):
        offer = load_offers().get(name) if isinstance(name, str) else None
        if offer is not None:
            raise ValueError(f"{name!r} is a Python environment of {offer.__name__}: it has no spec")
        near = suggest_file(str(name)) or suggest(str(name), sorted({*list_envs(), *load_offers()}))
        near = near or " `puffer-envs list` shows the known ones."
        raise ValueError(f"there is no environment {name!r}.{near}")
    return _read_spec(name)


def is_native(name: object) -> bool:
    """Whether a name is that of a C environment: one of ours, or one that another installed package loads."""
    if not isinstance(name, str):
        return False
    if name not in _core.names() and ":" not in name:
        load_offers()
    return name in _core.names()


LIBRARIES: dict[str, str] = {}
"""The shared library of each environment that `load_library` loaded, by name."""


def code_file(name: str) -> str:
    """The compiled file that a C environment's rules are in."""
    return LIBRARIES.get(name, _core.__file__)


def forget_specs() -> None:
    """Read the specs again when they are next asked for: a name has another library."""
    _read_spec.cache_clear()


@functools.cache
def _read_spec(name: str) -> EnvSpec:
    table = _core.describe(name)
    params = tuple(
        Param(label, _PARAM_TYPES[kind], choices[int(default)] if choices else default, low, high, doc, fixed, choices)
        for label, kind, default, low, high, doc, fixed, choices in table["params"]
    )
    layout = read_layout(name, [p.to_number(p.default) for p in params])
    return EnvSpec(
        name=name,
        version=table["version"],
        doc=table["doc"],
        reward=table["reward"],
        ends=table["ends"],
        rate=table["rate"],
        obs_dtype=table["obs_dtype"],
        obs=_obs_parts(name, table["obs"], table["obs_dtype"], layout.obs_shape),
        params=params,
        fields=tuple(_read_field(*row) for row in table["fields"]),
        log_names=table["log_names"],
        layout=layout,
    )


def _read_field(
    name: str,
    dtype: np.dtype[Any],
    ndim: int,
    in_block: bool,
    in_assets: bool,
    offset: int,
    shape: tuple[int, ...],
    doc: str,
    rows: list[tuple[Any, ...]],
    row_bytes: int,
) -> Field:
    parts = tuple(_read_field(*row) for row in rows)
    if parts:
        formats = [(part.dtype, part.shape[: part.ndim]) for part in parts]
        names, offsets = [part.name for part in parts], [part.offset for part in parts]
        dtype = np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": row_bytes})
    return Field(name, dtype, ndim, in_block, in_assets, offset, shape, doc, parts)


def _obs_parts(
    env: str, rows: list[tuple[str, int, float, float, str, int]], dtype: np.dtype[Any], shape: tuple[int, ...]
) -> tuple[ObsPart, ...]:
    """Place the parts one after the other; a count of 0 takes what the others leave, which may be nothing."""
    size = math.prod(shape)
    rest = size - sum(count for _, count, *_ in rows)
    parts, start = [], 0
    for name, declared, low, high, doc, codes in rows:
        count = declared or rest
        parts.append(ObsPart(name, start, count, low, high, doc, codes))
        start += count
        if codes and (dtype != np.uint8 or len(shape) != 1 or not 2 <= codes <= 256 or (low, high) != (0, codes - 1)):
            raise ValueError(
                f"{env}: the part {name!r} of its observation holds {codes} codes from {low:g} to {high:g}, as {dtype} "
                f"of shape {shape}: codes are uint8 in an observation with one dimension, 2 to 256 of them, from 0. "
                "Use PUF_CODES, PUF_U8 and .obs_ndim = 1"
            )
    if start != size or any(part.count < 0 for part in parts):
        counts = " + ".join(str(part.count) for part in parts)
        raise ValueError(
            f"{env}: its table of observations has {counts} elements, its shape {shape} has {size}: they must agree. "
            "Correct the counts in the table (0 means all that remain), or .obs_shape"
        )
    return tuple(parts)


def to_numbers(env: EnvSpec, settings: Mapping[str, Setting]) -> list[float]:
    """All settings of an environment as C takes them: numbers, in the spec's order."""
    return [p.to_number(settings[p.name]) for p in env.params]


def from_numbers(env: EnvSpec, numbers: Iterable[float]) -> dict[str, Setting]:
    """The settings that numbers in the spec's order stand for, by name."""
    return {p.name: p.from_number(number) for p, number in zip(env.params, numbers, strict=True)}


def read_layout(name: str, values: list[float]) -> Layout:
    """The layout under these settings, given in the spec's order."""
    table, state_bytes = _core.layout(name, values)
    actions = tuple(
        ActionPart(label, choices, low, high, tuple(labels.split()))
        for label, choices, low, high, labels in table["actions"]
    )
    return Layout(table["agents"], table["obs_shape"], actions, table["masked"], table["padded"], state_bytes)


def observation_parts(env: EnvSpec, layout: Layout) -> tuple[ObsPart, ...]:
    """The parts of an observation in this layout: one that takes all that remain has another count in each."""
    return _obs_parts(env.name, _core.describe(env.name)["obs"], env.obs_dtype, layout.obs_shape)


def observation_space(env: EnvSpec, layout: Layout) -> gymnasium.spaces.Box:
    """The space of one agent's observation."""
    parts = observation_parts(env, layout)
    low: NDArray[Any] = np.concatenate([np.full(p.count, p.low, env.obs_dtype) for p in parts])
    high: NDArray[Any] = np.concatenate([np.full(p.count, p.high, env.obs_dtype) for p in parts])
    return gymnasium.spaces.Box(
        low.reshape(layout.obs_shape),
        high.reshape(layout.obs_shape),
        dtype=env.obs_dtype.type,
    )


def observation_fields(env: EnvSpec, layout: Layout) -> tuple[ObservationField, ...] | None:
    """The parts of the observation by name, where some of them are codes; None where all numbers are amounts."""
    parts = [part for part in observation_parts(env, layout) if part.count]
    if not any(part.codes for part in parts):
        return None
    spaces = [
        gymnasium.spaces.MultiDiscrete([p.codes] * p.count)
        if p.codes
        else gymnasium.spaces.Box(p.low, p.high, (p.count,), env.obs_dtype.type)
        for p in parts
    ]
    return tuple(
        ObservationField(p.name, space, p.start, env.obs_dtype, (p.count,))
        for p, space in zip(parts, spaces, strict=True)
    )


def action_space(layout: Layout) -> gymnasium.spaces.Space[Any]:
    """The space of one agent's action: Discrete, MultiDiscrete or Box."""
    if layout.actions[0].choices == 0:
        low = np.array([a.low for a in layout.actions], np.float32)
        high = np.array([a.high for a in layout.actions], np.float32)
        return gymnasium.spaces.Box(low, high, dtype=np.float32)
    if len(layout.actions) == 1:
        return gymnasium.spaces.Discrete(layout.actions[0].choices, dtype=np.int32)
    return gymnasium.spaces.MultiDiscrete([a.choices for a in layout.actions], dtype=np.int32)

"""Run an exported policy with NumPy alone.

`puffer-train` writes a policy as one safetensors file (format in docs/contract.md, "The policy file"); this
module checks such a file once, at the border, and then plays it without torch:

    policy = load_policy("breakout.safetensors")
    policy.require("breakout", env.single_observation_space, env.single_action_space)
    observations = env.reset(0)
    while True:
        observations, rewards, terminals, truncations = env.step(policy.act(observations))
        policy.reset(terminals | truncations)
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # players of native environments do without the vectorizers
    from puffer_envs.vector.layout import ObservationField

FORMAT = "puffer-policy-1"
LARGEST_UNITS = 1 << 20
"""Refuse sizes beyond this: no policy is so large, and a damaged file may claim anything."""

Floats = NDArray[np.floating[Any]]
"""float32, all of them; NumPy's stubs cannot follow that through arithmetic."""


class PolicyError(Exception):
    """A policy file that cannot be used. The message is one or two sentences for the person who named the file."""


@dataclass(frozen=True)
class PolicyField:
    """One named value within a row of structured bytes."""

    name: str
    """Of the field."""
    kind: str
    """box: the encoder gets its numbers; discrete: a one-hot of each of its numbers."""
    start: int
    """First byte in the row."""
    dtype: str
    """uint8, int8, int32 or float32."""
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

    def read(self, rows: NDArray[np.uint8]) -> NDArray[Any]:
        """Its numbers in every row of bytes, (A, N): a view."""
        return rows[:, self.start : self.start + self.size].view(self.dtype)


@dataclass(frozen=True)
class PolicyInfo:
    """What a policy file says about itself."""

    environment: str
    """Name of the environment it was trained in."""
    environment_version: int
    """Version of that environment's rules."""
    observation_shape: tuple[int, ...]
    """Shape of one agent's observation."""
    observation_dtype: str
    """uint8, int8 or float32."""
    observation_fields: tuple[PolicyField, ...]
    """What the bytes of a structured observation mean; empty where an observation is just an array."""
    action_kind: str
    """discrete or box."""
    action_sizes: tuple[int, ...]
    """Choices of each discrete action, or (number of continuous actions,)."""
    action_low: Floats
    """Lower bound of each continuous action, shape (k,); empty when discrete."""
    action_high: Floats
    """Upper bound of each continuous action, shape (k,); empty when discrete."""
    hidden: int
    """Units H of each layer."""
    layers: int
    """Recurrent layers L."""
    settings: dict[str, Any]
    """Settings of the environment during training."""

    @property
    def inputs(self) -> int:
        """O, the inputs of the encoder."""
        fields = self.observation_fields
        return sum(field.inputs for field in fields) if fields else math.prod(self.observation_shape)

    @property
    def head_rows(self) -> int:
        """K, the outputs before the value: all logits, or all means."""
        return sum(self.action_sizes)


class NumpyPolicy:
    """A policy and the recurrent state of each row it plays. Made by `load_policy`."""

    def __init__(self, info: PolicyInfo, tensors: dict[str, Floats], seed: int = 0) -> None:
        self.info = info
        self._scale = tensors["input_scale"]
        self._encoder = tensors["encoder.weight"]
        self._cores = [tensors[f"core.{layer}.weight"] for layer in range(info.layers)]
        self._head = tensors["head.weight"]
        self._std = np.exp(tensors["log_std"]) if info.action_kind == "box" else None
        self._random = np.random.default_rng(seed)
        self._state: Floats | None = None

    def act(
        self,
        observations: NDArray[Any],
        deterministic: bool = False,
        action_masks: NDArray[np.bool_] | None = None,
    ) -> NDArray[Any]:
        """Choose one action per row and move the recurrent state on by one step.

        observations: (A, *observation_shape). deterministic: the likeliest action, rather than one drawn from
        the policy. action_masks: (A, sum of choices) bool, True where a discrete action may be taken.
        Returns int32 (A,) or (A, parts) when discrete, float32 (A, k) inside its box when continuous: what
        `env.step` takes. Raises ValueError when the observations have another shape, or are not finite.
        """
        outputs = self._forward(observations)[:, :-1]
        if self._std is not None:
            noise = 0.0 if deterministic else self._std * self._random.standard_normal(outputs.shape)
            actions = np.clip(outputs + noise, self.info.action_low, self.info.action_high)
            return np.asarray(actions, np.float32)
        if action_masks is not None:
            outputs = np.where(action_masks, outputs, -np.inf)
        if not deterministic:
            # argmax(logits + Gumbel noise) is an exact draw from softmax(logits)
            outputs = outputs + self._random.gumbel(size=outputs.shape)
        parts = np.split(outputs, np.cumsum(self.info.action_sizes)[:-1], axis=1)
        choices = np.stack([part.argmax(axis=1) for part in parts], axis=1).astype(np.int32)
        return choices[:, 0] if len(parts) == 1 else choices

    def reset(self, rows: NDArray[np.bool_] | None = None) -> None:
        """Forget the past: of the rows marked True (A,), or of all, after which A may change."""
        if rows is None:
            self._state = None
        elif self._state is not None:
            self._state[:, rows] = 0.0

    def require(
        self,
        environment: str,
        observation_space: gymnasium.Space[Any],
        action_space: gymnasium.Space[Any],
        observation_fields: Sequence[ObservationField] | None = None,
    ) -> None:
        """Raise PolicyError, naming the difference, unless this policy can play this environment.

        observation_fields: the environment's optional attribute of that name.
        """
        info = self.info
        if info.environment != environment:
            raise PolicyError(f"this policy was trained in {info.environment!r}, not in {environment!r}.")
        observations = (observation_space.shape, str(observation_space.dtype))
        if observations != (info.observation_shape, info.observation_dtype):
            raise PolicyError(
                f"this policy reads observations of shape {info.observation_shape} {info.observation_dtype}, but "
                f"{environment!r} gives {observations[0]} {observations[1]}; "
                f"make it with the settings of the training: {info.settings}."
            )
        given = tuple(_describe_field(field) for field in observation_fields or ())
        if given != info.observation_fields:
            raise PolicyError(
                f"this policy reads {_differing_field(info.observation_fields, given)}; "
                f"make {environment!r} with the settings of the training: {info.settings}."
            )
        actions = _describe_actions(action_space)
        if actions != (info.action_kind, info.action_sizes):
            raise PolicyError(
                f"this policy chooses {info.action_kind} actions of sizes {info.action_sizes}, but {environment!r} "
                f"takes {actions[0]} actions of sizes {actions[1]}; "
                f"make it with the settings of the training: {info.settings}."
            )

    def _forward(self, observations: NDArray[Any]) -> Floats:
        """Logits or means, and then the value: (A, K + 1)."""
        if observations.shape[1:] != self.info.observation_shape:
            raise ValueError(
                f"observations have shape {observations.shape}; "
                f"this policy reads (rows, *{self.info.observation_shape})"
            )
        rows = len(observations)
        if self._state is not None and self._state.shape[1] != rows:
            raise ValueError(f"{rows} rows after {self._state.shape[1]}; call reset() to change the number")
        x = self._encode(observations)
        if self._state is None:
            self._state = np.zeros((self.info.layers, rows, self.info.hidden), np.float32)
        for weight, state in zip(self._cores, self._state, strict=True):
            x = _mingru(x, state, weight)
        outputs: Floats = x @ self._head.T
        if not np.isfinite(outputs).all():
            raise ValueError("the policy's outputs overflow; its weights are too large")
        return outputs

    def _encode(self, observations: NDArray[Any]) -> Floats:
        """What the encoder makes of observations (A, *shape): (A, H)."""
        rows = len(observations)
        if not self.info.observation_fields:
            return self._multiply(observations.reshape(rows, -1), slice(0, self.info.inputs))
        x: Floats = np.zeros((rows, self.info.hidden), np.float32)
        structured, column = np.ascontiguousarray(observations, np.uint8), 0
        for field in self.info.observation_fields:
            numbers = field.read(structured)
            if field.kind == "box":
                x += self._multiply(numbers, slice(column, column + field.inputs))
            else:
                x += self._look_up(field, numbers, column)
            column += field.inputs
        return x

    def _multiply(self, numbers: NDArray[Any], columns: slice) -> Floats:
        """Numbers (A, N) times their N columns of the encoder: (A, H)."""
        scaled: Floats = numbers.astype(np.float32) * self._scale[columns]
        if not np.isfinite(scaled).all():
            raise ValueError("observations hold NaN or infinity")
        return np.asarray(scaled @ self._encoder[:, columns].T)

    def _look_up(self, field: PolicyField, numbers: NDArray[Any], column: int) -> Floats:
        """One-hots of numbers (A, N) times the encoder from `column` on, which picks N of its columns: (A, H)."""
        if ((numbers < 0) | (numbers >= field.choices)).any():
            raise ValueError(f"observation field {field.name!r} holds a number that is none of its {field.choices}")
        first = column + np.cumsum((0, *field.choices[:-1]))
        columns = numbers.astype(np.int64) + first
        return np.asarray((self._encoder.T[columns] * self._scale[columns, None]).sum(axis=1))


def load_policy(path: str | Path, seed: int = 0) -> NumpyPolicy:
    """Read a policy file and check all of it.

    seed: of the generator that draws actions. Raises PolicyError when the file is missing, damaged, of another
    format, or holds other tensors than its metadata promises.
    """
    try:
        import safetensors  # noqa: PLC0415 (comes with the extras that need it)
    except ImportError:
        raise PolicyError('reading a policy needs safetensors: pip install "puffer-envs[render]"') from None
    try:
        with safetensors.safe_open(str(path), framework="numpy") as file:
            info = _read_info(file.metadata() or {})
            tensors = _read_tensors(file, info)
    except FileNotFoundError:
        raise PolicyError(f"{path}: no such file.") from None
    except OSError as error:
        raise PolicyError(f"{path}: cannot be read ({error.strerror or error}).") from None
    except safetensors.SafetensorError as error:
        raise PolicyError(f"{path}: not a policy file, or a damaged one ({error}).") from None
    except PolicyError as error:
        raise PolicyError(f"{path}: {error}") from None
    return NumpyPolicy(info, tensors, seed)


def _mingru(x: Floats, state: Floats, weight: Floats) -> Floats:
    """One MinGRU layer (Feng et al. 2024, arXiv:2410.01201) with a highway gate. Updates `state` in place."""
    hidden, gate, highway = np.split(x @ weight.T, 3, axis=1)
    candidate = np.where(hidden >= 0, hidden + np.float32(0.5), _sigmoid(hidden))
    state += _sigmoid(gate) * (candidate - state)
    mix = _sigmoid(highway)
    return mix * state + (1 - mix) * x


def _sigmoid(x: Floats) -> Floats:
    """1 / (1 + exp(-x)), in the form that cannot overflow."""
    half = np.float32(0.5)
    return np.asarray(half * (1 + np.tanh(half * x)))


def _describe_actions(space: gymnasium.Space[Any]) -> tuple[str, tuple[int, ...]]:
    """(kind, sizes) of an action space, as the policy file states them."""
    if isinstance(space, gymnasium.spaces.Discrete):
        return "discrete", (int(space.n),)
    if isinstance(space, gymnasium.spaces.MultiDiscrete):
        return "discrete", tuple(int(n) for n in space.nvec)
    if isinstance(space, gymnasium.spaces.Box):
        return "box", (math.prod(space.shape),)
    return type(space).__name__, ()


def _describe_field(field: ObservationField) -> PolicyField:
    """An environment's field, as the policy file states it."""
    space = field.space
    choices: tuple[int, ...] = ()
    if isinstance(space, gymnasium.spaces.Discrete):
        choices = (int(space.n),)
    elif isinstance(space, gymnasium.spaces.MultiDiscrete):
        choices = tuple(int(n) for n in space.nvec.ravel())
    kind = "discrete" if choices else "box"
    return PolicyField(field.name, kind, field.start, str(field.dtype), tuple(field.shape), choices)


def _differing_field(mine: tuple[PolicyField, ...], given: tuple[PolicyField, ...]) -> str:
    """The first difference between two tuples of fields, as `what, not what`."""
    for field, other in zip(mine, given, strict=False):
        for name, value in vars(field).items():
            if value != vars(other)[name]:
                return f"the observation field {field.name!r} with {name} {value!r}, not {vars(other)[name]!r}"
    return f"{len(mine)} named observation fields, not {len(given)}"


def _expected_shapes(info: PolicyInfo) -> dict[str, tuple[int, ...]]:
    """Every tensor of a policy file with its shape."""
    shapes: dict[str, tuple[int, ...]] = {
        "input_scale": (info.inputs,),
        "encoder.weight": (info.hidden, info.inputs),
        "head.weight": (info.head_rows + 1, info.hidden),
    }
    for layer in range(info.layers):
        shapes[f"core.{layer}.weight"] = (3 * info.hidden, info.hidden)
    if info.action_kind == "box":
        shapes["log_std"] = (info.head_rows,)
    return shapes


def _read_tensors(file: Any, info: PolicyInfo) -> dict[str, Floats]:
    """All tensors, after checking that there are exactly the promised ones, in float32, and all finite."""
    shapes = _expected_shapes(info)
    names = set(file.keys())
    if names != set(shapes):
        missing, extra = sorted(set(shapes) - names), sorted(names - set(shapes))
        raise PolicyError(f"its tensors do not fit its metadata (missing: {missing[:4]}, unexpected: {extra[:4]}).")
    tensors = {}
    for name, shape in shapes.items():
        entry = file.get_slice(name)
        found = (tuple(entry.get_shape()), entry.get_dtype())
        if found != (shape, "F32"):
            raise PolicyError(f"tensor {name!r} is {found[1]} {found[0]}, expected F32 {shape}.")
        tensors[name] = np.ascontiguousarray(file.get_tensor(name))
        if not np.isfinite(tensors[name]).all():
            raise PolicyError(f"tensor {name!r} holds NaN or infinity.")
    return tensors


def _read_info(metadata: dict[str, str]) -> PolicyInfo:
    """Parse and check the metadata. Raises PolicyError naming the first field that is wrong."""
    if metadata.get("format") != FORMAT:
        raise PolicyError(f"its format is {metadata.get('format')!r}; this version reads {FORMAT!r}.")
    try:
        fields = json.loads(metadata.get("policy", ""))
    except (ValueError, RecursionError):
        raise PolicyError("its 'policy' metadata is not JSON.") from None
    if not isinstance(fields, dict):
        raise PolicyError("its 'policy' metadata is not a JSON object.")
    kind = _field(fields, "action_kind", lambda v: v in ("discrete", "box"))
    sizes = tuple(_field(fields, "action_sizes", lambda v: _is_list(v, _is_size) and v and sum(v) <= LARGEST_UNITS))
    if kind == "box" and len(sizes) != 1:
        raise PolicyError(f"metadata field 'action_sizes' is {list(sizes)}; box actions have one size.")
    low, high = (
        _bounds(fields, name, sizes[0]) if kind == "box" else np.zeros(0, np.float32)
        for name in ("action_low", "action_high")
    )
    if not (low <= high).all():
        raise PolicyError("metadata field 'action_low' exceeds 'action_high'.")
    shape = tuple(_field(fields, "observation_shape", lambda v: _is_list(v, _is_size) and len(v) <= 8))
    dtype = _field(fields, "observation_dtype", lambda v: v in ("uint8", "int8", "float32"))
    info = PolicyInfo(
        environment=_field(fields, "environment", lambda v: isinstance(v, str) and v),
        environment_version=_field(fields, "environment_version", lambda v: _is_integer(v) and v >= 0),
        observation_shape=shape,
        observation_dtype=dtype,
        observation_fields=_read_fields(fields.get("observation_fields", []), shape, dtype),
        action_kind=kind,
        action_sizes=sizes,
        action_low=low,
        action_high=high,
        hidden=_field(fields, "hidden", _is_size),
        layers=_field(fields, "layers", lambda v: _is_integer(v) and 0 <= v <= 1024),
        settings=_field(fields, "settings", _is_settings),
    )
    if max(info.inputs, math.prod(shape)) > LARGEST_UNITS:
        raise PolicyError(f"metadata field 'observation_shape' is {list(info.observation_shape)}: too large.")
    return info


def _read_fields(given: Any, shape: tuple[int, ...], dtype: str) -> tuple[PolicyField, ...]:
    """The fields of a structured observation; none in files of policies that read arrays."""
    if not _is_list(given, lambda v: isinstance(v, dict)):
        raise PolicyError(f"metadata field 'observation_fields' is {repr(given)[:60]}, which is not allowed.")
    if given and (dtype != "uint8" or len(shape) != 1):
        raise PolicyError("metadata field 'observation_fields' needs rows of uint8.")
    fields = tuple(_read_field(field) for field in given)
    for field in fields:
        if field.start + field.size > shape[0]:
            raise PolicyError(f"metadata field 'observation_fields' has {field.name!r} reach beyond the row.")
    return fields


def _read_field(given: dict[str, Any]) -> PolicyField:
    field = PolicyField(
        name=_field(given, "name", lambda v: isinstance(v, str) and v),
        kind=_field(given, "kind", lambda v: v in ("box", "discrete")),
        start=_field(given, "start", lambda v: _is_integer(v) and 0 <= v <= LARGEST_UNITS),
        dtype=_field(given, "dtype", lambda v: v in ("uint8", "int8", "int32", "float32")),
        shape=tuple(_field(given, "shape", lambda v: _is_list(v, _is_size) and len(v) <= 8)),
        choices=tuple(_field(given, "choices", lambda v: _is_list(v, _is_size))),
    )
    if len(field.choices) != (math.prod(field.shape) if field.kind == "discrete" else 0):
        raise PolicyError(f"metadata field 'choices' of {field.name!r} does not fit its kind and shape.")
    return field


def _field(fields: dict[str, Any], name: str, allowed: Any) -> Any:
    """One metadata field, or PolicyError when it is missing or not allowed."""
    if name not in fields:
        raise PolicyError(f"its metadata has no field {name!r}.")
    value = fields[name]
    if not allowed(value):
        raise PolicyError(f"metadata field {name!r} is {repr(value)[:60]}, which is not allowed.")
    return value


def _bounds(fields: dict[str, Any], name: str, size: int) -> Floats:
    """action_low or action_high as float32 (k,); infinities are allowed, NaN is not."""
    values = _field(fields, name, lambda v: _is_list(v, _is_number) and len(v) == size)
    with np.errstate(over="ignore"):
        return np.array(values, np.float64).astype(np.float32)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_size(value: Any) -> bool:
    return _is_integer(value) and 1 <= value <= LARGEST_UNITS


def _is_number(value: Any) -> bool:
    return (_is_integer(value) and abs(value) < 1 << 64) or (isinstance(value, float) and not math.isnan(value))


def _is_list(value: Any, item_allowed: Any) -> bool:
    return isinstance(value, list) and all(item_allowed(item) for item in value)


def _is_settings(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(v, (bool, str)) or _is_number(v) for v in value.values())

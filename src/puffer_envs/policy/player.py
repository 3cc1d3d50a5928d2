"""Play: read a policy file, and choose actions with what it holds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from puffer_envs.policy.cells import CELLS
from puffer_envs.policy.encoders import make_encoder
from puffer_envs.policy.info import Floats, PolicyError, PolicyField, PolicyInfo, read_info
from puffer_envs.policy.tensors import check_sum, read_tensors

if TYPE_CHECKING:  # players of native environments do without the vectorizers
    from puffer_envs.vector.layout import ObservationField


class NumpyPolicy:
    """A policy and the recurrent state of each row it plays. Made by `load_policy`."""

    def __init__(self, info: PolicyInfo, tensors: dict[str, Floats], seed: int = 0) -> None:
        self.info = info
        self._encoder = make_encoder(info, tensors)
        self._cell = CELLS[info.cell]
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
        outputs = self._forward(observations)[:, : self.info.head_rows]
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
        """Logits or means, and then the value: (A, K + V)."""
        if observations.shape[1:] != self.info.observation_shape:
            raise ValueError(
                f"observations have shape {observations.shape}; "
                f"this policy reads (rows, *{self.info.observation_shape})"
            )
        rows = len(observations)
        if self._state is not None and self._state.shape[1] != rows:
            raise ValueError(f"{rows} rows after {self._state.shape[1]}; call reset() to change the number")
        x = self._encoder(observations)
        if self._state is None:
            size = self._cell.state_size * self.info.hidden
            self._state = np.zeros((self.info.layers, rows, size), np.float32)
        for weight, state in zip(self._cores, self._state, strict=True):
            x = self._cell.step(x, state, weight)
        outputs: Floats = x @ self._head.T
        if not np.isfinite(outputs).all():
            raise ValueError("the policy's outputs overflow; its weights are too large")
        return outputs


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
            check_sum(Path(path), file.metadata() or {})
            info = read_info(file.metadata() or {})
            tensors = read_tensors(file, info)
    except FileNotFoundError:
        raise PolicyError(f"{path}: no such file.") from None
    except OSError as error:
        raise PolicyError(f"{path}: cannot be read ({error.strerror or error}).") from None
    except safetensors.SafetensorError as error:
        raise PolicyError(f"{path}: not a policy file, or a damaged one ({error}).") from None
    except PolicyError as error:
        raise PolicyError(f"{path}: {error}") from None
    return NumpyPolicy(info, tensors, seed)


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

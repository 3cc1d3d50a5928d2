"""Read a policy file and choose actions with it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import gymnasium
import numpy as np
from numpy.typing import NDArray

from puffer_envs.contract.actions import describe_actions
from puffer_envs.contract.observations import FieldSpec, ObservationField, describe_fields
from puffer_envs.contract.policy_file import PolicyFile, find_policy
from puffer_envs.contract.policy_info import PolicyError, PolicyInfo
from puffer_envs.contract.tensor_file import Floats
from puffer_envs.policy.network import Network, NumpyNetwork

NETWORKS = "puffer.networks"
"""Entry-point group: callables `open(path, file, networks) -> Network` for policies that NumPy cannot run."""

ACT_ELSEWHERE = ("predict", "forward", "step", "get_action", "sample", "compute_single_action")
"""What other libraries call `act`."""


class NumpyPolicy:
    """A policy and the recurrent state of each row it plays. Create it with `load_policy`."""

    def __init__(
        self, info: PolicyInfo, tensors: dict[str, Floats], seed: int = 0, network: Network | None = None
    ) -> None:
        """network: what computes the outputs; None for NumPy."""
        self.info = info
        self._network = network or NumpyNetwork(info, tensors)
        self._std = np.exp(tensors["log_std"]) if info.action_kind == "box" else None
        self._random = np.random.default_rng(seed)
        self._state: Floats | None = None

    def __repr__(self) -> str:
        return f"<policy for {self.info.environment}: {self.info.cell}, {self.info.layers} x {self.info.hidden} units>"

    if not TYPE_CHECKING:  # a type checker should refuse names that do not exist

        def __getattr__(self, name: str) -> NoReturn:
            hint = ": its name is `act`" if name in ACT_ELSEWHERE else ""
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{hint}", name=name, obj=self)

    def act(
        self,
        observations: NDArray[Any],
        deterministic: bool = False,
        action_masks: NDArray[np.bool_] | None = None,
        agent_mask: NDArray[np.bool_] | None = None,
        moving: NDArray[np.bool_] | None = None,
    ) -> NDArray[Any]:
        """Choose one action per row, and advance the recurrent state by one step.

        Args:
            observations: (A, *observation_shape).
            deterministic: choose the most likely action instead of sampling.
            action_masks: (A, sum of choices) bool, True for allowed discrete actions.
            agent_mask: (A,) bool, False for rows without an agent. An agent that comes back remembers nothing.
            moving: (A,) bool, False for rows that wait for their turn: the policy does not see this step of theirs, and
                their action is 0.

        Returns:
            Actions for `env.step`: int32 (A,) or (A, parts) if discrete, float32 (A, k) within its bounds if
            continuous.

        Raises:
            ValueError: the observations have another shape or number of rows, or are not finite.
        """
        if moving is not None:
            return self._act_where(moving, observations, deterministic, action_masks)
        outputs = self._forward(np.asarray(observations))[:, : self.info.head_rows]
        if agent_mask is not None:
            self.reset(~agent_mask)
        if self._std is not None:
            noise = 0.0 if deterministic else self._std * self._random.standard_normal(outputs.shape)
            actions = np.clip(outputs + noise + self.info.action_centre, self.info.action_low, self.info.action_high)
            return np.asarray(actions, np.float32)
        if action_masks is not None:
            outputs = np.where(action_masks, outputs, -np.inf)
        if not deterministic:
            # argmax(logits + Gumbel noise) is an exact draw from softmax(logits)
            outputs = outputs + self._random.gumbel(size=outputs.shape)
        parts = np.split(outputs, np.cumsum(self.info.action_sizes)[:-1], axis=1)
        choices = np.stack([part.argmax(axis=1) for part in parts], axis=1).astype(np.int32)
        return choices[:, 0] if len(parts) == 1 else choices

    def _act_where(
        self,
        moving: NDArray[np.bool_],
        observations: NDArray[Any],
        deterministic: bool,
        action_masks: NDArray[np.bool_] | None,
    ) -> NDArray[Any]:
        """Choose actions for some rows; the others' recurrent state stays as it is."""
        if not moving.any():
            discrete = np.int32 if self._std is None else np.float32
            parts = self.info.action_sizes[:1] if self._std is not None else (len(self.info.action_sizes),)
            shape = () if self._std is None and parts == (1,) else parts
            return np.zeros((len(observations), *shape), discrete)
        whole = self._network.initial_state(len(observations)) if self._state is None else self._state
        self._state = whole[:, moving]
        try:
            masks = None if action_masks is None else action_masks[moving]
            chosen = self.act(observations[moving], deterministic, masks)
            whole[:, moving] = self._state
        finally:
            self._state = whole
        actions = np.zeros((len(observations), *chosen.shape[1:]), chosen.dtype)
        actions[moving] = chosen
        return actions

    def keep(self, rows: NDArray[np.bool_]) -> None:
        """Play only these rows from now on. rows: (A,) bool."""
        if self._state is not None:
            self._state = self._state[:, rows]

    def reset(self, rows: NDArray[np.bool_] | None = None) -> None:
        """Reset the recurrent state.

        Args:
            rows: (A,) bool, True for the rows to reset. None: all rows; their number may then change.
        """
        if rows is None:
            self._state = None
        elif self._state is not None:
            self._state[:, rows] = 0.0

    def resume_from(self, other: NumpyPolicy) -> None:
        """Continue where another policy stands: with its draws, and its recurrent state where the sizes agree.

        For newer weights of the same training, in the middle of an episode.
        """
        self._random = other._random
        same_sizes = (self.info.cell, self.info.layers, self.info.hidden) == (
            other.info.cell,
            other.info.layers,
            other.info.hidden,
        )
        self._state = other._state if same_sizes else None

    def require(
        self,
        environment: str,
        observation_space: gymnasium.Space[Any],
        action_space: gymnasium.Space[Any],
        observation_fields: Sequence[ObservationField] | None = None,
    ) -> None:
        """Check that this policy can play an environment.

        Args:
            environment: name of the environment.
            observation_space: its `single_observation_space`.
            action_space: its `single_action_space`.
            observation_fields: its optional attribute of that name.

        Raises:
            PolicyError: it cannot; the message names the difference.
        """
        info = self.info
        if info.environment != environment:
            raise PolicyError(f"this policy was trained on {info.environment!r}, not on {environment!r}.")
        observations = (observation_space.shape, str(observation_space.dtype))
        if observations != (info.observation_shape, info.observation_dtype):
            raise PolicyError(
                f"this policy reads observations of shape {info.observation_shape} {info.observation_dtype}, but "
                f"{environment!r} gives {observations[0]} {observations[1]}; "
                f"make it with the settings of the training: {info.settings}."
            )
        try:
            given = describe_fields(observation_fields, observation_space) if observation_fields else ()
            actions = describe_actions(action_space)
        except ValueError as error:
            raise PolicyError(f"{environment!r} breaks the buffer contract: {error}.") from None
        if given != info.observation_fields:
            raise PolicyError(
                f"this policy reads {_differing_field(info.observation_fields, given)}; "
                f"make {environment!r} with the settings of the training: {info.settings}."
            )
        if (actions.kind, actions.sizes) != (info.action_kind, info.action_sizes):
            raise PolicyError(
                f"this policy chooses {info.action_kind} actions of sizes {info.action_sizes}, but {environment!r} "
                f"takes {actions.kind} actions of sizes {actions.sizes}; "
                f"make it with the settings of the training: {info.settings}."
            )

    def peek(
        self, observations: NDArray[Any], action_masks: NDArray[np.bool_] | None = None
    ) -> tuple[list[Floats], Floats]:
        """What `act` would choose from now; nothing is advanced or drawn.

        Args:
            observations: (A, *observation_shape).
            action_masks: (A, sum of choices) bool.

        Returns:
            For each part of an action the probabilities of its choices, (A, choices), or for continuous actions the
            means, (A, 1); and the values that the critic expects, (A,).

        Raises:
            ValueError: the observations are not finite, or their number has changed.
        """
        kept = self._state
        state = self.initial_state(len(observations)) if kept is None else kept.copy()
        outputs, values = self.evaluate(observations, state)
        if self._std is not None:
            means = np.clip(outputs + self.info.action_centre, self.info.action_low, self.info.action_high)
            return np.split(np.asarray(means, np.float32), means.shape[1], axis=1), values
        outputs = outputs if action_masks is None else np.where(action_masks, outputs, -np.inf)
        parts = np.split(outputs, np.cumsum(self.info.action_sizes)[:-1], axis=1)
        weights = [np.exp(part - part.max(axis=1, keepdims=True)) for part in parts]
        return [np.asarray(w / w.sum(axis=1, keepdims=True), np.float32) for w in weights], values

    def initial_state(self, rows: int) -> Floats:
        """The recurrent state at the start of an episode: zeros (L, rows, S)."""
        return self._network.initial_state(rows)

    def evaluate(self, observations: NDArray[Any], state: Floats) -> tuple[Floats, Floats]:
        """What the network says of rows whose recurrent state the caller keeps.

        Args:
            observations: (A, *observation_shape).
            state: (L, A, S), as `initial_state` makes it; it is advanced in place.

        Returns:
            Logits or means (A, K), and the values that the critic expects, (A,).

        Raises:
            ValueError: the outputs are not finite.
        """
        outputs = self._network.step(observations, state)
        if not np.isfinite(outputs).all():
            raise ValueError("the policy's outputs overflow: its weights are too large")
        actions, values = outputs[:, : self.info.head_rows], outputs[:, self.info.head_rows :]
        return actions, values[:, 0] if self.info.value_head == "scalar" else self._mean_bin(values)

    def _mean_bin(self, values: Floats) -> Floats:
        """The value that a distribution stands for: symexp of the mean bin (Hafner et al. 2023)."""
        weights = np.exp(values - values.max(axis=1, keepdims=True))
        bins = np.linspace(-self.info.value_limit, self.info.value_limit, self.info.value_bins, dtype=np.float32)
        mean = weights @ bins / weights.sum(axis=1)
        return np.asarray(np.sign(mean) * np.expm1(np.abs(mean)), np.float32)

    def _forward(self, observations: NDArray[Any]) -> Floats:
        """Return logits or means, then the value: (A, K + V)."""
        if observations.shape[1:] != self.info.observation_shape:
            raise ValueError(
                f"observations have shape {observations.shape}: this policy reads "
                f"(rows, {', '.join(map(str, self.info.observation_shape))})"
            )
        rows = len(observations)
        if self._state is not None and self._state.shape[1] != rows:
            raise ValueError(
                f"{rows} rows after {self._state.shape[1]}: the number must not change. Call reset() first"
            )
        state = self._network.initial_state(rows) if self._state is None else self._state
        outputs = self._network.step(observations, state)  # raises for observations that must not be seen
        self._state = state
        if not np.isfinite(outputs).all():
            raise ValueError("the policy's outputs overflow: its weights are too large")
        return outputs


def load_policy(path: str | Path, seed: int = 0, networks: Sequence[str] = ()) -> NumpyPolicy:
    """Read a policy file and check all of it.

    Args:
        path: path of the file, or of a run's folder.
        seed: seed of the generator that samples actions.
        networks: names (`module:Class`) of networks that may be imported. A policy with a network of the user's own
            is played by the package that trained it, which the entry-point group `puffer.networks` names.

    Raises:
        PolicyError: the file is missing, damaged, in another format, or has other tensors than its metadata says; or it
            has a network whose name was not given, or that nothing installed can run.
    """
    path = find_policy(path)
    file = PolicyFile.read(path)
    network = None if file.info.network is None else _offered_network(path, file, networks)
    return NumpyPolicy(file.info, file.tensors, seed, network)


def _offered_network(path: Path, file: PolicyFile, networks: Sequence[str]) -> Network:
    """Have a network run by the package that can: the others need not be installed."""
    offered = sorted(entry_points(group=NETWORKS), key=lambda entry: entry.name)
    assert file.info.network is not None
    if not offered:
        raise PolicyError(f"{path}: it has a network of its own, {file.info.network.name!r}, and nothing here runs it.")
    try:
        open_network = offered[0].load()
    except ModuleNotFoundError as error:
        raise PolicyError(
            f"{path}: it has a network of its own, {file.info.network.name!r}, and {error.name} is missing: pip "
            'install "puffer-envs[train]".'
        ) from error
    network: Network = open_network(path, file, networks)
    return network


def _differing_field(mine: tuple[FieldSpec, ...], given: tuple[FieldSpec, ...]) -> str:
    """Describe the first difference between two tuples of fields, as `what, not what`."""
    for field, other in zip(mine, given, strict=False):
        for name, value in vars(field).items():
            if value != vars(other)[name]:
                return f"the observation field {field.name!r} with {name} {value!r}, not {vars(other)[name]!r}"
    return f"{len(mine)} named observation fields, not {len(given)}"

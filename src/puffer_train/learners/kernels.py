"""The C kernels (c/learn): several times as fast as torch, on any number of threads.

Results depend neither on that number nor on the instruction set (AVX2 or AVX-512).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from puffer_envs.contract import BufferEnv
from puffer_train import _kernels
from puffer_train.algorithm.buffers import Buffers
from puffer_train.algorithm.loss import Scale
from puffer_train.config import TrainSettings
from puffer_train.kernels import FIGURES
from puffer_train.learners.fronts import describe_fronts, front_tensors, row_bytes, unsupported_front
from puffer_train.learners.protocol import BAD_OBSERVATIONS
from puffer_train.learners.shared import kernel_workers, row_bounds
from puffer_train.own_code import is_code
from puffer_train.policy import Policy
from puffer_train.policy.observations import StructuredObservations
from puffer_train.system.ranks import ALONE, Ranks

MAX_HIDDEN = 1024
"""Larger matrices do not fit into a cache; general libraries are faster there."""


Weights = tuple[NDArray[np.float32] | None, ...]
"""Parameters in the kernels' order."""


def unsupported_reason(policy: Policy, parts: Sequence[BufferEnv] = ()) -> str | None:
    """Return why the kernels cannot run all of this policy in an environment of these parts, or None when they can."""
    reason = unsupported_after_encoder(policy, parts)
    if reason is not None:
        return reason
    reason = unsupported_front(policy)
    if reason is not None:
        return reason
    if policy.spec.observation_dtype not in _kernels.NUMBERS:
        return f"observations are {policy.spec.observation_dtype}"
    return None


def unsupported_after_encoder(policy: Policy, parts: Sequence[BufferEnv] = ()) -> str | None:
    """Return why the kernels cannot run what follows the encoder, or None when they can."""
    if type(policy) is not Policy:
        return f"they run Policy, not its subclass {type(policy).__name__}"
    if policy.layers == 0:
        return "policy.layers is 0, and they have no policies without memory"
    if policy.settings.cell not in _kernels.CELLS:
        return f"they have no {policy.settings.cell} cell"
    if policy.hidden > MAX_HIDDEN:
        return f"policy.hidden {policy.hidden} is more than {MAX_HIDDEN}"
    if policy.hidden % 16:
        return f"policy.hidden {policy.hidden} is not a multiple of 16"
    for part in parts:
        for name in ("observations", "rewards", "terminals", "truncations"):
            flags = getattr(part, name).flags
            if not (flags.c_contiguous and flags.aligned):
                return f"the environment's {name} are not contiguous"
    return None


class KernelActor:
    """See `Actor`."""

    has_encoder = True
    """Whether the kernels run the encoder."""

    def __init__(
        self,
        rollout: Any,
        buffers: Buffers,
        policy: Policy,
        env: BufferEnv,
        state: Tensor,
        bounds: tuple[int, int],
        ranks: Ranks,
    ) -> None:
        self.first, self.last = bounds
        self.policy, self.state = policy, state[:, self.first : self.last]
        self.core = _kernels.Actor(rollout, env, state.numpy(), *bounds, ranks.rank * state.shape[1])
        self.key, self.horizon, self.observations = 0, buffers.horizon, buffers.observations

    def begin(self, generator: torch.Generator) -> None:
        """See `Actor.begin`: all parts of all ranks get the same key; rows differ by their number."""
        self.key = int(torch.randint(1 << 62, (1,), generator=generator))
        self._check_codes(self.observations[0, self.first : self.last])

    def act(self, t: int, greedy: bool = False) -> int:
        """See `Actor.act`."""
        return int(self.core.act(t, self.key + t, greedy))

    def store(self, t: int) -> int:
        """See `Actor.store`."""
        flags = int(self.core.store(t))
        if flags & BAD_OBSERVATIONS:
            self._check_codes(self.observations[t + 1, self.first : self.last])
        return flags

    def reset_state(self, t: int) -> None:
        """See `Actor.reset_state`."""
        self.core.reset_state(t)

    def value(self, observations: NDArray[Any], rows: NDArray[np.intp]) -> Tensor:
        """See `Actor.value`."""
        values = torch.zeros(len(rows))
        self._check_codes(torch.from_numpy(observations))
        flat = np.ascontiguousarray(observations.reshape(len(rows), -1))
        bad = self.core.value(flat, self.state[:, rows].numpy(), values.numpy())
        if bad >= 0:
            values[bad] = torch.nan
        return values

    def finish(self) -> None:
        """See `Actor.finish`."""
        self.core.look_ahead(self.horizon, self.state.clone(memory_format=torch.contiguous_format).numpy())

    def _check_codes(self, observations: Tensor) -> None:
        """Raise `ContractError` if a code in observations (n, *shape) is none: torch does so as it looks them up."""
        if self.has_encoder:
            self.policy.check(observations)


class KernelLearner:
    """See `Learner`."""

    work = "The C kernels run the whole network."
    has_encoder = True
    """Whether the kernels run the encoder."""
    actor: type[KernelActor] = KernelActor

    def __init__(
        self,
        policy: Policy,
        buffers: Buffers,
        parts: Sequence[BufferEnv],
        state: Tensor,
        train: TrainSettings,
        threads: int,
        ranks: Ranks = ALONE,
    ) -> None:
        self.policy, self.buffers, self.train = policy, buffers, train
        self.workers = kernel_workers(threads)
        self.core = make_core(policy, self.workers, buffers.horizon, self.has_encoder)
        self.rollout = _kernels.Rollout(self.core, _arrays(buffers))
        self.actors = [
            self.actor(self.rollout, buffers, policy, part, state, bounds, ranks)
            for part, bounds in zip(parts, row_bounds(parts), strict=True)
        ]
        self._parameters = self._tensors(lambda p: p.detach())
        for parameter in policy.parameters():
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        self._gradients = self._tensors(lambda p: p.grad)
        self.weights_changed()

    def _tensors(self, take: Any) -> Weights:
        return weights_of(self.policy, take, self.has_encoder)

    def weights_changed(self) -> None:
        """See `Learner.weights_changed`."""
        if self.policy.input_mean is not None and self.has_encoder:
            self.core.normalize(self.policy.input_mean.numpy(), self.policy.input_scale.numpy())
        self.core.pack(self._parameters)

    def gradient(
        self, sequences: Tensor, importance: Tensor, scale: Scale | None = None
    ) -> tuple[float, dict[str, float]]:
        """See `Learner.gradient`."""
        return self._gradient(self.rollout, sequences, importance, scale)

    def _gradient(
        self, rollout: Any, sequences: Tensor, importance: Tensor, scale: Scale | None
    ) -> tuple[float, dict[str, float]]:
        """Compute the gradient of the kernels' own parameters over some sequences of a rollout."""
        train = self.train
        length, figures = self.core.gradient(
            rollout,
            sequences.numpy(),
            importance.numpy(),
            self._gradients,
            train.normalize_advantages,
            train.refresh_advantages,
            train.clip,
            train.value_clip,
            train.value_coefficient,
            train.entropy_coefficient,
            None if scale is None else (scale.weight, scale.mean, scale.inverse_spread),
        )
        report = dict(zip(FIGURES, figures, strict=True))
        value, entropy = train.value_coefficient * report["value_loss"], train.entropy_coefficient * report["entropy"]
        return length, {"loss": report["policy_loss"] + value - entropy} | report

    def estimate_advantages(self, reward_factor: float) -> None:
        """See `Learner.estimate_advantages`."""
        train = self.train
        self.rollout.estimate_advantages(
            train.reward_scale * reward_factor,
            train.reward_clip,
            train.gamma,
            train.gae_lambda,
            train.refresh_advantages,
            train.rho_clip,
            train.trace_clip,
        )

    def torch_seconds(self, spent: Mapping[str, float]) -> float:
        """See `Learner.torch_seconds`: torch computes whole gradients where the loss is the user's."""
        return spent.get("gradient", 0.0) if is_code(self.train.loss) else 0.0


def make_core(policy: Policy, workers: Any, horizon: int, has_encoder: bool = True) -> _kernels.Learner:
    """Return the kernels' network for a policy, without its weights."""
    spec, continuous = policy.spec, policy.spec.action.kind == "box"
    return _kernels.Learner(
        workers,
        policy.settings.cell,
        len(policy.input_scale) if has_encoder else None,
        policy.hidden,
        policy.layers,
        None if continuous else spec.action.sizes,
        policy.action_scale.numpy() if continuous else None,
        policy.input_scale.numpy(),
        spec.observation_dtype if has_encoder else "float32",
        horizon,
        policy.value.outputs if policy.settings.value_head == "distribution" else 0,
        None if policy.input_mean is None or not has_encoder else policy.input_mean.numpy(),
        *(_parts(policy) if has_encoder else ()),
    )


def weights_of(policy: Policy, take: Any, has_encoder: bool = True) -> Weights:
    """Return `take` of each parameter, in the kernels' order."""
    mine = (policy.encoder if has_encoder else None, policy.core, policy.head, policy.log_std)
    fronts = front_tensors(policy, take) if has_encoder else []
    return (*(None if x is None else take(x).numpy() for x in mine), *fronts)


def _parts(policy: Policy) -> tuple[list[_kernels.Part] | None, int, list[_kernels.Front]]:
    """Return the parts of an observation, None if it is plain, its bytes, and what goes through convolutions."""
    fronts = describe_fronts(policy)
    if isinstance(policy.observations, StructuredObservations):
        return [part for field in policy.observations.fields for part in field.parts], row_bytes(policy), fronts
    return ([], row_bytes(policy), fronts) if fronts else (None, 0, [])


def _arrays(buffers: Buffers) -> dict[str, Any]:
    """Return the buffers in the kernels' layout: by name, observations flat."""
    arrays: dict[str, Any] = {
        name: tensor.numpy() for name, tensor in vars(buffers).items() if isinstance(tensor, Tensor)
    }
    for name in ("masks", "present"):
        arrays.setdefault(name, None)
    observations = arrays["observations"]
    return arrays | {"observations": observations.reshape(*observations.shape[:2], -1)}

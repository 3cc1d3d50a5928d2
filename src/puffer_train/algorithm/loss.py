"""The loss of proximal policy optimisation (Schulman et al. 2017), in torch; `c/learn/actions.h` has the same in C."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from puffer_train.config import TrainSettings
from puffer_train.errors import ConfigError, OwnCalls
from puffer_train.kernels import FIGURES
from puffer_train.own_code import is_code, load_code
from puffer_train.policy import Policy

ADVANTAGE_EPSILON = 1e-8
"""Keeps the normalisation of advantages finite where they are all equal."""


@dataclass(frozen=True)
class Scale:
    """How the samples of a minibatch are weighed, where more than one process has samples of it."""

    weight: float
    """Weight of one sample: one over their number."""
    mean: float
    """Mean of the advantages, which is subtracted from them."""
    inverse_spread: float
    """Factor of the advantages after that."""

    @classmethod
    def of(cls, moments: Tensor, *, normalize: bool) -> Scale:
        """Return the scale of samples whose advantages have these moments (3,)."""
        count, mean, squares = moments.tolist()
        count = max(count, 1.0)
        if not normalize:
            return cls(1 / count, 0.0, 1.0)
        return cls(1 / count, mean, 1 / (math.sqrt(squares / count) + ADVANTAGE_EPSILON))


@dataclass(kw_only=True)
class Played:
    """What PPO's loss needs to know about B sequences of T steps, besides the policy's current outputs."""

    actions: Tensor
    """(T, B, k): the actions taken."""
    masks: Tensor | None
    """(T, B, K) bool: which choices were allowed."""
    present: Tensor | None
    """(T, B) float: 0 where the row held no agent, else 1."""
    log_probs: Tensor
    """(T, B): the log-probability that the actions had."""
    values: Tensor
    """(T, B): the value estimated then."""
    advantages: Tensor
    """(T, B): how much better the actions were than expected."""
    importance: Tensor
    """(B,): undoes the bias of choosing some sequences more often; 1 where all are equally likely."""
    scale: Scale | None = None
    """Given where other processes have more of this minibatch; losses are then this part's share of the mean."""


@dataclass(kw_only=True)
class Minibatch(Played):
    """Also what the policy saw: all that your own loss may use."""

    observations: Tensor
    """(T, B, *shape): as the environment gave them."""
    first_state: Tensor
    """(L, B, S): the recurrent state before the first step."""
    keep: Tensor
    """(T, B): 0 where an episode starts and the recurrent state is reset, else 1."""


Loss = Callable[[Tensor, Minibatch, Policy, TrainSettings], tuple[Tensor, dict[str, float], Tensor]]
"""What `train.loss` names: a function of the arguments of `ppo_loss` that returns the same."""


def choose_loss(train: TrainSettings) -> Loss:
    """Return the loss that the settings name.

    Raises:
        ConfigError: It is the user's own and cannot be found.
    """
    if not is_code(train.loss):
        return ppo_loss
    own = load_code("train.loss", train.loss)

    def checked(
        output: Tensor, minibatch: Minibatch, policy: Policy, settings: TrainSettings
    ) -> tuple[Tensor, dict[str, float], Tensor]:
        with OwnCalls("train.loss", train.loss):
            result = own(output, minibatch, policy, settings)
        shape = tuple(minibatch.log_probs.shape)
        loss, report, ratio = result if isinstance(result, tuple) and len(result) == 3 else (None, None, None)
        if not isinstance(loss, Tensor) or loss.numel() != 1 or not loss.requires_grad:
            wrong = "a loss: one number that depends on the output"
        elif not isinstance(report, dict) or not all(isinstance(x, (int, float)) for x in report.values()):
            wrong = "a report: numbers by name"
        elif not isinstance(ratio, Tensor) or tuple(ratio.shape) != shape:
            wrong = f"the ratios of probabilities, a tensor {shape}"
        else:
            return loss, {key: float(value) for key, value in report.items()}, ratio.detach()
        raise ConfigError(f"train.loss {train.loss!r} must return what ppo_loss does, with {wrong}.")

    return checked


def ppo_loss(
    output: Tensor, minibatch: Played, policy: Policy, train: TrainSettings
) -> tuple[Tensor, dict[str, float], Tensor]:
    """Return the loss of output (K + V, T, B), the figures to report, and the ratios of probabilities (T, B).

    policy: mean of max(-A w, -A clip(w, 1 - e, 1 + e)) with w the ratio of probabilities; value: that of the policy's
    value head against A + V_old; total: policy + c_v value - c_e entropy.
    """
    present, scale = minibatch.present, minibatch.scale
    advantage = minibatch.advantages
    returns = advantage + minibatch.values

    def mean(x: Tensor) -> Tensor:
        if scale is not None:
            return (x if present is None else x * present).sum() * scale.weight
        return x.mean() if present is None else (x * present).sum() / present.sum().clamp_min(1.0)

    if scale is not None:
        advantage = (advantage - scale.mean) * scale.inverse_spread
    elif train.normalize_advantages:
        centred = advantage - mean(advantage)
        advantage = centred / (mean(centred.square()).sqrt() + ADVANTAGE_EPSILON)
    advantage = advantage * minibatch.importance

    log_prob, entropy = policy.evaluate_actions(output, minibatch.actions, minibatch.masks)
    log_ratio = log_prob - minibatch.log_probs
    ratio = log_ratio.exp()
    clipped_ratio = ratio.clamp(1 - train.clip, 1 + train.clip)
    policy_loss = mean(torch.maximum(-advantage * ratio, -advantage * clipped_ratio))

    value_rows = output[policy.spec.action.outputs :]
    value_loss = mean(policy.value.loss(value_rows, returns, minibatch.values, train.value_clip))

    mean_entropy = mean(entropy)
    loss = policy_loss + train.value_coefficient * value_loss - train.entropy_coefficient * mean_entropy

    with torch.no_grad():
        outside = ((ratio - 1).abs() > train.clip).to(torch.float32)
        watched = [mean(x) for x in (-log_ratio, ratio - 1 - log_ratio, outside, ratio)]
        numbers = torch.stack([loss, policy_loss, value_loss, mean_entropy, *watched]).tolist()
    return loss, dict(zip(("loss", *FIGURES), numbers, strict=True)), ratio.detach()

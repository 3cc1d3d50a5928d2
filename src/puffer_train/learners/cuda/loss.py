"""The loss of `loss.ppo_loss` without reading anything back, for what has no kernel: continuous actions, value bins."""

from __future__ import annotations

import torch
from torch import Tensor

from puffer_train.algorithm.loss import Played
from puffer_train.config import TrainSettings
from puffer_train.policy import Policy


def differentiable_loss(
    policy: Policy, output: Tensor, minibatch: Played, moments: Tensor, train: TrainSettings
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the loss (), the ratios (T, B) and the figures (7,) of `operations.ppo_loss`, whose arguments these are.

    output (K + V, T, B) may belong to any policy. The loss is differentiable in it and in the policy's parameters.
    """
    share = moments[2] if minibatch.present is None else moments[2] * minibatch.present

    def mean(x: Tensor) -> Tensor:
        return (x * share).sum()

    log_prob, entropy = policy.evaluate_actions(output, minibatch.actions, minibatch.masks)
    log_ratio = log_prob - minibatch.log_probs
    ratio = log_ratio.exp()
    scaled = (minibatch.advantages - moments[0]) * moments[1] * minibatch.importance
    clipped = ratio.clamp(1 - train.clip, 1 + train.clip)
    policy_loss = mean(torch.maximum(-scaled * ratio, -scaled * clipped))

    rows, returns = output[policy.spec.action.outputs :], minibatch.advantages + minibatch.values
    value_loss = mean(policy.value.loss(rows, returns, minibatch.values, train.value_clip))
    mean_entropy = mean(entropy)
    loss = policy_loss + train.value_coefficient * value_loss - train.entropy_coefficient * mean_entropy

    outside = ((ratio - 1).abs() > train.clip).to(torch.float32)
    watched = [mean(x) for x in (-log_ratio, ratio - 1 - log_ratio, outside, ratio)]
    figures = torch.stack([policy_loss, value_loss, mean_entropy, *watched])
    return loss, ratio.detach(), figures.detach()

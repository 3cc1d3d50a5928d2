"""How much better an action was than expected: generalised advantage estimation with V-trace's clips.

Sources: Schulman et al. 2016 (GAE), Espeholt et al. 2018 (IMPALA, V-trace).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from puffer_train.config import TrainSettings
from puffer_train.errors import ConfigError, OwnCalls
from puffer_train.own_code import is_code, load_code


def advantages(
    rewards: Tensor,
    values: Tensor,
    next_values: Tensor,
    ends: Tensor,
    *,
    gamma: float,
    lam: float,
    ratios: Tensor | None = None,
    rho_clip: float = 1.0,
    trace_clip: float = 1.0,
) -> Tensor:
    """Return the advantages (T, A) of T transitions of A agents, all arguments (T, A) float32.

    next_values is the value of the observation that *this* transition led to: 0 where it was terminal, the
    value of the episode's true last observation where it was truncated, never that of the restarted
    episode. ends is 1 where the episode ended either way, else 0: there the trace is cut. With w the ratio
    of new to old probability:

        delta_t = min(w_t, rho_clip) (r_t + gamma next_value_t - value_t)
        A_t     = delta_t + gamma lam min(w_t, trace_clip) (1 - end_t) A_{t+1}

    Without ratios w is 1 and this is plain GAE.
    """
    result = torch.add(rewards, next_values, alpha=gamma).sub_(values)
    carry = (1 - ends).mul_(gamma * lam)
    if ratios is not None:
        result.mul_(ratios.clamp(max=rho_clip))
        carry.mul_(ratios.clamp(max=trace_clip))
    for t in range(len(result) - 2, -1, -1):
        result[t].addcmul_(carry[t], result[t + 1])
    return result


def own_advantage(train: TrainSettings) -> Callable[..., Tensor] | None:
    """Return the user's own estimate, a function of the arguments of `advantages`, or None.

    Raises:
        ConfigError: It cannot be found.
    """
    if not is_code(train.advantage):
        return None
    own = load_code("train.advantage", train.advantage)

    def checked(rewards: Tensor, *arguments: Tensor, **keywords: object) -> Tensor:
        with OwnCalls("train.advantage", train.advantage):
            result = own(rewards, *arguments, **keywords)
        if not isinstance(result, Tensor) or result.shape != rewards.shape:
            raise ConfigError(f"train.advantage {train.advantage!r} must return a tensor {tuple(rewards.shape)}.")
        return result

    return checked

"""The kernels as functions of tensors: what each takes, gives back, and how it is divided among programs.

Every function allocates its results, launches one kernel and returns without waiting for it, so all of them may be
recorded into a CUDA graph. Tensors must be on the GPU (or on the processor under `TRITON_INTERPRET=1`).
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any, cast

import torch
from torch import Tensor

from puffer_envs.contract.actions import ActionSpec
from puffer_train.algorithm.loss import ADVANTAGE_EPSILON, Played
from puffer_train.config import TrainSettings
from puffer_train.errors import ConfigError
from puffer_train.kernels import FIGURES

COLUMNS = 64
"""Columns of a scan per program: few, as 8,192 of them must fill more than a hundred multiprocessors."""

COLUMN_WARPS = 2
"""Warps for them: one column per thread."""

LSTM_ROWS = 16
"""Rows of an LSTM per program: the fewest that a tensor core multiplies at once."""

LSTM_CHUNK = 32
"""Units of an LSTM computed together, at most: with 64, registers spill into memory."""

LSTM_WARPS = 8

TILE = 512
"""Logits per program of the categorical kernels: 4 per thread."""


@functools.cache
def kernels() -> ModuleType:
    """Return the module with the kernels. Raises `ConfigError` where Triton is missing."""
    try:
        from puffer_train.learners.cuda import triton_kernels  # noqa: PLC0415  (Triton is loaded only where it is used)
    except ImportError as error:
        raise ConfigError(
            "training on a GPU needs Triton, which PyTorch for CUDA includes on Linux: pip install triton "
            "(on Windows: triton-windows), or train with --learner auto."
        ) from error
    return triton_kernels


def _programs(elements: int, block: int) -> tuple[int]:
    return (-(-elements // block),)


class _MinGRUScan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor, x: Tensor, first_state: Tensor, keep: Tensor | None) -> Tensor:
        steps, rows, hidden = x.shape
        z, x = z.contiguous(), x.contiguous()
        states = x.new_empty((steps + 1, rows, hidden), dtype=torch.float32)
        states[0] = first_state
        out = torch.empty_like(x)
        columns = rows * hidden
        kernels().mingru_forward[_programs(columns, COLUMNS)](
            *(z, x, keep, states, out, steps, columns, hidden, columns),
            HAS_KEEP=keep is not None,
            BLOCK=COLUMNS,
            num_warps=COLUMN_WARPS,
        )
        ctx.save_for_backward(z, x, states, *(() if keep is None else (keep,)))
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None]:
        z, x, states, *keep = ctx.saved_tensors
        steps, rows, hidden = x.shape
        grad_z, grad_x = torch.empty_like(z), torch.empty_like(x)
        columns = rows * hidden
        kernels().mingru_backward[_programs(columns, COLUMNS)](
            *(z, x, keep[0] if keep else None, states, gradients[0].contiguous(), grad_z, grad_x),
            *(steps, columns, hidden),
            HAS_KEEP=bool(keep),
            BLOCK=COLUMNS,
            num_warps=COLUMN_WARPS,
        )
        return grad_z, grad_x, None, None


def mingru_scan(z: Tensor, x: Tensor, first_state: Tensor, keep: Tensor | None = None) -> Tensor:
    """The part of a MinGRU layer after its multiplication, over time: `policy.MinGRUScan` defines it.

    z (T, B, 3H), x (T, B, H), first_state (B, H); keep (T, B) float is 0 where the state is reset before that step.
    Returns (T, B, H), differentiable in z and x.
    """
    if keep is not None:
        keep = keep.contiguous()
    return cast(Tensor, _MinGRUScan.apply(z, x, first_state, keep))  # type: ignore[no-untyped-call]


def mingru_step(z: Tensor, x: Tensor, state: Tensor) -> Tensor:
    """The same for one step, for acting: z (B, 3H), x (B, H); the state (B, H) is updated in place. Returns (B, H)."""
    z, x, out = z.contiguous(), x.contiguous(), torch.empty_like(x, memory_format=torch.contiguous_format)
    columns, hidden = x.numel(), x.shape[1]
    kernels().mingru_forward[_programs(columns, COLUMNS)](
        *(z, x, None, state, out, 1, columns, hidden, 0),
        HAS_KEEP=False,
        BLOCK=COLUMNS,
        num_warps=COLUMN_WARPS,
    )
    return out


class _LSTMScan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor, weight: Tensor, first_state: Tensor, keep: Tensor | None) -> Tensor:
        z, weight = z.contiguous(), weight.contiguous()
        gates, hs, cs = _lstm_forward(z, weight, first_state, keep)
        ctx.save_for_backward(gates, weight, hs, cs, *(() if keep is None else (keep,)))
        return hs[1:]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None]:
        gates, weight, hs, cs, *keep = ctx.saved_tensors
        steps, rows, hidden = len(gates), gates.shape[1], weight.shape[1]
        grad_z, later = torch.empty_like(gates), gates.new_zeros(2, rows, hidden)
        kernels().lstm_backward[_programs(rows, LSTM_ROWS)](
            *(gates, weight, keep[0] if keep else None, cs, gradients[0].contiguous(), grad_z, *later),
            *(steps, rows, hidden),
            HAS_KEEP=bool(keep),
            ROWS=LSTM_ROWS,
            num_warps=LSTM_WARPS,
            CHUNK=_chunk(hidden),
        )
        before = hs[:-1] * keep[0].unsqueeze(-1) if keep else hs[:-1]
        return grad_z, grad_z.flatten(0, 1).T @ before.flatten(0, 1), None, None


def _chunk(hidden: int) -> int:
    return min(LSTM_CHUNK, max(16, 1 << (hidden - 1).bit_length()))


def _lstm_forward(z: Tensor, weight: Tensor, first_state: Tensor, keep: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Return gates (T, B, 4H), and h and c (T + 1, B, H) each, the first state included."""
    steps, rows, hidden = len(z), z.shape[1], weight.shape[1]
    hs, cs = z.new_empty(2, steps + 1, rows, hidden)
    hs[0], cs[0] = first_state[:, :hidden], first_state[:, hidden:]
    gates = torch.empty_like(z)
    kernels().lstm_forward[_programs(rows, LSTM_ROWS)](
        *(z, weight, keep, gates, hs, cs, steps, rows, hidden),
        HAS_KEEP=keep is not None,
        ROWS=LSTM_ROWS,
        num_warps=LSTM_WARPS,
        CHUNK=_chunk(hidden),
    )
    return gates, hs, cs


def lstm_scan(z: Tensor, weight: Tensor, first_state: Tensor, keep: Tensor | None = None) -> Tensor:
    """An LSTM layer after the multiplication of its input, over time: `policy.LSTMScan` defines it.

    z (T, B, 4H), what x adds to the gates; weight (4H, H), for what h adds; first_state (B, 2H), h and c; keep (T, B)
    float is 0 where the state is reset before that step. Returns h (T, B, H), differentiable in z and weight.
    """
    if keep is not None:
        keep = keep.contiguous()
    return cast(Tensor, _LSTMScan.apply(z, weight, first_state, keep))  # type: ignore[no-untyped-call]


def lstm_step(z: Tensor, weight: Tensor, state: Tensor) -> Tensor:
    """The same for one step, for acting: z (B, 4H); the state (B, 2H) is updated in place. Returns h (B, H)."""
    _, hs, cs = _lstm_forward(z.unsqueeze(0).contiguous(), weight.contiguous(), state, None)
    hidden = weight.shape[1]
    state[:, :hidden], state[:, hidden:] = hs[1], cs[1]
    return hs[1]


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
    """Return what `advantage.advantages` returns: (T, A) from tensors of (T, A) float32."""
    steps, agents = rewards.shape
    out = torch.empty_like(rewards)
    kernels().advantages[_programs(agents, COLUMNS)](
        *(rewards, values, next_values, ends, ratios, out, steps, agents, gamma, lam, rho_clip, trace_clip),
        HAS_RATIOS=ratios is not None,
        BLOCK=COLUMNS,
        num_warps=COLUMN_WARPS,
    )
    return out


class CategoricalLayout:
    """Which outputs are whose: the places of the logits of one or several discrete actions, on the device."""

    def __init__(self, action: ActionSpec, device: torch.device) -> None:
        places = [0]
        for size in action.sizes:
            places.append(places[-1] + size)
        self.starts = torch.tensor(places, dtype=torch.int32, device=device)
        """(k + 1,): where each action's logits begin, and where the last one's end."""
        self.choices, self.dimensions = action.outputs, action.dimensions
        self.widest = 1 << (max(action.sizes) - 1).bit_length()
        self.block = max(1, TILE // self.widest)


def sample_categorical(
    layout: CategoricalLayout,
    output: Tensor,
    value: Tensor,
    masks: Tensor | None,
    key: Tensor,
    slot: Tensor,
    first_agent: int,
    actions: Tensor,
    log_probs: Tensor,
    values: Tensor,
    valid: Tensor,
    greedy: bool = False,
) -> None:
    """Draw actions for the B agents from `first_agent` on (or take the likeliest) and store them in slot `slot`.

    output (K + V, B), of which the K logits are used; value (B,); masks (B, K) bool; key (1,) and slot (1,) int64, from
    which the random numbers come. Written: actions (T, A, k) int64, log_probs and values (T, A) float32, valid (T, A)
    bool. Where a logit or the value of an agent is not finite, valid is False, the value stored is 0 and every allowed
    choice equally likely.
    """
    output, value = output.contiguous(), value.contiguous()
    masks = None if masks is None else masks.contiguous()
    kernels().sample_categorical[_programs(len(value), layout.block)](
        *(output, value, masks, layout.starts, key, slot, actions, log_probs, values, valid),
        *(len(value), log_probs.shape[1], first_agent, layout.choices, layout.dimensions),
        GREEDY=greedy,
        HAS_MASKS=masks is not None,
        WIDEST=layout.widest,
        BLOCK=layout.block,
    )


def advantage_moments(advantage: Tensor, present: Tensor | None, normalize: bool) -> Tensor:
    """Return what `ppo_loss` needs to know about all advantages (T, B) of a minibatch: mean, 1 / spread, 1 / count."""
    weights = torch.ones_like(advantage) if present is None else present
    share = weights / weights.sum().clamp_min(1.0)
    mean = (advantage * share).sum()
    spread = ((advantage - mean).square() * share).sum().sqrt()
    inverse = 1 / (spread + ADVANTAGE_EPSILON)
    if not normalize:
        mean, inverse = torch.zeros_like(mean), torch.ones_like(inverse)
    return torch.stack([mean, inverse, 1 / weights.sum().clamp_min(1.0)])


def ppo_loss(
    layout: CategoricalLayout, output: Tensor, minibatch: Played, moments: Tensor, train: TrainSettings
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradient of the loss in `output`, the probability ratios (T, B), and the means of `FIGURES`: (7,).

    output (K + 1, T, B) are logits and value, moments (3,) is `advantage_moments`. The loss is that of `loss.ppo_loss`.
    """
    output = output.contiguous()
    elements, rows = minibatch.values.numel(), minibatch.importance.numel()
    grad, ratios = torch.empty_like(output), torch.empty_like(minibatch.values)
    programs = _programs(elements, layout.block)
    sums = output.new_empty((*programs, len(FIGURES) + 1), dtype=torch.float32)
    kernels().ppo_loss[programs](
        *(output, minibatch.masks, layout.starts, minibatch.actions, minibatch.log_probs, minibatch.values),
        *(minibatch.advantages, minibatch.importance, minibatch.present, moments, grad, ratios, sums),
        *(elements, rows, layout.choices, layout.dimensions),
        *(train.clip, train.value_clip, train.value_coefficient, train.entropy_coefficient),
        HAS_MASKS=minibatch.masks is not None,
        HAS_PRESENT=minibatch.present is not None,
        CLIP_VALUES=train.value_clip > 0,
        WIDEST=layout.widest,
        BLOCK=layout.block,
    )
    return grad, ratios, sums.sum(0)[: len(FIGURES)]

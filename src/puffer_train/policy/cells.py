"""Recurrent layers: what a policy remembers from step to step.

MinGRU (Feng et al. 2024, "Were RNNs all we needed?", with a highway gate); state s (H):

    h, g, p = split(W x)                                W (3H, H)
    c = h + 0.5 if h >= 0 else sigmoid(h)               the candidate, always positive
    s = (1 - sigmoid(g)) s + sigmoid(g) c               the state: a weighted mean of candidates
    x = sigmoid(p) s + (1 - sigmoid(p)) x               the output: state and input, mixed

The gates depend on the input alone, so training computes them for all time steps in one multiplication, and
only the recursion of `s` walks through time.

LSTM (Hochreiter & Schmidhuber 1997; forget gate of Gers et al. 2000); state h and c, side by side (2H):

    i, f, g, o = split(W [x, h])                        W (4H, 2H)
    c = sigmoid(f + 1) c + sigmoid(i) tanh(g)           the 1 lets a new network remember rather than forget
    h = sigmoid(o) tanh(c)                              also the output

Only the half of W for x can be multiplied for all time steps at once.

Both sequences are written as their own gradient: autograd would record many small operations per time step,
where forward and backward here take a few, and all else is done for all steps at once. A first state gets no
gradient: training does not reach back beyond the start of a sequence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn


class Resets:
    """Where new episodes start within a batch of sequences; without `keep` (T, B), nowhere."""

    def __init__(self, keep: Tensor | None) -> None:
        self.keep = keep
        self.steps: Sequence[int] = ()
        """The steps before which some row may be reset. Most steps have none, and cost a processor nothing.

        Finding them would mean waiting for a GPU: there, all steps are masked."""
        if keep is not None:
            on_cpu = keep.device.type == "cpu"
            self.steps = (keep.amin(1) < 1).nonzero().squeeze(1).tolist() if on_cpu else range(len(keep))

    def apply(self, state: Tensor, t: int) -> Tensor:
        """Return the state (B, S) with the rows zeroed that start a new episode at step t."""
        return state * self.keep[t].unsqueeze(-1) if self.keep is not None and t in self.steps else state

    def apply_to_all(self, states: Tensor) -> None:
        """Zero in place the rows of states (T, B, S) before each step that start a new episode there."""
        if isinstance(self.steps, range) and self.keep is not None:
            states.mul_(self.keep.unsqueeze(-1))
            return
        for t in self.steps:
            states[t] = self.apply(states[t], t)


class Cell(Protocol):
    """A kind of recurrent layer."""

    def weight_shape(self, hidden: int) -> tuple[int, int]:
        """Return the shape of one layer's only matrix."""
        ...

    def state_size(self, hidden: int) -> int:
        """Return S, the numbers that one layer remembers of one row."""
        ...

    def next(self, x: Tensor, state: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        """One time step of x (B, H) from state (B, S): the output (B, H) and the next state."""
        ...

    def step(self, x: Tensor, state: Tensor, weight: Tensor) -> Tensor:
        """One time step of x (B, H) without gradient; state (B, S) is updated in place. Returns (B, H)."""
        x, after = self.next(x, state, weight)
        state.copy_(after)
        return x

    def sequence(self, x: Tensor, first_state: Tensor, weight: Tensor, resets: Resets) -> Tensor:
        """All time steps of x (T, B, H) from first_state (B, S) on: (T, B, H)."""
        ...


class MinGRU(Cell):
    """The gates of a layer see only its input."""

    def weight_shape(self, hidden: int) -> tuple[int, int]:
        """h, g and p of x."""
        return 3 * hidden, hidden

    def state_size(self, hidden: int) -> int:
        """Return the size of s."""
        return hidden

    def next(self, x: Tensor, state: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        """One time step of x (B, H) from s (B, H): the output (B, H) and the next s."""
        z = x @ weight.T
        candidate, update, mix = _blocks(torch.sigmoid(z), 3)
        candidate = candidate.clamp(max=0.5) + _blocks(z, 3)[0].clamp(min=0)  # h + 0.5 if h >= 0 else sigmoid(h)
        state = torch.lerp(state, candidate, update)
        return torch.lerp(x, state, mix), state

    def sequence(self, x: Tensor, first_state: Tensor, weight: Tensor, resets: Resets) -> Tensor:
        """All time steps of x (T, B, H) from s = first_state (B, H) on: (T, B, H)."""
        z = nn.functional.linear(x, weight)
        return cast(Tensor, MinGRUScan.apply(z, x, first_state, resets))  # type: ignore[no-untyped-call]


class MinGRUScan(torch.autograd.Function):
    """The part of a MinGRU layer after its multiplication, over time: z (T, B, 3H), x (T, B, H) -> (T, B, H)."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, x: Tensor, first_state: Tensor, resets: Resets) -> Tensor:
        """Return the outputs (T, B, H)."""
        gates = torch.sigmoid(z)
        candidate, update, mix = _blocks(gates, 3)
        candidate.clamp_(max=0.5).add_(_blocks(z, 3)[0].clamp(min=0))  # h + 0.5 if h >= 0 else sigmoid(h)
        states = torch.empty_like(x)
        before = first_state
        for t in range(len(x)):
            before = resets.apply(before, t)
            torch.lerp(before, candidate[t], update[t], out=states[t])
            before = states[t]
        ctx.save_for_backward(gates, states, x, first_state)
        ctx.resets = resets
        return torch.lerp(x, states, mix)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None]:
        """Return the gradients of z and x, given that of the outputs."""
        gates, states, x, first_state = ctx.saved_tensors
        (grad,) = gradients
        candidate, update, mix = _blocks(gates, 3)
        before = torch.cat([first_state.unsqueeze(0), states[:-1]])
        carry = 1 - update
        ctx.resets.apply_to_all(before)
        ctx.resets.apply_to_all(carry)

        grad_state = grad * mix
        for t in range(len(x) - 2, -1, -1):
            grad_state[t].addcmul_(grad_state[t + 1], carry[t + 1])

        grad_z = torch.empty_like(gates)
        grad_candidate, grad_update, grad_mix = _blocks(grad_z, 3)
        torch.mul(grad_state, update, out=grad_candidate)
        # d candidate / d h is 1 above zero, where the candidate is at least 0.5, else the sigmoid's slope
        grad_candidate.mul_(torch.where(candidate < 0.5, candidate * (1 - candidate), 1.0))
        torch.mul(grad_state, candidate - before, out=grad_update)
        grad_update.mul_(update).mul_(1 - update)
        torch.mul(grad, states - x, out=grad_mix)
        grad_mix.mul_(mix).mul_(1 - mix)
        return grad_z, grad * (1 - mix), None, None


class LSTM(Cell):
    """The gates of a layer see its input and its last output."""

    def weight_shape(self, hidden: int) -> tuple[int, int]:
        """i, f, g and o of x and h."""
        return 4 * hidden, 2 * hidden

    def state_size(self, hidden: int) -> int:
        """Return the size of h and c together."""
        return 2 * hidden

    def next(self, x: Tensor, state: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        """One time step of x (B, H) from h and c, together (B, 2H): the output, which is h, and the next h and c."""
        h, c = _blocks(state, 2)
        i, f, g, o = _blocks(torch.cat([x, h], -1) @ weight.T, 4)
        c = torch.sigmoid(f + 1) * c + torch.sigmoid(i) * _tanh(g)
        h = torch.sigmoid(o) * _tanh(c)
        return h, torch.cat([h, c], -1)

    def sequence(self, x: Tensor, first_state: Tensor, weight: Tensor, resets: Resets) -> Tensor:
        """All time steps of x (T, B, H) from h and c = first_state (B, 2H) on: (T, B, H)."""
        for_x, for_h = _blocks(weight, 2)
        z = nn.functional.linear(x, for_x)
        return cast(Tensor, LSTMScan.apply(z, for_h, first_state, resets))  # type: ignore[no-untyped-call]


class LSTMScan(torch.autograd.Function):
    """An LSTM layer after the multiplication of its input, over time.

    z (T, B, 4H), what x adds to the gates; weight (4H, H), for what h adds -> (T, B, H).
    """

    @staticmethod
    def forward(ctx: Any, z: Tensor, weight: Tensor, first_state: Tensor, resets: Resets) -> Tensor:
        """Return h of every step (T, B, H)."""
        first_h, first_c = _blocks(first_state, 2)
        gates = torch.empty_like(z)
        hs, cs = torch.empty_like(z[..., : len(weight) // 4]), torch.empty_like(z[..., : len(weight) // 4])
        h, c = first_h, first_c
        for t in range(len(z)):
            h, c = resets.apply(h, t), resets.apply(c, t)
            torch.addmm(z[t], h, weight.T, out=gates[t])
            i, f, g, o = _blocks(_activate(gates[t]), 4)
            torch.addcmul(i * g, f, c, out=cs[t])
            torch.mul(o, _tanh(cs[t]), out=hs[t])
            h, c = hs[t], cs[t]
        ctx.save_for_backward(gates, hs, cs, weight, first_state)
        ctx.resets = resets
        return hs

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None]:
        """Return the gradients of z and of the weight, given that of h."""
        gates, hs, cs, weight, first_state = ctx.saved_tensors
        i, f, g, o = _blocks(gates, 4)
        before_h, before_c = (
            torch.cat([first.unsqueeze(0), states[:-1]])
            for first, states in zip(_blocks(first_state, 2), (hs, cs), strict=True)
        )
        ctx.resets.apply_to_all(before_h)
        ctx.resets.apply_to_all(before_c)
        out = _tanh(cs)
        # For every step at once: what a gradient of c is multiplied with to be one of z's blocks, or of c before.
        slopes = torch.cat([g * i * (1 - i), before_c * f * (1 - f), i * (1 - g * g)], -1)
        slope_o, h_to_c = out * o * (1 - o), o * (1 - out * out)

        grad_z, (grad_h,) = torch.empty_like(gates), gradients
        hidden = grad_h.shape[-1]
        later_h, later_c = _blocks(torch.zeros_like(first_state), 2)
        for t in range(len(gates) - 1, -1, -1):
            dh = grad_h[t] + later_h
            dc = torch.addcmul(later_c, dh, h_to_c[t])
            torch.mul(slopes[t], dc.repeat(1, 3), out=grad_z[t, :, : 3 * hidden])
            torch.mul(slope_o[t], dh, out=grad_z[t, :, 3 * hidden :])
            later_h, later_c = ctx.resets.apply(grad_z[t] @ weight, t), ctx.resets.apply(dc * f[t], t)
        return grad_z, grad_z.flatten(0, 1).T @ before_h.flatten(0, 1), None, None


CELLS: dict[str, Cell] = {"mingru": MinGRU(), "lstm": LSTM()}


def _activate(z: Tensor) -> Tensor:
    """Return sigmoid(i), sigmoid(f + 1), tanh(g) and sigmoid(o) of z (B, 4H), which is overwritten.

    tanh(g) = 2 sigmoid(2g) - 1, so one sigmoid does for all: torch's tanh takes several times as long.
    """
    _, f, g, _ = _blocks(z, 4)
    f.add_(1)
    g.mul_(2)
    z.sigmoid_()
    g.mul_(2).sub_(1)
    return z


def _tanh(x: Tensor) -> Tensor:
    """Return tanh(x), by torch's much faster sigmoid."""
    return torch.sigmoid(2 * x).mul_(2).sub_(1)


def _blocks(tensor: Tensor, number: int) -> list[Tensor]:
    """Return views of the equal blocks (..., H) of (..., number * H)."""
    size = tensor.shape[-1] // number
    return [tensor[..., i * size : (i + 1) * size] for i in range(number)]

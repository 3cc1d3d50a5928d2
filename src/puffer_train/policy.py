"""The network: a linear encoder, a stack of MinGRU layers, and one head for actions and value.

Nothing has a bias, so that the whole policy is three kinds of matrices, which Muon trains well and NumPy
can run from an exported file. One MinGRU layer (Feng et al. 2024, "Were RNNs all we needed?", with a
highway gate):

    h, g, p = split(W x)
    c = h + 0.5 if h >= 0 else sigmoid(h)               the candidate, always positive
    s = (1 - sigmoid(g)) s + sigmoid(g) c               the state: a weighted mean of candidates
    x = sigmoid(p) s + (1 - sigmoid(p)) x               the output: state and input, mixed

The gates depend on the input alone, so training computes them for all time steps in one multiplication, and
only the two-line recursion of `s` walks through time.

Outputs are laid out (outputs, ...) rather than (..., outputs): sums over the few choices of an action then
run along contiguous memory. Rows 0 to K-1 are logits or Gaussian means, row K is the value.
"""

from __future__ import annotations

import math
from typing import Any, cast

import torch
from torch import Tensor, nn

from puffer_train.config import PolicySettings
from puffer_train.contract import ActionSpec, EnvironmentSpec
from puffer_train.observation import observation_reader

MASKED_LOGIT = -1e9
"""Logit of an action that may not be taken: its probability is exactly 0, and no arithmetic turns to NaN."""

FIRST_LOGIT_SCALE = 0.1
"""The action rows of the head start this much smaller, so that the first policy is nearly uniform."""

FIRST_SPREAD = 0.5
"""Standard deviation of continuous actions at the start, as a part of half the allowed range."""


class Policy(nn.Module):
    """Maps observations and a recurrent state to action outputs and a value, for a fixed environment spec."""

    input_scale: Tensor

    def __init__(self, spec: EnvironmentSpec, settings: PolicySettings, generator: torch.Generator) -> None:
        super().__init__()
        inputs, hidden = len(spec.observation_scale), settings.hidden
        self.spec, self.hidden, self.layers = spec, hidden, settings.layers
        self.observations = observation_reader(spec)
        self.actions: ActionDistribution = (
            GaussianActions(spec.action) if spec.action.kind == "box" else CategoricalActions(spec.action)
        )

        def matrix(*shape: int) -> nn.Parameter:
            bound = 1 / math.sqrt(shape[-1])
            return nn.Parameter(torch.empty(shape).uniform_(-bound, bound, generator=generator))

        self.encoder = matrix(hidden, inputs)
        self.core = matrix(settings.layers, 3 * hidden, hidden)
        self.head = matrix(spec.action.outputs + 1, hidden)
        with torch.no_grad():
            self.head[:-1] *= FIRST_LOGIT_SCALE
        self.register_buffer("input_scale", torch.tensor(spec.observation_scale), persistent=False)
        self.log_std = (
            nn.Parameter(torch.full((spec.action.dimensions,), math.log(FIRST_SPREAD)))
            if spec.action.kind == "box"
            else None
        )

    def named(self, observations: Tensor) -> dict[str, Tensor]:
        """Return the values of observations (..., *shape) by name; an observation without names is `value`."""
        return self.observations.named(observations)

    def initial_state(self, rows: int) -> Tensor:
        """Return the state at the start of an episode: zeros (layers, rows, hidden)."""
        return torch.zeros(self.layers, rows, self.hidden)

    def step(self, observations: Tensor, state: Tensor) -> Tensor:
        """One time step for acting. observations (B, *shape); state (L, B, H) is updated in place.

        Returns (K + 1, B). No gradient is recorded.
        """
        with torch.no_grad():
            x = self._encode(observations)
            for weight, layer_state in zip(self.core, state, strict=True):
                z = x @ weight.T
                candidate, update, mix = _three(torch.sigmoid(z))
                candidate.clamp_(max=0.5).add_(_three(z)[0].clamp_(min=0))
                layer_state.lerp_(candidate, update)
                x = torch.lerp(x, layer_state, mix)
            return self.head @ x.T

    def forward(self, observations: Tensor, state: Tensor, keep: Tensor | None = None) -> Tensor:
        """Whole sequences for learning. observations (T, B, *shape), state (L, B, H) before the first step.

        keep (T, B) is 0 where the state is wiped before that step because a new episode starts there, else 1;
        None keeps it throughout. Returns (K + 1, T, B).
        """
        x = self._encode(observations)
        resets = Resets(keep)
        for weight, layer_state in zip(self.core, state, strict=True):
            z = nn.functional.linear(x, weight)
            x = cast(Tensor, MinGRUScan.apply(z, x, layer_state, resets))  # type: ignore[no-untyped-call]
        time, rows, hidden = x.shape
        return (self.head @ x.reshape(time * rows, hidden).T).view(-1, time, rows)

    def _encode(self, observations: Tensor) -> Tensor:
        return self.observations.encode(observations, self.encoder * self.input_scale)


class Resets:
    """Where new episodes start within a batch of sequences; without `keep` (T, B), nowhere."""

    def __init__(self, keep: Tensor | None) -> None:
        self.keep = keep
        self.steps: list[int] = [] if keep is None else (keep.amin(1) < 1).nonzero().squeeze(1).tolist()
        """The steps at which any row starts anew: most have none, and cost nothing."""

    def apply(self, state: Tensor, t: int) -> Tensor:
        """Return the state (B, H) with the rows zeroed that start a new episode at step t."""
        return state * self.keep[t].unsqueeze(-1) if self.keep is not None and t in self.steps else state


class MinGRUScan(torch.autograd.Function):
    """The part of a MinGRU layer after its multiplication, over time: z (T, B, 3H), x (T, B, H) -> (T, B, H).

    Written as its own gradient because autograd would record five small operations per time step: here the
    forward recursion is one `lerp` per step and the backward one a multiply-add, all else is done for all
    time steps at once. The first state (B, H) gets no gradient: sequences are trained on from where they start.
    """

    @staticmethod
    def forward(ctx: Any, z: Tensor, x: Tensor, first_state: Tensor, resets: Resets) -> Tensor:
        gates = torch.sigmoid(z)
        candidate, update, mix = _three(gates)
        candidate.clamp_(max=0.5).add_(_three(z)[0].clamp(min=0))  # h + 0.5 if h >= 0 else sigmoid(h)
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
        gates, states, x, first_state = ctx.saved_tensors
        (grad,) = gradients
        candidate, update, mix = _three(gates)
        before = torch.cat([first_state.unsqueeze(0), states[:-1]])
        carry = 1 - update
        for t in ctx.resets.steps:
            before[t] = ctx.resets.apply(before[t], t)
            carry[t] = ctx.resets.apply(carry[t], t)

        grad_state = grad * mix
        for t in range(len(x) - 2, -1, -1):
            grad_state[t].addcmul_(grad_state[t + 1], carry[t + 1])

        grad_z = torch.empty_like(gates)
        grad_candidate, grad_update, grad_mix = _three(grad_z)
        torch.mul(grad_state, update, out=grad_candidate)
        # d candidate / d h is 1 above zero, where the candidate is at least 0.5, else the sigmoid's slope
        grad_candidate.mul_(torch.where(candidate < 0.5, candidate * (1 - candidate), 1.0))
        torch.mul(grad_state, candidate - before, out=grad_update)
        grad_update.mul_(update).mul_(1 - update)
        torch.mul(grad, states - x, out=grad_mix)
        grad_mix.mul_(mix).mul_(1 - mix)
        return grad_z, grad * (1 - mix), None, None


def _three(gates: Tensor) -> list[Tensor]:
    """Return views of the three blocks (..., H) of (..., 3H)."""
    size = gates.shape[-1] // 3
    return [gates[..., i * size : (i + 1) * size] for i in range(3)]


class CategoricalActions:
    """One or several independent discrete actions, each with its own block of logits."""

    def __init__(self, spec: ActionSpec) -> None:
        self.sizes, self.outputs = spec.sizes, spec.outputs
        self.dtype = torch.int64

    def noise(self, steps: int, rows: int, generator: torch.Generator) -> Tensor:
        """Draw the randomness of a rollout: Gumbel noise (steps, K, rows)."""
        exponential = torch.empty(steps, self.outputs, rows).exponential_(generator=generator)
        return exponential.log_().neg_()

    def sample(self, output: Tensor, noise: Tensor | None, masks: Tensor | None, policy: Policy) -> Tensor:
        """Choose actions (B, k) from output (K + 1, B) and noise (K, B); without noise the likeliest ones.

        The largest of logits plus Gumbel noise is an exact sample of the softmax.
        """
        logits = output[:-1] if noise is None else output[:-1] + noise
        return torch.stack([block.argmax(0) for block in self._blocks(logits, masks)], dim=-1)

    def evaluate(self, output: Tensor, actions: Tensor, masks: Tensor | None, policy: Policy) -> tuple[Tensor, Tensor]:
        """Return log-probability and entropy, each (...), of actions (..., k) under output (K + 1, ...)."""
        log_prob = entropy = torch.zeros(())
        for i, block in enumerate(self._blocks(output[:-1], masks)):
            log_probs = torch.log_softmax(block, 0)
            log_prob = log_prob + log_probs.gather(0, actions[..., i].unsqueeze(0)).squeeze(0)
            entropy = entropy - (log_probs.exp() * log_probs).sum(0)
        return log_prob, entropy

    def _blocks(self, logits: Tensor, masks: Tensor | None) -> list[Tensor]:
        """Return the logits (K, ...) of each action apart, those of forbidden choices out of reach."""
        if masks is not None:
            logits = torch.where(masks.movedim(-1, 0), logits, MASKED_LOGIT)
        return list(torch.split(logits, list(self.sizes)))


class GaussianActions:
    """Independent normal distributions whose spread is learned but does not depend on the observation.

    Means are in units of half the allowed range. The environment clips what falls outside its box;
    probabilities are those of the number that was drawn, before clipping.
    """

    def __init__(self, spec: ActionSpec) -> None:
        self.dimensions = spec.dimensions
        self.scale = action_scale(spec)
        self.dtype = torch.float32

    def noise(self, steps: int, rows: int, generator: torch.Generator) -> Tensor:
        """Draw the randomness of a rollout: standard normal numbers (steps, k, rows)."""
        return torch.randn(steps, self.dimensions, rows, generator=generator)

    def sample(self, output: Tensor, noise: Tensor | None, masks: Tensor | None, policy: Policy) -> Tensor:
        """Draw actions (B, k) from output (k + 1, B) and noise (k, B); without noise the means."""
        assert policy.log_std is not None
        z = output[:-1]
        if noise is not None:
            z = z + policy.log_std.exp().unsqueeze(-1) * noise
        return z.T * self.scale

    def evaluate(self, output: Tensor, actions: Tensor, masks: Tensor | None, policy: Policy) -> tuple[Tensor, Tensor]:
        """Return log-probability and entropy, each (...), of actions (..., k) under output (K + 1, ...)."""
        assert policy.log_std is not None
        log_spread = policy.log_std + self.scale.log()
        means = output[:-1].movedim(0, -1) * self.scale
        z = (actions - means) * torch.exp(-log_spread)
        log_prob = (-0.5 * z.square() - log_spread - 0.5 * math.log(2 * math.pi)).sum(-1)
        entropy = (log_spread + 0.5 * math.log(2 * math.pi * math.e)).sum().expand_as(log_prob)
        return log_prob, entropy


ActionDistribution = CategoricalActions | GaussianActions


def action_scale(spec: ActionSpec) -> Tensor:
    """Return half the allowed range of each continuous action, or 1 where it is unbounded: (k,)."""
    half = (torch.tensor(spec.high, dtype=torch.float64) - torch.tensor(spec.low, dtype=torch.float64)) / 2
    return torch.where(torch.isfinite(half) & (half > 0) & (half < 1e6), half, 1.0).to(torch.float32)

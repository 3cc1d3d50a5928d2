"""The training algorithm in NumPy and double precision, written from its formulas and nothing else.

Slow and plain on purpose: what the trainer computes, in whatever way it computes it, must equal this. Gradients are
written in closed form; `numeric_gradient` checks the closed forms themselves. Shapes are the trainer's: T steps, A or
B rows, K outputs, H units, with time first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def numeric_gradient(function: Callable[[Array], float], at: Array, step: float = 1e-6) -> Array:
    """Return the gradient of a scalar function by central differences, one number of `at` after the other."""
    gradient = np.zeros_like(at)
    for index in np.ndindex(at.shape):
        there, back = at.copy(), at.copy()
        there[index] += step
        back[index] -= step
        gradient[index] = (function(there) - function(back)) / (2 * step)
    return gradient


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


# -- advantages --------------------------------------------------------------------------------------------


def advantages(
    rewards: Array,
    values: Array,
    next_values: Array,
    ends: NDArray[np.bool_],
    gamma: float,
    lam: float,
    ratios: Array | None = None,
    rho_clip: float = 1.0,
    trace_clip: float = 1.0,
) -> Array:
    """Return A_t = sum over the rest of the episode of (gamma lam)^l (product of traces) delta: (T, A).

    Summed forwards from each step separately, as the definition says, rather than by the backward recursion.
    """
    weights = np.ones_like(rewards) if ratios is None else ratios
    delta = np.minimum(weights, rho_clip) * (rewards + gamma * next_values - values)
    trace = gamma * lam * np.minimum(weights, trace_clip)
    result = np.zeros_like(rewards)
    for start in range(len(rewards)):
        reach = np.ones(rewards.shape[1])
        for t in range(start, len(rewards)):
            result[start] += reach * delta[t]
            reach = np.where(ends[t], 0.0, reach * trace[t])
    return result


def reward_factor(rewards: Array, ends: NDArray[np.bool_], gamma: float) -> float:
    """Return 1 / the standard deviation of the discounted returns so far, over all steps of all rows."""
    running, seen = np.zeros(rewards.shape[1]), []
    for reward, end in zip(rewards, ends, strict=True):
        running = gamma * running + reward
        seen.append(running)
        running = np.where(end, 0.0, running)
    return float(1 / np.std(seen))


def priorities(advantage: Array, alpha: float) -> Array:
    """Return the probability of each sequence, in proportion to (sum of |A|)^alpha: (A,)."""
    weight: Array = np.abs(advantage).sum(0) ** alpha
    return weight / weight.sum()


# -- the distributions of actions --------------------------------------------------------------------------


@dataclass
class Actions:
    """What a distribution says about the actions taken, and how that moves with the policy's outputs."""

    log_prob: Array
    """(...)."""
    entropy: Array
    """(...)."""
    d_log_prob: Array
    """(K, ...): derivative by each output."""
    d_entropy: Array
    """(K, ...)."""


def categorical(logits: Array, actions: NDArray[Any], sizes: tuple[int, ...], masks: NDArray[Any] | None) -> Actions:
    """Independent discrete actions (..., k), each with its block of logits (K, ...); masks (..., K) allow choices."""
    log_prob = np.zeros(logits.shape[1:])
    entropy = np.zeros(logits.shape[1:])
    d_log_prob, d_entropy = np.zeros_like(logits), np.zeros_like(logits)
    start = 0
    for i, size in enumerate(sizes):
        block = slice(start, start + size)
        allowed = np.ones_like(logits[block], np.bool_) if masks is None else np.moveaxis(masks, -1, 0)[block]
        e = np.where(allowed, np.exp(logits[block] - np.where(allowed, logits[block], -np.inf).max(0)), 0.0)
        p = e / e.sum(0)
        log_p = np.log(np.where(p > 0, p, 1.0))
        chosen = np.arange(size).reshape(-1, *[1] * log_prob.ndim) == actions[..., i]
        own_entropy = -(p * log_p).sum(0)
        log_prob += np.where(chosen, np.log(np.where(chosen, p, 1.0)), 0.0).sum(0)
        entropy += own_entropy
        d_log_prob[block] = np.where(allowed, chosen - p, 0.0)
        d_entropy[block] = -p * (log_p + own_entropy)
        start += size
    return Actions(log_prob, entropy, d_log_prob, d_entropy)


def gaussian(means: Array, log_std: Array, actions: Array, half_range: Array) -> Actions:
    """Normal actions (..., k) with means (k, ...) and spread exp(log_std), both in units of half the range.

    The derivatives are (2k, ...): by the means, then by log_std.
    """
    column = (slice(None), *[None] * (means.ndim - 1))
    unit = np.moveaxis(actions, -1, 0) / half_range[column]
    z = (unit - means) * np.exp(-log_std[column])
    log_spread = log_std + np.log(half_range)
    log_prob = (-0.5 * z**2).sum(0) - (log_spread + 0.5 * math.log(2 * math.pi)).sum()
    entropy = np.full_like(log_prob, (log_spread + 0.5 * math.log(2 * math.pi * math.e)).sum())
    d_log_prob = np.concatenate([z * np.exp(-log_std[column]), z**2 - 1])
    d_entropy = np.concatenate([np.zeros_like(z), np.ones_like(z)])
    return Actions(log_prob, entropy, d_log_prob, d_entropy)


# -- losses ------------------------------------------------------------------------------------------------


@dataclass
class Batch:
    """What a loss is computed from, all (T, B) but importance (B,)."""

    log_probs: Array
    """Of the actions, under the policy that took them."""
    values: Array
    """As estimated then."""
    advantages: Array
    importance: Array
    present: Array
    """1 where the row held an agent, else 0: such steps do not count."""


def ppo(actions: Actions, value: Array, batch: Batch, train: Any) -> tuple[dict[str, float], Array, Array]:
    """Return all figures, and the gradient of the loss by the outputs (K, T, B) and by the value (T, B)."""
    share = batch.present / batch.present.sum()

    def mean(x: Array) -> float:
        return float((x * share).sum())

    advantage = batch.advantages
    if train.normalize_advantages:
        centred = advantage - mean(advantage)
        advantage = centred / math.sqrt(mean(centred**2))
    advantage = advantage * batch.importance

    log_ratio = actions.log_prob - batch.log_probs
    ratio = np.exp(log_ratio)
    free, clipped = -advantage * ratio, -advantage * np.clip(ratio, 1 - train.clip, 1 + train.clip)

    returns = batch.advantages + batch.values
    error, d_error = (value - returns) ** 2, 2 * (value - returns)
    if train.value_clip > 0:
        moved = value - batch.values
        held_error = (batch.values + np.clip(moved, -train.value_clip, train.value_clip) - returns) ** 2
        held = (np.abs(moved) > train.value_clip) & (held_error > error)
        error = np.where(held, held_error, error)
        d_error = np.where(held, 0.0, d_error)

    figures = {
        "policy_loss": mean(np.maximum(free, clipped)),
        "value_loss": 0.5 * mean(error),
        "entropy": mean(actions.entropy),
        "old_approx_kl": mean(-log_ratio),
        "approx_kl": mean(ratio - 1 - log_ratio),
        "clip_fraction": mean((np.abs(ratio - 1) > train.clip).astype(np.float64)),
        "importance": mean(ratio),
    }
    figures["loss"] = (
        figures["policy_loss"]
        + train.value_coefficient * figures["value_loss"]
        - train.entropy_coefficient * figures["entropy"]
    )
    d_policy = np.where(clipped > free, 0.0, free) * share
    d_outputs = d_policy * actions.d_log_prob - train.entropy_coefficient * share * actions.d_entropy
    d_value = 0.5 * train.value_coefficient * d_error * share
    return figures, d_outputs, d_value


# -- the network -------------------------------------------------------------------------------------------


def mingru(z: Array, x: Array, state: Array, keep: Array) -> tuple[Array, Array]:
    """Return outputs and states (T, B, H) of one layer from z = W x (T, B, 3H); keep (T, B) is 0 at a new episode."""
    h, g, p = np.split(z, 3, axis=-1)
    candidate = np.where(h >= 0, h + 0.5, sigmoid(h))
    states = np.zeros_like(x)
    for t in range(len(x)):
        state = (1 - sigmoid(g[t])) * (state * keep[t][:, None]) + sigmoid(g[t]) * candidate[t]
        states[t] = state
    return sigmoid(p) * states + (1 - sigmoid(p)) * x, states


def mingru_gradient(z: Array, x: Array, state: Array, keep: Array, d_out: Array) -> tuple[Array, Array]:
    """Return the gradient by z and, through the highway alone, by x, of a scalar whose gradient by the output is d_out.

    x also acts through z = W x: that part is the caller's.
    """
    h, g, p = np.split(z, 3, axis=-1)
    update, mix = sigmoid(g), sigmoid(p)
    candidate = np.where(h >= 0, h + 0.5, sigmoid(h))
    slope = np.where(h >= 0, 1.0, sigmoid(h) * (1 - sigmoid(h)))
    _, states = mingru(z, x, state, keep)
    before = np.concatenate([state[None], states[:-1]]) * keep[..., None]

    d_z = np.zeros_like(z)
    d_h, d_g, d_p = np.split(d_z, 3, axis=-1)
    d_p[:] = d_out * (states - x) * mix * (1 - mix)
    d_state = np.zeros_like(state)
    for t in reversed(range(len(x))):
        d_state = d_state + d_out[t] * mix[t]
        d_h[t] = d_state * update[t] * slope[t]
        d_g[t] = d_state * (candidate[t] - before[t]) * update[t] * (1 - update[t])
        d_state = d_state * (1 - update[t]) * keep[t][:, None]
    return d_z, d_out * (1 - mix)


def mingru_layer(x: Array, weight: Array, state: Array, keep: Array) -> tuple[Array, Array]:
    """Return outputs (T, B, H) and states (T, B, H) of a layer with its matrix (3H, H)."""
    return mingru(x @ weight.T, x, state, keep)


def mingru_layer_gradient(x: Array, weight: Array, state: Array, keep: Array, d_out: Array) -> tuple[Array, Array]:
    """Return the gradient by x and by the matrix."""
    d_z, d_highway = mingru_gradient(x @ weight.T, x, state, keep, d_out)
    return d_z @ weight + d_highway, np.einsum("tbz,tbh->zh", d_z, x)


def lstm_gates(x: Array, h: Array, weight: Array) -> tuple[Array, Array, Array, Array]:
    """Return what goes in, what is kept, the candidate, and what goes out: (B, H) each."""
    i, f, g, o = np.split(np.concatenate([x, h], -1) @ weight.T, 4, axis=-1)
    return sigmoid(i), sigmoid(f + 1), np.tanh(g), sigmoid(o)


def lstm_layer(x: Array, weight: Array, state: Array, keep: Array) -> tuple[Array, Array]:
    """Return outputs h (T, B, H) and states, h and c side by side (T, B, 2H), with its matrix (4H, 2H)."""
    states = np.zeros((*x.shape[:2], 2 * x.shape[2]))
    for t in range(len(x)):
        h, c = np.split(state * keep[t][:, None], 2, axis=-1)
        i, f, g, o = lstm_gates(x[t], h, weight)
        c = f * c + i * g
        states[t] = state = np.concatenate([o * np.tanh(c), c], -1)
    return states[..., : x.shape[2]], states


def lstm_layer_gradient(x: Array, weight: Array, state: Array, keep: Array, d_out: Array) -> tuple[Array, Array]:
    """Return the gradient by x and by the matrix; none flows into the first state."""
    _, states = lstm_layer(x, weight, state, keep)
    before = np.concatenate([state[None], states[:-1]]) * keep[..., None]
    d_x, d_weight = np.zeros_like(x), np.zeros_like(weight)
    d_h_later, d_c_later = np.zeros_like(x[0]), np.zeros_like(x[0])
    for t in reversed(range(len(x))):
        h, c = np.split(before[t], 2, axis=-1)
        i, f, g, o = lstm_gates(x[t], h, weight)
        out = np.tanh(states[t][:, x.shape[2] :])
        d_h = d_out[t] + d_h_later
        d_c = d_c_later + d_h * o * (1 - out**2)
        d_gates = [d_c * g * i * (1 - i), d_c * c * f * (1 - f), d_c * i * (1 - g**2), d_h * out * o * (1 - o)]
        d_z = np.concatenate(d_gates, -1)
        d_weight += d_z.T @ np.concatenate([x[t], h], -1)
        d_x[t], d_before = np.split(d_z @ weight, 2, axis=-1)
        d_h_later, d_c_later = d_before * keep[t][:, None], d_c * f * keep[t][:, None]
    return d_x, d_weight


CELLS = {"mingru": (mingru_layer, mingru_layer_gradient), "lstm": (lstm_layer, lstm_layer_gradient)}


@dataclass
class Network:
    """The default policy: a linear encoder, recurrent layers, one head; every matrix without a bias."""

    encoder: Array
    """(H, O), acting on scaled observations."""
    core: Array
    """(L, ...): one matrix per layer."""
    head: Array
    """(K + 1, H)."""
    cell: str = "mingru"
    """Kind of layer."""

    def run(self, observations: Array, state: Array, keep: Array) -> tuple[Array, list[Array], Array]:
        """Return outputs (K + 1, T, B) of observations (T, B, O), layers' inputs (T, B, H), and states (T, L, B, S)."""
        inputs, states = [observations @ self.encoder.T], []
        for weight, layer_state in zip(self.core, state, strict=True):
            output, layer_states = CELLS[self.cell][0](inputs[-1], weight, layer_state, keep)
            inputs.append(output)
            states.append(layer_states)
        return np.moveaxis(inputs[-1] @ self.head.T, -1, 0), inputs, np.stack(states, 1)

    def distance_to_kinks(self, inputs: list[Array]) -> float:
        """Return how near a unit's h comes to 0, where the slope of its candidate jumps from a quarter to one."""
        if self.cell != "mingru":
            return math.inf
        hidden = len(self.encoder)
        pairs = zip(inputs, self.core, strict=False)
        return min(float(np.abs(x @ weight[:hidden].T).min()) for x, weight in pairs)

    def gradient(self, observations: Array, state: Array, keep: Array, d_outputs: Array) -> dict[str, Array]:
        """Return the gradient by each matrix of a scalar whose gradient by the outputs is d_outputs."""
        _, inputs, _ = self.run(observations, state, keep)
        d_head = np.einsum("ktb,tbh->kh", d_outputs, inputs[-1])
        d_x, d_core = np.einsum("ktb,kh->tbh", d_outputs, self.head), np.zeros_like(self.core)
        for i in reversed(range(len(self.core))):
            d_x, d_core[i] = CELLS[self.cell][1](inputs[i], self.core[i], state[i], keep, d_x)
        return {"encoder": np.einsum("tbh,tbo->ho", d_x, observations), "core": d_core, "head": d_head}


# -- the optimizer -----------------------------------------------------------------------------------------


def gradient_norm(gradients: Mapping[str, Array]) -> float:
    """Return the length of all gradients together."""
    return math.sqrt(sum(float((g**2).sum()) for g in gradients.values()))


def newton_schulz(matrix: Array) -> Array:
    """Five steps of the quintic iteration of Jordan et al. on one matrix, along its shorter side."""
    if len(matrix) > len(matrix.T):
        return newton_schulz(matrix.T).T
    x = matrix / np.linalg.norm(matrix)
    for _ in range(5):
        gram = x @ x.T
        x = 3.4445 * x + (-4.775 * gram + 2.0315 * gram @ gram) @ x
    return x


def muon(average: Array, gradient: Array, momentum: float) -> tuple[Array, Array]:
    """Return the direction of one Muon step for a matrix, or a stack of them, and the new running average."""
    average = momentum * average + (1 - momentum) * gradient
    nesterov = momentum * average + (1 - momentum) * gradient
    rows, columns = gradient.shape[-2:]
    stack = nesterov.reshape(-1, rows, columns)
    direction = np.stack([newton_schulz(matrix) for matrix in stack]).reshape(gradient.shape)
    return math.sqrt(max(1.0, rows / columns)) * direction, average


def adam(average: Array, square: Array, gradient: Array, steps: int) -> tuple[Array, Array, Array]:
    """Return the direction of Adam's step number `steps` (from 1), and its new running averages."""
    average = 0.9 * average + 0.1 * gradient
    square = 0.999 * square + 0.001 * gradient**2
    return average / (1 - 0.9**steps) / (np.sqrt(square / (1 - 0.999**steps)) + 1e-8), average, square

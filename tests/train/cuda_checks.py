"""Every kernel against what defines it: the processor's code, in double precision where it can.

`python benchmarks/gpu.py` runs this on a GPU, the tests run it in Triton's interpreter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from puffer_envs.contract.actions import ActionSpec
from puffer_train import policy
from puffer_train.algorithm import advantage, loss
from puffer_train.config import TrainSettings
from puffer_train.kernels import FIGURES
from puffer_train.learners.cuda import operations

TOLERANCE = 2e-5
"""Largest error allowed, as a part of the largest number: float32 arithmetic with a GPU's own exp and log."""

UNIT = 4.6566127342e-10
"""What Triton multiplies 31 random bits with: slightly less than 2^-31, so that the product stays below 1."""


@dataclass(frozen=True)
class Check:
    """How far a kernel is from its reference."""

    name: str
    """Which kernel, and on what."""
    error: float
    """Largest distance, as a part of the largest number or of 1."""
    allowed: float = TOLERANCE

    @property
    def passed(self) -> bool:
        """Whether that is close enough; not a number is not."""
        return self.error <= self.allowed


def check_all(device: torch.device) -> Iterator[Check]:
    """Yield one result for each output of each kernel, at sizes that do not divide evenly among programs."""
    draw = torch.Generator().manual_seed(7)
    for keep in (False, True):
        yield from check_mingru(device, draw, (9, 7, 13), keep)
        yield from check_lstm(device, draw, (5, 19, 24), keep)
        yield from check_lstm(device, draw, (4, 33, 80), keep)
    for ratios in (False, True):
        yield check_advantages(device, draw, (17, 71), ratios)
    for sizes in ((3,), (4, 1, 6)):
        for masked in (False, True):
            yield from check_sampling(device, draw, sizes, masked)
            yield from check_loss(device, draw, sizes, masked)


def distance(result: Tensor, reference: Tensor) -> float:
    """Return the largest difference, as a part of the largest number of the reference or of 1."""
    size = max(1.0, float(reference.detach().abs().max()))
    return float((result.detach().cpu().double() - reference.detach().double()).abs().max()) / size


# -- MinGRU --------------------------------------------------------------------------------------------------


def check_mingru(
    device: torch.device, draw: torch.Generator, shape: tuple[int, int, int], resets: bool
) -> Iterator[Check]:
    """Compare output and gradients of the scan of (T, B, H) with `policy.MinGRUScan`."""
    steps, rows, hidden = shape
    z, x = torch.randn(steps, rows, 3 * hidden, generator=draw), torch.randn(shape, generator=draw)
    first, gradient = torch.rand(rows, hidden, generator=draw), torch.randn(shape, generator=draw)
    keep = (torch.rand(steps, rows, generator=draw) > 0.2).float() if resets else None

    def gradients(scan: Callable[..., Tensor], place: torch.device, dtype: torch.dtype) -> list[Tensor]:
        inputs = [t.to(place, dtype).requires_grad_() for t in (z, x)]
        reset_steps = None if keep is None else keep.to(place, dtype)
        out = scan(*inputs, first.to(place, dtype), reset_steps)
        return [out, *torch.autograd.grad(out, inputs, gradient.to(place, dtype))]

    def reference(z: Tensor, x: Tensor, first: Tensor, keep: Tensor | None) -> Tensor:
        return cast(Tensor, policy.MinGRUScan.apply(z, x, first, policy.Resets(keep)))  # type: ignore[no-untyped-call]

    mine = gradients(operations.mingru_scan, device, torch.float32)
    theirs = gradients(reference, torch.device("cpu"), torch.float64)
    which = "with resets" if resets else "without resets"
    for name, result, expected in zip(("output", "gradient of z", "gradient of x"), mine, theirs, strict=True):
        yield Check(f"mingru_scan {which}: {name}", distance(result, expected))

    if not resets:
        state = first.to(device)
        stepped = [operations.mingru_step(z[t].to(device), x[t].to(device), state) for t in range(steps)]
        yield Check("mingru_step: output", distance(torch.stack(stepped), theirs[0]))


# -- LSTM ----------------------------------------------------------------------------------------------------


def check_lstm(
    device: torch.device, draw: torch.Generator, shape: tuple[int, int, int], resets: bool
) -> Iterator[Check]:
    """Compare output and gradients of the scan of (T, B, H) with `policy.LSTMScan`."""
    steps, rows, hidden = shape
    z, weight = (torch.randn(*size, generator=draw) for size in ((steps, rows, 4 * hidden), (4 * hidden, hidden)))
    weight /= math.sqrt(hidden)
    first, gradient = torch.randn(rows, 2 * hidden, generator=draw), torch.randn(shape, generator=draw)
    keep = (torch.rand(steps, rows, generator=draw) > 0.2).float() if resets else None

    def gradients(scan: Callable[..., Tensor], place: torch.device, dtype: torch.dtype) -> list[Tensor]:
        inputs = [t.to(place, dtype).requires_grad_() for t in (z, weight)]
        out = scan(*inputs, first.to(place, dtype), None if keep is None else keep.to(place, dtype))
        return [out, *torch.autograd.grad(out, inputs, gradient.to(place, dtype))]

    def reference(z: Tensor, weight: Tensor, first: Tensor, keep: Tensor | None) -> Tensor:
        resets = policy.Resets(keep)
        return cast(Tensor, policy.LSTMScan.apply(z, weight, first, resets))  # type: ignore[no-untyped-call]

    mine = gradients(operations.lstm_scan, device, torch.float32)
    theirs = gradients(reference, torch.device("cpu"), torch.float64)
    which = f"{hidden} units, with{'' if resets else 'out'} resets"
    for name, result, expected in zip(("output", "gradient of z", "gradient of the weight"), mine, theirs, strict=True):
        yield Check(f"lstm_scan {which}: {name}", distance(result, expected))
    if not resets:
        state, on_device = first.to(device), weight.to(device)
        stepped = [operations.lstm_step(z[t].to(device), on_device, state) for t in range(steps)]
        yield Check(f"lstm_step {hidden} units: output", distance(torch.stack(stepped), theirs[0]))


# -- advantage -----------------------------------------------------------------------------------------------


def check_advantages(device: torch.device, draw: torch.Generator, shape: tuple[int, int], clipped: bool) -> Check:
    """Compare with `advantage.advantages`."""
    rewards, values, following = torch.randn(3, *shape, generator=draw)
    ends = (torch.rand(shape, generator=draw) < 0.1).float()
    ratios = torch.rand(shape, generator=draw) * 2 if clipped else None
    settings: dict[str, float] = {"gamma": 0.98, "lam": 0.95, "rho_clip": 1.1, "trace_clip": 0.9}

    def run(function: Callable[..., Tensor], place: torch.device, dtype: torch.dtype) -> Tensor:
        inputs = [t.to(place, dtype) for t in (rewards, values, following, ends)]
        return function(*inputs, ratios=None if ratios is None else ratios.to(place, dtype), **settings)

    result = run(operations.advantages, device, torch.float32)
    expected = run(advantage.advantages, torch.device("cpu"), torch.float64)
    return Check("advantages: " + ("V-trace" if clipped else "GAE"), distance(result, expected))


# -- categorical actions -------------------------------------------------------------------------------------


def _describe(sizes: tuple[int, ...], masked: bool) -> str:
    return f"{'x'.join(map(str, sizes))} choices" + (", some forbidden" if masked else "")


def _action_spec(sizes: tuple[int, ...]) -> ActionSpec:
    return ActionSpec("discrete", sizes, () if len(sizes) == 1 else (len(sizes),))


def _masks(draw: torch.Generator, sizes: tuple[int, ...], *shape: int) -> Tensor:
    """Return random masks (*shape, K) that forbid about half, never the first choice of an action."""
    masks = torch.rand(*shape, sum(sizes), generator=draw) > 0.5
    masks[..., [sum(sizes[:i]) for i in range(len(sizes))]] = True
    return masks


def check_sampling(
    device: torch.device, draw: torch.Generator, sizes: tuple[int, ...], masked: bool
) -> Iterator[Check]:
    """Compare every action with the one that Philox's noise leads to, and its log-probability with the policy's."""
    agents, slots, first, slot, key = 203, 3, 100, 1, 0x123456789ABCDEF
    rows = agents - first
    spec, actions = _action_spec(sizes), policy.CategoricalActions(_action_spec(sizes))
    output = torch.randn(spec.outputs + 1, rows, generator=draw) * 2
    masks = _masks(draw, sizes, rows) if masked else None
    output[0, 5] = math.nan  # the logits and the value of one agent each
    output[-1, 6] = math.inf
    stored = (
        torch.zeros(slots, agents, spec.dimensions, dtype=torch.int64, device=device),
        torch.zeros(slots, agents, device=device),
        torch.zeros(slots, agents, device=device),
        torch.zeros(slots, agents, dtype=torch.bool, device=device),
    )
    operations.sample_categorical(
        operations.CategoricalLayout(spec, device),
        output.to(device),
        output[-1].to(device),
        None if masks is None else masks.to(device),
        torch.tensor([key], device=device),
        torch.tensor([slot], device=device),
        first,
        *stored,
    )
    chosen, log_probs, values, valid = (t[slot, first:].cpu() for t in stored)

    sound = torch.isfinite(output).all(0)
    repaired = torch.where(sound, output, 0.0).double()
    counters = np.arange(first, agents)[None, :] * spec.outputs + np.arange(spec.outputs)[:, None]
    uniform = torch.from_numpy(philox_uniform(key, counters, slot)).double().clamp(min=1e-10)
    noise = -torch.log(-torch.log(uniform))
    expected = actions.sample(repaired, noise, masks)
    theirs = actions.evaluate(repaired, chosen, masks)[0]

    what = "sample_categorical " + _describe(sizes, masked)
    yield Check(f"{what}: actions that differ", float((chosen != expected).any(-1).sum()), 0)
    yield Check(f"{what}: log-probability", distance(log_probs, torch.where(sound, theirs, 0.0)))
    yield Check(f"{what}: value", distance(values, repaired[-1]), 0)
    yield Check(f"{what}: faults that went unnoticed", float((valid != sound).sum()), 0)
    untouched = sum(float(t[[0, 2]].float().abs().sum() + t[slot, :first].float().abs().sum()) for t in stored)
    yield Check(f"{what}: written elsewhere", untouched, 0)


def philox_uniform(key: int, counters: np.ndarray[Any, np.dtype[np.int64]], slot: int) -> Any:
    """Return float32 numbers in [0, 1) of the shape of `counters`: Philox 4x32-10 (Salmon et al. 2011).

    The counter is (counters, slot, 0, 0); the first of four words is made a number the way Triton does.
    """
    low = np.uint64(0xFFFFFFFF)
    words = [counters.astype(np.uint64)]
    words += [np.full_like(words[0], word) for word in (slot, 0, 0)]
    keys = [np.uint64(key & 0xFFFFFFFF), np.uint64(key >> 32)]
    for _ in range(10):
        left, right = words[0] * np.uint64(0xD2511F53), words[2] * np.uint64(0xCD9E8D57)
        words = [
            (right >> np.uint64(32)) ^ words[1] ^ keys[0],
            right & low,
            (left >> np.uint64(32)) ^ words[3] ^ keys[1],
            left & low,
        ]
        keys = [(keys[0] + np.uint64(0x9E3779B9)) & low, (keys[1] + np.uint64(0xBB67AE85)) & low]
    bits = words[0].astype(np.uint32).view(np.int32)
    return np.where(bits < 0, -bits - 1, bits).astype(np.float32) * np.float32(UNIT)


def check_loss(device: torch.device, draw: torch.Generator, sizes: tuple[int, ...], masked: bool) -> Iterator[Check]:
    """Compare gradient, ratios and figures with `loss.ppo_loss`, with tight clips, so that all branches are taken."""
    train = replace(TrainSettings(), clip=0.2, value_clip=0.3, entropy_coefficient=0.05)
    shape, spec = (6, 11), _action_spec(sizes)
    actions = policy.CategoricalActions(spec)
    output = torch.randn(spec.outputs + 1, *shape, generator=draw)
    masks = _masks(draw, sizes, *shape) if masked else None
    present = (torch.rand(shape, generator=draw) > 0.3).float() if masked else None
    heads = SimpleNamespace(
        evaluate_actions=actions.evaluate, value=policy.ScalarValue(), spec=SimpleNamespace(action=spec)
    )
    noise = torch.randn(output[:-1].shape, generator=draw)
    chosen = torch.stack([block.argmax(0) for block in actions._blocks(output[:-1] + noise, masks)], -1)
    old = output + 0.3 * torch.randn(output.shape, generator=draw)
    minibatch = loss.Played(
        actions=chosen,
        masks=masks,
        present=present,
        log_probs=actions.evaluate(old, chosen, masks)[0].double(),
        values=old[-1].double(),
        advantages=torch.randn(shape, generator=draw).double() + 0.5,
        importance=torch.rand(shape[1], generator=draw).double() + 0.5,
    )
    exact = output.double().requires_grad_()
    total, figures, ratios = loss.ppo_loss(exact, minibatch, cast(policy.Policy, heads), train)
    (gradient,) = torch.autograd.grad(total, exact)

    def move(tensor: Tensor) -> Tensor:
        return tensor.to(device, torch.float32 if tensor.is_floating_point() else None)

    placed = loss.Played(
        actions=move(chosen),
        masks=None if masks is None else move(masks),
        present=None if present is None else move(present),
        log_probs=move(minibatch.log_probs),
        values=move(minibatch.values),
        advantages=move(minibatch.advantages),
        importance=move(minibatch.importance),
    )
    moments = operations.advantage_moments(placed.advantages, placed.present, normalize=True)
    mine = operations.ppo_loss(operations.CategoricalLayout(spec, device), output.to(device), placed, moments, train)
    theirs = gradient, ratios, torch.tensor([figures[key] for key in FIGURES])
    for name, result, expected in zip(("gradient", "ratios", "figures"), mine, theirs, strict=True):
        yield Check(f"ppo_loss {_describe(sizes, masked)}: {name}", distance(result, expected))

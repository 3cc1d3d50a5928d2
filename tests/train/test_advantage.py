"""Advantages against their definition, written out episode by episode."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from puffer_train.advantage import advantages

Array = NDArray[np.float64]


def by_definition(
    rewards: Array,
    values: Array,
    next_values: Array,
    ends: NDArray[np.bool_],
    gamma: float,
    lam: float,
    ratios: Array,
    rho_clip: float,
    trace_clip: float,
) -> Array:
    """A_t = sum over the rest of the episode of (gamma lam)^l (product of traces) delta, for one sequence."""
    result = np.zeros_like(rewards)
    for start in range(len(rewards)):
        weight = 1.0
        for t in range(start, len(rewards)):
            delta = min(ratios[t], rho_clip) * (rewards[t] + gamma * next_values[t] - values[t])
            result[start] += weight * delta
            if ends[t]:
                break
            weight *= gamma * lam * min(ratios[t], trace_clip)
    return result


@pytest.mark.parametrize("clips", [None, (1.0, 1.0), (0.79, 2.88)])
def test_equals_the_definition_on_random_sequences(clips: tuple[float, float] | None) -> None:
    generator = np.random.default_rng(7)
    sequences = 0
    while sequences < 3400:  # three cases: more than 10,000 in all
        time, rows = int(generator.integers(1, 24)), 68
        shape = (time, rows)
        rewards, values = generator.normal(size=shape), generator.normal(size=shape) * 3
        terminals = generator.random(shape) < 0.1
        truncations = (generator.random(shape) < 0.1) & ~terminals
        final_values = np.where(truncations, generator.normal(size=shape), 0.0)
        following = np.concatenate([values[1:], generator.normal(size=(1, rows))])
        ends = terminals | truncations
        next_values = np.where(ends, final_values, following)
        ratios = np.exp(generator.normal(size=shape)) if clips else np.ones(shape)
        rho, trace = clips or (1.0, 1.0)
        gamma, lam = generator.uniform(0.8, 1.0), generator.uniform(0.5, 1.0)

        tensors = [torch.from_numpy(x.astype(np.float64)) for x in (rewards, values, next_values, ends)]
        found = advantages(
            *tensors,
            gamma=gamma,
            lam=lam,
            ratios=torch.from_numpy(ratios) if clips else None,
            rho_clip=rho,
            trace_clip=trace,
        ).numpy()
        for row in range(rows):
            column = [x[:, row] for x in (rewards, values, next_values, ends)]
            wanted = by_definition(*column, gamma, lam, ratios[:, row], rho, trace)
            np.testing.assert_allclose(found[:, row], wanted, rtol=0, atol=1e-6)
        sequences += rows


def test_single_precision_is_enough() -> None:
    generator = torch.Generator().manual_seed(3)
    rewards, values, next_values = (torch.randn(64, 256, generator=generator) for _ in range(3))
    ends = (torch.rand(64, 256, generator=generator) < 0.05).float()
    single = advantages(rewards, values, next_values, ends, gamma=0.99, lam=0.95)
    double = advantages(rewards.double(), values.double(), next_values.double(), ends.double(), gamma=0.99, lam=0.95)
    torch.testing.assert_close(single.double(), double, rtol=1e-5, atol=1e-5)

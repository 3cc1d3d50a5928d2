"""Advantages against their definition, summed out in double precision."""

import numpy as np
import pytest
import references
import torch
from numpy.typing import NDArray

from puffer_train.algorithm.advantage import advantages

Arrays = dict[str, NDArray[np.float32]]

NOTHING_CLIPPED = (1e9, 1e9)


def random_sequences(generator: np.random.Generator, time: int, rows: int) -> Arrays:
    """Return sequences with terminals and truncations, float32 as the trainer has them."""
    shape = (time, rows)
    values = generator.normal(size=(time + 1, rows)) * 3
    terminals = generator.random(shape) < 0.1
    truncations = (generator.random(shape) < 0.1) & ~terminals
    beyond = np.where(truncations, generator.normal(size=shape), 0.0)
    ends = terminals | truncations
    arrays = {
        "rewards": generator.normal(size=shape),
        "values": values[:-1],
        "next_values": np.where(ends, beyond, values[1:]),
        "ends": ends,
        "ratios": np.exp(generator.normal(size=shape) / 2),
    }
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def found(arrays: Arrays, **how: float) -> NDArray[np.float32]:
    tensors = {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}
    return advantages(**tensors, **how).numpy()  # type: ignore[arg-type]


def wanted(arrays: Arrays, **how: float) -> NDArray[np.float64]:
    doubles = {name: array.astype(np.float64) for name, array in arrays.items() if name != "ends"}
    return references.advantages(**doubles, ends=arrays["ends"] > 0, **how)  # type: ignore[arg-type]


def sum_of_sizes(arrays: Arrays, **how: float) -> NDArray[np.float64]:
    """What the advantages would be if nothing that is added up cancelled."""
    sizes = {name: np.abs(array) for name, array in arrays.items()}
    return wanted(sizes | {"values": -sizes["values"]}, **how)


@pytest.mark.parametrize("clips", [None, (1.0, 1.0), (0.79, 2.88), NOTHING_CLIPPED])
def test_equals_the_definition_on_random_sequences(clips: tuple[float, float] | None) -> None:
    """On 10,000 sequences in each case, to 1e-6 of the size of what is added up."""
    generator = np.random.default_rng(7)
    for _ in range(40):
        arrays = random_sequences(generator, time=int(generator.integers(1, 40)), rows=250)
        how = {"gamma": generator.uniform(0.8, 1.0), "lam": generator.uniform(0.5, 1.0)}
        if clips is None:
            del arrays["ratios"]
        else:
            how |= {"rho_clip": clips[0], "trace_clip": clips[1]}
        error = np.abs(found(arrays, **how) - wanted(arrays, **how))
        assert (error / sum_of_sizes(arrays, **how)).max() < 1e-6


def test_a_long_sequence_loses_nothing() -> None:
    """10,000 steps without an end, undiscounted: sums of that many numbers stay within single precision."""
    generator = np.random.default_rng(3)
    arrays = random_sequences(generator, time=10_000, rows=3)
    arrays["ends"][:] = 0
    del arrays["ratios"]
    by_recursion = np.zeros((10_001, 3))
    doubles = {name: array.astype(np.float64) for name, array in arrays.items()}
    for t in reversed(range(10_000)):
        delta = doubles["rewards"][t] + 0.999 * doubles["next_values"][t] - doubles["values"][t]
        by_recursion[t] = delta + 0.999 * 0.99 * by_recursion[t + 1]
    np.testing.assert_allclose(found(arrays, gamma=0.999, lam=0.99), by_recursion[:-1], rtol=1e-5, atol=1e-4)


def test_nothing_crosses_an_end() -> None:
    """Whatever happens after an end, and however large, the steps before it are judged the same, to the last bit."""
    generator = np.random.default_rng(4)
    arrays = random_sequences(generator, time=12, rows=50)
    arrays["ends"][5] = 1
    changed = {name: array.copy() for name, array in arrays.items()}
    for name in ("rewards", "values", "next_values", "ratios"):
        changed[name][6:] = 1e30
    how = {"gamma": 0.99, "lam": 0.95, "rho_clip": 1.0, "trace_clip": 1.0}
    assert np.array_equal(found(arrays, **how)[:6], found(changed, **how)[:6])


def test_arguments_are_left_alone() -> None:
    arrays = random_sequences(np.random.default_rng(5), time=6, rows=9)
    tensors = {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}
    advantages(**tensors, gamma=0.9, lam=0.9)
    for name, tensor in tensors.items():
        assert np.array_equal(tensor.numpy(), arrays[name])

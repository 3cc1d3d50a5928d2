"""Convolutions in the C kernels: what torch computes in double precision, and the same bits however it is divided."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_cases import FUSED, PLANES, Case, Shape, shapes_with_planes
from test_kernel_bits import learned, played, same
from test_kernels import DEFAULTS, check_gradient, play

from puffer_train import _kernels
from puffer_train.learners.fronts import describe_fronts

ANYTHING = (shapes_with_planes(), st.integers(0, 999))


@pytest.mark.parametrize("planes", PLANES)
def test_gradients_equal_those_of_torch(planes: str) -> None:
    """Of more samples than are worked on at a time, by any measure."""
    case = Case(Shape(planes=planes, horizon=9, rows=7, inputs=5, layers=2), seed=3)
    check_gradient(case, DEFAULTS, *case.sequences(7))


@given(*ANYTHING)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_gradients_of_any_shape(shape: Shape, seed: int) -> None:
    case = Case(shape, seed)
    check_gradient(case, DEFAULTS, *case.sequences(shape.rows))


@given(*ANYTHING)
@settings(max_examples=15, deadline=None, derandomize=True)
def test_values_equal_those_of_torch(shape: Shape, seed: int) -> None:
    case = Case(shape, seed)
    kernels, exact = case.kernels(DEFAULTS), case.reference(DEFAULTS)
    play(case, kernels.actors[0], shape.horizon)
    play(case, exact.actors[0], shape.horizon)
    for name in ("values", "last_value"):
        found, wanted = getattr(kernels.buffers, name), getattr(exact.buffers, name)
        torch.testing.assert_close(found.double(), wanted, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("planes", PLANES)
def test_what_was_played_has_ratio_one(planes: str) -> None:
    case = Case(Shape(planes=planes, horizon=5, rows=6))
    kernels = case.kernels(replace(DEFAULTS, refresh_advantages=True))
    kernels.buffers.first_state.copy_(kernels.actors[0].state)
    play(case, kernels.actors[0], 5)
    kernels.gradient(torch.arange(6), torch.ones(6))
    assert torch.equal(kernels.buffers.ratios, torch.ones(5, 6))


@pytest.mark.skipif(len(FUSED) < 2, reason="needs a processor with both x86-64-v3 and x86-64-v4")
@pytest.mark.parametrize("planes", PLANES)
def test_instruction_sets_agree(planes: str) -> None:
    case = Case(Shape(planes=planes, horizon=9, rows=7, inputs=5))
    assert same(*(learned(case, 1, isa) for isa in FUSED))
    assert same(*(played(case, isa, []) for isa in FUSED))


@pytest.mark.parametrize("planes", PLANES)
def test_threads_agree(planes: str) -> None:
    case = Case(Shape(planes=planes, horizon=64, rows=9))
    one, *others = (learned(case, threads, None) for threads in (1, 2, 5))
    assert all(same(one, other) for other in others)


@given(*ANYTHING, st.lists(st.integers(1, 200), max_size=4))
@settings(max_examples=15, deadline=None, derandomize=True)
def test_parts_agree(shape: Shape, seed: int, borders: list[int]) -> None:
    shape = replace(shape, rows=9 * shape.rows, horizon=1 + shape.horizon // 8)
    case = Case(shape, seed)
    inside = sorted({border for border in borders if border < shape.rows})
    assert same(played(case, None, []), played(case, None, inside))


def learner(**changes: object) -> _kernels.Learner:
    """One over a grid, of which something is different."""
    case = Case(Shape(planes="grid"))
    ((kind, number, at, shape, first, low, values, size, scale, layers),) = describe_fronts(case.policy)
    names = ("kind", "number", "at", "shape", "first", "low", "values", "size", "scale", "layers")
    front = dict(zip(names, (kind, number, at, shape, first, low, values, size, scale, layers), strict=True)) | changes
    nothing = np.zeros(0, np.float32)
    arguments = ("mingru", 0, 16, 1, (3,), None, nothing, "uint8", 8, 0, None, [], 35, [tuple(front.values())])
    return _kernels.Learner(_kernels.Workers(1), *arguments)  # type: ignore[arg-type]


WRONG = {
    "number": "int64",
    "at": 1,
    "shape": (5, 8, 1),
    "first": True,
    "low": 1 << 31,
    "values": 1 << 17,
    "layers": (),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_there_is_no_kernel_for_is_refused(name: str) -> None:
    learner()
    with pytest.raises(ValueError, match=r"there is no kernel|do not fit"):
        learner(**{name: WRONG[name]})


@pytest.mark.parametrize("layer", [(8, 3, 1, 1), (16, 0, 1, 0), (16, 3, 0, 1), (16, 3, 1, 3), (16, 6, 1, 0)])
def test_layers_that_there_is_no_kernel_for_are_refused(layer: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"there is no kernel|leave nothing"):
        learner(layers=(layer,))
    with pytest.raises(ValueError, match="there is no kernel"):
        learner(layers=((16, 3, 1, 1),) * 4)

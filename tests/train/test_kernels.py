"""The C kernels compute what torch does in double precision, for networks and rollouts of every shape.

Errors are parts of the largest number of their kind: 1e-5, or three times what torch in single precision is off by,
where sums cancel.
"""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from kernel_cases import Case, Shape, distance_to_kinks, shapes
from torch import Tensor

from puffer_train import _kernels
from puffer_train.algorithm.optimizer import Muon
from puffer_train.config import TrainSettings
from puffer_train.learners import protocol

EXACT = 1e-5
DEFAULTS = TrainSettings()


def furthest(found: Tensor, wanted: Tensor) -> float:
    """The largest difference, as a part of the largest number."""
    return float((found.double() - wanted).abs().max()) / max(float(wanted.abs().max()), 1e-30)


learning = st.builds(
    lambda **changes: replace(DEFAULTS, **changes),
    normalize_advantages=st.booleans(),
    refresh_advantages=st.booleans(),
    clip=st.sampled_from([0.05, 0.2, 0.81]),
    value_clip=st.sampled_from([0.0, 0.1, 5.0]),
    value_coefficient=st.sampled_from([0.0, 0.5, 3.47]),
    entropy_coefficient=st.sampled_from([0.0, 0.01, 0.3]),
)


def check_gradient(case: Case, train: TrainSettings, sequences: Tensor, importance: Tensor) -> None:
    kernels, exact, single = case.kernels(train), case.reference(train), case.single(train)
    length, report = kernels.gradient(sequences, importance)
    wanted_length, wanted = exact.gradient(sequences, importance.double())
    single.gradient(sequences, importance)
    on_a_kink = distance_to_kinks(case, train, sequences, importance) < 3e-6
    for (name, found), right, rounded in zip(
        kernels.policy.named_parameters(), exact.policy.parameters(), single.policy.parameters(), strict=True
    ):
        assert found.grad is not None and right.grad is not None and rounded.grad is not None
        most = max(EXACT, 3 * furthest(rounded.grad, right.grad), 0.05 * on_a_kink)
        assert furthest(found.grad, right.grad) <= most, f"gradient of {name}"
    assert length == pytest.approx(wanted_length, rel=1e-2 if on_a_kink else 2e-5, abs=1e-30)
    assert report.keys() == wanted.keys()
    for name, figure in wanted.items():
        off = 1 / sequences.numel() if name == "clip_fraction" and on_a_kink else 0  # one more sample, or one less
        assert report[name] == pytest.approx(figure, rel=EXACT, abs=2e-6 + off), name
    for name in ("values", "ratios"):
        assert furthest(getattr(kernels.buffers, name), getattr(exact.buffers, name)) <= EXACT, name


@given(shapes(), learning, st.integers(0, 999), st.floats(0, 1))
@example(Shape(rows=40, horizon=8, sizes=(3,)), replace(DEFAULTS, refresh_advantages=True, value_clip=0.1), 0, 1.0)
@example(Shape("lstm", rows=40, horizon=20, layers=2), replace(DEFAULTS, refresh_advantages=True, clip=0.05), 0, 1.0)
@example(Shape(layers=4, hidden=32, inputs=118, horizon=32, rows=33), DEFAULTS, 1, 0.9)
@example(Shape(hidden=512, horizon=9, rows=30), DEFAULTS, 2, 1.0)  # rows of weights that lie far apart
@example(Shape(layers=2, inputs=17, rows=33, normalized=True), DEFAULTS, 1, 0.9)
@example(Shape("lstm", inputs=5, kind="box", sizes=(2,), normalized=True), DEFAULTS, 2, 1.0)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_gradients_figures_values_and_ratios(shape: Shape, train: TrainSettings, seed: int, share: float) -> None:
    """Of some sequences, some of them several times, with weights; the examples have duplicates in several tiles."""
    case = Case(shape, seed)
    check_gradient(case, train, *case.sequences(1 + round(share * (shape.rows - 1))))


@pytest.mark.parametrize("cell", ["mingru", "lstm"])
@pytest.mark.parametrize("end", range(7))
def test_episodes_that_end_at_any_place(end: int, cell: str) -> None:
    """Also where a rollout begins and ends, and at two steps one after the other."""
    case = Case(Shape(cell, horizon=7, rows=5, layers=2), seed=end)
    case.buffers.ends.zero_()
    case.buffers.ends[end, 1:] = True
    case.buffers.ends[(end + 1) % 7, 2] = True
    check_gradient(case, DEFAULTS, *case.sequences(5))


def test_a_minibatch_without_an_agent() -> None:
    case = Case(Shape(deserted=True, rows=4), seed=1)
    assert case.buffers.present is not None
    case.buffers.present[:, :2] = False
    kernels = case.kernels(DEFAULTS)
    length, report = kernels.gradient(torch.tensor([0, 1]), torch.ones(2))
    assert length == 0
    assert all(math.isfinite(x) for x in report.values())
    assert all(p.grad is not None and not p.grad.any() for p in kernels.policy.parameters())


@pytest.mark.parametrize("log_std", [-46.5, -5.0, 5.0])
def test_narrow_and_wide_spreads(log_std: float) -> None:
    """However narrow: samples that only fill up a block of sixteen lie infinitely many spreads from the mean."""
    case = Case(Shape(kind="box", sizes=(2,), horizon=3, rows=3))
    assert case.policy.log_std is not None
    with torch.no_grad():
        case.policy.log_std.fill_(log_std)
    kernels = case.kernels(DEFAULTS)
    kernels.buffers.first_state.copy_(kernels.actors[0].state)
    play(case, kernels.actors[0], 3)
    length, report = kernels.gradient(torch.arange(3), torch.ones(3))
    assert math.isfinite(length)
    assert report["importance"] == pytest.approx(1, abs=1e-6)
    assert report["old_approx_kl"] == 0


# -- acting ------------------------------------------------------------------------------------------------


def play(case: Case, actor: Any, steps: int, key: int = 5) -> None:
    """Act and step with random observations, rewards and ends, the same for everybody who plays this case."""
    random, env = np.random.default_rng(9), case.env
    actor.begin(torch.Generator().manual_seed(key))
    for t in range(steps):
        assert actor.act(t) == -1
        env.observations[...] = case.buffers.observations[t + 1].numpy()
        env.rewards[:] = random.normal(size=case.shape.rows)
        env.terminals[:] = random.random(case.shape.rows) < 0.1
        env.truncations[:] = (random.random(case.shape.rows) < 0.1) & ~env.terminals
        assert (actor.store(t) == 0) == (not env.truncations.any())
        actor.reset_state(t)
    actor.finish()


@given(shapes(), st.integers(0, 999))
@example(Shape(inputs=9, rows=70, normalized=True), 3)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_acting_and_storing(shape: Shape, seed: int) -> None:
    """Values, log-probabilities of what was chosen, state, and everything that is stored."""
    case = Case(shape, seed)
    kernels, exact = case.kernels(DEFAULTS), case.reference(DEFAULTS)
    play(case, kernels.actors[0], shape.horizon)
    play(case, exact.actors[0], shape.horizon)
    exact.buffers.actions = kernels.buffers.actions
    exact.actors[0].finish()
    for name in ("observations", "rewards", "ends"):
        found, wanted = getattr(kernels.buffers, name), getattr(exact.buffers, name)
        assert torch.equal(found, wanted.to(found.dtype)), name
    for name in ("values", "last_value", "log_probs"):
        found, wanted = getattr(kernels.buffers, name), getattr(exact.buffers, name)
        torch.testing.assert_close(found.double(), wanted, rtol=1e-5, atol=2e-6)
    torch.testing.assert_close(kernels.actors[0].state.double(), exact.actors[0].state, rtol=1e-5, atol=1e-6)
    if case.buffers.masks is not None:
        start, masks = 0, kernels.buffers.masks
        assert masks is not None
        for d, size in enumerate(shape.sizes):
            chosen = kernels.buffers.actions[..., d : d + 1]
            assert masks[:-1, :, start : start + size].gather(-1, chosen).all()
            start += size


@given(shapes(), st.integers(0, 999))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_what_was_played_has_ratio_one(shape: Shape, seed: int) -> None:
    """To the last bit: acting and learning are the same arithmetic. Values, too."""
    case = Case(shape, seed)
    kernels = case.kernels(replace(DEFAULTS, refresh_advantages=True))
    kernels.buffers.first_state.copy_(kernels.actors[0].state)
    play(case, kernels.actors[0], shape.horizon)
    values = kernels.buffers.values.clone()
    kernels.buffers.ratios.zero_()
    _, report = kernels.gradient(torch.arange(shape.rows), torch.ones(shape.rows))
    assert torch.equal(kernels.buffers.ratios, torch.ones_like(values))
    assert torch.equal(kernels.buffers.values, values)
    assert report["approx_kl"] == report["old_approx_kl"] == report["clip_fraction"] == 0


# -- advantages --------------------------------------------------------------------------------------------


@given(
    st.integers(1, 70),
    st.integers(1, 40),
    st.booleans(),
    st.sampled_from([0.0, 0.5, 1.0]),
    st.sampled_from([0.0, 0.9, 0.99, 1.0]),
    st.floats(0.0, 1.0),
    st.floats(0.0, 2.0),
    st.floats(0.0, 2.0),
    st.floats(0.01, 3.0),
)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_advantages(
    horizon: int,
    rows: int,
    clipped: bool,
    reward_clip: float,
    gamma: float,
    lam: float,
    rho: float,
    trace: float,
    factor: float,
) -> None:
    """With and without V-trace's clips, rewards scaled and cut."""
    case = Case(Shape(horizon=horizon, rows=rows), seed=horizon + 100 * rows)
    train = replace(DEFAULTS, gamma=gamma, gae_lambda=lam, reward_clip=reward_clip, reward_scale=1.7)
    train = replace(train, refresh_advantages=clipped, rho_clip=rho, trace_clip=trace)
    kernels, exact = case.kernels(train), case.reference(train)
    kernels.estimate_advantages(factor)
    exact.estimate_advantages(factor)
    assert furthest(kernels.buffers.advantages, exact.buffers.advantages) <= EXACT


# -- Muon --------------------------------------------------------------------------------------------------

MATRICES = [(1, 1), (1, 40), (40, 1), (4, 32), (118, 32), (32, 118), (96, 32), (512, 256), (17, 17), (3, 2, 96, 32)]
MATRICES += [(64, 2600), (2600, 30)]  # very tall ones, which are done in another way


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("isa", _kernels.supported_isas())
@pytest.mark.parametrize("shape", MATRICES)
def test_muon(shape: tuple[int, ...], isa: str, threads: int) -> None:
    """Three steps with momentum, within 1e-4 of what one step moves: rounding shows in the weakest directions."""
    random = torch.Generator().manual_seed(sum(shape))
    shape = shape if len(shape) < 4 else (shape[0] * shape[1], *shape[2:])
    first = torch.randn(shape, generator=random)
    mine, right = torch.nn.Parameter(first.clone()), torch.nn.Parameter(first.double())
    kernels = Muon([("matrix", mine)], 0.87, _kernels.Workers(threads, isa))
    exact = Muon([("matrix", right)], 0.87)
    for step in range(3):
        gradient = torch.randn(shape, generator=random) * 10.0 ** (step - 3)
        assert mine.grad is not None
        mine.grad.copy_(gradient)
        right.grad = gradient.double()
        kernels.step(0.05, 0.0, gradient_scale=0.3)
        exact.step(0.05, 0.0, gradient_scale=0.3)
    assert furthest(kernels.averages["matrix"], exact.averages["matrix"]) < 1e-6
    largest = float((right.detach() - first.double()).abs().max())
    assert float((mine.detach().double() - right.detach()).abs().max()) < 1e-4 * largest + 1e-6


@pytest.mark.parametrize("columns", [1500, 2600])
@pytest.mark.parametrize("weakest", [1e-2, 1e-4])
def test_muon_follows_weak_directions(columns: int, weakest: float) -> None:
    """Directions ten thousand times weaker than the strongest one move as far as they do in double precision."""
    random = torch.Generator().manual_seed(1)
    left = torch.linalg.qr(torch.randn(64, 64, generator=random).double())[0]
    right = torch.linalg.qr(torch.randn(columns, 64, generator=random).double())[0].T
    gradient = left * torch.logspace(0, math.log10(weakest), 64).double() @ right
    moved = []
    for dtype, workers in ((torch.float32, _kernels.Workers(1)), (torch.float64, None)):
        matrix = torch.nn.Parameter(torch.zeros(64, columns, dtype=dtype))
        optimizer = Muon([("matrix", matrix)], 0.9, workers)
        matrix.grad = gradient.to(dtype) if matrix.grad is None else matrix.grad.copy_(gradient)
        optimizer.step(1.0, 0.0)
        moved.append((left.T @ matrix.detach().double() @ right.T).diag())
    assert float((moved[0] - moved[1]).abs().max()) < 1e-3


def test_muon_of_nothing_moves_nothing() -> None:
    matrix = torch.nn.Parameter(torch.ones(18, 7))
    Muon([("matrix", matrix)], 0.9, _kernels.Workers(1)).step(1.0, 0.0)
    assert torch.equal(matrix, torch.ones(18, 7))


@pytest.mark.parametrize("size", [1e-25, 1e-12, 1e12, 1e30])
def test_muon_goes_by_direction_alone(size: float) -> None:
    gradient, moved = torch.randn(8, 24, generator=torch.Generator().manual_seed(0)), []
    for factor in (1.0, size):
        matrix = torch.nn.Parameter(torch.zeros(8, 24))
        optimizer = Muon([("matrix", matrix)], 0.9, _kernels.Workers(1))
        assert matrix.grad is not None
        matrix.grad.copy_(gradient * factor)
        optimizer.step(1.0, 0.0)
        moved.append(copy.deepcopy(matrix.detach()))
    torch.testing.assert_close(moved[0], moved[1], rtol=0, atol=1e-4)


def test_flags_are_those_of_the_learners() -> None:
    """They are written down twice, as torch needs them also where no kernels are built."""
    for name in ("SOME_TRUNCATED", "BAD_OBSERVATIONS", "BAD_REWARDS"):
        assert getattr(_kernels, name) == getattr(protocol, name)

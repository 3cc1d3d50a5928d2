"""The kernels give the same bits on any number of threads, in any division into parts, with AVX2 or AVX-512."""

from __future__ import annotations

import json
import multiprocessing
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from kernel_cases import FUSED, Case, Shape, shapes

from puffer_train import _kernels
from puffer_train.algorithm.optimizer import Muon
from puffer_train.cli import health
from puffer_train.config import TrainSettings
from puffer_train.golden import KINDS, learned_digest
from puffer_train.learners.kernels import KernelLearner

GOLDEN = Path(__file__).resolve().parents[1] / "golden/kernels.json"
TRAIN = replace(TrainSettings(), refresh_advantages=True, rho_clip=0.9, trace_clip=0.8, clip=0.2)
ANYTHING = (shapes(), st.integers(0, 999))
fused = pytest.mark.skipif(not FUSED, reason="needs fused multiply-adds, which x86-64-v3 brings")


@fused
@pytest.mark.parametrize(("cell", "head"), KINDS)
def test_golden(cell: str, head: str) -> None:
    """Weights after 20 updates. If a change means to alter them, run tests/make_kernels_golden.py."""
    wanted = json.loads(GOLDEN.read_text())["learned"][f"{cell} {head}"]
    for isa in FUSED:
        assert learned_digest(cell, head, threads=2, isa=isa) == wanted, isa


@fused
def test_the_doctor_compares_small_trainings() -> None:
    """Also where the only instruction set is the baseline and has fused multiply-adds: on ARM."""
    (finding,) = health._kernels()
    assert finding.found.startswith(f"{len(KINDS)} of {len(KINDS)} small trainings give the expected bytes")
    assert not finding.wrong


def learned(case: Case, threads: int, isa: str | None) -> list[np.ndarray[Any, Any]]:
    """All that comes of estimating advantages, of a gradient, and of a step of the optimizer."""
    kernels = case.kernels(TRAIN, threads, isa)
    kernels.estimate_advantages(0.7)
    random = np.random.default_rng(3)
    count = int(random.integers(1, case.shape.rows + 1))
    sequences = torch.from_numpy(random.integers(0, case.shape.rows, count))
    importance = torch.from_numpy(random.uniform(0.3, 2.0, count).astype(np.float32))
    length, report = kernels.gradient(sequences, importance)
    optimizer = Muon(kernels.policy.named_parameters(), 0.9, _kernels.Workers(threads, isa))
    optimizer.step(0.1, 0.0)
    buffers = kernels.buffers
    arrays = [buffers.advantages, buffers.values, buffers.ratios, *kernels.policy.parameters()]
    arrays += [p.grad for p in kernels.policy.parameters() if p.grad is not None]
    return [x.detach().numpy() for x in arrays] + [np.array([length, *report.values()])]


def played(case: Case, isa: str | None, borders: list[int]) -> list[np.ndarray[Any, Any]]:
    """All that comes of playing in parts with these borders."""
    kernels = case.kernels(TRAIN, 1, isa)
    state, env, rows = kernels.actors[0].state, case.env, case.shape.rows
    random = np.random.default_rng(9)
    parts = []
    for first, last in zip([0, *borders], [*borders, rows], strict=True):
        part = SimpleNamespace(
            **{name: vars(env)[name][first:last] for name in ("observations", "rewards", "terminals", "truncations")}
        )
        parts.append(_kernels.Actor(kernels.rollout, part, state.numpy(), first, last))
    for t in range(case.shape.horizon):
        for part in parts:
            assert part.act(t, 100 + t) == -1
        env.observations[...] = case.buffers.observations[t + 1].numpy()
        env.rewards[:] = random.normal(size=rows)
        env.terminals[:] = random.random(rows) < 0.2
        for part in parts:
            part.store(t)
            part.reset_state(t)
    for part in parts:
        part.look_ahead(case.shape.horizon, state[:, part.first : part.last].clone().numpy())
    names = ("observations", "actions", "log_probs", "rewards", "ends", "values", "last_value")
    return [getattr(kernels.buffers, name).numpy() for name in names] + [state.numpy()]


def same(one: list[np.ndarray[Any, Any]], other: list[np.ndarray[Any, Any]]) -> bool:
    return all(a.tobytes() == b.tobytes() for a, b in zip(one, other, strict=True))


@pytest.mark.skipif(len(FUSED) < 2, reason="needs a processor with both x86-64-v3 and x86-64-v4")
@given(*ANYTHING)
@example(Shape(hidden=512, horizon=9, rows=30), 0)
@example(Shape("lstm", hidden=272, horizon=9, rows=30), 0)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_instruction_sets_agree(shape: Shape, seed: int) -> None:
    case = Case(shape, seed)
    assert same(*(learned(case, 1, isa) for isa in FUSED))
    assert same(*(played(case, isa, []) for isa in FUSED))


@given(*ANYTHING)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_threads_agree(shape: Shape, seed: int) -> None:
    case = Case(replace(shape, rows=shape.rows + 20), seed)
    one, *others = (learned(case, threads, None) for threads in (1, 2, 3, 5))
    assert all(same(one, other) for other in others)


@given(*ANYTHING, st.lists(st.integers(1, 200), max_size=4))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_parts_agree(shape: Shape, seed: int, borders: list[int]) -> None:
    """Also where a part has more rows than are worked on at a time."""
    shape = replace(shape, rows=5 * shape.rows, horizon=1 + shape.horizon // 8)
    case = Case(shape, seed)
    inside = sorted({border for border in borders if border < shape.rows})
    assert same(played(case, None, []), played(case, None, inside))


@fused
@given(*ANYTHING)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_the_baseline_is_near(shape: Shape, seed: int) -> None:
    """Every product is rounded there. Weights are left out: Muon makes much of the rounding of weak directions."""
    case = Case(shape, seed)
    (*one, first), (*other, second) = (learned(case, 1, isa) for isa in ("baseline", FUSED[-1]))
    for a, b in zip(one[:3], other[:3], strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5)
    np.testing.assert_allclose(first, second, rtol=1e-3, atol=1e-3)


def test_actors_of_one_rollout_act_at_the_same_time() -> None:
    """Each in its own thread, often while another one does the same; tests/c runs this under the sanitizers."""
    case = Case(Shape(rows=256, hidden=64, layers=2, horizon=4))
    kernels = case.kernels(TRAIN)
    wanted = played(case, None, [])[1]
    state = kernels.actors[0].state
    actors = [
        _kernels.Actor(kernels.rollout, part(case, first), state.numpy(), first, first + 64)
        for first in range(0, 256, 64)
    ]
    with ThreadPoolExecutor(4) as threads:
        for _ in range(50):
            state.zero_()
            assert list(threads.map(lambda actor: actor.act(0, 100), actors)) == [-1] * 4
            assert np.array_equal(kernels.buffers.actions[0].numpy(), wanted[0])


def part(case: Case, first: int) -> SimpleNamespace:
    env = vars(case.env)
    return SimpleNamespace(
        **{name: env[name][first : first + 64] for name in ("observations", "rewards", "terminals", "truncations")}
    )


def gradient_in_child(kernels: KernelLearner, threads: Any) -> None:
    threads.send(kernels.gradient(torch.arange(40), torch.ones(40)))


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_does_the_work_alone() -> None:
    """The threads are not there any more: it is slower, and the same."""
    kernels = Case(Shape(rows=40)).kernels(TrainSettings(), threads=3)
    wanted = kernels.gradient(torch.arange(40), torch.ones(40))
    here, there = multiprocessing.get_context("fork").Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(target=gradient_in_child, args=(kernels, there))
    child.start()
    assert here.poll(60)
    assert here.recv() == wanted
    child.join()
    assert child.exitcode == 0

"""The GPU's code where there is no GPU: kernels in Triton's interpreter, graphs as plain calls, all on the processor.

What these cannot show is that a GPU gives the same: `python benchmarks/gpu.py` does, where there is one.
"""

from __future__ import annotations

import copy
import importlib.util
import itertools
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cuda_checks as checks
import numpy as np
import pytest
import tiny
import torch
from tiny_environments import CartPole, Target, VectorEnvironment

from puffer_envs.contract.actions import ActionSpec
from puffer_train.algorithm import parts
from puffer_train.algorithm.loss import Played, ppo_loss
from puffer_train.algorithm.optimizer import Muon
from puffer_train.algorithm.ppo import PPO
from puffer_train.config import TrainSettings
from puffer_train.errors import ConfigError
from puffer_train.kernels import FIGURES
from puffer_train.learners.cuda import operations
from puffer_train.learners.cuda.device import nvidia_gpu
from puffer_train.learners.cuda.learner import CudaLearner
from puffer_train.learners.cuda.loss import differentiable_loss
from puffer_train.learners.cuda.optimizer import DeviceOptimizer
from puffer_train.learners.torch import TorchLearner

CPU = torch.device("cpu")


def annuity(envs: int) -> VectorEnvironment:
    """Return environments whose episodes are cut off at random."""
    return tiny.Annuity(envs, over=False)


PAYOFFS = np.array([[0.1, 0.9, 0.2], [0.8, 0.1, 0.0]])

no_triton = importlib.util.find_spec("triton") is None

needs_triton = [
    pytest.mark.skipif(no_triton, reason="Triton is not installed: pip install triton (190 MB)"),
    pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning"),  # NumPy's, in the interpreter, for planted NaN
    pytest.mark.usefixtures("interpreter"),
]


def kernel_test(function: Any) -> Any:
    """Mark a test that runs kernels."""
    for mark in needs_triton:
        function = mark(function)
    return function


@pytest.fixture(scope="session")
def interpreter() -> Iterator[None]:
    """Kernels decide when they are loaded whether they are compiled or interpreted."""
    before = os.environ.get("TRITON_INTERPRET")
    os.environ["TRITON_INTERPRET"] = "1"
    operations.kernels()
    yield
    os.environ.pop("TRITON_INTERPRET")
    if before is not None:
        os.environ["TRITON_INTERPRET"] = before


# -- without Triton ------------------------------------------------------------------------------------------


def test_everything_but_the_kernels_imports_without_triton() -> None:
    folder = Path(operations.__file__).parent
    modules = sorted(path.stem for path in folder.glob("*.py") if path.stem not in ("__init__", "triton_kernels"))
    script = f"""
import importlib, sys
sys.modules["triton"] = None
for name in {modules!r}:
    importlib.import_module("puffer_train.learners.cuda." + name)
from puffer_train.learners.cuda.operations import kernels
from puffer_train.errors import ConfigError
try:
    kernels()
except ConfigError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    assert "pip install triton" in done.stdout
    assert len(modules) > 8
    assert len(done.stdout.splitlines()) == 1


def test_a_gpu_is_found_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert nvidia_gpu() == torch.device("cuda", 0)
    assert nvidia_gpu(1) == torch.device("cuda", 1)


@pytest.mark.parametrize(
    ("number", "built_for", "gpus", "said"),
    [
        (0, None, 0, "built without CUDA"),
        (0, "13.0", 0, "sees no GPU"),
        (2, "13.0", 2, "sees 2 GPUs, numbered from 0"),
    ],
)
def test_a_gpu_that_is_not_there_is_refused_in_one_line(
    number: int, built_for: str | None, gpus: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.version, "cuda", built_for)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    with pytest.raises(ConfigError, match=said) as refused:
        nvidia_gpu(number)
    assert "\n" not in str(refused.value)


class Parameters(torch.nn.Module):
    """Matrices of two shapes, stacked and alone, and a vector."""

    def __init__(self) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(3)
        for name, shape in {"a": (6, 4), "b": (3, 6, 4), "c": (2, 5), "d": (7,)}.items():
            self.register_parameter(name, torch.nn.Parameter(torch.randn(shape, generator=draw)))


def test_the_optimizer_on_the_device_takes_the_reference_s_steps() -> None:
    mine, theirs, draw = Parameters(), Parameters(), torch.Generator().manual_seed(5)
    reference = Muon(theirs.named_parameters(), 0.9)
    device = DeviceOptimizer(Muon(mine.named_parameters(), 0.9))
    assert [len(names) for names in device.shapes.values()] == [2, 1], "matrices of one shape are stepped together"
    for _ in range(6):
        for p, q in zip(mine.parameters(), theirs.parameters(), strict=True):
            p.grad = torch.randn(p.shape, generator=draw)
            q.grad = p.grad.clone()
        reference.step(0.02, 0.003, gradient_scale=0.7)
        device.step(torch.tensor(0.7), torch.tensor([0.02, 0.003]), torch.tensor(True))
    assert int(device.taken) == reference.steps == 6
    for (name, p), q in zip(mine.named_parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-5, atol=1e-6, msg=name)
    for name, tensor in device.optimizer.tensors().items():
        torch.testing.assert_close(tensor, reference.tensors()[name], rtol=1e-5, atol=1e-6, msg=name)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_an_unsound_step_leaves_every_bit_as_it_was(bad: float) -> None:
    module = Parameters()
    device = DeviceOptimizer(Muon(module.named_parameters(), 0.9))
    rates = torch.tensor([0.02, 0.003])

    def step(filling: float, sound: bool) -> None:
        for p in module.parameters():
            p.grad = torch.full_like(p, filling)
        device.step(torch.tensor(1.0), rates, torch.tensor(sound))

    step(0.5, True)
    before = [tensor.detach().clone().numpy().tobytes() for tensor in device.changed()]
    step(bad, False)
    assert [tensor.detach().numpy().tobytes() for tensor in device.changed()] == before
    step(0.5, True)
    assert all(torch.isfinite(tensor).all() for tensor in device.changed())


# -- kernels against their references ------------------------------------------------------------------------


@kernel_test
def test_every_kernel_computes_what_the_reference_does() -> None:
    results = list(checks.check_all(CPU))
    assert len(results) > 30
    assert [f"{r.name}: {r.error}" for r in results if not r.passed] == []


@kernel_test
def test_a_kernel_that_is_slightly_wrong_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = operations.advantages
    monkeypatch.setattr(operations, "advantages", lambda *a, **k: right(*a, **k) * 1.001)
    assert not checks.check_advantages(CPU, torch.Generator().manual_seed(1), (5, 3), True).passed
    assert not checks.Check("not a number", math.nan).passed


SIZES = (2, 3)


@kernel_test
def test_actions_are_drawn_as_often_as_their_probability_says() -> None:
    spec, agents, slots = ActionSpec("discrete", SIZES, (2,)), 2000, 5
    logits = torch.tensor([0.0, 1.0, 0.5, -0.5, 1.5])
    masks = torch.tensor([True, True, True, False, True])
    actions = torch.zeros(slots, agents, 2, dtype=torch.int64)
    rest = [torch.zeros(slots, agents), torch.zeros(slots, agents), torch.zeros(slots, agents, dtype=torch.bool)]
    output = torch.cat([logits, torch.zeros(1)]).unsqueeze(-1).expand(6, agents)
    key = torch.tensor([12345])
    for slot in range(slots):
        operations.sample_categorical(
            operations.CategoricalLayout(spec, CPU),
            *(output, output[-1], masks.expand(agents, 5), key, torch.tensor([slot]), 0, actions, *rest),
        )
    drawn = slots * agents
    for d, block in enumerate(torch.split(torch.where(masks, logits, -torch.inf), SIZES)):
        expected = torch.softmax(block, 0)
        counts = torch.bincount(actions[..., d].flatten(), minlength=len(block))
        assert counts[expected == 0].sum() == 0, "forbidden actions are never taken"
        spread = (expected * (1 - expected) / drawn).sqrt()
        assert ((counts / drawn - expected).abs() <= 4 * spread).all()
    assert (actions[0] != actions[1]).any(), "every step draws numbers of its own"


@kernel_test
def test_actions_do_not_depend_on_how_agents_are_divided() -> None:
    spec, agents = ActionSpec("discrete", SIZES, (2,)), 50
    output = torch.randn(6, agents, generator=torch.Generator().manual_seed(2))

    def draw(*bounds: int) -> torch.Tensor:
        actions = torch.zeros(1, agents, 2, dtype=torch.int64)
        rest = [torch.zeros(1, agents), torch.zeros(1, agents), torch.zeros(1, agents, dtype=torch.bool)]
        for first, last in itertools.pairwise(bounds):
            part = output[:, first:last]
            where = (torch.tensor([9]), torch.tensor([0]), first, actions, *rest)
            operations.sample_categorical(operations.CategoricalLayout(spec, CPU), part, part[-1], None, *where)
        return actions

    assert torch.equal(draw(0, agents), draw(0, 13, 31, agents))


@kernel_test
@pytest.mark.parametrize("name", ["masks", "continuous actions"])
def test_greedily_the_likeliest_actions_are_taken(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = cuda_trainer(ENVIRONMENTS[name](), monkeypatch, horizon=4, minibatch=32)
    trainer.collect()
    buffers, policy, (actor,) = trainer.buffers, trainer.policy, trainer.learner.actors
    buffers.turn_over()
    actor.begin(trainer.sampling)
    actor.act(0, greedy=True)
    masks = None if buffers.masks is None else buffers.masks[0]
    expected = policy.sample_actions(policy.step(buffers.observations[0], trainer.state.clone()), None, masks)
    torch.testing.assert_close(buffers.actions[0], expected)


@kernel_test
@pytest.mark.parametrize("where", ["output", "log_probs", "values", "advantages"])
def test_a_number_that_is_not_finite_reaches_gradient_and_figures(where: str) -> None:
    """Otherwise the step would be taken."""
    spec, shape = ActionSpec("discrete", (3,), ()), (4, 5)
    draw = torch.Generator().manual_seed(4)
    tensors = {name: torch.randn(shape, generator=draw) for name in ("log_probs", "values", "advantages")}
    tensors["output"] = torch.randn(4, *shape, generator=draw)
    tensors[where].view(-1)[7] = math.nan
    output = tensors.pop("output")
    played = Played(
        actions=torch.zeros(*shape, 1, dtype=torch.int64), masks=None, present=None, importance=torch.ones(5), **tensors
    )
    moments = operations.advantage_moments(played.advantages, None, normalize=True)
    layout = operations.CategoricalLayout(spec, CPU)
    gradient, _, figures = operations.ppo_loss(layout, output, played, moments, TrainSettings())
    assert not torch.isfinite(gradient).all()
    assert not torch.isfinite(figures[:2]).all()


COMPILE = """
import json, sys
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from puffer_train.learners.cuda import triton_kernels

POINTER, BOOL, WHOLE, NUMBER = "*fp32", "*i1", "i32", "fp32"
SCAN = {"HAS_KEEP": True, "BLOCK": 64}
LSTM = {"HAS_KEEP": True, "ROWS": 16, "CHUNK": 32}
ACTIONS = {"HAS_MASKS": True, "WIDEST": 4, "BLOCK": 128}
DRAWN = ACTIONS | {"GREEDY": False}
KERNELS = {
    "mingru_forward": ([POINTER] * 5 + [WHOLE] * 4, SCAN, 2),
    "mingru_backward": ([POINTER] * 7 + [WHOLE] * 3, SCAN, 2),
    "lstm_forward": ([POINTER] * 6 + [WHOLE] * 3, LSTM, 8),
    "lstm_backward": ([POINTER] * 8 + [WHOLE] * 3, LSTM, 8),
    "advantages": ([POINTER] * 6 + [WHOLE] * 2 + [NUMBER] * 4, {"HAS_RATIOS": True, "BLOCK": 64}, 2),
    "sample_categorical": (
        [POINTER, POINTER, BOOL, "*i32", "*i64", "*i64", "*i64", POINTER, POINTER, BOOL] + [WHOLE] * 5, DRAWN, 4
    ),
    "ppo_loss": (
        [POINTER, BOOL, "*i32", "*i64"] + [POINTER] * 9 + [WHOLE] * 4 + [NUMBER] * 4,
        ACTIONS | {"HAS_PRESENT": True, "CLIP_VALUES": True},
        4,
    ),
}
shared = {}
for name, (types, constants, warps) in KERNELS.items():
    kernel = getattr(triton_kernels, name)
    given = iter(types)
    signature = {n: "constexpr" if n in constants else next(given) for n in kernel.arg_names}
    places = {(i,): constants[n] for i, n in enumerate(kernel.arg_names) if n in constants}
    source = ASTSource(fn=kernel, signature=signature, constexprs=places)
    made = triton.compile(source, target=GPUTarget("cuda", int(sys.argv[1]), 32), options={"num_warps": warps})
    shared[name] = made.metadata.shared
    assert made.asm["cubin"], name
print(json.dumps(shared))
"""


@pytest.mark.skipif(no_triton, reason="Triton is not installed: pip install triton (190 MB)")
@pytest.mark.parametrize("capability", [75, 80, 90])
def test_kernels_compile_for_gpus_that_are_not_here(capability: int, tmp_path: Path) -> None:
    """From Turing to Hopper, down to machine code: Triton brings the assembler along."""
    environment = os.environ | {"TRITON_CACHE_DIR": str(tmp_path)}
    environment.pop("TRITON_INTERPRET", None)
    command = [sys.executable, "-c", COMPILE, str(capability)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, env=environment)
    assert done.returncode == 0, done.stderr
    shared = json.loads(done.stdout)
    assert len(shared) == 7
    assert max(shared.values()) <= 48 * 1024, "more shared memory than every GPU has"


# -- the whole learner ---------------------------------------------------------------------------------------


def cuda_trainer(
    env: VectorEnvironment, monkeypatch: pytest.MonkeyPatch, policy: dict[str, Any] | None = None, **train: Any
) -> PPO:
    """Return a trainer whose work is done by `CudaLearner`, on the processor."""

    def make(kind: str, policy: Any, buffers: Any, parts: Any, state: Any, train: TrainSettings, *rest: Any) -> Any:
        return CudaLearner(policy, buffers, parts, state, train)

    monkeypatch.setattr(parts, "make_learner", make)
    return tiny.make_trainer(env, policy=policy, **train)


ENVIRONMENTS: dict[str, Any] = {
    "discrete actions, cut off": lambda: annuity(8),
    "masks": lambda: tiny.Forbidden(8),
    "agents that leave": lambda: tiny.Pair(8),
    "continuous actions": lambda: Target(8),
}


def reference_of(trainer: PPO) -> TorchLearner:
    """Return the processor's learner on a copy of the trainer's policy and on what its GPU's buffers hold."""
    learner = trainer.learner
    assert isinstance(learner, CudaLearner)
    buffers = copy.deepcopy(trainer.buffers)
    buffers.log_probs.copy_(learner.device_buffers.log_probs)
    state = trainer.state.clone()
    return TorchLearner(copy.deepcopy(trainer.policy), buffers, trainer.parts, state, trainer.settings.train, 1)


@kernel_test
@pytest.mark.parametrize("cell", ["mingru", "lstm"])
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_rollout_holds_what_the_policy_says_about_it(name: str, cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = cuda_trainer(ENVIRONMENTS[name](), monkeypatch, {"cell": cell, "layers": 2}, horizon=12, minibatch=96)
    for _ in range(2):
        assert trainer.collect() is None
    reference = reference_of(trainer)
    buffers, policy = reference.buffers, reference.policy
    with torch.no_grad():
        output = policy(buffers.observations[:-1], buffers.first_state, buffers.keep)
    masks = None if buffers.masks is None else buffers.masks[:-1]
    log_probs = policy.evaluate_actions(output, buffers.actions, masks)[0]
    torch.testing.assert_close(buffers.values, policy.values(output), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(buffers.log_probs, log_probs, rtol=1e-4, atol=1e-5)

    last = policy.step(buffers.observations[-1], trainer.state.clone())
    torch.testing.assert_close(buffers.last_value, policy.values(last), rtol=1e-4, atol=1e-5)
    reference.estimate_advantages(1.0)
    assert isinstance(trainer.learner, CudaLearner)
    torch.testing.assert_close(trainer.learner.device_buffers.advantages, buffers.advantages, rtol=1e-4, atol=1e-5)
    assert buffers.ends.any(), "the comparison is about episodes that end"


@kernel_test
@pytest.mark.parametrize("cell", ["mingru", "lstm"])
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_its_gradient_is_the_reference_s(name: str, cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = cuda_trainer(ENVIRONMENTS[name](), monkeypatch, {"cell": cell, "layers": 2}, horizon=12, minibatch=60)
    trainer.collect()
    reference = reference_of(trainer)
    rows = trainer.spec.rows
    sequences, importance = torch.arange(rows - 5, rows), torch.linspace(0.5, 1.5, 5)
    with torch.no_grad():
        for parameter in itertools.chain(trainer.policy.parameters(), reference.policy.parameters()):
            parameter.mul_(1.1)  # ratios are no longer 1
    norm, report = trainer.learner.gradient(sequences, importance)
    their_norm, their_report = reference.gradient(sequences, importance)
    assert norm == pytest.approx(their_norm, rel=1e-4)
    assert report == pytest.approx(their_report, rel=1e-4, abs=1e-5)
    for (key, mine), theirs in zip(trainer.policy.named_parameters(), reference.policy.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-3, atol=1e-6, msg=key)


@kernel_test
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_learning_without_waiting_takes_the_same_steps(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = cuda_trainer(ENVIRONMENTS[name](), monkeypatch, horizon=12, minibatch=48)
    trainer.collect()
    reference = reference_of(trainer)
    optimizer = Muon(reference.policy.named_parameters(), trainer.settings.train.momentum)
    minibatches = [(torch.randperm(trainer.spec.rows)[:4], torch.ones(4)) for _ in range(5)]
    reports = []
    for sequences, importance in minibatches:
        norm, report = reference.gradient(sequences, importance)
        reports.append(report | {"gradient_norm": norm})
        longest = trainer.settings.train.max_gradient_norm
        optimizer.step(0.02, 0.003, gradient_scale=min(1.0, longest / norm))
    assert isinstance(trainer.learner, CudaLearner)
    summary = trainer.learner.learn(trainer.optimizer, minibatches, (0.02, 0.003))
    assert (summary.taken, summary.skipped, summary.fault) == (5, 0, None)
    assert trainer.optimizer.steps == 5
    assert summary.means == pytest.approx({k: np.mean([r[k] for r in reports]) for k in reports[0]}, rel=1e-3, abs=1e-4)
    for (key, mine), theirs in zip(trainer.policy.named_parameters(), reference.policy.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-4, msg=key)


@kernel_test
def test_refreshed_advantages_are_the_reference_s(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = cuda_trainer(annuity(8), monkeypatch, horizon=12, minibatch=48, refresh_advantages=True)
    trainer.collect()
    reference = reference_of(trainer)
    optimizer = Muon(reference.policy.named_parameters(), trainer.settings.train.momentum)
    minibatches = [(torch.arange(4), torch.ones(4)), (torch.arange(2, 6), torch.ones(4))]
    for sequences, importance in minibatches:
        norm, _ = reference.gradient(sequences, importance)
        optimizer.step(0.05, 0.003, gradient_scale=min(1.0, trainer.settings.train.max_gradient_norm / norm))
        reference.estimate_advantages(1.0)
    learner = trainer.learner
    assert isinstance(learner, CudaLearner)
    first = learner.device_buffers.advantages.clone()
    learner.learn(trainer.optimizer, minibatches, (0.05, 0.003))
    torch.testing.assert_close(learner.device_buffers.advantages, reference.buffers.advantages, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(learner.device_buffers.ratios, reference.buffers.ratios, rtol=1e-3, atol=1e-4)
    assert (first - learner.device_buffers.advantages).abs().max() > 1e-3


@kernel_test
@pytest.mark.parametrize(
    ("broken", "fault"),
    [("rewards", "loss is not finite"), ("head", "the gradient of parameter 'encoder' is not finite")],
)
def test_a_bad_minibatch_is_skipped_counted_and_named(broken: str, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = cuda_trainer(annuity(8), monkeypatch, horizon=12, minibatch=48)
    trainer.collect()
    learner = trainer.learner
    assert isinstance(learner, CudaLearner)
    good, bad = (torch.arange(4), torch.ones(4)), (torch.arange(4, 8), torch.ones(4))
    if broken == "rewards":
        learner.device_buffers.advantages[3, 6] = math.nan
    else:
        # a gradient alone that is not finite: the loss is, but what comes back through the observations is not
        right = operations.ppo_loss

        def planted(*inputs: Any) -> Any:
            slopes, ratios, figures = right(*inputs)
            is_bad = (inputs[2].advantages == learner.device_buffers.advantages[:, 4:]).all()
            return torch.where(is_bad, torch.inf, slopes), ratios, figures

        monkeypatch.setattr(operations, "ppo_loss", planted)
    optimizer = trainer.optimizer
    learner.learn(optimizer, [good], (0.02, 0.003))
    kept = [*trainer.policy.parameters(), *optimizer.tensors().values()]
    before = [tensor.detach().numpy().tobytes() for tensor in kept]
    summary = learner.learn(optimizer, [bad, bad], (0.02, 0.003))
    assert [tensor.detach().numpy().tobytes() for tensor in kept] == before
    assert (summary.taken, summary.skipped, summary.skipped_last, summary.fault) == (0, 2, 2, fault)
    assert optimizer.steps == 1
    summary = learner.learn(optimizer, [good, bad, good], (0.02, 0.003))
    assert (summary.taken, summary.skipped, summary.skipped_last) == (2, 1, 0)
    assert all(math.isfinite(x) for x in summary.means.values())


@kernel_test
def test_a_policy_that_moved_too_far_is_left_alone_until_the_next_rollout(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = cuda_trainer(annuity(8), monkeypatch, horizon=12, minibatch=48, max_kl=1e-7)
    trainer.collect()
    assert isinstance(trainer.learner, CudaLearner)
    minibatches = [(torch.arange(4), torch.ones(4))] * 4
    summary = trainer.learner.learn(trainer.optimizer, minibatches, (0.05, 0.003))
    assert (summary.taken, summary.skipped) == (2, 0), "the first step sees a divergence of 0, the second one too large"
    assert trainer.learner.learn(trainer.optimizer, minibatches[:1], (0.05, 0.003)).taken == 1


@kernel_test
def test_bad_outputs_are_reported_and_the_next_rollout_is_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = cuda_trainer(CartPole(6), monkeypatch, horizon=4, minibatch=24)
    observations = trainer.env.observations
    step = trainer.env.step
    spoil = [True]

    def spoiled(actions: Any) -> Any:
        result = step(actions)
        if spoil:
            observations[2, 0] = math.nan
            spoil.pop()
        return result

    trainer.env.step = spoiled  # type: ignore[method-assign]
    fault = trainer.collect()
    assert fault is not None
    assert "row 2" in fault
    assert torch.isfinite(trainer.state).all()
    assert trainer.collect() is None


@kernel_test
def test_it_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    settings: dict[str, Any] = {"steps": 2_500, "minibatch": 128, "learning_rate": 0.15, "entropy_coefficient": 0.0}
    trainer = cuda_trainer(tiny.Bandit(16, PAYOFFS), monkeypatch, {"hidden": 4}, **settings)
    report = tiny.train(trainer)
    assert report["env/episode_return"] > 0.95 * PAYOFFS.max(1).mean()


# -- the loss that has no kernel -----------------------------------------------------------------------------


@pytest.mark.parametrize("policy", [{}, {"value_head": "distribution"}])
@pytest.mark.parametrize("make", [annuity, Target])
def test_the_loss_without_a_kernel_is_the_reference_s(make: Any, policy: dict[str, Any]) -> None:
    trainer = tiny.make_trainer(make(8), policy=policy, horizon=12, minibatch=96)
    trainer.collect()
    buffers, train = trainer.buffers, trainer.settings.train
    moved = trainer.policy(buffers.observations[:-1], buffers.first_state, buffers.keep).detach() * 1.2
    importance = torch.linspace(0.5, 1.5, trainer.spec.rows)
    shared = {name: getattr(buffers, name) for name in ("actions", "log_probs", "values", "advantages")}
    minibatch = Played(
        masks=None,
        present=None,
        importance=importance,
        **shared,
    )
    moments = operations.advantage_moments(minibatch.advantages, None, train.normalize_advantages)
    output = moved.clone().requires_grad_()
    loss, ratios, figures = differentiable_loss(trainer.policy, output, minibatch, moments, train)
    other = moved.clone().requires_grad_()
    their_loss, report, their_ratios = ppo_loss(other, minibatch, trainer.policy, train)
    assert loss.item() == pytest.approx(their_loss.item(), rel=1e-4)
    torch.testing.assert_close(ratios, their_ratios)
    assert figures.tolist() == pytest.approx([report[name] for name in FIGURES], rel=1e-4, abs=1e-5)
    torch.testing.assert_close(
        torch.autograd.grad(loss, output)[0], torch.autograd.grad(their_loss, other)[0], rtol=1e-3, atol=1e-7
    )

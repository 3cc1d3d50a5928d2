"""A policy as a C file: the bits of the trainer's kernels, what compilers say, and what is refused."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from c_files import Loaded, compiler, run, write_c
from kernel_cases import FUSED, PLANES, Case, Shape
from test_kernels import DEFAULTS
from test_own_network import made as own_policy

import puffer_envs
from puffer_envs.contract.policy_file import PolicyFile
from puffer_envs.contract.trained import list_trained, trained_policy
from puffer_envs.policy.network import NumpyNetwork
from puffer_train import _kernels
from puffer_train.algorithm.evaluate import record
from puffer_train.contract import describe
from puffer_train.errors import ConfigError
from puffer_train.run.export_c import export_c
from puffer_train.storage.c_file.arithmetic import Arithmetic
from puffer_train.storage.c_file.matrix import fused
from puffer_train.storage.c_file.text import made_up
from puffer_train.storage.c_file.weights import Weights
from puffer_train.storage.policy_file import EnvironmentIdentity, read_policy, write_policy

needs_compiler = pytest.mark.skipif(compiler() is None, reason="needs gcc or clang")
needs_fused = pytest.mark.skipif(not FUSED, reason="needs fused multiply-adds, which x86-64-v3 brings")

SHAPES = {
    "lstm": Shape(cell="lstm", hidden=32, layers=2, inputs=5, sizes=(3, 4), dtype="uint8"),
    "normalised": Shape(layers=1, inputs=7, normalized=True, kind="box", sizes=(2,)),
    "int32": Shape(hidden=16, layers=3, inputs=3, sizes=(2,), dtype="int8"),
    "fields": Shape(hidden=32, inputs=9, sizes=(3,), dtype="fields"),
    "normalised fields": Shape(hidden=32, inputs=6, sizes=(4,), dtype="fields", normalized=True),
    "lstm fields": Shape(cell="lstm", inputs=4, kind="box", sizes=(2,), dtype="fields"),
}

PLANES["some fields"] = PLANES["fields and planes"][:3]  # policy files have no grids of int32

WITH_KERNELS = [name for name in SHAPES if name != "normalised fields"]
"""Those that `Kernels` can compute: it normalises arrays only."""


def made(shape: Shape, path: Path) -> PolicyFile:
    """A policy file of random weights."""
    write_policy(path / "made.safetensors", Case(shape).policy, EnvironmentIdentity("game", 1, {}))
    return PolicyFile.read(path / "made.safetensors")


class Kernels:
    """The trainer's kernels with the weights of a policy file."""

    def __init__(self, file: PolicyFile, isa: str) -> None:
        info, tensors = file.info, file.tensors
        self.info, self.mean, self.scale = info, tensors.get("input_mean"), tensors["input_scale"]
        self.workers = _kernels.Workers(1, isa)
        scale = np.ones_like(self.scale) if info.normalized else self.scale
        head = tensors["head.weight"][: info.head_rows]
        sizes = (info.inputs, info.hidden, info.layers, len(head))
        parts = [part for field in info.observation_fields for part in field.parts] or None
        self.stack = _kernels.Stack(self.workers, info.cell, *sizes, scale, parts, info.observation_shape[0])
        cores = np.stack([tensors[f"core.{i}.weight"] for i in range(info.layers)])
        self.stack.pack((tensors["encoder.weight"], cores, head))

    def step(self, observations: np.ndarray[Any, Any], state: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Outputs (A, K)."""
        x = np.ascontiguousarray(observations.reshape(1, len(observations), -1))
        if self.mean is not None:
            x = np.clip((x - self.mean) * self.scale, np.float32(-10), np.float32(10))
        outputs = np.empty((1, len(observations), self.info.head_rows), np.float32)
        self.stack.forward(x, None, state, outputs)
        return outputs[0]


def policy(name: str, path: Path) -> PolicyFile:
    """One of the shapes or planes with random weights, or one that ships."""
    shape = Shape(planes=name, inputs=5) if name in PLANES else SHAPES.get(name)
    return made(shape, path) if shape else PolicyFile.read(trained_policy(name))


@needs_compiler
@needs_fused
@pytest.mark.parametrize("flags", [(), ("-march=x86-64-v3",)], ids=["double", "instruction"])
@pytest.mark.parametrize(
    "name",
    [*(name for name in SHAPES if name != "normalised fields"), "drone"]
    + [pytest.param(n, marks=pytest.mark.slow) for n in list_trained() if n != "drone"],
)
def test_outputs_are_those_of_the_kernels(name: str, flags: tuple[str, ...], tmp_path: Path) -> None:
    """Over several steps of several agents, to the bit; every shipped policy can be exported."""
    file = policy(name, tmp_path)
    text = write_c(file, tmp_path)
    loaded, kernels, rows = Loaded(text, tmp_path, *flags), Kernels(file, FUSED[0]), 5
    state = loaded.initial_state(rows)
    theirs = np.zeros((file.info.layers, rows, text.weights.unit_state), np.float32)
    for seed in range(6):
        seen = made_up(text.weights, rows, seed)
        found, wanted = loaded.step(seen, state), kernels.step(seen, theirs)
        np.testing.assert_array_equal(found.view(np.uint32), wanted.view(np.uint32))
    assert np.ptp(wanted) > 0


def uniform(key: int, row: int, index: int) -> np.float32:
    """The random number of c/learn/actions.h."""
    bits = (1 << 64) - 1

    def mix(x: int) -> int:  # splitmix64
        x = (x + 0x9E3779B97F4A7C15) & bits
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & bits
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & bits
        return x ^ (x >> 31)

    return np.float32((mix((mix((mix(key) + row) & bits) + index) & bits) >> 40) * 2.0**-24)


@needs_compiler
@needs_fused
def test_actions_are_those_of_the_kernels(tmp_path: Path) -> None:
    """The likeliest and drawn ones, with and without masks."""
    file = policy("lstm", tmp_path)
    text = write_c(file, tmp_path)
    loaded, kernels, rows, sizes = Loaded(text, tmp_path), Kernels(file, FUSED[0]), 40, file.info.action_sizes
    theirs = np.zeros((file.info.layers, rows, text.weights.unit_state), np.float32)
    random, seen = np.random.default_rng(0), made_up(text.weights, rows)
    outputs = kernels.step(seen, theirs)
    masks = random.random(outputs.shape) < 0.6
    masks[:, np.cumsum((0, *sizes[:-1]))] = True
    for allowed in (None, masks):
        for greedy in (True, False):
            wanted, ignored = np.empty((rows, len(sizes)), np.int64), np.empty(rows, np.float32)
            _kernels.sample(kernels.workers, outputs, sizes, allowed, None, None, 77, greedy, wanted, ignored)
            u = np.array([[uniform(77, row, d) for d in range(len(sizes))] for row in range(rows)])
            state, bytes_ = loaded.initial_state(rows), None if allowed is None else allowed.astype(np.uint8)
            found = loaded.act(seen, state, bytes_) if greedy else loaded.sample(seen, state, bytes_, u)
            np.testing.assert_array_equal(found, wanted)
    assert len(np.unique(wanted)) > 2


@needs_compiler
@pytest.mark.parametrize("name", ["drone", "fields", "normalised fields"])
@pytest.mark.parametrize("kind", ["int8", "int16"])
def test_rounded_weights_give_the_bits_of_the_export(kind: str, name: str, tmp_path: Path) -> None:
    """Which are near those without rounding."""
    file = policy(name, tmp_path)
    text = write_c(file, tmp_path, kind)
    loaded, arithmetic, rows = Loaded(text, tmp_path), Arithmetic(text.weights), 4
    exact, state, theirs = Arithmetic(Weights.of(file)), loaded.initial_state(rows), arithmetic.initial_state(rows)
    memory = exact.initial_state(rows)
    for seed in range(4):
        seen = made_up(text.weights, rows, seed)
        found, unrounded = loaded.step(seen, state), exact.step(seen, memory)
        np.testing.assert_array_equal(found, arithmetic.step(seen, theirs))
        apart = np.abs(found - unrounded).max()
        assert 0 < apart < {"int8": 0.2, "int16": 1e-3}[kind]


def test_a_fused_multiply_add_is_rounded_once() -> None:
    """Compared with exact fractions, also where rounding to double and then to float would differ."""
    random = np.random.default_rng(0)
    a, b = (random.normal(0, 1, 400).astype(np.float32) for _ in range(2))
    c = (-a * b * random.choice([1, 1 + 2**-23, 2**-25, 2**25], 400)).astype(np.float32)
    a[0], b[0], c[0] = 1 + 2**-12, 1 + 2**-12, 2**-60  # just above the middle between two floats: double loses that
    found = fused(a, b, c)
    for x, y, z, sum_ in zip(a, b, c, found, strict=True):
        exact = Fraction(float(x)) * Fraction(float(y)) + Fraction(float(z))
        gap = abs(Fraction(float(sum_)) - exact)
        assert all(gap <= abs(Fraction(float(np.nextafter(sum_, np.float32(s)))) - exact) for s in (-np.inf, np.inf))
    assert (found != (a.astype(np.float64) * b + c).astype(np.float32)).any()


@needs_compiler
@pytest.mark.parametrize(
    "shape",
    [
        Shape(layers=0, kind="box", sizes=(3,)),
        Shape(layers=0, sizes=(3,)),
        Shape(hidden=7, sizes=(2,)),
        Shape(hidden=1, layers=2, cell="lstm"),
    ],
    ids=["no memory, box", "no memory", "7 units", "1 unit, lstm"],
)
def test_what_the_kernels_cannot_run(shape: Shape, tmp_path: Path) -> None:
    """Policies without memory, and with any number of units, give the bits of the export."""
    file = made(shape, tmp_path)
    text = write_c(file, tmp_path)
    loaded, arithmetic = Loaded(text, tmp_path), Arithmetic(text.weights)
    state, theirs = loaded.initial_state(4), arithmetic.initial_state(4)
    for seed in range(3):
        seen = made_up(text.weights, 4, seed)
        np.testing.assert_array_equal(loaded.step(seen, state), arithmetic.step(seen, theirs))


@needs_compiler
@pytest.mark.parametrize("name", ["lstm", "lstm fields", "normalised fields"])
@pytest.mark.parametrize(("kind", "near"), [("float32", 1e-5), ("int16", 1e-3), ("int8", 0.2)])
def test_numpy_plays_a_policy_with_the_same_weights(kind: str, near: float, name: str, tmp_path: Path) -> None:
    weights = Weights.of(policy(name, tmp_path), kind)
    player, arithmetic = NumpyNetwork(weights.info, weights.as_policy.tensors), Arithmetic(weights)
    exact = NumpyNetwork(weights.info, policy(name, tmp_path).tensors)
    seen, memory = made_up(weights, 9), arithmetic.initial_state(9)
    outputs = arithmetic.step(seen, memory)
    for network, within in ((player, 1e-5), (exact, near)):
        found = network.step(seen, network.initial_state(9))
        np.testing.assert_allclose(found[:, : weights.info.head_rows], outputs, rtol=within, atol=within)


@pytest.mark.parametrize(
    "shape", [SHAPES["lstm"], Shape(planes="grid of channels", sizes=(3, 4))], ids=["lstm", "grid"]
)
def test_the_self_test_fails_where_a_bit_differs(shape: Shape, tmp_path: Path) -> None:
    text, code, program = write_c(made(shape, tmp_path), tmp_path), tmp_path / "policy.c", tmp_path / "test"
    words = [str(compiler()), "-std=c99", "-O1", "-DPOLICY_SELF_TEST", code, "-o", program]
    run(*words)
    assert subprocess.run([program], check=False).returncode == 0
    before, wanted, after = text.code.partition("WANTED[8][7] = {\n    {\n        0x")
    code.write_text(before + wanted + format(int(after[:8], 16) ^ 1, "08x") + after[8:])
    run(*words)
    assert subprocess.run([program], check=False).returncode == 1


@needs_compiler
def test_an_observation_that_is_not_finite_is_reported(tmp_path: Path) -> None:
    """The outputs are 0 then, and the state is reset."""
    loaded = Loaded(write_c(policy("normalised", tmp_path), tmp_path), tmp_path)
    state = loaded.initial_state(1)
    seen, outputs = np.ones((1, 7), np.float32), np.ones(2, np.float32)
    assert loaded.call("step", state[0], seen[0], outputs) == 0
    assert state.any() and outputs.any()
    seen[0, 3] = np.nan
    assert loaded.call("step", state[0], seen[0], outputs) == 1
    assert not state.any() and not outputs.any()


@needs_compiler
@needs_fused
def test_a_flag_of_drones_flies_as_with_the_policy_file(tmp_path: Path) -> None:
    """64 drones by the C file, and by the trainer with the policy file, leave the same replay, hashes and all."""
    path = trained_policy("drone")
    loaded = Loaded(write_c(PolicyFile.read(path), tmp_path), tmp_path, "-march=native")
    with puffer_envs.make("drone", 1, task="flag", max_steps=300) as env:
        record(env, read_policy(path, describe(env, "drone")), 5, tmp_path / "kernels.puf", deterministic=True)
        seen, state = env.start_replay(5), loaded.initial_state(64)
        waiting = np.ones(64, np.bool_)
        while waiting.any():
            distances = seen[:, 14].copy()
            seen, _, terminals, truncations = env.step(loaded.act(seen, state))
            state[terminals | truncations] = 0
            waiting &= ~(terminals | truncations)
        env.save_replay(tmp_path / "c.puf")
    assert (distances < 0).mean() > 0.9  # at the end, most are within 2 m of their places
    assert (tmp_path / "c.puf").read_bytes() == (tmp_path / "kernels.puf").read_bytes()


def values_as_logits(case: Case, path: Path) -> PolicyFile:
    """A case's policy with the row of the value as its first logit too, which its C file then shows."""
    with torch.no_grad():
        case.policy.head[0] = case.policy.head[-1]
    write_policy(path / "made.safetensors", case.policy, EnvironmentIdentity("game", 1, {}))
    return PolicyFile.read(path / "made.safetensors")


@needs_compiler
@needs_fused
@pytest.mark.parametrize("planes", [name for name in PLANES if name not in ("fields and planes", "large embedding")])
def test_convolutions_are_those_of_the_kernels(planes: str, tmp_path: Path) -> None:
    """Values over several steps, to the bit; and the export's own arithmetic."""
    case = Case(Shape(planes=planes, rows=3, horizon=3, inputs=5, normalized=planes == "some fields"), seed=2)
    text = write_c(values_as_logits(case, tmp_path), tmp_path)
    loaded, arithmetic = Loaded(text, tmp_path, "-march=x86-64-v3"), Arithmetic(text.weights)
    state, theirs, kernels = loaded.initial_state(3), arithmetic.initial_state(3), case.kernels(DEFAULTS)
    kernels.actors[0].begin(torch.Generator().manual_seed(1))
    for t, seen in enumerate(case.buffers.observations[:3].numpy()):
        assert kernels.actors[0].act(t) == -1
        found = loaded.step(seen, state)
        np.testing.assert_array_equal(found, arithmetic.step(seen, theirs))
        np.testing.assert_array_equal(found[:, 0], kernels.buffers.values[t].numpy())
        case.env.observations[...] = case.buffers.observations[t + 1].numpy()
        kernels.actors[0].store(t)
    assert np.ptp(found) > 0


@needs_compiler
@pytest.mark.parametrize("planes", ["grid of channels", "embedding", "some fields"])
@pytest.mark.parametrize(("kind", "near"), [("float32", 1e-5), ("int16", 2e-3), ("int8", 0.3)])
def test_rounded_convolutions_are_near_the_others(kind: str, near: float, planes: str, tmp_path: Path) -> None:
    """The C file, the export's arithmetic, and NumPy with the same weights as a policy file."""
    file = policy(planes, tmp_path)
    text = write_c(file, tmp_path, kind)
    weights, seen = text.weights, made_up(text.weights, 4)
    loaded, arithmetic = Loaded(text, tmp_path), Arithmetic(weights)
    outputs = arithmetic.step(seen, arithmetic.initial_state(4))
    np.testing.assert_array_equal(loaded.step(seen, loaded.initial_state(4)), outputs)
    for tensors, within in ((weights.as_policy.tensors, 1e-5), (file.tensors, near)):
        network = NumpyNetwork(weights.info, tensors)
        found = network.step(seen, network.initial_state(4))[:, : weights.info.head_rows]
        np.testing.assert_allclose(found, outputs, rtol=within, atol=within)


def test_a_network_of_its_own_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.safetensors"
    write_policy(path, own_policy("Encoder"), EnvironmentIdentity("game", 1, {}))
    with pytest.raises(ConfigError, match="C files hold only ours"):
        export_c(path, tmp_path / "p.c", networks=["own_networks:Encoder"])
    assert not (tmp_path / "p.c").exists()

"""A policy as a C file: the bits of the trainer's kernels, what compilers say, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from c_files import Loaded, compiler, write_c
from kernel_cases import FUSED, Case, Shape

from puffer_envs.contract.policy_file import PolicyFile
from puffer_envs.contract.trained import list_trained, trained_policy
from puffer_train import _kernels
from puffer_train.storage.c_file.text import made_up
from puffer_train.storage.policy_file import EnvironmentIdentity, write_policy

needs_compiler = pytest.mark.skipif(compiler() is None, reason="needs gcc or clang")
needs_fused = pytest.mark.skipif(not FUSED, reason="needs fused multiply-adds, which x86-64-v3 brings")

SHAPES = {
    "lstm": Shape(cell="lstm", hidden=32, layers=2, inputs=5, sizes=(3, 4), dtype="uint8"),
    "normalised": Shape(layers=1, inputs=7, normalized=True, kind="box", sizes=(2,)),
    "int32": Shape(hidden=16, layers=3, inputs=3, sizes=(2,), dtype="int8"),
}


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
        self.stack = _kernels.Stack(self.workers, info.cell, info.inputs, info.hidden, info.layers, len(head), scale)
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
    return made(SHAPES[name], path) if name in SHAPES else PolicyFile.read(trained_policy(name))


@needs_compiler
@needs_fused
@pytest.mark.parametrize("flags", [(), ("-march=x86-64-v3",)], ids=["double", "instruction"])
@pytest.mark.parametrize("name", [*SHAPES, *list_trained()])
def test_outputs_are_those_of_the_kernels(name: str, flags: tuple[str, ...], tmp_path: Path) -> None:
    """Over several steps of several agents, to the bit."""
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

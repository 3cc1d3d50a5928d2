"""Compiling exported C files, and calling them."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from puffer_envs.contract.policy_file import PolicyFile
from puffer_train.storage.c_file.text import CFile
from puffer_train.storage.c_file.weights import Weights

STRICT = ("-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wdouble-promotion", "-Werror")


def compiler() -> str | None:
    """The system's C compiler."""
    return shutil.which("gcc") or shutil.which("clang")


def write_c(file: PolicyFile, folder: Path, kind: str = "float32", name: str = "policy") -> CFile:
    """Write a policy as C into a folder."""
    text = CFile(name, name, Weights.of(file, kind), "0" * 64, "test")
    (folder / f"{name}.h").write_text(text.header)
    (folder / f"{name}.c").write_text(text.code)
    return text


def run(*words: str | Path) -> str:
    """Run a program that must succeed, and return what it printed."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
    return done.stdout


class Loaded:
    """A C file, compiled to a library and called for rows of agents."""

    def __init__(self, text: CFile, folder: Path, *flags: str) -> None:
        library = folder / f"{text.name}.so"
        cc = compiler()
        assert cc is not None
        code = folder / f"{text.name}.c"
        alone = ("-nostdlib", "-Wl,-z,defs") if sys.platform == "linux" else ()  # no function of a library is called
        run(cc, "-std=c99", "-O2", *flags, *STRICT, *alone, "-shared", "-fPIC", "-o", library, code)
        self.text, self.info = text, text.weights.info
        self.functions: Any = ctypes.CDLL(str(library))
        self.discrete = self.info.action_kind == "discrete"

    def call(self, what: str, *arrays: np.ndarray[Any, Any] | None) -> int:
        """Call one of the functions with pointers to arrays; None is NULL."""
        pointers = [None if array is None else ctypes.c_void_p(array.ctypes.data) for array in arrays]
        return int(getattr(self.functions, f"{self.text.name}_{what}")(*pointers))

    def initial_state(self, rows: int) -> np.ndarray[Any, Any]:
        """The states of some agents, (A, numbers)."""
        state = np.full((rows, max(self.info.layers * self.text.weights.unit_state, 1)), 7, np.float32)
        for row in state:
            self.call("reset", row)
        return state

    def step(self, observations: np.ndarray[Any, Any], state: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Outputs (A, K)."""
        outputs = np.empty((len(state), self.info.head_rows), np.float32)
        for row in range(len(state)):
            self.call("step", state[row], observations[row], outputs[row])
        return outputs

    def act(
        self, observations: np.ndarray[Any, Any], state: np.ndarray[Any, Any], masks: np.ndarray[Any, Any] | None = None
    ) -> np.ndarray[Any, Any]:
        """Likeliest actions (A, k)."""
        numbers = len(self.info.action_sizes) if self.discrete else self.info.head_rows
        actions = np.empty((len(state), numbers), np.int32 if self.discrete else np.float32)
        for row in range(len(state)):
            mask = [None if masks is None else masks[row]] if self.discrete else []
            self.call("act", state[row], observations[row], *mask, actions[row])
        return actions

    def sample(
        self,
        observations: np.ndarray[Any, Any],
        state: np.ndarray[Any, Any],
        masks: np.ndarray[Any, Any] | None,
        uniform: np.ndarray[Any, Any],
    ) -> np.ndarray[Any, Any]:
        """Drawn actions (A, k)."""
        actions = np.empty(uniform.shape, np.int32)
        for row in range(len(state)):
            mask = None if masks is None else masks[row]
            self.call("sample", state[row], observations[row], mask, uniform[row], actions[row])
        return actions

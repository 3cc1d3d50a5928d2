"""The functions of puffer_math.h against libm in double precision."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from .conftest import compiler

SOURCE = """
#include "puffer_math.h"
void sincos_all(const float* x, float* s, float* c, int n)
{
    for (int i = 0; i < n; i++) puf_sincosf(x[i], &s[i], &c[i]);
}
void atan2_all(const float* y, const float* x, float* angle, int n)
{
    for (int i = 0; i < n; i++) angle[i] = puf_atan2f(y[i], x[i]);
}
"""
FLAGS = [["-O0"], ["-O3"], ["-O3", "-march=native"]]


def compiled(build: ModuleType, folder: Path, options: list[str]) -> ctypes.CDLL:
    """The functions of SOURCE."""
    (folder / "m.c").write_text(SOURCE)
    library = folder / f"{'-'.join(options)}.so"
    command = [compiler(), *build.EXACT, *options, f"-I{build.ROOT / 'c'}", "-shared", "-fPIC"]
    subprocess.run([*command, str(folder / "m.c"), "-o", str(library), "-lm"], check=True)
    return ctypes.CDLL(str(library))


def address(array: NDArray[np.float32]) -> ctypes.c_void_p:
    return array.ctypes.data_as(ctypes.c_void_p)


@pytest.mark.parametrize("flags", FLAGS, ids=" ".join)
def test_arc_tangent(flags: list[str], build: ModuleType, tmp_path: Path) -> None:
    """Within 3 ulp of 1 all around, exact on the axes, and the same bits with every set of flags."""
    turns = np.linspace(-np.pi, np.pi, 400_001)
    radii = np.array([1e-30, 1e-3, 1.0, 7.7, 1e30])
    axes = np.array([(0, 0), (0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)], np.float64)
    y = np.concatenate([np.outer(radii, np.sin(turns)).ravel(), axes[:, 0]]).astype(np.float32)
    x = np.concatenate([np.outer(radii, np.cos(turns)).ravel(), axes[:, 1]]).astype(np.float32)
    results = []
    for options in (["-O0"], flags):
        angle = np.empty_like(x)
        compiled(build, tmp_path, options).atan2_all(address(y), address(x), address(angle), ctypes.c_int(len(x)))
        results.append(angle)
    assert results[0].tobytes() == results[1].tobytes()
    # +0.0: a negative zero counts as zero
    error = np.abs(angle - np.arctan2(y.astype(np.float64) + 0.0, x.astype(np.float64) + 0.0))
    assert error.max() < 3 * np.finfo(np.float32).eps


@pytest.mark.parametrize("flags", FLAGS, ids=" ".join)
def test_sine_and_cosine(flags: list[str], build: ModuleType, tmp_path: Path) -> None:
    """Within 2 ulp of 1 over the documented range, and the same bits with every set of flags."""
    x = np.concatenate([np.linspace(-8192, 8192, 400_001), np.linspace(-7, 7, 400_001), [0.0, -0.0, 1e-30, -1e-30]])
    x = x.astype(np.float32)
    results = []
    for options in (["-O0"], flags):
        sine, cosine = np.empty_like(x), np.empty_like(x)
        compiled(build, tmp_path, options).sincos_all(*map(address, (x, sine, cosine)), ctypes.c_int(len(x)))
        results.append((sine.tobytes(), cosine.tobytes()))
    assert results[0] == results[1]
    exact = x.astype(np.float64)
    assert np.abs(sine - np.sin(exact)).max() < 2 * np.finfo(np.float32).eps
    assert np.abs(cosine - np.cos(exact)).max() < 2 * np.finfo(np.float32).eps

"""The functions of puffer_math.h against libm in double precision."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from .conftest import compiler

SOURCE = """
#include "puffer_math.h"
void sincos_all(const float* x, float* s, float* c, int n)
{
    for (int i = 0; i < n; i++) puf_sincosf(x[i], &s[i], &c[i]);
}
"""


@pytest.mark.parametrize("flags", [["-O0"], ["-O3"], ["-O3", "-march=native"]], ids=" ".join)
def test_sine_and_cosine(flags: list[str], build: ModuleType, tmp_path: Path) -> None:
    """Within 2 ulp of 1 over the documented range, and the same bits with every set of flags."""
    (tmp_path / "m.c").write_text(SOURCE)

    def compiled(name: str, options: list[str]) -> ctypes.CDLL:
        command = [compiler(), *build.EXACT, *options, f"-I{build.ROOT / 'c'}", "-shared", "-fPIC"]
        subprocess.run([*command, str(tmp_path / "m.c"), "-o", str(tmp_path / name), "-lm"], check=True)
        return ctypes.CDLL(str(tmp_path / name))

    x = np.concatenate([np.linspace(-8192, 8192, 400_001), np.linspace(-7, 7, 400_001), [0.0, -0.0, 1e-30, -1e-30]])
    x = x.astype(np.float32)
    results = []
    for library in (compiled("reference.so", ["-O0"]), compiled("flags.so", flags)):
        sine, cosine = np.empty_like(x), np.empty_like(x)
        pointers = [a.ctypes.data_as(ctypes.c_void_p) for a in (x, sine, cosine)]
        library.sincos_all(*pointers, ctypes.c_int(len(x)))
        results.append((sine.tobytes(), cosine.tobytes()))
    assert results[0] == results[1]
    exact = x.astype(np.float64)
    assert np.abs(sine - np.sin(exact)).max() < 2 * np.finfo(np.float32).eps
    assert np.abs(cosine - np.cos(exact)).max() < 2 * np.finfo(np.float32).eps

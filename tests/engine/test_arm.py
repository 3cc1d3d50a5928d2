"""The same bytes on ARM with NEON: every environment and the kernels as C programs, run by QEMU.

`.ci/run arm` does the same, and more, with a whole wheel.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import puffer_envs

from .conftest import TESTS, compiler
from .test_bits import driver_digest
from .test_kernels_in_c import GOLDEN

COMPILERS = {
    "gcc": ("aarch64-linux-gnu-gcc", ["-O3", "-static"]),
    "clang": ("clang", ["--target=aarch64-linux-gnu", "-O2", "-static", "-Wno-pass-failed"]),
}
"""What is compiled with; Clang 14 warns that it leaves some loops of drone as they are."""
SAMPLED = ("cartpole", "squared")
"""Floats and integers; all others are slow."""
SLOW = pytest.mark.slow


def flags_of(name: str) -> tuple[str, list[str]]:
    """A compiler for ARM and its options."""
    compiler("qemu-aarch64"), compiler("aarch64-linux-gnu-gcc")  # which has the libraries for both
    cc, flags = COMPILERS[name]
    return compiler(cc), flags


@pytest.mark.parametrize("cc", [pytest.param(cc, marks=[SLOW] * (cc != "gcc")) for cc in COMPILERS])
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[SLOW] * (name not in SAMPLED)) for name in puffer_envs.list_envs()]
)
def test_environments_give_the_golden_bytes(name: str, cc: str, build: ModuleType, tmp_path: Path) -> None:
    golden = json.loads((TESTS / f"golden/{name}.json").read_text("utf-8"))
    driver = build.build_driver(name, tmp_path / "driver", *flags_of(cc))
    assert driver_digest(driver, name, tmp_path, runner=["qemu-aarch64"]) == golden["sha256"]


@SLOW
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("cc", COMPILERS)
def test_kernels_give_the_golden_bytes(cc: str, build: ModuleType, tmp_path: Path) -> None:
    """Those of AVX2 and AVX-512, which round a product and a sum once as well."""
    program = build.build_learn(tmp_path / "learn", *flags_of(cc))
    done = subprocess.run(["qemu-aarch64", program, "2"], check=True, capture_output=True, text=True)
    assert done.stdout.split() == json.loads(GOLDEN.read_text("utf-8"))["c"]["fused"].split()


@pytest.mark.parametrize(
    ("script", "arguments", "package"),
    [
        ("cross.py", ["linux-aarch64"], "gcc-aarch64-linux-gnu libc6-dev-arm64-cross"),
        ("emulate.py", ["a.whl", "a"], "qemu-user apt dpkg"),
    ],
)
def test_what_is_missing_is_named(script: str, arguments: list[str], package: str, tmp_path: Path) -> None:
    program = TESTS.parent / ".ci" / script
    if not program.exists():
        pytest.skip("no checkout around the tests")
    done = subprocess.run(
        [sys.executable, program, *arguments], capture_output=True, text=True, cwd=tmp_path, env={"PATH": str(tmp_path)}
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.endswith(f": apt-get install {package}.\n")
    assert not list(tmp_path.iterdir())


def test_matrix_products_are_made_of_vectors(build: ModuleType, tmp_path: Path) -> None:
    """On every 64-bit ARM, without an option: of the multiply-adds, nearly all take four numbers at once."""
    cc, flags = flags_of("gcc")
    kernels = build.compile_object(
        build.ROOT / "c/learn/kernels.c", cc, [*build.FUSED, *flags, f"-I{build.ROOT / 'c'}"]
    )
    words = [compiler("aarch64-linux-gnu-objdump"), "-d", "--no-show-raw-insn", str(kernels)]
    code = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    vectors, numbers = code.count("\tfmla\tv"), code.count("\tfmadd\t")
    assert vectors > 500
    assert numbers < 0.1 * vectors

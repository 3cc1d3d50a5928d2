"""The trainer's kernels as C: exact functions, the same bits from every compiler, nothing for sanitizers to find."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest

from puffer_envs import _core

from .conftest import TESTS, compiler

GOLDEN = TESTS / "golden/kernels.json"
MARCH: dict[str, list[str]] = (
    {"baseline": ["-march=x86-64"], "x86-64-v3": ["-march=x86-64-v3"], "x86-64-v4": ["-march=x86-64-v4"]}
    if platform.machine() in ("x86_64", "AMD64")
    else {"baseline": []}
)
ISAS = [isa for isa in _core.supported_isas() if isa in MARCH]
COMPILERS = [("gcc", "-O3"), ("clang", "-O2")]
FUSE_AT_O1 = ["-fexpensive-optimizations"]
"""gcc fuses products at -O2, where compiling for sanitizers takes four times as long."""


def fuses(isa: str) -> bool:
    """Whether the instruction set rounds a product and a sum once."""
    return isa != "baseline" or platform.machine() in ("aarch64", "arm64")


def run(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # Without address-space randomisation, because older thread sanitizers cannot map their shadow with it.
    command = [compiler("setarch"), "-R", str(program), *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=250)


def digest(program: Path, threads: int = 1) -> str:
    """The hashes of everything that tests/c/learn_test.c computes."""
    done = run(program, str(threads))
    assert done.returncode == 0, done.stderr[-3000:]
    return " ".join(done.stdout.split())


def golden(isa: str) -> str:
    """The hashes in git. If a change means to alter it, run tests/make_kernels_golden.py."""
    return str(json.loads(GOLDEN.read_text())["c"]["fused" if fuses(isa) else "plain"])


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize(("cc", "level"), COMPILERS)
def test_compilers_levels_and_threads_agree(cc: str, level: str, isa: str, build: ModuleType, tmp_path: Path) -> None:
    program = build.build_learn(tmp_path / "learn", compiler(cc), [level], MARCH[isa])
    assert {digest(program, threads) for threads in (1, 2, 3, 5)} == {golden(isa)}


SANITIZED = [pytest.param("gcc", ISAS[-1])]
if not fuses("baseline"):  # clang fuses fewer products under its sanitizer
    SANITIZED.append(pytest.param("clang", "baseline", marks=pytest.mark.slow))


@pytest.mark.parametrize(("cc", "isa"), SANITIZED)
def test_sanitizers_find_nothing(cc: str, isa: str, build: ModuleType, tmp_path: Path) -> None:
    """In memory that is exactly as large as the kernels say, at every border of which the sanitizer waits.

    Each compiler's sanitizer sees what the other's does not.
    """
    flags = [*build.SANITIZERS, *FUSE_AT_O1 * (cc == "gcc")]
    assert digest(build.build_learn(tmp_path / "learn", compiler(cc), flags, MARCH[isa])) == golden(isa)


THREADS = ["-g", "-O1", *FUSE_AT_O1, "-fsanitize=thread"]


def test_threads_do_not_race(build: ModuleType, tmp_path: Path) -> None:
    program = build.build_learn(tmp_path / "learn", compiler("gcc"), THREADS, MARCH[ISAS[-1]])
    assert digest(program, threads=4) == golden(ISAS[-1])


def planted(build: ModuleType, folder: Path, name: str, old: str, new: str, flags: Sequence[str]) -> Path:
    """The same program with one line of c/learn/NAME changed."""
    shutil.copytree(build.ROOT / "c", folder / "c")
    source = folder / "c/learn" / name
    text = source.read_text()
    assert text.count(old) == 1
    source.write_text(text.replace(old, new))
    program: Path = build.build_learn(folder / "learn", compiler("gcc"), flags, MARCH["baseline"], root=folder)
    return program


OVERFLOWS = {
    "too little scratch for a tile": ("layers.h", "= (size_t)(cursor - base);", "= (size_t)(cursor - base) - 16;"),
    "too little scratch for Muon": ("learner.c", "+ 2 * narrow * narrow;", "+ narrow * narrow;"),
    "a row too many": ("rollout.h", "for (size_t i = 0; i < rows; i++) {", "for (size_t i = 0; i <= rows; i++) {"),
    "too few weights": ("learner.c", "l.size = l.fronts + fronts.weights_end;", "l.size = l.head;"),
}  # fmt: skip


SMALLEST, MANY_ROWS = "4", "2"
"""Cases of tests/c/learn_test.c: the first takes least time; in the second threads work long enough to meet."""


@pytest.mark.parametrize("name", OVERFLOWS)
def test_a_planted_overflow_is_found(name: str, build: ModuleType, tmp_path: Path) -> None:
    done = run(planted(build, tmp_path, *OVERFLOWS[name], ["-O0", "-fsanitize=address"]), "1", SMALLEST)
    assert done.returncode != 0
    assert "AddressSanitizer" in done.stderr


def test_a_planted_race_is_found(build: ModuleType, tmp_path: Path) -> None:
    """All threads add to one gradient."""
    own, shared = "learner->gradients + (size_t)g * work->gradient_size", "learner->gradients"
    done = run(planted(build, tmp_path, "learner.c", own, shared, THREADS), "4", MANY_ROWS)
    assert done.returncode != 0
    assert "data race" in done.stderr


ALLOWED_SYMBOLS = {"memset", "memcpy", "memmove", "sqrt", "sqrtf", "fmax", "__stack_chk_fail", "_GLOBAL_OFFSET_TABLE_"}
OWN_SYMBOLS = {f"puf_{name}" for name in ("network_layout", "pool_run", "kernels_baseline", "share", "tile_rows")}
OWN_SYMBOLS.add("puf_sum_gradients")


@pytest.mark.parametrize("source", ["kernels", "learner", "sequence"])
def test_nothing_is_allocated(source: str, build: ModuleType, tmp_path: Path) -> None:
    """Acting, storing, gradients and Muon need next to nothing from outside; threads wait in the pool."""
    out = tmp_path / "kernels.o"
    flags = [*build.FUSED, "-O2", f"-I{build.ROOT / 'c'}"]
    subprocess.run([compiler(), *flags, "-c", str(build.ROOT / f"c/learn/{source}.c"), "-o", str(out)], check=True)
    symbols = subprocess.run([compiler("nm"), "-u", str(out)], check=True, capture_output=True, text=True).stdout
    assert {line.split()[-1] for line in symbols.splitlines()} <= ALLOWED_SYMBOLS | OWN_SYMBOLS


MAX_ERROR = {"exponential": 1.1e-7, "logarithm": 2.4e-7, "sigmoid": 1e-7, "hyperbolic tangent": 2e-7}
"""Of one, or of the result's size for the first two: floats are 1.2e-7 apart at one."""


def accuracy(isa: str, stride: int, build: ModuleType, tmp_path: Path) -> dict[str, tuple[float, str]]:
    """The largest error of each function over every `stride`-th of all floats, and a hash of its results."""
    program = tmp_path / "learn_math"
    flags = [*build.FUSED, *build.WARNINGS, "-O2", *MARCH[isa], f"-I{build.ROOT / 'c'}"]
    source = TESTS / "c/learn_math.c"
    subprocess.run([compiler("gcc"), *flags, str(source), "-o", str(program), "-lm"], check=True)
    done = run(program, str(stride))
    assert done.returncode == 0, done.stderr  # NaN must stay NaN, whatever its bits
    rows = [line.split(maxsplit=2) for line in done.stdout.splitlines()]
    return {name: (float(error), hashed) for error, hashed, name in rows}


@pytest.mark.parametrize("isa", ISAS)
def test_functions_are_exact(isa: str, build: ModuleType, tmp_path: Path) -> None:
    found = accuracy(isa, 509, build, tmp_path)
    assert found.keys() == MAX_ERROR.keys()
    for name, (error, _) in found.items():
        assert error <= MAX_ERROR[name], name


def test_functions_of_all_vectors_agree(build: ModuleType, tmp_path: Path) -> None:
    found = [accuracy(isa, 1021, build, tmp_path) for isa in ISAS if fuses(isa)]
    assert all(other == found[0] for other in found[1:])


@pytest.mark.slow
def test_functions_are_exact_for_every_float(build: ModuleType, tmp_path: Path) -> None:
    for name, (error, _) in accuracy(ISAS[-1], 1, build, tmp_path).items():
        assert error <= MAX_ERROR[name], name

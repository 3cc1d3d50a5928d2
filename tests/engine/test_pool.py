"""The pool of threads under sanitizers: no race, no lost round, no lost task."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from .conftest import compiler

PROGRAMS = [
    pytest.param("pool_test", ["pool"], sum(t * 3000 * 3001 // 2 for t in (1, 2, 3, 4, 8)), id="rounds"),
    pytest.param("queue_test", ["pool"], 5 * (3 * 400 + 1 + 3 + 24 + 40), id="tasks"),
    pytest.param("groups_test", ["batch", "pool"], 190, id="groups"),
]
"""Tests in C, their sources, and what they print."""


@pytest.mark.parametrize("sanitizer", ["thread", "address,undefined"])
@pytest.mark.parametrize(("program", "cores", "total"), PROGRAMS)
def test_nothing_is_lost_or_raced(
    program: str, cores: list[str], total: int, sanitizer: str, build: ModuleType, tmp_path: Path
) -> None:
    sources = [str(build.ROOT / path) for path in (f"tests/c/{program}.c", *(f"c/{core}.c" for core in cores))]
    flags = ["-std=gnu17", "-O1", "-g", "-ffp-contract=off", f"-fsanitize={sanitizer}", f"-I{build.ROOT / 'c'}"]
    command = [compiler("gcc"), *flags, "-pthread", *sources, "-o", str(tmp_path / program)]
    subprocess.run(command, check=True)
    # Without address-space randomisation, because older thread sanitizers cannot map their shadow with it.
    command = [compiler("setarch"), "-R", str(tmp_path / program)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout) == total

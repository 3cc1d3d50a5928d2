"""The thread pool under the thread sanitizer: no race, no lost round."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from .conftest import compiler


@pytest.mark.parametrize("sanitizer", ["thread", "address,undefined"])
def test_rounds_are_neither_lost_nor_raced(sanitizer: str, build: ModuleType, tmp_path: Path) -> None:
    sources = [str(build.ROOT / path) for path in ("tests/c/pool_test.c", "c/pool.c")]
    flags = ["-std=gnu17", "-O1", "-g", f"-fsanitize={sanitizer}", f"-I{build.ROOT / 'c'}", "-pthread"]
    subprocess.run([compiler("gcc"), *flags, *sources, "-o", str(tmp_path / "pool_test")], check=True)
    # Without address-space randomisation, because older thread sanitizers cannot map their shadow with it.
    command = [compiler("setarch"), "-R", str(tmp_path / "pool_test")]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout) == sum(t * 3000 * 3001 // 2 for t in (1, 2, 3, 4, 8))

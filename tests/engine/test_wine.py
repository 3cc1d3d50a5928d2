"""The same bytes on Windows: every environment, the pool and the kernels as C programs, made with zig and run by Wine.

`.ci/run windows` does all of it, and more, with a whole wheel.
"""

from __future__ import annotations

import importlib.util
import json
import os
import struct
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import puffer_envs

from .conftest import TESTS, compiler
from .test_bits import driver_digest
from .test_kernels_in_c import ISAS, golden
from .test_pool import PROGRAMS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
MARCH = {"baseline": [], "x86-64-v3": ["-march=x86_64_v3"], "x86-64-v4": ["-march=x86_64_v4"]}
"""As zig spells them."""
SYSTEM = ("kernel32.dll", "api-ms-win-crt-")
"""What is on every Windows since 10."""


@pytest.fixture(scope="module")
def zig(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A compiler for Windows."""
    if importlib.util.find_spec("ziglang") is None:
        pytest.skip("ziglang is not installed: nothing here compiles for Windows")
    program = tmp_path_factory.mktemp("zig") / "cc"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m ziglang cc -target x86_64-windows-gnu "$@"\n', "utf-8")
    program.chmod(0o755)
    return str(program)


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINEDEBUG", "-all")


def run(program: Path, *words: str) -> list[str]:
    done = subprocess.run([compiler("wine"), program, *words], check=True, capture_output=True, text=True)
    return done.stdout.split()


@pytest.mark.parametrize("name", puffer_envs.list_envs())
def test_environments_give_the_golden_bytes(name: str, zig: str, build: ModuleType, tmp_path: Path) -> None:
    expected = json.loads((TESTS / f"golden/{name}.json").read_text("utf-8"))["sha256"]
    driver = build.build_driver(name, tmp_path / "driver.exe", zig, ["-O3"])
    assert driver_digest(driver, name, tmp_path, runner=[compiler("wine")]) == expected
    assert all(library.lower().startswith(SYSTEM) for library in imported(driver.read_bytes()))


@pytest.mark.parametrize(("program", "cores", "total"), PROGRAMS)
def test_the_pool_loses_nothing(
    program: str, cores: list[str], total: int, zig: str, build: ModuleType, tmp_path: Path
) -> None:
    sources = [str(build.ROOT / path) for path in (f"tests/c/{program}.c", *(f"c/{core}.c" for core in cores))]
    words = [*build.EXACT, *build.WARNINGS, "-O2", f"-I{build.ROOT / 'c'}", *sources]
    subprocess.run([zig, *words, "-o", tmp_path / "program.exe"], check=True)
    assert run(tmp_path / "program.exe") == [str(total)]


@pytest.mark.parametrize("isa", ISAS)
def test_kernels_give_the_golden_bytes(isa: str, zig: str, build: ModuleType, tmp_path: Path) -> None:
    program = build.build_learn(tmp_path / "learn.exe", zig, ["-O3"], MARCH[isa])
    for threads in ("1", "3"):
        assert run(program, threads) == golden(isa).split()


@pytest.mark.parametrize(("target", "tag"), [("windows-x86_64", "win_amd64"), ("windows-arm64", "win_arm64")])
def test_a_wheel_needs_python_and_the_system_alone(
    target: str, tag: str, zig: str, build: ModuleType, tmp_path: Path
) -> None:
    subprocess.run([sys.executable, build.ROOT / ".ci/cross.py", target, tmp_path], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name.endswith(f"-cp311-abi3-{tag}.whl")
    assert wheel.stat().st_size < 6_000_000
    with zipfile.ZipFile(wheel) as archive:
        libraries = {Path(name).name: archive.read(name) for name in archive.namelist() if name.endswith(".pyd")}
    assert set(libraries) == {f"{name}.pyd" for name in ("_core", "_signals", "_raster", "_kernels")}
    for library in libraries.values():
        assert b"python3.dll" in (found := [name.lower().encode() for name in imported(library)])
        assert all(name.startswith((b"python3.dll", *map(os.fsencode, SYSTEM))) for name in found)


def imported(program: bytes) -> Iterator[str]:
    """The libraries that a program for Windows is linked to (Microsoft's PE format: import directory table)."""
    (start,) = struct.unpack_from("<I", program, 0x3C)
    sections, optional = (
        struct.unpack_from("<H", program, start + 6)[0],
        struct.unpack_from("<H", program, start + 20)[0],
    )
    (table,) = struct.unpack_from("<I", program, start + 24 + 120)

    def place(address: int) -> int:
        for number in range(sections):
            size, first, stored, at = struct.unpack_from("<4I", program, start + 24 + optional + 40 * number + 8)
            if first <= address < first + max(size, stored):
                return int(address - first + at)
        raise ValueError(f"no section has {address:#x}")

    at = place(table)
    while name := struct.unpack_from("<I", program, at + 12)[0]:
        text = place(name)
        yield program[text : program.index(b"\0", text)].decode()
        at += 20

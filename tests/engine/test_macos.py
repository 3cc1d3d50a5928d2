"""Builds for macOS, made here with zig: what cannot be run can still be read.

`.ci/run macos` runs all of it. docs/platforms.md lists what only a Mac can tell.
"""

from __future__ import annotations

import importlib.util
import shlex
import struct
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import puffer_envs
from puffer_envs import compiling, macho, starting
from puffer_envs.object_file import read_symbols

from .conftest import TESTS, compiler

SLOW = pytest.mark.slow
CALLS = {
    "memset", "memcpy", "memmove", "bzero", "__bzero", "memset_pattern16", "sqrt", "sqrtf", "floorf", "fabsf", "fmax",
    "__memset_chk", "__memcpy_chk", "__memmove_chk",
}  # fmt: skip
PROGRAM = """
float sinf(float);
static int seen[3], *const where = seen;
int given = 4;
const int table[2] = {1, 2};
_Thread_local int own;
int step(int k) { static int count; own += k; return ++count + *where + given + table[k & 1] + (int)sinf(1.0f); }
"""


@pytest.mark.parametrize("processor", ["arm64", "x86_64"])
def test_symbols_of_an_object_file(processor: str, tmp_path: Path) -> None:
    code, out = tmp_path / "program.c", tmp_path / "program.o"
    code.write_text(PROGRAM, "utf-8")
    words = [compiler("clang"), f"--target={processor}-apple-macos11", "-O0", "-c", str(code), "-o", str(out)]
    subprocess.run(words, check=True)
    found = read_symbols(out)
    assert found is not None
    assert found.needed == ("sinf",)
    assert set(found.variables) == {"seen", "given", "own", "count"}


# -- with zig, which has what else a compiler for macOS needs -----------------------------------------------------

TARGETS = {"arm64": "aarch64-macos.11.0", "x86_64": "x86_64-macos.11.0"}
CPUS = {"arm64": ("apple_m1",), "x86_64": ("x86_64", "x86_64_v3", "x86_64_v4")}


@pytest.fixture(scope="module")
def zig() -> list[str]:
    if importlib.util.find_spec("ziglang") is None:
        pytest.skip("ziglang is not installed: nothing here compiles for macOS")
    return [sys.executable, "-m", "ziglang", "cc"]


def environments() -> list[str]:
    lines = (TESTS.parent / "c/envs.def").read_text("utf-8").splitlines() if (TESTS.parent / "c").exists() else []
    return [line.partition("(")[2].partition(")")[0] for line in lines if line.startswith("PUF_ENV")]


@pytest.mark.parametrize("processor", ["arm64", pytest.param("x86_64", marks=SLOW)])
@pytest.mark.parametrize("name", [pytest.param(name, marks=[SLOW] * (name != "squared")) for name in environments()])
def test_environments_call_nothing(
    processor: str, name: str, zig: list[str], build: ModuleType, tmp_path: Path
) -> None:
    code, out = tmp_path / "env.c", tmp_path / "env.o"
    code.write_text(f'#include "envs/{name}.h"\n', "utf-8")
    words = [*zig, "-target", TARGETS[processor], *build.EXACT, *build.WARNINGS, "-O2", f"-I{build.ROOT / 'c'}"]
    subprocess.run([*words, "-c", str(code), "-o", str(out)], check=True)
    found = read_symbols(out)
    assert found is not None
    assert set(found.needed) <= CALLS
    assert not found.variables


@SLOW
@pytest.mark.parametrize(("processor", "cpu"), [(name, cpu) for name, cpus in CPUS.items() for cpu in cpus])
def test_kernels_call_nothing(processor: str, cpu: str, zig: list[str], build: ModuleType, tmp_path: Path) -> None:
    out = tmp_path / "kernels.o"
    words = [*zig, "-target", TARGETS[processor], f"-mcpu={cpu}", *build.FUSED, *build.WARNINGS, "-O2"]
    source = build.ROOT / "c/learn/kernels.c"
    subprocess.run([*words, f"-I{build.ROOT / 'c'}", "-c", str(source), "-o", str(out)], check=True)
    found = read_symbols(out)
    assert found is not None
    assert set(found.needed) <= CALLS | {"puf_network_layout", "puf_share", "puf_tile_rows", "puf_sum_gradients"}
    assert not found.variables


# -- what is loaded ---------------------------------------------------------------------------------------------------

LOAD_DYLIB, ID_DYLIB, RPATH, BUILD_VERSION = 0xC, 0xD, 0x8000001C, 0x32
PLATFORM_MACOS = 1
LIBSYSTEM = 1
"""The first library that is loaded."""
EXPORTED = 0xF
"""Flags of a symbol that others see, in a section: N_SECT | N_EXT."""


def commands(library: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and content of each load command."""
    at = struct.calcsize(macho.HEADER)
    for _ in range(struct.unpack_from(macho.HEADER, library)[4]):
        number, size = struct.unpack_from(macho.COMMAND, library, at)
        yield number, library[at : at + size]
        at += size


def path_in(command: bytes) -> str:
    (start,) = struct.unpack_from("<8xI", command)
    return command[start:].rstrip(b"\0").decode()


def symbols(library: bytes) -> Iterator[tuple[str, int, int]]:
    """Name, flags and library of each symbol."""
    for _, command in (c for c in commands(library) if c[0] == macho.SYMBOLS_COMMAND):
        start, count, texts, _ = struct.unpack_from(macho.SYMBOLS, command)
        for at in range(start, start + count * 16, 16):
            name, flags, _, more, _ = struct.unpack_from(macho.SYMBOL, library, at)
            if not flags & macho.DEBUGGING:
                yield library[texts + name : library.index(b"\0", texts + name)].decode(), flags, more >> 8


def looked_up(library: bytes) -> set[str]:
    """The symbols that are in no library, so that Python has to have them."""
    return {
        name for name, flags, where in symbols(library) if flags & macho.KIND == macho.UNDEFINED and where != LIBSYSTEM
    }


def check_library(library: bytes, name: str) -> None:
    """It needs nothing but macOS 11, and says so."""
    assert library.startswith(macho.MAGIC)
    found = list(commands(library))
    assert [path_in(c) for number, c in found if number == LOAD_DYLIB] == ["/usr/lib/libSystem.B.dylib"]
    assert [Path(path_in(c)).name for number, c in found if number == ID_DYLIB] == [name]
    assert not [path_in(c) for number, c in found if number == RPATH]
    (version,) = (c for number, c in found if number == BUILD_VERSION)
    assert struct.unpack_from("<8xII", version) == (PLATFORM_MACOS, 11 << 16)


@pytest.mark.parametrize("processor", ["arm64", pytest.param("x86_64", marks=SLOW)])
@pytest.mark.parametrize("template", [pytest.param(t, marks=[SLOW] * (t != "grid")) for t in starting.TEMPLATES])
def test_a_game_of_the_users_own(
    template: str, processor: str, zig: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is compiled by the words that a Mac would use, with the compiler of the extra `author`."""
    game = tmp_path / "my games/made"
    game.parent.mkdir()
    starting.create(game, template)
    monkeypatch.setenv("CC", shlex.join([*zig, "-target", TARGETS[processor]]))
    monkeypatch.setattr(sys, "platform", "darwin")
    library = tmp_path / "made.dylib"
    compiling.build_library(game / "made.h", Path(puffer_envs.get_include()), library)
    check_library(library.read_bytes(), library.name)
    assert not looked_up(library.read_bytes())
    assert ("_puf_export", EXPORTED) in {(name, flags) for name, flags, _ in symbols(library.read_bytes())}


@SLOW
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("processor", TARGETS)
def test_a_wheel_is_what_macos_loads(processor: str, zig: list[str], build: ModuleType, tmp_path: Path) -> None:
    script = build.ROOT / ".ci/cross.py"
    if not script.exists():
        pytest.skip("no checkout around the tests: nothing builds wheels")
    subprocess.run([sys.executable, script, f"macos-{processor}", tmp_path], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name.endswith(f"-cp311-abi3-macosx_11_0_{processor}.whl")
    assert wheel.stat().st_size < 6_000_000
    with zipfile.ZipFile(wheel) as archive:
        libraries = {Path(name).name: archive.read(name) for name in archive.namelist() if name.endswith(".so")}
    assert set(libraries) == {f"{name}.abi3.so" for name in ("_core", "_signals", "_raster", "_kernels")}
    for name, library in libraries.items():
        check_library(library, name)
        assert all(symbol.startswith(("_Py", "__Py")) for symbol in looked_up(library))
        assert looked_up(library)
        assert str(build.ROOT).encode() not in library

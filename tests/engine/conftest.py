"""What the engine's tests share: a compiler, the C driver, and an environment compiled as a user would."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

import puffer_envs

TESTS = Path(__file__).resolve().parents[1]


def _load_build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_driver", TESTS / "c/build.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def compiler(name: str = "cc") -> str:
    """The compiler's path; where there is none, the test has nothing to compile with and is skipped, saying so."""
    found = shutil.which(name)
    if not found:
        pytest.skip(f"no {name} on PATH: this test compiles C")
    return found


@pytest.fixture(scope="session")
def build() -> ModuleType:
    """tests/c/build.py; needs the checkout's c/ beside tests/."""
    if not (TESTS.parent / "c/puffer.h").exists():
        pytest.skip("no checkout around the tests: nothing to compile")
    return _load_build()


def few_assets(name: str) -> dict[str, int]:
    """Settings with which a batch makes few levels or tracks: each batch makes them all, which can take a second."""
    return {param.name: 16 for param in puffer_envs.spec(name).params if param.name in ("num_levels", "num_tracks")}


LibraryBuilder = Callable[..., Path]


@pytest.fixture(scope="session")
def build_library(tmp_path_factory: pytest.TempPathFactory) -> LibraryBuilder:
    """Compile tests/c/NAME.h against the installed headers, with further flags, into a library for `load_library`."""

    def compile_environment(*more: str, name: str = "probe") -> Path:
        library = tmp_path_factory.mktemp(name) / f"{name}.so"
        flags = ["-std=c17", "-O2", "-ffp-contract=off", "-shared", "-fPIC", "-DPUF_EXPORT", "-Wall", "-Wextra", *more]
        command = [compiler(), *flags, f"-I{puffer_envs.get_include()}", "-include", str(TESTS / f"c/{name}.h")]
        subprocess.run([*command, "-x", "c", os.devnull, "-o", str(library)], check=True)
        return library

    return compile_environment


@pytest.fixture(scope="session")
def probe(build_library: LibraryBuilder) -> str:
    """tests/c/probe.h, compiled and loaded."""
    if "probe" not in puffer_envs.list_envs():
        assert puffer_envs.load_library(build_library()) == "probe"
    return "probe"

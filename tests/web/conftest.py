"""What the tests of the pages share: modules built once, Node to run them."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from puffer_render.cli_web import make_server

from .browser import serve

HERE = Path(__file__).resolve().parent
WEB = HERE.parents[1] / "web"


@pytest.fixture(scope="session")
def web() -> ModuleType:
    """web/build.py, which needs the checkout and the compiler in the `ziglang` wheel."""
    if not (WEB / "build.py").exists():
        pytest.skip("no checkout around the tests: nothing to compile")
    if importlib.util.find_spec("ziglang") is None:
        pytest.skip("no ziglang here: pip install 'puffer-envs[author]'")
    spec = importlib.util.spec_from_file_location("web_build", WEB / "build.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def engine(web: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The module that all environments share."""
    out = tmp_path_factory.mktemp("engine") / "engine.wasm"
    web.build_engine(out)
    return out


@pytest.fixture(scope="session")
def folder(web: ModuleType) -> Path:
    """All pages, as `make web` builds them."""
    built: Path = web.CACHE / "site"
    web.build_site(web.list_envs(), built)
    return built


@pytest.fixture(scope="session")
def site(folder: Path) -> Iterator[str]:
    """The address of the pages on a plain server."""
    with serve(folder) as address:
        yield address


@pytest.fixture(scope="session")
def isolated(folder: Path) -> Iterator[str]:
    """The same as the command serves them: with headers that let Workers share memory."""
    with make_server(folder, 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield "http://" + f"127.0.0.1:{server.server_port}"
        server.shutdown()


def run_node(*arguments: str | Path) -> str:
    """What a script prints."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on PATH: this test runs WebAssembly")
    done = subprocess.run([node, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def run_python(*arguments: str) -> str:
    """What train_python.py prints, on the instruction set that WebAssembly has."""
    command = [sys.executable, HERE / "train_python.py", *arguments]
    environment = os.environ | {"PUFFER_ISA": "baseline"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()

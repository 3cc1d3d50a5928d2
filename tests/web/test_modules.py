"""Environments and kernels as WebAssembly: the same bytes as everywhere, and nothing asked of the page."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from types import ModuleType

import pytest

import puffer_envs
from puffer_envs.golden import ENVS, SEED, STEPS, golden_actions

from .conftest import HERE, run_node

pytestmark = pytest.mark.slow
GOLDEN = HERE.parent / "golden"


@pytest.mark.parametrize("name", puffer_envs.list_envs())
def test_environments_give_the_golden_bytes(name: str, web: ModuleType, engine: Path, tmp_path: Path) -> None:
    env, actions = tmp_path / "env.wasm", tmp_path / "actions"
    web.build_env(name, env)
    golden_actions(name).tofile(actions)
    numbers = map(str, (ENVS, STEPS, SEED))
    digest = run_node(HERE / "module.mjs", "golden", engine, env, actions, *numbers)
    assert digest.strip() == json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))["sha256"]


def test_all_modules_are_small(web: ModuleType, engine: Path, tmp_path: Path) -> None:
    """What a host stores for all environments together, as most send it; and a page's own share of it."""
    modules = [engine]
    for name in puffer_envs.list_envs():
        modules.append(tmp_path / f"{name}.wasm")
        web.build_env(name, modules[-1])
    sizes = [len(gzip.compress(module.read_bytes())) for module in modules]
    assert sum(sizes) < 1_500_000
    assert sizes[0] + max(sizes[1:]) < 120_000


def test_kernels_give_the_golden_bytes(web: ModuleType, tmp_path: Path) -> None:
    """Those of processors that round a product before they add it."""
    program = tmp_path / "learn.wasm"
    kernels = [source for source in web.SOURCES if source.startswith("c/")] + ["c/learn/sequence.c"]
    sources = {source: web.SOURCES.get(source, web.EXACT) for source in [*kernels, "tests/c/learn_test.c"]}
    web.link([web.compile_object(web.ROOT / s, [rounding]) for s, rounding in sources.items()], program)
    printed = run_node(HERE / "module.mjs", "program", program)
    assert printed.split() == json.loads((GOLDEN / "kernels.json").read_text("utf-8"))["c"]["plain"].split()

"""Environments and kernels as WebAssembly: the same bytes as everywhere, and nothing asked of the page."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

import puffer_envs
from puffer_envs.contract.trained import list_trained, trained_policy
from puffer_envs.golden import ENVS, SEED, golden_actions, golden_steps
from puffer_envs.policy import NumpyPolicy, load_policy

from .conftest import HERE, run_node

pytestmark = pytest.mark.slow
GOLDEN = HERE.parent / "golden"


@pytest.mark.parametrize("name", puffer_envs.list_envs())
def test_environments_give_the_golden_bytes(name: str, web: ModuleType, engine: Path, tmp_path: Path) -> None:
    env, actions = tmp_path / "env.wasm", tmp_path / "actions"
    web.build_env(name, env)
    golden_actions(name).tofile(actions)
    numbers = map(str, (ENVS, golden_steps(name), SEED))
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
    web.link([web.compile_object(web.ROOT / s, [rounding, web.THREADS]) for s, rounding in sources.items()], program)
    printed = run_node(HERE / "module.mjs", "program", program)
    assert printed.split() == json.loads((GOLDEN / "kernels.json").read_text("utf-8"))["c"]["plain"].split()


STEPS_PLAYED = 20


@pytest.mark.parametrize("name", list_trained())
def test_policies_think_as_they_do_in_python(name: str, web: ModuleType, engine: Path, tmp_path: Path) -> None:
    """Every policy that ships: also those that normalise observations, and those of few units."""
    module, file = tmp_path / "env.wasm", trained_policy(name)
    web.build_env(name, module)
    printed = run_node(HERE / "module.mjs", "values", engine, module, file, "3", str(STEPS_PLAYED), "5")
    policy, outputs, masks = load_policy(file), [], []
    forward = policy._forward
    policy._forward = lambda seen: outputs.append(forward(seen)) or outputs[-1]  # type: ignore[func-returns-value,method-assign]
    with puffer_envs.make(name, 3, seed=5, **policy.info.settings) as env:
        env.reset()
        for _ in range(STEPS_PLAYED):
            masks.append(None if env.action_masks is None else env.action_masks[0].copy())
            env.step(policy.act(env.observations, deterministic=True, action_masks=env.action_masks))
            policy.reset(env.terminals | env.truncations)
    wanted = [np.append(out[:, -1], likelihood(policy, out[0], mask)) for out, mask in zip(outputs, masks, strict=True)]
    found = np.array([line.split() for line in printed.splitlines()], np.float32)
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-3 * np.abs(wanted).max())


def likelihood(policy: NumpyPolicy, output: NDArray[np.float32], mask: NDArray[np.bool_] | None) -> NDArray[np.float64]:
    """The probability of each choice; or means, and then spreads."""
    numbers = output[: policy.info.head_rows].astype(np.float64)
    if policy._std is not None:
        return np.append(numbers + policy.info.action_centre, policy._std)
    weights = np.exp(np.where(True if mask is None else mask, numbers, -np.inf))
    parts = np.split(weights, np.cumsum(policy.info.action_sizes)[:-1])
    return np.concatenate([part / part.sum() for part in parts])

"""The trainer in C is puffer-train with the C kernels: the same seed gives the same weights."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import ModuleType

import pytest

from puffer_train.config import load

from .conftest import HERE, run_node, run_python

pytestmark = pytest.mark.slow
SEED = "7"
RUNS = [("cartpole", 40), ("breakout", 3), ("cards", 1), ("racer", 2), ("snake", 2), ("delve", 1)]
"""Truncations; the usual; masks; continuous actions; many agents; codes."""
NOT_IN_C = {
    *("max_seconds", "stop_when", "overlap", "optimizer", "normalize_observations", "normalize_rewards", "loss"),
    *("advantage", "refresh_advantages", "rho_clip", "trace_clip", "priority_alpha", "priority_beta"),
}


def words_of(name: str) -> list[str]:
    """The settings that ship for an environment, as train_run takes them."""
    settings = load(name)
    assert settings.policy.cell == "mingru"
    train = {
        key: float(value)
        for key, value in dataclasses.asdict(settings.train).items()
        if key not in NOT_IN_C and not key.startswith(("checkpoint", "eval", "best", "num_envs"))
    }
    sizes = {"hidden": settings.policy.hidden, "layers": settings.policy.layers}
    return [str(settings.train.num_envs), *(f"{key}={value!r}" for key, value in (train | sizes).items())]


@pytest.mark.parametrize(("name", "iterations"), RUNS)
def test_the_same_weights_as_puffer_train(name: str, iterations: int, web: ModuleType, tmp_path: Path) -> None:
    program = tmp_path / "train.wasm"
    kernels = {source: rounding for source, rounding in web.SOURCES.items() if source.startswith("c/")}
    sources = kernels | {"tests/c/train_run.c": web.EXACT}
    objects = [web.compile_object(web.ROOT / source, [rounding]) for source, rounding in sources.items()]
    web.link([web.compile_env(name), *objects], program)
    in_c = run_node(HERE / "module.mjs", "program", program, str(iterations), SEED, *words_of(name))
    assert in_c.startswith(run_python(name, str(iterations), SEED))

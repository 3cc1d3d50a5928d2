"""The trainer in C is puffer-train with the C kernels: the same seed gives the same weights."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

from puffer_train.config import load

from .conftest import HERE, run_node, run_python

pytestmark = pytest.mark.slow
SEED = "7"
RUNS = [("cartpole", 40), ("breakout", 3), ("cards", 1), ("racer", 2), ("snake", 2), ("delve", 1)]
"""Truncations; the usual; masks; continuous actions; many agents; codes."""
RUNS += [("acrobot", 40), ("mountain_car_continuous", 20), ("pendulum", 20), ("hex", 1), ("taxi", 2)]
"""Observations, rewards and both normalised, and settings that move while it learns."""
NOT_IN_C = {
    *("max_seconds", "stop_when", "overlap", "optimizer", "loss"),
    *("advantage", "refresh_advantages", "rho_clip", "trace_clip", "priority_alpha", "priority_beta"),
}


def words_of(name: str, pages: ModuleType, rules: dict[str, str]) -> list[str]:
    """The settings that ship for an environment, as train_run takes them; with other rules, if there are any."""
    settings = load(name)
    assert settings.policy.cell == "mingru"
    given = pages.train_settings(settings)
    train = {key: float(value) for key, value in given.items() if key not in NOT_IN_C | {"num_envs", "cell"}}
    moved = [",".join(map(repr, rule)) for rule in pages.curriculum(name, rules or settings.curriculum)]
    return [
        str(settings.train.num_envs),
        *(f"{key}={value!r}" for key, value in train.items()),
        *(f"rule={rule}" for rule in moved),
    ]


def compare(web: ModuleType, folder: Path, name: str, iterations: int, rules: dict[str, str]) -> None:
    """Train in C and in Python."""
    program = folder / "train.wasm"
    kernels = {source: rounding for source, rounding in web.SOURCES.items() if source.startswith("c/")}
    sources = kernels | {"tests/c/train_run.c": web.EXACT}
    objects = [web.compile_object(web.ROOT / source, [rounding, web.THREADS]) for source, rounding in sources.items()]
    web.link([web.compile_env(name), *objects], program)
    words = words_of(name, web.pages, rules)
    in_c = run_node(HERE / "module.mjs", "program", program, str(iterations), SEED, *words)
    assert in_c.startswith(run_python(name, str(iterations), SEED, json.dumps(rules)))


@pytest.mark.parametrize(("name", "iterations"), RUNS)
def test_the_same_weights_as_puffer_train(name: str, iterations: int, web: ModuleType, tmp_path: Path) -> None:
    compare(web, tmp_path, name, iterations, {})


def test_settings_that_move_when_a_figure_is_reached(web: ModuleType, tmp_path: Path) -> None:
    rules = {
        "force": "10 to 14 by 0.7 when env.score > 30",
        "max_steps": "300 to 60 by -7 when env.perf < 0.5 over 2",
    }
    compare(web, tmp_path, "cartpole", 40, rules)

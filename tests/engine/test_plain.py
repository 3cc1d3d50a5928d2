"""Fast forms against plain rules: every environment that has lanes, compiled with and without them, bit for bit."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import gymnasium
import numpy as np
import pytest

import puffer_envs
from puffer_envs import _core
from puffer_envs.settings import resolve_settings
from puffer_envs.spec import Param

from .conftest import TESTS, compiler

STEPS = 100_000  # of single environments, over all runs with one of them
MIN_STEPS = 100  # in each run
MIN_AGENTS = 130  # in a batch: two blocks of 64 lanes and a remainder
MIN_ENVS = 5
MAX_AGENTS = 64  # in one environment: some plain rules compare every agent with every other
RANDOM_RUNS = 8
OUTPUTS = ("observations", "rewards", "terminals", "truncations", "action_masks", "agent_mask")
LANES = re.compile(r"\bPUF_PLAIN\b|\bPUF_LANES\(")


def has_lanes(header: Path) -> bool:
    """Whether the environment in this header has a faster form of something."""
    return header.exists() and bool(LANES.search(header.read_text("utf-8")))


LANED = [name for name in puffer_envs.list_envs() if has_lanes(TESTS.parent / f"c/envs/{name}.h")]


@pytest.fixture(scope="module", params=LANED)
def name(request: pytest.FixtureRequest, build: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An environment with lanes, once its plain form is loaded as NAME_plain."""
    name: str = request.param
    if f"{name}_plain" not in puffer_envs.list_envs():
        library = tmp_path_factory.mktemp("plain") / f"{name}.so"
        flags = [*build.EXACT, *build.WARNINGS, "-O2", "-shared", "-fPIC", "-DPUF_EXPORT", "-DPUF_PLAIN"]
        source = [f"-I{build.ROOT / 'c'}", "-include", f"envs/{name}.h", "-x", "c", os.devnull]
        subprocess.run([compiler(), *flags, *source, "-o", str(library)], check=True)
        assert puffer_envs.load_library(library) == f"{name}_plain"
    return name


def count_agents(name: str, settings: dict[str, Any]) -> int:
    """Agents in one environment."""
    values = [p.to_number(settings.get(p.name, p.default)) for p in puffer_envs.spec(name).params]
    agents: int = _core.layout(name, values)[0]["agents"]
    return agents


def setting_range(name: str, p: Param) -> tuple[float, float]:
    """The setting's range, cut off where it would make too many agents."""
    crowded = count_agents(name, {p.name: p.from_number(p.high)}) > MAX_AGENTS
    return p.low, MAX_AGENTS if crowded else p.high


def draw_settings(name: str, rng: np.random.Generator) -> dict[str, Any]:
    """Every setting anywhere in its range, half of them close to its lower end: ranges span powers of ten."""
    drawn = {}
    for p in puffer_envs.spec(name).params:
        low, high = setting_range(name, p)
        value = low + (high - low) * rng.random() ** rng.choice([1, 8])
        drawn[p.name] = value if p.type is float else p.from_number(round(value))
    return drawn


def is_possible(name: str, settings: dict[str, Any]) -> bool:
    """Whether the environment accepts this combination."""
    try:
        resolve_settings(puffer_envs.spec(name), settings)
    except ValueError:
        return False
    return True


def extreme_settings(name: str) -> list[dict[str, Any]]:
    """The defaults; each setting at both ends of its range; random draws of all settings."""
    rng = np.random.default_rng(1)
    ends = [{p.name: p.from_number(end)} for p in puffer_envs.spec(name).params for end in setting_range(name, p)]
    draws = [draw_settings(name, rng) for _ in range(10 * RANDOM_RUNS)]
    possible = [settings for settings in draws if is_possible(name, settings)]
    return [{}, *(settings for settings in ends if is_possible(name, settings)), *possible[:RANDOM_RUNS]]


def draw_actions(space: gymnasium.Space[Any], like: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Random actions, shaped and typed as the array `like`."""
    if isinstance(space, gymnasium.spaces.Box):
        return rng.uniform(space.low, space.high, like.shape).astype(like.dtype)
    choices = space.nvec if isinstance(space, gymnasium.spaces.MultiDiscrete) else space.n
    return rng.integers(0, choices, like.shape).astype(like.dtype)


def play_both(name: str, settings: dict[str, Any], steps: int, seed: int) -> int:
    """Step both forms with the same actions, comparing every byte; returns how many episodes ended."""
    rng, ended = np.random.default_rng(seed), 0
    num_envs = max(MIN_ENVS, MIN_AGENTS // count_agents(name, settings))
    with (
        puffer_envs.make(name, num_envs, seed, **settings) as fast,
        puffer_envs.make(f"{name}_plain", num_envs, seed, **settings) as plain,
    ):
        fast.reset()
        plain.reset()
        held = draw_actions(fast.single_action_space, fast.actions, rng)
        for step in range(steps):
            where = f"{name} at {settings} after {step} steps"
            assert fast.state_hash() == plain.state_hash(), f"{where}: state"
            for output in OUTPUTS:
                ours, theirs = getattr(fast, output), getattr(plain, output)
                assert ours is theirs is None or ours.tobytes() == theirs.tobytes(), f"{where}: {output}"
            over = fast.terminals | fast.truncations
            assert fast.final_observations[over].tobytes() == plain.final_observations[over].tobytes()
            ended += int(over.sum())
            # Most agents hold their action for a while, so that something comes of it.
            changes = rng.random(len(held)) < 0.3
            held[changes] = draw_actions(fast.single_action_space, held[changes], rng)
            fast.step(held)
            plain.step(held)
        assert fast.log() == plain.log()
    return ended


@pytest.mark.timeout(900)
def test_lanes_are_the_plain_rules_bit_for_bit(name: str) -> None:
    """A hundred thousand steps and more, at the ends of all settings."""
    runs = extreme_settings(name)
    ended = 0
    for seed, settings in enumerate(runs):
        num_envs = max(MIN_ENVS, MIN_AGENTS // count_agents(name, settings))
        steps = max(MIN_STEPS, STEPS // (len(runs) * num_envs) + 1)
        ended += play_both(name, settings, steps, seed)
    assert ended > len(runs), "episodes must end, or their ends are not compared"

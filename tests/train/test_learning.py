"""Every environment is learned, with the settings that are shipped, on three seeds: minutes each, hence slow."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

THRESHOLDS = {
    "acrobot": -100.0,
    "asteroids": 32_000.0,
    "backgammon": 0.0,
    "bipedal_walker": 200.0,
    "blackjack": -0.1,
    "blobs": 300.0,
    "boids": 900.0,
    "breakout": 800.0,
    "car_racing": 840.0,
    "car_racing_pixels": 700.0,
    "cards": 0.3,
    "cartpole": 475.0,
    "checkers": -0.2,
    "chess": 0.2,
    "cliff_walking": -14.0,
    "connect4": 0.8,
    "craftax_classic": 12.0,
    "delve": 250.0,
    "drone": 10.0,
    "enduro": 700.0,
    "foundry": 5.5,
    "frozen_lake": 0.7,
    "go": 0.8,
    "gomoku": 0.8,
    "hex": 0.9,
    "lantern": 0.2,
    "lunar_lander": 250.0,
    "maze": 0.6,
    "memory": 0.99,
    "merge2048": 7000.0,
    "minatar_asterix": 25.0,
    "minatar_breakout": 25.0,
    "minatar_freeway": 55.0,
    "minatar_seaquest": 25.0,
    "minatar_space_invaders": 450.0,
    "mountain_car": -110.0,
    "mountain_car_continuous": 90.0,
    "othello": 0.6,
    "pendulum": -200.0,
    "pong": 18.0,
    "racer": 1.7,
    "snake": 15.0,
    "squared": 0.95,
    "tanks": 1.5,
    "taxi": 7.0,
    "tower": 0.75,
}
"""Mean score over fresh full episodes that a trained policy must reach."""


OFFERED = [name for entry in entry_points(group="puffer.envs") for name in entry.load().list_envs() if name != "probe"]
"""What the installed provider offers, before other tests load libraries: a new environment needs a threshold here."""


def test_every_environment_has_a_threshold() -> None:
    assert set(OFFERED) == set(THRESHOLDS)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("name", sorted(THRESHOLDS))
def test_shipped_settings_reach_the_threshold(name: str, seed: int, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "puffer_train.cli.train", name, "--seed", str(seed), "--no-video"]
    subprocess.run([*command, "--run-dir", str(tmp_path / "run")], check=True, capture_output=True)
    evaluation = json.loads((tmp_path / "run/evaluation.json").read_text())
    assert evaluation["unfinished"] == 0
    assert evaluation["score"]["mean"] >= THRESHOLDS[name]


PYTHON_THRESHOLDS = {
    "gymnasium:Acrobot-v1": -100.0,
    "gymnasium:CartPole-v1": 475.0,
    "gymnasium:FrozenLake-v1 --env.is_slippery false": 0.99,
    "gymnasium:LunarLander-v3": 200.0,
    "gymnasium:Pendulum-v1": -250.0,
    "gymnasium:Taxi-v4": 7.0,
}
"""Mean return that the settings shared by all Python environments must reach, without a setting of their own."""


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("arguments", sorted(PYTHON_THRESHOLDS))
def test_python_environments_are_learned_with_shared_settings(arguments: str, tmp_path: Path) -> None:
    if "LunarLander" in arguments:
        pytest.importorskip("Box2D")
    command = [sys.executable, "-m", "puffer_train.cli.train", *arguments.split(), "--run-dir", str(tmp_path / "run")]
    subprocess.run(command, check=True, capture_output=True)
    evaluation = json.loads((tmp_path / "run/evaluation.json").read_text())
    assert evaluation["unfinished"] == 0
    assert evaluation["episode_return"]["mean"] >= PYTHON_THRESHOLDS[arguments]

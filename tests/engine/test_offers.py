"""Environments that other packages offer by entry point: every command knows them."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from .conftest import LibraryBuilder

PYTHON_MODULE = '''
import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete
from puffer_envs import vector


class Coin(gymnasium.Env):
    """Guess a coin."""
    observation_space, action_space = Box(-1, 1, (2,), np.float32), Discrete(2)

    def reset(self, seed=None, options=None):
        self.random = np.random.default_rng(seed) if seed is not None else self.random
        return np.zeros(2, np.float32), {}

    def step(self, action):
        return np.zeros(2, np.float32), float(action), True, False, {}


def list_envs():
    return ["coin"]


def make(name, num_envs, seed=0, threads=1, **settings):
    return vector.make(Coin, num_envs, seed=seed, backend="serial", **settings)
'''

NATIVE_MODULE = """
from pathlib import Path
import puffer_envs
NAME = puffer_envs.load_library(Path(__file__).parent / "slow.so")


def list_envs():
    return [NAME]


make = puffer_envs.make
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory, build_library: LibraryBuilder) -> Path:
    """A folder with three installed packages: one with a Python environment, one with a C environment, one broken."""
    folder = tmp_path_factory.mktemp("packages")
    modules = {"coins": PYTHON_MODULE, "slowness": NATIVE_MODULE, "broken": "import no_such_module"}
    for name, source in modules.items():
        (folder / f"{name}.py").write_text(source)
        about = folder / f"{name}-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text(f"[puffer.envs]\n{name} = {name}\n")
    (folder / "slow.so").write_bytes(build_library(name="slow").read_bytes())
    return folder


def run(packages: Path, command: str, *arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    script = Path(sysconfig.get_path("scripts")) / command
    done = subprocess.run(
        [script, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=200,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(packages), "COLUMNS": "200"},
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done


def test_they_are_listed_and_a_broken_package_is_reported(packages: Path, tmp_path: Path) -> None:
    done = run(packages, "puffer-envs", "list", folder=tmp_path)
    assert done.returncode == 0
    assert "offered by coins, in Python" in done.stdout
    assert "slow" in done.stdout and "breakout" in done.stdout
    assert done.stderr.count("\n") == 1
    assert "skipped broken" in done.stderr and "no_such_module" in done.stderr


@pytest.mark.parametrize(
    "words", [("info", "slow"), ("bench", "slow", "--num-envs", "4", "--seconds", "0.01"), ("check", "coin")]
)
def test_commands_know_them(packages: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    done = run(packages, "puffer-envs", *words, folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_python_environment_has_no_spec(packages: Path, tmp_path: Path) -> None:
    done = run(packages, "puffer-envs", "info", "coin", folder=tmp_path)
    assert done.returncode == 2
    assert "'coin' is a Python environment of coins: it has no spec" in done.stderr


def test_training_offers_only_commands_that_work(packages: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    small = ("--train.num-envs", 8, "--train.horizon", 8, "--train.minibatch", 64, "--steps", 64, "--threads", 1)
    done = run(packages, "puffer-train", "coin", *small, "--no-video", "--run-dir", "run", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "puffer-play" not in done.stdout and "puffer-play" not in (tmp_path / "run/README.md").read_text()
    assert run(packages, "puffer-eval", "run", "--episodes", 4, folder=tmp_path).returncode == 0


def test_python_can_make_them(packages: Path) -> None:
    program = (
        "import puffer_envs; from puffer_envs import vector; puffer_envs.make('slow', 2).close(); "
        "vector.make('coin', 3).close(); print(sys.version_info.major)"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {program}"],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(packages)},
        check=False,
    )
    assert done.stdout.strip() == "3", done.stderr

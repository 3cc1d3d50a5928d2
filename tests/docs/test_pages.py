"""The code on the pages about vectorizers and adapters does what the pages say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"

# What the pages leave to the reader, and what takes minutes or packages that the tests do without.
BEFORE = """
import functools, numpy as np
from puffer_envs import vector
policy = lambda observations: np.zeros(len(observations), np.int32)
np.save("levels.npy", np.arange(6))
class Level(__import__("gymnasium").Env):
    observation_space = __import__("gymnasium").spaces.Box(-1, 1, (2,), np.float32)
    action_space = __import__("gymnasium").spaces.Discrete(2)
    level, wind = 0, 0.0
    def __init__(self, assets=None): self.assets = assets
    def reset(self, *, seed=None, options=None): return np.zeros(2, np.float32), {}
    def step(self, action): return np.zeros(2, np.float32), 0.0, False, False, {}
env = vector.make(Level, 4)
def make_env(assets):
    assert not assets["levels"].flags.writeable
    return Level(assets)
"""
INSTEAD = {"LunarLander-v3": "Acrobot-v1", "100_000": "4096", "num_envs=256": "num_envs=4"}


def blocks(page: str) -> list[str]:
    """The Python code of a page."""
    return re.findall(r"```python\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL)


def cases() -> list[object]:
    pages = ("vectorizers.md", "adapters.md")
    return [pytest.param(code, id=f"{page}-{i}") for page in pages for i, code in enumerate(blocks(page))]


@pytest.mark.parametrize("code", cases())
def test_the_code_of_a_page_runs(code: str, tmp_path: Path) -> None:
    for package in ("pettingzoo", "stable_baselines3", "puffer_render"):
        if package in code or (package == "pettingzoo" and "to_pettingzoo" in code):
            pytest.importorskip(package)
    for what, other in INSTEAD.items():
        code = code.replace(what, other)
    run(tmp_path, "-c", BEFORE + code)


def run(folder: Path, *arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    return done.stdout


def test_an_environment_in_thirty_lines_is_checked_and_trained(tmp_path: Path) -> None:
    (code,) = blocks("python-environments.md")
    (tmp_path / "corridor.py").write_text(code)
    assert len([line for line in code.splitlines() if line.strip()]) <= 30
    report = run(tmp_path, "-m", "puffer_envs.cli", "check", "corridor:Corridor", "--steps", "50")
    assert "FAILED" not in report
    command = ["-m", "puffer_train.cli.train", "corridor:Corridor", "--env.length", "5", "--steps", "20000"]
    told = run(tmp_path, *command, "--no-video", "--run-dir", "run")
    assert (tmp_path / "run/policy.safetensors").is_file(), told

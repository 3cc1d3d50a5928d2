"""What a user does with an installed package: import, train, evaluate, plot, render. The wheel lane runs this."""

from __future__ import annotations

import importlib
import json
import pkgutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

NEED_MORE = ("puffer_train.learners.cuda", "puffer_train.sweep.ray_pool")
"""Packages that the tests do without: Triton and Ray."""
PROGRAMS = ("__main__",)


def run(command: str, *arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    """The installed console script, called from `folder`."""
    script = Path(sysconfig.get_path("scripts")) / command
    done = subprocess.run(
        [script, *map(str, arguments)], capture_output=True, text=True, timeout=240, cwd=folder, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def modules() -> list[str]:
    """Every module of the packages that imports with what the tests need."""
    names = []
    for package in ("puffer_envs", "puffer_train", "puffer_render"):
        path = importlib.import_module(package).__path__
        names += [module.name for module in pkgutil.walk_packages(path, f"{package}.")]
    return [name for name in names if not name.startswith(NEED_MORE) and not name.endswith(PROGRAMS)]


def test_every_module_imports() -> None:
    found = modules()
    assert len(found) > 100
    for name in found:
        importlib.import_module(name)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a short run."""
    folder = tmp_path_factory.mktemp("user")
    run("puffer-train", "squared", "--train.steps", 200_000, "--run-dir", "first", "--no-video", folder=folder)
    return folder / "first"


def test_training_leaves_a_whole_run(trained: Path) -> None:
    for name in ("config.json", "metrics.jsonl", "policy.safetensors", "evaluation.json", "replay.puf", "README.md"):
        assert (trained / name).stat().st_size > 0, name
    assert json.loads((trained / "evaluation.json").read_text("utf-8"))["episodes"] > 0


def test_a_policy_is_evaluated(trained: Path) -> None:
    policy = trained / "policy.safetensors"
    done = run("puffer-eval", "squared", "--policy", policy, "--episodes", 64, folder=trained.parent)
    assert "score" in done.stdout


def test_the_policies_that_ship_are_evaluated_and_filmed(tmp_path: Path) -> None:
    assert "perf" in run("puffer-eval", "squared", "--trained", "--episodes", 64, folder=tmp_path).stdout
    run("puffer-render", "--trained", "breakout", "game.png", "--frame", 100, folder=tmp_path)
    assert (tmp_path / "game.png").read_bytes().startswith(b"\x89PNG")


def test_a_run_is_plotted(trained: Path) -> None:
    run("puffer-plot", trained, "-o", "curve.png", folder=trained.parent)
    assert (trained.parent / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_a_run_is_listed(trained: Path) -> None:
    (found,) = json.loads(run("puffer-runs", trained, "--json", folder=trained.parent).stdout)
    assert (found["env"], found["status"]) == ("squared", "finished")
    assert "unknown" not in (found["environment code"], found["package code"])


def test_a_replay_becomes_a_picture(trained: Path) -> None:
    run("puffer-render", trained / "replay.puf", "game.png", folder=trained.parent)
    assert (trained.parent / "game.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("arguments", [("list",), ("info", "breakout"), ("check", "squared"), ("bench", "squared")])
def test_environments_are_shown_checked_and_measured(arguments: tuple[str, ...], tmp_path: Path) -> None:
    assert run("puffer-envs", *arguments, folder=tmp_path).stdout

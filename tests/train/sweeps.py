"""Small sweeps for tests."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from puffer_train.cli import sweep as cli_sweep
from puffer_train.sweep.job import Job
from puffer_train.sweep.plan import Plan
from puffer_train.sweep.sweep import Sweep

SMALL = ["--train.num-envs", "16", "--train.horizon", "8", "--train.minibatch", "64", "--train.eval-episodes", "8"]
SMALL += ["--policy.layers", "1", "--cost", "steps", "--workers", "1", "--seed", "5"]
SEARCH = ["--search", "train.steps: log 256 to 4096", "--search", "policy.hidden: power 8 to 16"]
for name in ("vector_learning_rate", "gae_lambda", "entropy_coefficient", "value_coefficient", "clip", "momentum"):
    SEARCH += ["--search", f"train.{name}: fixed"]


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


class Told:
    """Runs `puffer-sweep` in this process and keeps what it prints."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str | Path) -> int:
        status = cli_sweep.main([str(argument) for argument in arguments])
        self.out, self.err = self._capsys.readouterr()
        assert "Traceback" not in self.out + self.err
        return status


def trials(folder: str | Path) -> list[tuple[Any, ...]]:
    found = Sweep(Path(folder), Plan.read(Path(folder))).finished()
    return [(trial.number, tuple(trial.values.items()), trial.score, trial.cost) for trial in found]


def job(folder: Path, number: int, how: str) -> Job:
    small: dict[str, Any] = {"num_envs": 16, "horizon": 8, "minibatch": 64, "eval_episodes": 8, "steps": 4096}
    fixed = {"train": small, "policy": {"hidden": 8, "layers": 1}, "env": {"how": how}}
    return Job(number, "sweep_environments:Odd", 1, str(folder / str(number)), {"train.gamma": 0.9}, fixed, "")

"""`puffer-train` within the test's own process: quick enough to interrupt and resume dozens of runs."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from puffer_train.algorithm.ppo import PPO
from puffer_train.cli import eval as cli_eval
from puffer_train.cli import export as cli_export
from puffer_train.cli import train as cli_train
from puffer_train.storage import checkpoint

HERE = Path(__file__).parent
SMALL = ["--train.num-envs", "16", "--train.horizon", "8", "--train.minibatch", "64", "--train.eval-episodes", "0"]
SMALL += ["--policy.hidden", "8", "--policy.layers", "1", "--threads", "1", "--no-video"]
COMMANDS = {"puffer-train": cli_train.main, "puffer-eval": cli_eval.main, "puffer-export": cli_export.main}


@dataclass
class Done:
    """How a command ended, and its output."""

    status: int
    out: str
    err: str

    @property
    def all(self) -> str:
        return self.out + self.err

    @property
    def resume_command(self) -> str:
        """The command that it printed to resume the run."""
        at = self.all.rindex("puffer-train ", 0, self.all.rindex("--resume"))
        return self.all[at:].splitlines()[0].strip()


class Shell:
    """Runs commands in a folder, as typed."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capture = folder, capture

    def __call__(self, program: str, *arguments: str | Path, traceback: bool = False) -> Done:
        """Run a command; it must not raise, whatever is asked of it, nor show a traceback unless it may."""
        self._capture.readouterr()
        before = torch.get_num_threads(), torch.get_float32_matmul_precision()
        status = COMMANDS[program]([str(argument) for argument in arguments])
        torch.set_num_threads(before[0])
        torch.set_float32_matmul_precision(before[1])
        said = self._capture.readouterr()
        assert traceback or "Traceback" not in said.out + said.err
        return Done(status, said.out, said.err)

    def train(self, *arguments: str | Path, traceback: bool = False) -> Done:
        return self("puffer-train", *arguments, traceback=traceback)

    def typed(self, line: str, *more: str) -> Done:
        """Run a line just as it was printed."""
        program, *arguments = shlex.split(line)
        return self(program, *arguments, *more)

    def in_a_shell(self, line: str) -> Done:
        """Run a line through a real shell, with this Python's commands in its path."""
        environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        done = subprocess.run(
            line, shell=True, env=environment, cwd=self.folder, capture_output=True, text=True, timeout=120
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def line(self, *arguments: str | Path, program: str | None = None) -> list[str]:
        """The command line of `puffer-train`, or of another program of this folder that takes the same arguments."""
        called = ["-m", "puffer_train.cli.train"] if program is None else [str(HERE / program)]
        return [sys.executable, *called, *map(str, arguments)]

    def in_a_process(self, *arguments: str | Path, program: str | None = None) -> Done:
        """Run that in a separate process."""
        path = os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
        environment = os.environ | {"PYTHONPATH": path, "COLUMNS": "200"}
        line = self.line(*arguments, program=program)
        done = subprocess.run(line, env=environment, cwd=self.folder, capture_output=True, text=True, timeout=120)
        assert "Traceback" not in done.stdout + done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)


@contextmanager
def before_iteration(number: int, act: Callable[[PPO], object]) -> Iterator[None]:
    """Do something just before a trainer's iteration of this number, counted from 1 over the whole run."""
    original = PPO.iterate

    def iterate(trainer: PPO) -> dict[str, float]:
        if trainer.steps == (number - 1) * trainer.batch:
            act(trainer)
        return original(trainer)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PPO, "iterate", iterate)
        yield


def signalled(number: int, what: signal.Signals = signal.SIGINT) -> Any:
    """A context in which that signal comes during that iteration."""
    return before_iteration(number, lambda trainer: os.kill(os.getpid(), what))


def metrics(folder: Path, *but: str) -> list[dict[str, Any]]:
    """Every line of a run's metrics, without the clock and without what starts with one of `but`."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    without = ("seconds", *but)
    return [{key: value for key, value in line.items() if not key.startswith(without)} for line in lines]


def newest(folder: Path) -> checkpoint.Checkpoint:
    """The newest checkpoint, which must be whole, of a run."""
    return checkpoint.load(checkpoint.list_checkpoints(folder / "checkpoints")[-1])


def saved_steps(folder: Path) -> list[int]:
    """Steps of all checkpoints of a run, which must be whole."""
    paths = checkpoint.list_checkpoints(folder / "checkpoints")
    return [checkpoint.load(path).manifest["counters"]["steps"] for path in paths]

"""Runs that fail or have nothing to do: what they say, and what they leave."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_environments as tiny
from numpy.typing import NDArray
from runs import SMALL, Shell, saved_steps

from puffer_train.storage.folder import read_metrics

BATCH = 16 * 8
RUN = [*SMALL, "--steps", str(9 * BATCH), "--train.checkpoint-interval", str(3 * BATCH)]


class Quits(tiny.CartPole):
    """Ends the program, politely, at its 34th step: in the fifth rollout."""

    def __init__(self, num_envs: int = 1, seed: int = 0) -> None:
        super().__init__(num_envs)
        self.calls = 0

    def step(self, actions: NDArray[Any]) -> Any:
        self.calls += 1
        if self.calls == 34:
            sys.exit(0)
        return super().step(actions)


def test_an_environment_that_ends_the_program_has_failed(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiny, "Quits", Quits, raising=False)
    folder = shell.folder / "run"
    done = shell.train("tiny_environments:Quits", *RUN, "--run-dir", folder, traceback=True)
    assert done.status == 1
    assert done.err.startswith("puffer-train: environment 'tiny_environments:Quits' failed.\n")
    assert done.err.splitlines()[-2] == "SystemExit: 0"
    assert f"Progress is saved. Once that is fixed, resume with: {done.resume_command}" in done.err
    assert saved_steps(folder) == [3 * BATCH, 4 * BATCH]
    assert json.loads((folder / "config.json").read_text())["history"][-1]["ended"] == "failed"


CRASHES = """
import ctypes
import tiny_environments

class Crashes(tiny_environments.CartPole):
    def __init__(self, num_envs=1, seed=0):
        super().__init__(num_envs)
        self.calls = 0

    def step(self, actions):
        self.calls += 1
        if self.calls == 20:
            ctypes.string_at(0)
        return super().step(actions)
"""


def test_a_crash_in_an_environment_names_the_call_and_the_environment(shell: Shell) -> None:
    (shell.folder / "crash.py").write_text(CRASHES)
    done = shell.in_a_process("crash:Crashes", *RUN, "--run-dir", "run")
    assert done.status < 0, "ended by a signal"
    assert "environment 'crash:Crashes' crashed in its own code: look for the cause with puffer-envs check" in done.err
    assert 'crash.py", line 13 in step' in done.err


def test_a_run_that_is_resumed_with_nothing_to_do_says_so(shell: Shell) -> None:
    assert shell.train("cartpole", *RUN, "--run-dir", "run").status == 0
    before = Path("run/metrics.jsonl").read_bytes()
    done = shell.train("--resume", "run", "--steps", "2", "--no-video", "--threads", "1")
    assert done.status == 0
    assert "Nothing to train: 1.15k steps are done, and 2 were asked for. To continue, raise --steps.\n" in done.out
    assert "If this is killed" not in done.out
    assert "Trained 0" not in done.out
    assert done.out.splitlines()[-1] == f"  puffer-train --resume run --threads 1 --no-video --steps {2 * 9 * BATCH}"
    assert Path("run/metrics.jsonl").read_bytes() == before


def test_what_a_killed_run_left_half_written_is_removed(shell: Shell) -> None:
    assert shell.train("cartpole", *RUN, "--run-dir", "run").status == 0
    for name in (".config.json.123.tmp", ".metrics.jsonl.123.tmp"):
        Path("run", name).write_bytes(b"{")
    assert shell.train("--resume", "run", "--no-video", "--threads", "1").status == 0
    assert not list(Path("run").glob(".*.tmp"))


def test_a_clock_that_stands_still(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.monotonic", lambda: 5.0)
    assert shell.train("cartpole", *RUN, "--run-dir", "run").status == 0
    assert Path("run/policy.safetensors").exists()


def test_skipped_updates_are_summed_up_at_the_end(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    class Sometimes(tiny.CartPole):
        def __init__(self, num_envs: int = 1, seed: int = 0) -> None:
            super().__init__(num_envs)
            self.calls = 0

        def step(self, actions: NDArray[Any]) -> Any:
            result = super().step(actions)
            self.calls += 1
            if self.calls in (12, 30):
                self.rewards[3] = np.nan
            return result

    monkeypatch.setattr(tiny, "Sometimes", Sometimes, raising=False)
    done = shell.train("tiny_environments:Sometimes", *RUN, "--run-dir", "run")
    assert done.status == 0
    summary = (
        "WARNING: 2 updates were skipped because a number was not finite. "
        "The last time rewards, row 3, at step 5 of the rollout is not finite.\n"
    )
    assert done.out.count(summary) == 1
    assert "2 updates were skipped because a number was not finite" in Path("run/README.md").read_text()


UNSCALED = ["--train.normalize-observations", "false"]


def test_an_absurd_run_says_so_once_and_at_the_end(shell: Shell) -> None:
    """And what to do; with that done, nothing."""
    what = "approx kl was .*: observations reach [0-9.]+e\\+04. Try --train.normalize-observations true."
    done = shell.train("unscaled:Huge", *RUN, *UNSCALED, "--run-dir", "run")
    assert len(re.findall(f"WARNING: This run will hardly learn: {what}\n", done.out)) == 1
    assert len(re.findall(f"WARNING: [1-9] iterations were absurd. The last time {what}\n", done.out)) == 1
    assert "absurd" not in shell.train("unscaled:Huge", *RUN, "--run-dir", "again").out


def test_an_observation_beyond_all_numbers_is_named(shell: Shell) -> None:
    settings = ["--env.spread", "1e30", *UNSCALED, "--policy.layers", "3"]
    done = shell.train("unscaled:Huge", *RUN, *settings, "--run-dir", "run")
    what = r"is not finite: observations reach [0-9.]+e\+30. Try --train.normalize-observations true"
    assert re.search(what, done.out + done.err)
    settings.remove("false"), settings.remove("--train.normalize-observations")
    assert shell.train("unscaled:Huge", *RUN, *settings, "--run-dir", "again").status == 0


def test_metrics_lines_without_valid_steps_are_left_out(tmp_path: Path) -> None:
    lines = [
        '{"steps": 5, "loss": 1}',
        '{"steps": -5, "loss": 2}',
        '{"steps": NaN, "loss": 3}',
        '{"steps": 1e400, "loss": 3}',
        '{"loss": 4}',
        '{"steps": 6',
    ]
    (tmp_path / "metrics.jsonl").write_text("\n".join([*lines, '{"steps": 7, "loss": 5}']))
    columns = read_metrics(tmp_path)
    assert columns["steps"].tolist() == [5, 7]
    assert columns["loss"].tolist() == [1, 5]

"""What ends a training before its steps: a condition, a number of seconds."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from runs import SMALL, Shell, metrics, newest, signalled

import puffer_train
from puffer_train.condition import Condition, Watch
from puffer_train.errors import ConfigError

BATCH = 16 * 8
RUN = ["squared", *SMALL, "--steps", str(40 * BATCH), "--seed", "3", "--train.checkpoint-interval", str(2 * BATCH)]


def ended(folder: str | Path) -> dict[str, Any]:
    part: dict[str, Any] = json.loads((Path(folder) / "config.json").read_text())["history"][-1]
    return part


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("env.perf > 0.99", "env.perf > 0.99 over 10 iterations"),
        ("env/perf>=.5 over 3", "env.perf >= 0.5 over 3 iterations"),
        (" steps < 2M over 1 ", "steps < 2e+06"),
        ("env.race.perf <= -1e-3", "env.race.perf <= -0.001 over 10 iterations"),
    ],
)
def test_conditions_that_can_be_read(text: str, wanted: str) -> None:
    assert str(Condition.parse(text, "it", 10)) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("env.perf", "it is 'env.perf'; it must be a number of the report, >, >="),
        ("env.perf == 1", "it is 'env.perf == 1'; it must be"),
        ("0.9 < env.perf", "it must be a number of the report"),
        ("env.perf > high", "it compares with 'high'; it must be a number."),
        ("env.perf > nan", "it compares with 'nan'; it must be a number."),
        ("env.perf > 1 over 0", "it looks over '0'; it must be a whole number of iterations up to 1000."),
        ("env.perf > 1 over two", "it looks over 'two'"),
        ("env.perf > 1 and x < 2", "it must be a number of the report"),
    ],
)
def test_conditions_that_cannot(text: str, wanted: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Condition.parse(text, "it", 10)
    assert wanted in str(refused.value)


def test_a_condition_is_about_the_mean_of_the_last_values() -> None:
    watch = Watch(Condition.parse("x > 1 over 3", "it", 10))
    held = [watch.add(report) for report in ({"x": 9.0}, {"x": 0.0}, {}, {"x": 0.0}, {"y": 5.0}, {"x": 4.0})]
    assert held == [False, False, False, True, True, True]
    assert not watch.add({"x": -1.0}), "0, 4 and -1"


def test_a_run_ends_when_its_condition_holds(shell: Shell) -> None:
    condition = f"steps >= {7 * BATCH} over 3"
    done = shell.train(*RUN, "--stop-when", condition, "--run-dir", "r")
    assert done.status == 0
    assert [line["steps"] for line in metrics(Path("r"))] == [n * BATCH for n in range(1, 9)], "mean of 6, 7 and 8: 7"
    assert ended("r")["ended"] == "finished"
    assert ended("r")["reason"] == "steps >= 896 over 3 iterations (mean 896)"
    assert "Training ended because steps >= 896 over 3 iterations (mean 896).\n" in done.out
    assert done.out.splitlines()[-1].endswith("--resume r --threads 1 --no-video --stop-when ''")
    assert "finished: steps >= 896 over 3 iterations" in Path("r/README.md").read_text()
    assert Path("r/policy.safetensors").exists()
    again = shell.train("--resume", "r", "--threads", "1", "--no-video")
    assert "Nothing to train: steps >= 896 over 3 iterations (mean 896). To continue, change --stop-when." in again.out
    assert len(metrics(Path("r"))) == 8


def test_a_run_that_is_resumed_stops_where_it_would_have(shell: Shell) -> None:
    condition = ["--stop-when", f"updates >= {2 * 3 * 6} over 5"]
    assert shell.train(*RUN, *condition, "--run-dir", "whole").status == 0
    with signalled(11):
        stopped = shell.train(*RUN, *condition, "--run-dir", "r")
    assert shell.typed(stopped.resume_command).status == 0
    assert len(metrics(Path("r"))) == 14
    assert metrics(Path("r")) == metrics(Path("whole"))


def test_a_run_continues_with_another_condition(shell: Shell) -> None:
    assert shell.train(*RUN, "--stop-when", "updates > 5 over 1", "--run-dir", "r").status == 0
    assert shell.train("--resume", "r", "--stop-when", "", "--threads", "1", "--no-video").status == 0
    assert len(metrics(Path("r"))) == 40
    assert "reason" in ended("r")
    assert ended("r")["reason"] == "5.12k steps are done"


def test_a_condition_on_what_nobody_reports_is_noticed(shell: Shell) -> None:
    done = shell.train(*RUN, "--stop-when", "env.prf > 0", "--run-dir", "r")
    assert done.status == 0
    assert done.out.count("WARNING: train.stop_when: no iteration has reported 'env.prf' yet") == 1
    assert "Did you mean 'env.perf'?" in done.out
    done = shell.train(*RUN, "--stop-when", "entropi > 0", "--run-dir", "s")
    assert "Did you mean 'entropy'?" in done.out


def test_a_condition_that_cannot_be_read_starts_nothing(shell: Shell) -> None:
    done = shell.train(*RUN, "--stop-when", "env.perf", "--run-dir", "r")
    assert done.status == 2
    assert done.err.startswith("puffer-train: train.stop_when is 'env.perf'; it must be a number of")
    assert not Path("r").exists()


@pytest.fixture
def ticking(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A clock that advances by a quarter of a second whenever the run looks at it."""
    now = [0.0]

    def monotonic() -> float:
        now[0] += 0.25
        return now[0]

    with monkeypatch.context() as patch:
        patch.setattr(time, "monotonic", monotonic)
        yield


def test_learning_rates_fall_with_the_seconds(ticking: None, tmp_path: Path) -> None:
    train = {"num_envs": 16, "horizon": 8, "minibatch": 64, "eval_episodes": 0}
    run = puffer_train.train(
        "squared",
        max_seconds=20,
        settings={"train": train, "policy": {"hidden": 8, "layers": 1}},
        folder=tmp_path / "r",
        threads=1,
        video=False,
        quiet=True,
    )
    rates, seconds = run.metrics["learning_rate"], run.metrics["seconds"]
    assert len(rates) > 10
    assert seconds[-2] < 20 <= seconds[-1]
    assert (rates[1:] < rates[:-1]).all()
    assert rates[-1] < 0.05 * rates[0]
    assert run.config["history"][-1]["reason"] == "20 seconds are used"


def test_seconds_are_kept_across_a_resume(ticking: None, shell: Shell) -> None:
    limit = ["--max-seconds", "12"]
    with signalled(4):
        stopped = shell.train(*RUN, *limit, "--run-dir", "r")
    used = newest(Path("r")).manifest["run"]["seconds"]
    assert used > 1
    done = shell.typed(stopped.resume_command)
    assert done.status == 0
    assert "Training ended because 12 seconds are used." in done.out
    lines = [json.loads(line) for line in Path("r/metrics.jsonl").read_text().splitlines()]
    assert [line["seconds"] for line in lines] == sorted(line["seconds"] for line in lines)
    assert used < lines[4]["seconds"] < used + 6
    assert 12 <= lines[-1]["seconds"] < 14
    assert done.out.splitlines()[-1].endswith("--max-seconds 24")
    again = shell.train("--resume", "r", "--threads", "1", "--no-video")
    assert "Nothing to train: 12 seconds are used. To continue, raise --max-seconds." in again.out

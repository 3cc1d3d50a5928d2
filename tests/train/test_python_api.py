"""Training from Python: the same runs as those of `puffer-train`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import puffer_train
from puffer_envs.contract.errors import UserError
from puffer_envs.contract.policy_file import PolicyFile
from puffer_train.run.trained import Trained
from puffer_train.storage import checkpoint
from tests.train.runs import SMALL, Shell

SETTINGS: dict[str, object] = {
    "train": {"num_envs": 16, "horizon": 8, "minibatch": 64, "eval_episodes": 0},
    "policy": {"hidden": 16, "layers": 1},
}
STEPS = 10 * 16 * 8


def options(folder: Path, **more: Any) -> dict[str, Any]:
    return {"folder": folder, "settings": SETTINGS, "threads": 1, "video": False, "quiet": True, **more}


def policy_bytes(folder: Path) -> bytes:
    return (folder / "policy.safetensors").read_bytes()


def test_train_gives_the_bytes_of_the_command(shell: Shell, tmp_path: Path) -> None:
    assert shell.train("squared", *SMALL, "--policy.hidden", "16", "--steps", STEPS, "--run-dir", "typed").status == 0
    reports = []
    run = puffer_train.train(
        "squared",
        steps=STEPS,
        seed=1,
        on_iteration=lambda trainer, report: reports.append((trainer.steps, report["steps"])),
        **options(tmp_path / "called"),
    )
    assert policy_bytes(run.folder) == policy_bytes(tmp_path / "typed")
    assert reports == [(n * 128, n * 128) for n in range(1, 11)]
    assert run.metrics["steps"].tolist() == [n * 128 for n in range(1, 11)]
    assert np.isfinite(run.metrics["loss"]).all()
    assert run.config["history"][-1]["ended"] == "finished"


def test_iterations_one_by_one_give_the_same_bytes(tmp_path: Path) -> None:
    whole = puffer_train.train("squared", steps=STEPS, seed=5, **options(tmp_path / "whole"))
    with puffer_train.Trainer("squared", steps=STEPS, seed=5, **options(tmp_path / "steps")) as trainer:
        while not trainer.finished:
            trainer.iterate()
    assert policy_bytes(trainer.run.folder) == policy_bytes(whole.folder), "also without finish()"


def test_an_error_between_iterations_loses_nothing(tmp_path: Path) -> None:
    whole = puffer_train.train("squared", steps=STEPS, seed=2, **options(tmp_path / "whole"))
    with (
        pytest.raises(ZeroDivisionError),
        puffer_train.Trainer("squared", steps=STEPS, seed=2, **options(tmp_path / "broken")) as trainer,
    ):
        for _ in range(4):
            trainer.iterate()
        print(1 // 0)
    assert trainer.run.config["history"][-1]["ended"] == "failed"
    resumed = puffer_train.train(resume=trainer.run.folder, threads=1, video=False, quiet=True)
    assert resumed.metrics["steps"][0] == 128
    assert policy_bytes(resumed.folder) == policy_bytes(whole.folder)


def test_stop_ends_a_run_as_if_its_steps_were_done(tmp_path: Path) -> None:
    settings = {**SETTINGS, "train": {**SETTINGS["train"], "eval_episodes": 4}}  # type: ignore[dict-item]

    def stop_after_three(trainer: puffer_train.Trainer, report: dict[str, float]) -> None:
        if trainer.steps >= 3 * 128:
            trainer.stop()

    run = puffer_train.train(
        "squared", steps=STEPS, on_iteration=stop_after_three, **options(tmp_path / "r", settings=settings)
    )
    assert run.metrics["steps"][-1] == 4 * 128, "the iteration after the request is the last"
    assert run.evaluation["episodes"] >= 4
    assert run.config["history"][-1]["ended"] == "finished"


def test_a_signal_saves_and_then_raises(tmp_path: Path) -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        puffer_train.Trainer("squared", steps=STEPS, seed=2, **options(tmp_path / "r")) as trainer,
    ):
        while not trainer.finished:
            trainer.iterate()
            if trainer.steps == 3 * 128:
                os.kill(os.getpid(), signal.SIGINT)
    assert trainer.steps == 4 * 128
    assert trainer.run.config["history"][-1]["ended"] == "interrupted"
    assert not (trainer.run.folder / "policy.safetensors").exists()
    resumed = puffer_train.train(resume=trainer.run.folder, threads=1, video=False, quiet=True)
    whole = puffer_train.train("squared", steps=STEPS, seed=2, **options(tmp_path / "whole"))
    assert policy_bytes(resumed.folder) == policy_bytes(whole.folder)


def test_a_run_evaluates_its_policy(tmp_path: Path) -> None:
    run = puffer_train.train("squared", steps=STEPS, **options(tmp_path / "r"))
    first, second = run.evaluate(32, seed=7), run.evaluate(32, seed=7)
    assert first.episodes >= 32
    assert first.figures == second.figures
    assert run.policy.hidden == 16
    assert puffer_train.Run(run.folder).environment == "squared"


def test_settings_come_from_a_file_from_a_run_or_whole(tmp_path: Path) -> None:
    toml = tmp_path / "mine.toml"
    toml.write_text("[train]\ngamma = 0.5\n")
    with puffer_train.Trainer("squared", **options(tmp_path / "a", settings=toml)) as of_file:
        assert of_file.settings.train.gamma == 0.5
        assert of_file.settings.train.steps != 77
    with puffer_train.Trainer(like=tmp_path / "a", steps=77, **options(tmp_path / "b", settings=None)) as of_run:
        assert (of_run.settings.train.gamma, of_run.settings.train.steps) == (0.5, 77)
    with puffer_train.Trainer("squared", **options(tmp_path / "c", settings=puffer_train.Settings())) as whole:
        assert whole.settings == puffer_train.Settings()


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, "no environment is given"),
        ({"environment": "sqared"}, "Did you mean 'squared'"),
        ({"environment": "squared", "settings": {"train": {"gama": 0.9}}}, "settings: train.gama is not a setting"),
        ({"environment": "squared", "settings": {"wrap": {"stak": 2}}}, r"wrap.stak is not a setting. .*'stack'\?$"),
        ({"environment": "squared", "settings": {"wrap": {"stack": -1}}}, r"must be a whole number from 1 to 64\.$"),
        ({"environment": "squared", "settings": {"trian": {}}}, r"there is no table \[trian\]"),
        ({"environment": "squared", "settings": "missing.toml"}, "cannot read the settings file missing.toml"),
        ({"environment": "squared", "steps": -1}, "train.steps is -1; it must be at least 1"),
        ({"environment": "squared", "log": ["tensorbord"]}, "no logger 'tensorbord'"),
        ({"environment": "squared", "learner": "tpu"}, "learner is 'tpu'; it must be one of auto"),
        ({"environment": "squared", "seed": -1}, "seed is -1; it must be a whole number from 0"),
        ({"environment": "squared", "threads": "2"}, "threads is '2'; it must be a whole number from 1"),
        ({"environment": "squared", "settings": {"train": 3}}, r"\[train\] must be a table"),
        ({"resume": "nowhere", "seed": 2, "like": "x"}, "leave out like, seed"),
        ({"resume": "nowhere"}, "nowhere is not a run folder"),
        ({"like": "nowhere"}, "nowhere is not a run folder"),
    ],
)
def test_mistakes_are_one_sentence(
    given: dict[str, Any], wanted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=wanted), puffer_train.Trainer(**given):
        pass
    assert not list(tmp_path.iterdir())


def test_quiet_prints_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    puffer_train.train("squared", steps=STEPS, **options(tmp_path / "r"))
    said = capfd.readouterr()
    assert said.out + said.err == ""


SCRIPT = """
import puffer_train
run = puffer_train.train("gymnasium:CartPole-v1", steps=600, folder="r", video=False, threads=2, quiet=True,
                         settings={"train": {"num_envs": 4, "horizon": 8, "minibatch": 32, "eval_episodes": 2}})
print("score", run.evaluation["episode_return"]["mean"])
"""


def test_a_script_needs_no_main_guard(tmp_path: Path) -> None:
    """Worker processes must not run the script again."""
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("score ")
    assert json.loads((tmp_path / "r" / "config.json").read_text())["threads"]["environments"] == 2


def test_importing_loads_no_torch() -> None:
    done = subprocess.run([sys.executable, "-c", "import puffer_train, sys; print('torch' in sys.modules)"], **CAPTURED)
    assert done.stdout == "False\n"


CAPTURED: dict[str, Any] = {"capture_output": True, "text": True, "timeout": 60}


def test_the_newest_policy_is_there_while_it_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with puffer_train.Trainer("squared", steps=STEPS, newest_seconds=1e-9, **options(tmp_path / "r")) as trainer:
        newest = trainer.run.folder / "newest.safetensors"
        trainer.iterate()
        first = newest.read_bytes()
        assert Trained.find(newest).environment == "squared"
        with monkeypatch.context() as later:  # it pauses for 200 times as long as it took
            later.setattr(time, "monotonic", lambda: 1e9)
            trainer.iterate()
        assert newest.read_bytes() != first
        while not trainer.finished:
            trainer.iterate()
        trainer.finish()
        assert not newest.exists(), "what is finished is in policy.safetensors"
    with (
        pytest.raises(KeyboardInterrupt),
        puffer_train.Trainer("squared", steps=STEPS, **options(tmp_path / "s")) as stopped,
    ):
        stopped.iterate()
        stopped.iterate()
        raise KeyboardInterrupt
    newest = stopped.run.folder / "newest.safetensors"
    weights = checkpoint.load_latest(stopped.run.folder / "checkpoints", print).tensors["policy.head"].numpy()
    assert np.array_equal(PolicyFile.read(newest).tensors["head.weight"], weights), "the last ones"
    with puffer_train.Trainer("squared", newest_seconds=0, **options(tmp_path / "t")) as none:
        none.iterate()
        assert not (none.run.folder / "newest.safetensors").exists()

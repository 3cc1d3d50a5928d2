"""The commands as a user meets them. A process of its own takes seconds to import torch, so only some tests use one."""

import importlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from runs import Done, Shell

from puffer_envs.contract.commands import EXTRAS
from puffer_train.cli import eval as cli_eval
from puffer_train.cli import export as cli_export
from puffer_train.cli import train as cli_train

HERE = Path(__file__).parent
SMALL = ["--train.num-envs", "16", "--train.horizon", "8", "--train.minibatch", "64", "--train.eval-episodes", "8"]
SMALL += ["--policy.hidden", "8", "--policy.layers", "1", "--threads", "1"]


def command(program: str, *arguments: str) -> tuple[list[str], dict[str, str]]:
    """Return the command line and environment that run a command with the tests' environments importable."""
    path = os.pathsep.join([str(HERE), *(p for p in [os.environ.get("PYTHONPATH")] if p)])
    return [sys.executable, "-m", f"puffer_train.cli.{program}", *arguments], os.environ | {
        "PYTHONPATH": path,
        "COLUMNS": "200",
    }


def run_apart(folder: Path, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own."""
    line, environment = command(program, *arguments)
    return subprocess.run(line, env=environment, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


Run = Callable[..., Done]


@pytest.fixture
def run(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run a command in this process, in the test's folder: the program's last name, then the arguments."""
    monkeypatch.setenv("COLUMNS", "200")
    before = set(sys.modules)
    importlib.invalidate_caches()
    yield lambda program, *arguments: shell(f"puffer-{program}", *arguments, traceback=True)
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(shell.folder)):
            del sys.modules[name]  # another test writes another module of that name


def metrics(folder: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


@pytest.mark.parametrize("program", ["train", "eval"])
def test_help(tmp_path: Path, program: str) -> None:
    done = run_apart(tmp_path, program, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: puffer-{program}")
    if program == "train":
        assert "--help-settings" in done.stdout
        settings = run_apart(tmp_path, program, "--help-settings").stdout
        assert "--train.learning-rate" in settings
        assert "Muon's initial learning rate" in " ".join(settings.split())


TRAIN_MISTAKES = [
    ([], "no environment is given"),
    (["no_such:thing"], "there is no module 'no_such', of 'no_such:thing'"),
    (["brakout"], "there is no environment 'brakout'"),
    (["tiny_environments:CartPoll"], "nothing called 'CartPoll'"),
    (["tiny_environments:CartPole", "--train.gama", "1"], "no option '--train.gama'. Did you mean '--train.gamma'?"),
    (["tiny_environments:CartPole", "--train.gamma", "2"], "train.gamma is 2; it must be between 0 and 1."),
    (["tiny_environments:CartPole", "--train.gamma"], "expected one argument"),
    (["tiny_environments:CartPole", "--steps", "many"], "train.steps is 'many'; it must be a whole number."),
    (["tiny_environments:CartPole", "--seed", "-1"], "-1 must be at least 0"),
    (["tiny_environments:CartPole", "--seed", "x"], "'x' is not a whole number"),
    (["tiny_environments:CartPole", "--threads", "0"], "0 must be at least 1"),
    (["tiny_environments:CartPole", "--env.length", "7"], "length is 7; it must be above 0 and at most 2"),
    (["tiny_environments:CartPole", "--env.lenght", "1"], "unexpected keyword argument 'lenght'"),
    (["tiny_environments:CartPole", "--env.length"], "--env.length needs a value: --env.length VALUE."),
    (["tiny_environments:CartPole", "--train.num-envs", "4"], "more than one rollout of 4 agents"),
    (["tiny_environments:CartPole", "--settings", "none.toml"], "cannot read the settings file none.toml"),
    (["cartpole", "--settings", "fastt"], "no settings 'fastt': give the path of a TOML file. Did you mean 'fast'?"),
    (["tiny_environments:CartPole", "more"], "unexpected argument 'more'"),
    (["gymnasium:CartPol-v1"], "Gymnasium has no environment 'CartPol-v1'"),
    (["gymnasium:CartPole-v1", "--env.gravity", "3", "--threads", "2"], "unexpected keyword argument 'gravity'"),
    (["CartPole-v1"], "Did you mean 'gymnasium:CartPole-v1'?"),
    (["pettingzoo:butterfly.no_such_v1"], "butterfly.no_such_v1"),
    (["--resume", "nowhere"], "nowhere is not a run folder"),
    (["--resume", "x", "--seed", "3"], "--resume uses the run's own"),
]


@pytest.mark.parametrize(("arguments", "message"), TRAIN_MISTAKES)
def test_mistakes_are_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli_train.main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.startswith("puffer-train: ")
    assert message in said.err
    assert not list(tmp_path.iterdir()), "nothing is left behind"


def test_a_mistake_in_a_process_of_its_own(tmp_path: Path) -> None:
    done = run_apart(tmp_path, "train", "tiny_environments:CartPoll")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "puffer-train: 'tiny_environments' has nothing called 'CartPoll'. Did you mean 'CartPole'?\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tiny_environments:CartPole"], "no policy is given"),
        (["nothing"], "there is no environment 'nothing'"),
        (["nothing", "--trained"], "no trained policy ships for 'nothing'."),
        (
            ["drone", "--trained", "--env.task", "flg"],
            "puffer-eval: drone: setting 'task' must be one of mixed,",
        ),
        (["drone", "--trained", "--env.tsk", "flag"], "puffer-eval: drone has no setting 'tsk'. Did you mean 'task'?"),
        (["--trained"], "--trained needs the name of an environment"),
        (["squared", "--trained", "--policy", "x"], "another one is given"),
        (["--policy", "none.safetensors"], "none.safetensors: no such file"),
        (["--checkpoint", "none"], "cannot resume from none: it holds no checkpoint"),
        (["--policy", "x", "--episodes", "0"], "0 must be at least 1"),
    ],
)
def test_mistakes_in_judging_are_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli_eval.main(arguments) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert message in said.err


def test_a_trained_policy_is_not_exported_into_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is written to the folder where the command runs."""
    asked = []

    def export(source: Path, out: Path, **keywords: object) -> SimpleNamespace:
        asked.append((source.name, out))
        out.write_bytes(b"onnx")
        return SimpleNamespace(difference=0.0, rows=1)

    monkeypatch.chdir(tmp_path)
    for name in ("onnx", "onnxruntime", "onnxscript"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setattr("puffer_train.run.export_run.export", export)
    assert cli_export.main(["squared", "--trained"]) == 0
    assert asked == [("squared.safetensors", Path("squared.onnx"))]


@pytest.mark.parametrize("package", [name for name, extra in EXTRAS.items() if extra == "train"])
def test_a_missing_package_is_named_with_its_cure(tmp_path: Path, package: str) -> None:
    program = (
        f"import sys; sys.modules[{package!r}] = None; "
        "from puffer_train.cli.train import main; sys.exit(main(['tiny_environments:CartPole']))"
    )
    line, environment = command("train")
    done = subprocess.run(
        [line[0], "-c", program], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == f'puffer-train: {package} is missing: pip install "puffer-envs[train]"\n'


def test_a_whole_run(run: Run, tmp_path: Path) -> None:
    """Train, evaluate, evaluate the policy and the checkpoint, resume, and evaluate what does not fit."""
    folder, name = tmp_path / "run", "tiny_environments:CartPole"
    arguments = [name, *SMALL, "--steps", "2000", "--run-dir", str(folder)]
    done = run_apart(tmp_path, "train", *arguments, "--env.length", "0.6")
    assert done.returncode == 0, done.stderr
    assert "Evaluated on 8 fresh full episodes" in done.stdout
    assert f"puffer-train tiny_environments:CartPole --resume {folder} --threads 1 --steps 4000" in done.stdout
    left = {"README.md", "config.json", "metrics.jsonl", "dashboard.svg", "checkpoints"}
    left |= {"policy.safetensors", "evaluation.json"}
    assert {path.name for path in folder.iterdir()} == left
    assert metrics(folder)[-1]["steps"] == 2048
    saved = json.loads((folder / "config.json").read_text())
    assert saved["settings"]["env"] == {"length": 0.6}
    assert saved["settings"]["train"]["minibatch"] == 64
    evaluation = json.loads((folder / "evaluation.json").read_text())
    assert evaluation["episodes"] == 8

    again = run("train", *arguments)
    assert again.status == 2
    assert "already holds a run" in again.err

    for what in (["--policy", str(folder)], ["--policy", str(folder / "policy.safetensors")]):
        judged = run("eval", name, *what, "--episodes", "8", "--seed", "1001", "--threads", "1")
        assert judged.status == 0, judged.err
        mean = re.escape(f"{evaluation['episode_return']['mean']:.5g}")
        assert re.search(rf"episode_return +{mean} ", judged.out), "the same games, the same figures"
    judged = run("eval", name, "--checkpoint", str(folder), "--episodes", "3", "--deterministic")
    assert "Evaluated on 3 fresh full episodes" in judged.out, judged.err
    other = run("eval", "tiny_environments:Corridor", "--policy", str(folder))
    assert "Trained in tiny_environments:CartPole, evaluated in tiny_environments:Corridor." in other.out
    assert "'tiny_environments:Corridor' could not be made with length=0.6" in other.err, "it has the same settings"
    assert "the policy's settings of tiny_environments:CartPole do not fit: " in other.err
    variant = run("eval", "tiny_environments:OtherCartPole", "--policy", str(folder), "--episodes", "3")
    assert variant.status == 0 and "Evaluated on 3 fresh full episodes" in variant.out
    replay = run("eval", name, "--policy", str(folder), "--episodes", "1", "--replay", "file")
    assert "cannot record replays" in replay.err

    more = run("train", name, "--resume", str(folder), "--steps", "4000", "--threads", "1")
    assert more.status == 0, more.err
    assert "at 2.05k steps" in more.out
    assert [line["steps"] for line in metrics(folder)] == [128 * i for i in range(1, 33)]

    changed = run("train", name, "--resume", str(folder), "--policy.hidden", "16", "--steps", "9000")
    assert changed.status == 2
    assert "its hidden is 8, here it is 16" in changed.err


def test_same_seed_same_metrics_and_resume_is_exact(run: Run, tmp_path: Path) -> None:
    """A run cut short by Ctrl-C and resumed leaves the same numbers as one that was not."""
    arguments = ["tiny_environments:CartPole", *SMALL, "--train.eval-episodes", "0", "--seed", "7"]
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    steps = 50_000
    assert run("train", *arguments, "--steps", str(steps), "--run-dir", str(whole)).status == 0
    line, environment = command("train", *arguments, "--steps", str(steps), "--run-dir", str(cut))
    with subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        wait_for_lines(cut / "metrics.jsonl", 20)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert f"puffer-train tiny_environments:CartPole --resume {cut} --threads 1\n" in output
    assert 20 <= len(metrics(cut)) < steps / 128, "it was cut short"
    resumed = run("train", "tiny_environments:CartPole", "--resume", str(cut), "--threads", "1")
    assert resumed.status == 0, resumed.err
    learned = [[without_episodes(line) for line in metrics(folder)] for folder in (whole, cut)]
    assert learned[0] == learned[1]


def without_episodes(line: dict[str, Any]) -> dict[str, Any]:
    """Episodes that were under way are counted by the environment's log, which these environments do not have."""
    return {key: value for key, value in line.items() if not key.startswith("env/")}


def wait_for_lines(file: Path, count: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if file.exists() and file.read_text().count("\n") >= count:
            return
        time.sleep(0.02)
    pytest.fail(f"{file} did not reach {count} lines")


def test_training_on_nan_stops_with_a_dump(run: Run, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(
        "import tiny_environments as tiny\n"
        "class Broken(tiny.CartPole):\n"
        "    def advance(self, actions):\n"
        "        super().advance(actions)\n"
        "        self.rewards[5] = float('nan')\n"
    )
    folder = tmp_path / "run"
    done = run("train", "broken:Broken", *SMALL, "--steps", "1e5", "--run-dir", str(folder))
    assert done.status == 1
    assert done.out.count("update skipped: rewards, row 5, at step 0 of the rollout") == 10
    assert done.err.count("\n") == 1
    assert "10 skipped updates in a row" in done.err
    assert (folder / "nonfinite-dump.safetensors").stat().st_size > 1000
    assert not (folder / "checkpoints").exists()


def test_a_gymnasium_environment_from_its_name_to_its_score(run: Run, tmp_path: Path) -> None:
    name = "gymnasium:CartPole-v1"
    arguments = [name, *SMALL, "--steps", "1000", "--env.max_episode_steps", "20", "--env.sutton-barto-reward", "true"]
    done = run("train", *arguments)
    assert done.status == 0, done.err
    assert "No replay: this environment does not record replays." in done.out
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.startswith("gymnasium-CartPole-v1-")
    saved = json.loads((folder / "config.json").read_text())["settings"]
    assert saved["env"] == {"max_episode_steps": 20, "sutton_barto_reward": True}
    assert saved["train"]["normalize_rewards"] is True, "from the settings for Python environments"
    evaluation = json.loads((folder / "evaluation.json").read_text())
    assert evaluation["episode_length"]["max"] <= 20
    assert evaluation["episode_return"]["max"] <= 0, "-1 at the end, else 0"

    judged = run("eval", name, "--policy", str(folder), "--episodes", "8", "--seed", "1001", "--threads", "1")
    assert judged.status == 0, judged.err
    mean = re.escape(f"{evaluation['episode_length']['mean']:.5g}")
    assert re.search(rf"episode_length +{mean} ", judged.out), "the same games, the same figures"
    more = run("train", "--resume", str(folder), "--steps", "2000", "--threads", "1")
    assert more.status == 0, more.err
    assert "its episodes start from scratch" in more.out
    assert metrics(folder)[-1]["steps"] == 2048


SINGLE = """
import gymnasium
import numpy as np

class Walk(gymnasium.Env):
    observation_space = gymnasium.spaces.Dict(
        {"cell": gymnasium.spaces.Discrete(4), "noise": gymnasium.spaces.Box(-1, 1, (2,))}
    )
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, lifetime):
        self.lifetime = lifetime

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.cell = 0
        return self.observe(), {}

    def observe(self):
        return {"cell": self.cell, "noise": self.np_random.uniform(-1, 1, 2).astype(np.float32)}

    def step(self, action):
        self.lifetime -= 1
        if self.lifetime < 0:
            self.wear_out()
        self.cell = max(0, self.cell + 2 * int(action) - 1)
        done = self.cell == 4
        self.cell %= 4
        return self.observe(), float(done), done, False, {}

    def wear_out(self):
        raise KeyError("worn out")

def make_env(lifetime=10**9):
    return Walk(lifetime)
"""


@pytest.mark.parametrize("threads", ["1", "2"])
def test_a_failing_environment_shows_its_traceback_and_costs_no_learning(
    run: Run, tmp_path: Path, threads: str
) -> None:
    (tmp_path / "walks.py").write_text(SINGLE)
    folder = tmp_path / "run"
    arguments = ["walks:make_env", *SMALL[:-1], threads, "--steps", "2000", "--run-dir", str(folder)]
    done = run("train", *arguments, "--env.lifetime", "30")
    assert done.status == 1
    assert done.err.startswith("puffer-train: environment 'walks:make_env' failed.\n")
    for part in ("Traceback (most recent call last)", "in wear_out", "KeyError: 'worn out'", f"--resume {folder}"):
        assert part in done.err
    assert "ppo.py" not in done.err, "the trainer's own frames tell nothing"
    failure = (folder / "failure.txt").read_text()
    assert failure.startswith("After 384 steps: environment 'walks:make_env' failed.")
    assert "in wear_out" in failure
    assert len(list((folder / "checkpoints").iterdir())) == 1

    more = run("train", "walks:make_env", "--resume", str(folder), "--env.lifetime", "1e9")
    assert more.status == 0, more.err
    assert "at 384 steps" in more.out
    assert not (folder / "failure.txt").exists()
    assert (folder / "policy.safetensors").exists()


def test_an_environment_that_fails_before_anything_is_learned(run: Run, tmp_path: Path) -> None:
    (tmp_path / "walks.py").write_text(SINGLE)
    folder = tmp_path / "run"
    done = run("train", "walks:make_env", *SMALL, "--run-dir", str(folder), "--env.lifetime", "3")
    assert done.status == 1
    assert "KeyError: 'worn out'" in done.err
    assert "There was nothing to save yet." in done.err
    assert (folder / "failure.txt").read_text().startswith("After 0 steps")
    assert not (folder / "checkpoints").exists()

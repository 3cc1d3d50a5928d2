"""Exact resume: an interrupted and resumed run leaves, to the last bit, what an undisturbed one leaves."""

import math
import random
import shlex
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tiny_environments as tiny
import torch
from runs import SMALL, Done, Shell, metrics, newest, signalled

ITERATIONS = 12
PLAIN: list[str] = []
NORMALIZED = ["--train.normalize-rewards", "true", "--train.reward-clip", "0"]
PRIORITISED = ["--train.priority-alpha", "0.8", "--train.refresh-advantages", "true"]

CONVOLUTIONS = ["--policy.encoder", "grid", "--policy.hidden", "16"]

KINDS: dict[str, tuple[str, int, list[str]]] = {
    "native": ("cartpole", 16, PLAIN),
    "native, rewards normalised": ("cartpole", 16, NORMALIZED),
    "native, observations normalised": ("cartpole", 16, ["--train.normalize-observations", "true"]),
    "native, sequences prioritised": ("cartpole", 16, PRIORITISED),
    "native, two threads": ("cartpole", 16, ["--threads", "2"]),
    "several agents": ("snake", 64, NORMALIZED + PRIORITISED),
    "continuous": ("tiny_environments:Target", 16, PLAIN),
    "masked, some absent": ("tiny_environments:Team", 32, PRIORITISED),
    "convolutions, two threads": (
        "squared",
        16,
        ["--policy.encoder", "grid", "--policy.hidden", "16", "--threads", "2"],
    ),
    "structured, two layers": ("tiny_environments:Signpost", 16, [*NORMALIZED, "--policy.layers", "2"]),
}
"""Environment, agents of sixteen environments, settings."""


@pytest.fixture(scope="module")
def undisturbed() -> Iterator[dict[str, Path]]:
    """Folders of runs that nothing happened to, by kind; filled by the first test that needs one."""
    yield {}


def arguments(kind: str, folder: Path) -> list[str]:
    name, agents, settings = KINDS[kind]
    batch = agents * 8
    steps = ["--steps", str(ITERATIONS * batch), "--train.checkpoint-interval", str(3 * batch), "--seed", "5"]
    if name == "snake":
        steps += ["--env.num_snakes", "4"]
    return [name, *SMALL, *settings, *steps, "--run-dir", str(folder)]


def assert_same(kind: str, folder: Path, whole: Path) -> None:
    """Weights, moments, generators, schedules, game, recurrent state, logged numbers and the exported policy."""
    mine, wanted = newest(folder), newest(whole)
    assert mine.tensors.keys() == wanted.tensors.keys()
    for name, tensor in wanted.tensors.items():
        assert torch.equal(mine.tensors[name], tensor), name
    for key in ("counters", "identity", "seed", "settings"):
        assert mine.manifest[key] == wanted.manifest[key]
    lines = metrics(whole)
    assert len(lines) == ITERATIONS
    assert metrics(folder) == lines
    assert (folder / "policy.safetensors").read_bytes() == (whole / "policy.safetensors").read_bytes()


@pytest.fixture
def whole(shell: Shell, undisturbed: dict[str, Path], tmp_path_factory: pytest.TempPathFactory, kind: str) -> Path:
    """The undisturbed run of this kind."""
    if kind not in undisturbed:
        folder = tmp_path_factory.mktemp("whole") / "run"
        done = shell.train(*arguments(kind, folder))
        assert done.status == 0, done.err
        undisturbed[kind] = folder
    return undisturbed[kind]


def test_checkpoints_hold_all_that_moves(shell: Shell) -> None:
    """Were the comparison of two files of nothing, every test here would pass."""
    folder = shell.folder / "run"
    assert shell.train(*arguments("native, rewards normalised", folder)).status == 0
    tensors = newest(folder).tensors
    for part in ("policy.", "optimizer.", "generator.", "rewards.", "play.state", "play.observations", "environment."):
        assert any(name.startswith(part) for name in tensors), part
    assert {"perf", "score", "n"} <= {key[4:] for line in metrics(folder) for key in line if key.startswith("env/")}


def slow(cases: Iterable[Any]) -> list[Any]:
    """Parameters that are left out unless asked for with --slow."""
    return [pytest.param(*(case if isinstance(case, tuple) else [case]), marks=pytest.mark.slow) for case in cases]


@pytest.mark.parametrize("cut", [1, 5, 6, *slow([2, 3, 4, *range(7, ITERATIONS)])])
@pytest.mark.parametrize("kind", KINDS)
def test_interrupted(shell: Shell, whole: Path, kind: str, cut: int) -> None:
    """Ctrl-C in this iteration, then exactly the command that was printed."""
    folder = shell.folder / "cut short"
    with signalled(cut):
        stopped = shell.train(*arguments(kind, folder))
    assert stopped.status == 130
    assert len(metrics(folder)) == cut, "the iteration is finished first"
    assert not (folder / "policy.safetensors").exists()
    assert shlex.quote(str(folder)) in stopped.resume_command
    assert shell.typed(stopped.resume_command).status == 0
    assert_same(kind, folder, whole)


def go_on_however_often(shell: Shell, kind: str, folder: Path, generator: random.Random) -> int:
    """Interrupt a run again and again, each time at a random later iteration; return how often that was."""
    done, cut, times = Done(130, "", ""), 0, 0
    while done.status == 130:
        cut += generator.randint(1, 4)
        with signalled(cut):
            done = shell.typed(done.resume_command) if times else shell.train(*arguments(kind, folder))
        times += 1
    assert done.status == 0
    return times


@pytest.mark.parametrize("seed", [1, *slow(range(2, 6))])
@pytest.mark.parametrize("kind", KINDS)
def test_interrupted_again_and_again(shell: Shell, whole: Path, kind: str, seed: int) -> None:
    folder = shell.folder / "run"
    assert go_on_however_often(shell, kind, folder, random.Random(seed)) > 2
    assert_same(kind, folder, whole)


KILLED = [("native, rewards normalised", 5), ("several agents", 8), ("masked, some absent", 12)]


OFTEN_KILLED = [(kind, cut) for kind in KINDS for cut in range(4, ITERATIONS + 1) if (kind, cut) not in KILLED]


@pytest.mark.parametrize(("kind", "cut"), [*KILLED, *slow(OFTEN_KILLED)])
def test_killed(shell: Shell, whole: Path, kind: str, cut: int) -> None:
    """SIGKILL between two steps of the environment: it resumes from the last checkpoint, and overwrites nothing."""
    folder = shell.folder / "run"
    gone = shell.in_a_process(str(cut), *arguments(kind, folder), program="killed_run.py")
    assert gone.status == -signal.SIGKILL
    assert len(metrics(folder)) == cut - 1
    with (folder / "metrics.jsonl").open("a") as file:
        file.write('{"steps": 12, "loss"')  # a line that was being written
    done = shell.typed(gone.resume_command)
    assert done.status == 0, done.err
    assert (
        f"at {3 * ((cut - 1) // 3) * KINDS[kind][1] * 8:,} steps".replace(",", "") in done.out or "k steps" in done.out
    )
    assert_same(kind, folder, whole)


@pytest.mark.parametrize("kind", ["masked, some absent"])
def test_statistics_of_episodes_under_way(shell: Shell, whole: Path, kind: str) -> None:
    """Where the environment keeps none, the trainer does, across an interruption as well."""
    with signalled(6):
        stopped = shell.train(*arguments(kind, shell.folder / "run"))
    assert shell.typed(stopped.resume_command).status == 0
    assert metrics(shell.folder / "run") == metrics(whole)


def test_what_goes_wrong_goes_on_going_wrong(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten skipped updates in a row end a run, also one that is interrupted after every five."""
    monkeypatch.setattr(tiny.CartPole, "advance", lambda self, actions: self.rewards.fill(math.nan))
    with signalled(5):
        done = shell.train("tiny_environments:CartPole", *SMALL, "--steps", "1e5", "--run-dir", "run")
    assert done.status == 130
    done = shell.typed(done.resume_command)
    assert done.status == 1
    assert len(metrics(Path("run"))) == 9


def test_killed_before_anything_was_saved(shell: Shell) -> None:
    """There is nothing to resume from, and training never starts from scratch by itself."""
    folder = shell.folder / "run"
    gone = shell.in_a_process("2", *arguments("native", folder), program="killed_run.py")
    assert gone.status == -signal.SIGKILL
    refused = shell.typed(gone.resume_command)
    assert refused.status == 2
    assert refused.err == f"puffer-train: cannot resume from {folder}/checkpoints: it holds no checkpoint.\n"
    again = shell.train(*arguments("native", folder))
    assert again.status == 2
    assert "holds a run that saved nothing: choose a new folder" in again.err


def test_going_on_with_a_finished_run_changes_nothing(shell: Shell) -> None:
    folder = shell.folder / "run"
    assert shell.train(*arguments("native", folder)).status == 0
    before = {path: path.read_bytes() for path in (folder / "checkpoints").rglob("*.*") if path.is_file()}
    policy = (folder / "policy.safetensors").read_bytes()
    assert shell.train("--resume", folder, "--no-video", "--threads", "1").status == 0
    assert {path: path.read_bytes() for path in (folder / "checkpoints").rglob("*.*") if path.is_file()} == before
    assert (folder / "policy.safetensors").read_bytes() == policy


@pytest.mark.parametrize("kind", ["native"])
def test_the_printed_command_in_a_shell(shell: Shell, whole: Path, kind: str) -> None:
    """The installed command, through a shell, with a folder whose name needs quoting."""
    folder = shell.folder / "it's a run; $HOME"
    with signalled(4):
        stopped = shell.train(*arguments(kind, folder))
    done = shell.in_a_shell(stopped.resume_command)
    assert done.status == 0, done.err
    assert_same(kind, folder, whole)

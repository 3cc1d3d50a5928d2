"""Branches: where nothing is changed, the child is the parent to the last bit; the parent stays as it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from runs import SMALL, Shell, metrics, newest, saved_steps, signalled

import puffer_train
from puffer_train.algorithm.ppo import PPO
from puffer_train.run.branch import parse_origin
from puffer_train.run.state import RunState
from puffer_train.storage import checkpoint

BATCH = 16 * 8
RUN = [*SMALL, "--steps", str(12 * BATCH), "--train.checkpoint-interval", str(4 * BATCH), "--seed", "5"]
CHILD = ["--threads", "1", "--no-video", "--run-dir", "child"]


def assert_same(child: Path, parent: Path) -> None:
    mine, wanted = newest(child), newest(parent)
    assert mine.tensors.keys() == wanted.tensors.keys()
    for name, tensor in wanted.tensors.items():
        assert torch.equal(mine.tensors[name], tensor), name
    for key in ("counters", "identity", "seed", "settings"):
        assert mine.manifest[key] == wanted.manifest[key]
    assert metrics(child) == metrics(parent)
    assert (child / "policy.safetensors").read_bytes() == (parent / "policy.safetensors").read_bytes()


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def config(folder: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(folder, "config.json").read_text())
    return found


@pytest.mark.parametrize(("more", "steps"), [(0, 4), (-1, 4), (BATCH, 5), (3 * BATCH + 1, 8), (1 - 4 * BATCH, 1)])
def test_a_branch_is_its_parent(shell: Shell, more: int, steps: int) -> None:
    """At a checkpoint, between two, and before the first: the first iteration that ended at or after the step."""
    assert shell.train("cartpole", *RUN, "--run-dir", "parent").status == 0
    before = contents(Path("parent"))
    done = shell.train("--from", f"parent@{4 * BATCH + more}", *CHILD)
    assert done.status == 0, done.err
    assert ("it is repeated from" in done.out) == (steps % 4 != 0)
    assert_same(Path("child"), Path("parent"))
    assert config("child")["parent"] == {"run": "parent", "steps": steps * BATCH}
    assert config("child")["history"][0]["from_steps"] == steps * BATCH
    assert contents(Path("parent")) == before


KINDS = {
    "rewards normalised": ("cartpole", ["--train.normalize-rewards", "true", "--train.reward-clip", "0"]),
    "torch": ("cartpole", ["--learner", "torch", "--policy.hidden", "16"]),
    "kernels": ("cartpole", ["--policy.hidden", "16"]),
    "without snapshots": ("tiny_environments:CartPole", []),
    "a curriculum": ("breakout", ["--curriculum", f"frameskip: 1 to 8 over {10 * BATCH}"]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_branches_of_many_kinds(shell: Shell, kind: str) -> None:
    name, more = KINDS[kind]
    assert shell.train(name, *RUN, *more, "--run-dir", "parent").status == 0
    named = [name] if ":" in name else []
    done = shell.train(*named, "--from", f"parent@{7 * BATCH}", *CHILD)
    assert done.status == 0, done.err
    if kind == "without snapshots":  # a branch resumes, and its episodes start from scratch
        assert [line["steps"] for line in metrics(Path("child"))] == [n * BATCH for n in range(1, 13)]
        assert metrics(Path("child"))[:7] == metrics(Path("parent"))[:7]
    else:
        assert_same(Path("child"), Path("parent"))


def test_a_branch_with_a_change_differs_from_there_on(shell: Shell) -> None:
    assert shell.train("cartpole", *RUN, "--run-dir", "parent").status == 0
    assert shell.train("--from", f"parent@{5 * BATCH}", "--train.learning-rate", "0.001", *CHILD).status == 0
    mine, others = metrics(Path("child")), metrics(Path("parent"))
    assert mine[:5] == others[:5]
    assert mine[5]["learning_rate"] < others[5]["learning_rate"] / 2
    assert config("child")["settings"]["train"]["learning_rate"] == 0.001


def test_a_run_of_many_pieces_is_repeated_through_all_of_them(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupted, resumed with other settings, gone back after NaN: all of it is done again."""
    original = PPO._gradient_step

    def gradient_step(self: PPO, *arguments: Any) -> dict[str, float] | None:
        if self.steps >= 9 * BATCH and self.step_scale > 0.5:
            self.health.skip("the loss is not finite")
            return None
        return original(self, *arguments)

    monkeypatch.setattr(PPO, "_gradient_step", gradient_step)
    with signalled(3):
        shell.train("cartpole", *RUN, "--run-dir", "parent")
    more = ["--threads", "1", "--no-video", "--train.gamma", "0.9", "--train.checkpoint-interval", str(8 * BATCH)]
    with signalled(6):
        shell.train("--resume", "parent", *more, "--env.max-steps", "77")
    again = shell.train("--resume", "parent", "--threads", "1", "--no-video", "--steps", str(20 * BATCH))
    assert again.status == 0, again.err
    assert "Training continues from 1.02k steps with 0.5 of the learning rates" in again.out
    for path in checkpoint.list_checkpoints(Path("parent/checkpoints"))[:-1]:
        checkpoint.remove(path)
    assert saved_steps(Path("parent")) == [20 * BATCH]
    done = shell.train("--from", f"parent@{15 * BATCH}", *CHILD)
    assert done.status == 0, done.err
    assert "it is repeated from 0 on" in done.out
    assert_same(Path("child"), Path("parent"))


def test_a_branch_of_a_branch_from_python(tmp_path: Path) -> None:
    settings = {"train": {"num_envs": 16, "horizon": 8, "minibatch": 64, "eval_episodes": 0}}
    options: dict[str, Any] = {"threads": 1, "video": False, "quiet": True}
    first = puffer_train.train("squared", steps=12 * BATCH, settings=settings, folder=tmp_path / "a", **options)
    second = first.branch(5 * BATCH, folder=tmp_path / "b", **options)
    third = second.branch(9 * BATCH, folder=tmp_path / "c", settings={"train": {"gamma": 0.5}}, **options)
    assert_same(second.folder, first.folder)
    assert third.config["parent"] == {"run": str(second.folder), "steps": 9 * BATCH}
    assert metrics(third.folder)[:9] == metrics(first.folder)[:9]


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["--from", "parent@13k"], "parent was trained for 1536 steps: it cannot be continued from 13000."),
        (["--from", "parent@soon"], "'parent@soon' names no step: write RUN@STEPS, such as runs/breakout-1@12M."),
        (["--from", "nowhere@5"], "nowhere is not a run folder: it has no readable config.json."),
        (["--from", "parent@5", "--seed", "3"], "--from uses the settings and the seed of the run: leave out --seed."),
        (["--from", "parent@5", "--resume", "parent"], "leave out --from."),
        (["snake", "--from", "parent@5"], "parent was trained in 'cartpole'"),
        (["--from", "parent@5", "--run-dir", "parent"], "parent already holds a run"),
    ],
)
def test_mistakes_are_one_sentence(shell: Shell, arguments: list[str], wanted: str) -> None:
    assert shell.train("cartpole", *RUN, "--run-dir", "parent").status == 0
    before = contents(Path("parent"))
    done = shell.train(*arguments, "--threads", "1")
    assert done.status == 2
    assert done.err.count("\n") == 1
    assert wanted in done.err
    assert contents(Path("parent")) == before
    assert not Path("runs").exists()


def test_ranks_branch_only_at_checkpoints(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others would wait while rank 0 repeats a part of the run."""
    assert shell.train("cartpole", *RUN, "--run-dir", "parent").status == 0
    for name, value in {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": "1"}.items():
        monkeypatch.setenv(name, value)
    done = shell.train("--from", f"parent@{5 * BATCH}", *CHILD)
    assert done.status == 2 and not Path("child").exists()
    assert "has no checkpoint at 640 steps, and torchrun repeats no run: branch it in one process" in done.err


def test_steps_in_the_name_of_an_origin(tmp_path: Path) -> None:
    (tmp_path / "odd@5").mkdir()
    assert parse_origin("runs/a@12M") == (Path("runs/a"), 12_000_000)
    assert parse_origin("runs/a") == (Path("runs/a"), None)
    assert parse_origin(str(tmp_path / "odd@5")) == (tmp_path / "odd@5", None)


def test_a_run_against_the_clock_is_repeated_by_its_times(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its learning rates followed the seconds, which its metrics have."""
    monkeypatch.setattr(RunState, "seconds", lambda run: (run.ppo.steps // BATCH) ** 1.5 / 4)  # ends at 16 of 40
    limits = ["--max-seconds", "16", "--steps", str(40 * BATCH)]
    assert shell.train("cartpole", *RUN, *limits, "--run-dir", "parent").status == 0
    assert len(metrics(Path("parent"))) == 16
    path = next(path for path in checkpoint.list_checkpoints(Path("parent/checkpoints")) if path.name.endswith("1024"))
    wanted = checkpoint.load(path)
    checkpoint.remove(path)
    monkeypatch.setattr(RunState, "seconds", lambda run: 100.0)
    assert shell.train("--from", f"parent@{8 * BATCH}", *CHILD).status == 0
    repeated = checkpoint.load(checkpoint.list_checkpoints(Path("child/checkpoints"))[0])
    assert repeated.manifest["counters"] == wanted.manifest["counters"]
    assert all(torch.equal(repeated.tensors[name], tensor) for name, tensor in wanted.tensors.items())
    lines = Path("parent/metrics.jsonl").read_text().splitlines(keepends=True)
    Path("parent/metrics.jsonl").write_text("".join(lines[:5] + lines[6:]))
    refused = shell.train("--from", f"parent@{8 * BATCH}", "--threads", "1", "--run-dir", "other")
    assert refused.status == 2
    assert "its learning rates followed the clock, and metrics.jsonl no longer has the time of each" in refused.err

"""Several processes that train together over gloo on this machine, as torchrun starts them, and some by torchrun."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from forked_ranks import Forked
from runs import HERE, Done, Shell, metrics, newest, saved_steps
from tiny_environments import CartPole

import puffer_train
from puffer_envs import vector
from puffer_train.cli import runs as cli_runs
from puffer_train.config import TrainSettings
from puffer_train.errors import ConfigError
from puffer_train.moments import moments, pooled
from puffer_train.system.ranks import check_shares

pytestmark = pytest.mark.skipif(not torch.distributed.is_available(), reason="this torch has no torch.distributed")

SMALL = ["--train.num-envs", "16", "--train.horizon", "8", "--train.minibatch", "64", "--train.eval-episodes", "0"]
SMALL += ["--policy.hidden", "16", "--policy.layers", "1", "--threads", "1", "--no-video", "--seed", "5"]
BATCH = 16 * 8
ITERATIONS = 6
LENGTH = ["--steps", str(ITERATIONS * BATCH), "--train.checkpoint-interval", str(2 * BATCH)]

WHOLE = ["--train.minibatch", str(BATCH), "--train.normalize-rewards", "true", "--train.replay-ratio", "2"]
"""Every minibatch holds all sequences: who plays which does not matter, and numbers differ by rounding alone."""

KINDS: dict[str, tuple[str, list[str]]] = {
    "kernels": ("cartpole", WHOLE),
    "kernels, continuous": ("gymnasium:Pendulum-v1", WHOLE),
    "kernels, normalised": ("cartpole", [*WHOLE, "--train.normalize-observations", "true"]),
    "torch": ("cartpole", [*WHOLE, "--learner", "torch"]),
    "torch, some absent": (
        "numbered_environments:Visitors",
        [*WHOLE, "--train.minibatch", str(2 * BATCH), "--learner", "torch"],
    ),
    "kernels, some absent": ("numbered_environments:Visitors", [*WHOLE, "--train.minibatch", str(2 * BATCH)]),
    "advantages refreshed": ("cartpole", [*WHOLE, "--train.refresh-advantages", "true"]),
    "sequences prioritised": ("cartpole", ["--train.priority-alpha", "0.8", "--train.refresh-advantages", "true"]),
}
"""Environment and settings; all but the last one give what one process gives."""

slow = pytest.mark.slow


@contextmanager
def started(
    shell: Shell, *line: str | Path, ranks: int = 2, timeout: float = 60, torchrun: bool = False
) -> Iterator[subprocess.Popen[str] | Forked]:
    """Start a program of this folder on several ranks; whatever is left of it is ended."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "200", "PUFFER_RANKS_TIMEOUT": str(timeout)}
    program, *arguments = line
    words = [str(HERE / program), *map(str, arguments)]
    start = by_torchrun if torchrun else Forked
    process = start(ranks, words, shell.folder, environment)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def by_torchrun(count: int, line: list[str], folder: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(count), *line]
    with (folder / "out").open("w") as out, (folder / "err").open("w") as err:
        return subprocess.Popen(
            command, env=environment, cwd=folder, stdout=out, stderr=err, text=True, start_new_session=True
        )


def said(shell: Shell, status: int) -> Done:
    """The output of the ranks, without what was printed about them."""
    out, err = (shell.folder / "out").read_text(), (shell.folder / "err").read_text()
    ours = [line for line in err.splitlines() if line.startswith("puffer-train: ")]
    return Done(status, out, "\n".join(ours))


def launch(shell: Shell, *line: str | Path, ranks: int = 2, timeout: float = 60, torchrun: bool = False) -> Done:
    """Run a program of this folder on several ranks to its end."""
    with started(shell, *line, ranks=ranks, timeout=timeout, torchrun=torchrun) as process:
        process.wait(120)
    return said(shell, process.returncode)


def train(
    shell: Shell,
    kind: str = "kernels",
    event: str = "nothing",
    at: int = 0,
    timeout: float = 60,
    torchrun: bool = False,
) -> Done:
    """Train on two ranks in the folder `run`."""
    name, settings = KINDS[kind]
    return launch(
        shell,
        *("ranked_run.py", event, str(at), name, *SMALL, *settings, *LENGTH, "--run-dir", "run"),
        timeout=timeout,
        torchrun=torchrun,
    )


def checksums(shell: Shell, rank: int) -> list[str]:
    return (shell.folder / f"weights.{rank}").read_text().splitlines()


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


# -- together ----------------------------------------------------------------------------------------------


def test_what_ranks_do_together(shell: Shell) -> None:
    done = launch(shell, "ranks_meet.py", ranks=3, torchrun=True)
    assert done.status == 0, (shell.folder / "err").read_text()
    for rank in range(3):
        assert f"rank {rank} is content" in done.out


def test_pooled_moments_are_those_of_everything() -> None:
    generator = np.random.default_rng(1)
    parts = [torch.from_numpy(generator.normal(size, size, size)) for size in (0, 1, 2, 50)]
    everything = torch.cat(parts).numpy()
    count, mean, squares = pooled(torch.stack([moments(part) for part in parts])).tolist()
    assert count == 53
    assert mean == pytest.approx(everything.mean(), rel=1e-12)
    assert squares == pytest.approx(((everything - everything.mean()) ** 2).sum(), rel=1e-12)
    assert pooled(torch.zeros(2, 3, dtype=torch.float64)).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("kind", [pytest.param(k, marks=slow if k == "torch" else ()) for k in list(KINDS)[:-1]])
def test_two_ranks_do_what_one_does(shell: Shell, kind: str) -> None:
    """The same episodes, the same actions, and numbers that differ by the order in which they were added up."""
    done = train(shell, kind)
    assert done.status == 0, (shell.folder / "err").read_text()
    assert checksums(shell, 0) == checksums(shell, 1)
    iterations = ITERATIONS // 2 if "absent" in kind else ITERATIONS  # two agents each
    assert len(set(checksums(shell, 0))) == iterations
    name, settings = KINDS[kind]
    alone = shell.folder / "alone"
    assert shell.in_a_process(name, *SMALL, *settings, *LENGTH, "--run-dir", alone).status == 0
    ours, theirs = metrics(shell.folder / "run"), metrics(alone)
    assert len(ours) == len(theirs) == iterations
    for mine, wanted in zip(ours, theirs, strict=True):
        assert mine == pytest.approx(wanted, rel=2e-3, abs=2e-5)
    tensors, wanted_tensors = newest(shell.folder / "run").tensors, newest(alone).tensors
    for key, tensor in wanted_tensors.items():
        if key.startswith(("policy.", "rewards.")):
            assert torch.allclose(tensors[key], tensor, rtol=1e-3, atol=1e-5), key
    assert torch.equal(tensors["generator.sampling"], wanted_tensors["generator.sampling"])
    both = torch.cat([tensors["play.observations"], tensors["rank1.play.observations"]])
    # continuous actions differ by rounding, and with them all that follows
    assert torch.allclose(both, wanted_tensors["play.observations"], atol=1e-3 if kind == "kernels, continuous" else 0)


def test_learning_is_as_good(shell: Shell) -> None:
    """CartPole with its shipped settings, in which each rank chooses its own sequences for its half of a minibatch."""
    done = launch(
        shell, *("ranked_run.py", "nothing", "0", "cartpole", "--no-video", "--threads", "1"), "--run-dir=run"
    )
    assert done.status == 0, (shell.folder / "err").read_text()
    assert checksums(shell, 0) == checksums(shell, 1)
    mean = re.search(r"score +([\d.]+)", done.out)
    assert mean is not None
    assert float(mean[1]) > 450  # one process: 496 to 500


# -- numbers that are not finite ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "fault"),
    [
        ("spoil_gradient", "rank 1: the gradient of parameter 'core' is not finite"),
        ("spoil_rewards", "rank 1: rewards, row 3, at step 0 of the rollout is not finite"),
    ],
)
def test_all_skip_what_is_not_finite_on_one(shell: Shell, event: str, fault: str) -> None:
    done = train(shell, event=event, at=4)
    assert done.status == 0, (shell.folder / "err").read_text()
    assert checksums(shell, 0) == checksums(shell, 1)
    assert f"update skipped: {fault}" in done.out
    lines = metrics(shell.folder / "run")
    assert [line["skipped"] for line in lines] == [0, 0, 0, 1, 1, 1]
    updates = [line["updates"] for line in lines]
    assert updates == ([2, 4, 6, 7, 9, 11] if event == "spoil_gradient" else [2, 4, 6, 6, 8, 10])
    assert all(torch.isfinite(t).all() for t in newest(shell.folder / "run").tensors.values() if t.is_floating_point())


def test_all_stop_after_ten_in_a_row(shell: Shell) -> None:
    name, settings = KINDS["kernels"]
    length = ["--steps", str(100 * BATCH), "--train.checkpoint-interval", str(2 * BATCH)]
    line = ("ranked_run.py", "spoil_all_rewards", "4", name, *SMALL, *settings, *length, "--run-dir", "run")
    done = launch(shell, *line)
    assert done.status == 1
    sentences = done.err.splitlines()
    assert len(sentences) == 2
    for sentence in sentences:
        assert "stopped after 10 skipped updates in a row: rank 1: rewards, row 3" in sentence
    assert (shell.folder / "run" / "nonfinite-dump.safetensors").exists()
    assert "torchrun --nproc-per-node 2 -m puffer_train.cli.train --resume run" in done.err
    assert done.out.count("Too many updates in a row were skipped: rank 1: rewards, row 3") == 3, "all go back together"
    assert newest(shell.folder / "run").manifest["counters"]["skipped"] == 10
    assert newest(shell.folder / "run").manifest["run"]["step_scale"] == 1 / 8


@pytest.mark.parametrize(
    ("more", "difference"),
    [
        (["--policy.hidden", "32"], "rank 1 has policy.hidden 32, rank 0 has 16"),
        (["--seed", "7"], "rank 1 has seed 7, rank 0 has 5"),
    ],
)
def test_ranks_that_were_started_differently_do_not_train(shell: Shell, more: list[str], difference: str) -> None:
    name, settings = KINDS["kernels"]
    line = ("ranks_differ.py", json.dumps(more), name, *SMALL, *settings, *LENGTH, "--run-dir", "run")
    done = launch(shell, *line)
    assert done.status == 1
    assert done.err.count(f"puffer-train: {difference}: start every rank with the same command") == 2
    assert not (shell.folder / "run").exists()


# -- a rank that is lost -----------------------------------------------------------------------------------


def assert_can_go_on(shell: Shell, done: Done) -> None:
    """One sentence of rank 0, with the way on, and a checkpoint that is whole."""
    (sentence,) = [line for line in done.err.splitlines() if line.startswith("puffer-train: rank 0 of 2 lost another")]
    assert "--resume run" in sentence
    assert max(saved_steps(shell.folder / "run")) >= 2 * BATCH


def test_a_rank_is_killed(shell: Shell) -> None:
    begin = time.monotonic()
    done = train(shell, event="kill", at=4, torchrun=True)
    assert done.status == 1
    assert time.monotonic() - begin < 60  # without waiting for what never comes
    assert_can_go_on(shell, done)


def test_a_rank_hangs(shell: Shell) -> None:
    """No rank waits longer than the time allowed."""
    name, settings = KINDS["kernels"]
    line = ("ranked_run.py", "hang", "4", name, *SMALL, *settings, *LENGTH, "--run-dir", "run")
    with started(shell, *line, timeout=5) as process:
        hanging = shell.folder / "hanging"
        wait_for(lambda: hanging.exists() and hanging.read_text() != "")
        wait_for(lambda: "puffer-train: rank 0" in (shell.folder / "err").read_text())
        os.kill(int(hanging.read_text()), signal.SIGKILL)
        process.wait(60)
    assert_can_go_on(shell, said(shell, process.returncode))


def test_the_environment_of_one_rank_fails(shell: Shell) -> None:
    done = train(shell, event="fail", at=4)
    assert done.status == 1
    assert "puffer-train: environment 'cartpole' failed." in done.err
    assert "ZeroDivisionError" in (shell.folder / "err").read_text()
    assert_can_go_on(shell, done)


# -- stopping and going on ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["sequences prioritised", pytest.param("kernels", marks=slow)])
def test_exact_resume(shell: Shell, kind: str) -> None:
    """A signal to one rank stops both; the printed command leaves what an undisturbed run leaves, to the last bit."""
    undisturbed = train(shell, kind)
    assert undisturbed.status == 0
    (shell.folder / "run").rename(shell.folder / "whole")
    stopped = train(shell, kind, event="stop", at=3, torchrun=True)
    assert stopped.status == 1, "torchrun's own"
    assert "Exited immediately" not in stopped.all
    assert saved_steps(shell.folder / "run")[-1] == 3 * BATCH
    resume_command = stopped.out.splitlines()[-1].strip()
    assert resume_command.startswith("torchrun --nproc-per-node 2 -m puffer_train.cli.train --resume run")
    shell.in_a_shell(f"OMP_NUM_THREADS=1 {resume_command}")
    mine, whole = newest(shell.folder / "run"), newest(shell.folder / "whole")
    assert mine.tensors.keys() == whole.tensors.keys()
    assert any(name.startswith("rank1.environment") for name in whole.tensors)
    for name, tensor in whole.tensors.items():
        assert torch.equal(mine.tensors[name], tensor), name
    assert mine.manifest["counters"] == whole.manifest["counters"]
    assert metrics(shell.folder / "run") == metrics(shell.folder / "whole")


def test_ctrl_c(shell: Shell) -> None:
    """The terminal's signal reaches all, and torchrun sends another one after it."""
    name, settings = KINDS["kernels"]
    line = ("ranked_run.py", "nothing", "0", name, *SMALL, *settings, "--steps", "1000000", "--run-dir", "run")
    with started(shell, *line, torchrun=True) as process:
        wait_for((shell.folder / "weights.1").exists)
        os.killpg(process.pid, signal.SIGINT)
        process.wait(60)
    done = said(shell, process.returncode)
    assert "Exited immediately" not in done.all
    assert "interrupted" not in done.all
    assert "steps and saved. Resume with:" in done.out
    (steps,) = saved_steps(shell.folder / "run")
    assert metrics(shell.folder / "run")[-1]["steps"] == steps


def test_another_number_of_ranks(shell: Shell) -> None:
    assert train(shell).status == 0
    more = ["--steps", str(8 * BATCH), "--no-video", "--threads", "1"]
    done = shell.in_a_process("--resume", "run", *more)
    assert done.status == 0, done.err
    assert "The checkpoint is of a run on 2 ranks, this is one on 1 rank: training continues, " in done.out
    assert metrics(shell.folder / "run")[-1]["steps"] == 8 * BATCH
    done = launch(shell, "ranked_run.py", "nothing", "0", "--resume", "run", "--steps", str(10 * BATCH), "--no-video")
    assert done.status == 0
    assert "The checkpoint is of a run on 1 rank, this is one on 2 ranks: training continues, " in done.out
    assert metrics(shell.folder / "run")[-1]["steps"] == 10 * BATCH
    assert checksums(shell, 0)[-4:] == checksums(shell, 1)[-4:]


def test_branches_of_several_ranks(shell: Shell) -> None:
    """At a checkpoint they are exact; nothing is repeated."""
    assert train(shell).status == 0
    branch = ["--no-video", "--threads", "1", "--run-dir"]
    origin = f"run@{4 * BATCH}"
    done = launch(shell, "ranked_run.py", "nothing", "0", "--from", origin, *branch, "child")
    assert done.status == 0, done.err
    mine, wanted = newest(shell.folder / "child"), newest(shell.folder / "run")
    assert mine.tensors.keys() == wanted.tensors.keys()
    assert all(torch.equal(mine.tensors[name], tensor) for name, tensor in wanted.tensors.items())
    assert metrics(shell.folder / "child") == metrics(shell.folder / "run")
    assert json.loads((shell.folder / "child/config.json").read_text())["parent"] == {"run": "run", "steps": 4 * BATCH}

    alone = shell.train("--from", origin, *branch, "alone")
    assert alone.status == 0, alone.err
    assert "The checkpoint is of a run on 2 ranks, this is one on 1 rank: training continues, " in alone.out
    refused = shell.train("--from", f"run@{3 * BATCH}", *branch, "none")
    assert refused.status == 2 and not (shell.folder / "none").exists()
    assert refused.err == (
        "puffer-train: run has no checkpoint at 384 steps, and runs of several ranks cannot be repeated: branch it at "
        "one of 256, 512, 768 steps.\n"
    )
    with pytest.raises(ConfigError, match="run was trained by 2 ranks: only runs of one can be repeated"):
        puffer_train.Run(shell.folder / "run").bisect("entropy < 0.6931")
    assert cli_runs.main(["bisect", "run", "--when", "entropy < 0.6931"]) == 2


# -- environments --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["serial", "processes"])
def test_environments_from_a_number_on(backend: str) -> None:
    """They begin as they do in a run that has all of them."""
    with vector.make("gymnasium:CartPole-v1", num_envs=4, backend=backend, workers=2) as everyone:
        wanted = everyone.reset(7).copy()
    with vector.make("gymnasium:CartPole-v1", num_envs=2, first=2, backend=backend, workers=2) as some:
        assert np.array_equal(some.reset(7), wanted[2:])
    assert not np.array_equal(wanted[:2], wanted[2:])


def test_whole_batches_have_no_numbers() -> None:
    with pytest.raises(ValueError, match=r"first=4: .* makes whole batches and does not take `first`"):
        vector.make(CartPole, num_envs=4, first=4)


# -- mistakes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"num_envs": 1023}, "train.num_envs 1023 cannot be divided among 2 ranks: choose a multiple of 2."),
        (
            {"minibatch": 8160},
            "train.minibatch 8160 is 255 sequences of train.horizon 32, which cannot be divided among 2 ranks: choose "
            "a multiple of 64.",
        ),
    ],
)
def test_what_cannot_be_divided(settings: dict[str, int], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_shares(TrainSettings(**settings), 2)
    assert str(caught.value) == sentence
    check_shares(TrainSettings(**settings), 1)


def test_refused_on_every_rank(shell: Shell) -> None:
    """Before a folder is made."""
    line = ("ranked_run.py", "nothing", "0", "tiny_environments:Target", *SMALL, "--run-dir", "run")
    done = launch(shell, *line)
    assert done.status == 1, "torchrun's own"
    assert "makes whole batches: for several ranks it must take `first`" in done.err
    assert not (shell.folder / "run").exists()


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("WORLD_SIZE", "two", "a whole number from 1 to 1048576"),
        ("RANK", "2", "a whole number from 0 to 1"),
        ("LOCAL_WORLD_SIZE", "0", "a whole number from 1 to 2"),
        ("PUFFER_RANKS_TIMEOUT", "soon", "a number of seconds above 0 and up to 1e+06"),
        ("PUFFER_RANKS_TIMEOUT", "0", "a number of seconds above 0 and up to 1e+06"),
        ("PUFFER_RANKS_TIMEOUT", "nan", "a number of seconds above 0 and up to 1e+06"),
    ],
)
def test_variables_that_make_no_sense(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, name: str, value: str, allowed: str
) -> None:
    variables = {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": "1"}
    for key, text in (variables | {name: value}).items():
        monkeypatch.setenv(key, text)
    done = shell.train("cartpole", *SMALL)
    assert done.status == 2
    assert name in done.err
    assert repr(value) in done.err
    assert done.err.endswith(f"must be {allowed}.\n")


def test_the_other_ranks_never_come(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": "0"}
    for key, text in (variables | {"PUFFER_RANKS_TIMEOUT": "1"}).items():
        monkeypatch.setenv(key, text)
    done = shell.in_a_process("cartpole", *SMALL)
    assert done.status == 1
    assert "puffer-train: rank 0 of 2 lost another one, which ended or did not answer within 1 seconds" in done.err


def test_one_rank_by_torchrun_is_a_process_by_itself(shell: Shell) -> None:
    name, settings = KINDS["kernels"]
    line = ("ranked_run.py", "nothing", "0", name, *SMALL, *settings, *LENGTH, "--run-dir", "run")
    done = launch(shell, *line, ranks=1, torchrun=True)
    assert done.status == 0
    assert "torchrun" not in done.out
    alone = shell.folder / "alone"
    assert shell.in_a_process(name, *SMALL, *settings, *LENGTH, "--run-dir", alone).status == 0
    assert metrics(shell.folder / "run") == metrics(alone)

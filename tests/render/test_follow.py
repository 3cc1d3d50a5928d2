"""Following a run: the newest weights are read again whenever their file is replaced."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from policies import write_policy
from programs import complaint, run_module

import puffer_envs
from puffer_envs.policy import load_policy
from puffer_render import follow
from puffer_render.cli_play import follow as follow_run
from puffer_render.errors import RenderError
from puffer_render.follow import Follower, Progress, read_numbers
from puffer_render.keys import make_keymap
from puffer_render.player import Player
from puffer_render.sources import read_policy


@pytest.fixture(autouse=True)
def looks_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "POLL_SECONDS", 0.0)


def publish(folder: Path, choice: int, name: str = "newest.safetensors", environment: str = "breakout") -> Path:
    """Replace the run's newest policy by one that always takes this choice."""
    folder.mkdir(exist_ok=True)
    encoder = np.zeros((1, 118), np.float32)
    encoder[0, 7] = 1  # the number of balls left
    head = np.zeros((4, 1), np.float32)
    head[choice] = 1000
    path = write_policy(folder / "writing", environment, 118, 3, encoder=encoder, head=head)
    path.replace(folder / name)
    return folder / name


def test_a_replaced_file_is_read_again(tmp_path: Path) -> None:
    follower = Follower(tmp_path / "run")
    assert follower.poll() is None and follower.progress is None
    publish(tmp_path / "run", 1)
    assert follower.poll() is not None
    assert follower.poll() is None, "the same file was read twice"
    publish(tmp_path / "run", 2)
    assert follower.poll() is not None


def test_a_run_that_still_trains_can_be_watched_without_following(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match=r"neither policy.safetensors nor replay.puf"):
        read_policy(tmp_path)
    publish(tmp_path, 1)
    assert read_policy(tmp_path).info.environment == "breakout"
    publish(tmp_path, 2, "policy.safetensors", environment="later")
    assert read_policy(tmp_path).info.environment == "later"


def test_a_file_that_is_being_copied_is_left_for_the_next_look(tmp_path: Path) -> None:
    follower = Follower(tmp_path)
    whole = publish(tmp_path, 1).read_bytes()
    assert follower.poll() is not None
    (tmp_path / "newest.safetensors").write_bytes(whole[:100])
    assert follower.poll() is None
    (tmp_path / "newest.safetensors").write_bytes(whole)
    assert follower.poll() is not None


def test_a_policy_that_cannot_be_played_is_reported(tmp_path: Path) -> None:
    (tmp_path / "newest.safetensors").write_bytes(publish(tmp_path, 1).read_bytes()[:100])
    with pytest.raises(RenderError, match=r"newest\.safetensors"):
        Follower(tmp_path).wait()


def test_the_end_of_the_run_and_its_resumption_are_followed(tmp_path: Path) -> None:
    follower = Follower(tmp_path)
    newest, final = publish(tmp_path, 1), publish(tmp_path, 2, "policy.safetensors")
    os.utime(newest, ns=(10**18, 10**18))
    os.utime(final, ns=(10**18 + 5, 10**18 + 5))
    assert follower.poll() is not None
    assert follower.progress is not None and follower.progress.describe() == "finished"
    assert follower.poll() is None
    os.utime(publish(tmp_path, 1), ns=(10**18 + 9, 10**18 + 9))
    assert follower.poll() is not None
    assert not follower.progress.finished


def test_it_looks_only_every_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "POLL_SECONDS", 1000.0)
    follower = Follower(tmp_path)
    assert follower.poll() is None
    publish(tmp_path, 1)
    assert follower.poll() is None


def test_a_folder_that_never_appears_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(follow, "FOLDER_SECONDS", 0.1)
    (tmp_path / "breakout-1").mkdir()
    with pytest.raises(RenderError, match=r"there is no such folder after 0.1 s\. Did you mean 'breakout-1'\?"):
        Follower(tmp_path / "braekout-1").wait()


def test_it_waits_for_the_first_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "POLL_SECONDS", 0.01)
    follower, run = Follower(tmp_path / "run"), tmp_path / "run"
    writer = threading.Timer(0.2, publish, (run, 1))
    writer.start()
    began = time.monotonic()
    assert follower.wait().info.environment == "breakout"
    assert time.monotonic() - began > 0.1
    writer.join()
    assert capsys.readouterr().err == f"waiting for {run / 'newest.safetensors'}; Ctrl-C ends\n"


def test_the_progress_comes_from_the_last_whole_line(tmp_path: Path) -> None:
    assert read_numbers(tmp_path) == {}
    lines = [json.dumps({"steps": 1_000_000 * i, "env/score": 1.5 * i, "loss": 0.25}) for i in range(2000)]
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines) + '\n{"steps": 9')
    numbers = read_numbers(tmp_path)
    assert (numbers["steps"], numbers["env/score"]) == (1_999_000_000, 2998.5)
    progress = Progress(False, 1000.0, numbers)
    assert progress.describe(now=1003.2) == "2 G steps, score 2998, 3 s old"
    assert progress.describe(now=1240.0).endswith(", 4 min old")
    assert progress.describe(now=999.0).endswith(", 0 s old"), "the other machine's clock is ahead"
    assert Progress(True, 1000.0, {"steps": 512.0}).describe(now=1.0) == "512 steps, finished"


def test_newer_weights_play_on_where_the_older_ones_were(tmp_path: Path) -> None:
    follower = Follower(tmp_path)
    publish(tmp_path, 1)
    with puffer_envs.make("breakout") as env:
        player = Player(env, make_keymap(env.spec.layout.actions), follower.poll(), rate=10)
        player.step()
        assert env.actions[0] == 1
        publish(tmp_path, 2)
        assert "old" in follow_run(player, follower)
        player.step()
        assert (env.actions[0], player.steps) == (2, 2)
        publish(tmp_path, 2, environment="other")
        with pytest.raises(RenderError, match="holds another run now"):
            follow_run(player, follower)


def test_the_recurrent_state_and_the_draws_are_kept() -> None:
    path = puffer_envs.trained_policy("squared")
    with puffer_envs.make("squared", num_envs=8) as env:
        observations = env.reset(0)
        one, whole, two = load_policy(path, 3), load_policy(path, 3), load_policy(path, 99)
        one.act(observations)
        whole.act(observations)
        two.resume_from(one)
        assert (two.act(observations) == whole.act(observations)).all()
    other = load_policy(puffer_envs.trained_policy("breakout"))
    other.resume_from(load_policy(puffer_envs.trained_policy("drone")))
    with puffer_envs.make("breakout") as env:
        other.act(env.reset(0))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--follow"], "--follow needs the folder of a run"),
        (["breakout", "--follow"], "--follow needs the folder of a run"),
        (["{file}", "--follow"], "it is a file. Name the folder of a run."),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, arguments: list[str], said: str) -> None:
    file = tmp_path / "policy"
    shutil.copy(puffer_envs.trained_policy("squared"), file)
    assert said in complaint(run_module("cli_play", *(argument.format(file=file) for argument in arguments)))

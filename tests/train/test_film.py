"""The video after training: announced in advance, made by another program, and never a reason to fail."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path
from typing import Any, NoReturn

import av
import numpy as np
import pytest

import puffer_envs
from puffer_train.run.film import VIDEO_SECONDS, film, obstacle


@pytest.fixture
def replay(tmp_path: Path) -> Path:
    """More than VIDEO_SECONDS of cartpole, which steps 50 times a second."""
    with puffer_envs.make("cartpole") as env:
        env.start_replay(seed=1)
        for step in range(60 * VIDEO_SECONDS):
            env.step(np.array([step % 2], np.int32))
        env.save_replay(tmp_path / "replay.puf")
    return tmp_path / "replay.puf"


def test_what_is_in_the_way_is_known_beforehand() -> None:
    assert obstacle("breakout", {"frameskip": 2}) is None
    reason = obstacle("no.such.module:make", {})
    assert reason is not None and "no.such" in reason and "\n" not in reason
    pytest.importorskip("pygame")
    assert obstacle("gymnasium:CartPole-v1", {"max_episode_steps": 20, "sutton_barto_reward": True}) is None


@pytest.mark.parametrize("missing", ["puffer_render", "av"])
def test_a_missing_renderer_is_named(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == missing else find(name, *more))
    assert 'pip install "puffer-envs[render]"' in str(obstacle("breakout", {}))


def test_a_film_has_its_length(replay: Path, tmp_path: Path) -> None:
    assert film(replay, tmp_path / "video.mp4", show=False) is None
    with av.open(str(tmp_path / "video.mp4")) as file:
        stream = file.streams.video[0]
        assert (stream.average_rate, stream.frames) == (30, 30 * VIDEO_SECONDS)


def test_a_film_that_cannot_be_made_is_a_reason(tmp_path: Path) -> None:
    (tmp_path / "replay.puf").write_bytes(b"PUFFER REPLAY 1\n{}\n")
    reason = film(tmp_path / "replay.puf", tmp_path / "video.mp4", show=False)
    assert reason is not None and "damaged" in reason and "puffer-render" not in reason


def test_ctrl_c_skips_the_film_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any, **__: Any) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "run", interrupt)
    assert film(tmp_path / "replay.puf", tmp_path / "video.mp4", show=False) == "skipped"

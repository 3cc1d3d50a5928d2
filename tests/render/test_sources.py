"""What can be filmed: replays, policies, run folders, and environments that draw themselves."""

from __future__ import annotations

import itertools
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from programs import complaint, run_module
from safetensors.numpy import save_file
from test_render import decode

import puffer_envs
from puffer_render.errors import RenderError
from puffer_render.sources import find_source, read_policy


def write_policy(
    folder: Path, environment: str, inputs: int, choices: int, version: int = 0, **settings: object
) -> Path:
    """A policy that draws its actions evenly."""
    tensors = {
        "input_scale": np.ones(inputs, np.float32),
        "encoder.weight": np.zeros((1, inputs), np.float32),
        "head.weight": np.zeros((choices + 1, 1), np.float32),
    }
    info = {
        "environment": environment,
        "environment_version": version,
        "observation_shape": [inputs],
        "observation_dtype": "float32",
        "action_kind": "discrete",
        "action_sizes": [choices],
        "hidden": 1,
        "layers": 0,
        "settings": settings,
    }
    path = folder / "policy.safetensors"
    save_file(tensors, path, {"format": "puffer-policy-1", "policy": json.dumps(info)})
    return path


@pytest.fixture
def breakout(tmp_path: Path) -> Path:
    """A folder with a policy."""
    folder = tmp_path / "run"
    folder.mkdir()
    write_policy(folder, "breakout", 118, 3, puffer_envs.spec("breakout").version, frameskip=4)
    return folder


def test_a_folder_is_what_it_holds(breakout: Path, replay: Path) -> None:
    assert find_source(breakout).kind == "policy"
    shutil.copy(replay, breakout / "replay.puf")
    assert find_source(breakout).kind == "replay"
    assert find_source(breakout, prefer="policy").path == breakout / "policy.safetensors"
    assert read_policy(breakout).info.environment == "breakout"
    with pytest.raises(RenderError, match="holds a replay and no policy"):
        read_policy(replay)


def test_a_policy_is_filmed_playing(breakout: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    done = run_module("cli_render", breakout, out, "--max-seconds", 2, "--scale", 0.3, "--env.max-frames", 100)
    assert done.returncode == 0, done.stderr
    pictures, seconds = decode(out)
    assert len(pictures) == 51  # half of 100 frames, and the first
    assert seconds == pytest.approx(50 / 30)
    assert any((a != b).any() for a, b in itertools.pairwise(pictures))


def test_an_environment_that_draws_itself_is_filmed(tmp_path: Path) -> None:
    pytest.importorskip("pygame")
    policy = write_policy(tmp_path, "gymnasium:CartPole-v1", 4, 2, max_episode_steps=20)
    for name, options in (("out.mp4", []), ("out.gif", []), ("out.png", ["--frame", "3"])):
        done = run_module("cli_render", policy, tmp_path / name, *options)
        assert done.returncode == 0, done.stderr
        pictures, _ = decode(tmp_path / name)
        assert pictures[0].shape == (400, 600, 3) and (pictures[0] > 240).mean() > 0.8
        assert 4 < len(pictures) <= 21 or name == "out.png"


@pytest.mark.parametrize(
    ("environment", "said"),
    [("gymnasium:Nowhere-v0", "Nowhere"), ("no.module:make", "no.module"), ("breakot", "breakot")],
)
def test_environments_that_cannot_be_made_are_one_line(tmp_path: Path, environment: str, said: str) -> None:
    policy = write_policy(tmp_path, environment, 4, 2)
    assert said in complaint(run_module("cli_render", policy, tmp_path / "out.mp4"))


def test_whether_videos_can_be_made_is_known_beforehand(tmp_path: Path) -> None:
    done = run_module("cli_render", "--check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

"""What can be filmed: replays, policies, run folders, and environments that draw themselves."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import pytest
from policies import write_policy
from programs import complaint, run_module
from test_render import decode

import puffer_envs
from puffer_envs import starting
from puffer_render.errors import RenderError
from puffer_render.sources import find_source, read_policy


@pytest.fixture
def breakout(tmp_path: Path) -> Path:
    """A folder with a policy."""
    folder = tmp_path / "run"
    folder.mkdir()
    version = puffer_envs.spec("breakout").version
    write_policy(folder / "policy.safetensors", "breakout", 118, 3, version=version, settings={"frameskip": 4})
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


def test_an_environment_is_filmed_by_its_name(breakout: Path, tmp_path: Path) -> None:
    """The policy plays as if its own name were given, and random actions are the same for the same seed."""
    options = ["--max-seconds", 2, "--scale", 0.3, "--env.max-frames", 100]
    shown = {}
    for name, given in {
        "alone.png": [breakout],
        "named.png": ["breakout", "--policy", breakout],
        "random.png": ["breakout"],
        "again.png": ["breakout"],
        "other.png": ["breakout", "--seed", 1],
    }.items():
        done = run_module("cli_render", *given, tmp_path / name, "--frame", 60, *options)
        assert done.returncode == 0, done.stderr
        assert ("random actions" in done.stderr) == (given[0] == "breakout" and "--policy" not in given)
        shown[name.split(".")[0]] = decode(tmp_path / name)[0][0]
    assert (shown["alone"] == shown["named"]).all() and (shown["random"] == shown["again"]).all()
    assert (shown["random"] != shown["named"]).any() and (shown["random"] != shown["other"]).any()


def test_a_file_with_an_environment_is_filmed_with_its_drawing(tmp_path: Path) -> None:
    starting.create(tmp_path / "hop", "grid")
    policy = write_policy(tmp_path / "p", "hop", 13, 5, version=1, dtype="int8")
    for given in ([tmp_path / "hop"], [tmp_path / "hop/hop.h", "--policy", policy]):
        done = run_module("cli_render", *given, tmp_path / "out.gif", "--max-seconds", 1)
        assert done.returncode == 0, done.stderr
        assert decode(tmp_path / "out.gif")[0]
    assert "'hop', not on 'breakout'" in complaint(
        run_module("cli_render", "breakout", tmp_path / "out.gif", "--policy", policy)
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["breakot"], "Did you mean 'breakout'?"),
        (["absent.h"], "absent.h: No such file"),
        (["gymnasium:CartPole-v1"], "add --policy FILE"),
        (["gymnasium:Acrobot-v1", "--policy", "{policy}"], "'breakout', not on 'gymnasium:Acrobot-v1'"),
        (["{policy}", "--policy", "{policy}"], "leave out one of the two"),
        (["breakout", "--policy", "absent"], "absent: cannot be read"),
        (["breakout", "--trained", "--policy", "{policy}"], "leave out one of the two"),
    ],
)
def test_what_cannot_be_filmed_is_one_line(breakout: Path, tmp_path: Path, arguments: list[str], said: str) -> None:
    given = [argument.format(policy=breakout) for argument in arguments]
    done = run_module("cli_render", given[0], tmp_path / "out.gif", *given[1:])
    assert said in complaint(done)


def test_an_environment_that_draws_itself_is_filmed(tmp_path: Path) -> None:
    pytest.importorskip("pygame")
    policy = write_policy(tmp_path / "p", "gymnasium:CartPole-v1", 4, 2, settings={"max_episode_steps": 20})
    for name, options in (("out.mp4", []), ("out.gif", []), ("out.png", ["--frame", "3"])):
        done = run_module("cli_render", policy, tmp_path / name, *options)
        assert done.returncode == 0, done.stderr
        pictures, _ = decode(tmp_path / name)
        assert pictures[0].shape == (400, 600, 3) and (pictures[0] > 240).mean() > 0.8
        assert 4 < len(pictures) <= 21 or name == "out.png"


def test_a_wrapped_environment_is_filmed_as_it_was_trained(tmp_path: Path) -> None:
    pytest.importorskip("pygame")
    settings = {"max_episode_steps": 20, "[wrap]": {"stack": 3, "frameskip": 2}}
    policy = write_policy(tmp_path / "p", "gymnasium:CartPole-v1", 12, 2, settings=settings)
    done = run_module("cli_render", policy, tmp_path / "out.png", "--frame", "2")
    assert done.returncode == 0, done.stderr
    done = run_module("cli_render", policy, tmp_path / "out.png", "--wrap.stack", "2")
    assert done.returncode == 2 and "reads observations of shape (12,)" in done.stderr


@pytest.mark.parametrize(
    ("environment", "said"),
    [("gymnasium:Nowhere-v0", "Nowhere"), ("no.module:make", "no.module"), ("breakot", "breakot")],
)
def test_environments_that_cannot_be_made_are_one_line(tmp_path: Path, environment: str, said: str) -> None:
    policy = write_policy(tmp_path / "p", environment, 4, 2)
    assert said in complaint(run_module("cli_render", policy, tmp_path / "out.mp4"))


def test_whether_videos_can_be_made_is_known_beforehand(tmp_path: Path) -> None:
    done = run_module("cli_render", "--check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

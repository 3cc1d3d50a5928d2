"""`puffer-envs new`: every template is a game that keeps the contract, is learned, drawn and played by keys."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium.vector.utils import batch_space

import puffer_envs
from puffer_envs import conformance, library, starting
from puffer_envs.adapters.registration import gymnasium_id
from puffer_envs.cli import main

from .conftest import compiler

MAX_LINES = 150


@pytest.fixture(scope="module", params=starting.TEMPLATES)
def game(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a new game, whose environment is loaded."""
    compiler()
    folder = tmp_path_factory.mktemp("my games") / f"made_{request.param}".replace("-", "_")
    starting.create(folder, request.param)
    name = puffer_envs.load_library(folder)
    assert name == folder.name
    yield folder
    gymnasium.registry.pop(gymnasium_id(puffer_envs.spec(name)))
    library._forget(name)


def test_the_folder_has_everything_and_nothing_of_the_template(game: Path) -> None:
    name = game.name
    files = {str(path.relative_to(game)) for path in game.rglob("*") if path.is_file()}
    own = {f"{name}.h", f"{name}.py", f"{name}.toml", f"test_{name}.py"}
    assert files == own | {"README.md", "pyproject.toml", ".gitignore", ".github/workflows/wheels.yml"}
    text = "".join(path.read_text("utf-8") for path in game.rglob("*") if path.is_file())
    assert not [word for word in ("my_game", "MyGame", "MY_GAME") if word in text]
    project = tomllib.loads((game / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["name"] == name and project["tool"]["puffer-envs"]["environments"] == [f"{name}.h"]


def test_the_rules_are_short_and_plain(game: Path) -> None:
    header = game / f"{game.name}.h"
    assert len(header.read_text("utf-8").splitlines()) <= MAX_LINES
    flags = ["-std=c17", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wdouble-promotion", "-Werror", "-fsyntax-only"]
    include = f"-I{puffer_envs.get_include()}"
    subprocess.run([compiler(), *flags, include, "-include", str(header), "-x", "c", "/dev/null"], check=True)


def test_it_keeps_the_contract(game: Path) -> None:
    results = conformance.run_checks(conformance.subject(game.name, 60))
    assert not [f"{result.check}: {result.message}" for result in results if result.status == "failed"]


RETURNS = {"grid": 0.8, "continuous": 0.35, "multi_agent": 25.0, "board": -0.5, "arcade": 0.8}
"""Mean return that 400,000 steps reach, and that random play is below."""


def test_it_is_learned(game: Path) -> None:
    puffer_train = pytest.importorskip("puffer_train")
    pytest.importorskip("torch")
    run = puffer_train.train(
        game.name,
        steps=400_000,
        seed=1,
        threads=1,
        folder=game.parent / "run",
        video=False,
        settings={"train": {"eval_episodes": 0}},
    )
    returns = np.array(run.metrics["env/episode_return"], np.float64)
    returns = returns[np.isfinite(returns)]
    wanted = RETURNS[game.name.removeprefix("made_")]
    assert returns[-2:].mean() > wanted, "after training"


def test_random_play_is_worse(game: Path) -> None:
    with puffer_envs.make(game.name, 64, seed=1) as env:
        env.reset(1)
        choices = batch_space(env.single_action_space, env.num_agents)
        choices.seed(1)
        for _ in range(500):
            env.step(choices.sample())
        log = env.log()
    assert log["episode_return"] < RETURNS[game.name.removeprefix("made_")]
    assert 0 <= log["perf"] < 0.6


def test_it_is_drawn_and_played_by_keys(game: Path) -> None:
    draw = pytest.importorskip("puffer_render.draw")
    from puffer_render.keys import make_keymap  # noqa: PLC0415
    from puffer_render.offscreen import Offscreen  # noqa: PLC0415

    with puffer_envs.make(game.name, 1, seed=1) as env:
        env.reset(1)
        drawing = draw.own_drawing(game.name)
        canvas = Offscreen(*drawing.size)
        pictures = []
        for _ in range(2):
            pictures.append(canvas.render(lambda frame: drawing.draw(env.state(0), frame)).copy())
            for _ in range(3):
                env.step(env.actions)
        keymap = make_keymap(env.spec.layout.actions, drawing.keys, drawing.idle, drawing.pilot)
        assert {binding.label for binding in keymap.bindings} == set(drawing.keys), "every label is a choice"
        for keys in drawing.keys.values():
            action = keymap.action({keys[0]}, env.actions.reshape(env.num_agents, -1)[0], env.state(0), 0)
            space = env.single_action_space
            assert space.contains(action.astype(env.actions.dtype).reshape(space.shape))
    assert len(np.unique(pictures[0].reshape(-1, 3), axis=0)) > 20, "hardly anything is drawn"
    assert (pictures[0] != pictures[1]).any(), "the picture does not change"


# --- the command ---


def new(*words: object) -> int:
    return main(["new", *map(str, words)])


def test_what_it_prints_works_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    compiler()
    (tmp_path / "my games").mkdir()
    monkeypatch.chdir(tmp_path)
    assert new("my games/night_watch", "--template", "board") == 0
    printed = capsys.readouterr().out
    commands = [shlex.split(line, comments=True) for line in printed.splitlines() if line.startswith("  ")]
    (check,) = [words for words in commands if words[:2] == ["puffer-envs", "check"]]
    assert check[2] == "./my games/night_watch" and {words[-1] for words in commands[-4:]} == {check[2]}
    assert [words[0] for words in commands[-4:]] == ["puffer-play", "puffer-train", "puffer-envs", "pip"]
    done = subprocess.run(
        [Path(sys.executable).with_name("puffer-envs"), *check[1:]], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "night_watch keeps the contract" in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["Night-Watch"], "'Night-Watch' cannot be the name of an environment: use lower-case letters, digits"),
        (["Night-Watch"], "Did you mean 'night_watch'?"),
        (["3d"], "beginning with a letter, at most 40."),
        (["x" * 41], "at most 40."),
        (["a__b"], "single underscores"),
        ([""], "'' cannot be the name of an environment"),
        (["snake"], "'snake' is the name of an environment that ships with puffer-envs: choose another name."),
        (["puffy"], "'puffy' begins as the names in puffer.h do: choose another name."),
        (["random"], "'random' is the name of something in Python: choose another name."),
        (["lambda"], "'lambda' is the name of something in Python: choose another name."),
        (["here"], "here exists already: nothing was written."),
        (["nowhere/mine"], "nowhere/mine cannot be written: No such file or directory. Nothing was written."),
        (["here/mine"], "here/mine cannot be written: Not a directory. Nothing was written."),
        (["mine", "--template", "chess"], "'chess' must be one of grid,"),
        ([], "the following arguments are required: MY_GAME"),
    ],
)
def test_mistakes_are_one_sentence_and_leave_nothing(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "here").write_text("", "utf-8")
    monkeypatch.chdir(tmp_path)
    assert new(*words) == 2
    captured = capsys.readouterr()
    assert message in captured.err and captured.err.count("\n") == 1 and not captured.out
    assert [path.name for path in tmp_path.iterdir()] == ["here"]


def test_a_full_disk_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Path, "write_text", fail)
    assert new("mine") == 2
    assert "mine cannot be written: No space left on device. Nothing was written." in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_what_is_missing_is_named_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(starting, "_has", lambda module: module != "raylib")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CC", "")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert new(tmp_path / "mine") == 0
    assert '  pip install "puffer-envs[render,author]"' in capsys.readouterr().out


# --- what the settings reach ---

PERFS = {"grid": 0.88, "continuous": 0.85, "multi-agent": 0.75, "board": 0.84, "arcade": 0.55}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("template", PERFS)
def test_the_settings_of_a_template_are_enough(template: str, seed: int, tmp_path: Path) -> None:
    starting.create(tmp_path / "mine", template)
    train = [Path(sys.executable).with_name("puffer-train"), tmp_path / "mine", "--seed", str(seed), "--no-video"]
    subprocess.run([*train, "--run-dir", tmp_path / "run"], check=True, capture_output=True)
    evaluation = json.loads((tmp_path / "run/evaluation.json").read_text("utf-8"))
    assert evaluation["perf"]["mean"] >= PERFS[template]

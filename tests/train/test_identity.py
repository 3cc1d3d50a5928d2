"""Runs are the same only if everything agrees but the seed: what that is, and how the difference is named."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from run_folders import CODE, IDENTITY, make_run
from runs import SMALL, Shell

import puffer_envs
from puffer_train.environments.code import environment_hash
from puffer_train.storage import identity
from puffer_train.storage.folder import read_config
from puffer_train.storage.identity import compare_runs, facts, is_known, make_identity
from puffer_train.system import code

NAME = "tiny_environments:CartPole"


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    """Hashes are kept for a process; here files change within one."""
    code.hash_files.cache_clear()
    yield
    code.hash_files.cache_clear()


def test_a_module_is_known_with_what_it_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    package = tmp_path / "games"
    (package / "snake").mkdir(parents=True)
    (tmp_path / "far_game.py").write_text("import os\nimport numpy\n\ndef make():\n    from near import gravity\n")
    (tmp_path / "near.py").write_text("import nearest\nimport far_game\n")
    for name in ("nearest.py", "games/__init__.py", "games/board.py"):
        (tmp_path / name).write_text("gravity = 1\n")
    (package / "snake" / "__init__.py").write_text("from .. import board\n")
    found = [
        {file.relative_to(tmp_path).as_posix() for file in code.module_files(name)}
        for name in ("far_game", "games.snake")
    ]
    assert found[0] == {"far_game.py", "near.py", "nearest.py"}
    assert found[1] == {"games/snake/__init__.py", "games/board.py"}
    before = environment_hash("far_game:make", object())
    (tmp_path / "nearest.py").write_text("gravity = 2\n")
    code.hash_files.cache_clear()
    assert environment_hash("far_game:make", object()) != before


@pytest.mark.parametrize("installed", ["site-packages/game.py", "game-1.0.dist-info/METADATA"])
def test_the_imports_of_what_is_installed_are_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: str
) -> None:
    """Also where it is in a folder of another name, as `pip install --target` leaves it."""
    root = tmp_path / Path(installed).parent.name if installed.endswith(".py") else tmp_path
    (tmp_path / installed).parent.mkdir()
    (tmp_path / installed).touch()
    (root / "far_game.py").write_text("import near\n")
    (root / "near.py").touch()
    monkeypatch.syspath_prepend(root)
    assert [file.name for file in code.module_files("far_game")] == ["far_game.py"]


class Compiled:
    """An environment that knows the files of its rules."""

    def __init__(self, *files: Path) -> None:
        self.code_files = [str(path) for path in files]


def test_a_compiled_environment_is_known_by_its_file() -> None:
    with puffer_envs.make("squared", num_envs=1, seed=0) as env:
        (path,) = env.code_files
        assert Path(path).name.startswith("_core.")
        found = make_identity("squared", env, env.spec.version, env.settings, "KernelLearner")
    assert found["environment_settings"] == {"max_steps": 32}, "all of them, though none was given"
    assert (len(found["environment_code"]), len(found["package_code"])) == (64, 64)
    assert found["package_code"] == code.package_hash()


def test_an_edit_changes_the_hash_and_a_copy_does_not(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    one, other = tmp_path / "core.so", tmp_path / "a" / "core.so"
    one.write_bytes(b"rules")
    other.write_bytes(b"rules")
    first = environment_hash("x", Compiled(one))
    assert first == environment_hash("x", Compiled(other))
    assert first != environment_hash("x", Compiled(one, other))
    one.write_bytes(b"other rules")
    assert first == environment_hash("x", Compiled(one)), "a process has loaded what was there at first"
    code.hash_files.cache_clear()
    assert first != environment_hash("x", Compiled(one))


def test_a_python_environment_is_known_by_its_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    module, package = tmp_path / "one_game.py", tmp_path / "game_package"
    (package / "rules").mkdir(parents=True)
    for path in (module, package / "__init__.py", package / "rules" / "__init__.py", package / "rules" / "physics.py"):
        path.write_text("gravity = 1\n")
    names = ("one_game:Game", "game_package.rules:Game", "pettingzoo:game_package.rules")
    before = [environment_hash(name, object()) for name in names]
    assert None not in before
    (tmp_path / "another.py").write_text("")
    code.hash_files.cache_clear()
    assert [environment_hash(name, object()) for name in names] == before, "files beside a module are not its own"
    module.write_text("gravity = 2\n")
    (package / "rules" / "physics.py").write_text("gravity = 2\n")
    code.hash_files.cache_clear()
    after = [environment_hash(name, object()) for name in names]
    assert all(a != b for a, b in zip(before, after, strict=True))
    assert environment_hash("gymnasium:CartPole-v1", object()) is not None


def test_own_code_is_known_by_its_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    for module in ("one_loss", "one_network"):
        (tmp_path / f"{module}.py").write_text("pass\n")

    def own(*names: str) -> Any:
        code.hash_files.cache_clear()
        return make_identity("squared", object(), 1, {}, "x", names)["own_code"]

    assert own() == "none"
    assert own("one_loss:f", "no_such_module:g") is None, "nor is it the same as without the second"
    monkeypatch.setattr(sys.modules["__main__"], "__file__", str(tmp_path / "one_loss.py"), raising=False)
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None)
    assert own("__main__:f") is not None, "a script is a file, too"
    before = own("one_loss:f", "one_network:Net")
    assert before == own("one_network:Net", "one_loss:f", "one_loss:another")
    (tmp_path / "one_network.py").write_text("x = 1\n")
    assert own("one_loss:f", "one_network:Net") != before


class Broken:
    @property
    def code_files(self) -> list[str]:
        raise RuntimeError("not today")


@pytest.mark.parametrize(
    ("name", "env"),
    [
        ("x", Broken()),
        ("x", Compiled(Path("nowhere.so"))),
        ("no_such_module:Game", object()),
        ("gymnasium:NoSuch-v9", object()),
        ("no environment", object()),
        ("", object()),
    ],
)
def test_what_cannot_be_found_out_is_unknown_and_fails_no_run(name: str, env: object) -> None:
    assert environment_hash(name, env) is None
    assert make_identity(name, env, 0, {"a": {1, 2}}, "x")["environment_code"] is None


def config(folder: Path, **arguments: Any) -> dict[str, Any]:
    return read_config(make_run(folder, **arguments))


def test_seeds_machines_and_checkpoints_make_no_difference(tmp_path: Path) -> None:
    one, other = config(tmp_path / "a"), config(tmp_path / "b", seed=2, train__checkpoints_kept=9)
    other["machine"] = {"processor": "another"}
    assert compare_runs([one, other]) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train__gamma": 0.9}, "they differ in train.gamma (0.98, 0.9)"),
        ({"env__frameskip": 3}, "they differ in env.frameskip (2, 3)"),
        ({"environment": "pong"}, "they differ in environment (breakout, pong)"),
        ({"identity": IDENTITY | {"package_code": "8" * 64}}, "they differ in package code (99999999, 88888888)"),
        ({"identity": IDENTITY | {"environment_version": 2}}, "they differ in environment version (1, 2)"),
        ({"identity": IDENTITY | {"environment_settings": {}}}, "they differ in env.frameskip (2, not given)"),
        (
            {"policy__hidden": 8, "train__steps": 7, "train__gamma": 1.0, "env__a": 1, "env__b": True},
            "they differ in train.steps (200000, 7), train.gamma (0.98, 1), policy.hidden (32, 8), "
            "env.a (not given, 1) and 1 more",
        ),
    ],
)
def test_differences_are_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    assert compare_runs([config(tmp_path / "a"), config(tmp_path / "b", **change)]) == message


def test_runs_that_do_not_know_are_the_same_as_none(tmp_path: Path) -> None:
    old = [config(tmp_path / name, identity=None) for name in ("a", "b")]
    nameless = config(tmp_path / "c", identity=IDENTITY | {"environment_code": None})
    assert not any(map(is_known, [*old, nameless]))
    assert compare_runs(old) == "it is unknown which code made them"
    assert compare_runs([nameless, nameless]) == "it is unknown which code made them"
    assert str(compare_runs([old[0], config(tmp_path / "d")])).startswith("they differ in ")
    resumed = config(tmp_path / "e")
    resumed["history"].insert(0, old[0]["history"][0])
    assert facts(resumed)["package code"] == "unknown, 99999999"
    assert not is_known(resumed)


def test_a_run_and_its_code_after_an_edit(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trained, trained again with another seed, and resumed after an edit of the package."""
    for seed in ("1", "2"):
        assert shell.train(NAME, *SMALL, "--steps", "300", "--seed", seed, "--run-dir", seed).status == 0
    one, two = (read_config(shell.folder / seed) for seed in ("1", "2"))
    assert compare_runs([one, two]) is None
    assert one["identity"].keys() == IDENTITY.keys()
    monkeypatch.setattr(identity, "package_hash", lambda: "f" * 64)
    assert shell.train(NAME, "--resume", "2", "--steps", "600", "--threads", "1").status == 0
    edited = read_config(shell.folder / "2")
    first = one["identity"]["package_code"][:8]
    assert facts(edited)["package code"] == f"{first}, ffffffff", "both made it"
    assert [part["code"].keys() for part in edited["history"]] == [CODE.keys()] * 2
    assert f"package code ({first}, {first}, ffffffff)" in str(compare_runs([one, edited]))
    assert "The code changed when the run was resumed." in (shell.folder / "2" / "README.md").read_text()
    assert "The code changed" not in (shell.folder / "1" / "README.md").read_text()


def test_eval_says_how_two_trainings_differ(shell: Shell) -> None:
    for folder, *more in (["a"], ["b", "--seed", "2"], ["c", "--train.gamma", "0.9"]):
        assert shell.train(NAME, *SMALL, "--steps", "300", "--run-dir", folder, *more).status == 0
    (shell.folder / "alone.safetensors").write_bytes((shell.folder / "a" / "policy.safetensors").read_bytes())
    for other, sentence in {
        "b": "The same training with seeds 1 and 2.",
        "c": "These are different trainings: they differ in train.gamma (0.98, 0.9).",
        "a": "Both are of the same run.",
        "alone.safetensors": "It is unknown how their trainings differ: only a policy in its run folder tells.",
    }.items():
        done = shell("puffer-eval", NAME, "--policy", "a", "--against", other, "--episodes", "4", "--threads", "1")
        assert (done.status, sentence in done.out.splitlines()) == (0, True), done.all

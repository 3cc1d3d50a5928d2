"""What `pip install puffer-envs` brings: metadata, commands, data files, and a clear word about what is missing."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from packaging.requirements import Requirement

import puffer_commands
import puffer_envs
from puffer_envs import starting
from puffer_envs.library import shipped_folder

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("puffer_commands", "puffer_envs", "puffer_train", "puffer_render")
COMMANDS = ("puffer-envs", "puffer-train", "puffer-eval", "puffer-export", "puffer-plot")
COMMANDS += ("puffer-runs", "puffer-sweep", "puffer-play", "puffer-render", "puffer-match", "puffer-league")
COMMANDS += ("puffer-gallery", "puffer-web")
DISTRIBUTION = importlib.metadata.distribution("puffer-envs")
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


# --- metadata ---


def test_the_version_is_the_same_everywhere() -> None:
    version = PROJECT["project"]["version"]
    assert DISTRIBUTION.version == puffer_envs.__version__ == version
    assert re.search(rf"^## \[{re.escape(version)}\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)


def test_the_wheel_is_for_the_oldest_python_allowed() -> None:
    oldest = PROJECT["project"]["requires-python"].removeprefix(">=")
    assert PROJECT["tool"]["scikit-build"]["wheel"]["py-api"] == "cp" + oldest.replace(".", "")
    assert PROJECT["tool"]["cibuildwheel"]["build"] == f"cp{oldest.replace('.', '')}-*"
    assert f"Programming Language :: Python :: {oldest}" in PROJECT["project"]["classifiers"]


def test_the_constraint_on_torch_satisfies_the_extra() -> None:
    pins = map(Requirement, re.findall(r"^\w.*$", (ROOT / "constraints.txt").read_text("utf-8"), re.MULTILINE))
    (pin,) = next(requirement.specifier for requirement in pins if requirement.name == "torch")
    extra = map(Requirement, PROJECT["project"]["optional-dependencies"]["train"])
    (allowed,) = (requirement.specifier for requirement in extra if requirement.name == "torch")
    assert pin.operator == "=="
    assert pin.version in allowed


def test_the_build_group_has_all_build_requirements() -> None:
    assert set(PROJECT["build-system"]["requires"]) <= set(PROJECT["dependency-groups"]["build"])


def test_the_licence_is_in_the_distribution() -> None:
    assert DISTRIBUTION.metadata["License-Expression"] == "MIT AND Apache-2.0"
    (name,) = DISTRIBUTION.metadata.get_all("License-File") or []
    assert "Permission is hereby granted" in (DISTRIBUTION.read_text(f"licenses/{name}") or "")


# --- commands and entry points ---


def test_the_environments_are_found_by_entry_point() -> None:
    (entry,) = (e for e in importlib.metadata.entry_points(group="puffer.envs") if e.value == "puffer_envs")
    offered = entry.load()
    assert set(puffer_envs.list_envs()) >= {"breakout", "cartpole", "pong", "snake", "squared"}
    assert offered.list_envs() == puffer_envs.list_envs()
    assert callable(offered.make)


def test_these_are_the_commands() -> None:
    entries = DISTRIBUTION.entry_points.select(group="console_scripts")
    assert {entry.name for entry in entries} == set(COMMANDS)
    for entry in entries:
        assert callable(entry.load()), entry.name


def test_what_starts_a_command_imports_nothing_else() -> None:
    names = {entry.module for entry in DISTRIBUTION.entry_points.select(group="console_scripts")}
    assert names == {"puffer_commands"}
    slow = {"numpy", "gymnasium", "torch", "puffer_envs"}
    code = f"import puffer_commands, sys; assert not {slow} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("command", COMMANDS)
def test_ctrl_c_while_a_command_imports_is_one_line(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(module: str) -> None:
        assert importlib.util.find_spec(module)
        raise KeyboardInterrupt

    # not the function in importlib itself: modules that are imported meanwhile would keep this one
    monkeypatch.setattr(puffer_commands, "importlib", SimpleNamespace(import_module=interrupt))
    start = getattr(puffer_commands, command.removeprefix("puffer-"))
    assert start() == 130
    assert capsys.readouterr().err == f"\n{command}: interrupted\n"


def run(command: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The installed console script, as a user calls it."""
    script = Path(sysconfig.get_path("scripts")) / command
    return subprocess.run(
        [script, *arguments], capture_output=True, text=True, timeout=120, env={**os.environ, **environment}
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    done = run(command, "--help")
    assert done.returncode == 0, done.stderr
    assert f"usage: {command}" in done.stdout
    assert not done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_a_wrong_option_is_one_line(command: str) -> None:
    done = run(command, "--no-such-option")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith(command)


# --- data files ---


def package_folder(package: str) -> Path:
    """Where a package's sources are, without importing it."""
    spec = importlib.util.find_spec(package)
    assert spec and spec.origin
    return Path(spec.origin).parent


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_says_that_it_is_typed(package: str) -> None:
    assert (package_folder(package) / "py.typed").is_file()


def test_the_headers_of_the_contract_are_installed() -> None:
    headers = {path.name for path in Path(puffer_envs.get_include()).iterdir()}
    names = ("", "_bins", "_bodies", "_bodies_lanes", "_contacts", "_cpp", "_impacts", "_math", "_rng")
    assert headers == {f"puffer{name}.h" for name in names}
    assert (package_folder("puffer_envs") / "_core.pyi").is_file()
    programs = {path.name for path in shipped_folder("program").iterdir()}
    headers = {"driver_checks.h", "sampler.h", "batch.h", "pool.h", "os_threads.h", "relax.h"}
    assert programs == {"driver.c", "batch.c", "pool.c"} | headers


def test_the_templates_are_whole() -> None:
    folder = package_folder("puffer_envs") / "templates"
    ours = {"my_game.h", "my_game.py", "my_game.toml"}
    games = {starting.template_folder(name) for name in starting.TEMPLATES}
    assert all({path.name for path in (folder / name).iterdir()} >= ours for name in games)
    assert all(name.isidentifier() for name in games), "what looks into wheels takes them for packages"
    assert {path.name for path in (folder / "shared").iterdir()} >= set(starting.SHARED)
    assert {path.name for path in folder.iterdir()} == {*games, "shared"}


def test_the_trainer_brings_settings() -> None:
    folder = package_folder("puffer_train") / "settings"
    shipped = {path.stem: tomllib.loads(path.read_text("utf-8")) for path in folder.glob("*.toml")}
    assert {"breakout", "cartpole", "python"} <= set(shipped) <= {*puffer_envs.list_envs(), "python"}
    assert all(shipped.values())


def test_a_trained_policy_ships_for_every_environment() -> None:
    folder = package_folder("puffer_envs") / "trained"
    shipped = {path.stem for path in folder.glob("*.safetensors")}
    assert {"breakout", "drone", "pong"} <= shipped <= set(puffer_envs.list_envs())


def test_the_wheel_lists_what_it_consists_of() -> None:
    (file,) = (file for file in DISTRIBUTION.files or () if file.match("*.dist-info/sboms/*.cdx.json"))
    bom = json.loads(file.read_text())
    component = bom["metadata"]["component"]
    assert component["version"] == DISTRIBUTION.version and component["purl"].endswith(f"@{DISTRIBUTION.version}")
    parts = {part["name"]: part for part in bom["components"]}
    assert re.fullmatch(r"3\.\d+\.\d+", parts["Cython"]["version"])
    (font,) = (package_folder("puffer_render") / "assets").glob("*.ttf")
    content = hashlib.sha256(font.read_bytes()).hexdigest()
    assert parts[f"puffer_render/assets/{font.name}"]["hashes"] == [{"alg": "SHA-256", "content": content}]


def test_fonts_come_with_their_licence() -> None:
    assets = package_folder("puffer_render") / "assets"
    for font in assets.glob("*.ttf"):
        assert (assets / f"{font.stem.split('-')[0]}-LICENSE.txt").is_file(), font.name
    assert list(assets.glob("*.ttf"))


# --- extras that are not installed ---

BLOCKER = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {missing!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocker())
from importlib.metadata import distribution
(command,) = distribution("puffer-envs").entry_points.select(group="console_scripts", name={command!r})
sys.argv = [{command!r}, *{arguments!r}]
sys.exit(command.load()())
"""
EXTRAS = ["av", "cffi", "pyray", "raylib", "safetensors", "torch"]


def run_without(missing: list[str], command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command in a Python that cannot import what is missing."""
    code = BLOCKER.format(missing=set(missing), command=command, arguments=arguments)
    return subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=120)


def test_the_environments_need_no_extra() -> None:
    done = run_without(EXTRAS, "puffer-envs", "check", "squared")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_help_needs_no_extra(command: str) -> None:
    done = run_without(EXTRAS, command, "--help")
    assert done.returncode == 0, done.stderr
    assert f"usage: {command}" in done.stdout


@pytest.mark.parametrize(
    ("missing", "command", "arguments", "extra"),
    [
        ("torch", "puffer-train", ["squared"], "train"),
        ("safetensors", "puffer-train", ["squared"], "train"),
        ("torch", "puffer-eval", ["squared", "--policy", "{file}"], "train"),
        ("onnx", "puffer-export", ["{file}"], "onnx"),
        ("raylib", "puffer-play", ["squared"], "render"),
        ("av", "puffer-render", ["{file}", "out.mp4"], "render"),
    ],
)
def test_a_missing_extra_is_named_in_one_line(
    tmp_path: Path, missing: str, command: str, arguments: list[str], extra: str
) -> None:
    replay = tmp_path / "replay.puf"
    with puffer_envs.make("squared", num_envs=1) as env:
        env.start_replay(seed=0)
        for _ in range(3):
            env.step(env.actions)
        env.save_replay(replay)
    done = run_without([missing], command, *(argument.format(file=replay) for argument in arguments))
    assert done.returncode in {1, 2}, done.stdout
    assert f"puffer-envs[{extra}]" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr

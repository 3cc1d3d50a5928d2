"""The packages that `puffer-envs new` writes: their wheels bring the environment to machines without a compiler."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from email.parser import BytesParser
from pathlib import Path

import pytest

from puffer_envs import packaging, starting

from .conftest import compiler


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new game's folder, in one with a space in its name."""
    compiler()
    made = tmp_path_factory.mktemp("my games") / "night_watch"
    starting.create(made, "grid")
    return made


@pytest.fixture(scope="module")
def wheel(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(folder, tmp_path_factory.mktemp("wheel"))


def build(folder: Path, target: Path, kind: str = "wheel") -> Path:
    """Call the build backend as pip does, in a process of its own whose current folder is the package's."""
    program = f"import sys; from puffer_envs import packaging; print(packaging.build_{kind}(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", program, target], cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return target / done.stdout.strip()


def install(wheel: Path, site: Path) -> Path:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return site


def run(site: Path, *words: object, folder: Path) -> str:
    """A command, or `-c` and a program, where the package is installed and there is no compiler."""
    first, *rest = map(str, words)
    line = [sys.executable, first] if first == "-c" else [Path(sysconfig.get_path("scripts")) / first]
    alone = {"PYTHONPATH": str(site), "PATH": str(site), "CC": "nonesuch", "COLUMNS": "200"}
    done = subprocess.run([*line, *rest], capture_output=True, text=True, cwd=folder, env=os.environ | alone)
    assert done.returncode == 0 and not done.stderr.startswith("puffer"), done.stdout + done.stderr
    return done.stdout


def test_the_wheel_needs_no_compiler_and_every_command_knows_the_name(wheel: Path, tmp_path: Path) -> None:
    site = install(wheel, tmp_path / "site")
    assert "night_watch" in run(site, "puffer-envs", "list", folder=tmp_path)
    assert run(site, "puffer-envs", "info", "night_watch", folder=tmp_path).startswith("night_watch version 1")
    pytest.importorskip("torch")
    train = ("puffer-train", "night_watch", "--steps", 20_000, "--threads", 1, "--no-video", "--run-dir", "run")
    printed = run(site, *train, "--train.eval-episodes", 2, folder=tmp_path)
    assert "--library" not in printed, "what to do next takes the plain name"
    config = (tmp_path / "run/config.json").read_text("utf-8")
    assert '"minibatch": 1024' in config, "the settings of the package"
    run(site, "puffer-render", "run", "out.png", folder=tmp_path)
    drawn = "from puffer_render.draw import own_drawing; print(own_drawing('night_watch').keys['left'])"
    assert "'left'" in run(site, "-c", f"import puffer_envs; puffer_envs.spec('night_watch'); {drawn}", folder=tmp_path)


def test_a_wheel_is_the_same_again_and_complete(folder: Path, wheel: Path, tmp_path: Path) -> None:
    assert build(folder, tmp_path).read_bytes() == wheel.read_bytes()
    name, version, python, abi, platform = wheel.name.removesuffix(".whl").split("-")
    assert (name, version, python, abi) == ("night_watch", "0.1.0", "py3", "none")
    assert platform == sysconfig.get_platform().replace("-", "_").replace(".", "_")
    with zipfile.ZipFile(wheel) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    about = "night_watch-0.1.0.dist-info"
    ending = packaging.ENDINGS.get(sys.platform, ".so")
    held = {f"puffer_night_watch/{name}" for name in ("__init__.py", f"night_watch{ending}")}
    held |= {f"puffer_night_watch/night_watch{ending}" for ending in (".py", ".toml")}
    assert set(files) == held | {f"{about}/{name}" for name in ("METADATA", "WHEEL", "entry_points.txt", "RECORD")}
    metadata = BytesParser().parsebytes(files[f"{about}/METADATA"])
    assert (metadata["Name"], metadata["Version"], metadata["Requires-Dist"]) == (name, version, "puffer-envs>=0.1")
    assert metadata.get_payload().startswith("# night_watch\n")
    for line in files[f"{about}/RECORD"].decode().splitlines():
        path, digest, size = line.split(",")
        if digest:
            assert digest == f"sha256={packaging._digest(files[path])}" and int(size) == len(files[path])


OVERRIDE = """
import sys, puffer_envs
from puffer_envs import vector
from puffer_envs.spec import code_file
installed = code_file(puffer_envs.spec("night_watch").name)
assert "site" in installed and puffer_envs.spec("night_watch").version == 1
old = puffer_envs.make("night_watch", 2)
old.reset(1)
assert puffer_envs.load_library("./night_watch.h") == "night_watch"
assert puffer_envs.spec("night_watch").version == 2 and code_file("night_watch") != installed
old.step(old.actions)
if __name__ == "__main__":
    with vector.make("./night_watch.h", 2, backend="processes", workers=1) as env:
        env.reset(seed=1)
    print("taken")
"""


def test_a_file_takes_the_place_of_the_installed_package(folder: Path, wheel: Path, tmp_path: Path) -> None:
    site = install(wheel, tmp_path / "site")
    code = (folder / "night_watch.h").read_text("utf-8")
    (tmp_path / "night_watch.h").write_text(code.replace(".version = 1", ".version = 2"), "utf-8")
    (tmp_path / "use.py").write_text(OVERRIDE, "utf-8")
    env = os.environ | {"PYTHONPATH": str(site)}
    done = subprocess.run([sys.executable, "use.py"], capture_output=True, text=True, cwd=tmp_path, env=env)
    assert done.stdout == "taken\n" and not done.stderr, done.stderr


def test_an_editable_wheel_compiles_what_has_changed(folder: Path, tmp_path: Path) -> None:
    site = install(build(folder, tmp_path, "editable"), tmp_path / "site")
    env = os.environ | {"PYTHONPATH": str(site)}
    program = (
        "import puffer_envs; print(puffer_envs.spec('night_watch').rate, puffer_envs.settings_file('night_watch'))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, env=env)
    assert done.stdout == f"8.0 {folder / 'night_watch.toml'}\n", done.stderr


def test_the_source_distribution_makes_the_same_wheel(folder: Path, wheel: Path, tmp_path: Path) -> None:
    (folder / "runs").mkdir(exist_ok=True)
    (folder / "runs/large.bin").write_bytes(b"0")
    archive = build(folder, tmp_path, "sdist")
    assert archive.name == "night_watch-0.1.0.tar.gz"
    with tarfile.open(archive) as packed:
        names = packed.getnames()
        packed.extractall(tmp_path, filter="data")
    assert not [name for name in names if "runs" in name or "/." in name]
    assert build(tmp_path / "night_watch-0.1.0", tmp_path).read_bytes() == wheel.read_bytes()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[project]", "[project]\nscripts = {}", "project.scripts is not supported by puffer_envs.packaging: name, "),
        ('version = "0.1.0"', "", "project.version is missing: it must be text"),
        ('environments = ["night_watch.h"]', "", "[tool.puffer-envs] must have the C files of the environments, as in"),
        ('"night_watch.h"', '"none.h"', "tool.puffer-envs.environments: there is no file"),
    ],
)
def test_a_wrong_pyproject_is_one_sentence(folder: Path, tmp_path: Path, old: str, new: str, message: str) -> None:
    text = (folder / "pyproject.toml").read_text("utf-8")
    assert old in text
    (tmp_path / "pyproject.toml").write_text(text.replace(old, new), "utf-8")
    for name in ("night_watch.h", "README.md"):
        (tmp_path / name).write_text((folder / name).read_text("utf-8"), "utf-8")
    with pytest.raises(RuntimeError) as error:
        build(tmp_path, tmp_path)
    assert message in str(error.value) and "Traceback" not in str(error.value)


def test_where_there_is_no_compiler_a_build_asks_for_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CC", "cc")
    assert packaging.get_requires_for_build_wheel() == []
    monkeypatch.setenv("CC", "")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert packaging.get_requires_for_build_wheel() == ["ziglang>=0.13"]


def test_the_templates_ask_for_a_version_that_exists() -> None:
    from packaging.requirements import Requirement  # noqa: PLC0415

    text = (Path(starting.__file__).with_name("templates") / "shared/pyproject.toml").read_text("utf-8")
    (wanted,) = {line for line in text.split('"') if line.startswith("puffer-envs>=")}
    assert importlib.metadata.version("puffer-envs") in Requirement(wanted).specifier


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_pip_installs_it_and_its_own_tests_pass(folder: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv/bin/python"
    scheme = {"base": str(tmp_path / "venv"), "platbase": str(tmp_path / "venv")}
    site = Path(sysconfig.get_path("purelib", "venv", scheme))
    outer = sysconfig.get_path("purelib")
    (site / "outer.pth").write_text(f"import site; site.addsitedir({outer!r})\n", "utf-8")
    commands = [
        [python, "-m", "pip", "install", "--no-build-isolation", folder],
        [python, "-c", "import sys; from puffer_envs.cli import main; sys.exit(main(['check', 'night_watch']))"],
        [python, "-m", "pytest", "-q", folder],
    ]
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr

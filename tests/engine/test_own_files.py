"""A C file is a name: compiled on first use, kept, and used by every command and by `make`."""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import puffer_envs
from puffer_envs import compiling

from .conftest import TESTS, compiler

PROBE = TESTS / "c/probe.h"
BROKEN = "int broken( { return 1; }\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a space in its name, with `probe.h`; the cache is empty."""
    compiler()
    made = tmp_path / "my games"
    made.mkdir()
    shutil.copy(PROBE, made)
    monkeypatch.chdir(made)
    monkeypatch.setenv(compiling.CACHE, str(tmp_path / "cache"))
    return made


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command, or `-c` and a program, in a process of its own."""
    line = [sys.executable, *words] if words[0].startswith("-") else [str(Path(sys.executable).with_name(words[0]))]
    line += [] if words[0].startswith("-") else words[1:]
    done = subprocess.run(line, capture_output=True, text=True, env=os.environ | environment, timeout=120)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def cached(folder: Path) -> list[Path]:
    return sorted((folder.parent / "cache").glob("*"))


LOAD = "import puffer_envs, sys; print(puffer_envs.load_library(sys.argv[1]), end='')"


def test_a_file_is_compiled_when_it_has_changed(folder: Path) -> None:
    assert run("-c", LOAD, "probe.h").stdout == "probe"
    (first,) = cached(folder)
    before = first.stat().st_mtime_ns
    assert run("-c", LOAD, "./probe.h").stdout == "probe"
    assert cached(folder) == [first] and first.stat().st_mtime_ns == before
    code = PROBE.read_text("utf-8")
    (folder / "shapes.h").write_text('#define PROBE_SHAPES "round square flat"\n', "utf-8")
    (folder / "probe.h").write_text(f'#include "shapes.h"\n{code}', "utf-8")
    run("-c", LOAD, "probe.h")
    assert cached(folder) == [first], "what the compiler gets is the same"
    (folder / "shapes.h").write_text('#define PROBE_SHAPES "round square long"\n', "utf-8")
    run("-c", LOAD, "probe.h")
    assert len(cached(folder)) == 2, "a file that it includes has changed"
    run("-c", LOAD, "probe.h", CC=f"{compiler()} -O1")
    assert len(cached(folder)) == 3, "another compiler may give another library"


def test_two_processes_may_compile_the_same_file_at_once(folder: Path) -> None:
    line = [sys.executable, "-c", LOAD, "probe.h"]
    both = [subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=60) for process in both] == [("probe", ""), ("probe", "")]
    assert len(cached(folder)) == 1


USE = """
import gymnasium, puffer_envs
from puffer_envs import vector
name = puffer_envs.load_library("probe.h")
assert name == puffer_envs.load_library("../my games") == "probe"
with puffer_envs.make("./probe.h", 3) as env, puffer_envs.make(name, 3) as same:
    assert (env.reset(1) == same.reset(1)).all() and env.spec == puffer_envs.spec("./probe.h")
probe = f"puffer/Probe-v{puffer_envs.spec(name).version}"
assert gymnasium.make_vec(probe, num_envs=2).num_envs == 2
if __name__ == "__main__":
    with vector.make("./probe.h", 4, backend="processes", workers=2) as env:
        print(env.reset(seed=1).shape[0] // env.num_envs)
"""


def test_python_takes_a_file_for_a_name(folder: Path) -> None:
    (folder / "use.py").write_text(USE, "utf-8")
    done = run("-W", "error", "use.py")
    assert done.returncode == 0 and int(done.stdout) >= 1, done.stderr


def test_commands_take_a_file_for_a_name(folder: Path) -> None:
    info = run("puffer-envs", "info", "./probe.h")
    assert info.stdout.startswith("probe version"), info.stderr
    assert "keeps the contract" in run("puffer-envs", "check", "./probe.h", "--steps", "60").stdout
    missing = run("puffer-envs", "info", "probe")
    assert (missing.returncode, missing.stderr) == (
        2,
        "puffer-envs: there is no environment 'probe'. Did you mean './probe.h'?\n",
    )
    (folder / "game").mkdir()
    (folder / "probe.h").rename(folder / "game/probe.h")
    assert run("puffer-envs", "info", "game").stderr.endswith(" Did you mean './game'?\n")


def test_a_python_file_is_no_name(folder: Path) -> None:
    (folder / "corridor.py").write_text("", "utf-8")
    for name in ("corridor", "corridor.py", "./corridor.py"):
        message = run("puffer-envs", "info", name).stderr
        assert message.startswith(f"puffer-envs: there is no environment {name!r}. In corridor.py, name a class or")
        assert message.endswith(": corridor:NAME.\n")


def test_a_name_too_long_for_a_path() -> None:
    for name in ("a" * 300, f"./{'a' * 300}/b"):
        with pytest.raises(ValueError, match=r"^there is no environment '"):
            puffer_envs.make(name)


def test_it_is_trained_with_the_settings_and_drawn_by_the_file_beside_it(folder: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("av")
    (folder / "probe.toml").write_text("[train]\nnum_envs = 8\nhorizon = 8\nminibatch = 32\nsteps = 64\n", "utf-8")
    drawing = "SIZE = (128, 64)\ndef draw(state, frame):\n    frame.clear((255, 0, 0, 255))\n"
    (folder / "probe.py").write_text(drawing, "utf-8")
    options = ["--train.eval-episodes", "2", "--threads", "1", "--no-video", "--run-dir", "run"]
    trained = run("puffer-train", "./probe.h", *options)
    assert trained.returncode == 0, trained.stderr
    assert "--library" in trained.stdout and "probe.h'" in trained.stdout, "what to type next"
    alone = run("puffer-eval", "run")
    assert (alone.returncode, "Did you mean './probe.h'" in alone.stderr) == (2, True)
    assert run("puffer-eval", "./probe.h", "--policy", "run", "--episodes", "2").returncode == 0
    words = ["--trials", "1", "--workers", "1", "--search", "train.steps: log 32 to 64", "--run-dir", "sweep"]
    swept = run("puffer-sweep", "./probe.h", *words)
    assert swept.returncode == 0, swept.stderr
    (resume,) = [line for line in swept.stdout.splitlines() if "continue with: " in line]
    assert run(*shlex.split(resume.partition("with: ")[2])).returncode == 0
    assert "was trained with --library" in run("puffer-sweep", "--show", "sweep").stderr
    film = run("puffer-render", "run", "out.png", "--library", "./probe.h")
    assert "128 x 64" in film.stderr


@pytest.mark.parametrize(
    ("name", "environment", "message"),
    [
        ("./none.h", {}, "./none.h: No such file or directory"),
        ("./broken.h", {}, "broken.h:1:13: error: "),
        ("./empty.h", {}, "./empty.h exports no environment. It has no PUF_DEFINE_ENV"),
        ("./probe.h", {"CC": "nonesuch"}, "./probe.h: the compiler nonesuch cannot be started: No such file"),
        ("./probe.h", {"PATH": "/nowhere"}, 'there is no C compiler: pip install "puffer-envs[author]" brings one'),
    ],
)
def test_what_cannot_be_compiled(folder: Path, name: str, environment: dict[str, str], message: str) -> None:
    (folder / "broken.h").write_text(BROKEN, "utf-8")
    (folder / "empty.h").write_text("int nothing;\n", "utf-8")
    if "no C compiler" in message and importlib.util.find_spec("ziglang"):
        pytest.skip("the wheel ziglang is installed here, which is a compiler")
    done = run("puffer-envs", "info", name, **{"CC": "", **environment})
    assert done.returncode == 2 and message in done.stderr


def test_without_a_cache_it_is_compiled_each_time(folder: Path) -> None:
    (folder / "taken").write_text("", "utf-8")
    assert run("-c", LOAD, "probe.h", **{compiling.CACHE: str(folder / "taken/cache")}).stdout == "probe"
    assert cached(folder) == []

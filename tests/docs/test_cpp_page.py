"""The environment on the page about C++: checked, trained, measured, and played, as the page says."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from puffer_envs import compiling

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "cpp-environments.md").read_text("utf-8")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files of the page, in a folder with a space in its name."""
    if not shutil.which("c++"):
        pytest.skip("no c++ on PATH: this test compiles C++")
    made = tmp_path / "my games"
    made.mkdir()
    for name, text in re.findall(r'^```\w+ title="([^"]+)"\n(.*?)^```$', PAGE, re.MULTILINE | re.DOTALL):
        (made / name).write_text(text, "utf-8")
    monkeypatch.setenv(compiling.CACHE, str(tmp_path / "cache"))
    return made


def run(folder: Path, command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    program, *words = shlex.split(command)
    line = [str(Path(sys.executable).with_name(program)), *words]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, env=os.environ | environment, timeout=240)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_the_commands_of_the_page_work(folder: Path) -> None:
    pytest.importorskip("torch")
    (commands,) = re.findall(r"^```text\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    short = {
        "puffer-envs check ./hop.cpp --sanitize": " --steps 60",
        "puffer-train ./hop.cpp": " --steps 20_000 --no-video --threads 1 --run-dir run --train.eval-episodes 5",
        "puffer-envs bench ./hop.cpp": " --num-envs 64 --seconds 0.01",
    }
    for command in commands.splitlines():
        if command in short:
            done = run(folder, command + short.pop(command))
            assert done.returncode == 0, done.stdout + done.stderr
    assert not short, "the page has these commands no longer"
    assert '"learning_rate": 0.03' in (folder / "run/config.json").read_text("utf-8"), "hop.toml was read"


@pytest.mark.parametrize(
    ("before", "after", "environment", "message"),
    [
        (
            "    PufLog log;\n\n    void reset",
            "    std::vector<int> list;\n    PufLog log;\n\n    void reset",
            {},
            "bytes",
        ),
        (
            '    .version = 1,\n    .doc = "Jump over stones that roll towards you.",',
            '    .doc = "x", .version = 1,',
            {},
            "order",
        ),
        ("    tick += 1;", "    if (tick < 0) throw 1;", {}, "exception"),
        ("", "", {"CXX": "nonesuch"}, "the compiler nonesuch cannot be started"),
        ("", "", {"PATH": "/nowhere"}, "there is no C++ compiler: pip install"),
    ],
)
def test_what_cannot_be_compiled(
    folder: Path, before: str, after: str, environment: dict[str, str], message: str
) -> None:
    if "PATH" in environment and importlib.util.find_spec("ziglang"):
        pytest.skip("ziglang is installed: it compiles C++")
    file = folder / "hop.cpp"
    text = file.read_text("utf-8")
    assert before in text
    file.write_text(
        text.replace(before, after).replace("#include <array>", "#include <array>\n#include <vector>"), "utf-8"
    )
    done = run(folder, "puffer-envs info ./hop.cpp", **environment)
    assert done.returncode == 2 and message in done.stderr


def test_clang_takes_it_as_well(folder: Path) -> None:
    if not shutil.which("clang++"):
        pytest.skip("no clang++ on PATH")
    assert "hop version 1" in run(folder, "puffer-envs info ./hop.cpp", CXX="clang++").stdout


def test_an_overflow_in_a_method_has_its_line(folder: Path) -> None:
    file = folder / "hop.cpp"
    text = file.read_text("utf-8").replace("road.back() = stone;", "road.data()[tick == 20 ? 999 : 7] = stone;")
    file.write_text(text, "utf-8")
    line = text[: text.index("road.data()")].count("\n") + 1
    done = run(folder, "puffer-envs check ./hop.cpp --sanitize")
    assert done.returncode == 1
    assert f"        at hop.cpp:{line} in " in done.stdout, done.stdout
    assert re.search(r"^ {8}puffer-envs debug ./hop.cpp --seed 1 --step \d+$", done.stdout, re.MULTILINE)

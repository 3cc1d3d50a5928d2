"""`puffer-envs profile`: which functions take the time, and what it says where it cannot know."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from puffer_envs import compiling, profiling

from .conftest import TESTS, compiler

FAULTY = (TESTS / "c/faulty.h").read_text("utf-8")
BUSY = """static void faulty_busy(Faulty* s)
{
    for (int i = 0; i < 500; i++) { s->start = (int32_t)(puf_rand(&s->rng) % FAULTY_CELLS); } // busy
}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a space in its name, with an environment that is busy in one line."""
    if not sys.platform.startswith("linux"):
        pytest.skip("profile needs Linux")
    compiler("addr2line")
    compiler()
    made = tmp_path / "my games"
    made.mkdir()
    text = FAULTY.replace("static void faulty_step", f"{BUSY}\nstatic void faulty_step")
    (made / "faulty.h").write_text(text.replace("    FAULTY_STEP\n", "    faulty_busy(s);\n"), "utf-8")
    monkeypatch.setenv(compiling.CACHE, str(tmp_path / "cache"))
    return made


def run(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    line = [str(Path(sys.executable).with_name("puffer-envs")), "profile", *words]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, env=os.environ | environment, timeout=120)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_the_busy_function_comes_first(folder: Path) -> None:
    done = run(folder, "./faulty.h", "--num-envs", "8", "--seconds", "0.5")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^faulty +[\d.]+ ns of processor time per agent step$", done.stdout, re.MULTILINE)
    assert re.search(r"^squared +[\d.]+ ns", done.stdout, re.MULTILINE) and "cache misses" in done.stdout
    rows = re.findall(r"^ (\w+) +([\d.]+) +(\d+)%(.*)$", done.stdout, re.MULTILINE)
    line = (folder / "faulty.h").read_text("utf-8").split("// busy")[0].count("\n") + 1
    shares = {function: int(share) for function, _, share, _ in rows}
    assert shares["faulty_busy"] + shares["puf_rand"] > 80
    assert any(function == "faulty_busy" and f"faulty.h:{line}" in place for function, _, _, place in rows)


@pytest.mark.parametrize(
    ("words", "environment", "message"),
    [
        (["squared"], {}, "squared: profile needs the source. Give a C or C++ file, such as ./my_game.h."),
        (["./none.h"], {}, "./none.h: No such file or directory"),
        (["./faulty.h"], {"PATH": "tools"}, "profile needs addr2line, which finds lines. Install binutils"),
        (["./faulty.h", "--seconds", "0"], {}, "argument --seconds: 0 must be above 0"),
    ],
)
def test_mistakes(folder: Path, words: list[str], environment: dict[str, str], message: str) -> None:
    if environment:
        tools = folder / "tools"
        tools.mkdir()
        for tool in ("cc", "as", "ld"):
            (tools / tool).symlink_to(Path(compiler(tool)).resolve())
        environment = {"PATH": str(tools)}
    done = run(folder, *words, **environment)
    assert done.returncode == 2 and message in done.stderr and done.stderr.count("\n") == 1, done.stderr


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("??", "C library"),
        ("catch_step", "catch_step"),
        ("(anonymous namespace)::Hop::move(bool)", "Hop::move"),
        ("int const& std::max<int>(int const&, int const&)", "std::max"),
        ("auto f<std::vector<int, a<int> > >::g<int>(int)", "f::g"),
        ("operator<", "operator<"),
    ],
)
def test_names_without_what_cpp_adds(symbol: str, name: str) -> None:
    assert profiling._short(symbol) == name

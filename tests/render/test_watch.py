"""puffer-play --watch: the file is saved, and the window plays what it says now."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from programs import complaint, environment, run_module
from virtual_display import VirtualDisplay, wait_for

import puffer_envs
from puffer_envs import compiling
from puffer_render import watch
from puffer_render.draw import Drawing, drawing_for
from puffer_render.errors import RenderError
from puffer_render.frame import Frame
from puffer_render.palette import CORAL, MINT
from puffer_render.watch import Watcher

CODE = (Path(__file__).parents[1] / "c/faulty.h").read_text("utf-8")
STEP = "    s->tick += 1;\n"
DRAWING = "SIZE = (480, 240)\ndef draw(state, frame):\n    frame.clear({color})\n"
RED, BLUE = (255, 0, 0, 255), (0, 0, 255, 255)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a space in its name."""
    if not shutil.which("cc"):
        pytest.skip("no cc on PATH: this test compiles C")
    made = tmp_path / "my games"
    made.mkdir()
    monkeypatch.setenv(compiling.CACHE, str(tmp_path / "cache"))
    monkeypatch.setattr(watch, "POLL_SECONDS", 0.0)
    compiling.cache_folder.cache_clear()
    return made


class Recorder(Frame):
    color: tuple[int, ...] = ()

    def __init__(self) -> None:
        super().__init__(480, 240)

    def clear(self, color: Any) -> None:
        self.color = color


class Session:
    """What puffer-play does with a watcher, without a window. Each has an environment of its own name."""

    count = 0

    def __init__(self, folder: Path) -> None:
        Session.count += 1
        self.name = f"watched_{Session.count}"
        self.file = folder / f"{self.name}.h"
        self.save()
        assert puffer_envs.load_library(self.file) == self.name
        self.watcher = Watcher(self.name, lambda: (puffer_envs.make(self.name), 1))
        self.env: Any = puffer_envs.make(self.name)
        self.env.reset(1)
        self.drawing = drawing_for(self.name, self.env)
        self.news = 0

    def save(self, *changes: tuple[str, str]) -> None:
        text = CODE
        for before, after in changes:
            assert before in text
            text = text.replace(before, after)
        self.file.write_text(text.replace("faulty", self.name).replace("Faulty", "Watched"), "utf-8")

    def look(self) -> bool:
        """Whether there was something new."""
        newer: tuple[Any, int, Drawing] | None = self.watcher.poll(self.env, self.drawing)
        if newer is not None:
            self.env, _, self.drawing = newer
            self.news += 1
        return newer is not None

    def wait(self) -> str:
        """Look until the file that was saved was compiled; the note about it."""
        self.watcher.note = ""
        wait_for("a note", lambda: self.look() or self.watcher.note not in ("", "compiling ..."))
        return self.watcher.note


def test_new_code_continues_with_the_same_state(folder: Path) -> None:
    session = Session(folder)
    for _ in range(3):
        session.env.step(np.zeros(1, np.int32))
    assert not session.look(), "nothing was saved"
    old = session.env
    session.save((STEP, "    s->tick += 2;\n"))
    assert session.wait() == "new code, same state"
    assert session.env.state().tick == 3
    for env, tick in ((session.env, 5), (old, 4)):
        env.step(np.zeros(1, np.int32))
        assert env.state().tick == tick, "a batch keeps the code that it was made with"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("int32_t tick, start;", "int32_t more, tick, start;"), "the state has other fields"),
        (("int32_t tick, start;", "int32_t tick, start, more[9];"), "the state has another size"),
        ((".obs_dtype = PUF_U8,\n", ".obs_dtype = PUF_U8, .setup_size = sizeof(Faulty),\n"), ""),
        (
            ('{ { "act", 2, 0, 0, "no yes" } }', '{ { "act", 3, 0, 0, "no yes so" } }'),
            "there are other agents or actions",
        ),
    ],
)
def test_state_is_kept_only_where_it_fits(folder: Path, change: tuple[str, str], why: str) -> None:
    session = Session(folder)
    session.env.step(np.zeros(1, np.int32))
    session.save(change)
    note = session.wait()
    assert note.startswith(f"new code, new game: {why}" if why else "new code, same state")
    assert session.env.state().tick == (0 if why else 1)


def test_old_code_plays_until_an_error_is_corrected(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    session = Session(folder)
    line = CODE[: CODE.index(STEP)].count("\n") + 1
    session.save((STEP, "    s->tick += ;\n"))
    note = session.wait()
    assert note.startswith(f"line {line}: expected expression") and session.watcher.failed and not session.news
    assert f"{session.name}.h:{line}:" in capfd.readouterr().err, "the terminal has all of it"
    session.env.step(np.zeros(1, np.int32))
    session.save((STEP, STEP), ("s->tick == FAULTY_LENGTH", "s->tick >= FAULTY_LENGTH"))
    assert session.wait() == "new code, same state" and not session.watcher.failed


def test_another_name_is_refused(folder: Path) -> None:
    session = Session(folder)
    session.save(("faulty", "renamed"))
    assert "it is called 'renamed' now" in session.wait() and session.watcher.failed
    assert session.name in puffer_envs.list_envs() and "renamed" not in puffer_envs.list_envs()
    puffer_envs.make(session.name).reset()


def test_a_drawing_is_replaced_and_its_errors_shown(folder: Path) -> None:
    session = Session(folder)
    file = session.file.with_suffix(".py")
    file.write_text(DRAWING.format(color=RED), "utf-8")
    assert session.wait() == "new drawing" and session.drawing.size == (480, 240)
    for text, error in (("def draw(", "SyntaxError"), (DRAWING.format(color="state.nothing"), r":3: AttributeError")):
        file.write_text(text, "utf-8")
        assert error in session.wait() and session.watcher.failed and session.news == 1
    file.write_text(DRAWING.format(color="BLUE if state.tick else (0, 0, 0, 255)"), "utf-8")
    assert session.wait() == "new drawing"
    session.env.step(np.zeros(1, np.int32))
    session.drawing.draw(session.env.state(), Frame(480, 240))
    assert session.watcher.note == f"{file.name}:3: NameError: name 'BLUE' is not defined", "and the window stays"


def test_a_drawing_of_the_same_size_saved_in_the_same_second(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python would take the bytecode of the one before."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    session = Session(folder)
    file = session.file.with_suffix(".py")
    for tick, color in enumerate((RED, BLUE)):
        file.write_text(DRAWING.format(color=color), "utf-8")
        os.utime(file, ns=(0, 10**18 + tick))
        assert session.wait() == "new drawing"
        frame = Recorder()
        session.drawing.draw(session.env.state(), frame)
        assert frame.color == color
    assert not list(folder.rglob("*.pyc")), "nothing is left beside the person's files"


def test_it_needs_a_file(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match=r"squared: --watch needs the source\. Give a C or C\+\+ file"):
        Watcher("squared", lambda: (None, 1))
    assert "--watch needs the source" in complaint(run_module("cli_play", "squared", "--watch"))


@pytest.mark.alone
def test_the_window_stays_and_shows_what_is_saved(folder: Path, display: VirtualDisplay, tmp_path: Path) -> None:
    file = folder / "faulty.h"
    file.write_text(CODE, "utf-8")
    drawing = file.with_suffix(".py")
    drawing.write_text(DRAWING.format(color=RED), "utf-8")
    words = [sys.executable, "-m", "puffer_render.cli_play", "./faulty.h", "--watch"]
    variables = environment(DISPLAY=display.environment["DISPLAY"], PUFFER_CACHE=str(tmp_path / "cache"))
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(words, cwd=folder, env=variables, **output)
    try:
        window = display.wait_for_window("puffer-play", process)

        def shows(color: tuple[int, ...], rows: slice = slice(0, 200)) -> bool:
            return bool((np.abs(display.pixels()[rows, :480].astype(int) - color[:3]).max(-1) < 40).any())

        wait_for("the footer", lambda: shows(MINT, slice(240, 280)))
        display.xdotool("key", "2")  # starts the game: until then, a panel covers the picture
        wait_for("the red picture", lambda: shows(RED))
        drawing.write_text(DRAWING.format(color=BLUE), "utf-8")
        wait_for("the blue picture", lambda: shows(BLUE) and not shows(RED))
        file.write_text(CODE.replace(STEP, "    s->tick += ;\n"), "utf-8")
        wait_for("the error", lambda: shows(CORAL, slice(212, 240)))
        file.write_text(CODE.replace(STEP, "    s->tick += 2;\n"), "utf-8")
        wait_for("no error", lambda: not shows(CORAL, slice(212, 240)))
        assert display.xdotool("search", "--onlyvisible", "--name", "puffer-play") == window
        display.xdotool("key", "Escape")
        assert process.wait(30) == 0
    finally:
        process.kill()
        out, _ = process.communicate()
    assert out.splitlines() == ["faulty: new drawing", "faulty: new code, same state"]


@pytest.mark.alone
def test_an_environment_in_cpp_is_played(folder: Path, display: VirtualDisplay, tmp_path: Path) -> None:
    if not shutil.which("c++"):
        pytest.skip("no c++ on PATH: this test compiles C++")
    page = (Path(__file__).parents[2] / "docs/cpp-environments.md").read_text("utf-8")
    code = re.search(r'^```cpp title="hop.cpp"\n(.*?)^```$', page, re.MULTILINE | re.DOTALL)
    assert code
    (folder / "hop.cpp").write_text(code[1], "utf-8")
    variables = environment(DISPLAY=display.environment["DISPLAY"], PUFFER_CACHE=str(tmp_path / "cache"))
    words = [sys.executable, "-m", "puffer_render.cli_play", "./hop.cpp"]
    process = subprocess.Popen(words, cwd=folder, env=variables, stderr=subprocess.PIPE, text=True)
    try:
        display.wait_for_window("hop", process)
        wait_for("a picture", lambda: display.pixels().max() > 200)
        display.xdotool("key", "Escape")
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.communicate()

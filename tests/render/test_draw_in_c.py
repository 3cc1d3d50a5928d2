"""Drawings in C: nothing for sanitizers to find, and the parts that C and Python share are the same in both."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import puffer_envs
from puffer_render import _raster, palette
from puffer_render.draw import drawing_for, pong
from puffer_render.font import CHARACTERS, load_font
from puffer_render.frame import TEXT, Frame
from puffer_render.states import keep

ROOT = Path(__file__).resolve().parents[2]
DRAWINGS = ROOT / "c/draw/drawings.def"
FLAGS = ["-std=c17", "-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-ffp-contract=off"]


def drawn() -> list[str]:
    """The environments with a drawing in C."""
    return re.findall(r"^PUF_DRAWN\((\w+)\)", DRAWINGS.read_text("utf-8"), re.MULTILINE) if DRAWINGS.exists() else []


@pytest.mark.slow
@pytest.mark.parametrize("name", drawn())
def test_sanitizers_find_nothing(name: str, tmp_path: Path) -> None:
    cc = shutil.which("gcc")
    if cc is None:
        pytest.skip("no gcc on PATH: this test compiles C")
    source = tmp_path / "env.c"
    source.write_text(
        f'#include "draw/envs/{name}.h"\n#include <string.h>\n'
        f"const PufDrawing* puf_drawing(const char* name) {{ return name[0] ? &{name}_drawing : NULL; }}\n"
    )
    parts = [
        "c/batch.c",
        "c/pool.c",
        "c/draw/raster.c",
        "c/draw/picture.c",
        "c/draw/space.c",
        "tests/c/draw_run.c",
    ]
    sources = [str(source), *(str(ROOT / part) for part in parts)]
    program = tmp_path / "draw_run"
    flags = [*FLAGS, "-DPUF_EXPORT", "-Wall", "-Wextra", "-Werror", f"-I{ROOT / 'c'}", f"-I{ROOT / 'tests/c'}"]
    subprocess.run([cc, *flags, *sources, "-o", str(program), "-lm", "-pthread"], check=True)
    quiet = os.environ | {"ASAN_OPTIONS": "detect_leaks=0"}  # its batch lives as long as the program
    done = subprocess.run([program, "600", "3"], capture_output=True, text=True, check=False, env=quiet)
    assert done.returncode == 0 and int(done.stdout) > 100, done.stderr[-3000:]


def test_colours_are_those_of_the_palette() -> None:
    header = (ROOT / "c/draw/picture.h").read_text("utf-8")
    found = re.findall(r"^#define PUF_([A-Z]+) PUF_RGB\((\d+), (\d+), (\d+)\)", header, re.MULTILINE)
    assert len(found) == 13
    for name, *parts in found:
        assert getattr(palette, name) == (*map(int, parts), 255), name


def test_text_is_that_of_the_font() -> None:
    """The degree sign and the dot in between take two bytes each."""
    with puffer_envs.make("cartpole") as env:
        env.reset(1)
        frame = Frame(*drawing_for("cartpole", None).size)
        drawing_for("cartpole", None).draw(env.state(0), frame)
        angle = np.degrees(float(env.state(0).theta))
    texts = ["".join(CHARACTERS[int(n)] for n in a[5:]) for verb, a in frame.entries() if verb == TEXT]
    assert texts == ["cartpole", "0", "step", f"{angle:+.1f}°", "angle"]


def test_a_kept_state_is_drawn_as_it_was() -> None:
    drawing = drawing_for("breakout", None)
    with puffer_envs.make("breakout", seed=4) as env:
        env.reset()
        before, kept = Frame(*drawing.size), keep(env.state(0))
        drawing.draw(env.state(0), before)
        for _ in range(50):
            env.step(np.zeros(1, np.int32))
        now, then = Frame(*drawing.size), Frame(*drawing.size)
        drawing.draw(env.state(0), now)
        drawing.draw(kept, then)
    assert then.numbers == before.numbers != now.numbers


def test_a_state_between_two_has_its_named_fields() -> None:
    with puffer_envs.make("pong", seed=1) as env:
        env.reset()
        before = keep(env.state(0))
        env.step(np.ones(1, np.int32))
        shown = pong.between(before, env.state(0), 1, 4)
    assert set(shown) == {field.name for field in puffer_envs.spec("pong").fields}
    assert int(shown.ball_x) == int(before.ball_x) + int(before.ball_vx)


def test_a_long_list_is_drawn_whole() -> None:
    """The first try has room for 8,192 numbers."""
    drawing = drawing_for("boids", None)
    with puffer_envs.make("boids", boids=800) as env:
        env.reset(1)
        frame = Frame(*drawing.size)
        drawing.draw(env.state(0), frame)
    assert len(frame.numbers) > 8192
    assert sum(1 for _ in frame.entries()) > 1600


def test_what_is_not_drawn_in_c_is_named() -> None:
    with pytest.raises(KeyError, match="nothing"):
        _raster.drawing_size("nothing")
    empty = np.zeros(0, np.uint8)
    with pytest.raises(ValueError, match="squared"):
        _raster.state_between("squared", empty, empty, 1, 2)
    assert load_font().advances.dtype == np.float32

"""Drawings in C: a module draws the same lists and the same pixels as the Python package."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import puffer_envs
from puffer_envs.golden import ENVS, SEED, golden_actions
from puffer_render.draw import drawing_for
from puffer_render.frame import Frame
from puffer_render.offscreen import Offscreen

from .conftest import HERE, run_node

pytestmark = pytest.mark.slow
DRAWN = re.findall(r"^PUF_DRAWN\((\w+)\)", (HERE.parents[1] / "c/draw/drawings.def").read_text("utf-8"), re.MULTILINE)
STEPS = 300


@pytest.mark.parametrize("name", DRAWN)
def test_a_module_draws_what_the_package_draws(name: str, web: ModuleType, engine: Path, tmp_path: Path) -> None:
    env, actions, font = tmp_path / "env.wasm", tmp_path / "actions", tmp_path / "font"
    web.build_env(name, env)
    played = golden_actions(name)[:STEPS]
    played.tofile(actions)
    font.write_bytes(web.pages.font_bytes())
    numbers = map(str, (ENVS, len(played), SEED))
    assert run_node(HERE / "module.mjs", "pictures", engine, env, actions, *numbers, font).split() == native(name)


def native(name: str) -> list[str]:
    """Hashes of every tenth list and picture of the first environment."""
    lists, pixels = hashlib.sha256(), hashlib.sha256()
    drawing = drawing_for(name, None)
    offscreen = Offscreen(*drawing.size)

    def draw(frame: Frame) -> None:
        drawing.draw(env.state(0), frame)
        lists.update(frame.numbers.tobytes())

    with puffer_envs.make(name, ENVS) as env:
        env.reset(SEED)
        for step in range(len(golden_actions(name)[:STEPS]) + 1):
            if step:
                env.step(golden_actions(name)[step - 1])
            if step % 10 == 0:
                picture = offscreen.render(draw)
                opaque = np.full((*picture.shape[:2], 1), 255, np.uint8)
                pixels.update(np.concatenate([picture, opaque], -1).tobytes())
    return [lists.hexdigest(), pixels.hexdigest()]

"""Pictures without a screen: every way gives the same ones, and no way gives one clear line."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from programs import complaint, environment, run_module, run_python
from virtual_display import VirtualDisplay

DRAW = """
import sys, numpy as np
from puffer_render.offscreen import Offscreen
from puffer_render.palette import AMBER, CORAL, MINT, SKY, SNOW, TEAL, VIOLET, fade
from puffer_render.scene import Camera, turn_to
def draw(frame):
    frame.clear()
    frame.hud("test", ("score", 12))
    frame.rect(10.3, 50, 60, 30, CORAL, 7)
    frame.rect(20, 60, 80, 40, fade(SKY, 0.5))
    frame.circle(160, 120.5, 33, SNOW)
    frame.glow(240, 80, 30, TEAL)
    frame.ring(240, 160, 20, 28, VIOLET, 0, 200)
    frame.path([(20, 150), (60, 190), (100, 140)], 9, MINT)
    frame.polygon([(270, 190), (310, 190), (290, 210)], AMBER)
    with frame.scene(Camera((0, 0, 0.5), 6), 200, 50, 100, 60) as scene:
        scene.floor(-2, 2, 1, SKY)
        scene.sphere((0, 0, 0.5), 0.8, CORAL)
        scene.torus((1, 1, 1), 0.8, 0.3, AMBER, turn_to((1, 0, 0)))
    frame.border(280, 50, 30, 60, 3, SKY, 6)
with Offscreen(320, 220, float(sys.argv[2]), sys.argv[1]) as offscreen:
    pictures = [offscreen.render(draw) for _ in range(3)]
assert (pictures[0] == pictures[2]).all()
np.save(sys.argv[3], pictures[0])
"""
needs_osmesa = pytest.mark.skipif(sys.platform != "linux", reason="OSMesa is looked for on Linux only")


def draw(way: str, folder: Path, env: dict[str, str], scale: float = 1) -> np.ndarray:
    done = run_python("-c", DRAW, way, str(scale), str(folder / f"{way}.npy"), env=env)
    assert done.returncode == 0, done.stderr
    return np.load(folder / f"{way}.npy")


@needs_osmesa
def test_osmesa_and_a_display_give_equal_pixels(display: VirtualDisplay, tmp_path: Path) -> None:
    without = draw("osmesa", tmp_path, environment())
    within = draw("display", tmp_path, environment(DISPLAY=display.environment["DISPLAY"]))
    assert without.shape == (220, 320, 3) and without.dtype == np.uint8
    assert (without == within).all()


@needs_osmesa
def test_what_was_drawn_is_there_and_smooth(tmp_path: Path) -> None:
    pixels = draw("osmesa", tmp_path, environment())
    assert tuple(pixels[120, 160]) == (236, 239, 248)  # SNOW, in the disc's middle
    assert tuple(pixels[65, 12]) == (255, 107, 107)  # CORAL, inside the rectangle
    assert tuple(pixels[200, 200]) == (15, 17, 28)  # NIGHT
    corner = pixels[87:105, 127:145].astype(int).sum(2)  # where the disc's edge is slanted
    assert np.unique(corner).size > 3, "the disc's edge has no intermediate colours"


@needs_osmesa
def test_scale_is_the_number_of_pixels_per_unit(tmp_path: Path) -> None:
    pixels = draw("osmesa", tmp_path, environment(), scale=2.5)
    assert pixels.shape == (550, 800, 3)
    assert tuple(pixels[300, 400]) == (236, 239, 248)


def hidden_osmesa(folder: Path) -> dict[str, str]:
    """Surroundings in which OSMesa cannot be loaded: the loader finds broken libraries first."""
    for name in ("libOSMesa.so.8", "libOSMesa.so.6", "libOSMesa.so"):
        (folder / name).touch()
    return environment(LD_LIBRARY_PATH=str(folder))


@needs_osmesa
def test_no_way_is_one_line_that_names_three(replay: Path, tmp_path: Path) -> None:
    done = run_module("cli_render", replay, tmp_path / "out.png", env=hidden_osmesa(tmp_path))
    line = complaint(done)
    assert all(way in line for way in ("libosmesa6", "xvfb-run", "raylib_software"))
    assert not (tmp_path / "out.png").exists()


@needs_osmesa
def test_without_osmesa_a_display_serves(display: VirtualDisplay, replay: Path, tmp_path: Path) -> None:
    env = hidden_osmesa(tmp_path) | {"DISPLAY": display.environment["DISPLAY"]}
    done = run_module("cli_render", replay, tmp_path / "out.png", env=env)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.png").stat().st_size > 1000


@needs_osmesa
def test_a_dead_display_is_no_way(replay: Path, tmp_path: Path) -> None:
    env = hidden_osmesa(tmp_path) | {"DISPLAY": ":9999"}
    complaint(run_module("cli_render", replay, tmp_path / "out.png", env=env))

"""Pictures in memory: what each shape covers, the same everywhere, and what windows show too."""

from __future__ import annotations

import hashlib
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from programs import environment, run_python
from virtual_display import VirtualDisplay, wait_for

from puffer_render._raster import VERBS, Raster
from puffer_render.font import CHARACTERS, load_font
from puffer_render.frame import Frame, pack, unpack
from puffer_render.offscreen import Offscreen, Pixels
from puffer_render.palette import AMBER, CORAL, MINT, NIGHT, SKY, SNOW, TEAL, VIOLET, Color, fade
from puffer_render.scene import Camera, turn_to

BLACK: Color = (0, 0, 0, 255)
WHITE: Color = (255, 255, 255, 255)


def everything(frame: Frame) -> None:
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
    with frame.scene(Camera((0, 0, 0.5), 6), 200, 50, 100, 60) as through:  # nothing in the first scene hides it
        through.box((-0.75, -0.43, 0), (1, 1, 1), MINT)
    frame.border(280, 50, 30, 60, 3, SKY, 6)


def covered(draw: Callable[[Frame], None], width: int = 40, height: int = 40, scale: float = 1) -> np.ndarray:
    """How much of each pixel is white, 0 to 1, on black."""

    def on_black(frame: Frame) -> None:
        frame.clear(BLACK)
        draw(frame)

    return Offscreen(width, height, scale).render(on_black)[..., 0] / 255


@pytest.mark.parametrize(
    ("draw", "area"),
    [
        (lambda f: f.rect(3.25, 4.5, 10.5, 7.25, WHITE), 10.5 * 7.25),
        (lambda f: f.rect(3.25, 4.5, 20.5, 17.25, WHITE, 5), 20.5 * 17.25 - (4 - math.pi) * 25),
        (lambda f: f.rect(3, 4, 20, 10, WHITE, 99), 10 * 10 + math.pi * 25),
        (lambda f: f.rect(5.25, 5.25, 0.25, 0.5, WHITE), 0.125),
        (lambda f: f.border(4.5, 5, 20, 12, 2, WHITE, 4), 2 * 2 * (20 + 8) - (4 - math.pi) * (16 - 4)),
        (lambda f: f.circle(20.3, 19.6, 13, WHITE), math.pi * 169),
        (lambda f: f.circle(20.3, 19.6, 0.4, WHITE), math.pi * 0.16),
        (lambda f: f.ring(20, 20, 6, 9.5, WHITE), math.pi * (9.5**2 - 36)),
        (lambda f: f.ring(20, 20, 6, 9.5, WHITE, 30, 120), math.pi * (9.5**2 - 36) / 4),
        (lambda f: f.ring(20, 20, 0, 9.5, WHITE, -90, 90), math.pi * 9.5**2 / 2),
        (lambda f: f.line(3, 4, 33, 30, 3, WHITE), 3 * math.hypot(30, 26)),
        (lambda f: f.polygon([(2, 3), (35.5, 8), (20, 37)], WHITE), 0.5 * (33.5 * 34 - 18 * 5)),
        (lambda f: f.polygon([(20, 37), (35.5, 8), (2, 3)], WHITE), 0.5 * (33.5 * 34 - 18 * 5)),
        (lambda f: f.path([(8, 20), (32, 20)], 6, WHITE), 24 * 6 + math.pi * 9),
        (lambda f: f.rect(-5, -5, 50, 50, WHITE), 1600),
        (lambda f: f.circle(0, 0, 20, WHITE), math.pi * 100),
        (lambda f: f.circle(-100, 20, 20, WHITE), 0),
        (lambda f: f.rect(10, 10, -4, 4, WHITE), 0),
        (lambda f: f.circle(math.nan, 20, 20, WHITE), 0),
        (lambda f: f.line(20, -1e30, 20, 1e30, 2, WHITE), 80),
    ],
)
@pytest.mark.parametrize("scale", [1, 2.5])
def test_a_shape_covers_its_area(draw: Callable[[Frame], None], area: float, scale: float) -> None:
    # a pixel on an edge may be off by half of one of 255 levels
    assert covered(draw, scale=scale).sum() / scale**2 == pytest.approx(area, rel=0.006, abs=0.15)


def test_what_is_painted_at_once_covers_nothing_twice() -> None:
    cross = covered(lambda f: f.path([(10, 10), (30, 30), (30, 10), (10, 30)], 5, fade(WHITE, 0.5)))
    assert cross.max() == pytest.approx(0.5, abs=0.01)


def test_a_glow_fades_evenly() -> None:
    light = covered(lambda f: f.glow(20.5, 20.5, 20, WHITE))
    assert light[20, 20:40] == pytest.approx(1 - np.arange(20) / 20, abs=0.01)


def test_text_is_where_it_is_said_to_be() -> None:
    widths = []
    pixels = covered(lambda f: widths.append(f.text(10, 20, "Hgl 1", 40, WHITE)), 140, 80)
    rows, columns = np.nonzero(pixels > 0.5)
    assert 10 <= columns.min() < 16 and 10 + widths[0] - 8 < columns.max() <= 10 + widths[0]
    assert rows.min() >= 20 and rows.max() < 60
    centered = covered(lambda f: widths.append(f.text(70, 20, "Hgl 1", 40, WHITE, "center")), 140, 80)
    left, right = np.nonzero(centered.max(0) > 0.5)[0][[0, -1]]
    assert abs((left + right) / 2 - 70) < 4


def test_holes_in_letters_are_holes() -> None:
    zero = covered(lambda f: f.text(10, 0, "0", 60, WHITE), 60, 60)
    left, right = np.nonzero(zero.max(0) > 0.5)[0][[0, -1]]
    top, bottom = np.nonzero(zero.max(1) > 0.5)[0][[0, -1]]
    assert zero[(top + bottom) // 2, (left + right) // 2] == 0
    assert zero[(top + bottom) // 2, left + 2] == 1


def test_every_character_is_drawn_and_others_are_questions() -> None:
    for character in CHARACTERS.replace(" ", ""):
        assert covered(lambda f, c=character: f.text(5, 0, c, 30, WHITE)).sum() > 2, repr(character)  # type: ignore[misc]
    unknown, question = (covered(lambda f, c=c: f.text(5, 0, c, 30, WHITE)) for c in "\u20ac?")  # type: ignore[misc]
    assert np.array_equal(unknown, question)


def test_what_was_drawn_is_there_and_smooth() -> None:
    pixels = Offscreen(320, 220).render(everything)
    assert pixels.shape == (220, 320, 3) and pixels.dtype == np.uint8
    assert tuple(pixels[120, 160]) == SNOW[:3]
    assert tuple(pixels[65, 12]) == CORAL[:3]
    assert tuple(pixels[200, 200]) == NIGHT[:3]
    edge = pixels[87:105, 127:145].astype(int).sum(2)  # where the disc's edge is slanted
    assert np.unique(edge).size > 10, "the disc's edge has no intermediate colours"


def test_scale_is_the_number_of_pixels_per_unit() -> None:
    pixels = Offscreen(320, 220, 2.5).render(everything)
    assert pixels.shape == (550, 800, 3)
    assert tuple(pixels[300, 400]) == SNOW[:3]


def test_pictures_do_not_depend_on_those_before() -> None:
    canvas = Offscreen(320, 220)
    first = canvas.render(everything)
    canvas.render(lambda frame: frame.circle(50, 50, 500, CORAL))
    assert np.array_equal(canvas.render(everything), first)
    assert np.array_equal(Offscreen(320, 220).render(everything), first)


def test_pictures_are_the_same_on_every_machine() -> None:
    """Of a list without sines and cosines of Python's, which are the machine's."""

    def draw(frame: Frame) -> None:
        frame.clear()
        frame.circle(50.25, 40.5, 30, CORAL)
        frame.ring(50, 40, 20, 33, fade(MINT, 0.5), 15, 200)
        frame.polygon([(3, 4), (90, 20.5), (40, 70)], fade(SKY, 0.7))
        frame.path([(5, 5), (60, 75), (95, 6)], 4.5, AMBER)
        frame.glow(70, 60, 25, SNOW)
        frame.rect(60.3, 10.7, 30, 20, VIOLET, 6)
        frame.text(10, 30, "same?", 21)

    digest = hashlib.sha256(Offscreen(100, 80, 1.5).render(draw).tobytes()).hexdigest()
    assert digest[:16] == "92680682ba8e0270"


def test_video_planes_hold_the_picture() -> None:
    """Against the formulas of BT.709 in floating point."""
    canvas = Offscreen(160, 110, 2)
    rgb = canvas.render(everything).astype(float) / 255
    height, width = rgb.shape[:2]
    planes: tuple[Pixels, Pixels, Pixels] = (
        np.zeros((height, width + 32), np.uint8),
        np.zeros((height // 2, width), np.uint8),
        np.zeros((height // 2, width), np.uint8),
    )
    canvas.render_video(everything, planes)
    luma = rgb @ (0.2126, 0.7152, 0.0722)
    mean = rgb.reshape(height // 2, 2, width // 2, 2, 3).mean((1, 3))
    gray = mean @ (0.2126, 0.7152, 0.0722)
    expected = (
        16 + 219 * luma,
        128 + 224 * (mean[..., 2] - gray) / 1.8556,
        128 + 224 * (mean[..., 0] - gray) / 1.5748,
    )
    for plane, wanted in zip(planes, expected, strict=True):
        assert np.abs(plane[:, : wanted.shape[1]] - wanted).max() <= 0.51


@pytest.mark.parametrize(
    "numbers",
    [
        [99.0],
        [-1.0],
        [float(VERBS["RECT"]), 1, 2, 3],
        [float(VERBS["CLEAR"]), -1],
        [float(VERBS["CLEAR"]), math.nan],
        [float(VERBS["POLYGON"]), 0, 1000, 1, 1],
        [float(VERBS["POLYGON"]), 0, 1.5, 1, 1, 1],
        [float(VERBS["TEXT"]), 1, 2, 3, 0, 1, 10_000],
        [float(VERBS["TRIANGLES"]), 0, 0],
    ],
)
def test_a_list_that_makes_no_sense_is_refused(numbers: list[float]) -> None:
    font = load_font()
    raster = Raster(16, 16, font.points, font.contours, font.glyphs, font.advances)
    with pytest.raises(ValueError, match="number 2 of a display list"):
        raster.draw(np.array([VERBS["CLEAR"], 0.0, *numbers]), [], 1.0)


def test_colors_are_packed_and_checked() -> None:
    assert all(unpack(pack(color)) == color for color in (NIGHT, fade(CORAL, 0.3), BLACK, WHITE))
    with pytest.raises(ValueError, match="is not a colour"):
        pack((256, 0, 0, 255))


SHOW = """
import sys, time
sys.path.insert(0, sys.argv[1])
from test_offscreen import everything
from puffer_render.window import Window
window = Window("shapes", 320, 220, 0, [])
end = time.monotonic() + 60
while not window.closed and time.monotonic() < end:
    window.show(everything)
window.close()
"""


def test_a_window_shows_the_same(display: VirtualDisplay) -> None:
    """By raylib instead, from the same list."""
    expected = Offscreen(320, 220).render(everything).astype(int)
    command = [sys.executable, "-c", SHOW, str(Path(__file__).parent)]
    program = subprocess.Popen(
        command, env=environment(DISPLAY=display.environment["DISPLAY"]), stderr=subprocess.PIPE, text=True
    )
    try:
        window = display.wait_for_window("shapes", program)
        wait_for("the picture", lambda: np.abs(display.pixels()[:220, :320] - expected).max(2).mean() < 6)
        different = np.abs(display.pixels()[:220, :320] - expected).max(2) > 100
        assert different.mean() < 0.01, "more than edges differ"
        assert different[50:110, 200:300].mean() < 0.02, "more than edges differ in the scenes"
        display.press_close_button(window)
        _, said = program.communicate(timeout=30)
        assert program.returncode == 0 and said == ""
    finally:
        program.kill()


def test_drawing_opens_nothing_of_the_system() -> None:
    """No library of a screen or a graphics card is loaded for a picture or a video."""
    code = """
from puffer_render.cli_render import check
check()
loaded = open("/proc/self/maps").read()
assert "_raster" in loaded
for name in ("libGL", "libEGL", "libOSMesa", "libX11", "libwayland", "raylib"):
    assert name not in loaded, name
"""
    done = run_python("-c", code, env=environment())
    assert done.returncode == 0, done.stderr

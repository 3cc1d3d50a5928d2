"""Space: where the camera is, what it sees, how solids are shaded and placed."""

from __future__ import annotations

import numpy as np
import pytest
from programs import environment, run_python

from puffer_render.cli_play import MOST_ZOOM, move_camera
from puffer_render.scene import (
    AMBIENT,
    LIGHT,
    Camera,
    Orbit,
    Scene,
    place,
    shading,
    torus,
    turn_to,
    unit_box,
    unit_sphere,
)

PICTURE = """
import sys, numpy as np
from puffer_render.offscreen import Offscreen
from puffer_render.palette import CORAL, MINT, NIGHT
from puffer_render.scene import Camera, Orbit
def draw(frame):
    frame.clear(NIGHT)
    with frame.scene(Camera((0, 0, 0), 10, yaw=0, pitch=0), 100, 0, 200, 200) as scene:
        scene.sphere((0, 2, 0), 0.5, CORAL)
        scene.box((-5, 0, 0), (1, 1, 1), MINT)
        scene.box((0, 0, 0), (1, 1, 1), CORAL)
        found = [scene.project(p) for p in ((0, 2, 0), (0, 0, 0), (20, 0, 0))]
    frame.rect(10, 10, 20, 20, MINT)
    draw.found = found
with Offscreen(300, 200) as offscreen:
    before = offscreen.render(draw)
    assert draw.found[2] is None
    turned = offscreen.render(draw, Orbit(yaw=90))
    near = offscreen.render(draw, Orbit(zoom=2))
    again = offscreen.render(draw)
assert (before == again).all()
np.savez(sys.argv[1], before=before, turned=turned, near=near)
"""


def test_a_scene_lies_in_its_rectangle(tmp_path) -> None:  # type: ignore[no-untyped-def]
    done = run_python("-c", PICTURE, str(tmp_path / "p.npz"), env=environment())
    if "no way to draw" in done.stderr:
        pytest.skip("no way of drawing here")
    assert done.returncode == 0, done.stderr
    pictures = np.load(tmp_path / "p.npz")
    red = {name: (pictures[name][..., 0] > 120) & (pictures[name][..., 1] < 110) for name in pictures}
    assert not red["before"][:, :100].any()
    # looking from where x is positive, y points right; tan(45 / 2) = 0.414 of the distance is half the height
    assert red["before"][100, 200 + round(100 * 2 / (10 * 0.41421))]
    assert red["before"][100, 200]  # the near box hides the far one
    assert not red["turned"][100, 248]
    assert 2 < red["near"].sum() / red["before"].sum() < 6
    green = pictures["before"][15, 15]
    assert green[1] > green[0]  # units are as they were, outside of the scene


def test_the_camera_is_where_its_angles_say() -> None:
    camera = Camera((1, 2, 3), 10, yaw=90, pitch=0)
    assert camera.position == pytest.approx((1, 12, 3))
    assert Camera((0, 0, 0), 2, yaw=0, pitch=90).position == pytest.approx((0, 0, 2))
    moved = Orbit(yaw=15, pitch=500, zoom=4).moved(camera)
    assert (moved.yaw, moved.pitch, moved.distance) == (105, 89, 2.5)


def test_projection() -> None:
    scene = Scene(Camera((0, 0, 0), 10, yaw=0, pitch=0, fov=90), 2.0)
    assert scene.project((0, 0, 0)) == pytest.approx((0, 0))
    assert scene.project((0, 20, 0)) == pytest.approx((1, 0))  # twice as wide as high
    assert scene.project((0, 0, 10)) == pytest.approx((0, 1))
    assert scene.project((11, 0, 0)) is None


def test_light() -> None:
    facing = place(np.array([[[0, 0, 0], [1, 0, 0], [0, 1, 0]]], np.float32), (0, 0, 0), turn_to(LIGHT))
    across = place(np.array([[[0, 0, 0], [1, 0, 0], [0, 0, 1]]], np.float32), (0, 0, 0), turn_to(LIGHT))
    assert shading(facing) == pytest.approx([1.0], abs=1e-5)
    assert shading(across) == pytest.approx([AMBIENT], abs=1e-5)
    assert np.linalg.norm(LIGHT) == pytest.approx(1, abs=1e-2)


def test_solids_are_closed() -> None:
    """Every edge belongs to two triangles, and what they enclose is near the volume of the solid."""
    for solid, volume in ((unit_box(), 1.0), (unit_sphere(16, 32), 4 / 3 * np.pi), (torus(0.4), 2 * np.pi**2 * 0.04)):
        edges: dict[tuple[bytes, ...], int] = {}
        corners = np.round(solid, 4) + np.float32(0)
        for triangle in corners:
            for k in range(3):
                edge = tuple(sorted((triangle[k].tobytes(), triangle[(k + 1) % 3].tobytes())))
                edges[edge] = edges.get(edge, 0) + 1
        assert set(edges.values()) == {2}
        outward = solid - solid.mean(axis=(0, 1))
        signed = np.einsum("ni,ni->n", outward[:, 0], np.cross(outward[:, 1], outward[:, 2])) / 6
        if volume != 1.0:
            assert abs(signed.sum()) == pytest.approx(volume, rel=0.25)


def test_rotations() -> None:
    for axis in ((0, 0, 1), (1, 0, 0), (-3, 2, 0.1)):
        rotation = turn_to(axis)
        assert rotation @ (0, 0, 1) == pytest.approx(np.array(axis) / np.linalg.norm(axis))
        assert rotation @ rotation.T == pytest.approx(np.eye(3), abs=1e-12)
        assert np.linalg.det(rotation) == pytest.approx(1)


def test_keys_and_mouse_move_the_camera() -> None:
    orbit = Orbit()
    move_camera(orbit, frozenset("ji"), (0, 0), 0, 0.5)
    assert (orbit.yaw, orbit.pitch) == (30, 30)
    move_camera(orbit, frozenset(), (-10, -20), 0, 0.5)
    assert (orbit.yaw, orbit.pitch) == (33, 24)
    move_camera(orbit, frozenset("u"), (0, 0), 0, 1)
    assert orbit.zoom == 2.5
    move_camera(orbit, frozenset("o"), (0, 0), 0, 1)
    assert orbit.zoom == pytest.approx(1)
    move_camera(orbit, frozenset(), (0, 0), 1000, 0)
    assert orbit.zoom == MOST_ZOOM

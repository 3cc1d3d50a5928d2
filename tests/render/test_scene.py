"""Space: where the camera is, what it sees, how solids are shaded and placed."""

from __future__ import annotations

import numpy as np
import pytest

from puffer_render.camera import MAX_ZOOM, move_camera
from puffer_render.frame import Frame
from puffer_render.offscreen import Offscreen
from puffer_render.palette import CORAL, MINT, NIGHT
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


def test_a_scene_lies_in_its_rectangle() -> None:
    found = []

    def draw(frame: Frame) -> None:
        frame.clear(NIGHT)
        with frame.scene(Camera((0, 0, 0), 10, yaw=0, pitch=0), 100, 0, 200, 200) as scene:
            scene.sphere((0, 2, 0), 0.5, CORAL)
            scene.box((-5, 0, 0), (1, 1, 1), MINT)
            scene.box((0, 0, 0), (1, 1, 1), CORAL)
            found[:] = [scene.project(p) for p in ((0, 2, 0), (0, 0, 0), (20, 0, 0))]
        frame.rect(10, 10, 20, 20, MINT)

    canvas = Offscreen(300, 200)
    before = canvas.render(draw)
    assert found[2] is None
    pictures = {
        "before": before,
        "turned": canvas.render(draw, Orbit(yaw=90)),
        "near": canvas.render(draw, Orbit(zoom=2)),
    }
    assert (before == canvas.render(draw)).all()
    red = {name: (pixels[..., 0] > 120) & (pixels[..., 1] < 110) for name, pixels in pictures.items()}
    assert not red["before"][:, :100].any()
    # looking from where x is positive, y points right; tan(45 / 2) = 0.414 of the distance is half the height
    assert red["before"][100, 200 + round(100 * 2 / (10 * 0.41421))]
    assert red["before"][100, 200]  # the near box hides the far one
    assert not red["turned"][100, 248]
    assert 2 < red["near"].sum() / red["before"].sum() < 6
    assert before[15, 15, 1] > before[15, 15, 0]  # units are as they were, outside of the scene


def test_triangles_that_share_an_edge_leave_no_gap() -> None:
    """A disc of slices, from every side, some of them cut off by the camera's nearest plane."""

    def draw(frame: Frame) -> None:
        frame.clear((255, 255, 255, 255))
        with frame.scene(Camera((0, 0, 0), 1, yaw=17, pitch=23)) as scene:
            scene.disc((0, 0, 0), 9.0, (0, 0, 0, 255), lit=False)

    pixels = Offscreen(301, 199).render(draw)[..., 0].astype(int)
    below = pixels[120:]
    assert (below == 0).all(), "the ground under the camera has holes"
    assert (pixels == 255).any(), "there is no horizon"


def test_what_is_translucent_lets_through_what_is_behind() -> None:
    def draw(frame: Frame) -> None:
        frame.clear((0, 0, 0, 255))
        with frame.scene(Camera((0, 0, 0), 4, yaw=0, pitch=0)) as scene:
            scene.box((-1, 0, 0), (0.1, 2, 2), (200, 0, 0, 255))
            scene.triangles([[(0, -1, -1), (0, 1, -1), (0, 0, 1)]], (0, 200, 0, 128), lit=False)

    red, green, blue = Offscreen(100, 100).render(draw)[50, 50]
    assert 60 < red < 110 and 90 < green < 110 and blue == 0


def test_the_camera_is_where_its_angles_say() -> None:
    camera = Camera((1, 2, 3), 10, yaw=90, pitch=0)
    assert camera.position == pytest.approx((1, 12, 3))
    assert Camera((0, 0, 0), 2, yaw=0, pitch=90).position == pytest.approx((0, 0, 2))
    moved = Orbit(yaw=15, pitch=500, zoom=4).moved(camera)
    assert (moved.yaw, moved.pitch, moved.distance) == (105, 89, 2.5)


def test_projection() -> None:
    scene = Scene(Camera((0, 0, 0), 10, yaw=0, pitch=0, fov=90), 2.0, Frame(200, 100))
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
    assert orbit.zoom == MAX_ZOOM

"""The keys and the mouse that move the camera of a scene."""

from __future__ import annotations

from puffer_render.scene import Orbit

CAMERA_KEYS = {
    "j": "turn left",
    "l": "turn right",
    "i": "tilt up",
    "k": "tilt down",
    "u": "nearer",
    "o": "farther",
}
"""Keys that move the camera of a scene; dragging the mouse and its wheel do the same."""
TURN, DRAG = 60.0, 0.3
"""Degrees per second that a key is held, and per pixel that the mouse is dragged."""
ZOOM, NOTCH, MAX_ZOOM = 2.5, 0.15, 8.0
"""Zoom factor per second; seconds of zoom per notch of the wheel; limit of both."""


def move_camera(
    orbit: Orbit, held: frozenset[str], dragged: tuple[float, float], scrolled: float, seconds: float
) -> None:
    """Turn, tilt and zoom by CAMERA_KEYS, by the mouse (pixels) and its wheel (notches)."""
    pressing = {name: seconds * (key in held) for key, name in CAMERA_KEYS.items()}
    orbit.yaw += TURN * (pressing["turn left"] - pressing["turn right"]) - DRAG * dragged[0]
    orbit.pitch += TURN * (pressing["tilt up"] - pressing["tilt down"]) + DRAG * dragged[1]
    wanted = orbit.zoom * ZOOM ** (pressing["nearer"] - pressing["farther"] + NOTCH * scrolled)
    orbit.zoom = max(1 / MAX_ZOOM, min(MAX_ZOOM, wanted))

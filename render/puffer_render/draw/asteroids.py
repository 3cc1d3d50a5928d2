"""Asteroids: how it is played. c/draw/envs/asteroids.h draws it."""

from __future__ import annotations

from puffer_render.draw_in_c import drawing_of, size_of

SIZE = size_of("asteroids")
KEYS = {"left": ("left", "a"), "right": ("right", "d"), "thrust": ("up", "w"), "fire": ("space",)}
IDLE = "none"
FRAMESKIP = "frameskip"
FRAME_RATE = 60.0
PLAY = {"max_frames": 216_000}

draw = drawing_of("asteroids")

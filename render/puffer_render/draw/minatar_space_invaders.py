"""MinAtar's Space Invaders: how it is played. c/draw/envs/minatar_space_invaders.h draws it."""

from __future__ import annotations

from puffer_render.draw_in_c import drawing_of, size_of

SIZE = size_of("minatar_space_invaders")
KEYS = {"left": ("left", "a"), "right": ("right", "d"), "fire": ("space",)}
IDLE = "stay"
GOAL = "Shoot the aliens before they are down here."

draw = drawing_of("minatar_space_invaders")

"""MinAtar's Seaquest: how it is played. c/draw/envs/minatar_seaquest.h draws it."""

from __future__ import annotations

from puffer_render.draw_in_c import drawing_of, size_of

SIZE = size_of("minatar_seaquest")
KEYS = {"left": ("left", "a"), "up": ("up", "w"), "right": ("right", "d"), "down": ("down", "s"), "fire": ("space",)}
IDLE = "stay"
GOAL = "Take six divers aboard and surface before the oxygen is used up. Shoot what is in the way."

draw = drawing_of("minatar_seaquest")

"""MinAtar's Freeway: how it is played. c/draw/envs/minatar_freeway.h draws it."""

from __future__ import annotations

from puffer_render.draw_in_c import drawing_of, size_of

SIZE = size_of("minatar_freeway")
KEYS = {"up": ("up", "w"), "down": ("down", "s")}
IDLE = "stay"
GOAL = "Lead the chicken to the other side, as often as there is time."

draw = drawing_of("minatar_freeway")

"""Cartpole: how it is played. c/draw/envs/cartpole.h draws it."""

from __future__ import annotations

from puffer_render.draw_in_c import drawing_of, size_of

SIZE = size_of("cartpole")
KEYS = {"left": ("left", "a"), "right": ("right", "d")}
PLAY = {"continuous": True}
SPEED = 0.5

draw = drawing_of("cartpole")

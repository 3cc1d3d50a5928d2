"""Cartpole: a cart on a rail, a pole, the limits of both: drawn by c/draw/envs/cartpole.h."""

from __future__ import annotations

from puffer_render.draw_in_c import drawing_of, size_of

SIZE = size_of("cartpole")
KEYS = {"left": ("left", "a"), "right": ("right", "d")}
PLAY = {"continuous": True}
SPEED = 0.5

draw = drawing_of("cartpole")

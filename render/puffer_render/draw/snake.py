"""Snake: how it is played. c/draw/envs/snake.h draws it."""

from __future__ import annotations

from puffer_render.draw_in_c import drawing_of, size_of

SIZE = size_of("snake")
KEYS = {"left": ("left", "a"), "right": ("right", "d"), "up": ("up", "w"), "down": ("down", "s")}
PLAY = {"num_snakes": 8, "width": 32, "height": 32, "num_food": 40}

draw = drawing_of("snake")

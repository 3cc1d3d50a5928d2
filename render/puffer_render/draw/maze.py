"""Maze: how it is played. c/draw/envs/maze.h draws it."""

from __future__ import annotations

from puffer_render.draw_in_c import drawing_of, size_of

SIZE = size_of("maze")
KEYS = {"left": ("left", "a"), "right": ("right", "d"), "up": ("up", "w"), "down": ("down", "s")}
PLAY = {"max_steps": 100_000}
WAITS = True

draw = drawing_of("maze")

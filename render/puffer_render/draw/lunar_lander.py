"""Lunar lander: how it is played. c/draw/envs/lunar_lander.h draws it."""

from __future__ import annotations

from puffer_render.draw_in_c import drawing_of, size_of

SIZE = size_of("lunar_lander")
KEYS = {"main": ("up", "w", "space"), "left": ("left", "a"), "right": ("right", "d")}
IDLE = "none"
GOAL = "Set it down on the pad between the lamps: slowly, upright, on both legs."
SPEED = 0.6

draw = drawing_of("lunar_lander")

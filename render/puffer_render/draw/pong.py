"""Pong: how it is played. c/draw/envs/pong.h draws it."""

from __future__ import annotations

from puffer_render.draw_in_c import between_of, drawing_of, size_of

SIZE = size_of("pong")
KEYS = {"up": ("up", "w"), "down": ("down", "s")}
IDLE = "stay"
FRAMESKIP = "frameskip"
FRAME_RATE = 60.0
PLAY = {"frameskip": 1}

draw = drawing_of("pong")
between = between_of("pong")

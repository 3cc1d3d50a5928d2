"""Foundry: how it is played. c/draw/envs/foundry.h draws it."""

from __future__ import annotations

from puffer_render.draw_in_c import drawing_of, size_of

SIZE = size_of("foundry")
KEYS = {
    "left": ("left", "a"),
    "right": ("right", "d"),
    "up": ("up", "w"),
    "down": ("down", "s"),
    "give": ("g", "space"),
    "attack": ("x", "f"),
    "eat": ("b", "e"),
}
IDLE = "stay"
GOAL = "Carry ore to generators and batteries to altars, and take the hearts."

draw = drawing_of("foundry")

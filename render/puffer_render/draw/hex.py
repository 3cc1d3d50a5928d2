"""Hex: how it is played. c/draw/envs/hex.h draws it."""

from __future__ import annotations

from puffer_render.draw_in_c import drawing_of, pilot_of, size_of, touch_of, verdict_of

SIZE = size_of("hex")
KEYS = {"swap": ("enter",)}
WAITS = True
UNDOES = True
GOAL = "Connect the top with the bottom. Click a cell; Enter swaps where you may."

draw, touch, pilot = drawing_of("hex"), touch_of("hex"), pilot_of("hex", tuple(KEYS))
verdict = verdict_of("hex")

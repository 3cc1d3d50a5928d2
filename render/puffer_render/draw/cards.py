"""Cards: how it is played. c/draw/envs/cards.h draws it."""

from __future__ import annotations

from puffer_render.draw_in_c import drawing_of, frames_of, glide, size_of, touch_of, verdict_of

SIZE = size_of("cards")
DIGITS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "zero")
KEYS = {str(n % 10): (key,) for n, key in enumerate(DIGITS, 1)} | {"enter": ("enter", "space"), "back": ("backspace",)}
PLAY = {"take_backs": 3}
GOAL = "Bring the other one's life down to 0."
WAITS = True
FRAME_RATE = 30.0

draw, frames, between = drawing_of("cards"), frames_of("cards"), glide
touch, verdict = touch_of("cards"), verdict_of("cards")

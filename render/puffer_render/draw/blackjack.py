"""Blackjack: how it is played. c/draw/envs/blackjack.h draws it."""

from __future__ import annotations

from puffer_render.draw_in_c import drawing_of, size_of

SIZE = size_of("blackjack")
KEYS = {"stick": ("s", "enter"), "hit": ("h", "space")}
GOAL = "Come nearer to 21 than the dealer, who takes cards up to 17, and not above it."
WAITS = True

draw = drawing_of("blackjack")

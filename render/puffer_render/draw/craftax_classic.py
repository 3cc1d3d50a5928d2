"""Craftax-Classic: how it is played. c/draw/envs/craftax_classic.h draws it."""

from __future__ import annotations

from puffer_render.draw_in_c import drawing_of, frames_of, glide, size_of

SIZE = size_of("craftax_classic")
KEYS = {
    "left": ("left", "a"), "right": ("right", "d"), "up": ("up", "w"), "down": ("down", "s"), "do": ("space", "e"),
    "sleep": ("z",), "place_stone": ("r",), "place_table": ("t",), "place_furnace": ("f",), "place_sapling": ("p",),
    "make_wood_pickaxe": ("one",), "make_stone_pickaxe": ("two",), "make_iron_pickaxe": ("three",),
    "make_wood_sword": ("four",), "make_stone_sword": ("five",), "make_iron_sword": ("six",),
}  # fmt: skip
IDLE = "nothing"
GOAL = "Earn all 22 achievements: gather, craft, eat, drink, sleep, and survive the nights."
FRAME_RATE = 30.0
frames, between = frames_of("craftax_classic"), glide

draw = drawing_of("craftax_classic")

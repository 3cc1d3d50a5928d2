"""Delve: how it is played. c/draw/envs/delve.h draws it."""

from __future__ import annotations

from puffer_render.draw_in_c import drawing_of, size_of, touch_of, verdict_of

SIZE = size_of("delve")
DIGITS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "zero")
SLOTS = ("blade", "bow", "helmet", "mail", "shield", "potion1", "potion2", "scroll1", "scroll2", "wand", "ring", "food")
MOVES = {"north": ("up", "i"), "south": ("down", "comma"), "west": ("left", "j"), "east": ("right", "l")}
DIAGONALS = {"northwest": ("u",), "northeast": ("o",), "southwest": ("m",), "southeast": ("period",)}
OTHERS = {"search": ("s", "k"), "take": ("g",), "descend": ("d",), "climb": ("c",), "power": ("space",)}
USES = dict(zip(SLOTS, (*((digit,) for digit in DIGITS), ("w",), ("e",)), strict=True))
KEYS: dict[str, tuple[str, ...]] = MOVES | DIAGONALS | OTHERS | USES
WAITS = True
GOAL = "Earn points, go down, and take the amulet on level 12."
PLAY = {"max_steps": 30_000}

draw, touch, verdict = drawing_of("delve"), touch_of("delve"), verdict_of("delve")

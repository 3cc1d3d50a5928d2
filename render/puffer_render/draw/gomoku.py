"""Gomoku: how it is played. c/draw/envs/gomoku.h draws it."""

from __future__ import annotations

from typing import Any

from puffer_render.draw_in_c import drawing_of, pilot_of, size_of, touch_of

SIZE = size_of("gomoku")
KEYS = {"good cell": ("enter",)}
WAITS = True
UNDOES = True
GOAL = "Five in a row, in any direction. Click a cell; Enter plays a good one for you."

draw, touch, pilot = drawing_of("gomoku"), touch_of("gomoku"), pilot_of("gomoku", tuple(KEYS))


def verdict(state: Any, agent: int) -> str:
    """How the last game ended."""
    result = int(state.result)
    return {1: "won", 2: "drawn", 3: "lost"}[4 - result if agent else result]

"""Go: how it is played. c/draw/envs/go.h draws it."""

from __future__ import annotations

from typing import Any

from puffer_render.draw_in_c import drawing_of, pilot_of, size_of, touch_of

SIZE = size_of("go")
KEYS = {"pass": ("enter",)}
WAITS = True
UNDOES = True
GOAL = "Surround more of the board than the other. Click at a point; Enter passes."

draw, touch, pilot = drawing_of("go"), touch_of("go"), pilot_of("go", tuple(KEYS))


def verdict(state: Any, agent: int) -> str:
    """How the last game ended."""
    result = int(state.result)
    word = {1: "won", 2: "drawn", 3: "lost"}[4 - result if agent else result]
    return f"{word}, {int(state.areas[agent])} to {int(state.areas[1 - agent])}"

"""Tanks: how it is played. c/draw/envs/tanks.h draws it."""

from __future__ import annotations

from typing import Any

from puffer_render.draw_in_c import drawing_of, size_of

SIZE = size_of("tanks")
KEYS = {
    "forward": ("up", "w"),
    "back": ("down", "s"),
    "left": ("left", "a"),
    "right": ("right", "d"),
    "fire": ("space",),
}
PLAY = {"max_steps": 2000}

draw = drawing_of("tanks")


def present(state: Any, agent: int) -> bool:
    """Whether the tank is in one piece."""
    return bool(state.alive[agent])

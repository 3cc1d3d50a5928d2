"""Blobs: how it is played. c/draw/envs/blobs.h draws it."""

from __future__ import annotations

from typing import Any

from puffer_render.draw_in_c import drawing_of, size_of

SIZE = size_of("blobs")
KEYS = {"left": ("left", "a"), "right": ("right", "d"), "up": ("up", "w"), "down": ("down", "s")}
PLAY = {"num_players": 48, "max_steps": 20000, "speed": 0.2, "decay": 0.0001}
SPEED = 3.0
MOVES = ((0, 0), (1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1))
"""(x, y) of the choices."""

draw = drawing_of("blobs")


def pilot(state: Any, labels: frozenset[str], agent: int) -> Any:
    """Two keys together go between their directions."""
    del agent
    way = ("right" in labels) - ("left" in labels), ("down" in labels) - ("up" in labels)
    return way if state.continuous else MOVES.index(way)

"""Boids: how it is played. c/draw/envs/boids.h draws it."""

from __future__ import annotations

from typing import Any

from puffer_render.draw_in_c import drawing_of, size_of

SIZE = size_of("boids")
KEYS = {"left": ("left", "a"), "right": ("right", "d"), "faster": ("up", "w"), "slower": ("down", "s")}
PLAY = {"boids": 200, "predators": 1}

draw = drawing_of("boids")


def pilot(state: Any, labels: frozenset[str], agent: int) -> int:
    """Steer and change speed at once."""
    del state, agent
    turn = 1 + ("right" in labels) - ("left" in labels)
    thrust = 1 + ("faster" in labels) - ("slower" in labels)
    return turn + 3 * thrust

"""Lantern: how it is played. c/draw/envs/lantern.h draws it."""

from __future__ import annotations

from typing import Any

from puffer_render.draw_in_c import drawing_of, size_of, verdict_of

SIZE = size_of("lantern")
KEYS = {
    "left": ("left", "a"),
    "right": ("right", "d"),
    "up": ("up", "w"),
    "down": ("down", "s"),
    "brake": ("space", "left_shift"),
}
PLAY = {"patience": 4, "num_levels": 24, "difficulty": 0, "spread": 0}
GOAL = "Find the lantern, then stop in the gate of its colour."
FRAMESKIP = "frameskip"
FRAME_RATE = 30.0

draw, verdict = drawing_of("lantern"), verdict_of("lantern")


def pilot(state: Any, labels: frozenset[str], agent: int) -> tuple[float, float]:
    """Thrust; the brake thrusts against the motion, up to rest."""
    del agent
    if "brake" in labels:
        return tuple(max(-1.0, min(1.0, -6.0 * float(v))) for v in (state.vx, state.vy))  # type: ignore[return-value]
    return float("right" in labels) - float("left" in labels), float("down" in labels) - float("up" in labels)

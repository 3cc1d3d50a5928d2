"""Tower: how it is played. c/draw/envs/tower.h draws it."""

from __future__ import annotations

from puffer_render.draw_in_c import drawing_of, frames_of, glide, size_of, touch_of, verdict_of

SIZE = size_of("tower")
CAMERA = True
GOAL = "Climb to the crystal."
WAITS = True
UNDOES = True
FRAME_RATE = 30.0
KEYS = {
    "north": ("up", "w"),
    "east": ("right", "d"),
    "south": ("down", "s"),
    "west": ("left", "a"),
    "grab": ("space",),
    "release": ("x",),
}
PLAY = {"max_steps": 100_000, "num_levels": 60, "difficulty": 0, "spread": 0}

draw, frames, between = drawing_of("tower"), frames_of("tower"), glide
touch, verdict = touch_of("tower"), verdict_of("tower")

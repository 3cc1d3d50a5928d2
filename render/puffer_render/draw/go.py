"""Go: how it is played. c/draw/envs/go.h draws it."""

from __future__ import annotations

from puffer_render.draw_in_c import drawing_of, pilot_of, size_of, touch_of, verdict_of

SIZE = size_of("go")
KEYS = {"pass": ("enter",)}
WAITS = True
UNDOES = True
GOAL = "Surround more of the board than the other. Click at a point; Enter passes."

draw, touch, pilot = drawing_of("go"), touch_of("go"), pilot_of("go", tuple(KEYS))
verdict = verdict_of("go")

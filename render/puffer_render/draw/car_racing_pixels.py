"""Car racing by pixels: played as car racing is. c/draw/envs/car_racing_road.h draws both."""

from __future__ import annotations

from puffer_render.draw.car_racing import GOAL, KEYS, pilot
from puffer_render.draw_in_c import drawing_of, size_of

SIZE = size_of("car_racing_pixels")

draw = drawing_of("car_racing_pixels")

__all__ = ["GOAL", "KEYS", "SIZE", "draw", "pilot"]

"""Mountain car, continuous: how it is played. c/draw/envs/mountain_car_continuous.h draws it."""

from __future__ import annotations

from puffer_render.draw import mountain_car
from puffer_render.draw_in_c import between_of, drawing_of, size_of

SIZE = size_of("mountain_car_continuous")
FRAME_RATE, SPEED = mountain_car.FRAME_RATE, mountain_car.SPEED
GOAL = "Rock up to the flag, and burn little fuel."
frames = mountain_car.frames

draw = drawing_of("mountain_car_continuous")
between = between_of("mountain_car_continuous")

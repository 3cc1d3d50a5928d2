"""The valley of mountain_car, with a gauge of the fuel that was burnt."""

from __future__ import annotations

from typing import Any

from puffer_render.draw import mountain_car
from puffer_render.frame import HUD_HEIGHT, Frame
from puffer_render.palette import AMBER, SLATE, SNOW, fade

GOAL_AT = 0.45
PRIZE = 100
SIZE, FRAME_RATE, SPEED = mountain_car.SIZE, mountain_car.FRAME_RATE, mountain_car.SPEED
GOAL = "Rock up to the flag, and burn little fuel."
frames, between = mountain_car.frames, mountain_car.between


def draw(state: Any, frame: Frame) -> None:
    """The valley, and how much of the prize is left."""
    mountain_car.draw_valley(state, frame, "mountain car, continuous", GOAL_AT)
    left = max(0.0, 1 + float(state.episode_return) / PRIZE)
    x, y, width = SIZE[0] / 2 - 90, HUD_HEIGHT + 18, 180
    frame.rect(x, y, width, 12, fade(SLATE, 0.8), 6)
    frame.rect(x, y, max(12.0, width * left), 12, AMBER, 6)
    frame.text(x - 10, y - 3, "fuel", 16, fade(SNOW, 0.7), "right")

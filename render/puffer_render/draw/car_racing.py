"""Car racing: how it is played. c/draw/envs/car_racing.h draws it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_render.draw_in_c import drawing_of, size_of

SIZE = size_of("car_racing")
KEYS = {"gas": ("up", "w"), "brake": ("down", "s"), "left": ("left", "a"), "right": ("right", "d")}
GOAL = "Drive over every tile of the road, as fast as you can: full gas and steering at once make it spin."

draw = drawing_of("car_racing")


def pilot(state: Any, labels: frozenset[str], agent: int) -> NDArray[np.float32]:
    """Half the gas, and brakes that do not block."""
    del state, agent
    steer = 0.5 * (("right" in labels) - ("left" in labels))
    return np.array([steer, 0.5 * ("gas" in labels), 0.6 * ("brake" in labels)], np.float32)

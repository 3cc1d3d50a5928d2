"""What a picture of tower shows: the words beside its keys, and where cubes, glass and hero are in space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_render.draw import tower
from puffer_render.font import CHARACTERS
from puffer_render.frame import SCENE_END, TEXT, TRIANGLES, Frame
from puffer_render.states import keep

BASE, TOP, SIDE, CUBE = 2, 13, 8, 0.95
Spot = tuple[int, int]
"""Number of the layer, and of the cell in it."""


def picture(state: Any) -> Frame:
    """All of it."""
    frame = Frame(*tower.SIZE)
    tower.draw(state, frame)
    return frame


def words(state: Any) -> list[str]:
    """What each of the six keys does now; "": nothing."""
    texts = [
        "".join(CHARACTERS[int(n)] for n in numbers[5:])
        for verb, numbers in picture(state).entries()
        if verb == TEXT and numbers[0] > 760 and numbers[2] == 18
    ]
    assert len(texts) == 6
    return ["" if text == "-" else text for text in texts]


def layers(state: Any) -> set[Spot]:
    """Where blocks are."""
    rows = [int(layer) for layer in np.asarray(state.layers).ravel()]
    return {(height, cell) for height, row in enumerate(rows) for cell in range(64) if row >> cell & 1}


def middle(spot: Spot) -> NDArray[np.float64]:
    """Of a cell, in space."""
    height, cell = spot
    return np.array([cell % SIDE + 0.5, SIDE - cell // SIDE - 0.5, height - BASE + 0.5])


def spot_at(place: Sequence[float]) -> Spot:
    """The cell with this middle."""
    x, y, z = (round(float(at) - 0.5) for at in place)
    return z + BASE, (SIDE - 1 - y) * SIDE + x


def front(state: Any) -> list[tuple[NDArray[np.float32], int]]:
    """The corners (n, 3, 3) of all triangles in the first view, mesh by mesh, and how opaque each is, 0 to 255."""
    frame, found = picture(state), []
    for verb, numbers in frame.entries():
        if verb == SCENE_END:
            break
        if verb == TRIANGLES:
            found.append((frame.meshes[int(numbers[0])][0], int(numbers[1]) >> 24))
    return found


def cubes(state: Any, *, glass: bool) -> list[NDArray[np.float64]]:
    """The middles of whole cubes: those that move, or those of glass."""
    found = []
    for corners, opacity in front(state):
        points = corners.reshape(-1, 3)
        if len(corners) == 12 and np.allclose(np.ptp(points, axis=0), CUBE, atol=1e-4) and (opacity < 255) == glass:
            found.append((points.max(0) + points.min(0)) / 2.0)
    return found


def head(state: Any) -> NDArray[np.float64]:
    """The middle of the hero's head."""
    balls = [corners.reshape(-1, 3) for corners, _ in front(state) if len(corners) == 168]
    return np.asarray((balls[0].max(0) + balls[0].min(0)) / 2.0, np.float64)


def moment(before: Any, after: Any, frame: float, frames: int) -> Any:
    """The state to draw at a frame of a step, or at a part of one."""
    return tower.between(before, after, round(1000 * frame), 1000 * frames)


__all__ = ["BASE", "SIDE", "Spot", "cubes", "head", "keep", "layers", "middle", "moment", "spot_at", "words"]

from typing import Any

import numpy as np
from numpy.typing import NDArray

VERBS: dict[str, int]
"""The verbs of a display list by name; c/draw/raster.h says what follows each."""
SHAPES: list[tuple[int, int, int]]
"""For each verb: how many numbers follow, at which of them stands a count of items, and how long an item is."""

class Raster:
    """A picture of width x height pixels. Several may exist; each belongs to one thread at a time."""

    width: int
    height: int
    def __init__(
        self,
        width: int,
        height: int,
        points: NDArray[np.float32],
        contours: NDArray[np.int32],
        glyphs: NDArray[np.int32],
        advances: NDArray[np.float32],
    ) -> None:
        """points, contours, glyphs, advances: of a font, see `puffer_render.font.Font`."""

    def draw(
        self, numbers: Any, meshes: list[tuple[NDArray[np.float32], NDArray[np.float32] | None]], scale: float
    ) -> None:
        """Draw a display list (float64) at `scale` pixels per unit.

        meshes: corners (n, 3, 3) or points (n, 3), with the brightness of each, or None where it is 1.

        Raises:
            ValueError: the list makes no sense.
            MemoryError: a scene does not fit.
        """

    def rgb(self) -> NDArray[np.uint8]:
        """The picture: a new array (height, width, 3)."""

    def yuv420(self, luma: NDArray[np.uint8], blue: NDArray[np.uint8], red: NDArray[np.uint8]) -> None:
        """Write the picture for video: BT.709, limited range, chroma at half the size. Rows may be longer."""

def drawing_size(name: str) -> tuple[int, int]:
    """Width and height of a drawing in C, in units.

    Raises:
        KeyError: there is none of that name.
    """

def list_of(
    name: str,
    state: NDArray[np.uint8],
    assets: NDArray[np.uint8],
    width: float,
    height: float,
    person: int,
    advances: NDArray[np.float32],
    yaw: float = 0.0,
    pitch: float = 0.0,
    zoom: float = 1.0,
    before: NDArray[np.uint8] | None = None,
    share: float = 1.0,
) -> tuple[bytes, list[tuple[NDArray[np.float32], NDArray[np.float32] | None]], float]:
    """What a drawing in C draws of a state. person: -1 where there is none.

    yaw, pitch, zoom: how a person has moved the camera of a scene.

    Returns:
        The display list as bytes; its meshes; the camera's yaw as the drawing put it, 0 where there is none.
    """

def state_between(
    name: str, before: NDArray[np.uint8], after: NDArray[np.uint8], frame: int, frames: int
) -> NDArray[np.uint8]:
    """The state at a frame of a step of so many, given those around it: a new array."""

def frames_between(name: str, before: NDArray[np.uint8], after: NDArray[np.uint8]) -> int:
    """In how many frames the step between two states is shown.

    Raises:
        ValueError: all steps take as long.
    """

def action_at(name: str, state: NDArray[np.uint8], assets: NDArray[np.uint8], x: float, y: float) -> int:
    """The action for a click at a point of the picture; -1: none.

    Raises:
        ValueError: it is not played by clicks.
    """

def action_of(name: str, state: NDArray[np.uint8], assets: NDArray[np.uint8], key: int) -> int:
    """The action of a key that means something else in every state, by its number.

    Raises:
        ValueError: the keys always mean the same.
    """

def offers(name: str) -> set[str]:
    """Which of the optional functions a drawing in C has: between, frames, touch, press, verdict."""

def verdict_of(name: str, state: NDArray[np.uint8], agent: int) -> str:
    """How the agent's last episode ended, in words.

    Raises:
        ValueError: it does not say.
    """

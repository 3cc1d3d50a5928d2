"""Posters and cards: a telling moment of each game, drawn at any size, and labelled."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import puffer_envs
from puffer_envs.contract.trained import list_trained, trained_policy
from puffer_render.frame import HUD_HEIGHT, Frame
from puffer_render.offscreen import Offscreen, Pixels
from puffer_render.palette import NIGHT, SNOW, STEEL
from puffer_render.sources import read_policy, record_game
from puffer_render.studio import MAX_SIDE, Studio, Take

SECONDS = 30
"""Of each game, at most, in which a moment is looked for."""
CANDIDATES = 24
EARLIEST = 0.3
"""Of the game: before it, little has happened."""
SKETCH_WIDTH = 240
"""Pixels, of the pictures among which the moment is chosen."""
TYPICAL_RATIO = 4 / 3
"""Width to height of most drawings without their HUD: the columns of a poster are chosen for it."""
LABEL = 0.15
"""Height of a card's label, of the width of the card or the height, whichever is less."""


@dataclass(frozen=True)
class Card:
    """A moment of a game."""

    name: str
    about: str
    """The environment in a sentence."""
    take: Take
    """The replay."""
    frame: int

    def picture(self, width: int, height: int) -> Pixels:
        """The moment without its HUD, as large as fits, (height, width, 3) at most."""
        units = Studio(self.take).canvas.size
        scale = min(width / units[0], height / (units[1] - HUD_HEIGHT), MAX_SIDE / max(units))
        return draw_moment(replace(self.take, scale=scale), [self.frame])[0]


def make_card(name: str, seed: int, folder: Path) -> Card:
    """Play a game, with the policy that ships or at random, and find its most detailed picture.

    Args:
        name: of an environment.
        seed: of the game.
        folder: for the replay, which the card reads later.

    Raises:
        RenderError: there is no such environment.
    """
    path = folder / f"{name}.puf"
    policy = read_policy(trained_policy(name), seed) if name in list_trained() else None
    spec = puffer_envs.spec(name)
    record_game(name, policy, {}, seed, math.ceil(SECONDS * spec.rate), path)
    take = Take(path)
    studio = Studio(take)
    take = replace(take, scale=max(SKETCH_WIDTH / studio.canvas.size[0], 64 / min(studio.canvas.size)))
    last = studio.frames - 1
    frames = sorted(set(np.linspace(EARLIEST * last, 0.97 * last, CANDIDATES).round().astype(int).tolist()))
    details = [len(zlib.compress(picture.tobytes(), 6)) for picture in draw_moment(take, frames)]
    about = spec.doc.partition(". ")[0].rstrip(".") + "."
    return Card(name, about, replace(take, scale=1.0), frames[int(np.argmax(details))])


def draw_moment(take: Take, frames: Sequence[int]) -> list[Pixels]:
    """These frames of a replay, without the line at their top that names values."""
    top = math.ceil(HUD_HEIGHT * take.scale)
    return [picture[top:] for picture in Studio(take).pictures(frames)]


def draw_card(card: Card, width: int, height: int) -> Pixels:
    """A card of this size in pixels: the moment, and below it the game's name and what it is."""
    label = round(LABEL * min(width, height))
    canvas = blank(width, height)
    picture = card.picture(width, height - label)
    place(canvas, picture, (width - picture.shape[1]) // 2, (height - label - picture.shape[0]) // 2)

    def write(frame: Frame) -> None:
        frame.clear(NIGHT)
        frame.text(width / 2, 0.1 * label, card.name.replace("_", " "), 0.46 * label, SNOW, "center")
        size = 0.27 * label
        about = shorten(card.about, lambda text: frame.measure(text, size) <= 0.98 * width)
        frame.text(width / 2, 0.62 * label, about, size, STEEL, "center")

    place(canvas, Offscreen(width, label).render(write), 0, height - label)
    return canvas


def draw_poster(cards: Iterable[Card], count: int, width: int, height: int, title: str) -> Pixels:
    """All cards on one sheet.

    Args:
        cards: in order; each is drawn before the next is asked for.
        count: of the cards.
        width: of the sheet, in pixels.
        height: of the sheet, in pixels.
        title: above them; none if it is empty.
    """
    canvas = blank(width, height)
    margin = round(0.02 * min(width, height))
    top = round(0.09 * min(width, height)) if title else margin
    if title:

        def write(frame: Frame) -> None:
            frame.clear(NIGHT)
            size = min(0.6 * top, 0.9 * width / max(frame.measure(title, 1), 1e-9))
            frame.text(width / 2, (top - size) / 2, title, size, SNOW, "center")

        place(canvas, Offscreen(width, top).render(write), 0, 0)
    columns = best_columns(count, width - 2 * margin, height - top - margin)
    rows = math.ceil(count / columns)
    cell = (width - 2 * margin) // columns, (height - top - margin) // rows
    gap = round(0.05 * min(cell))
    for number, card in enumerate(cards):
        row, column = divmod(number, columns)
        missing = columns - min(columns, count - row * columns)  # in the last row, which is centred
        x = margin + column * cell[0] + missing * cell[0] // 2
        place(canvas, draw_card(card, cell[0] - gap, cell[1] - gap), x + gap // 2, top + row * cell[1] + gap // 2)
    return canvas


def best_columns(count: int, width: int, height: int) -> int:
    """How many columns make the pictures of `count` cards largest."""

    def side(columns: int) -> float:
        return min(width / columns, height / math.ceil(count / columns) * (1 - LABEL) * TYPICAL_RATIO)

    return max(range(1, count + 1), key=side)


def shorten(text: str, fits: Callable[[str], bool]) -> str:
    """As many words of a text as fit, with an ellipsis where some are missing."""
    words = text.split()
    for count in range(len(words), 0, -1):
        shown = text if count == len(words) else " ".join(words[:count]).rstrip(",;:.") + "..."
        if fits(shown):
            return shown
    return ""


def blank(width: int, height: int) -> Pixels:
    """A dark sheet."""
    return np.tile(np.array(NIGHT[:3], np.uint8), (height, width, 1))


def place(canvas: Pixels, picture: Pixels, x: int, y: int) -> None:
    """Copy a picture onto a larger one."""
    canvas[y : y + picture.shape[0], x : x + picture.shape[1]] = picture

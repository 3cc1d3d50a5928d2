"""The parts of the picture of `cards`: where things are, cards, caps of keys, arrows."""

from __future__ import annotations

from typing import Any

from puffer_render.card_art import draw_emblem, draw_heart, draw_sword
from puffer_render.draw.cards_rules import BOARD, CREATURE, HAND, INSTANT, NAMES, SPELL, SPRING, bits, choices, rules_of
from puffer_render.draw.cards_story import Moment
from puffer_render.frame import HUD_HEIGHT, Frame
from puffer_render.palette import (
    AMBER,
    CORAL,
    MINT,
    NIGHT,
    ORANGE,
    PINK,
    SKY,
    SLATE,
    SNOW,
    STEEL,
    TEAL,
    VIOLET,
    Color,
    blend,
)

KEYWORDS = (
    ("swift", "attacks in the turn it comes", AMBER),
    ("soar", "blocked only by soar and net", SKY),
    ("net", "may block what soars", TEAL),
    ("quick", "deals its damage first", ORANGE),
    ("pierce", "surplus damage goes through", CORAL),
    ("drain", "its damage is life for you", PINK),
    ("venom", "kills what it damages", MINT),
    ("awake", "attacks without tiring", SNOW),
)
LEFT, PANEL, GAP = 16, 160, 6
CARD_WIDTH, CARD_HEIGHT = 86, 118
MIDDLE = LEFT + PANEL + 16
"""Where the boards begin."""
WIDE = HAND * CARD_WIDTH + (HAND - 1) * GAP
RIGHT = MIDDLE + WIDE + 16
TOPS = (550, 416, 196, HUD_HEIGHT + 4)
"""Of the rows of cards: own hand, own board, the other's board, the other's hand."""
BAND = 350
"""Where the question between the boards begins."""
KIND_COLORS = {SPRING: TEAL, CREATURE: SKY, SPELL: VIOLET, INSTANT: AMBER}
OWN, OTHER = MINT, CORAL


class View:
    """From whose side the picture is, and what it may show."""

    def __init__(self, state: Any, frame: Frame) -> None:
        self.state, self.frame = state, frame
        self.own = frame.agent if state.self_play else 0
        self.asked, self.mode = int(state.asked), int(state.mode)
        self.moment: Moment | None = getattr(state, "moment", None)
        """What is being shown; nothing can be chosen then."""
        self.choices = choices(state) if self.moment is None else set()
        self.names = ("You", "Other") if frame.person is not None else ("First", "Second")
        self.names = self.names[::-1] if self.own else self.names

    def opens(self, side: int) -> bool:
        """Whether that hand is face up: a person sees the other's only where the other has to choose at this screen."""
        if side == self.own or self.frame.person is None:
            return True
        return bool(self.state.self_play) and self.asked == side

    def color(self, side: int) -> Color:
        """Of all that belongs to a side."""
        return OWN if side == self.own else OTHER

    def place(self, side: int, place: int) -> tuple[float, float]:
        """The top left corner of a creature."""
        x = MIDDLE + (WIDE - BOARD * CARD_WIDTH - (BOARD - 1) * 22) / 2 + place * (CARD_WIDTH + 22)
        forward = -12 if side == self.own else 12
        fights = place in bits(self.state.attacking) and side == int(self.state.turn)
        return x, TOPS[1 if side == self.own else 2] + (forward if fights else 0)

    def middle(self, side: int, place: int) -> tuple[float, float]:
        """The middle of a creature."""
        x, y = self.place(side, place)
        return x + CARD_WIDTH / 2, y + CARD_HEIGHT / 2


# --- cards ---


def fit(frame: Frame, x: float, y: float, text: str, size: float, width: float, color: Color) -> None:
    """A line in the middle of x, made smaller where it is too long."""
    wide = frame.measure(text, size)
    small = size if wide <= width else size * width / wide
    frame.text(x, y + (size - small) / 2, text, small, color, "center")


def draw_face(view: View, card: int, x: float, y: float, lit: bool, chosen: bool = False) -> None:
    """A card without its numbers for a board: name, cost, emblem, keywords or rules."""
    frame = view.frame
    row = view.state.table[card].tolist()
    color = KIND_COLORS[row[0]]
    edge = AMBER if chosen else SNOW if lit else blend(color, SLATE, 0.55)
    frame.rect(x, y, CARD_WIDTH, CARD_HEIGHT, edge, 8)
    rim = 2.5 if lit or chosen else 1.5
    frame.rect(x + rim, y + rim, CARD_WIDTH - 2 * rim, CARD_HEIGHT - 2 * rim, blend(color, NIGHT, 0.78), 7)
    frame.rect(x + rim, y + rim, CARD_WIDTH - 2 * rim, 19, blend(color, NIGHT, 0.55), 7)
    fit(frame, x + CARD_WIDTH / 2, y + 5, NAMES[card], 12, CARD_WIDTH - 8, SNOW)
    creature = row[0] == CREATURE
    words = [word for bit, (word, _, _) in enumerate(KEYWORDS) if row[4] >> bit & 1]
    draw_emblem(frame, NAMES[card], row[5], creature, x + CARD_WIDTH / 2, y + 46, 19)
    if row[0] != SPRING:
        frame.circle(x + 13, y + 31, 9, blend(TEAL, NIGHT, 0.35))
        frame.text(x + 13, y + 24, str(row[1]), 14, SNOW, "center")
    if row[0] == INSTANT:
        frame.text(x + CARD_WIDTH - 6, y + 22, "instant", 10, AMBER, "right")
    if creature:
        colors = {word: tint for word, _, tint in KEYWORDS}
        for line, word in enumerate(words):
            tops = y + (77 if len(words) == 1 else 71 + 12 * line)
            frame.text(x + CARD_WIDTH / 2, tops, word, 12, colors[word], "center")
    else:
        for line, text in enumerate(rules_of(row)):
            fit(frame, x + CARD_WIDTH / 2, y + 70 + 14 * line, text, 11.5, CARD_WIDTH - 8, SNOW)


def draw_stats(view: View, x: float, y: float, attack: int, left: int, hurt: bool, changed: bool) -> None:
    """Attack and health at the foot of a creature."""
    frame = view.frame
    foot = y + CARD_HEIGHT - 11
    frame.rect(x + 3, foot - 10, 36, 18, blend(AMBER, NIGHT, 0.7), 6)
    frame.rect(x + CARD_WIDTH - 39, foot - 10, 36, 18, blend(CORAL, NIGHT, 0.7), 6)
    draw_sword(frame, x + 12, foot - 1, 6, AMBER)
    draw_heart(frame, x + CARD_WIDTH - 30, foot - 1, 6, CORAL)
    color = MINT if changed else SNOW
    frame.text(x + 29, foot - 9, str(attack), 16, color, "center")
    frame.text(x + CARD_WIDTH - 13, foot - 9, str(left), 16, CORAL if hurt else color, "center")


def draw_cap(frame: Frame, x: float, y: float, key: str, bright: bool = True) -> None:
    """A key cap in the middle of x."""
    wide = max(20.0, frame.measure(key, 13) + 12)
    frame.rect(x - wide / 2, y, wide, 19, AMBER if bright else SLATE, 5)
    frame.text(x, y + 2.5, key, 13, NIGHT if bright else STEEL, "center")


def draw_arrow(frame: Frame, start: tuple[float, float], end: tuple[float, float], color: Color) -> None:
    """An arrow with a broad head."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = max(1.0, (dx * dx + dy * dy) ** 0.5)
    ux, uy = dx / length, dy / length
    neck = (end[0] - 14 * ux, end[1] - 14 * uy)
    frame.path([start, neck], 5, color)
    frame.polygon([(neck[0] - 8 * uy, neck[1] + 8 * ux), end, (neck[0] + 8 * uy, neck[1] - 8 * ux)], color)

"""What happened within a step of `cards`, shown beat by beat: the state lists events, this puts pictures between them.

The boards, hands and lives that are shown on the way follow from the state before and the events; the state after has
the last word.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from puffer_render.draw.cards_rules import (
    BOARD,
    BOLT,
    CREATURE,
    DRAW,
    GROW,
    HAND,
    PLAYER,
    SPRING,
    SWEEP,
    WEAKEN,
    bits,
)

TURN, PLAY, FIZZLE, ATTACK, BLOCK, DEATH, DAMAGE, HEAL, RETURN, FULL, FATIGUE, END, EFFECT = range(1, 14)
"""Kinds of events."""
LENGTHS = {TURN: 14, PLAY: 22, FIZZLE: 18, ATTACK: 18, BLOCK: 18, RETURN: 14}
LENGTHS |= {FULL: 12, FATIGUE: 20, END: 30, EFFECT: 14}
AT_ONCE = (TURN, PLAY, ATTACK, BLOCK)
"""Kinds of events that have changed the state already while they are shown."""
HARM = (DEATH, DAMAGE, HEAL)
HARM_LENGTH = 24
"""Frames of each; those that hurt or heal are shown together."""
NOTHING = -1
"""In the place of a mode: nobody is asked."""
STEP = 10
"""Frames of a step: as long as the rate of the environment says."""
UNSEEN = 0xFFFFFF
"""Events are counted up to this number, and then from 0."""


@dataclass
class Beat:
    """Something that is shown for a while: events of one kind."""

    kind: int
    events: list[Any]
    state: SimpleNamespace
    """As it is while they are shown."""
    length: int
    slot: tuple[int, int] = (0, 1)
    """Of a card that is played: its place in the hand, and the number of cards there."""

    @property
    def side(self) -> int:
        """Whose it is."""
        return int(self.events[0].side)


@dataclass
class Moment:
    """A frame of a beat."""

    beat: Beat
    share: float
    """Of the beat that has passed, 0 to 1."""
    waits: bool
    """Whether the whole story takes longer than a step."""


class Story:
    """All beats between two states."""

    def __init__(self, before: Any, after: Any) -> None:
        self.end = int(after.events_seen)
        count = (self.end - int(before.events_seen)) & UNSEEN
        events = [after.events[number % len(after.events)] for number in range(self.end - count, self.end)]
        told = count <= len(after.events)
        self.last = _copy(before, after, int(before.events_seen))
        """The state that follows from the events."""
        self.beats = list(_tell(self.last, after, events)) if told else []
        whole = sum(beat.length for beat in self.beats)
        own = int(before.asked)
        quiet = all(int(event.side) == own and int(event.kind) in (PLAY, EFFECT) for event in events)
        self.length = STEP if quiet else max(whole, STEP)
        """In frames: what the player of the step did alone takes a step; what the other one did takes longer."""
        self._stretch = whole / self.length

    def at(self, frame: int) -> Moment | None:
        """The beat of a frame, if there is one."""
        passed = frame * self._stretch
        for beat in self.beats:
            if passed < beat.length:
                return Moment(beat, passed / beat.length, self.length > STEP)
            passed -= beat.length
        return None


def story(before: Any, after: Any) -> Story:
    """Between a state that was kept, which keeps the story, and the next one."""
    found: Story | None = getattr(before, "story", None)
    if found is None or found.end != int(after.events_seen):
        found = before.story = Story(before, after)
    return found


def _tell(shown: SimpleNamespace, after: Any, events: list[Any]) -> Iterator[Beat]:
    """The beats; the state becomes the one after them."""
    seen, at = int(shown.events_seen), 0
    while at < len(events):
        kind = int(events[at].kind)
        group = [events[at]]
        while at + len(group) < len(events) and _together(group[0], events[at + len(group)]):
            group.append(events[at + len(group)])
        hand = _hand(shown.sides[int(group[0].side)])
        slot = (hand.index(int(group[0].card)) if int(group[0].card) in hand else 0, max(len(hand), 1))
        if kind in AT_ONCE:
            for event in group:
                _apply(shown, event, after, events[at + 1 :])
        shown.events_seen = seen + at + len(group)
        yield Beat(kind, group, _copy(shown, after, shown.events_seen), LENGTHS.get(kind, HARM_LENGTH), slot)
        if kind not in AT_ONCE:
            for number, event in enumerate(group):
                _apply(shown, event, after, events[at + number + 1 :])
        if kind == END:
            return
        at += len(group)


def _together(first: Any, other: Any) -> bool:
    if int(first.kind) in HARM:
        return int(other.kind) in HARM
    return int(first.kind) in (ATTACK, BLOCK) and int(first.kind) == int(other.kind)


def _copy(state: Any, after: Any, seen: int) -> SimpleNamespace:
    """A state whose parts can be changed, with the events that have been told by then."""
    shown = SimpleNamespace(**{name: getattr(state, name) for name in vars(state) if name != "story"})
    shown.sides, shown.stack, shown.blocks = (np.copy(part) for part in (shown.sides, shown.stack, shown.blocks))
    shown.events, shown.events_seen, shown.mode = after.events, seen, NOTHING
    return shown


def _apply(shown: SimpleNamespace, event: Any, after: Any, rest: list[Any]) -> None:
    """Let an event change what is shown."""
    kind, side, card, number = (int(getattr(event, name)) for name in ("kind", "side", "card", "number"))
    own = shown.sides[side]
    if kind == TURN:
        _begin_turn(shown, side, number)
        _draw(own, side, after, rest, 1)
    elif kind == PLAY:
        _play(shown, side, card, number)
    elif kind == EFFECT:
        _take_effect(shown, side, card, number)
        if int(shown.table[card][5]) == DRAW:
            _draw(own, side, after, rest, int(shown.table[card][2]))
    elif kind == FIZZLE:
        shown.stacked = max(int(shown.stacked) - 1, 0)
        own.graves += 1
    elif kind == ATTACK:
        shown.attacking = int(shown.attacking) | 1 << number
        own.tired |= 0 if int(shown.table[card][4]) >> 7 & 1 else 1 << number
    elif kind == BLOCK:
        place = next((p for p in sorted(bits(own.creatures)) if own.card[p] == card and not _blocks(shown, p)), 0)
        shown.blocks[number] |= 1 << place
        shown.blocked = int(shown.blocked) | 1 << number
    elif kind in (DEATH, RETURN):
        _leave(shown, side, number)
        if kind == DEATH:
            own.graves += 1
        elif int(own.hands) < HAND:
            _set_hand(own, [*_hand(own), card])
    elif kind in (DAMAGE, FATIGUE):
        own.life -= number
    elif kind == HEAL:
        own.life += number
    elif kind == FULL:
        own.graves += 1


def _begin_turn(shown: SimpleNamespace, side: int, turns: int) -> None:
    own = shown.sides[side]
    for player in range(2):
        shown.sides[player].hurt[:] = 0
    own.tired, own.fresh, own.planted, own.mana = 0, 0, 0, own.springs
    shown.turn, shown.turns = side, turns
    shown.attacking, shown.blocked = 0, 0
    shown.blocks[:] = 0


def _hand(side: Any) -> list[int]:
    cards: list[int] = side.hand[: int(side.hands)].tolist()
    return cards


def _set_hand(side: Any, cards: list[int]) -> None:
    cards = sorted(cards)[:HAND]
    side.hand[:] = 0
    side.hand[: len(cards)] = cards
    side.hands = len(cards)


def _draw(own: Any, side: int, after: Any, rest: list[Any], count: int) -> None:
    """Let a player draw cards; events do not tell which. They are those that are needed first for what follows."""
    follows = [event for event in rest if int(event.side) == side]
    lost = len(list(itertools.takewhile(lambda event: int(event.kind) == FULL, follows)))
    needed = [int(event.card) for event in follows if int(event.kind) == PLAY] + _hand(after.sides[side])
    there = _hand(own) + [int(event.card) for event in follows if int(event.kind) == RETURN]
    for card in there:
        if card in needed:
            needed.remove(card)
    own.drawn = min(int(own.drawn) + count, len(own.deck))
    _set_hand(own, _hand(own) + needed[: max(count - lost, 0)])


def _play(shown: SimpleNamespace, side: int, card: int, target: int) -> None:
    own = shown.sides[side]
    hand = _hand(own)
    if card in hand:
        hand.remove(card)
    _set_hand(own, hand)
    kind, cost = int(shown.table[card][0]), int(shown.table[card][1])
    if kind == SPRING:
        own.springs += 1
        own.mana += 1
        own.planted = 1
        return
    own.mana -= min(cost, int(own.mana))
    spell = shown.stack[min(int(shown.stacked), len(shown.stack) - 1)]
    spell.side, spell.card, spell.target = side, card, target
    shown.stacked = int(shown.stacked) + 1


def _take_effect(shown: SimpleNamespace, side: int, card: int, number: int) -> None:
    shown.stacked = max(int(shown.stacked) - 1, 0)
    kind, _, amount, health, _, effect = shown.table[card].tolist()
    own, other = shown.sides[side], shown.sides[1 - side]
    if kind == CREATURE:
        own.card[number], own.attack[number], own.health[number], own.hurt[number] = card, amount, health, 0
        own.creatures |= 1 << number
        own.fresh |= 1 << number
        return
    own.graves += 1
    if effect in (GROW, WEAKEN) and number < BOARD:
        whose, change = (own, amount) if effect == GROW else (other, -amount)
        for stat in (whose.attack, whose.health):
            stat[number] = min(max(int(stat[number]) + change, 0), 31)
    elif effect == BOLT and number < PLAYER:
        other.hurt[number] += amount
    elif effect == SWEEP:
        for player in (own, other):
            player.hurt[:] += np.where(player.card > 0, amount, 0).astype(np.uint8)


def _blocks(shown: SimpleNamespace, place: int) -> bool:
    return any(int(blockers) >> place & 1 for blockers in shown.blocks)


def _leave(shown: SimpleNamespace, side: int, place: int) -> None:
    own, others = shown.sides[side], ~(1 << place) & 255
    own.card[place], own.attack[place], own.health[place], own.hurt[place] = 0, 0, 0, 0
    own.creatures, own.tired, own.fresh = own.creatures & others, own.tired & others, own.fresh & others
    if side == int(shown.turn):
        shown.attacking, shown.blocked = int(shown.attacking) & others, int(shown.blocked) & others
        shown.blocks[place] = 0
    else:
        shown.blocks[:] &= others

"""What the pictures of cards tell between two states leads from one to the other."""

from __future__ import annotations

import itertools
from collections import Counter
from functools import partial
from typing import Any

import numpy as np
import pytest

import puffer_envs
from puffer_envs.environment import state_over
from puffer_render import _raster
from puffer_render.draw import cards
from puffer_render.offscreen import Offscreen
from puffer_render.states import keep, memory_of

WHOLE = (
    "life",
    "card",
    "creatures",
    "tired",
    "fresh",
    "springs",
    "mana",
    "graves",
    "hands",
    "hand",
    "attack",
    "health",
)
TURN, PLAY, FATIGUE, END, EFFECT, KINDS = 1, 2, 11, 12, 13, range(1, 14)
STEP, KEPT = 10, 32
"""Frames of a step; events that are kept."""


def play(strength: int, steps: int, self_play: bool = False, **settings: Any) -> list[tuple[Any, Any, bool]]:
    """States around each step of 8 games played at random, and whether the game ended."""
    rng = np.random.default_rng(strength)
    found = []
    with puffer_envs.make("cards", 8, seed=3, strength=strength, self_play=self_play, **settings) as env:
        env.reset()
        agents = 1 + self_play
        for _ in range(steps):
            before = [keep(env.state(i)) for i in range(8)]
            actions = np.array([rng.choice(np.flatnonzero(mask)) for mask in env.action_masks], np.int32)
            env.step(actions)
            found += [(before[i], keep(env.state(i)), bool(env.terminals[agents * i])) for i in range(8)]
    return found


def events(before: Any, after: Any) -> list[Any] | None:
    """What happened between two states; None: more than is kept."""
    count = (int(after.events_seen) - int(before.events_seen)) & 0xFFFFFF
    numbers = range(int(after.events_seen) - count, int(after.events_seen))
    return [after.events[number % KEPT] for number in numbers] if count <= KEPT else None


def told(before: Any, after: Any, frame: int, frames: int) -> Any:
    """The state that is shown at a frame of the step; at the last one, what all events have led to."""
    (start, _), (end, assets) = memory_of(before), memory_of(after)
    return state_over(puffer_envs.spec("cards"), _raster.state_between("cards", start, end, frame, frames), assets)


@pytest.mark.parametrize("strength", [0, 1, 2])
def test_events_lead_to_the_state_after(strength: int) -> None:
    """Lives, boards, hands, mana: what each beat shows is what happened, so that nothing jumps at the end."""
    seen: Counter[int] = Counter()
    untold = 0
    for before, after, ended in play(strength, 120):
        happened = events(before, after)
        untold += happened is None
        seen.update(int(event["kind"]) for event in happened or [])
        if ended or not happened:
            assert not ended or not happened or END in [int(event["kind"]) for event in happened]
            continue
        last = told(before, after, 1, 1)
        for side, name in itertools.product(range(2), WHOLE):
            mine, right = (np.asarray(one.sides[name][side]) for one in (last, after))
            assert (mine == right).all(), (side, name, mine, right, happened)
        assert int(last.stacked) == int(after.stacked) and int(last.turn) == int(after.turn)
    assert untold < 25
    assert [kind for kind in KINDS if not seen[kind]] in ([], [FATIGUE])


def test_the_other_ones_turn_takes_its_time() -> None:
    lengths, turns = Counter[bool](), 0
    for before, after, _ in play(1, 60):
        length, happened = cards.frames(before, after), events(before, after) or []
        kinds, sides = ({int(event[name]) for event in happened} for name in ("kind", "side"))
        lengths[length > STEP] += 1
        assert length >= STEP
        assert (length == STEP) == (sides <= {int(before.asked)} and kinds <= {PLAY, EFFECT}) or length < 25
        if TURN in kinds and END not in kinds and length > STEP:
            turns += 1
            shown = [int(told(before, after, frame, length).turns) for frame in range(length + 1)]
            assert shown == sorted(shown) and shown[-1] == int(after.turns)
    assert min(lengths.values()) > 50 and turns > 20


def test_every_moment_can_be_drawn() -> None:
    """Also for the second of two who play each other, and in films: what happens is drawn over the board."""
    drawn: Counter[int] = Counter()
    canvas = Offscreen(*cards.SIZE, 0.25)
    for before, after, _ in play(2, 50) + play(0, 60, self_play=True):
        kinds = {int(event["kind"]) for event in events(before, after) or []}
        if not kinds or min(drawn[kind] for kind in kinds) >= 3:
            continue
        drawn.update(kinds)
        length = cards.frames(before, after)
        shown = [cards.between(before, after, frame, length) for frame in range(1, length, 6)]
        pictures = [canvas.render(partial(cards.draw, state)) for state in shown]
        assert all(picture.max() > 200 for picture in pictures)
        assert (pictures[0] != canvas.render(partial(cards.draw, after))).any()
    assert len(drawn) > 8

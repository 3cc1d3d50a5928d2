"""What the pictures of cards tell between two states leads from one to the other."""

from __future__ import annotations

import itertools
from collections import Counter
from functools import partial
from typing import Any

import numpy as np
import pytest

import puffer_envs
from puffer_render.draw import cards
from puffer_render.draw.cards_story import EFFECT, END, PLAY, STEP, TURN, story
from puffer_render.offscreen import Offscreen
from puffer_render.states import keep

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
KINDS = range(1, 14)


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


@pytest.mark.parametrize("strength", [0, 1, 2])
def test_events_lead_to_the_state_after(strength: int) -> None:
    """Lives, boards, hands, mana: what each beat shows is what happened, so that nothing jumps at the end."""
    seen: Counter[int] = Counter()
    untold = 0
    for before, after, ended in play(strength, 120):
        told = story(before, after)
        untold += not told.beats and int(before.events_seen) != int(after.events_seen)
        seen.update(int(event.kind) for beat in told.beats for event in beat.events)
        if ended or not told.beats:
            assert not ended or not told.beats or told.beats[-1].kind == END
            continue
        for side, name in itertools.product(range(2), WHOLE):
            mine, right = (np.asarray(getattr(one.sides[side], name)) for one in (told.last, after))
            assert (mine == right).all(), (side, name, mine, right, [(b.kind, b.events) for b in told.beats])
        assert int(told.last.stacked) == int(after.stacked) and int(told.last.turn) == int(after.turn)
    assert untold < 25
    assert [kind for kind in KINDS if not seen[kind]] in ([], [11])


def test_the_other_ones_turn_takes_its_time() -> None:
    lengths = Counter()
    for before, after, _ in play(1, 60):
        length = cards.frames(before, after)
        kinds = [int(event.kind) for beat in story(before, after).beats for event in beat.events]
        sides = {int(event.side) for beat in story(before, after).beats for event in beat.events}
        lengths[length > STEP] += 1
        assert length >= STEP
        assert (length == STEP) == (sides <= {int(before.asked)} and set(kinds) <= {PLAY, EFFECT}) or length < 25
        shown = [cards.between(before, after, frame, length) for frame in range(1, length)]
        moments = [one.moment.beat.kind for one in shown if hasattr(one, "moment")]
        assert [kind for kind, _ in itertools.groupby(moments)] or not kinds
        if TURN in kinds:
            assert TURN in moments
    assert min(lengths.values()) > 50


def test_every_moment_can_be_drawn() -> None:
    """Also for the second of two who play each other, and in films."""
    drawn: Counter[int] = Counter()
    canvas = Offscreen(*cards.SIZE, 0.25)
    for before, after, _ in play(2, 50) + play(0, 60, self_play=True):
        for beat in story(before, after).beats:
            if drawn[beat.kind] >= 6:
                continue
            drawn[beat.kind] += 1
            at = sum(b.length for b in story(before, after).beats[: story(before, after).beats.index(beat)])
            moments = []
            for number in (at + 1, at + beat.length // 2):
                whole = sum(b.length for b in story(before, after).beats)
                frame = max(1, int(number * story(before, after).length / whole))
                shown = cards.between(before, after, frame, story(before, after).length)
                moments.append(canvas.render(partial(cards.draw, shown)))
            assert moments[0].max() > 200
    assert len(drawn) > 8

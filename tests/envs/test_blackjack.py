"""blackjack: cards and the three sets of rules. Its certificate is in tests/engine/test_port.py."""

from __future__ import annotations

import numpy as np
import pytest

import puffer_envs
from puffer_envs.policy import load_policy

from .side_by_side import differ

STICK, HIT = 0, 1
ROWS = 20_000


def test_cards_come_as_often_as_they_should() -> None:
    with puffer_envs.make("blackjack", ROWS, seed=1) as env:
        env.reset()
        states = [env.state(i) for i in range(0, ROWS, 5)]
        cards = np.array([[int(s.open), int(s.hidden), *s.hand[:2]] for s in states])
    for place in range(4):
        counts = np.bincount(cards[:, place], minlength=11)[1:] / len(cards)
        expected = np.array([1 / 13] * 9 + [4 / 13])
        assert np.abs(counts - expected).max() < 4.5 * np.sqrt(0.25 / len(cards))


def test_sums_and_aces_are_told_a_second_time() -> None:
    with puffer_envs.make("blackjack", 300, seed=2) as env:
        env.reset()
        for _ in range(8):
            before = [[int(card) for card in s.hand[: int(s.cards)]] for s in map(env.state, range(300))]
            env.step(np.full(300, HIT, np.int32))
            for i, hand in enumerate(before):
                seen = env.final_observations[i] if env.terminals[i] else env.observations[i]
                if not env.terminals[i]:
                    now = [int(card) for card in env.state(i).hand[: len(hand) + 1]]
                    assert now[:-1] == hand
                    assert seen.tolist()[0] == best(now) and seen[2] == (best(now) != sum(now))
                    assert env.rewards[i] == 0
                else:
                    assert seen[0] > 21 and env.rewards[i] == -1


def best(hand: list[int]) -> int:
    """What a hand counts."""
    return sum(hand) + 10 * (1 in hand and sum(hand) <= 11)


def test_the_shipped_policy_loses_little() -> None:
    """The best that can be done is to lose about 0.05 a game."""
    policy = load_policy(puffer_envs.trained_policy("blackjack"), seed=1)
    with puffer_envs.make("blackjack", 2000, seed=3) as env:
        observations = env.reset()
        for _ in range(30):
            observations, _, terminals, _ = env.step(policy.act(observations))
            policy.reset(terminals)
        log = env.log()
    assert log["n"] > 30_000 and -0.08 < log["score"] < 0.0


@pytest.mark.parametrize(("sab", "natural"), [(False, False), (False, True), (True, True)])
def test_other_rules_are_gymnasiums(sab: bool, natural: bool) -> None:
    settings = {"sab": sab, "natural": natural}
    assert differ("blackjack", "gymnasium:Blackjack-v1", settings, settings) == []

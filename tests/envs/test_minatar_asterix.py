"""MinAtar's Asterix, seen from outside; tests/envs/test_minatar.py has what the five share."""

from __future__ import annotations

from .minatar_play import Play


def test_has_one_thing_in_a_row() -> None:
    play = Play("asterix")
    gold = 0.0
    for _ in range(300):
        play.step()
        rows = (play.after[..., 1] + play.after[..., 3]).sum(2)
        assert (rows <= 1).all() and (rows[:, [0, 9]] == 0).all()
        gold += play.env.rewards.sum()
    assert gold > 20

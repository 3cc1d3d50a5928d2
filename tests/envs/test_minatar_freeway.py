"""MinAtar's Freeway, seen from outside; tests/envs/test_minatar.py has what the five share."""

from __future__ import annotations

import numpy as np

from .minatar_play import Play, position


def test_cars_keep_their_pace_and_send_the_chicken_back() -> None:
    play = Play("freeway", 16, sticky=0)
    moves = np.zeros((16, 8))
    for _ in range(420):
        play.step(np.zeros(16, np.int32))
        cars = [layer[:, 1:9].argmax(2) for layer in (play.before[..., 1], play.after[..., 1])]
        moves += cars[0] != cars[1]
    paces = np.abs(np.stack([np.asarray(play.env.state(i).pace) for i in range(16)]))
    assert (np.abs(moves - 420 / (paces + 1)) <= 1).all()
    crossings = 0.0
    for _ in range(600):
        play.step(np.ones(16, np.int32))
        x, y = position(play.after[..., 0])
        assert (x == 4).all() and (play.after[np.arange(16), y, x, 1] == 0).all(), "no chicken is under a car"
        crossings += play.env.rewards.sum()
    assert 16 < crossings < 16 * 600 / 27

"""MinAtar's Breakout, seen from outside; tests/envs/test_minatar.py has what the five share."""

from __future__ import annotations

import numpy as np

from .minatar_play import Play, position


def test_counts_bricks_and_shows_where_the_ball_was() -> None:
    play = Play("breakout")
    hits = 0
    for _ in range(300):
        on = play.step()
        gone = (play.before[..., 3].sum((1, 2)).astype(int) - play.after[..., 3].sum((1, 2)))[on]
        assert (gone == play.env.rewards[on]).all()
        hits += int(gone.sum())
        (x, y), (old_x, old_y) = position(play.before[..., 1]), position(play.after[..., 2])
        assert (x == old_x)[on].all() and (y == old_y)[on].all()
        new_x, new_y = position(play.after[..., 1])
        assert (np.abs(new_x - x)[on] <= 1).all() and (np.abs(new_y - y)[on] <= 1).all()
    assert hits > 200


def test_begins_with_worn_walls_only_if_told() -> None:
    whole, worn = (Play("breakout", 500, worn=share).after[..., 3].sum((1, 2)) for share in (0, 1))
    assert (whole == 30).all()
    assert worn.min() < 5 and worn.max() > 25 and 13 < worn.mean() < 17

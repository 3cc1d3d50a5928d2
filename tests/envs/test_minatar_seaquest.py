"""MinAtar's Seaquest, seen from outside; tests/envs/test_minatar.py has what the five share."""

from __future__ import annotations

import numpy as np

from .minatar_play import Play


def test_is_lost_without_air_and_at_the_surface_without_a_diver() -> None:
    play = Play("seaquest", 64, sticky=0)
    play.step(np.full(64, 4, np.int32))
    play.step(np.full(64, 2, np.int32))
    assert play.env.terminals.all(), "down and up again, with nobody aboard"
    alive = np.ones(64, bool)
    for _ in range(200):
        alive &= play.step(np.full(64, 4, np.int32))
    assert alive.sum() > 3, "the others were hit"
    play.step(np.full(64, 4, np.int32))
    assert play.env.terminals[alive].all(), "200 steps of air"

"""MinAtar's Seaquest, seen from outside; tests/envs/test_minatar.py has what the five share."""

from __future__ import annotations

import numpy as np

from .minatar_play import Play
from .patch import patch


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


UP, STAY = 2, 0


def test_surfacing_makes_it_harder_until_it_cannot_be() -> None:
    """Enemies come one step sooner each time, and every second time they move one step sooner."""
    play = Play("seaquest", 1, sticky=0)
    for ramps, spawn, move, after in ((0, 20, 5, (1, 19, 5)), (1, 2, 5, (2, 1, 4)), (7, 1, 3, (8, 1, 2)),
                                      (9, 1, 2, (9, 1, 2)), (8, 1, 3, (9, 1, 3)), (9, 5, 2, (10, 4, 2))):  # fmt: skip
        patch(play.env, y=1, surfaced=0, aboard=2, ramps=ramps, spawn_speed=spawn, move_speed=move, spawn_timer=9)
        play.step(np.array([UP], np.int32))
        state = play.env.state(0)
        assert (int(state.ramps), int(state.spawn_speed), int(state.move_speed)) == after
        assert (int(state.aboard), int(state.surfaced)) == (1, 1)
    with_ramping = play.env.state(0)
    still = Play("seaquest", 1, sticky=0, ramping=False)
    patch(still.env, y=1, surfaced=0, aboard=2)
    still.step(np.array([UP], np.int32))
    assert int(still.env.state(0).ramps) == 0 < int(with_ramping.ramps)


def test_a_full_sea_takes_no_diver_more() -> None:
    play = Play("seaquest", 1, sticky=0)
    most = len(play.env.state(0).divers)
    divers = [[k % 10, 1 + k % 8, 1, 5, 0] for k in range(most)]
    patch(play.env, divers=divers, num_divers=most, diver_timer=0, spawn_timer=20)
    play.step(np.array([STAY], np.int32))
    state = play.env.state(0)
    assert int(state.num_divers) == most
    assert (state.divers[:, :2] == np.array(divers)[:, :2]).all()

"""MinAtar's Space Invaders, seen from outside; tests/envs/test_minatar.py has what the five share."""

from __future__ import annotations

import numpy as np

import puffer_envs
from puffer_envs.policy import load_policy

from .minatar_play import Play
from .patch import patch


def test_counts_aliens_and_sends_the_next_wave() -> None:
    play = Play("space_invaders")
    policy = load_policy(puffer_envs.trained_policy("minatar_space_invaders"), seed=1)
    waves = 0
    for _ in range(250):
        on = play.step(policy.act(play.after))
        policy.reset(~on)
        gone = play.before[..., 1].sum((1, 2)).astype(int) - play.after[..., 1].sum((1, 2))
        new = on & (gone < 0)
        waves += int(new.sum())
        assert (gone == play.env.rewards)[on & ~new].all()
        assert (play.after[new][..., 1].sum((1, 2)) == 24).all()
        assert (play.after[..., 1] == play.after[..., 2] + play.after[..., 3]).all()
    assert waves > 0


def test_waves_come_faster_only_down_to_the_fastest() -> None:
    play = Play("space_invaders", 1, sticky=0)
    for ramping, interval, after in ((True, 12, 11), (True, 6, 6), (False, 12, 12)):
        play = Play("space_invaders", 1, sticky=0, ramping=ramping)
        aliens, shots = [0] * 10, [0] * 10
        aliens[3], shots[4] = 1 << 7, 1 << 7
        patch(play.env, aliens=aliens, shots=shots, interval=interval, move_timer=5, shot_timer=5, ramps=0)
        play.step(np.zeros(1, np.int32))
        state = play.env.state(0)
        assert play.env.rewards[0] == 1.0 and play.after[0, ..., 1].sum() == 24
        assert (int(state.interval), int(state.ramps)) == (after, int(after < interval))

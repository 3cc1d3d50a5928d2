"""MinAtar's Space Invaders, seen from outside; tests/envs/test_minatar.py has what the five share."""

from __future__ import annotations

import puffer_envs
from puffer_envs.policy import load_policy

from .minatar_play import Play


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

"""MinAtar's five games: what they share, and the package itself where it is installed."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest

import puffer_envs
from puffer_envs.policy import load_policy

from .minatar_play import Play
from .side_by_side import differ

GAMES = ("asterix", "breakout", "freeway", "seaquest", "space_invaders")
RAMPING = ("asterix", "seaquest", "space_invaders")
LEAST = {"asterix": 20.0, "breakout": 18.0, "freeway": 64.0, "seaquest": 40.0, "space_invaders": 60.0}
"""Scores of the shipped policies on 64 episodes."""


@pytest.mark.parametrize("game", GAMES)
def test_with_all_actions_and_other_settings_it_is_the_packages(game: str) -> None:
    pytest.importorskip("minatar", reason="pip install MinAtar")
    ours: dict[str, Any] = {"all_actions": True, "sticky": 0.25}
    ours |= {"ramping": False} if game in RAMPING else {"worn": 1} if game == "breakout" else {}
    theirs = {"all_actions": True, "sticky_action_prob": 0.25, "difficulty_ramping": game not in RAMPING}
    assert differ(f"minatar_{game}", f"puffer_envs.porting.minatar:{game}", ours, theirs) == []


@pytest.mark.parametrize("game", GAMES)
def test_with_sticky_actions_alone_nothing_is_done(game: str) -> None:
    """The first action of an episode is repeated for ever, which is to stay."""
    play = Play(game, sticky=1)
    start = play.after[0, ..., 0].copy()
    for _ in range(60):
        play.step()
        assert (play.after[..., 0] == start).all()


@pytest.mark.parametrize("game", GAMES)
def test_six_actions_may_be_chosen(game: str) -> None:
    assert Play(game, all_actions=True).choices == 6
    assert Play(game).choices == {"asterix": 5, "breakout": 3, "freeway": 3, "seaquest": 6, "space_invaders": 4}[game]


@pytest.mark.parametrize("game", GAMES)
def test_the_shipped_policy_plays_well(game: str) -> None:
    policy = load_policy(puffer_envs.trained_policy(f"minatar_{game}"), seed=1)
    with puffer_envs.make(f"minatar_{game}", 64, seed=3) as env:
        observations = env.reset()
        first = np.ones(64, bool)
        scores: list[float] = []
        while first.any():
            observations, _, terminals, truncations = env.step(policy.act(observations))
            over = terminals | truncations
            policy.reset(over)
            scores += [env.log(int(i))["score"] for i in np.flatnonzero(over & first)]
            first &= ~over
    assert np.mean(scores) >= LEAST[game]


def test_gymnasium_makes_them_by_id() -> None:
    env = gymnasium.make("puffer/MinatarBreakout-v1")
    observation, _ = env.reset(seed=1)
    assert observation.shape == (10, 10, 4) and observation.dtype == np.uint8
    env.close()

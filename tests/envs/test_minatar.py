"""MinAtar's five games: what the rules say, seen from outside, and the package itself where it is installed."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from numpy.typing import NDArray

import puffer_envs
from puffer_envs.policy import load_policy

from .side_by_side import differ

GAMES = ("asterix", "breakout", "freeway", "seaquest", "space_invaders")
RAMPING = ("asterix", "seaquest", "space_invaders")
LEAST = {"asterix": 0.0, "breakout": 0.0, "freeway": 0.0, "seaquest": 0.0, "space_invaders": 0.0}
"""Scores of the shipped policies on 64 episodes, which are at least those of DQN after 5 million frames."""


class Play:
    """Many games side by side, played at random; `before` and `after` are observations around the last step."""

    def __init__(self, game: str, envs: int = 64, **settings: Any) -> None:
        self.env = puffer_envs.make(f"minatar_{game}", envs, seed=1, **settings)
        self.after = self.env.reset().copy()
        self.rng = np.random.default_rng(2)
        self.choices = int(self.env.single_action_space.n)  # type: ignore[attr-defined]

    def step(self, actions: NDArray[np.int32] | None = None) -> NDArray[np.bool_]:
        """Act; return which games went on."""
        self.before = self.after
        if actions is None:
            actions = self.rng.integers(0, self.choices, self.env.num_envs).astype(np.int32)
        self.env.step(actions)
        self.after = self.env.observations.copy()
        return ~(self.env.terminals | self.env.truncations)


def position(layer: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """(x, y) of what there is one of in a layer of every game."""
    assert (layer.sum((1, 2)) == 1).all()
    y, x = np.divmod(layer.reshape(len(layer), -1).argmax(1), 10)
    return x, y


@pytest.mark.parametrize("game", GAMES)
def test_with_all_actions_and_other_settings_it_is_the_packages(game: str) -> None:
    pytest.importorskip("minatar", reason="pip install MinAtar")
    ours = {"all_actions": True, "sticky": 0.25, **({"ramping": False} if game in RAMPING else {})}
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


def test_breakout_counts_bricks_and_shows_where_the_ball_was() -> None:
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


def test_breakout_begins_with_worn_walls_only_if_told() -> None:
    whole, worn = (Play("breakout", 500, worn=share).after[..., 3].sum((1, 2)) for share in (0, 1))
    assert (whole == 30).all()
    assert worn.min() < 5 and worn.max() > 25 and 13 < worn.mean() < 17


def test_freeway_cars_keep_their_pace_and_send_the_chicken_back() -> None:
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


def test_asterix_has_one_thing_in_a_row() -> None:
    play = Play("asterix")
    gold = 0.0
    for _ in range(300):
        play.step()
        rows = (play.after[..., 1] + play.after[..., 3]).sum(2)
        assert (rows <= 1).all() and (rows[:, [0, 9]] == 0).all()
        gold += play.env.rewards.sum()
    assert gold > 20


def test_space_invaders_counts_aliens_and_sends_the_next_wave() -> None:
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


def test_seaquest_is_lost_without_air_and_at_the_surface_without_a_diver() -> None:
    play = Play("seaquest", 64, sticky=0)
    play.step(np.full(64, 4, np.int32))
    play.step(np.full(64, 2, np.int32))
    assert play.env.terminals.all(), "down and up again, with nobody aboard"
    play.env.log()
    for _ in range(201):
        play.step(np.full(64, 4, np.int32))
    begun = play.after[:, 0, :, 0].any(1)
    play.step(np.full(64, 4, np.int32))
    assert play.env.terminals[~begun].all() or play.env.log()["episode_length"] <= 202
    assert play.env.rewards.max() == 0


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

"""Matches: rows belong to players, pairs share seeds, and the ratings are the likeliest."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import puffer_envs
from puffer_envs.arena import match
from puffer_envs.arena.actors import PolicyActor
from puffer_envs.arena.cli_match import main
from puffer_envs.arena.errors import ArenaError
from puffer_envs.arena.match import MatchOptions, Tally, play_match
from puffer_envs.arena.players import Player, check_fits, find_players
from puffer_envs.arena.ratings import SCALE, fit, rate
from puffer_envs.arena.sides import two_sides
from puffer_envs.policy import load_policy
from puffer_envs.replay import Replay

TRAINED = puffer_envs.trained_policy("connect4")


def players(*words: str, name: str = "connect4") -> list[Player]:
    return find_players(words, name)[1]


def test_a_match_is_a_function_of_its_seed() -> None:
    def result(seed: int) -> list[Tally]:
        return play_match("connect4", players("trained", "random", "script:2"), {}, MatchOptions(60, seed))

    assert result(5) == result(5)
    assert result(5) != result(6)


@pytest.mark.parametrize("name", ["connect4", "cards", "tanks", "snake", "blobs", "othello"])
def test_a_trained_policy_beats_chance(name: str) -> None:
    (tally,) = play_match(name, players("trained", "random", name=name), {}, MatchOptions(4))
    assert tally.games == 4 and tally.score > 0.6
    assert sum(tally.pairs) == 2 and sum(tally.wins_by_side) == tally.wins


def test_the_games_of_a_pair_start_the_same_way() -> None:
    """Two players that choose the same draw every pair: a win of one side is a loss when the sides are swapped."""
    policies = players("trained")
    twins = [policies[0], Player("twin", "policy", TRAINED, "other", policies[0].info)]
    (tally,) = play_match("connect4", twins, {}, MatchOptions(80, deterministic=True))
    assert tally.pairs == [0, 0, 40, 0, 0] and tally.wins > 0


def test_a_script_is_as_strong_as_its_number_says() -> None:
    strong = play_match("connect4", players("random", "script:6", "script:1"), {}, MatchOptions(200))
    by_label = {tally.second.label: tally.score for tally in strong}
    assert by_label["script:6"] < by_label["script:1"] < 0.4


def test_all_rows_of_a_policy_are_one_call_whatever_the_opponents(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: dict[int, list[int]] = {}
    act = PolicyActor.act

    def counted(self: PolicyActor, observations: Any, *rest: Any) -> Any:
        calls.setdefault(id(self._policy.info), []).append(len(observations))
        return act(self, observations, *rest)

    monkeypatch.setattr(PolicyActor, "act", counted)
    info = players("trained")[0].info
    many = [Player(str(number), "policy", TRAINED, str(number), info) for number in range(11)]
    tallies = play_match("connect4", many, {}, MatchOptions(4))
    assert len(tallies) == 55
    longest = max(len(sizes) for sizes in calls.values())
    assert longest <= 2 * 42  # two rounds of one game each: a call per step
    assert all(sizes[0] == 2 * 10 for sizes in calls.values())


def test_replays_of_each_kind_of_win_end_as_they_are_called(tmp_path: Path) -> None:
    play_match("connect4", players("trained", "random", "script:1"), {}, MatchOptions(100), replays=tmp_path)
    paths = sorted(tmp_path.iterdir())
    assert len(paths) >= 6
    for path in paths:
        replay = Replay.load(path)
        for env in replay.play():
            rewards, over = env.rewards[0], env.terminals[0]
        assert over
        expected = {"first": 1, "second": -1}.get(path.stem.rpartition("-")[2], 0)
        assert rewards == expected, path.name
        assert ("draws" in path.stem) == (expected == 0)


def test_rows_that_wait_keep_their_state() -> None:
    rng = np.random.default_rng(3)
    both, one = load_policy(TRAINED), load_policy(TRAINED)
    first = np.zeros(4, bool)
    first[:2] = True
    for _ in range(3):
        observations = rng.integers(0, 2, (4, 85)).astype(np.uint8)
        mixed = both.act(observations, deterministic=True, moving=first)
        assert np.array_equal(mixed[:2], one.act(observations[:2], deterministic=True)) and not mixed[2:].any()
    assert not both.act(observations, moving=np.zeros(4, bool)).any()
    assert both._state is not None and one._state is not None
    assert np.array_equal(both._state[:, :2], one._state) and not both._state[:, 2:].any()
    both.keep(first)
    assert np.array_equal(both._state, one._state)


def test_teams_and_neighbours_are_sides() -> None:
    assert two_sides("tanks", {"team_size": 2}).rows.tolist() == [0, 0, 1, 1]
    assert two_sides("snake", {"num_snakes": 4}).rows.tolist() == [0, 1, 0, 1]
    assert two_sides("connect4", {}).settings["self_play"] is True


# --- ratings ---


def test_ratings_are_the_strengths_that_the_points_come_from() -> None:
    strengths = np.array([1.5, 0.5, -0.2, -1.8])
    chance = 1 / (1 + np.exp(strengths[None, :] - strengths[:, None]))
    np.fill_diagonal(chance, 0)
    found, _ = fit(1e7 * chance)
    assert np.allclose(found, strengths - strengths.mean(), atol=1e-5)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    strengths = np.array([0.8, 0.1, -0.9])
    inside = []
    for _ in range(400):
        points = np.zeros((3, 3))
        for a, b in ((0, 1), (0, 2), (1, 2)):
            points[a, b] = rng.binomial(100, 1 / (1 + np.exp(strengths[b] - strengths[a])))
            points[b, a] = 100 - points[a, b]
        found, spread = fit(points)
        inside.append(np.abs(found - strengths) < 1.96 * spread)
    assert np.mean(inside) == pytest.approx(0.95, abs=0.02)


def test_a_player_who_wins_all_has_a_rating_with_a_wide_interval() -> None:
    a, b = Player("a", "random"), Player("b", "random")
    best, _ = rate([Tally(a, b, wins=20, pairs=[0, 0, 0, 0, 10])], ["a", "b"])
    assert 200 < best.rating < 2000 and best.high - best.low > SCALE
    assert best.score == 1 and best.games == 20


# --- the command ---


def test_the_command_prints_a_ladder_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["connect4", "trained", "random", "script:4", "--games", "19"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[1].split()[:2] == ["1", "trained"] and "60 games of connect4" in out
    assert main([str(TRAINED), "random", "--games", "20", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["environment"] == "connect4" and content["players"][0]["name"] == "connect4"
    (one,) = content["matches"]
    assert one["wins"] + one["draws"] + one["losses"] == 20 and sum(one["pairs"]) == 10


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["connect4", "trained"], "needs two players"),
        (["connect4", "trained", "nobody"], "nobody is neither a policy file nor"),
        (["random", "script:4"], "no environment is named"),
        (["connect4", "random", "script:99"], "script:99: connect4 has no script of this strength, it can be 0 to 8"),
        (["connect4", "random", "script"], "needs a strength"),
        (["connect4", "random", "script:x"], "is a number"),
        (["connect4", "script:1", "script:2"], "one that is no script"),
        (["connect4", "random", "random"], "given twice"),
        (["connect4", str(puffer_envs.trained_policy("cards")), "random"], "a policy for cards, not for connect4"),
        (["breakout", "trained", "random"], "breakout has one player"),
        (["snake", "trained", "script:1"], "snake has no scripted player"),
        (["othello", "trained", "random", "--env.size", "8"], "reads observations of shape (109,)"),
        (["connect4", "trained", "random", "--env.stength", "3"], "did you mean 'strength'"),
    ],
)
def test_bad_input_is_one_sentence(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    error = capsys.readouterr().err
    assert sentence.lower() in error.lower() and error.count("\n") == 1


def test_a_policy_for_another_version_is_refused(tmp_path: Path) -> None:
    older = players("trained")[0]
    assert older.info is not None
    with pytest.raises(ArenaError, match="version 2, these are version 1"):
        check_fits(replace(older, info=replace(older.info, environment_version=2)), puffer_envs.spec("connect4"))


def test_a_game_that_never_ends_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(match, "MAX_STEPS", 3)
    with pytest.raises(ArenaError, match="did not end"):
        play_match("connect4", players("trained", "random"), {}, MatchOptions(2))

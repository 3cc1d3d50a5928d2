"""Search before a move: the formula told a second time, wins found, boards untouched, and mistakes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import puffer_envs
from puffer_envs.arena.cli_match import main
from puffer_envs.arena.search import COMPARED, WEIGHT, Observer, Search, halving
from puffer_envs.arena.sides import two_sides
from puffer_envs.contract.trained import trained_policy
from puffer_envs.policy import NumpyPolicy, load_policy

SEED = 3


class Blank(NumpyPolicy):
    """Finds all moves as good, and all positions even."""

    def __init__(self, moves: int, self_play: bool = True) -> None:
        self.info: Any = type("Info", (), {"settings": {"self_play": self_play}})
        self._moves = moves

    def initial_state(self, rows: int) -> Any:
        return np.zeros((1, rows, 2), np.float32)

    def evaluate(self, observations: Any, state: Any) -> Any:
        rows = len(observations)
        return np.zeros((rows, self._moves), np.float32), np.zeros(rows, np.float32)


def start(name: str, moves: list[int], games: int = 1) -> Any:
    """Games in which these moves were made."""
    env = puffer_envs.make(name, games, **two_sides(name, {}).settings)  # type: ignore[arg-type]
    env.reset(SEED)
    for move in moves:
        env.step(np.full(2 * games, move, np.int32))
    return env


def turn(name: str) -> int:
    found = two_sides(name, {}).turn
    assert found is not None
    return found


def test_a_win_is_taken_and_a_loss_prevented() -> None:
    """Connect four: stones of one side in columns 1, 2, 3, and of the other on top of them."""
    for moves, best in (([1, 1, 2, 2, 3, 3], {0, 4}), ([1, 6, 2, 6, 3], {0, 4})):
        with start("connect4", moves) as env:
            search = Search(env, Blank(7), turn("connect4"), 300)
            assert int(search.act(np.array([0]), np.array([True]))[0]) in best
            search.close()


class Plain:
    """The same search in a single game, by recursion over dictionaries and snapshots."""

    def __init__(self, env: Any, policy: NumpyPolicy, at: int) -> None:
        self.env, self.observer = env, Observer(policy, at)
        self.root = self.see(self.observer.memory(1))

    def see(self, memory: Any) -> dict[str, Any]:
        seen = self.observer.look(self.env, np.array([0]), memory)
        prior = {move: float(p) for move, p in enumerate(seen.prior[0]) if p > 0}
        return {
            "state": self.env.snapshot(),
            "memory": seen.memory,
            "view": 1 - 2 * int(seen.mover[0]),
            "prior": prior,
            "value": float(seen.value[0]),
            "over": False,
            "visits": dict.fromkeys(prior, 0),
            "total": dict.fromkeys(prior, 0.0),
            "children": {},
        }

    def scores(self, node: dict[str, Any]) -> dict[int, float]:
        visits, prior = node["visits"], node["prior"]
        known = {move: node["view"] * node["total"][move] / count for move, count in visits.items() if count}
        expected = node["view"] * node["value"]
        if known:
            mean = sum(prior[move] * q for move, q in known.items()) / sum(prior[move] for move in known)
            expected = (expected + sum(visits.values()) * mean) / (1 + sum(visits.values()))
        weight = WEIGHT + max(visits.values())
        return {move: math.log(p) + weight * (known.get(move, expected) + 1) / 2 for move, p in prior.items()}

    def below(self, node: dict[str, Any]) -> int:
        scores = self.scores(node)
        powers = {move: math.exp(score - max(scores.values())) for move, score in scores.items()}
        total = 1 + sum(node["visits"].values())
        return max(powers, key=lambda move: powers[move] / sum(powers.values()) - node["visits"][move] / total)

    def simulate(self, node: dict[str, Any], move: int) -> float:
        if move not in node["children"]:
            self.env.restore(node["state"])
            self.env.step(np.full(2, move, np.int32))
            over = bool(self.env.terminals[0] | self.env.truncations[0])
            rewards = self.env.rewards.copy()
            child = self.see(node["memory"])
            child["over"] = over
            if over:
                child["value"] = float(rewards[0] - rewards[1]) / 2
            elif not self.observer.sees_all and child["view"] != self.root["view"]:
                child["value"] = node["value"]
            node["children"][move] = child
            value = child["value"]
        else:
            child = node["children"][move]
            value = child["value"] if child["over"] else self.simulate(child, self.below(child))
        node["visits"][move] += 1
        node["total"][move] += value
        return float(value)

    def run(self, simulations: int) -> list[int]:
        """Compare moves by halving; return how often each was taken."""
        prior = self.root["prior"]
        compared = sorted(prior, key=lambda move: -prior[move])[:COMPARED]
        left, done, rounds = len(compared), 0, max(1, math.ceil(math.log2(len(compared))))
        least = min(2, left)
        while done < simulations:
            for _ in range(max(1, simulations // (rounds * left))):
                taken: list[int] = []
                while len(taken) < left and done < simulations:
                    scores = self.scores(self.root)
                    taken.append(max((move for move in compared if move not in taken), key=lambda m: scores[m]))
                    self.simulate(self.root, taken[-1])
                    done += 1
                compared = taken if done < simulations else compared
            left = max(least, left // 2)
        self.env.restore(self.root["state"])
        return [self.root["visits"].get(move, 0) for move in range(max(prior) + 1)]


@pytest.mark.parametrize("moves", [[], [3, 3, 2], [1, 1, 2, 2, 3]])
@pytest.mark.parametrize("simulations", [3, 60])
def test_it_is_the_formula_told_a_second_time(moves: list[int], simulations: int) -> None:
    policy = load_policy(trained_policy("connect4"))
    with start("connect4", moves) as env:
        plain = Plain(env, policy, turn("connect4"))
        expected = plain.run(simulations)
        search = Search(env, policy, turn("connect4"), simulations)
        root = search._observer.look(env, np.array([0]), search._observer.memory(1))
        tree = search.grow(np.array([0]), root)
        assert tree.visits[0, 0, : len(expected)].tolist() == expected
        assert sum(expected) == simulations
        scores = plain.scores(plain.root)
        most = max(expected)
        played = max((move for move in scores if expected[move] == most), key=lambda move: scores[move])
        assert tree.best()[0].tolist() == [played]
        search.close()


def test_simulations_are_halved_among_ever_fewer_moves() -> None:
    assert halving(4, 8) == [0, 0, 0, 0, 1, 1, 2, 2]
    assert halving(1, 3) == [0, 1, 2]
    assert halving(16, 5) == [0] * 5
    assert halving(3, 12) == [0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 4, 4]


def test_games_are_searched_as_if_alone_and_the_board_stays() -> None:
    policy = load_policy(trained_policy("othello"))
    with start("othello", [], games=3) as env:
        before = env.state_hash()
        together = Search(env, policy, turn("othello"), 20)
        every = np.arange(3)
        tree = together.grow(every, together._observer.look(env, every, together._observer.memory(3)))
        for game in every:
            alone = Search(env, policy, turn("othello"), 20)
            root = alone._observer.look(env, np.array([game]), alone._observer.memory(1))
            assert (alone.grow(np.array([game]), root).visits[0, 0] == tree.visits[game, 0]).all()
            alone.close()
        assert env.state_hash() == before
        assert len({row.tobytes() for row in tree.best()[1]}) > 1, "the games differ"
        together.close()


def test_search_makes_a_policy_stronger(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["connect4", "trained", "trained@48", "--games", "16", "--seed", "2"]) == 0
    printed = capsys.readouterr().out
    first = next(line for line in printed.splitlines() if line.split()[:1] == ["1"])
    assert first.split()[1] == "trained@48" and float(first.split()[-2]) > 0.6, printed


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["hex", "trained@x", "random"], "as in trained@200"),
        (["hex", "trained@0", "random"], "1 to 100_000"),
        (["hex", "random@50", "trained"], "random@50: only policies search"),
        (["hex", "trained@50", "script:2"], "not those of hex's script"),
        (["tanks", "trained@50", "random"], "tanks cannot be searched"),
    ],
)
def test_mistakes_are_one_sentence(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    error = capsys.readouterr().err
    assert error.startswith("puffer-match: ") and error.count("\n") == 1 and message in error, error

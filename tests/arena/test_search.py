"""Search before a move: the formula told a second time, wins found, boards untouched, and mistakes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import puffer_envs
from puffer_envs.arena.cli_match import main
from puffer_envs.arena.search import EXPLORATION, Observer, Search
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


def plain_visits(env: Any, policy: NumpyPolicy, at: int, simulations: int) -> list[int]:
    """The same search in a single game, by recursion over dictionaries and snapshots."""
    observer = Observer(policy, at)

    def see(memory: Any) -> dict[str, Any]:
        seen = observer.look(env, np.array([0]), memory)
        prior = [float(p) for p in seen.prior[0]]
        return {
            "state": env.snapshot(),
            "memory": seen.memory,
            "side": int(seen.mover[0]),
            "prior": prior,
            "value": float(seen.value[0]),
            "over": False,
            "visits": [0] * len(prior),
            "total": [0.0] * len(prior),
            "children": {},
        }

    def simulate(node: dict[str, Any]) -> float:
        view = 1 - 2 * node["side"]
        taken = sum(node["visits"])

        def score(move: int) -> float:
            visits = node["visits"][move]
            mean = node["total"][move] / visits if visits else node["value"]
            return float(view * mean + EXPLORATION * node["prior"][move] * math.sqrt(max(taken, 1)) / (1 + visits))

        move = max((m for m, p in enumerate(node["prior"]) if p > 0), key=score)
        if move not in node["children"]:
            env.restore(node["state"])
            env.step(np.full(2, move, np.int32))
            over = bool(env.terminals[0] | env.truncations[0])
            rewards = env.rewards.copy()
            child = see(node["memory"])
            child["over"] = over
            if over:
                child["value"] = float(rewards[0] - rewards[1]) / 2
            elif not observer.sees_all and child["side"] != root["side"]:
                child["value"] = node["value"]
            node["children"][move] = child
            value = child["value"]
        else:
            child = node["children"][move]
            value = child["value"] if child["over"] else simulate(child)
        node["visits"][move] += 1
        node["total"][move] += value
        return float(value)

    root = see(observer.memory(1))
    for _ in range(simulations):
        simulate(root)
    env.restore(root["state"])
    return list(root["visits"])


@pytest.mark.parametrize("moves", [[], [3, 3, 2], [1, 1, 2, 2, 3]])
def test_it_is_the_formula_told_a_second_time(moves: list[int]) -> None:
    policy = load_policy(trained_policy("connect4"))
    with start("connect4", moves) as env:
        expected = plain_visits(env, policy, turn("connect4"), 60)
        search = Search(env, policy, turn("connect4"), 60)
        root = search._observer.look(env, np.array([0]), search._observer.memory(1))
        assert search.visits(np.array([0]), root)[0].tolist() == expected
        assert sum(expected) == 60
        search.close()


def test_games_are_searched_as_if_alone_and_the_board_stays() -> None:
    policy = load_policy(trained_policy("othello"))
    with start("othello", [], games=3) as env:
        before = env.state_hash()
        together = Search(env, policy, turn("othello"), 20)
        every = np.arange(3)
        visits = together.visits(every, together._observer.look(env, every, together._observer.memory(3)))
        for game in every:
            alone = Search(env, policy, turn("othello"), 20)
            root = alone._observer.look(env, np.array([game]), alone._observer.memory(1))
            assert (alone.visits(np.array([game]), root)[0] == visits[game]).all()
            alone.close()
        assert env.state_hash() == before
        assert len({row.tobytes() for row in visits}) > 1, "the games differ"
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

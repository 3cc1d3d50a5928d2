"""Search before a move: the formula told a second time, wins found, dice not foreseen, boards untouched, mistakes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import puffer_envs
from puffer_envs import _core
from puffer_envs.arena.cli_match import main
from puffer_envs.arena.search import DRAWS, TOGETHER, Copies, Observer, Search, throws
from puffer_envs.arena.sides import against_script, two_sides
from puffer_envs.policy import NumpyPolicy

SEED = 3
COMPARED, WEIGHT, SURE, SHARED, LATER = 16, 50, 2000, 0.25, 0.99


class Made(NumpyPolicy):
    """Probabilities and values that depend on all that is seen and on memory; with `flat`, all moves are as good."""

    def __init__(self, env: Any, self_play: bool = True, flat: bool = False) -> None:
        self.info: Any = type("Info", (), {"settings": {"self_play": self_play}})
        rng = np.random.default_rng(SEED)
        inputs, moves = env.observations.shape[1], env.single_action_space.n
        self._matrix = (0 if flat else 1) * rng.normal(0, 1.5 / inputs**0.5, (inputs + 2, moves + 1))

    def initial_state(self, rows: int) -> Any:
        return np.zeros((1, rows, 2), np.float32)

    def evaluate(self, observations: Any, state: Any) -> Any:
        seen = np.concatenate([observations, state[0]], axis=1).astype(np.float64)
        found = (seen[:, :, None] * self._matrix).sum(axis=1)  # the same for a row, whatever the others are
        state[0] = np.tanh(found[:, :2])
        return found[:, :-1].astype(np.float32), np.tanh(found[:, -1]).astype(np.float32)


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


def grow(env: Any, policy: NumpyPolicy, simulations: int) -> tuple[list[int], int, Any]:
    """In the first game: how often each move was taken, the move to play, and the better policy."""
    search = Search(env, policy, turn(env.spec.name), simulations)
    tree = search._grow(*search._look(np.array([0])))
    search.close()
    (best,), better = tree.best()
    return tree.visits[0, 0].tolist(), int(best), better[0]


def test_a_win_is_taken_and_a_loss_prevented() -> None:
    """Connect four: stones of one side in columns 1, 2, 3, and of the other on top of them."""
    for moves, good in (([1, 1, 2, 2, 3, 3], {0, 4}), ([1, 6, 2, 6, 3], {0, 4})):
        with start("connect4", moves) as env:
            assert grow(env, Made(env, flat=True), 300)[1] in good


class Plain:
    """The same search in a single game, by recursion over dictionaries and snapshots."""

    def __init__(self, env: Any, policy: NumpyPolicy) -> None:
        self.env, self.observer = env, Observer(policy, turn(env.spec.name))
        if not self.observer.sees_all:
            self.observer.level(Copies(env, TOGETHER))
        at = _core.describe(env.spec.name)["rng_offset"]
        self.rng, self.throws = env._states[at : at + 16].view(np.uint64), throws()
        self.root = self.see(self.observer.memory(1), 0.0, 0.0)
        self.tossed = 0

    def see(self, memory: Any, gain: float, shared: float) -> dict[str, Any]:
        seen = self.observer.look(self.env, np.array([0]), memory)
        prior = {move: float(p) for move, p in enumerate(seen.prior[0]) if p > 0}
        prior = {move: (1 - shared) * p + shared / len(prior) for move, p in prior.items()}
        value = min(max(float(seen.value[0]) + gain, -1.0), 1.0)
        return {
            "state": self.env.snapshot(),
            "memory": seen.memory,
            "view": 1 - 2 * int(seen.mover[0]),
            "prior": prior,
            "gain": gain,
            "value": value,
            "seemed": value,
            "over": False,
            "visits": dict.fromkeys(prior, 0),
            "total": dict.fromkeys(prior, 0.0),
            "means": {},
            "children": {},
        }

    def known(self, node: dict[str, Any]) -> dict[int, float]:
        """Results of moves, for whose turn it is."""
        behind = {move: child for (move, _), child in node["children"].items() if move not in node["means"]}
        return {move: node["view"] * child["value"] for move, child in behind.items() if child["over"]}

    def conclude(self, node: dict[str, Any]) -> bool:
        known = self.known(node)
        if len(known) == len(node["prior"]) or max(known.values(), default=-1) > 0:
            node["over"], node["value"] = True, node["view"] * LATER * max(known.values())
        return bool(node["over"])

    def scores(self, node: dict[str, Any]) -> dict[int, float]:
        visits, prior, sure = node["visits"], node["prior"], self.known(node)
        known = {move: node["view"] * node["total"][move] / count for move, count in visits.items() if count} | sure
        expected = max(known.values(), default=node["view"] * node["value"])
        weight = WEIGHT + max(visits.values())
        weights = {move: weight + SURE * (move in sure) for move in prior}
        return {move: math.log(p) + weights[move] * known.get(move, expected) / 2 for move, p in prior.items()}

    def below(self, node: dict[str, Any]) -> int:
        scores = self.scores(node)
        powers = {move: math.exp(score - max(scores.values())) for move, score in scores.items()}
        total = 1 + sum(node["visits"].values())
        return max(powers, key=lambda move: powers[move] / sum(powers.values()) - node["visits"][move] / total)

    def step(self, node: dict[str, Any], move: int, throw: int) -> tuple[dict[str, Any], bool]:
        """What a move leads to by a throw, and whether it used one."""
        self.env.restore(node["state"])
        self.rng[:] = self.throws[throw]
        self.env.step(np.full(2, move, np.int32))
        over, won = bool(self.env.terminals[0] | self.env.truncations[0]), bool(self.env.terminals[0])
        reward = (float(self.env.rewards[0]) - float(self.env.rewards[1])) / 2
        child = self.see(node["memory"], node["gain"] + self.observer.scale * reward, SHARED)
        child["over"] = over
        if over:
            child["value"] = child["seemed"] = float(np.sign(reward)) if won else 0.0
        return child, bool((self.rng != self.throws[throw]).any()) and not over

    def simulate(self, node: dict[str, Any], move: int) -> float:
        means, children = node["means"], node["children"]
        throw = (node["visits"][move] - 1) % DRAWS if move in means else 0
        child = children.get((move, throw))
        if child is None:
            child, chance = self.step(node, move, throw)
            value = child["value"]
            if chance and move not in means:
                value = sum(self.step(node, move, throw)[0]["value"] for throw in range(DRAWS)) / DRAWS
                means[move] = value
                self.tossed += 1
                child = None
            else:
                children[move, throw] = child
        else:
            value = child["value"] if child["over"] else self.simulate(child, self.below(child))
        value += means[move] - child["seemed"] if child is not None and move in means else 0
        node["visits"][move] += 1
        node["total"][move] += value
        return float(node["value"] if self.conclude(node) else value)

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
        return [self.root["visits"].get(move, 0) for move in range(self.env.single_action_space.n)]


@pytest.mark.parametrize(
    ("name", "moves", "simulations", "self_play"),
    [
        ("connect4", [], 60, True),
        ("connect4", [1, 1, 2, 2, 3], 60, False),
        ("othello", [], 3, True),
        ("othello", [], 40, False),
        ("checkers", [0] * 7, 10, True),  # one move
        ("checkers", [], 60, True),
        ("hex", [3, 8], 90, True),
        ("chess", [], 40, True),
        ("backgammon", [], 50, True),
        ("backgammon", [49], 20, False),
    ],
)
def test_it_is_the_formula_told_a_second_time(name: str, moves: list[int], simulations: int, self_play: bool) -> None:
    with start(name, moves) as env:
        policy = Made(env, self_play)
        plain = Plain(env, policy)
        expected = plain.run(simulations)
        visits, best, _ = grow(env, policy, simulations)
        assert visits == expected
        assert sum(expected) == simulations
        assert (plain.tossed > 0) == (name == "backgammon")
        scores = plain.scores(plain.root)
        lost = {move for move, q in plain.known(plain.root).items() if q < 0}
        tried = [move for move in scores if expected[move]]
        assert best == max(tried, key=lambda move: (0 if move in lost else expected[move], scores[move]))


def test_dice_are_not_foreseen() -> None:
    """Two equal positions with one die left, after which other dice fall, are searched in the same way."""
    found, thrown = [], []
    at = _core.describe("backgammon")["rng_offset"]
    for luck in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9):
        with start("backgammon", [0]) as env:
            env._states[at : at + 8].view(np.uint64)[:] = luck
            found.append(grow(env, Made(env), 30))
            first = int(env.state().turn)
            while int(env.state().turn) == first:
                env.step(np.zeros(2, np.int32))
            thrown.append(env.state().dice.tolist())
    assert thrown[0] != thrown[1]
    assert found[0][:2] == found[1][:2] and (found[0][2] == found[1][2]).all()


def test_throws_are_spread_evenly() -> None:
    """Turns that begin with each of the throws have two dice in each of 36 ways."""
    at, seen = _core.describe("backgammon")["rng_offset"], []
    for throw in throws():
        with start("backgammon", []) as env:
            first = int(env.state().turn)
            while int(env.state().turn) == first:
                env._states[at : at + 16].view(np.uint64)[:] = throw
                env.step(np.zeros(2, np.int32))
            seen.append(tuple(env.state().dice.tolist()))
    assert sorted(seen) == sorted((max(a, b), min(a, b)) for a in range(1, 7) for b in range(1, 7))


@pytest.mark.parametrize("name", ["connect4", "backgammon", "go"])
def test_against_a_script_it_searches_as_against_a_player(name: str) -> None:
    sides = against_script(name, {}, 2)
    with puffer_envs.make(name, 1, **sides.settings) as env, start(name, []) as other:  # type: ignore[arg-type]
        env.reset(SEED)
        other._states[:] = env._states
        copies = Search(env, Made(other), turn(name), 1)._make_copies("roots", 1)
        copies.load(env._states[None], slice(None))
        other._states[:] = copies.states[0]
        other._observe()
        before = env.state_hash()
        assert grow(env, Made(other), 40)[:2] == grow(other, Made(other), 40)[:2]
        assert env.state_hash() == before


def test_games_are_searched_as_if_alone_and_the_board_stays() -> None:
    with start("othello", [], games=3) as env:
        policy, before = Made(env), env.state_hash()
        together = Search(env, policy, turn("othello"), 20)
        tree = together._grow(*together._look(np.arange(3)))
        better = tree.best()[1]
        for game in range(3):
            alone = Search(env, policy, turn("othello"), 20)
            assert (alone._grow(*alone._look(np.array([game]))).visits[0, 0] == tree.visits[game, 0]).all()
            alone.close()
        assert env.state_hash() == before
        assert len({row.tobytes() for row in better}) > 1, "the games differ"
        together.close()


def test_search_makes_a_policy_stronger(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["connect4", "trained", "trained@48", "script:1", "--games", "16", "--seed", "2"]) == 0
    printed = capsys.readouterr().out
    first = next(line for line in printed.splitlines() if line.split()[:1] == ["1"])
    assert first.split()[1] == "trained@48" and float(first.split()[-2]) > 0.6, printed


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["hex", "trained@x", "random"], "as in trained@200"),
        (["hex", "trained@0", "random"], "1 to 100_000"),
        (["hex", "random@50", "trained"], "random@50: only policies search"),
        (["tanks", "trained@50", "random"], "tanks cannot be searched"),
        (["tanks", "trained@50", "script"], "tanks cannot be searched"),
    ],
)
def test_mistakes_are_one_sentence(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    error = capsys.readouterr().err
    assert error.startswith("puffer-match: ") and error.count("\n") == 1 and message in error, error

"""What a search must know for sure: forced wins and losses, by trying everything, and pieces that are taken."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

import puffer_envs
from puffer_envs.arena.search import Search
from puffer_envs.arena.sides import two_sides
from puffer_envs.policy import NumpyPolicy

COLUMNS, ROWS = 7, 6
GAMES = 32
WAYS = ((0, 1), (1, 0), (1, 1), (1, -1))

Board = tuple[str, ...]
"""Connect four: the stones of each column from the bottom, X of whose turn it is."""


class Fixed(NumpyPolicy):
    """A policy that knows nothing of a board: the first moves are its favourites, or the last, by far."""

    def __init__(self, env: Any, slope: float) -> None:
        """slope: of the log of probabilities, from a move to the next."""
        self.info: Any = type("Info", (), {"settings": {"self_play": True}})
        self._logits = slope * np.arange(env.single_action_space.n, dtype=np.float32)

    def initial_state(self, rows: int) -> Any:
        return np.zeros((1, rows, 1), np.float32)

    def evaluate(self, observations: Any, state: Any) -> Any:
        return np.tile(self._logits, (len(observations), 1)), np.zeros(len(observations), np.float32)


def search(env: Any, slope: float, simulations: int) -> Any:
    """The moves that are played in all games."""
    turn = two_sides(env.spec.name, {}).turn
    assert turn is not None
    found = Search(env, Fixed(env, slope), turn, simulations)
    moves = found.act(np.arange(env.num_envs), np.ones(env.num_envs, bool))
    found.close()
    return moves


def has_four(board: Board, stone: str) -> bool:
    def at(column: int, row: int) -> bool:
        return 0 <= column < COLUMNS and 0 <= row < len(board[column]) and board[column][row] == stone

    return any(
        all(at(column + k * right, row + k * up) for k in range(4))
        for column in range(COLUMNS)
        for row in range(len(board[column]))
        for right, up in WAYS
    )


def drop(board: Board, column: int) -> Board:
    """The board after a move of X, for the other player."""
    after = (*board[:column], board[column] + "X", *board[column + 1 :])
    return tuple(stones.translate(str.maketrans("XO", "OX")) for stones in after)


@cache
def forced(board: Board, moves: int) -> int:
    """1 if X can force a win within so many moves of both, -1 if O can, else 0."""
    if has_four(board, "O"):
        return -1
    if moves == 0 or all(len(stones) == ROWS for stones in board):
        return 0
    best = -1
    for column in range(COLUMNS):
        if best < 1 and len(board[column]) < ROWS:
            best = max(best, -forced(drop(board, column), moves - 1))
    return best


def read_board(observation: Any) -> Board:
    own, other = observation[:42].reshape(COLUMNS, ROWS), observation[42:84].reshape(COLUMNS, ROWS)
    return tuple(
        "".join("X" if own[column, row] else "O" for row in range(ROWS) if own[column, row] or other[column, row])
        for column in range(COLUMNS)
    )


def random_games(steps: int) -> Any:
    """Games of connect four after moves by chance."""
    env = puffer_envs.make("connect4", GAMES, **two_sides("connect4", {}).settings)  # type: ignore[arg-type]
    env.reset(steps)
    rng = np.random.default_rng(steps)
    for _ in range(steps):
        env.step(np.repeat(rng.integers(COLUMNS, size=GAMES), 2).astype(np.int32))
    return env


def read_boards(env: Any) -> list[Board]:
    rows = env.observations.reshape(GAMES, 2, -1)
    return [read_board(game[int(game[1, 84])]) for game in rows]


@pytest.mark.parametrize("slope", [3.0, -3.0])
def test_forced_results_are_found_whatever_the_policy_says(slope: float) -> None:
    """A move wins by force where three moves are enough, and does not lose at once unless all lose later."""
    tested = {1: 0, 0: 0}
    for steps in (17, 24):
        with random_games(steps) as env:
            boards = read_boards(env)
            played = search(env, slope, 5000)
            for board, move in zip(boards, played.tolist(), strict=True):
                best = forced(board, 3)
                worst = min(-forced(drop(board, c), 2) for c in range(COLUMNS) if len(board[c]) < ROWS)
                if best == 1:
                    assert -forced(drop(board, move), 2) == 1 or -forced(drop(board, move), 6) == 1, (board, move)
                elif best == 0:
                    assert -forced(drop(board, move), 2) == 0 or forced(board, 7) == -1, (board, move)
                tested[best] = tested.get(best, 0) + (worst < best)
    assert min(tested[0], tested[1]) > 5, tested


def test_a_known_win_ends_the_search_below_it() -> None:
    """Stones in columns 2, 3 and 4 of the bottom row: columns 1 and 5 win, whatever is tried besides."""
    with puffer_envs.make("connect4", 1, **two_sides("connect4", {}).settings) as env:  # type: ignore[arg-type]
        env.reset(0)
        for move in (2, 2, 3, 3, 4, 4):
            env.step(np.full(2, move, np.int32))
        for slope in (12.0, -12.0):
            assert search(env, slope, 30).tolist()[0] in (1, 5)


def win_pieces(scale: float) -> float:
    """Pieces that a search wins from chance in checkers, more than it loses; scale: of rewards on the way."""
    games, lead = 32, 0.0
    with puffer_envs.make("checkers", games, **two_sides("checkers", {}).settings) as env:  # type: ignore[arg-type]
        env.reset(0)
        turn = two_sides("checkers", {}).turn
        assert turn is not None
        found = Search(env, Fixed(env, 0.0), turn, 60)
        found._observer.scale = scale
        rng = np.random.default_rng(0)
        for _ in range(40):
            second = env.observations.reshape(games, 2, -1)[:, 1, turn] == 1
            moves = found.act(np.arange(games), ~second)
            draws = np.where(env.action_masks, rng.random(env.action_masks.shape), -1.0)
            chance = draws.argmax(axis=1).reshape(games, 2)[:, 1]
            env.step(np.repeat(np.where(second, chance, moves), 2).astype(np.int32))
            over = (env.terminals | env.truncations)[::2]
            lead += float(env.rewards[::2][~over].sum())
        found.close()
        return lead / float(env.settings["reward_piece"])  # type: ignore[arg-type]


def test_pieces_that_are_taken_count() -> None:
    """With a critic that expects nothing, moves are worth the rewards they bring."""
    without, counted = win_pieces(0.0), win_pieces(1.0)
    assert counted > without + 32, (without, counted)

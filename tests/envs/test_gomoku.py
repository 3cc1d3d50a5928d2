"""gomoku against its rules told a second time: rows of five, found by walking."""

from __future__ import annotations

import functools
import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

import puffer_envs
from puffer_envs import Environment

WAYS = ((0, 1), (1, 0), (1, 1), (1, -1))
Board = NDArray[np.int64]  # (size, size): -1 empty, else the player


def run(board: Board, player: int, row: int, column: int, way: tuple[int, int]) -> int:
    """The player's stones in a row that goes through a cell, which has one of them."""
    found = 1
    for sign in (1, -1):
        y, x = row + sign * way[0], column + sign * way[1]
        while 0 <= y < len(board) and 0 <= x < len(board) and board[y, x] == player:
            found, y, x = found + 1, y + sign * way[0], x + sign * way[1]
    return found


def wins(board: Board, player: int, row: int, column: int) -> bool:
    """Whether a stone of the player on this cell makes five in a row."""
    return any(run(board, player, row, column, way) >= 5 for way in WAYS)


def board_of(env: Environment, index: int = 0, field: str = "cells") -> Board:
    state = env.state(index)
    size = int(state.size)
    cells: Board = getattr(state, field)[: size * size].astype(np.int64) - 1
    return cells.reshape(size, size)


def fifths(board: Board, player: int) -> NDArray[np.bool_]:
    """The cells that win for a player now."""
    found = np.zeros(board.shape, bool)
    for row, column in np.argwhere(board < 0).tolist():
        found[row, column] = wins(board, player, row, column)
    return found


def threats(board: Board, player: int) -> NDArray[np.uint8]:
    """2 where a stone makes five in a row, else 1 where it makes four in a row with both ends empty."""
    found = np.zeros(board.shape, np.uint8)
    size = len(board)
    for (down, right), row, column in itertools.product(WAYS, range(size), range(size)):
        six = [(row + k * down, column + k * right) for k in range(6)]
        if all(0 <= y < size and 0 <= x < size for y, x in six):
            owners = [board[cell] for cell in six]
            if owners[0] == owners[5] == -1 and sorted(owners[1:5]) == sorted([-1, player, player, player]):
                found[six[owners.index(-1, 1)]] = 1
    found[fifths(board, player)] = 2
    return found


def expected_observation(board: Board, player: int, turn: int) -> NDArray[np.uint8]:
    stones = [board == player, board == 1 - player]
    planes = [*stones, threats(board, player), threats(board, 1 - player)]
    return np.concatenate([[turn == player], *(plane.ravel() for plane in planes)]).astype(np.uint8)


@pytest.mark.parametrize(("size", "games"), [(5, 30), (7, 12), (15, 1)])
def test_self_play_follows_the_rules(size: int, games: int) -> None:
    rng = np.random.default_rng(size)
    results = {1: 0, 0: 0, -1: 0}
    with puffer_envs.make("gomoku", self_play=True, size=size) as env:
        env.reset(2)
        assert env.action_masks is not None
        for _ in range(games):
            board, turn = board_of(env), int(env.state().turn)
            assert sorted(board[board >= 0]) == [0, 1] and env.state().began == turn
            over = False
            while not over:
                for player in (0, 1):
                    assert np.array_equal(env.observations[player], expected_observation(board, player, turn))
                assert env.action_masks[turn].tolist() == (board < 0).ravel().tolist()
                assert np.flatnonzero(env.action_masks[1 - turn]).tolist() == [0]
                wished = int(rng.integers(size * size))
                free = np.flatnonzero(board.ravel() < 0)
                row, column = divmod(int(next((cell for cell in free if cell >= wished), free[0])), size)
                env.step([wished, wished])
                board[row, column] = turn
                won = wins(board, turn, row, column)
                over = won or len(free) == 1
                assert env.terminals.tolist() == [over, over]
                assert env.rewards[turn] == won and env.rewards[1 - turn] == -won
                turn = 1 - turn
            assert np.array_equal(board_of(env, field="ended"), board)
            result = int(env.rewards[0])
            assert env.state().result == {1: 1, 0: 2, -1: 3}[result]
            results[result] += 1
        log = env.log()
    assert (results[1] and results[-1]) or games == 1
    assert results[0] or size > 5
    assert log["n"] == 2 * games and log["perf"] == 0.5


def test_rows_of_five_win_in_every_way_and_place_and_four_do_not() -> None:
    """Each row of five on 7 x 7, its last stone put at each of its cells; and six in a row."""
    size = 7
    rows = [
        [(row + k * way[0], column + k * way[1]) for k in range(5)]
        for way in WAYS
        for row, column in itertools.product(range(size), repeat=2)
    ]
    rows = [cells for cells in rows if all(0 <= y < size and 0 <= x < size for y, x in cells)]
    assert len(rows) == 2 * 7 * 3 + 2 * 3 * 3
    games = [(cells, cells[last]) for cells in rows for last in (0, 2, 4)]
    six = [(0, 0), (0, 1), (0, 2), (0, 4), (0, 5), (0, 3)]
    games.append((six, (0, 3)))
    others = [[cell for cell in SCATTERED if cell not in cells] for cells, _ in games]
    with puffer_envs.make("gomoku", len(games), self_play=True, size=size, opening=0) as env:
        env.reset(0)
        turns = [int(env.state(i).turn) for i in range(len(games))]
        stones = [[*(cell for cell in cells if cell != last), last] for cells, last in games]
        for step in range(2 * 6 - 1):
            own = step % 2 == 0
            chosen = [(own_ones if own else other)[step // 2 % 6] if step // 2 < len(own_ones) else (0, 0)
                      for own_ones, other in zip(stones, others, strict=True)]  # fmt: skip
            ending = [own and step // 2 == len(cells) - 1 for cells, _ in games]
            env.step(np.repeat([y * size + x for y, x in chosen], 2))
            if step > 2 * 4:
                assert env.terminals.reshape(-1, 2)[-1].tolist() == [ending[-1]] * 2
                continue
            assert env.terminals.reshape(-1, 2)[:, 0].tolist() == ending
            for game, turn in enumerate(turns):
                assert env.rewards.reshape(-1, 2)[game, turn] == ending[game]


SCATTERED = [(y, x) for y in (0, 2, 4, 6) for x in ((0, 3, 6) if y % 4 else (1, 4))]
"""Of these no five are in a row."""


def candidates(board: Board, player: int) -> list[int]:
    found: list[int] = np.flatnonzero(fifths(board, player)).tolist()
    return found


@pytest.mark.parametrize("strength", [1, 2, 4])
def test_the_scripted_opponent_wins_and_blocks(strength: int) -> None:
    """With five in reach it takes it; else it blocks one of the agent's."""
    rng = np.random.default_rng(strength)
    won, blocked = 0, 0
    with puffer_envs.make("gomoku", strength=strength, size=8) as env:
        env.reset(4)
        for _ in range(300):
            board = board_of(env)
            cell = weighing(board, rng, 0.7)
            env.step([cell])
            board.flat[cell] = 0
            if wins(board, 0, *divmod(cell, 8)):
                assert env.rewards[0] == 1
                continue
            chances, threats = candidates(board, 1), candidates(board, 0)
            if chances:
                assert env.rewards[0] == -1
                won += 1
            elif env.terminals[0]:
                assert env.rewards[0] == 0
            else:
                (answer,) = np.flatnonzero((board_of(env) != board).ravel())
                assert board_of(env).flat[answer] == 1
                assert not threats or answer in threats
                blocked += bool(threats)
    assert blocked > 2 and (won > 2 or strength == 1)


@functools.cache
def windows(size: int) -> NDArray[np.int64]:
    """The cells of every row of five."""
    starts = itertools.product(WAYS, range(size), range(size))
    rows = [[(y + k * down, x + k * right) for k in range(5)] for (down, right), y, x in starts]
    inside = [cells for cells in rows if all(0 <= y < size and 0 <= x < size for y, x in cells)]
    return np.array([[y * size + x for y, x in cells] for cells in inside])


def values(board: Board, player: int) -> NDArray[np.float64]:
    """What each cell is worth to a player: what its rows of five may become, and a little less what the other's may."""
    rows = windows(len(board))
    own, other = ((board.ravel()[rows] == who).sum(1) for who in (player, 1 - player))
    worths = np.array([1, 10, 80, 600, 100_000, 0])
    value = np.zeros(board.size)
    gain = 3 * worths[own] * (other == 0) + 2 * worths[other] * (own == 0)
    np.add.at(value, rows, gain[:, None])
    value[board.ravel() >= 0] = -1
    return value


def test_at_strength_3_the_answer_is_one_of_the_best_by_rows_of_five() -> None:
    rng = np.random.default_rng(6)
    with puffer_envs.make("gomoku", strength=3, size=6) as env:
        env.reset(3)
        checked = 0
        while checked < 100:
            board = board_of(env)
            cell = int(rng.choice(np.flatnonzero(board.ravel() < 0)))
            env.step([cell])
            board.flat[cell] = 0
            if not env.terminals[0]:
                (answer,) = np.flatnonzero((board_of(env) != board).ravel())
                value = values(board, 1)
                assert value[answer] == value.max()
                checked += 1


def test_each_strength_is_stronger() -> None:
    """Against a player that weighs rows as strength 3 does, with an accident in every tenth move."""
    shares = [share(strength, 60) for strength in (0, 1, 2, 3, 4)]
    assert shares[0] > 0.95 and shares[4] < 0.3
    assert shares[4] < share(4, 60, slips=30) < share(4, 60, slips=100) and share(4, 60, slips=100) > 0.95
    assert shares[0] >= shares[1] > shares[2] > shares[3] > shares[4]


def share(strength: int, games: int, slips: int = 0) -> float:
    rng = np.random.default_rng(2)
    with puffer_envs.make("gomoku", games, strength=strength, slips=slips, size=8) as env:
        env.reset(1)
        score = np.full(games, np.nan)
        while np.isnan(score).any():
            env.step([weighing(board_of(env, index), rng) if np.isnan(score[index]) else 0 for index in range(games)])
            fresh = env.terminals & np.isnan(score)
            score[fresh] = (env.rewards[fresh] + 1) / 2
    return float(score.mean())


def weighing(board: Board, rng: np.random.Generator, sense: float = 0.9) -> int:
    value = values(board, 0)
    best = np.flatnonzero(value == value.max() if rng.random() < sense else value >= 0)
    return int(rng.choice(best))


def test_openings_are_drawn_in_the_middle() -> None:
    """All 25 x 24 ways to begin with two stones, for either player, and none beside them."""
    with puffer_envs.make("gomoku", 12_000, self_play=True, size=9) as env:
        env.reset(7)
        cells = env.observations[::2, 1:163].reshape(-1, 2, 9, 9).astype(np.int64)
        assert (cells.sum((2, 3)) == 1).all() and cells[:, :, 2:7, 2:7].sum() == 2 * 12_000
        places = {tuple(np.flatnonzero(planes)) for planes in cells.reshape(12_000, -1)}
    assert len(places) == 25 * 24


def test_a_full_opening_wins_nothing() -> None:
    with puffer_envs.make("gomoku", 500, self_play=True, size=5, opening=8) as env:
        env.reset(1)
        stones = env.observations[::2, 1:51].reshape(500, 2, 25).sum(2)
        assert (stones == 4).all()

"""hex against its rules told a second time: a search for a path, cell by cell."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

import puffer_envs
from puffer_envs import Environment

NEAR = ((0, 1), (0, -1), (1, 0), (-1, 0), (-1, 1), (1, -1))
Board = NDArray[np.int64]  # (size, size): -1 empty, else the player; player 0 connects top and bottom


def connects(board: Board, player: int) -> bool:
    own = board == player if player == 0 else (board == player).T
    size = len(board)
    found = {(0, column) for column in range(size) if own[0, column]}
    waiting = list(found)
    while waiting:
        row, column = waiting.pop()
        for down, right in NEAR:
            cell = (row + down, column + right)
            if 0 <= cell[0] < size and 0 <= cell[1] < size and own[cell] and cell not in found:
                found.add(cell)
                waiting.append(cell)
    return any(row == size - 1 for row, _ in found)


def board_of(env: Environment, index: int = 0) -> Board:
    state = env.state(index)
    size = int(state.size)
    return np.array([-1, 0, 1])[state.view[0][: size * size]].reshape(size, size)


def expected_observation(board: Board, player: int, turn: bool, swap: bool) -> NDArray[np.uint8]:
    own, other = board == player, board == 1 - player
    planes = (own, other) if player == 0 else (own.T, other.T)
    return np.concatenate([[turn, turn and swap], *(plane.ravel() for plane in planes)]).astype(np.uint8)


@pytest.mark.parametrize(("size", "games"), [(3, 60), (5, 30), (7, 20), (13, 4)])
def test_self_play_follows_the_rules(size: int, games: int) -> None:
    rng = np.random.default_rng(size)
    swaps, wins = 0, [0, 0]
    with puffer_envs.make("hex", self_play=True, size=size) as env:
        env.reset(2)
        for _ in range(games):
            board, turn, swapped = board_of(env), int(env.state().turn), False
            assert (board >= 0).sum() == 1 and board.max() == 1 - turn
            over = False
            while not over:
                can_swap = (board >= 0).sum() == 1 and not swapped
                for player in (0, 1):
                    expected = expected_observation(board, player, turn == player, can_swap)
                    assert np.array_equal(env.observations[player], expected)
                view = board if turn == 0 else board.T
                assert env.action_masks is not None
                assert env.action_masks[turn].tolist() == [*(view < 0).ravel().tolist(), can_swap]
                assert np.flatnonzero(env.action_masks[1 - turn]).tolist() == [0]
                wished = size * size if can_swap and rng.random() < 0.5 else int(rng.integers(size * size + 1))
                env.step([wished, wished])
                if wished == size * size and can_swap:
                    ((row, column),) = np.argwhere(board >= 0)
                    board[row, column] = -1
                    board[column, row] = turn
                    swapped, swaps = True, swaps + 1
                else:
                    free = np.flatnonzero((view < 0).ravel())
                    wished = 0 if wished == size * size else wished
                    cell = next((c for c in free if c >= wished), free[0])
                    row, column = divmod(int(cell), size)
                    board[(row, column) if turn == 0 else (column, row)] = turn
                over = connects(board, turn)
                assert not connects(board, 1 - turn)
                assert env.terminals.tolist() == [over, over]
                if over:
                    wins[turn] += 1
                    assert env.rewards[turn] == 1 and env.rewards[1 - turn] == -1
                    ended = np.array([-1, 0, 1])[env.state().ended[: size * size]].reshape(size, size)
                    assert np.array_equal(ended, board)
                turn = 1 - turn
        log = env.log()
    assert swaps > 0 and (min(wins) > 0 or size == 13)
    assert log["n"] == 2 * games and log["perf"] == 0.5


def test_a_full_board_has_one_winner() -> None:
    """The theorem that there is no draw, for the second telling."""
    rng = np.random.default_rng(0)
    for size in (3, 4, 7):
        for _ in range(50):
            board = rng.permutation(np.arange(size * size) % 2).reshape(size, size)
            assert connects(board, 0) != connects(board, 1)


def test_the_scripted_opponent_answers_with_one_stone() -> None:
    rng = np.random.default_rng(1)
    with puffer_envs.make("hex", strength=1, size=5) as env:
        env.reset(4)
        results = []
        while len(results) < 30:
            before = board_of(env)
            free = np.flatnonzero((before < 0).ravel())
            cell = int(rng.choice(free))
            env.step([cell])
            before.flat[cell] = 0
            if env.terminals[0]:
                results.append(env.rewards[0])
                continue
            after, swapped = board_of(env), bool(env.state().swapped)
            assert not connects(after, 0) and not connects(after, 1)
            if not swapped:
                assert ((after != before).sum(), after[after != before].tolist()) == (1, [1])
            before = after
        assert env.log()["score"] == pytest.approx(np.mean(results))


def test_the_opponent_searches_on_large_boards() -> None:
    """Boards of fewer than 8 rows fit a word, and games are counted otherwise there."""
    rng = np.random.default_rng(2)
    with puffer_envs.make("hex", 8, strength=2, size=8) as env:
        env.reset(3)
        results: list[float] = []
        while len(results) < 16:
            env.step([int(rng.choice(np.flatnonzero(mask))) for mask in env.action_masks])
            results += [float(reward) for reward in env.rewards[env.terminals]]
    assert results == [-1.0] * len(results)


def test_each_strength_is_stronger() -> None:
    """Against one that connects by the shortest way that is left."""
    shares = []
    for strength, games in ((0, 60), (1, 60), (3, 60), (5, 60)):
        with puffer_envs.make("hex", games, strength=strength, size=5) as env:
            env.reset(1)
            won = np.full(games, np.nan)
            while np.isnan(won).any():
                env.step([shortest(board_of(env, index)) for index in range(games)])
                fresh = env.terminals & np.isnan(won)
                won[fresh] = env.rewards[fresh] > 0
        shares.append(won.mean())
    assert shares[0] > 0.9
    assert shares[0] > shares[1] > shares[3] and shares[2] < 0.8


def shortest(board: Board) -> int:
    """An empty cell on a path from top to bottom that needs the fewest stones, the nearest to the middle."""
    size = len(board)

    def costs(rows: Board) -> NDArray[np.float64]:
        need = np.where(rows == 0, 0.0, np.where(rows < 0, 1.0, np.inf))
        best = np.full((size, size), np.inf)
        best[0] = need[0]
        for _ in range(size * size):
            before = best.copy()
            for row, column in itertools.product(range(size), repeat=2):
                for down, right in NEAR:
                    y, x = row + down, column + right
                    if 0 <= y < size and 0 <= x < size:
                        best[row, column] = min(best[row, column], best[y, x] + need[row, column])
            if np.array_equal(before, best):
                break
        return best

    total = costs(board) + costs(board[::-1, ::-1])[::-1, ::-1] - (board < 0)
    total[board >= 0] = np.inf
    middle = sum(np.abs(axis - (size - 1) / 2) for axis in np.indices((size, size)))
    return int(np.argmin(total + 0.01 * middle))

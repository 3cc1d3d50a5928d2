"""othello against its rules told a second time, cell by cell, and published counts of positions."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

import puffer_envs
from puffer_envs import Environment

WAYS = [way for way in itertools.product((-1, 0, 1), repeat=2) if way != (0, 0)]
Board = NDArray[np.int64]  # (size, size): -1 empty, else the player


def caught(board: Board, player: int, row: int, column: int) -> list[tuple[int, int]]:
    """The cells that a stone would turn over: walk in each direction until something else than the other's stones."""
    size, found = len(board), []
    if board[row, column] >= 0:
        return []
    for down, right in WAYS:
        y, x, line = row + down, column + right, []
        while 0 <= y < size and 0 <= x < size and board[y, x] == 1 - player:
            line.append((y, x))
            y, x = y + down, x + right
        if line and 0 <= y < size and 0 <= x < size and board[y, x] == player:
            found += line
    return found


def moves(board: Board, player: int) -> list[tuple[int, int]]:
    return [cell for cell in itertools.product(range(len(board)), repeat=2) if caught(board, player, *cell)]


def play(board: Board, player: int, row: int, column: int) -> int:
    """Put a stone; returns whose turn it is, -1 at the end."""
    turned = caught(board, player, row, column)
    assert turned
    for cell in [*turned, (row, column)]:
        board[cell] = player
    return next((next_one for next_one in (1 - player, player) if moves(board, next_one)), -1)


def board_of(env: Environment, index: int = 0) -> Board:
    state = env.state(index)
    size = int(state.size)
    board = np.full((size, size), -1)
    for player, (y, x) in itertools.product((0, 1), itertools.product(range(size), repeat=2)):
        if int(state.stones[player]) >> (8 * y + x) & 1:
            board[y, x] = player
    return board


def expected_observation(board: Board, player: int, turn: bool) -> NDArray[np.uint8]:
    size = len(board)
    legal = np.zeros((size, size), bool)
    for cell in moves(board, player) if turn else []:
        legal[cell] = True
    planes = [board == player, board == 1 - player, legal]
    return np.concatenate([[turn], *(plane.ravel() for plane in planes)]).astype(np.uint8)


@pytest.mark.parametrize("size", [6, 8])
def test_self_play_follows_the_rules(size: int) -> None:
    rng = np.random.default_rng(size)
    left_out = 0
    with puffer_envs.make("othello", self_play=True, size=size) as env:
        env.reset(3)
        for _ in range(25):
            board, turn = board_of(env), int(env.state().turn)
            assert (board >= 0).sum() == 8 and env.state().began == turn
            while turn >= 0:
                legal = moves(board, turn)
                for player in (0, 1):
                    assert np.array_equal(env.observations[player], expected_observation(board, player, turn == player))
                assert env.action_masks is not None
                assert np.flatnonzero(env.action_masks[turn]).tolist() == [y * size + x for y, x in legal]
                assert np.flatnonzero(env.action_masks[1 - turn]).tolist() == [0]
                wished = int(rng.integers(size * size))
                y, x = next((c for c in legal if c[0] * size + c[1] >= wished), legal[0])
                env.step([wished, wished])
                following = play(board, turn, y, x)
                left_out += following == turn
                turn = following
                assert env.terminals.tolist() == [turn < 0, turn < 0]
            lead = int((board == 0).sum() - (board == 1).sum())
            assert env.rewards.tolist() == [np.sign(lead), -np.sign(lead)]
            ended = [sum(1 << int(8 * y + x) for y, x in zip(*np.where(board == p), strict=True)) for p in (0, 1)]
            assert env.state().ended.tolist() == ended
    assert left_out > 0


def count(board: Board, player: int, depth: int) -> int:
    """Positions after so many moves, a turn without a move counting as one."""
    if depth == 0:
        return 1
    legal = moves(board, player)
    if not legal:
        return count(board, 1 - player, depth - 1) if moves(board, 1 - player) else 1
    total = 0
    for cell in legal:
        after = board.copy()
        play(after, player, *cell)
        total += count(after, 1 - player, depth - 1)
    return total


def test_counts_of_positions_are_the_published_ones() -> None:
    """4, 12, 56, 244, 1396 after 1 to 5 moves on 8 x 8: the second telling is right itself."""
    with puffer_envs.make("othello", self_play=True, size=8, opening=0) as env:
        env.reset(0)
        board, turn = board_of(env), int(env.state().turn)
    assert [count(board, turn, depth) for depth in range(1, 6)] == [4, 12, 56, 244, 1396]


def test_the_scripted_opponent_answers_by_the_rules() -> None:
    """Until the agent can move again; what it sees is after the answers."""
    rng = np.random.default_rng(1)
    with puffer_envs.make("othello", strength=2) as env:
        env.reset(5)
        results = {1.0: 0, 0.0: 0, -1.0: 0}
        for _ in range(40):
            board, before = board_of(env), None
            while True:
                legal = moves(board, 0)
                y, x = legal[int(rng.integers(len(legal)))]
                env.step([y * 6 + x])
                turn = play(board, 0, y, x)
                if env.terminals[0]:
                    break
                before = board_of(env)
                assert (before >= 0).sum() - (board >= 0).sum() >= (turn == 1)
                if turn == 1 and (before >= 0).sum() == (board >= 0).sum() + 1:
                    (cell,) = zip(*np.where((before >= 0) & (board < 0)), strict=True)
                    turn = play(board, 1, *cell)
                    assert np.array_equal(board, before)
                board = before
                assert np.array_equal(env.observations[0], expected_observation(board, 0, True))
            results[float(env.rewards[0])] += 1
        log = env.log()
    assert log["n"] == 40 and log["score"] == pytest.approx((results[1.0] - results[-1.0]) / 40)
    assert log["perf"] == pytest.approx((results[1.0] + 0.5 * results[0.0]) / 40)


def test_each_strength_is_stronger() -> None:
    """A random player's share of points falls with the strength."""
    shares = []
    for strength in (0, 1, 3, 5):
        rng = np.random.default_rng(2)
        with puffer_envs.make("othello", 100, strength=strength) as env:
            env.reset(1)
            score = np.full(100, np.nan)
            while np.isnan(score).any():
                env.step(rng.integers(36, size=100))
                fresh = env.terminals & np.isnan(score)
                score[fresh] = (env.rewards[fresh] + 1) / 2
        shares.append(score.mean())
    assert 0.35 < shares[0] < 0.65
    assert shares[0] > shares[1] > 0.03 and shares[1] > shares[3]
    assert shares[2] < 0.06


def test_at_the_end_the_opponent_counts_stones() -> None:
    """With few empty cells it plays perfectly: no other answer leads to more, by a search of the second telling."""

    def lead(board: Board, player: int) -> int:
        options = []
        for cell in moves(board, player):
            after = board.copy()
            following = play(after, player, *cell)
            options.append(
                (after == player).sum() - (after != player).sum()
                if following < 0
                else lead(after, following) * (1 if following == player else -1)
            )
        return int(max(options))

    rng = np.random.default_rng(4)
    checked = 0
    with puffer_envs.make("othello", strength=6) as env:
        env.reset(2)
        while checked < 12:
            legal = moves(board_of(env), 0)
            y, x = legal[int(rng.integers(len(legal)))]
            board = board_of(env)
            following = play(board, 0, y, x)
            env.step([y * 6 + x])
            if following == 1 and (board < 0).sum() <= 5:
                best = lead(board, 1)
                if env.terminals[0]:
                    assert np.sign(best) == -env.rewards[0]
                else:
                    assert np.sign(lead(board_of(env), 0)) == -np.sign(best)
                checked += 1


def test_an_odd_size_is_refused() -> None:
    with pytest.raises(ValueError, match="size must be 6 or 8"):
        puffer_envs.make("othello", size=7)


def test_openings_are_drawn_from_all_that_are_legal() -> None:
    """Without one, every game begins with the same four stones; two moves lead to 12 positions, as published."""
    seen = []
    for opening in (0, 1, 2):
        with puffer_envs.make("othello", 3000, self_play=True, opening=opening, size=8) as env:
            env.reset(7)
            stones = [tuple(env.state(i).stones.tolist()) for i in range(3000)]
        seen.append(len(set(stones)))
    assert seen == [2, 8, 24]


def test_an_opening_that_ends_the_game_is_left_out() -> None:
    """The script's answer to eight moves at random takes the last stone in four games of ten thousand."""
    with puffer_envs.make("othello", 8000, seed=0, size=8, opening=8, strength=1) as env:
        env.reset()
        field = next(field for field in env.spec.fields if field.name == "stones")
        stones = env._states.reshape(8000, -1)[:, field.offset : field.offset + 16].copy().view(np.uint64)
        counts = np.array([int(own | other).bit_count() for own, other in stones])
        few = np.flatnonzero(counts < 6)
        assert len(few) > 2 and set(counts[few]) <= {4, 5} and (counts >= 12).sum() == 8000 - len(few)
        for index in few.tolist():
            state = env.state(index)
            assert int(state.turn) == 0 and int(state.legal) != 0
            assert (counts[index] == 4) == (int(state.began) == 0)
        assert env.log() == {}

"""merge2048 against its rules told a second time, row by row."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

import puffer_envs

from .patch import patch

Board = NDArray[np.int64]  # (4, 4) of k, 0 empty
MOVES = ("up", "right", "down", "left")


def slide(row: list[int]) -> tuple[list[int], list[int]]:
    """A row after a move to the left, and the tiles that were made."""
    tiles, out, made = [tile for tile in row if tile], [], []
    while tiles:
        tile = tiles.pop(0)
        if tiles and tiles[0] == tile and tile < 15:
            tiles.pop(0)
            tile += 1
            made.append(tile)
        out.append(tile)
    return out + [0] * (4 - len(out)), made


def move(board: Board, name: str) -> tuple[Board, list[int]]:
    turns = {"left": 0, "up": 1, "right": 2, "down": 3}[name]
    turned, made = np.rot90(board, turns), []
    rows = []
    for row in turned.tolist():
        after, new = slide(row)
        rows.append(after)
        made += new
    return np.rot90(np.array(rows), -turns), made


def legal(board: Board) -> list[bool]:
    return [not np.array_equal(move(board, name)[0], board) for name in MOVES]


def unpack(number: int) -> Board:
    return np.array([int(number) >> (4 * cell) & 15 for cell in range(16)]).reshape(4, 4)


def test_games_follow_the_rules() -> None:
    rng = np.random.default_rng(0)
    finished, tiles, scores, returns = 0, [], [], []
    with puffer_envs.make("merge2048", reward_tile=1.0) as env:
        env.reset(1)
        board, score, total, steps = unpack(env.state().board), 0, 0.0, 0
        assert (board > 0).sum() == 2
        while finished < 25:
            assert np.array_equal(env.observations[0], board.ravel())
            assert env.action_masks is not None and env.action_masks[0].tolist() == legal(board)
            wished = int(rng.integers(4))
            name = next(MOVES[(wished + k) % 4] for k in range(4) if legal(board)[(wished + k) % 4])
            env.step([wished])
            after, made = move(board, name)
            shown = env.final_observations[0] if env.terminals[0] else env.observations[0]
            seen = shown.reshape(4, 4).astype(np.int64)
            (new,) = np.flatnonzero(after.ravel() != seen.ravel())
            assert after.ravel()[new] == 0 and seen.ravel()[new] in (1, 2)
            score, total, steps = score + sum(2**k for k in made), total + sum(made), steps + 1
            assert env.rewards[0] == sum(made)
            board = seen
            assert env.terminals[0] == (not any(legal(board)))
            if env.terminals[0]:
                finished += 1
                assert env.state().ended_score == score
                assert np.array_equal(unpack(env.state().ended), board)
                tiles.append(int(board.max()))
                scores.append(score)
                returns.append(total)
                board, score, total, steps = unpack(env.state().board), 0, 0.0, 0
        log = env.log()
    assert log["score"] == pytest.approx(np.mean(scores))
    assert log["episode_return"] == pytest.approx(np.mean(returns))
    assert log["perf"] == pytest.approx(np.mean([2 ** min(k, 11) / 2048 for k in tiles]))


def test_every_row_slides_as_told() -> None:
    """All 65536 rows, as the first row of a board whose other cells are full and differ: from a forged snapshot."""
    with puffer_envs.make("merge2048") as env:
        env.reset(0)
        rows = env._assets.view(np.uint16).reshape(65536, 4)
        for row in range(65536):
            after, made = slide([row >> (4 * k) & 15 for k in range(4)])
            assert rows[row, 0] == sum(tile << (4 * k) for k, tile in enumerate(after))
            assert rows[row, 1] == sum(made)
            assert rows[row, 2] | rows[row, 3].astype(np.int64) << 16 == sum(2**k for k in made)


def test_new_tiles_are_drawn_evenly_and_a_tenth_are_fours() -> None:
    with puffer_envs.make("merge2048", 20000) as env:
        env.reset(5)
        cells = env.observations.astype(np.int64)
    places = (cells > 0).sum(axis=0)
    expected = 40000 / 16
    assert ((places - expected) ** 2 / expected).sum() < 45  # chi-square with 15 degrees of freedom, p < 1e-4
    fours = (cells == 2).sum() / 40000
    assert fours == pytest.approx(0.1, abs=0.007)


def test_tiles_appear_on_every_empty_cell() -> None:
    """The newest tile among the empty cells, by its rank: all ranks are as likely."""
    rng = np.random.default_rng(3)
    shares = []
    with puffer_envs.make("merge2048", 500) as env:
        env.reset(6)
        for _ in range(60):
            before = env.observations.astype(np.int64)
            env.step(rng.integers(4, size=500))
            for index in np.flatnonzero(~env.terminals):
                state = env.state(int(index))
                board, _ = move(before[index].reshape(4, 4), MOVES[int(state.last)])
                empty = np.flatnonzero(board.ravel() == 0)
                shares.append((np.flatnonzero(empty == state.born)[0] + 0.5) / len(empty))
    assert np.mean(shares) == pytest.approx(0.5, abs=0.01)
    assert np.quantile(shares, [0.25, 0.75]) == pytest.approx([0.25, 0.75], abs=0.02)


def test_a_game_with_the_goal_is_perfect() -> None:
    """From a board with 2048 and 4096 on it, which block all other tiles."""
    full = [12, 11, 10, 9, 3, 4, 3, 4, 5, 6, 5, 6, 7, 8, 7, 1]
    with puffer_envs.make("merge2048") as env:
        env.reset(0)
        board = sum(k << (4 * cell) for cell, k in enumerate(full)) & ~(15 << 48)
        patch(env, board=board, legal=sum(can << i for i, can in enumerate(legal(unpack(board)))))
        while not env.terminals[0]:
            env.step([0])
        log = env.log()
    assert log["perf"] == 1.0
    assert [log[f"tile_{k}"] for k in (512, 1024, 2048, 4096)] == [1.0] * 4

"""connect4 against brute force: its win check, its rules, and what its opponents see."""

from __future__ import annotations

import ctypes
import itertools
import os
import subprocess
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

import puffer_envs
from puffer_envs import Environment

from ..engine.conftest import build, compiler  # noqa: F401 (a fixture)

COLUMNS, ROWS = 7, 6
Board = list[list[int]]  # columns from the left, each a list of players from the bottom


def lines() -> list[list[tuple[int, int]]]:
    """All 69 ways to have four in a row, as cells (column, row)."""
    found = []
    for (dx, dy), x, y in itertools.product(((1, 0), (0, 1), (1, 1), (1, -1)), range(COLUMNS), range(ROWS)):
        cells = [(x + k * dx, y + k * dy) for k in range(4)]
        if all(0 <= cx < COLUMNS and 0 <= cy < ROWS for cx, cy in cells):
            found.append(cells)
    return found


LINES = lines()


def has_won(board: Board, player: int) -> bool:
    stones = {(x, y) for x, column in enumerate(board) for y, owner in enumerate(column) if owner == player}
    return any(all(cell in stones for cell in line) for line in LINES)


def best_columns(board: Board, player: int, depth: int) -> list[int]:
    """The columns from which the most can be forced, looking at that many moves."""
    values = {c: value_of(board, player, c, depth) for c in range(COLUMNS) if len(board[c]) < ROWS}
    return [c for c, value in values.items() if depth == 0 or value == max(values.values())]


def value_of(board: Board, player: int, column: int, depth: int) -> int:
    """1 if dropping there forces a win within `depth` moves, -1 if it allows one, else 0: plain minimax."""
    if depth == 0:
        return 0
    after = [list(c) for c in board]
    after[column].append(player)
    if has_won(after, player):
        return 1
    replies = [-value_of(after, 1 - player, c, depth - 1) for c in range(COLUMNS) if len(after[c]) < ROWS]
    return min(replies, default=0)


def board_of(env: Environment, index: int = 0) -> Board:
    """Read from the state's bits; raises where stones hang in the air."""
    stones = [int(s) for s in env.state(index).stones]
    board: Board = []
    for x in range(COLUMNS):
        column = [next((p for p in (0, 1) if stones[p] >> (7 * x + y) & 1), None) for y in range(7)]
        height = sum(owner is not None for owner in column)
        assert column[height:] == [None] * (7 - height)
        assert height <= ROWS
        board.append([owner for owner in column if owner is not None])
    return board


def expected_observation(board: Board, player: int, turn: bool) -> NDArray[np.uint8]:
    cells = np.zeros((2, COLUMNS, ROWS), np.uint8)
    for x, column in enumerate(board):
        for y, owner in enumerate(column):
            cells[int(owner != player), x, y] = 1
    return np.concatenate([cells.reshape(-1), [np.uint8(turn)]]).astype(np.uint8)


def landing(board: Board, wished: int) -> int:
    room = [c for c in range(COLUMNS) if len(board[c]) < ROWS]
    return min(room, key=lambda c: (abs(c - wished), c))


# --- the win check ---


@pytest.fixture(scope="module")
def four(build: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:  # noqa: F811
    """`connect4_four` of the header, for many sets of stones."""
    folder = tmp_path_factory.mktemp("four")
    (folder / "four.c").write_text(
        '#include "envs/connect4.h"\n'
        "void four(const uint64_t* stones, uint8_t* found, int64_t n)\n"
        "{ for (int64_t i = 0; i < n; i++) found[i] = (uint8_t)connect4_four(stones[i]); }\n"
    )
    library = folder / "four.so"
    command = [compiler(), *build.EXACT, "-O2", "-shared", "-fPIC", f"-I{build.ROOT / 'c'}", str(folder / "four.c")]
    subprocess.run([*command, "-o", str(library)], check=True, env=os.environ)
    return ctypes.CDLL(str(library))


def check(four: ctypes.CDLL, stones: NDArray[np.uint64]) -> NDArray[np.bool_]:
    found = np.zeros(len(stones), np.uint8)
    four.four(
        stones.ctypes.data_as(ctypes.c_void_p), found.ctypes.data_as(ctypes.c_void_p), ctypes.c_int64(len(stones))
    )
    return found.astype(np.bool_)


def bits(cells: list[tuple[int, int]]) -> int:
    return sum(1 << (7 * x + y) for x, y in cells)


def test_win_check_on_every_line(four: ctypes.CDLL) -> None:
    """Each of the 69 lines alone is a win; without any one of its stones it is none."""
    assert len(LINES) == 69
    whole = np.array([bits(line) for line in LINES], np.uint64)
    broken = np.array([bits(line[:k] + line[k + 1 :]) for line in LINES for k in range(4)], np.uint64)
    assert check(four, whole).all()
    assert not check(four, broken).any()


@pytest.mark.parametrize("density", [0.1, 0.25, 0.4, 0.6])
def test_win_check_against_brute_force(four: ctypes.CDLL, density: float) -> None:
    """Any set of cells, whether a game could lead there or not: 100,000 of them."""
    cells = np.random.default_rng(7).random((100_000, COLUMNS, ROWS)) < density
    weights = np.array([[1 << (7 * x + y) for y in range(ROWS)] for x in range(COLUMNS)], np.uint64)
    stones = (cells * weights).sum(axis=(1, 2), dtype=np.uint64)
    wanted = np.zeros(len(cells), np.bool_)
    for line in LINES:
        wanted |= np.logical_and.reduce([cells[:, x, y] for x, y in line])
    assert 0.001 < wanted.mean() < 0.9999
    assert np.array_equal(check(four, stones), wanted)


# --- the rules ---


@pytest.mark.parametrize(("strength", "games"), [(0, 300), (1, 100), (2, 60), (3, 12), (4, 3)])
def test_every_step_follows_the_rules(strength: int, games: int) -> None:
    """The board after each step is the agent's stone and one of the replies that plain minimax finds best."""
    rng = np.random.default_rng(strength)
    results = {1.0: 0, 0.0: 0, -1.0: 0}
    began = 0
    with puffer_envs.make("connect4", strength=strength) as env:
        env.reset(11)
        played = 0
        while played < games:
            board = board_of(env)
            began += sum(map(len, board)) == 0
            assert np.array_equal(env.observations[0], expected_observation(board, 0, True))
            assert env.action_masks is not None
            assert env.action_masks[0].tolist() == [len(column) < ROWS for column in board]
            wished = int(rng.integers(COLUMNS))
            if rng.random() < 0.5:  # some games must be won, or lost late
                wished = int(rng.choice(best_columns(board, 0, 2)))
            env.step([wished])
            board[landing(board, wished)].append(0)
            won, full = has_won(board, 0), sum(map(len, board)) == COLUMNS * ROWS
            over = won or full
            assert env.truncations[0] == 0
            if not over:
                replies = best_columns(board, 1, strength)
                after = [[*c, 1] if x == env_reply(env, board) else c for x, c in enumerate(board)]
                assert env_reply(env, board) in replies
                over = has_won(after, 1) or sum(map(len, after)) == COLUMNS * ROWS
                won_by_other = has_won(after, 1)
                board = after
            else:
                won_by_other = False
            assert env.terminals[0] == over
            assert env.rewards[0] == (1 if won else -1 if won_by_other else 0)
            if over:
                results[float(env.rewards[0])] += 1
                played += 1
                final = env.final_observations[0]
                assert np.array_equal(final[:84], expected_observation(board, 0, False)[:84])
        log = env.log()
    assert log["n"] == games
    assert log["score"] == pytest.approx((results[1.0] - results[-1.0]) / games)
    assert log["perf"] == pytest.approx((results[1.0] + 0.5 * results[0.0]) / games)
    if strength == 0:
        assert results[1.0] > 200
        assert 100 < began < 200  # half of the games


def env_reply(env: Environment, before: Board) -> int:
    """The column of the opponent's stone in the last step, from what the agent saw or, at the end, saw last."""
    observation = env.final_observations[0] if env.terminals[0] else env.observations[0]
    other = observation[42:84].reshape(COLUMNS, ROWS).sum(axis=1)
    grown = [x for x in range(COLUMNS) if other[x] > sum(owner == 1 for owner in before[x])]
    assert len(grown) == 1
    return grown[0]


def test_a_full_column_takes_no_stone() -> None:
    """It goes to the nearest one with room; of two, the left one."""
    with puffer_envs.make("connect4", self_play=True) as env:
        env.reset(1)
        for stone in range(10):
            assert env.action_masks is not None
            before = board_of(env)
            mover = int(env.state().turn)
            assert env.action_masks[mover].tolist() == [len(column) < ROWS for column in before]
            assert env.action_masks[1 - mover].tolist() == [True] + [False] * 6
            env.step([3, 3])
            if env.terminals[0]:
                break
            column = int(env.state().last)
            assert column == (3 if stone < ROWS else 2)


def test_self_play_takes_turns_and_sums_to_zero() -> None:
    rng = np.random.default_rng(2)
    with puffer_envs.make("connect4", self_play=True) as env:
        env.reset(4)
        board: Board = [[] for _ in range(COLUMNS)]
        turn = int(env.state().turn)
        games, length, lengths, starts = 0, 0, [], [turn]
        while games < 300:
            for player in (0, 1):
                assert np.array_equal(env.observations[player], expected_observation(board, player, turn == player))
            wished = rng.integers(COLUMNS, size=2)
            env.step(wished)
            length += 1
            board[landing(board, int(wished[turn]))].append(turn)
            won = has_won(board, turn)
            over = won or sum(map(len, board)) == COLUMNS * ROWS
            assert env.terminals.tolist() == [over, over]
            assert env.rewards[turn] == won and env.rewards[1 - turn] == -float(won)
            turn = 1 - turn
            if over:
                games, length = games + 1, lengths.append(length) or 0
                board, turn = [[] for _ in range(COLUMNS)], int(env.state().turn)
                starts.append(turn)
        log = env.log()
    assert log["n"] == 600 and log["perf"] == 0.5 and log["score"] == 0
    assert log["episode_length"] == pytest.approx(np.mean(lengths))
    assert 100 < sum(starts) < 200
    assert log["began.n"] == 300
    assert 0.5 < log["began.perf"] < 0.65  # the first move is an advantage


# --- the opponents ---


def win_rate(strength: int, depth: int, games: int) -> float:
    """How well a player that looks `depth` moves ahead does against the environment's."""
    rng = np.random.default_rng(depth)
    with puffer_envs.make("connect4", games, strength=strength) as env:
        env.reset(9)
        score = np.full(games, np.nan)
        while np.isnan(score).any():
            boards = [board_of(env, i) for i in range(games)]
            env.step([int(rng.choice(best_columns(b, 0, depth))) for b in boards])
            ended = env.terminals & np.isnan(score)
            score[ended] = (env.rewards[ended] + 1) / 2
    return float(score.mean())


def test_each_strength_is_stronger() -> None:
    """Against a player that wins where it can and prevents being beaten at once."""
    rates = [win_rate(strength, 2, 60) for strength in (0, 1, 2, 4)]
    assert rates[0] > 0.9
    assert rates[0] > rates[1] > rates[2] > rates[3]
    assert rates[2] == pytest.approx(0.5, abs=0.2)
    assert rates[3] < 0.35


def test_replies_are_drawn_evenly_among_the_best() -> None:
    """Strength 0 on the empty board: seven columns, each with the same chance."""
    with puffer_envs.make("connect4", 7000, strength=0) as env:
        env.reset(2)
        last = np.array([int(env.state(i).last) for i in range(7000) if env.state(i).moves == 1])
    counts = np.bincount(last, minlength=COLUMNS)
    expected = len(last) / COLUMNS
    assert ((counts - expected) ** 2 / expected).sum() < 28  # chi-square with 6 degrees of freedom, p < 1e-4

"""checkers against its rules told a second time, square by square, and published counts of positions."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

import puffer_envs
from puffer_envs import Environment

WAYS = ((1, -1), (1, 1), (-1, -1), (-1, 1))
"""Rows and columns, as the player sees them who moves: ahead to the left and right, back to the left and right."""
Move = tuple[int, int, int]
"""Row and column of the piece, as its player sees them, and the way."""
Board = dict[tuple[int, int], tuple[int, bool]]
"""Row and column of each piece, as the first player sees them: its player, and whether it is a king."""

START: Board = {
    (row, column): (int(row > 4), False) for row in (0, 1, 2, 5, 6, 7) for column in range(8) if (row + column) % 2 == 0
}


def turned(cell: tuple[int, int], player: int) -> tuple[int, int]:
    return cell if player == 0 else (7 - cell[0], 7 - cell[1])


class Game:
    """The rules: a move is a step or a single jump."""

    def __init__(self, board: Board, turn: int, again: tuple[int, int] | None = None) -> None:
        self.board, self.turn, self.again, self.quiet = dict(board), turn, again, 0

    def at(self, row: int, column: int) -> tuple[int, bool] | None:
        return self.board.get(turned((row, column), self.turn))

    def moves(self) -> tuple[bool, list[Move]]:
        """Whether they are jumps, and all that are legal."""
        steps, jumps = [], []
        for row, column, way in itertools.product(range(8), range(8), range(4)):
            piece, (up, right) = self.at(row, column), WAYS[way]
            if piece is None or piece[0] != self.turn or (up < 0 and not piece[1]):
                continue
            beside, beyond = (row + up, column + right), (row + 2 * up, column + 2 * right)
            if min(beside) >= 0 and max(beside) < 8 and self.at(*beside) is None:
                steps.append((row, column, way))
            other = self.at(*beside)
            inside = min(beyond) >= 0 and max(beyond) < 8
            if inside and other is not None and other[0] != self.turn and self.at(*beyond) is None:
                jumps.append((row, column, way))
        if self.again is not None:
            jumps = [move for move in jumps if move[:2] == self.again]
            return True, jumps
        return bool(jumps), jumps or steps

    def play(self, move: Move) -> None:
        jumping, _ = self.moves()
        row, column, way = move
        up, right = WAYS[way]
        length = 2 if jumping else 1
        end = (row + length * up, column + length * right)
        player, king = self.board.pop(turned((row, column), self.turn))
        if jumping:
            del self.board[turned((row + up, column + right), self.turn)]
        crowned = not king and end[0] == 7
        self.board[turned(end, self.turn)] = (player, king or crowned)
        self.quiet = 0 if jumping or not king else self.quiet + 1
        if jumping and not crowned:
            self.again = end
            if self.moves()[1]:
                return
        self.again, self.turn = None, 1 - self.turn

    def observe(self, player: int) -> NDArray[np.uint8]:
        planes = np.zeros((5, 32), np.uint8)
        for cell, (owner, king) in self.board.items():
            planes[2 * (owner != player) + king, square_of(*turned(cell, player))] = 1
        for row, column, _ in self.moves()[1] if self.turn == player else []:
            planes[4, square_of(row, column)] = 1
        return np.concatenate([[self.turn == player, self.quiet], planes.ravel()]).astype(np.uint8)


def square_of(row: int, column: int) -> int:
    return 4 * row + column // 2


def action_of(move: Move) -> int:
    return 32 * move[2] + square_of(*move[:2])


def board_of(env: Environment, index: int = 0) -> Board:
    state, board = env.state(index), {}
    for row in range(8):
        for column in range(row % 2, 8, 2):
            bit = square_of(row, column) + (square_of(row, column) + 4) // 8
            for player, pieces in enumerate((state.own[0], state.other[0])):
                if int(pieces) >> bit & 1:
                    board[row, column] = (player, bool(int(state.kings[0]) >> bit & 1))
    return board


def count(game: Game, depth: int) -> int:
    """Positions after so many whole moves."""
    if depth == 0:
        return 1
    total = 0
    for move in game.moves()[1]:
        after = Game(game.board, game.turn, game.again)
        after.play(move)
        total += count(after, depth - (after.turn != game.turn))
    return total


def test_counts_of_positions_are_the_published_ones() -> None:
    """7, 49, 302, 1469, 7361 ... after 1, 2, 3 ... moves: the second telling is right itself."""
    assert [count(Game(START, 0), depth) for depth in range(1, 5)] == [7, 49, 302, 1469]


def positions(lines: list[list[int]]) -> list[tuple[bool, list[int]]]:
    """After each line of actions: whether the piece must jump again, and the legal actions."""
    found: list[tuple[bool, list[int]]] = [(False, [])] * len(lines)
    for length in sorted({len(line) for line in lines}):
        same = [index for index, line in enumerate(lines) if len(line) == length]
        with puffer_envs.make("checkers", len(same), self_play=True, opening=0) as env:
            env.reset(0)
            for k in range(length):
                env.step(np.repeat([lines[index][k] for index in same], 2).astype(np.int32))
            assert env.action_masks is not None
            movers = 2 * np.arange(len(same)) + (env.observations[::2, 0] == 0)
            for row, index in enumerate(same):
                again = length > 0 and int(env.state(row).again) >= 0
                found[index] = (again, np.flatnonzero(env.action_masks[movers[row]]).tolist())
    return found


def counts(depth: int) -> list[int]:
    """Positions after 1, 2, 3 ... whole moves, by the environment: all ways to play, side by side."""
    lines: list[list[int]] = [[]]
    found, options = [], [actions for _, actions in positions(lines)]
    for _ in range(depth):
        lines = [[*line, action] for line, actions in zip(lines, options, strict=True) for action in actions]
        known = positions(lines)
        while any(again for again, _ in known):
            longer = []
            for line, (again, actions) in zip(lines, known, strict=True):
                longer += [[*line, action] for action in actions] if again else [line]
            lines, known = longer, positions(longer)
        options = [actions for _, actions in known]
        found.append(len(lines))
    return found


def test_the_environment_has_as_many_positions() -> None:
    assert counts(5) == [7, 49, 302, 1469, 7361]


@pytest.mark.slow
def test_the_environment_has_as_many_positions_deeper() -> None:
    assert counts(6) == [7, 49, 302, 1469, 7361, 36768]


def lead_of(game: Game) -> int:
    return sum(1 if owner == 0 else -1 for owner, _ in game.board.values())


def compare(games: int, patience: int, rng: np.random.Generator) -> tuple[int, int, int]:
    """Self-play of random legal moves. Returns how often a piece was crowned, jumped again, and a game drawn."""
    crowned = again = drawn = 0
    with puffer_envs.make("checkers", self_play=True, patience=patience, reward_piece=0.25, reward_draw=-0.5) as env:
        env.reset(games)
        for _ in range(games):
            game, over, steps = Game(board_of(env), int(env.state().turn)), False, 0
            assert int(env.state().again) < 0 and env.state().began == game.turn
            game.quiet = int(env.state().quiet)
            while not over:
                _, legal = game.moves()
                actions = sorted(action_of(move) for move in legal)
                mover = game.turn
                assert env.action_masks is not None
                assert np.flatnonzero(env.action_masks[mover]).tolist() == actions
                assert np.flatnonzero(env.action_masks[1 - mover]).tolist() == [0]
                if steps % 5 == 0:
                    for player in (0, 1):
                        assert np.array_equal(env.observations[player], game.observe(player))
                wished = int(rng.integers(128))
                env.step([wished, wished])
                action = next((a for a in actions if a >= wished), actions[0])
                kings = sum(king for _, king in game.board.values())
                pieces, before = len(game.board), lead_of(game)
                game.play(next(move for move in legal if action_of(move) == action))
                crowned += len(game.board) == pieces and sum(king for _, king in game.board.values()) > kings
                again += game.again is not None
                steps += 1
                lost = not game.moves()[1]
                over = lost or game.quiet >= patience
                assert env.terminals.tolist() == [over, over]
                outcome = (1.0 if game.turn == 1 else -1.0) if lost else 0.0
                reward = 0.25 * (lead_of(game) - before) + outcome
                draw = -0.5 if over and not lost else 0.0
                assert env.rewards.tolist() == [reward + draw, draw - reward]
            drawn += outcome == 0
            state = env.state()
            assert [int(pieces).bit_count() for pieces in state.ended] == [
                sum(owner == 0 for owner, _ in game.board.values()),
                sum(owner == 1 for owner, _ in game.board.values()),
                sum(king for _, king in game.board.values()),
            ]
    return crowned, again, drawn


def test_self_play_follows_the_rules() -> None:
    crowned, again, drawn = compare(25, 20, np.random.default_rng(0))
    assert crowned > 10 and again > 10 and drawn > 0


@pytest.mark.slow
def test_hundreds_of_games_follow_the_rules() -> None:
    crowned, again, drawn = compare(500, 40, np.random.default_rng(1))
    assert crowned > 500 and again > 500 and drawn > 10


def test_the_scripted_opponent_answers_by_the_rules() -> None:
    """One of the positions that whole moves of the second telling lead to."""
    rng = np.random.default_rng(1)

    def answers(game: Game) -> list[Board]:
        if game.turn == 0 or not game.moves()[1]:
            return [game.board]
        found = []
        for move in game.moves()[1]:
            after = Game(game.board, game.turn, game.again)
            after.play(move)
            found += answers(after)
        return found

    with puffer_envs.make("checkers", strength=2) as env:
        env.reset(5)
        for _ in range(4):
            game = Game(board_of(env), 0)
            while True:
                moves = game.moves()[1]
                move = moves[int(rng.integers(len(moves)))]
                env.step([action_of(move)])
                game.play(move)
                if env.terminals[0]:
                    break
                if game.turn == 1:
                    assert board_of(env) in answers(game)
                    game = Game(board_of(env), 0)
                assert np.array_equal(env.observations[0][2:], game.observe(0)[2:])


def test_the_script_beats_a_random_player_when_it_looks_ahead() -> None:
    for strength, low, high in ((0, 0.35, 0.65), (1, 0.0, 0.05)):
        rng = np.random.default_rng(2)
        with puffer_envs.make("checkers", 100, strength=strength, reward_piece=0) as env:
            env.reset(1)
            score = np.full(100, np.nan)
            while np.isnan(score).any():
                env.step(rng.integers(128, size=100))
                fresh = env.terminals & np.isnan(score)
                score[fresh] = (env.rewards[fresh] + 1) / 2
            assert low <= score.mean() <= high


def test_it_takes_what_two_moves_promise() -> None:
    """Where a search of the second telling finds a way to more pieces, the script's answer keeps it."""

    def best(game: Game, depth: int) -> int:
        own = sum(1 if owner == game.turn else -1 for owner, _ in game.board.values())
        jumping, moves = game.moves()
        if not moves or (depth <= 0 and not jumping):
            return own if moves else -100
        values = []
        for move in moves:
            after = Game(game.board, game.turn, game.again)
            after.play(move)
            values.append(best(after, depth) if after.turn == game.turn else -best(after, depth - 1))
        return max(values)

    rng = np.random.default_rng(3)
    gained = 0
    with puffer_envs.make("checkers", strength=2) as env:
        env.reset(8)
        while gained < 5:
            game = Game(board_of(env), 0)
            moves = game.moves()[1]
            move = moves[int(rng.integers(len(moves)))]
            env.step([action_of(move)])
            if env.terminals[0]:
                continue
            game.play(move)
            if game.turn == 0:
                continue
            lead = sum(1 if owner == 1 else -1 for owner, _ in game.board.values())
            promised, reached = best(game, 2), -best(Game(board_of(env), 0), 1)
            if promised > lead:
                gained += 1
                assert reached >= promised


def test_an_opening_ends_behind_the_last_jump() -> None:
    """Two thousand games of eight moves at random: some took two pieces at once, and none is in the middle of it."""
    with (
        puffer_envs.make("checkers", 2000, seed=1, opening=8, self_play=True) as env,
        puffer_envs.make("checkers", 2000, seed=1, opening=7, self_play=True) as before,
    ):
        env.reset()
        before.reset()
        taken = []
        for index in range(2000):
            now, then = env.state(index), before.state(index)
            assert int(now.again) == -1 and int(now.turn) != int(then.turn)
            taken.append(int(then.other[1 - int(now.turn)]).bit_count() - int(now.other[1 - int(now.turn)]).bit_count())
        assert set(taken) >= {0, 1, 2}

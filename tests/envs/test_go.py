"""go against its rules told a second time: groups by walking, and every old position kept."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

import puffer_envs
from puffer_envs import Environment

Board = tuple[int, ...]
"""Row by row: -1 empty, else the player."""


class Game:
    """The rules, cell by cell."""

    def __init__(self, size: int, komi: float, board: Board, turn: int, black: int) -> None:
        self.size, self.komi, self.board, self.turn, self.black = size, komi, board, turn, black
        self.seen = {board}
        self.passes = 0
        self.near = [
            [
                y * size + x
                for y, x in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1))
                if 0 <= y < size and 0 <= x < size
            ]
            for row in range(size)
            for column in range(size)
        ]

    def group(self, board: Board | list[int], cell: int) -> tuple[set[int], set[int]]:
        """The cells that are connected to this one and of its kind, and what touches them."""
        found, border, waiting = {cell}, set(), [cell]
        while waiting:
            for other in self.near[waiting.pop()]:
                if board[other] != board[cell]:
                    border.add(other)
                elif other not in found:
                    found.add(other)
                    waiting.append(other)
        return found, border

    def liberties(self, board: Board | list[int], cell: int) -> int:
        return sum(board[other] < 0 for other in self.group(board, cell)[1])

    def after(self, cell: int) -> Board | None:
        """The position that a stone here leads to; None if it is not allowed."""
        if self.board[cell] >= 0:
            return None
        board = list(self.board)
        board[cell] = self.turn
        for other in self.near[cell]:
            if board[other] == 1 - self.turn and self.liberties(board, other) == 0:
                for stone in self.group(board, other)[0]:
                    board[stone] = -1
        return None if self.liberties(board, cell) == 0 or tuple(board) in self.seen else tuple(board)

    def legal(self) -> list[bool]:
        """Of each cell; an empty one beside another needs only a look at the history."""
        return [self.after(cell) is not None for cell in range(self.size**2)]

    def play(self, cell: int | None) -> None:
        board = self.board if cell is None else self.after(cell)
        assert board is not None
        self.passes = self.passes + 1 if cell is None else 0
        self.board, self.turn = board, 1 - self.turn
        self.seen.add(board)

    def lead(self) -> float:
        """By how much player 0 leads."""
        areas = [self.board.count(0), self.board.count(1)]
        for cell in range(self.size**2):
            around = {self.board[other] for other in self.group(self.board, cell)[1]}
            if self.board[cell] < 0 and len(around) == 1:
                areas[around.pop()] += 1
        return areas[0] - areas[1] - (self.komi if self.black == 0 else -self.komi)

    def observe(self, player: int, legal: list[bool]) -> NDArray[np.uint8]:
        """As the agent sees it."""
        weak = [stone >= 0 and self.liberties(self.board, cell) == 1 for cell, stone in enumerate(self.board)]
        stones = np.array(self.board)
        own, other = stones == player, stones == 1 - player
        turn = self.turn == player
        planes = [own, other, own & weak, other & weak, np.array(legal) & turn]
        flags = [turn, self.black == player, self.passes > 0]
        return np.concatenate([flags, *planes]).astype(np.uint8)


def cells_of(words: NDArray[np.uint64], size: int) -> list[bool]:
    """A set of the state, cell by cell."""
    bits = sum(int(word) << 64 * k for k, word in enumerate(words))
    return [bool(bits >> (row * (size + 1) + column) & 1) for row in range(size) for column in range(size)]


def board_of(env: Environment, index: int = 0, field: str = "stones") -> Board:
    state = env.state(index)
    first, second = (cells_of(words, int(state.size)) for words in getattr(state, field))
    return tuple(0 if a else 1 if b else -1 for a, b in zip(first, second, strict=True))


def game_of(env: Environment) -> Game:
    """The game that begins; of an opening, it knows only the last position."""
    state = env.state()
    return Game(int(state.size), float(state.komi), board_of(env), int(state.turn), int(state.black))


def compare(size: int, games: int, komi: float, rng: np.random.Generator) -> tuple[int, int]:
    """Self-play of random legal moves. Returns how many stones were taken, and how often superko forbade a move."""
    taken = forbidden = 0
    with puffer_envs.make("go", self_play=True, size=size, komi=komi, opening=0) as env:
        env.reset(size)
        for _ in range(games):
            game, over = game_of(env), False
            moves = int(env.state().moves)
            while not over:
                legal, mover = game.legal(), game.turn
                assert env.action_masks is not None
                assert env.action_masks[mover].tolist() == [*legal, True]
                assert np.flatnonzero(env.action_masks[1 - mover]).tolist() == [0]
                if moves % 7 == 0:
                    for player in (0, 1):
                        assert np.array_equal(env.observations[player], game.observe(player, legal))
                history, game.seen = game.seen, set()
                forbidden += sum(legal) < sum(game.legal()) if moves % 7 == 0 else 0
                game.seen = history
                wished = int(rng.integers(size * size + 1))
                env.step([wished, wished])
                cells = np.flatnonzero(legal)
                cell = (
                    None
                    if wished == size * size or not len(cells)
                    else int(next(iter(cells[cells >= wished]), cells[0]))
                )
                before = game.board.count(1 - mover)
                game.play(cell)
                moves += 1
                taken += before - game.board.count(1 - mover)
                over = game.passes == 2 or moves == 2 * size * size
                assert env.terminals.tolist() == [over, over]
            lead = game.lead()
            assert env.rewards.tolist() == [np.sign(lead), -np.sign(lead)]
            assert board_of(env, field="ended") == game.board
            first, second = (int(area) for area in env.state().areas)
            assert first - second - (komi if game.black == 0 else -komi) == lead
    return taken, forbidden


@pytest.mark.parametrize(("size", "games", "komi"), [(5, 25, 3.0), (7, 8, 7.5), (9, 2, 7.5)])
def test_self_play_follows_the_rules(size: int, games: int, komi: float) -> None:
    taken, forbidden = compare(size, games, komi, np.random.default_rng(size))
    assert taken > 20 and (forbidden > 0 or size > 5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "games"), [(5, 1500), (6, 300), (7, 300), (8, 60), (9, 60), (11, 10), (13, 6), (19, 2)]
)
def test_thousands_of_games_follow_the_rules(size: int, games: int) -> None:
    taken, _ = compare(size, games, 0.5, np.random.default_rng(100 + size))
    assert taken > games


def play_all(env: Environment, moves: list[str]) -> None:
    """Moves of both players by their names, as `b3`, or `pass`; rows are counted from the bottom."""
    size = int(env.state().size)
    for move in moves:
        column, row = "abcdefghjklmnopqrst".index(move[0]), size - int(move[1:]) if move != "pass" else 0
        action = size * size if move == "pass" else row * size + column
        assert env.action_masks is not None and env.action_masks[int(env.state().turn), action]
        env.step([action, action])


def is_allowed(env: Environment, move: str) -> bool:
    size = int(env.state().size)
    action = (size - int(move[1:])) * size + "abcdefghjklmnopqrst".index(move[0])
    assert env.action_masks is not None
    return bool(env.action_masks[int(env.state().turn), action])


def test_a_ko_is_taken_back_after_a_move_elsewhere() -> None:
    with puffer_envs.make("go", self_play=True, size=5, opening=0) as env:
        env.reset(0)
        play_all(env, ["b3", "c3", "a2", "d2", "b1", "c1", "c2", "b2"])  # white takes c2
        assert not is_allowed(env, "c2")
        play_all(env, ["e5", "e1"])
        assert is_allowed(env, "c2")
        play_all(env, ["c2"])
        assert not is_allowed(env, "b2")


def test_suicide_is_not_allowed_but_taking_by_the_last_liberty_is() -> None:
    with puffer_envs.make("go", self_play=True, size=5, opening=0) as env:
        env.reset(0)
        play_all(env, ["a2", "e5", "b1", "e4", "e1"])
        assert not is_allowed(env, "a1")  # white
        play_all(env, ["a3", "d4", "b2", "d3", "c1", "c4"])
        assert is_allowed(env, "a1")  # white takes a2 and b1
        play_all(env, ["a1"])
        assert board_of(env).count(int(env.state().black)) == 5 - 2 + 1


def test_passing_twice_ends_the_game_and_komi_decides_an_empty_board() -> None:
    for komi, reward in ((0.5, -1.0), (0.0, 0.0), (-0.5, 1.0)):
        with puffer_envs.make("go", self_play=True, opening=0, komi=komi) as env:
            env.reset(1)
            black = int(env.state().black)
            play_all(env, ["pass"])
            assert not env.terminals.any() and env.observations[:, 2].all()
            play_all(env, ["pass"])
            assert env.terminals.all() and env.rewards[black] == reward


def test_the_scripted_opponent_answers_by_the_rules() -> None:
    """With one stone that the rules allow, or a pass. With a komi of 1 the games that it plays out can be drawn."""
    rng = np.random.default_rng(1)
    results = []
    for strength, komi in ((0, 0.5), (1, 0.5), (2, 1.0)):
        with puffer_envs.make("go", size=5, strength=strength, komi=komi) as env:
            env.reset(5)
            for _ in range(2):
                game = game_of(env)
                while True:
                    cells = np.flatnonzero(game.legal())
                    cell = int(rng.choice(cells)) if len(cells) else None
                    env.step([25 if cell is None else cell])
                    game.play(cell)
                    if env.terminals[0]:
                        results.append(float(env.rewards[0]))
                        break
                    last = int(env.state().last)
                    game.play(None if last < 0 else last - last // 6)
                    assert board_of(env) == game.board and game.turn == 0
    assert min(results) == -1.0


def shifted(planes: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """What lies above, below, left and right of each point of boards, (games, size, size)."""
    padded = np.pad(planes, ((0, 0), (1, 1), (1, 1)))
    return [padded[:, :-2, 1:-1], padded[:, 2:, 1:-1], padded[:, 1:-1, :-2], padded[:, 1:-1, 2:]]


def test_each_strength_is_stronger() -> None:
    """Against one that takes what it can, and fills an eye only beside own stones with no other liberty."""
    shares, games, size = [], 60, 5
    for strength in (0, 1, 2):
        rng = np.random.default_rng(2)
        with puffer_envs.make("go", games, size=size, strength=strength, komi=0.5) as env:
            observations = env.reset(1)
            score = np.full(games, np.nan)
            while np.isnan(score).any():
                own, _, weak, caught, legal = np.moveaxis(observations[:, 3:].reshape(games, 5, size, size) > 0, 1, 0)
                eye = ~np.any(shifted(~own | weak), 0)
                wish = rng.random(own.shape) + np.any(shifted(caught), 0)
                wish = np.where(legal & ~eye, wish, -1.0).reshape(games, -1)
                env.step(np.where(wish.max(1) < 0, size * size, wish.argmax(1)).astype(np.int32))
                observations = env.observations
                fresh = env.terminals & np.isnan(score)
                score[fresh] = (env.rewards[fresh] + 1) / 2
        shares.append(score.mean())
    assert shares[0] > 0.6 and shares[0] > shares[1] > shares[2]

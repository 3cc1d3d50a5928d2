"""Replays of chess as PGN, read again by the rules told a second time."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import puffer_envs
from puffer_envs.cli import main
from puffer_envs.notation import write_games
from puffer_envs.notation.pgn import name_of
from puffer_envs.replay import Replay
from tests.envs.chess_told import Game, square_of
from tests.envs.test_chess import STARTS, play


def letters(fen: str) -> dict[int, str]:
    return {square_of(cell, "w"): letter for cell, letter in Game(fen).board.items()}


@pytest.mark.parametrize(
    ("fen", "move", "name"),
    [
        ("4k3/8/8/8/8/8/8/R3K2R w KQ -", "e1g1", "O-O"),
        ("4k3/8/8/8/8/8/8/R3K2R w KQ -", "e1c1", "O-O-O"),
        ("4k3/8/8/8/8/8/8/R3K2R w KQ -", "a1a5", "Ra5"),
        ("4k3/8/8/8/8/8/8/R6R w - -", "a1d1", "Rad1"),
        ("4k3/R7/8/8/8/8/8/R7 w - -", "a1a4", "R1a4"),
        ("4k3/8/8/8/4Q2Q/8/8/7Q w - -", "h4e1", "Qh4e1"),
        ("4k3/8/8/8/8/2N3N1/8/8 w - -", "c3e4", "Nce4"),
        ("4k3/8/8/3pP3/8/8/8/4K3 w - d6", "e5d6", "exd6"),
        ("1n2k3/P7/8/8/8/8/8/4K3 w - -", "a7b8", "axb8=N"),
    ],
)
def test_moves_have_the_names_that_players_give_them(fen: str, move: str, name: str) -> None:
    start, end = (square_of((ord(move[k]) - ord("a"), int(move[k + 1]) - 1), "w") for k in (0, 2))
    assert name_of(letters(fen), start, end, "N" if "=" in name else "") == name


def test_a_short_game_is_a_pgn(tmp_path: Path, capsys: Any) -> None:
    with puffer_envs.make("chess", self_play=True, opening=0) as env:
        env.start_replay(0)
        white = int(env.state().white)
        play(env, "f2f3 e7e5 g2g4 d8h4")
        env.save_replay(tmp_path / "game.puf")
    assert main(["notation", str(tmp_path / "game.puf")]) == 0
    games = capsys.readouterr().out
    (tmp_path / "game.puf").rename(tmp_path / "replay.puf")  # as a run calls it
    assert main(["notation", str(tmp_path)]) == 0 and capsys.readouterr().out == games
    assert "\n1. f3 e5 2. g4 Qh4# 0-1\n" in games and '[Termination "checkmate"]' in games
    assert f'[White "{("first agent", "second agent")[white]}"]' in games and "FEN" not in games.split("Qh4#")[0]


def follow(game: Game, moves: str) -> Game:
    """Play moves by their names, each of which must mean one legal move, and have the right mark."""
    for word in moves.split():
        if not word[0].isdigit():
            squares = {square_of(cell, "w"): letter for cell, letter in game.board.items()}
            names = {
                move: name_of(squares, square_of(move[0], "w"), square_of(move[1], "w"), move[2])
                for move in game.legal()
            }
            (move,) = [move for move, name in names.items() if name == word.rstrip("+#")]
            game.play(move)
            assert word.endswith(("+", "#")) == game.check
            assert word.endswith("#") == (game.check and not game.legal())
    return game


@pytest.mark.parametrize("settings", [{"self_play": True}, {"strength": 1, "start": "fourth"}])
def test_games_can_be_played_again(tmp_path: Path, settings: dict[str, Any]) -> None:
    rng = np.random.default_rng(4)
    with puffer_envs.make("chess", 2, max_moves=30, **settings) as env:
        env.start_replay(0)
        for _ in range(50):
            env.step(rng.integers(68, size=env.actions.shape).astype(np.int32))
        env.save_replay(tmp_path / "game.puf")
        boards = [env.state(index).boards[0].kinds.tolist() for index in range(2)]
        turned = [int(env.state(index).turn) != int(env.state(index).white) for index in range(2)]
    games = write_games(Replay.load(tmp_path / "game.puf")).split("[Event ")[1:]
    lasts = [number for number, game in enumerate(games) if '"unterminated"' in game]
    assert len(lasts) == 2 and len(games) > 2
    for number, text in enumerate(games):
        fens = [line[6:-2] for line in text.splitlines() if line.startswith("[FEN")]
        moves = " ".join(text.split("\n\n")[1].split()[:-1])
        game = follow(Game(fens[0] if fens else STARTS["usual"]), moves)
        if number in lasts:
            index = lasts.index(number)
            viewer = "b" if turned[index] else "w"
            for letter, kind in zip("PNBRQK", boards[index], strict=True):
                cells = [cell for cell, piece in game.board.items() if piece.upper() == letter]
                assert kind == sum(1 << square_of(cell, viewer) for cell in cells)


def test_other_games_have_no_notation_yet(tmp_path: Path, capsys: Any) -> None:
    with puffer_envs.make("connect4") as env:
        env.start_replay(0)
        env.step([0])
        env.save_replay(tmp_path / "game.puf")
    assert main(["notation", str(tmp_path / "game.puf")]) == 2
    assert "no notation for connect4: there is one for chess, go, gomoku, hex, othello." in capsys.readouterr().err
    assert main(["notation", str(tmp_path / "none.puf")]) == 2
    assert "none.puf: No such file or directory." in capsys.readouterr().err


def stones_after(text: str, size: int) -> tuple[set[str], set[str], list[str]]:
    """Play a game in SGF by the rules of capture alone: the stones of Black and White, and all moves."""
    stones: dict[str, str] = {}
    for color in "BW":
        for points in re.findall(rf"A{color}((?:\[\w\w\])+)", text):
            stones |= dict.fromkeys(re.findall(r"\w\w", points), color)

    def near(point: str) -> list[str]:
        x, y = (ord(letter) - 97 for letter in point)
        around = ((x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1))
        return [chr(97 + a) + chr(97 + b) for a, b in around if 0 <= a < size and 0 <= b < size]

    def capture(point: str) -> None:
        group, edge = {point}, [point]
        while edge:
            fresh = [p for p in near(edge.pop()) if p not in group and stones.get(p) == stones[point]]
            group |= set(fresh)
            edge += fresh
        if all(p in stones for member in group for p in near(member)):
            for member in group:
                del stones[member]

    moves = re.findall(r";([BW])\[(\w*)\]", text)
    for color, point in moves:
        if point:
            assert point not in stones, "a move is on an empty point"
            stones[point] = color
            for other in near(point):
                if stones.get(other, color) != color:
                    capture(other)
    sides = [{p for p, color in stones.items() if color == side} for side in "BW"]
    return sides[0], sides[1], [color + point for color, point in moves]


@pytest.mark.parametrize("self_play", [True, False])
def test_games_of_go_as_sgf_lead_to_the_boards_that_were_there(tmp_path: Path, self_play: bool) -> None:
    random = np.random.default_rng(1)
    ended = []
    with puffer_envs.make("go", size=5, self_play=self_play) as env:
        env.start_replay(2)
        while len(ended) < 4:
            env.step(random.integers(0, 26, env.num_agents).astype(np.int32))
            if env.terminals[0]:
                state = env.state()
                boards = [{5 * (b // 6) + b % 6 for b in range(30) if int(words[0]) >> b & 1} for words in state.ended]
                ended.append((boards, int(state.ended_black), int(state.result)))
        env.save_replay(tmp_path / "game.puf")
    games = write_games(Replay.load(tmp_path / "game.puf")).split("(;FF")[1:]
    assert len(games) == 5 and "RE[Void]" in games[-1]
    for text, (boards, black, result) in zip(games, ended, strict=False):
        *sides, moves = stones_after(text, 5)
        wanted = [{chr(97 + c % 5) + chr(97 + c // 5) for c in cells} for cells in (boards[black], boards[1 - black])]
        assert sides == wanted
        assert all(a[0] != b[0] for a, b in pairwise(moves)), "the players take turns"
        assert moves[-2:] == [moves[-2][0], moves[-1][0]] or len(moves) > 40, "two passes, or all moves that there are"
        winner = black if "RE[B+" in text else 1 - black
        assert result == (1 if winner == 0 else 3)


def ended_at_random(folder: Path, name: str, count: int, read: Callable[[Any], Any], **settings: Any) -> Any:
    """Play until so many games have ended: all texts, the last of a game in progress, and what `read` says of each."""
    random, ended = np.random.default_rng(1), []
    with puffer_envs.make(name, **settings) as env:
        choices = int(env.action_masks.shape[1])
        env.start_replay(2)
        while len(ended) < count:
            env.step(random.integers(0, choices, env.num_agents).astype(np.int32))
            if env.terminals[0]:
                ended.append(read(env.state()))
        env.save_replay(folder / "game.puf")
    games = write_games(Replay.load(folder / "game.puf")).split("(;FF")[1:]
    assert len(games) == count + 1 and "RE[Void]" in games[-1]
    return games, ended


def set_up(text: str) -> dict[tuple[int, int], str]:
    """The colours of the stones with which a game in SGF begins, by column and row."""
    stones = {}
    for color in "BW":
        for points in re.findall(rf"A{color}((?:\[\w\w\])+)", text):
            stones |= {(ord(a) - 97, ord(b) - 97): color for a, b in re.findall(r"(\w)(\w)", points)}
    return stones


@pytest.mark.parametrize("self_play", [True, False])
def test_games_of_othello_as_sgf_lead_to_the_boards_that_were_there(tmp_path: Path, self_play: bool) -> None:
    games, ended = ended_at_random(
        tmp_path,
        "othello",
        12,
        lambda state: ([int(word).bit_count() for word in state.ended], int(state.result)),
        size=6,
        self_play=self_play,
        strength=1,
    )
    assert "GM[2]SZ[6]" in games[0]
    for text, (counts, result) in zip(games, ended, strict=False):
        names = dict(re.findall(r"P([BW])\[(\w+)", text))
        assert set(names.values()) >= {"first"}
        agent = next(color for color, name in names.items() if name == "first")
        stones = reversi(text)
        found = [sum(c == color for c in stones.values()) for color in (agent, "WB"["BW".index(agent)])]
        assert found == counts
        assert re.search(r"RE\[(\w)", text)[1] == {1: agent, 2: "0", 3: "WB"["BW".index(agent)]}[result]  # type: ignore[index]


def reversi(text: str) -> dict[tuple[int, int], str]:
    """The board after a game of othello in SGF; each stone must turn some."""
    stones = set_up(text)
    for color, a, b in re.findall(r";([BW])\[(\w)(\w)\]", text):
        at = (ord(a) - 97, ord(b) - 97)
        assert at not in stones
        caught = []
        for x, y in [(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1) if x or y]:
            row = []
            k = 1
            while stones.get((at[0] + k * x, at[1] + k * y), color) != color:
                row.append((at[0] + k * x, at[1] + k * y))
                k += 1
            caught += row if (at[0] + k * x, at[1] + k * y) in stones else []
        assert caught
        stones |= dict.fromkeys([at, *caught], color)
    return stones


@pytest.mark.parametrize("self_play", [True, False])
def test_games_of_hex_as_sgf_lead_to_the_boards_that_were_there(tmp_path: Path, self_play: bool) -> None:
    games, ended = ended_at_random(
        tmp_path,
        "hex",
        12,
        lambda state: (np.array(state.ended[:25]), int(state.result)),
        size=5,
        self_play=self_play,
        strength=1,
    )
    assert "GM[11]SZ[5]" in games[0]
    assert "swap-pieces" in "".join(games)
    for text, (board, result) in zip(games, ended, strict=False):
        stones = set_up(text)
        for color, point in re.findall(r";([BW])\[([\w-]+)\]", text):
            if point == "swap-pieces":
                ((column, row),) = stones
                stones = {(row, column): color}
            else:
                cell = (ord(point[0]) - 97, ord(point[1]) - 97)
                assert cell not in stones
                stones[cell] = color
        found = [" BW".index(stones.get((cell % 5, cell // 5), " ")) for cell in range(25)]
        assert found == board.tolist()
        assert f"RE[{'BW'[result - 1]}+]" in text


@pytest.mark.parametrize("self_play", [True, False])
def test_games_of_gomoku_as_sgf_lead_to_the_boards_that_were_there(tmp_path: Path, self_play: bool) -> None:
    games, ended = ended_at_random(
        tmp_path,
        "gomoku",
        6,
        lambda state: (np.array(state.ended[:36]), int(state.result)),
        size=6,
        self_play=self_play,
        strength=1,
    )
    assert "GM[4]SZ[6]" in games[0]
    for text, (board, result) in zip(games, ended, strict=False):
        stones = set_up(text)
        for color, a, b in re.findall(r";([BW])\[(\w)(\w)\]", text):
            cell = (ord(a) - 97, ord(b) - 97)
            assert cell not in stones
            stones[cell] = color
        first = re.search(r"P([BW])\[first", text)[1]  # type: ignore[index]
        sides = {first: 1, "WB"["BW".index(first)]: 2, " ": 0}
        assert [sides[stones.get((cell % 6, cell // 6), " ")] for cell in range(36)] == board.tolist()
        assert re.search(r"RE\[(\w)", text)[1] == {1: first, 2: "0", 3: "WB"["BW".index(first)]}[result]  # type: ignore[index]

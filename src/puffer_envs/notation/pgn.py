"""Games of chess as PGN, portable game notation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from puffer_envs.replay import Replay

FILES, LETTERS = "abcdefgh", "PNBRQK"
START = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq -"
ENDINGS = {
    1: "checkmate",
    2: "stalemate",
    3: "moves without progress",
    4: "threefold repetition",
    5: "insufficient material",
    6: "cut off",
}
"""By the state's `ending`."""
STRAIGHT = ((1, 0), (-1, 0), (0, 1), (0, -1))
SLANTED = ((1, 1), (1, -1), (-1, 1), (-1, -1))
LINES = {"B": SLANTED, "R": STRAIGHT, "Q": STRAIGHT + SLANTED}
LINE = 80
"""Characters in a line of moves."""

Board = dict[int, str]
"""The letter on each square that is not empty, a1 0, b1 1, h8 63; White's are capitals."""


def games_of(replay: Replay) -> Iterator[str]:
    """All games of a replay of chess."""
    games = [ChessGames(replay.settings) for _ in range(replay.num_envs)]
    for step, env in enumerate(replay.play()):
        for index, game in enumerate(games):
            rows = slice(index * env.agents, (index + 1) * env.agents)
            masks = np.asarray(env.action_masks)[rows]
            if step == 0:
                game.begin(env.state(index), masks)
            else:
                over = bool((env.terminals | env.truncations)[rows][0])
                game.step(env.state(index), replay.actions[step - 1][rows], masks, over)
    for game in games:
        yield from [*game.finished, game.text("*", "unterminated")]


class ChessGames:
    """Follows one environment of chess, and writes its games as PGN."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        self.finished: list[str] = []

    def begin(self, state: Any, masks: Any) -> None:
        """A new game stands on the board."""
        self._board, self._white = board_of(state, 0), int(state.white)
        self._fen, self._moves = fen_of(state), ""
        self._number, self._white_moves = 1 + int(state.moves) // 2, int(state.turn) == self._white
        self._length, self._parts = 0, list[int]()
        self._after(state, masks)

    def _after(self, state: Any, masks: Any) -> None:
        self._turn, self._masks = int(state.turn), masks.copy()

    def step(self, state: Any, actions: Any, masks: Any, over: bool) -> None:
        """One choice, and what followed from it."""
        options = np.flatnonzero(self._masks[self._turn])
        later = options[options >= int(actions[self._turn])]
        self._parts.append(int(later[0] if len(later) else options[0]))
        after = board_of(state, 1 if over else 0)
        if over or int(state.stage) == 0:
            start, end = (part if self._white_moves else part ^ 56 for part in self._parts[:2])
            becomes = "QRBN"[self._parts[2] - 64] if len(self._parts) > 2 else ""
            moved = played(self._board, start, end, becomes)
            answered = moved != after
            mate = over and int(state.ending) == 1
            check = not answered and (mate or (not over and bool(state.check)))
            self._write(self._board, start, end, becomes, "#" if check and mate else "+" if check else "")
            if answered:
                start, end, becomes = difference(moved, after, self._white_moves)
                self._write(moved, start, end, becomes, "#" if mate else "+" if not over and state.check else "")
            self._board, self._parts = after, []
        if over:
            winner = 0 if int(state.result) == 1 else 1
            drawn = int(state.result) == 2
            result = "1/2-1/2" if drawn else "1-0" if winner == int(state.ended_white) else "0-1"
            self.finished.append(self.text("*" if int(state.ending) == 6 else result, ENDINGS[int(state.ending)]))
            self.begin(state, masks)
        self._after(state, masks)

    def _write(self, board: Board, start: int, end: int, becomes: str, mark: str) -> None:
        number = f"{self._number}. " if self._white_moves else f"{self._number}... " if not self._moves else ""
        word = number + name_of(board, start, end, becomes) + mark
        self._length += len(word) + 1
        breaks = self._length > LINE
        self._moves += ("" if not self._moves else "\n" if breaks else " ") + word
        self._length = len(word) if breaks else self._length
        self._number += not self._white_moves
        self._white_moves = not self._white_moves

    def text(self, result: str, ending: str) -> str:
        """The game as PGN."""
        script = f"script:{self._settings['strength']}"
        names = ["first agent", "second agent" if self._settings["self_play"] else script]
        tags = {"Event": "puffer-envs", "Site": "?", "Date": "????.??.??", "Round": "-"}
        tags |= {"White": names[self._white], "Black": names[1 - self._white], "Result": result, "Termination": ending}
        if not self._fen.startswith(START):
            tags |= {"SetUp": "1", "FEN": self._fen}
        lines = [f'[{tag} "{value}"]' for tag, value in tags.items()]
        return "\n".join([*lines, "", f"{self._moves} {result}".strip(), ""])


def board_of(state: Any, which: int) -> Board:
    """The pieces now (0), or at the end of the previous game (1)."""
    board = state.boards[which]
    turned = which == 0 and int(state.turn) != int(state.white)
    found = {}
    for letter, kind in zip(LETTERS, board.kinds, strict=True):
        for square in range(64):
            if int(kind) >> square & 1:
                white = bool(int(board.sides[0]) >> square & 1) != turned
                found[square ^ 56 if turned else square] = letter if white else letter.lower()
    return found


def fen_of(state: Any) -> str:
    """The position as FEN."""
    board, turned = state.boards[0], int(state.turn) != int(state.white)
    pieces = board_of(state, 0)
    rows = ["".join(pieces.get(8 * rank + file, " ") for file in range(8)) for rank in range(7, -1, -1)]
    for empty in range(8, 0, -1):
        rows = [row.replace(" " * empty, str(empty)) for row in rows]
    letters = "kqKQ" if turned else "KQkq"
    rights = "".join(sorted(letter for bit, letter in enumerate(letters) if int(board.castling) >> bit & 1))
    passant = int(board.passant)
    square = "-" if passant < 0 else square_name(passant ^ 56 if turned else passant)
    turn = "b" if turned else "w"
    return f"{'/'.join(rows)} {turn} {rights or '-'} {square} {int(state.quiet)} {1 + int(state.moves) // 2}"


def square_name(square: int) -> str:
    """As e4."""
    return f"{FILES[square % 8]}{square // 8 + 1}"


def played(board: Board, start: int, end: int, becomes: str) -> Board:
    """The board after a legal move."""
    after = dict(board)
    letter = after.pop(start)
    if letter in "Pp" and start % 8 != end % 8 and end not in board:
        del after[8 * (start // 8) + end % 8]
    if letter in "Kk" and abs(start - end) == 2:
        after[(start + end) // 2] = after.pop(end + 1 if end > start else end - 2)
    after[end] = letter if not becomes else becomes if letter.isupper() else becomes.lower()
    return after


def difference(before: Board, after: Board, white: bool) -> tuple[int, int, str]:
    """The move of a player that led from one board to the other: from, to, and what a pawn became."""
    own = [{at: letter for at, letter in board.items() if letter.isupper() == white} for board in (before, after)]
    left = [at for at in own[0] if own[1].get(at) is None]
    reached = [at for at in own[1] if own[1][at] != own[0].get(at)]
    start = next((at for at in left if own[0][at] in "Kk"), left[0])
    end = next((at for at in reached if own[1][at] in "Kk"), reached[0])
    changed = own[0][start] != own[1][end]
    return start, end, own[1][end].upper() if changed else ""


def name_of(board: Board, start: int, end: int, becomes: str) -> str:
    """A move in algebraic notation, without check. Pinned pieces count where it has to say which one moves."""
    letter = board[start]
    kind = letter.upper()
    if kind == "K" and abs(start - end) == 2:
        return "O-O" if end > start else "O-O-O"
    takes = "x" if end in board or (kind == "P" and start % 8 != end % 8) else ""
    if kind == "P":
        return f"{FILES[start % 8] if takes else ''}{takes}{square_name(end)}{'=' * bool(becomes)}{becomes}"
    others = [at for at in board if at != start and board[at] == letter and _reaches(board, at, end)]
    which = square_name(start) if others else ""
    if others and all(at % 8 != start % 8 for at in others):
        which = which[0]
    elif others and all(at // 8 != start // 8 for at in others):
        which = which[1]
    return f"{kind}{which}{takes}{square_name(end)}"


def _reaches(board: Board, start: int, end: int) -> bool:
    """Whether the piece on a square sees another one."""
    across, up = end % 8 - start % 8, end // 8 - start // 8
    kind = board[start].upper()
    if kind == "N":
        return abs(across * up) == 2
    length = max(abs(across), abs(up))
    way = (across // length, up // length)
    straight = abs(across) in (0, length) and abs(up) in (0, length)
    between = [start + k * (way[0] + 8 * way[1]) for k in range(1, length)]
    return straight and way in LINES.get(kind, ()) and not any(at in board for at in between)

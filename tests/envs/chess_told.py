"""Chess told a second time, square by square, slowly: pieces in a dictionary, and every move tried for its king."""

from __future__ import annotations

from collections import Counter
from itertools import product

import numpy as np
from numpy.typing import NDArray

Cell = tuple[int, int]
"""File and rank, from 0."""
Move = tuple[Cell, Cell, str]
"""From, to, and what a pawn becomes: Q, R, B, N, or nothing."""
Key = tuple[frozenset[tuple[Cell, str]], str, frozenset[str], Cell | None]

STRAIGHT = ((1, 0), (-1, 0), (0, 1), (0, -1))
SLANTED = ((1, 1), (1, -1), (-1, 1), (-1, -1))
LEAPS = tuple((x, y) for x, y in product((-2, -1, 1, 2), repeat=2) if abs(x) != abs(y))
SLIDES = {"B": SLANTED, "R": STRAIGHT, "Q": STRAIGHT + SLANTED}
WORTH = {"P": 1, "N": 3, "B": 3, "R": 5, "Q": 9, "K": 0}
ROOKS = {(0, 0): "Q", (7, 0): "K", (0, 7): "q", (7, 7): "k"}
"""Where rooks begin, and the letter of castling with each."""


class Game:
    """A position: capital letters are White's pieces."""

    def __init__(self, fen: str) -> None:
        rows, self.turn, rights, passant = fen.split()[:4]
        self.board: dict[Cell, str] = {}
        for down, row in enumerate(rows.split("/")):
            file = 0
            for letter in row:
                if letter.isdigit():
                    file += int(letter)
                else:
                    self.board[file, 7 - down] = letter
                    file += 1
        self.castling = frozenset(rights) - {"-"}
        self.passant = None if passant == "-" else (ord(passant[0]) - ord("a"), int(passant[1]) - 1)
        self.quiet = self.moves = 0
        self.seen: Counter[Key] = Counter()
        self.note()

    def copy(self) -> Game:
        other = object.__new__(Game)
        other.__dict__.update(self.__dict__)
        other.board = dict(self.board)
        return other

    def is_own(self, cell: Cell, turn: str) -> bool:
        return cell in self.board and self.board[cell].isupper() == (turn == "w")

    def reach(self, cell: Cell) -> list[Cell]:
        """The squares that the piece there attacks."""
        letter = self.board[cell]
        kind, found = letter.upper(), []
        if kind == "P":
            up = 1 if letter == "P" else -1
            steps: tuple[Cell, ...] = ((-1, up), (1, up))
        else:
            steps = {"N": LEAPS, "K": STRAIGHT + SLANTED}.get(kind, ())
        found = [(cell[0] + x, cell[1] + y) for x, y in steps]
        for x, y in SLIDES.get(kind, ()):
            at = (cell[0] + x, cell[1] + y)
            while at not in self.board and 0 <= at[0] < 8 and 0 <= at[1] < 8:
                found.append(at)
                at = (at[0] + x, at[1] + y)
            found.append(at)
        return [(x, y) for x, y in found if 0 <= x < 8 and 0 <= y < 8]

    def attacked(self, by: str) -> set[Cell]:
        return {cell for piece in list(self.board) if self.is_own(piece, by) for cell in self.reach(piece)}

    def threats(self, by: str) -> set[Cell]:
        """What is seen of `attacked`: a king that is to move does not shield the squares behind it."""
        seen = self.copy()
        if by != self.turn:
            del seen.board[self.king(self.turn)]
        return seen.attacked(by)

    def king(self, turn: str) -> Cell:
        return next(cell for cell, letter in self.board.items() if letter == ("K" if turn == "w" else "k"))

    @property
    def other(self) -> str:
        return "b" if self.turn == "w" else "w"

    @property
    def check(self) -> bool:
        return self.king(self.turn) in self.attacked(self.other)

    def legal(self) -> list[Move]:
        found = []
        for start in list(self.board):
            if self.is_own(start, self.turn):
                for end in self.goals(start):
                    after = self.copy()
                    after.shift(start, end, "Q")
                    if after.king(self.turn) not in after.attacked(self.other):
                        last = self.board[start].upper() == "P" and end[1] in (0, 7)
                        found += [(start, end, letter) for letter in ("QRBN" if last else [""])]
        return found

    def goals(self, start: Cell) -> list[Cell]:
        """Where the piece there goes by its own rules, whether or not that leaves the king in check."""
        (file, rank), letter = start, self.board[start]
        reach = [cell for cell in self.reach(start) if not self.is_own(cell, self.turn)]
        if letter.upper() == "P":
            up, first = (1, 1) if self.turn == "w" else (-1, 6)
            reach = [cell for cell in reach if cell in self.board or cell == self.passant]
            if (file, rank + up) not in self.board:
                reach.append((file, rank + up))
                if rank == first and (file, rank + 2 * up) not in self.board:
                    reach.append((file, rank + 2 * up))
        if letter.upper() == "K":
            attacked = self.attacked(self.other)
            for side, empty, crossed in (("K", (5, 6), (4, 5, 6)), ("Q", (1, 2, 3), (4, 3, 2))):
                right = side if self.turn == "w" else side.lower()
                free = all((x, rank) not in self.board for x in empty)
                if right in self.castling and free and not attacked & {(x, rank) for x in crossed}:
                    reach.append((crossed[2], rank))
        return reach

    def shift(self, start: Cell, end: Cell, becomes: str) -> None:
        letter = self.board.pop(start)
        if letter.upper() == "P" and end == self.passant:
            del self.board[end[0], start[1]]
        if letter.upper() == "P" and end[1] in (0, 7):
            letter = becomes if self.turn == "w" else becomes.lower()
        if letter.upper() == "K" and abs(end[0] - start[0]) == 2:
            corner = (7 if end[0] == 6 else 0, end[1])
            self.board[(start[0] + end[0]) // 2, end[1]] = self.board.pop(corner)
        self.board[end] = letter

    def play(self, move: Move) -> None:
        start, end, becomes = move
        pawn = self.board[start].upper() == "P"
        self.quiet = 0 if pawn or end in self.board else self.quiet + 1
        lost = {ROOKS[cell] for cell in (start, end) if cell in ROOKS}
        lost |= {(4, 0): {"K", "Q"}, (4, 7): {"k", "q"}}.get(start, set())
        self.shift(start, end, becomes)
        self.castling -= lost
        self.passant = (start[0], (start[1] + end[1]) // 2) if pawn and abs(end[1] - start[1]) == 2 else None
        self.turn, self.moves = self.other, self.moves + 1
        self.note()

    def note(self) -> None:
        """Count the position; a square for taking en passant belongs to it only where a pawn may."""
        if self.passant and not any(
            end == self.passant and self.board[start].upper() == "P" for start, end, _ in self.legal()
        ):
            self.passant = None
        self.key = (frozenset(self.board.items()), self.turn, self.castling, self.passant)
        self.seen = self.seen.copy()
        self.seen[self.key] += 1

    def is_dead(self) -> bool:
        rest = [(cell, letter.upper()) for cell, letter in self.board.items() if letter.upper() != "K"]
        if len(rest) <= 1:
            return all(letter in "NB" for _, letter in rest)
        return all(letter == "B" for _, letter in rest) and len({(x + y) % 2 for (x, y), _ in rest}) == 1

    def ending(self, legal: list[Move], patience: int, max_moves: int) -> int:
        """Why the game is over: as the state's `ending` says it."""
        if not legal:
            return 1 if self.check else 2
        reasons = (self.quiet >= patience, self.seen[self.key] >= 3, self.is_dead(), self.moves >= max_moves)
        return next((3 + k for k, true in enumerate(reasons) if true), 0)

    def lead(self, turn: str) -> int:
        signs = ((1 if self.is_own(cell, turn) else -1, letter) for cell, letter in self.board.items())
        return sum(sign * WORTH[letter.upper()] for sign, letter in signs)

    def observe(self, viewer: str, chosen: Cell | None, options: list[int]) -> NDArray[np.uint8]:
        """What a player sees. chosen: its piece. options: squares that it may choose."""
        mine = viewer == self.turn
        rights = ("KQkq" if viewer == "w" else "kqKQ") if self.castling else ""
        flags = [mine, mine and chosen is not None, self.check, self.seen[self.key] > 1, self.quiet]
        flags += [right in self.castling for right in rights] or [0] * 4
        flags += [self.passant[0] + 1 if self.passant else 0, viewer == "w"]
        planes = np.zeros((2, 64), np.uint8)
        for cell, letter in self.board.items():
            planes[0, square_of(cell, viewer)] = (
                "PNBRQK".index(letter.upper()) + 1 + 6 * (not self.is_own(cell, viewer))
            )
        for cell in self.threats("b" if viewer == "w" else "w"):
            planes[1, square_of(cell, viewer)] += 1
        for cell in self.threats(viewer):
            planes[1, square_of(cell, viewer)] += 2
        if mine:
            planes[1, options] += 4
            if chosen is not None:
                planes[1, square_of(chosen, viewer)] += 8
        return np.concatenate([np.array(flags, np.uint8), planes.ravel()])


def square_of(cell: Cell, viewer: str) -> int:
    return 8 * (cell[1] if viewer == "w" else 7 - cell[1]) + cell[0]

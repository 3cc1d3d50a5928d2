"""Games of boards with stones as SGF, smart game format (FF[4]): go, gomoku, hex and othello."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np

from puffer_envs.replay import Replay

COLORS = "BW"
LINE = 80
"""Characters in a line of moves."""
SWAP = "swap-pieces"

Move = tuple[int, str]
"""Who moves, and where."""


def games_of(replay: Replay) -> Iterator[str]:
    """All games of a replay."""
    games = [KINDS[replay.environment](replay.settings) for _ in range(replay.num_envs)]
    for step, env in enumerate(replay.play()):
        for index, game in enumerate(games):
            rows = slice(index * env.agents, (index + 1) * env.agents)
            if step == 0:
                game.begin(env.state(index))
            else:
                over = bool((env.terminals | env.truncations)[rows][0])
                game.step(env.state(index), replay.actions[step - 1][rows], over)
            game.masks = np.array(env.action_masks)[rows]
    for game in games:
        yield from [*game.finished, game.text("Void")]


class Games(ABC):
    """Follows one environment, and writes its games."""

    masks: Any
    """What was allowed before the step."""
    kind: int
    """SGF's number of the game."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings, self.size = settings, int(settings["size"])
        self.finished: list[str] = []

    def begin(self, state: Any) -> None:
        """A new game stands on the board."""
        self.black, self.turn = self.black_of(state), int(state.turn)
        self.stones = self.stones_of(state)
        self._opening = [[self.point(cell) for cell in sorted(cells)] for cells in self.stones]
        self._moves = list[str]()

    def step(self, state: Any, actions: Any, over: bool) -> None:
        """One move, and the script's answer where it plays."""
        mover = self.turn
        chosen = self._chosen(int(actions[mover]), np.asarray(self.masks[mover], bool))
        after = self.stones_of(state, over)
        for player, word in self.moves(state, mover, chosen, after, over):
            self.write(player, word)
        if over:
            self.finished.append(self.text(self.result(state)))
            self.begin(state)
        else:
            self.stones, self.turn = after, int(state.turn)

    def _chosen(self, action: int, mask: Any) -> int:
        """The cell that an action stands for; what comes after the cells is not chosen for another one."""
        cells = self.size * self.size
        options = np.flatnonzero(mask[:cells])
        if not len(options) or (action == cells < len(mask) and mask[cells]):
            return cells
        return int(options[np.searchsorted(options, action) % len(options)])

    def black_of(self, state: Any) -> int:
        """The player who has Black: who moved first."""
        return int(state.began)

    @abstractmethod
    def stones_of(self, state: Any, ended: bool = False) -> list[set[int]]:
        """Where the stones of each player stand, now or at the end of the previous game."""

    @abstractmethod
    def moves(self, state: Any, mover: int, chosen: int, after: list[set[int]], over: bool) -> Iterator[Move]:
        """Who moved in a step, and where, given the action and where the stones stand after it."""

    @abstractmethod
    def result(self, state: Any) -> str:
        """Of the game that has just ended."""

    def about(self) -> str:
        """More of the header."""
        return ""

    def write(self, player: int, word: str) -> None:
        """A move of a player."""
        self._moves.append(f";{self.color(player)}[{word}]")

    def color(self, player: int) -> str:
        """B or W."""
        return COLORS[player != self.black]

    def point(self, cell: int) -> str:
        """Its column and row, both from the top left."""
        return "".join(chr(ord("a") + part) for part in (cell % self.size, cell // self.size))

    def text(self, result: str) -> str:
        """The game."""
        script = f"script:{self.settings['strength']}"
        names = ["first agent", "second agent" if self.settings["self_play"] else script]
        lines = [f"(;FF[4]GM[{self.kind}]SZ[{self.size}]{self.about()}"]
        lines.append("".join(f"P{self.color(player)}[{names[player]}]" for player in range(2)) + f"RE[{result}]")
        for player, points in enumerate(self._opening):
            lines += [f"A{self.color(player)}" + "".join(f"[{point}]" for point in points)] * bool(points)
        line = ""
        for move in self._moves:
            if len(line) + len(move) > LINE:
                lines.append(line)
                line = ""
            line += move
        return "\n".join([*lines, line + ")", ""])


class Go(Games):
    """A move may be a pass, and two end the game."""

    kind = 1

    def black_of(self, state: Any) -> int:
        """Who moved first, also in the opening."""
        return int(state.black)

    def begin(self, state: Any) -> None:
        """A new game stands on the board."""
        super().begin(state)
        self._count, self._passed = int(state.moves), False

    def about(self) -> str:
        """Komi, and how points are counted."""
        return f"KM[{self.settings['komi']:g}]RU[AGA]"

    def stones_of(self, state: Any, ended: bool = False) -> list[set[int]]:
        """Where the stones stand, from bits with one column more."""
        found = []
        for words in np.asarray(state.ended if ended else state.stones, np.uint64).reshape(2, -1):
            bits = np.flatnonzero(np.unpackbits(words.astype("<u8").view(np.uint8), bitorder="little"))
            found.append({self._cell(int(bit)) for bit in bits})
        return found

    def _cell(self, bit: int) -> int:
        return bit // (self.size + 1) * self.size + bit % (self.size + 1)

    def moves(self, state: Any, mover: int, chosen: int, after: list[set[int]], over: bool) -> Iterator[Move]:
        """A stone or a pass, and the script's."""
        cells = self.size * self.size
        passes = chosen == cells
        ends = (passes and self._passed) or self._count + 1 >= 2 * cells
        yield mover, "" if passes else self.point(chosen)
        if not self.settings["self_play"] and not ends:
            if over:  # by a pass, or by the last move that is allowed; `last` is of the new game
                cell = min(after[1] - self.stones[1], default=None)
            else:
                cell = None if int(state.last) < 0 else self._cell(int(state.last))
            yield 1, "" if cell is None else self.point(cell)

    def write(self, player: int, word: str) -> None:
        """A move of a player."""
        super().write(player, word)
        self._count, self._passed = self._count + 1, not word

    def result(self, state: Any) -> str:
        """The winner's lead."""
        lead = int(state.areas[self.black]) - int(state.areas[1 - self.black]) - self.settings["komi"]
        return "0" if lead == 0 else f"{COLORS[lead < 0]}+{abs(lead):g}"


class Hex(Games):
    """Black connects the top with the bottom, and is the first agent. The second move may swap."""

    kind = 11

    def black_of(self, state: Any) -> int:
        """Who connects the top with the bottom."""
        del state
        return 0

    def stones_of(self, state: Any, ended: bool = False) -> list[set[int]]:
        """Where the stones stand, as the first agent sees them."""
        cells = np.asarray(state.ended if ended else state.view[0])[: self.size * self.size]
        return [set(map(int, np.flatnonzero(cells == side))) for side in (1, 2)]

    def moves(self, state: Any, mover: int, chosen: int, after: list[set[int]], over: bool) -> Iterator[Move]:
        """A stone or a swap, and the script's."""
        del over
        swaps = chosen == self.size * self.size
        cell = self._turned(chosen) if mover and not swaps else chosen
        yield mover, SWAP if swaps else self.point(cell)
        if self.settings["self_play"]:
            return
        if not self.stones[0] and not self.stones[1] and not after[0]:
            yield 1, SWAP
        else:
            before = set() if swaps else self.stones[1]
            yield from ((1, self.point(new)) for new in after[1] - before)

    def _turned(self, cell: int) -> int:
        return cell % self.size * self.size + cell // self.size

    def result(self, state: Any) -> str:
        """Who won."""
        return f"{COLORS[int(state.result) != 1]}+"


class Othello(Games):
    """A player who cannot move is left out, which is not written."""

    kind = 2

    def stones_of(self, state: Any, ended: bool = False) -> list[set[int]]:
        """Where the stones stand, from bits, eight for each row."""
        words = [int(word) for word in (state.ended if ended else state.stones)]
        return [{b // 8 * self.size + b % 8 for b in range(64) if word >> b & 1} for word in words]

    def moves(self, state: Any, mover: int, chosen: int, after: list[set[int]], over: bool) -> Iterator[Move]:
        """A stone, and those of the script, in an order in which each turns some."""
        del state, over
        yield mover, self.point(chosen)
        board = self._put(self.stones, mover, chosen)
        new = (after[0] | after[1]) - (board[0] | board[1])
        yield from ((1, self.point(cell)) for cell in self._order(board, new, after) or [])

    def _order(self, board: list[set[int]], new: set[int], after: list[set[int]]) -> list[int] | None:
        """An order of the script's stones that leads from one board to another; None: there is none."""
        if not new:
            return [] if board == after else None
        for cell in sorted(new):
            found = self._put(board, 1, cell)
            later = self._order(found, new - {cell}, after) if len(found[1]) > len(board[1]) + 1 else None
            if later is not None:
                return [cell, *later]
        return None

    def _put(self, board: list[set[int]], player: int, cell: int) -> list[set[int]]:
        """The board after a stone of a player."""
        own, other = board[player], board[1 - player]
        caught = set[int]()
        for right, down in [(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1) if x or y]:
            row, (x, y) = list[int](), (cell % self.size + right, cell // self.size + down)
            while 0 <= x < self.size and 0 <= y < self.size and y * self.size + x in other:
                row.append(y * self.size + x)
                x, y = x + right, y + down
            if 0 <= x < self.size and 0 <= y < self.size and y * self.size + x in own:
                caught |= set(row)
        sides = [own | caught | {cell}, other - caught]
        return sides if player == 0 else sides[::-1]

    def result(self, state: Any) -> str:
        """The winner's lead."""
        stones = [int(word).bit_count() for word in state.ended]
        lead = stones[self.black] - stones[1 - self.black]
        return "0" if lead == 0 else f"{COLORS[lead < 0]}+{abs(lead)}"


class Gomoku(Games):
    """A move is a stone."""

    kind = 4

    def stones_of(self, state: Any, ended: bool = False) -> list[set[int]]:
        """Where the stones stand, row by row."""
        cells = np.asarray(state.ended if ended else state.cells)[: self.size * self.size]
        return [set(map(int, np.flatnonzero(cells == side))) for side in (1, 2)]

    def moves(self, state: Any, mover: int, chosen: int, after: list[set[int]], over: bool) -> Iterator[Move]:
        """A stone, and the script's."""
        del state, over
        yield mover, self.point(chosen)
        if not self.settings["self_play"]:
            yield from ((1, self.point(cell)) for cell in after[1] - self.stones[1])

    def result(self, state: Any) -> str:
        """Who won."""
        return "0" if int(state.result) == 2 else f"{self.color(0 if int(state.result) == 1 else 1)}+"


KINDS: dict[str, type[Games]] = {"go": Go, "gomoku": Gomoku, "hex": Hex, "othello": Othello}

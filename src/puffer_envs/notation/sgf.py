"""Games of go as SGF, smart game format (FF[4], GM[1])."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from puffer_envs.replay import Replay

COLORS = "BW"
LINE = 80
"""Characters in a line of moves."""


def games_of(replay: Replay) -> Iterator[str]:
    """All games of a replay of go."""
    games = [_Games(replay.settings) for _ in range(replay.num_envs)]
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


class _Games:
    """Follows one environment, and writes its games."""

    masks: Any
    """What was allowed before the step."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings, self._size = settings, int(settings["size"])
        self.finished: list[str] = []

    def begin(self, state: Any) -> None:
        """A new game stands on the board."""
        self._black, self._turn = int(state.black), int(state.turn)
        self._stones = self._cells(state.stones)
        self._opening = [[self._point(cell) for cell in sorted(cells)] for cells in self._stones]
        self._moves, self._count, self._passed = list[str](), int(state.moves), False

    def step(self, state: Any, actions: Any, over: bool) -> None:
        """One move, and the script's answer where it plays."""
        mover = self._turn
        cells, action = self._size * self._size, int(actions[mover])
        allowed = np.flatnonzero(self.masks[mover][:cells])
        passed = action == cells or not len(allowed)
        chosen = None if passed else int(allowed[np.searchsorted(allowed, action) % len(allowed)])
        ends = (passed and self._passed) or self._count + 1 >= 2 * cells
        self._write(mover, chosen)
        if not self._settings["self_play"] and not ends:
            bit = int(state.last)
            if over:  # by a pass, or by the last move that is allowed; `last` is of the new game
                new = self._cells(state.ended)[1] - self._stones[1]
                self._write(1, min(new, default=None))
            else:
                self._write(1, None if bit < 0 else self._cell(bit))
        self._stones, self._turn = self._cells(state.stones), int(state.turn)
        if over:
            lead = int(state.areas[self._black]) - int(state.areas[1 - self._black]) - self._settings["komi"]
            self.finished.append(self.text("0" if lead == 0 else f"{COLORS[lead < 0]}+{abs(lead):g}"))
            self.begin(state)

    def _write(self, player: int, cell: int | None) -> None:
        self._moves.append(f";{self._color(player)}[{'' if cell is None else self._point(cell)}]")
        self._count, self._passed = self._count + 1, cell is None

    def _color(self, player: int) -> str:
        return COLORS[player != self._black]

    def _point(self, cell: int) -> str:
        """Its column and row, both from the top left."""
        return "".join(chr(ord("a") + part) for part in (cell % self._size, cell // self._size))

    def _cells(self, stones: Any) -> list[set[int]]:
        """Where the stones of each player stand, from bits with one column more."""
        found = []
        for words in np.asarray(stones, np.uint64).reshape(2, -1):
            bits = np.flatnonzero(np.unpackbits(words.astype("<u8").view(np.uint8), bitorder="little"))
            found.append({self._cell(int(bit)) for bit in bits})
        return found

    def _cell(self, bit: int) -> int:
        return bit // (self._size + 1) * self._size + bit % (self._size + 1)

    def text(self, result: str) -> str:
        """The game."""
        script = f"script:{self._settings['strength']}"
        names = ["first agent", "second agent" if self._settings["self_play"] else script]
        lines = [f"(;FF[4]GM[1]SZ[{self._size}]KM[{self._settings['komi']:g}]RU[AGA]"]
        lines.append("".join(f"P{self._color(player)}[{names[player]}]" for player in range(2)) + f"RE[{result}]")
        for player, points in enumerate(self._opening):
            lines += [f"A{self._color(player)}" + "".join(f"[{point}]" for point in points)] * bool(points)
        line = ""
        for move in self._moves:
            if len(line) + len(move) > LINE:
                lines.append(line)
                line = ""
            line += move
        return "\n".join([*lines, line + ")", ""])

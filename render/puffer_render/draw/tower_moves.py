"""What an action leads to in `tower`: where the hero and the blocks go. For pictures of moves, and of possible ones.

The environment's own rules decide; these, in whole cells and one by one, say only how what happened looks.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

from puffer_render.draw.tower_rules import BASE, GRAB, RELEASE, TOP, Spot, Tower, back_of

ALIVE, SOLVED, FELL, CRUSHED, LATE = range(5)
"""As the state's `result` has it."""
BELOW = BASE - 3
"""Height that blocks fall to which fall out of the world."""


@dataclass
class Move:
    """An action and what follows from it."""

    action: int
    before: Tower
    after: Tower
    pushed: dict[Spot, Spot] = field(default_factory=dict)
    """Blocks that the hero moves, from and to."""
    falls: list[list[Spot]] = field(default_factory=list)
    """Round by round, the blocks that then fall by one layer: where they are before it."""
    fate: int = ALIVE

    def landings(self) -> dict[Spot, Spot]:
        """For each block that moves where it starts and where it ends; below the base it is gone."""
        ends = dict(self.pushed)
        starts = {end: start for start, end in ends.items()}
        for spots in self.falls:
            moved = [(starts.pop(spot, spot), lower(spot)) for spot in spots]
            for start, end in moved:
                starts[end] = start
                ends[start] = end
        return ends


def lower(spot: Spot) -> Spot:
    """The spot below; below the base, far below."""
    row, column, height = spot
    return (row, column, height - 1) if height - 1 > BASE else (row, column, BELOW)


def find_move(tower: Tower, action: int) -> Move:
    """What an action that does something leads to."""
    after = copy.deepcopy(tower)
    move = Move(action, tower, after)
    after.hands = "free"
    ahead = after.near(after.at, after.facing)
    if action == RELEASE:
        if tower.hands == "hang":
            _drop(move)
    elif action == GRAB:
        after.hands = "hold"
    elif tower.hands == "hang":
        _climb_up(after) if action == tower.facing else _shimmy(after, action)
    elif tower.hands == "hold" and action == tower.facing:
        _push(move)
        _settle(move, tower.height)
    elif tower.hands == "hold" and action == back_of(tower):
        assert ahead is not None
        _shift(move, [(ahead, tower.at)])
        _place(after, after.near(after.at, action))
        if not after.filled(after.near_below(after.at)):
            _place(after, after.near_below(after.at))
            after.hands = "hang"
        _settle(move, tower.height)
    elif action == tower.facing:
        _walk(after)
    else:
        after.facing = action
    return move


def find_action(before: Tower, after: Tower, result: int) -> Move | None:
    """The move that led from one state to the next, or, where the episode ended, to its result; None: none did."""
    moves = [find_move(before, action) for action in range(6) if before.can[action]]
    if result == ALIVE:
        return next((move for move in moves if move.after.same(after)), None)
    if result == SOLVED:
        return next((move for move in moves if move.after.at == before.goal and move.after.hands != "hang"), None)
    if result in (FELL, CRUSHED):
        return next((move for move in moves if move.fate == result), None)
    return None


def _place(tower: Tower, spot: Spot | None) -> None:
    assert spot is not None
    tower.at, tower.height = spot, spot[2]


def _walk(after: Tower) -> None:
    ahead = after.near(after.at, after.facing)
    assert ahead is not None
    if after.filled(ahead):
        _place(after, (*ahead[:2], ahead[2] + 1))
        return
    floor, low = after.near_below(ahead), (*ahead[:2], ahead[2] - 2)
    if after.filled(floor):
        _place(after, ahead)
        return
    _place(after, floor)
    if not after.filled(low):
        after.hands, after.facing = "hang", back_of(after)


def _climb_up(after: Tower) -> None:
    _place(after, after.near(after.at, after.facing, 1))


def _shimmy(after: Tower, side: int) -> None:
    after.hands = "hang"
    beside = after.near(after.at, side)
    assert beside is not None
    wall = after.near(beside, after.facing)
    if after.filled(beside):
        after.facing = side
    elif after.filled(wall):
        _place(after, beside)
    else:
        _place(after, wall)
        after.facing = (side + 2) % 4


def _drop(move: Move) -> None:
    after = move.after
    while after.height > BASE and not after.filled(after.near_below(after.at)):
        _place(after, after.near_below(after.at))
    move.fate = FELL if after.height == BASE else ALIVE


def _push(move: Move) -> None:
    after, row = move.after, []
    spot = after.near(after.at, after.facing)
    while after.filled(spot):
        beyond = after.near(spot, after.facing) if spot is not None else None
        assert spot is not None and beyond is not None
        row.append((spot, beyond))
        spot = beyond
    _shift(move, row)


def _shift(move: Move, blocks: list[tuple[Spot, Spot]]) -> None:
    for start, _ in blocks:
        move.after.put(start, False)
    for start, end in blocks:
        move.after.put(end, True)
        move.pushed[start] = end


def _settle(move: Move, lowest: int) -> None:
    """Let the blocks fall that do not hold, layer by layer from the lowest, until all do."""
    after, falling = move.after, True
    while falling:
        spots = []
        for height in range(lowest, TOP + 1):
            loose = [spot for spot in after.layer(height) if not after.holds(spot)]
            for spot in loose:
                after.put(spot, False)
                if height - 1 > BASE:
                    after.put(lower(spot), True)
            spots += loose
        if after.filled(after.at):
            move.fate = CRUSHED
        falling = bool(spots)
        if spots:
            move.falls.append(spots)
        lowest = max(lowest - 1, BASE + 1)


def previews(tower: Tower) -> dict[int, Move]:
    """What holding hands could do now: push, pull."""
    if tower.hands != "hold":
        return {}
    return {action: find_move(tower, action) for action in (tower.facing, back_of(tower)) if tower.can[action]}


def warning(move: Move) -> str:
    """What a person should know before this move."""
    gone = sum(end[2] == BELOW for end in move.landings().values())
    fallen = len({spot[:2] for spots in move.falls for spot in spots})
    if move.fate == CRUSHED:
        return "it falls on you!"
    if gone:
        return "a block is lost" if gone == 1 else f"{gone} blocks are lost"
    return "it falls" if fallen == 1 else f"{fallen} blocks fall" if fallen else ""

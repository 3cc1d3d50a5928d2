"""A move of `tower` as it takes its time: where the hero and the blocks are at a moment between two steps."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from puffer_render.draw import tower_rules as rules
from puffer_render.draw.tower_moves import BELOW, CRUSHED, FELL, LATE, SOLVED, Move, find_action

Vector = NDArray[np.float64]

UP = np.array([0.0, 0.0, 1.0])
DEEP = 6.0
"""Layers that what leaves the world is seen to fall."""
STEP, ROUND = 5, 3
"""Frames of what the hero does; of a layer that blocks fall."""
ENDS = {SOLVED: 26, FELL: 6, CRUSHED: 20, LATE: 6}
"""Frames that the end of an episode is looked at, by its result."""


class Kept(NamedTuple):
    """What a move depends on, as `Tower` reads it; it can be looked up."""

    layers: tuple[int, ...]
    cell: int
    height: int
    facing: int
    hanging: int
    holding: int
    choices: int
    goal_cell: int
    goal_height: int


def kept(state: Any) -> Kept:
    """Of a state."""
    layers = tuple(int(layer) for layer in state.layers)
    return Kept(layers, *(int(getattr(state, name)) for name in Kept._fields[1:]))


@dataclass(frozen=True)
class Pose:
    """The hero at a moment."""

    center: Vector
    """Of the cell that he is in, or of the place between two."""
    yaw: float
    """Where he looks: radians counterclockwise from east."""
    hangs: float
    """1: he hangs, 0: he stands."""
    holds: bool
    height: float = 1.0
    """Of his own: less under a block."""


@dataclass(frozen=True)
class Motion:
    """A move, or none, at one of its frames."""

    move: Move | None
    result: int
    """Of the episode that ended with it, or 0."""
    frame: int

    @property
    def length(self) -> int:
        """All frames, the last of which is the state after the move."""
        return self._main + ROUND * len(self.move.falls if self.move else ()) + ENDS.get(self.result, 0)

    @property
    def _main(self) -> int:
        """Frames of what the hero does."""
        return max(STEP, math.ceil(4 * math.sqrt(self._depth)))

    @property
    def _depth(self) -> float:
        """How deep the hero falls; far, where it is out of the world."""
        move = self.move
        if move is None or move.action != rules.RELEASE:
            return 0.0
        return move.before.height - move.after.height + DEEP * (move.fate == FELL)

    def pose(self) -> Pose:
        """Of the hero."""
        move = self.move
        if move is None:
            raise ValueError("nobody moves")
        share = min(1.0, self.frame / self._main)
        smooth = share * share * (3 - 2 * share)
        start, end = middle(move.before.at), middle(move.after.at)
        if self._depth > 0:
            center = start - share * share * self._depth * UP
        else:
            center = _along(_way(move, start, end), smooth)
            if start[2] == end[2] and not move.pushed and (start != end).any():
                center = center + 0.07 * abs(math.sin(2 * math.pi * share)) * UP
        ending = self.frame - (self.length - ENDS.get(self.result, 0))
        if self.result == SOLVED and ending > 0:
            center = center + 0.3 * abs(math.sin(ending * math.pi / 8)) * UP
        one, other = _angle(move.before.facing), _angle(move.after.facing)
        turn = (other - one + math.pi) % (2 * math.pi) - math.pi
        hung = [float(tower.hands == "hang") for tower in (move.before, move.after)]
        holds = (move.before if share < 0.6 or (move.pushed and share < 1) else move.after).hands == "hold"
        squashed = move.fate == CRUSHED and self.frame >= self.length - ENDS[CRUSHED]
        return Pose(
            center, one + turn * smooth, hung[0] + (hung[1] - hung[0]) * smooth, holds, 0.3 if squashed else 1.0
        )

    def blocks(self) -> dict[rules.Spot, Vector]:
        """Where the moving blocks are, by where they were before the move."""
        move, found = self.move, {}
        share = min(1.0, self.frame / self._main)
        rounds = max(0.0, (self.frame - self._main) / ROUND)
        for start in () if move is None else move.landings():
            assert move is not None
            spot, place = start, middle(start)
            if start in move.pushed:
                spot = move.pushed[start]
                place = place + (middle(spot) - place) * share * share * (3 - 2 * share)
            for number, spots in enumerate(move.falls):
                if spot in spots and rounds > number:
                    part = min(1.0, rounds - number)
                    lost = spot[2] - 1 <= rules.BASE
                    deep = DEEP if lost else 1.0
                    place = place - deep * part * UP
                    spot = (spot[0], spot[1], BELOW if lost else spot[2] - 1)
            found[start] = place
        return found

    @property
    def joy(self) -> float:
        """How far the goal has gone up in light, 0 to 1."""
        ending = self.frame - (self.length - ENDS.get(self.result, 0))
        return min(1.0, max(0.0, ending / ENDS[SOLVED])) if self.result == SOLVED else 0.0


def motion(before: Any, after: Any, frame: int = 0) -> Motion:
    """Of the step between two states, at a frame."""
    ended = int(after.tick) == 0
    result = int(after.result) if ended else 0
    return Motion(_find(kept(before), None if ended else kept(after), result), result, frame)


@functools.lru_cache(maxsize=32)
def _find(before: Kept, after: Kept | None, result: int) -> Move | None:
    tower = rules.Tower(before)
    return find_action(tower, tower if after is None else rules.Tower(after), result)


def middle(spot: rules.Spot) -> Vector:
    """Of a cell, in space: x is the column, y the row from the south, z the height above the base."""
    row, column, height = spot
    return np.array([column + 0.5, rules.SIDE - row - 0.5, height - rules.BASE + 0.5])


def _angle(side: int) -> float:
    south, east = rules.STEPS[side]
    return math.atan2(-south, east)


def _way(move: Move, start: Vector, end: Vector) -> list[Vector]:
    """The places that the hero passes."""
    if end[2] > start[2]:
        return [start, np.array([start[0], start[1], end[2]]), end]
    if end[2] < start[2]:
        return [start, np.array([end[0], end[1], start[2]]), end]
    if abs(end[0] - start[0]) + abs(end[1] - start[1]) > 1.5:  # around a corner
        south, east = rules.STEPS[move.action]
        return [start, start + np.array([east, -south, 0]), end]
    return [start, end]


def _along(way: list[Vector], share: float) -> Vector:
    """The place on a way at a share of its parts."""
    at = share * (len(way) - 1)
    first = min(int(at), len(way) - 2)
    place: Vector = way[first] + (way[first + 1] - way[first]) * (at - first)
    return place


def rest(state: Any) -> Pose:
    """Of the hero between two moves."""
    tower = rules.Tower(state)
    return Pose(middle(tower.at), _angle(tower.facing), float(tower.hands == "hang"), tower.hands == "hold")

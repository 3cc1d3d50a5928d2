"""The blocks and the hero of `tower` as a state has them, and what each key would do now, in words."""

from __future__ import annotations

from typing import Any

SIDE, BASE, TOP = 8, 2, 13
GRAB, RELEASE = 4, 5
STEPS = ((-1, 0), (0, 1), (1, 0), (0, -1))
"""Rows and columns that a step leads on by: north, east, south, west."""
FALL_OUT = "let go and fall out!"
DEADLY = (FALL_OUT,)

Spot = tuple[int, int, int]
"""Row and column from the north west, and the number of the layer."""


def spot_of(cell: int, height: int) -> Spot:
    """A cell of a layer as row, column and height."""
    return cell // SIDE, cell % SIDE, height


class Tower:
    """The blocks and the hero of a state."""

    def __init__(self, state: Any) -> None:
        self._layers = [int(layer) for layer in state.layers]
        self.height, self.facing = int(state.height), int(state.facing)
        self.at = spot_of(int(state.cell), self.height)
        self.hands = "hang" if state.hanging else "hold" if state.holding else "free"
        self.goal = spot_of(int(state.goal_cell), int(state.goal_height))
        self.can = [bool(int(state.choices) >> action & 1) for action in range(6)]

    def filled(self, spot: Spot | None) -> bool:
        """Whether a block is there."""
        return spot is not None and bool(self._layers[spot[2]] >> (SIDE * spot[0] + spot[1]) & 1)

    def layer(self, height: int) -> list[Spot]:
        """Where its blocks are."""
        return [spot_of(cell, height) for cell in range(SIDE * SIDE) if self._layers[height] >> cell & 1]

    def put(self, spot: Spot, block: bool) -> None:
        """Let there be a block, or none."""
        bit = 1 << (SIDE * spot[0] + spot[1])
        self._layers[spot[2]] = self._layers[spot[2]] | bit if block else self._layers[spot[2]] & ~bit

    def holds(self, spot: Spot) -> bool:
        """Whether a block there does not fall."""
        return self.filled(self.near_below(spot)) or any(self.filled(self.near(spot, side, -1)) for side in range(4))

    def same(self, other: Tower) -> bool:
        """Whether blocks and hero are the same."""
        one = (self._layers, self.at, self.facing, self.hands)
        return one == (other._layers, other.at, other.facing, other.hands)

    def near_below(self, spot: Spot) -> Spot:
        """The spot below another."""
        return spot[0], spot[1], spot[2] - 1

    def near(self, spot: Spot, side: int, up: int = 0) -> Spot | None:
        """The spot beside another, if it is inside the world."""
        row, column = spot[0] + STEPS[side][0], spot[1] + STEPS[side][1]
        return (row, column, spot[2] + up) if 0 <= row < SIDE and 0 <= column < SIDE else None


def verbs(tower: Tower) -> list[str | None]:
    """For each action, what it would do; None: nothing."""
    return [_verb(tower, action) if tower.can[action] else None for action in range(6)]


def _verb(tower: Tower, action: int) -> str:
    if action == GRAB:
        return "grab the block"
    if action == RELEASE:
        return "let go" if tower.hands == "hold" else _fall(tower)
    ahead, back = action == tower.facing, action == (tower.facing + 2) % 4
    if tower.hands == "hang":
        return "pull yourself up" if ahead else "move along the edge"
    if tower.hands == "hold" and ahead:
        return "push"
    if tower.hands == "hold" and back:
        behind = tower.near(tower.at, back_of(tower), -1)
        return "pull" if tower.filled(behind) else "pull, and hang"
    return _step(tower, action) if ahead else "turn"


def back_of(tower: Tower) -> int:
    """The side behind the hero."""
    return (tower.facing + 2) % 4


def _step(tower: Tower, side: int) -> str:
    if tower.filled(tower.near(tower.at, side)):
        return "climb"
    if tower.filled(tower.near(tower.at, side, -1)):
        return "walk"
    return "step down" if tower.filled(tower.near(tower.at, side, -2)) else "hang from the edge"


def _fall(tower: Tower) -> str:
    row, column, height = tower.at
    below = [h for h in range(BASE, height) if tower.filled((row, column, h))]
    return f"let go, drop {height - 1 - max(below)}" if below else FALL_OUT

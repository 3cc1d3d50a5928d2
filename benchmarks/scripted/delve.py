"""delve: heroes who fight what they see, search for the frontier of what they know, collect things, eat, and go down.

They use only what a person sees. `careful` explores a whole level before it leaves; `diver` takes the first stairs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from puffer_envs import Environment

COLUMNS = 64
MOVES = (-COLUMNS, -COLUMNS + 1, 1, COLUMNS + 1, COLUMNS, COLUMNS - 1, -1, -COLUMNS - 1)
UNSEEN, BLOCKED, UP, DOWN, DANGER, THING, GOLD = 0, 3, 4, 5, 6, 7, 8
SEARCH, TAKE, DESCEND, CLIMB, USE, POWER = 8, 9, 10, 11, 12, 24
BLADE, BOW, HELMET, SHIELD, POTION, SCROLL, WAND, RING, FOOD = 0, 1, 2, 4, 5, 7, 9, 10, 11
ASLEEP, HUNTS, FLEES = 0, 2, 3
ROGUE, PRIEST = 2, 4
HEALING, LIFE, VENOM, DIZZINESS, ALARM, RATION = 16, 17, 22, 23, 31, 41
CURSED, KNOWN, WORN, OWN = 1, 2, 4, 8
RANGED = {5, 13, 18, 20, 22, 23, 24}
"""Kinds of monsters that shoot or cast."""


def distance(a: int, b: int) -> int:
    """Steps between two tiles on open floor."""
    (row, column), (row2, column2) = divmod(a, COLUMNS), divmod(b, COLUMNS)
    return max(abs(row - row2), abs(column - column2))


class Hero:
    """One game."""

    def __init__(self, env: Environment, index: int, patience: int, dives: bool) -> None:
        self.env, self.index, self.patience, self.dives = env, index, patience, dives
        self.rng = np.random.default_rng(index)
        self.refused: set[tuple[int, int]] = set()
        """Depth and tile of things that were tried."""

    def act(self) -> int:
        """The action for this turn."""
        self.state = s = self.env.state(self.index)
        self.mask, self.view = int(s.allowed), s.view.tolist()
        if int(s.turn) == 0:
            self.refused.clear()
        self.tile, self.depth = int(s.tile), int(s.depth)
        first = (self.depth - 1) * 16
        rows = [first + int(i) for i in s.near_monsters if i >= 0]
        self.foes = [(int(m.tile), int(m.mood), int(m.kind)) for m in (s.monsters[i] for i in rows)]
        self.awake = [foe for foe in self.foes if foe[1] in (1, HUNTS)]
        for choose in (self.survive, self.fight, self.eat, self.rest, self.prepare, self.collect, self.travel):
            action = choose()
            if action is not None:
                return action
        return self.stroll()

    def may(self, action: int) -> bool:
        """Whether the mask allows it."""
        return bool(self.mask >> action & 1)

    def kind(self, slot: int) -> int:
        """Of what is in a slot, as far as it is known: 0 nothing, -1 unknown."""
        kind = int(self.state.pack[slot].kind)
        secret = 16 <= kind < 41 and not int(self.state.known) >> (kind - 16) & 1
        return -1 if secret else kind

    def survive(self) -> int | None:
        """At a third of the health: heal, or try what may heal."""
        s = self.state
        if not self.awake or int(s.health) * 3 > int(s.max_health):
            return None
        for slot in (POTION, POTION + 1):
            if self.kind(slot) in (HEALING, LIFE):
                return USE + slot
        if int(s.hero) == PRIEST and self.may(POWER):
            return POWER
        unknown = [slot for slot in (POTION, POTION + 1, SCROLL, SCROLL + 1) if self.kind(slot) == -1]
        if unknown:
            return USE + unknown[0]
        stairs = (CLIMB if self.may(CLIMB) else None) or (DESCEND if self.may(DESCEND) else None)
        return stairs if stairs and self.awake else None

    def fight(self) -> int | None:
        """Shoot, cast or zap; else hit who is beside; else wait for those who come, or go where they shoot from."""
        s, near = self.state, self.foes
        if not near:
            return None
        beside = [foe for foe in near if distance(foe[0], self.tile) == 1]
        if self.awake or int(s.hero) == ROGUE:
            far = self.awake and distance(self.awake[0][0], self.tile) > 1
            hard = sum(1 for foe in self.awake if distance(foe[0], self.tile) <= 2) > 1
            power = int(s.hero)
            if self.may(POWER) and ((power == 3 and self.awake) or (power in (1, 2) and hard)):
                return POWER
            if self.awake and self.may(USE + WAND) and max(foe[2] for foe in self.awake) > 3:
                return USE + WAND
            if self.may(USE + BOW) and (far or not beside):
                return USE + BOW
        if beside:
            target = min(beside, key=lambda foe: (foe[1] == ASLEEP, foe[0]))
            return MOVES.index(target[0] - self.tile)
        coming = [foe for foe in self.awake if foe[2] not in RANGED and distance(foe[0], self.tile) <= 3]
        if coming:
            return SEARCH
        to = next((foe[0] for foe in self.awake if foe[1] != FLEES), None)
        return None if to is None else self.step_to(lambda tile: tile == to)

    def eat(self) -> int | None:
        return USE + FOOD if int(self.state.food) < 300 and self.may(USE + FOOD) else None

    def rest(self) -> int | None:
        """While nothing is in sight and there is food."""
        s = self.state
        hurt = int(s.health) * 10 < int(s.max_health) * 7
        if self.awake or not hurt or int(s.food) + 800 * int(s.pack[FOOD].count) < 500:
            return None
        if int(s.hero) == PRIEST and self.may(POWER) and int(s.mana) > 6:
            return POWER
        return SEARCH

    def prepare(self) -> int | None:
        """Put on what was found, and try what is unknown."""
        s = self.state
        if self.awake:
            return None
        for slot in (BLADE, *range(HELMET, SHIELD + 1), RING):
            thing = s.pack[slot]
            bad = int(thing.marks) & KNOWN and int(thing.bonus) < 0
            if int(thing.kind) and not int(thing.marks) & WORN and not bad and self.may(USE + slot):
                return USE + slot
        for slot in (SCROLL, SCROLL + 1, POTION, POTION + 1):
            kind = self.kind(slot)
            if kind == -1 or kind not in (0, HEALING, LIFE, VENOM, DIZZINESS, ALARM, 30):
                return USE + slot
        return None

    def collect(self) -> int | None:
        """Take what lies here, or go to what is seen and not refused."""
        here = self.depth, self.tile
        if self.may(TAKE) and here not in self.refused:
            self.refused.add(here)
            return TAKE
        self.refused.add(here)
        things = {
            tile for tile, code in enumerate(self.view) if code >= THING and (self.depth, tile) not in self.refused
        }
        return self.step_to(things.__contains__) if things else None

    def ready(self) -> bool:
        """Whether to take stairs that are known."""
        turns = int(self.state.turn) - int(self.state.left[self.depth - 1])
        return self.dives or turns > self.patience or int(self.state.level) > self.depth + 1

    def travel(self) -> int | None:
        """Explore; go down when that is done, or when there is no time for it."""
        view = self.view
        if self.may(DESCEND) and self.ready():
            return DESCEND
        down = self.step_to(lambda tile: view[tile] == DOWN) if DOWN in view else None
        if down is not None and self.ready():
            return down
        new = self.step_to(lambda tile: any(view[tile + move] == UNSEEN for move in MOVES))
        if new is not None:
            return new
        return DESCEND if self.may(DESCEND) else down

    def stroll(self) -> int:
        """Anywhere."""
        free = [d for d in range(8) if self.may(d)]
        return int(self.rng.choice(free)) if free and self.rng.random() < 0.7 else SEARCH

    def step_to(self, wanted: Callable[[int], Any]) -> int | None:
        """The first step of the shortest known way to a tile that is wanted; around traps if there is a way."""
        way = self.search(wanted, DANGER)
        return self.search(wanted, None) if way is None else way

    def search(self, wanted: Callable[[int], Any], avoid: int | None) -> int | None:
        view, start = self.view, self.tile
        sleepers = {tile for tile, *_ in self.foes}
        came = {start: -1}
        frontier = deque([start])
        while frontier:
            at = frontier.popleft()
            for direction, move in enumerate(MOVES):
                to = at + move
                if to in came or view[to] in (UNSEEN, BLOCKED, avoid) or (at == start and not self.may(direction)):
                    continue
                came[to] = direction if at == start else came[at]
                if wanted(to):
                    return came[to]
                if to not in sleepers:
                    frontier.append(to)
        return None


def heroes(env: Environment, patience: int, dives: bool) -> Callable[[], Any]:
    """One for each game."""
    each = [Hero(env, i, patience, dives) for i in range(env.num_envs)]
    return lambda: np.array([hero.act() for hero in each], np.int32)


PLAYERS = {"diver": lambda env: heroes(env, 0, True), "careful": lambda env: heroes(env, 1200, False)}

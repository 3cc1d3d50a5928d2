"""foundry: workers who fetch by the shortest ways what is needed; some know the whole hall, some only what they see.

Each goes to the nearest machine at which it can do something, and to which no other of its team goes. Where there are
rivals it wants a laser and a shield too, and shoots whom it can. With less energy than an attack takes, it eats.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_envs import Environment

FLOOR, MACHINE, WORKER = 0, 2, 8
STAY, WALK, ATTACK, EAT = 0, 1, 6, 7
LASER, SHIELD, HEART = 5, 6, 7
ROUNDS = 4
"""For which machines take inputs."""
HUNGRY = 25
"""Less energy than this makes them eat."""
Chain = dict[int, float]
"""How much of each good goes into one of another."""


def chain(kinds: Any, built: set[int], made: int) -> Chain:
    """What a good takes, by the first kind of machine that makes each."""
    needed: Chain = {}

    def add(good: int, amount: float, depth: int) -> None:
        needed[good] = needed.get(good, 0.0) + amount
        makers = [kinds[k] for k in sorted(built) if kinds[k].out == good][:1]
        for kind in makers if depth < len(kinds) else []:
            for i, other in enumerate(kind["in"].tolist()):
                each = (1 if i else int(kind.in_count)) / int(kind.out_count)
                if other:
                    add(other, amount * each, depth + 1)

    add(made, 1.0, 0)
    return needed


class Crew:
    """The workers of one hall."""

    def __init__(self, env: Environment, index: int, batch: int, sight: int) -> None:
        self.env, self.index, self.batch, self.sight = env, index, batch, sight
        self.rng = np.random.default_rng(index)
        self.heading: dict[int, int] = {}

    def act(self) -> list[int]:
        """One action for each worker; those who carry most choose first."""
        self.state = state = self.env.state(self.index)
        self.columns = int(state.columns)
        self.what: NDArray[np.uint8] = state.what.ravel()
        self.machines, kinds = state.machines, state.kinds
        self.rules = [self.kind_rule(kinds[k]) for k in range(len(kinds))]
        self.wanted = self.wants(kinds)
        self.by_tile = {int(m.tile): i for i, m in enumerate(self.machines)}
        self.claims: set[tuple[int, int]] = set()
        workers = state.workers
        first = self.index * len(workers)
        masks = np.asarray(self.env.action_masks)[first : first + len(workers)]
        actions = [STAY] * len(workers)
        for number in np.argsort([-int(w.goods[1:HEART].sum()) for w in workers], kind="stable").tolist():
            worker, can = workers[number], masks[number]
            hungry = can[EAT] and worker.energy < HUNGRY
            if can[ATTACK] or hungry:
                actions[number] = EAT if hungry else ATTACK
                continue
            tile = int(worker.tile)
            direction = self.choose(tile, worker.goods.tolist(), int(worker.team))
            actions[number] = WALK + (self.wander(number, tile) if direction is None else direction)
        return actions

    def wants(self, kinds: Any) -> Chain:
        """How much of each good a worker wants to have: what some hearts take, and arms where there are rivals."""
        built = set(self.machines.kind.tolist())
        wanted = {good: self.batch * amount for good, amount in chain(kinds, built, HEART).items()}
        arms = (LASER, SHIELD) if int(self.env.settings["teams"]) > 1 else ()
        for arm in [good for good in arms if good in {self.rules[kind][1] for kind in built}]:
            for good, amount in chain(kinds, built, arm).items():
                wanted[good] = max(wanted.get(good, 0.0), amount)
        return wanted

    def wander(self, number: int, tile: int) -> int:
        """Straight on until something is in the way, then anywhere."""
        deltas = (-self.columns, self.columns, -1, 1)
        free = [d for d, delta in enumerate(deltas) if self.what[tile + delta] == FLOOR]
        if self.heading.get(number) not in free or self.rng.random() < 0.05:
            self.heading[number] = int(self.rng.choice(free)) if free else 0
        return self.heading[number]

    def sees(self, tile: int, other: int) -> bool:
        """Whether a machine is in sight of a worker."""
        (row, column), (row2, column2) = divmod(tile, self.columns), divmod(other, self.columns)
        return max(abs(row - row2), abs(column - column2)) <= self.sight

    @staticmethod
    def kind_rule(kind: Any) -> tuple[list[tuple[int, int]], int]:
        first, second = kind["in"].tolist()
        return [(first, int(kind.in_count)), (second, 1)], int(kind.out)

    def can_use(self, number: int, goods: list[int]) -> bool:
        """Whether a worker with these goods can take something worth taking from a machine, or put something in."""
        machine = self.machines[number]
        inputs, made = self.rules[int(machine.kind)]
        if made not in self.wanted or (made != HEART and goods[made] >= self.wanted[made]):
            return False
        if machine.out:
            return True
        return any(good and min(goods[good], ROUNDS * n - machine["in"][i]) > 0 for i, (good, n) in enumerate(inputs))

    def choose(self, tile: int, goods: list[int], team: int) -> int | None:
        """The direction of the shortest way to a machine that can be used; None if none is known."""
        came = {tile: -1}
        frontier = deque([tile])
        while frontier:
            at = frontier.popleft()
            for direction, delta in enumerate((-self.columns, self.columns, -1, 1)):
                to, first = at + delta, direction if at == tile else came[at]
                what = self.what[to]
                if MACHINE <= what < WORKER:
                    number = self.by_tile[to]
                    claim = team, number
                    if claim not in self.claims and self.sees(tile, to) and self.can_use(number, goods):
                        self.claims.add(claim)
                        return first
                elif to not in came and (what == FLOOR or (what >= WORKER and at != tile)):
                    came[to] = first
                    frontier.append(to)
        return None


def crews(env: Environment, sight: int) -> Callable[[], Any]:
    """Workers who collect what three hearts need at most, before they carry it on."""
    each = [Crew(env, i, 3, sight) for i in range(env.num_envs)]
    return lambda: np.array([action for crew in each for action in crew.act()], np.int32)


PLAYERS = {"in sight": lambda env: crews(env, 5), "all-knowing": lambda env: crews(env, 10**6)}

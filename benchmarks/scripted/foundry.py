"""foundry: workers who know the whole hall, and fetch by the shortest ways what the next altar needs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_envs import Environment

FLOOR, MACHINE, WORKER = 0, 2, 8
STAY, WALK = 0, 1
HEART = 7
Chain = dict[int, float]
"""How much of each good goes into one heart."""


def chain(kinds: Any, built: set[int]) -> Chain:
    """What a heart takes, by the first kind of machine that makes each good."""
    needed: Chain = {}

    def add(good: int, amount: float, depth: int) -> None:
        needed[good] = needed.get(good, 0.0) + amount
        makers = [kinds[k] for k in sorted(built) if kinds[k].out == good][:1]
        for kind in makers if depth < len(kinds) else []:
            for i, other in enumerate(kind["in"].tolist()):
                each = (1 if i else int(kind.in_count)) / int(kind.out_count)
                if other:
                    add(other, amount * each, depth + 1)

    add(HEART, 1.0, 0)
    return needed


class Crew:
    """The workers of one hall. Each goes to the nearest machine that it can serve and no other worker goes to."""

    def __init__(self, env: Environment, index: int, batch: int) -> None:
        self.env, self.index, self.batch = env, index, batch

    def act(self) -> list[int]:
        """One action for each worker."""
        self.state = state = self.env.state(self.index)
        self.columns = int(state.columns)
        self.what: NDArray[np.uint8] = state.what.ravel()
        self.machines, kinds = state.machines, state.kinds
        self.ends = state.tick + 40 > state.max_steps
        self.rules = [self.kind_rule(kinds[k]) for k in range(len(kinds))]
        self.needed = chain(kinds, set(self.machines.kind.tolist()))
        self.by_tile = {int(m.tile): i for i, m in enumerate(self.machines)}
        self.claims: dict[int, int] = {}
        workers = state.workers
        order = np.argsort([-int(w.goods[1:HEART].sum()) for w in workers], kind="stable")
        actions = [STAY] * len(workers)
        for number in order.tolist():
            actions[number] = self.choose(int(workers[number].tile), workers[number].goods.tolist())
        return actions

    @staticmethod
    def kind_rule(kind: Any) -> tuple[list[tuple[int, int]], int]:
        first, second = kind["in"].tolist()
        return [(first, int(kind.in_count)), (second, 1)], int(kind.out)

    def worth(self, number: int, goods: list[int]) -> float:
        """How much a worker with these goods can do at a machine; 0: nothing."""
        machine = self.machines[number]
        inputs, made = self.rules[int(machine.kind)]
        if made not in self.needed:
            return 0.0
        if machine.out and (made == HEART or goods[made] < self.batch * self.needed[made]):
            return 3.0 if made == HEART else float(machine.out)
        if machine.out:
            return 0.0
        puts = [min(goods[good], 2 * count - int(machine["in"][i])) for i, (good, count) in enumerate(inputs) if good]
        return float(max(puts, default=0))

    def choose(self, tile: int, goods: list[int]) -> int:
        """The first step of the shortest way to a machine, and what is done there."""
        came = {tile: -1}
        frontier = deque([tile])
        while frontier:
            at = frontier.popleft()
            for direction, delta in enumerate((-self.columns, self.columns, -1, 1)):
                to, first = at + delta, direction if at == tile else came[at]
                what = self.what[to]
                if MACHINE <= what < WORKER:
                    number = self.by_tile[to]
                    if number not in self.claims and self.worth(number, goods) > 0:
                        self.claims[number] = tile
                        return WALK + first
                elif to not in came and (what == FLOOR or (what >= WORKER and at != tile)):
                    came[to] = first
                    frontier.append(to)
        return STAY


def gatherer(env: Environment) -> Callable[[], Any]:
    """Carries what three hearts need at most."""
    crews = [Crew(env, i, 3) for i in range(env.num_envs)]
    return lambda: np.array([action for crew in crews for action in crew.act()], np.int32)


PLAYERS = {"gatherer": gatherer}

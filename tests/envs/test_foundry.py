"""foundry, told a second time with dictionaries and compared step by step; its books, its halls and its par."""

from __future__ import annotations

import ctypes
import itertools
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import puffer_envs

Tile = tuple[int, int]
GOODS = ["none", "ore", "crystal", "battery", "gear", "laser", "shield", "heart"]
BATTERY, LASER, SHIELD, HEART = 3, 5, 6, 7
STAY, GIVE, ATTACK, EAT = 0, 5, 6, 7
MOVES = [(-1, 0), (1, 0), (0, -1), (0, 1)]
BACK = [1, 0, 3, 2]
SIGHT = 5


@dataclass
class Rule:
    """What the machines of a kind do."""

    needs: dict[int, int]  # slot -> good
    counts: dict[int, int]  # slot -> how much
    makes: int
    amount: int
    cooldown: int


@dataclass
class Machine:
    """A machine: what it is, what it holds, and when it will be done."""

    kind: int
    done_at: int | None = None
    output: int = 0
    inputs: dict[int, int] = field(default_factory=lambda: {0: 0, 1: 0})


@dataclass
class Worker:
    """A worker: where, which way it faces, what it has."""

    tile: Tile
    team: int = 0
    energy: int = 0
    facing: int = 1
    goods: Counter[int] = field(default_factory=Counter)
    lost: int = 0
    """How many steps to come it will spend frozen."""

    @property
    def most(self) -> int:
        """The good it carries most of, the later of equals, 0 if its hands are empty."""
        carried = [good for good in range(1, HEART) if self.goods[good]]
        return max(carried, key=lambda good: (self.goods[good], good), default=0)


DEEDS = ["gifts", "stolen", "attacks", "blocked", "frozen", "eaten"]


class Prototype:
    """The rules, written for reading."""

    def __init__(self, env: puffer_envs.Environment, index: int = 0) -> None:
        state, self.settings = env.state(index), env.settings
        self.rules = [self.rule(letter) for letter in "abcdef"]
        self.walls = {tuple(at) for at in np.argwhere(state.what[: state.rows] == 1).tolist()}
        columns = int(state.columns)
        self.machines = {divmod(int(m.tile), columns): Machine(int(m.kind)) for m in state.machines}
        teams, energy = self.settings["teams"], self.settings["energy"]
        self.workers = [Worker(divmod(int(w.tile), columns), i % teams, energy) for i, w in enumerate(state.workers)]
        self.order = [int(number) for number in state.order if number >= 0]
        self.signs = [self.signs_to(kind) for kind in range(6)]
        self.tick = 0
        self.did: Counter[str] = Counter()
        self.made: Counter[int] = Counter()
        for machine in self.machines.values():
            self.start(machine)

    def signs_to(self, kind: int) -> dict[Tile, int]:
        """How far all tiles of the floor are from the nearest machine of a kind."""
        frontier = [tile for tile, machine in self.machines.items() if machine.kind == kind]
        found = dict.fromkeys(frontier, 0)
        for row, column in frontier:
            for down, right in MOVES:
                tile = row + down, column + right
                if tile not in found and tile not in self.walls and tile not in self.machines:
                    found[tile] = found[row, column] + 1
                    frontier.append(tile)
        return found

    def sign(self, kind: int, tile: Tile) -> int:
        """The first direction in which it is nearer, from 1; 0 if there is no such machine."""
        row, column = tile
        here, ways = self.signs[kind].get(tile, 0), self.signs[kind]
        nearer = [d for d, (down, right) in enumerate(MOVES, 1) if ways.get((row + down, column + right), here) < here]
        return min(nearer, default=0)

    def rule(self, letter: str) -> Rule:
        """Of the machines of one kind, from the settings."""
        given = {key[2:]: value for key, value in self.settings.items() if key[:2] == f"{letter}_"}
        slots = {slot: GOODS.index(given[f"in{slot + 1}"]) for slot in (0, 1)}
        needs = {slot: good for slot, good in slots.items() if good}
        counts = {slot: 1 if slot else given["in1_count"] for slot in needs}
        return Rule(needs, counts, GOODS.index(given["out"]), given["out_count"], given["cooldown"])

    def start(self, machine: Machine) -> None:
        """If it can."""
        rule = self.rules[machine.kind]
        has_room = rule.makes and machine.output + rule.amount <= self.settings["stock"]
        if machine.done_at is None and has_room and all(machine.inputs[i] >= n for i, n in rule.counts.items()):
            machine.done_at = self.tick + rule.cooldown
            for slot, count in rule.counts.items():
                machine.inputs[slot] -= count

    def step(self, actions: NDArray[np.int32]) -> list[float]:
        """All rewards of a step."""
        self.tick += 1
        rewards = [0.0] * len(self.workers)
        frozen = [worker for worker in self.workers if worker.lost]
        for i in range(len(self.workers)):
            number = self.order[(i + self.tick) % len(self.order)]
            self.act(number, int(actions[number]), rewards)
        for machine in self.machines.values():
            if machine.done_at == self.tick:
                machine.done_at = None
                machine.output += self.rules[machine.kind].amount
                self.start(machine)
        for worker in frozen:
            worker.lost -= 1
        for worker in self.workers:
            worker.energy = min(worker.energy + 1, self.settings["energy"])
            self.did["frozen"] += bool(worker.lost)
        return rewards

    def act(self, number: int, action: int, rewards: list[float]) -> None:
        worker = self.workers[number]
        if action == GIVE:
            self.give(worker)
        elif action == ATTACK:
            self.attack(worker)
        elif action == EAT:
            self.eat(worker)
        elif action != STAY:
            self.walk(number, action - 1, rewards)

    def affords(self, worker: Worker, cost: int) -> bool:
        """Whether it is not frozen, and has the energy."""
        return not worker.lost and (not self.settings["energy"] or worker.energy >= cost)

    def spend(self, worker: Worker, cost: int) -> None:
        worker.energy -= cost if self.settings["energy"] else 0

    def at(self, tile: Tile) -> Worker | None:
        """The worker on a tile."""
        return next((worker for worker in self.workers if worker.tile == tile), None)

    def ahead(self, worker: Worker, direction: int | None = None) -> Tile:
        """The tile in a direction, by default the one that it faces."""
        down, right = MOVES[worker.facing if direction is None else direction]
        return worker.tile[0] + down, worker.tile[1] + right

    def walk(self, number: int, direction: int, rewards: list[float]) -> None:
        worker = self.workers[number]
        to = self.ahead(worker, direction)
        if not self.can_walk(worker, direction):
            return
        worker.facing = direction
        other = self.at(to)
        self.spend(worker, 2 if to in self.machines else 1)
        if to in self.machines:
            self.use(number, self.machines[to], rewards)
        elif other is None:
            worker.tile = to
        elif other.lost or other.facing == BACK[direction]:
            worker.tile, other.tile = other.tile, worker.tile

    def can_walk(self, worker: Worker, direction: int) -> bool:
        """Not into walls, and not into machines that have nothing for it and need nothing of it."""
        to = self.ahead(worker, direction)
        machine = self.machines.get(to)
        if machine is None:
            return to not in self.walls and self.affords(worker, 1)
        rule = self.rules[machine.kind]
        takes = machine.output and (rule.makes == HEART or worker.goods[rule.makes] < self.settings["carry"])
        puts = [worker.goods[g] and machine.inputs[i] < 4 * rule.counts[i] for i, g in rule.needs.items()]
        return (bool(takes) or any(puts)) and self.affords(worker, 2)

    def use(self, number: int, machine: Machine, rewards: list[float]) -> None:
        worker, rule = self.workers[number], self.rules[machine.kind]
        good = rule.makes
        room = machine.output if good == HEART else self.settings["carry"] - worker.goods[good]
        taken = min(machine.output, room)
        if taken:
            machine.output -= taken
            worker.goods[good] += taken
            self.made[good] += taken
            self.pay(number, good, taken, rewards)
        else:
            for slot, needed in rule.needs.items():
                put = min(worker.goods[needed], 4 * rule.counts[slot] - machine.inputs[slot])
                worker.goods[needed] -= put
                machine.inputs[slot] += put
        self.start(machine)

    def pay(self, number: int, good: int, taken: int, rewards: list[float]) -> None:
        own = GOODS[good] if good in (1, BATTERY, HEART) else "other"
        earned = taken * self.settings[f"reward_{own}"]
        shared = earned * self.settings["share"] if good == HEART else 0.0
        rewards[number] += earned - shared
        mates = [i for i, worker in enumerate(self.workers) if worker.team == self.workers[number].team]
        for i in mates:
            rewards[i] += shared / len(mates)

    def hearts(self, team: int) -> int:
        """Those of a team."""
        return sum(worker.goods[HEART] for worker in self.workers if worker.team == team)

    def receiver(self, worker: Worker) -> Worker | None:
        """To whom it can give."""
        other = self.at(self.ahead(worker))
        good = worker.most
        can = good and other is not None and self.affords(worker, 1) and other.goods[good] < self.settings["carry"]
        return other if can else None

    def give(self, worker: Worker) -> None:
        good, other = worker.most, self.receiver(worker)
        if other is not None:
            self.spend(worker, 1)
            worker.goods[good] -= 1
            other.goods[good] += 1
            self.did["gifts"] += 1

    def target(self, worker: Worker) -> Worker | None:
        """The first worker within three tiles ahead."""
        (row, column), (down, right) = worker.tile, MOVES[worker.facing]
        for far in (1, 2, 3) if self.settings["teams"] > 1 or self.settings["friendly_fire"] else ():
            tile = row + far * down, column + far * right
            if tile in self.walls or tile in self.machines:
                return None
            if other := self.at(tile):
                return other
        return None

    def can_attack(self, worker: Worker) -> bool:
        target = self.target(worker)
        if target is None or target.lost or (target.team == worker.team and not self.settings["friendly_fire"]):
            return False
        return worker.goods[LASER] > 0 and self.affords(worker, 20)

    def attack(self, worker: Worker) -> None:
        target = self.target(worker)
        if target is None or not self.can_attack(worker):
            return
        self.spend(worker, 20)
        worker.goods[LASER] -= 1
        self.did["attacks"] += 1
        if target.goods[SHIELD]:
            target.goods[SHIELD] -= 1
            self.did["blocked"] += 1
            return
        target.lost = self.settings["freeze"]
        good = target.most
        moved = min(-(-target.goods[good] // 2), self.settings["carry"] - worker.goods[good]) if good else 0
        target.goods[good] -= moved
        worker.goods[good] += moved
        self.did["stolen"] += moved

    def can_eat(self, worker: Worker) -> bool:
        return worker.goods[BATTERY] > 0 and worker.energy < self.settings["energy"]

    def eat(self, worker: Worker) -> None:
        if self.can_eat(worker):
            worker.goods[BATTERY] -= 1
            worker.energy = min(worker.energy + 50, self.settings["energy"])
            self.did["eaten"] += 1

    def look(self, tile: Tile, team: int) -> tuple[int, int, int]:
        """The three codes of a tile, as a team sees it."""
        if tile in self.walls:
            return 1, 0, 0
        worker = self.at(tile)
        if worker is not None:
            pose = 8 if worker.lost else 4 + worker.facing
            return 8 + (worker.team != team), pose, min(7, worker.goods[worker.most] if worker.most else 0)
        if tile not in self.machines:
            return 0, 0, 0
        machine = self.machines[tile]
        held = machine.output or sum(machine.inputs.values())
        state = 3 if machine.output else 1 if machine.done_at is None else 2
        return 2 + machine.kind, state, min(7, held)

    def observe(self, worker: Worker) -> list[int]:
        """All bytes, in order."""
        row, column = worker.tile
        around = range(-SIGHT, SIGHT + 1)
        tiles = [(row + down, column + right) for down in around for right in around]
        planes = np.array([self.look(tile, worker.team) for tile in tiles]).T
        target, others = self.target(worker), set(range(self.settings["teams"])) - {worker.team}
        machine = self.machines.get(self.ahead(worker))
        recipes = [[r.needs.get(0, 0), r.needs.get(1, 0), r.makes] for r in self.rules]
        first = [self.settings[f"{letter}_in1_count"] for letter in "abcdef"]
        numbers = [[n, r.amount, min(255, r.cooldown)] for n, r in zip(first, self.rules, strict=True)]
        seen = self.settings["rules_seen"]
        left = 255 * (self.settings["max_steps"] - self.tick) // self.settings["max_steps"]
        due = machine.done_at - self.tick if machine is not None and machine.done_at is not None else 0
        return [
            *planes[0],
            *planes[1],
            0 if machine is None else 1 + machine.kind,
            0 if target is None else 1 + target.most,
            *(self.sign(kind, worker.tile) for kind in range(6)),
            *(code * seen for recipe in recipes for code in recipe),
            *planes[2],
            *(worker.goods[good] for good in range(1, HEART)),
            *([0, 0, 0] if machine is None else [machine.output, machine.inputs[0], machine.inputs[1]]),
            min(255, due),
            min(255, worker.goods[HEART]),
            min(255, self.hearts(worker.team)),
            min(255, max((self.hearts(team) for team in others), default=0)),
            worker.energy,
            min(255, worker.lost),
            left,
            *(number * seen for row in numbers for number in row),
        ]

    def mask(self, worker: Worker) -> list[bool]:
        """What it may do."""
        free = [self.can_walk(worker, direction) for direction in range(4)]
        return [True, *free, self.receiver(worker) is not None, self.can_attack(worker), self.can_eat(worker)]

    def check(self, env: puffer_envs.Environment, observed: bool) -> None:
        """All that the environment holds, and with `observed` all that it shows."""
        state = env.state(0)
        columns = int(state.columns)
        assert [tuple(w.tile) for w in self.workers] == [divmod(int(w.tile), columns) for w in state.workers]
        assert [w.facing for w in self.workers] == state.workers.facing.tolist()
        held = [[w.goods[good] for good in range(8)] for w in self.workers]
        assert held == state.workers.goods.tolist()
        for machine, other in zip(self.machines.values(), state.machines, strict=True):
            told = [machine.output, *machine.inputs.values(), machine.done_at or 0]
            assert told == [other.out, *other["in"], other.due]
        assert [[w.energy, w.lost] for w in self.workers] == [
            [w.energy, w.thaws and w.thaws - self.tick] for w in state.workers
        ]
        assert state.hearts == self.made[HEART]
        assert [self.hearts(team) for team in range(self.settings["teams"])] == state.team_hearts.tolist()[
            : self.settings["teams"]
        ]
        assert {name: self.did[name] for name in DEEDS} == {name: getattr(state, name) for name in DEEDS}
        assert [self.made[good] for good in range(8)] == state.made.tolist()
        if observed:
            assert [self.observe(w) for w in self.workers] == env.observations.tolist()
            assert [self.mask(w) for w in self.workers] == env.action_masks.astype(bool).tolist()


def busy_actions(env: puffer_envs.Environment, rng: np.random.Generator) -> NDArray[np.int32]:
    """Random ones that the masks allow, with a liking for machines, for gifts and for attacks."""
    scores = np.where(env.action_masks, rng.random(env.action_masks.shape), -1.0)
    scores[:, GIVE:] += [0.3, 1.0, 0.0] * env.action_masks[:, GIVE:]
    beside = env.observations[:, [49, 71, 59, 61]]
    scores[:, 1:GIVE] += 0.4 * ((beside >= 2) & (beside < 8))
    return scores.argmax(1).astype(np.int32)


def random_rules(rng: np.random.Generator) -> dict[str, Any]:
    """Machines that do anything; mines and altars remain, so that there is a way to a heart."""
    rules: dict[str, Any] = {"a_cooldown": int(rng.integers(1, 20)), "c_in1": "ore", "stock": int(rng.integers(4, 8))}
    for letter in "bdef":
        rules[f"{letter}_in1"], rules[f"{letter}_in2"] = (str(good) for good in rng.choice(GOODS[:-1], 2))
        rules[f"{letter}_out"] = str(rng.choice(GOODS))
    for letter in "abcdef":
        for name in ("in1_count", "out_count"):
            rules[f"{letter}_{name}"] = int(rng.integers(1, 4))
        rules[f"{letter}_machines"] = int(rng.integers(1, 4)) + 3 * (letter == "a")
    rules["carry"], rules["share"] = int(rng.integers(1, 8)), float(rng.choice([0.0, 0.25, 1.0]))
    rules["rules_seen"], rules["friendly_fire"] = bool(rng.integers(0, 2)), bool(rng.integers(0, 2))
    rules["teams"], rules["energy"] = int(rng.integers(1, 5)), int(rng.choice([0, 30, 250]))
    rules["freeze"] = int(rng.integers(1, 20))
    return rules | {f"reward_{good}": float(i) for i, good in enumerate(["ore", "battery", "heart", "other"], 1)}


FEW = {"b_machines": 2, "c_machines": 2}
SMALL = {"rooms_x": 1, "rooms_y": 1, "side": 17, "num_levels": 4}
ARMED = {"teams": 2, "d_machines": 3, "d_in1": "none", "d_in2": "none", "d_cooldown": 4, "e_machines": 3}
"""Two teams, with lasers and shields from nothing."""
ARMED |= {"e_in1": "none", "e_cooldown": 20}
TABLES = [
    {},
    {"workers": 1, "a_machines": 10},
    {"workers": 40},
    {"workers": 20, **ARMED},
    {"workers": 20, **ARMED, "energy": 40, "teams": 3, "friendly_fire": True, "b_machines": 4, "share": 0.5},
    *(random_rules(np.random.default_rng(seed)) for seed in range(4)),
]


NAMES = ["defaults", "alone", "crowd", "teams", "energy", "rules0", "rules1", "rules2", "rules3"]


@pytest.mark.parametrize("table", TABLES, ids=NAMES)
def test_every_step_follows_the_rules(table: dict[str, Any]) -> None:
    machines = {"a_machines": 4, "b_machines": 2, "c_machines": 2}
    settings = {"max_steps": 400, **SMALL, **machines, "a_cooldown": 5, "b_cooldown": 3} | table
    rng = np.random.default_rng(1)
    with puffer_envs.make("foundry", seed=5, **settings) as env:
        env.reset()
        game = Prototype(env)
        seen, done = 0, set[str]()
        for step in range(401):
            actions = busy_actions(env, rng) if step % 7 else rng.integers(0, 8, env.num_agents).astype(np.int32)
            _, rewards, terminals, truncations = env.step(actions)
            assert rewards.tolist() == pytest.approx(game.step(actions), abs=1e-5)
            assert not terminals.any()
            assert truncations.all() == truncations.any() == (game.tick == 400)
            if truncations.any():
                log = env.log(0)
                assert log["heart"] == game.made[HEART]
                assert {name: log[name] for name in DEEDS} == {name: game.did[name] for name in DEEDS}
                done |= {name for name in DEEDS if game.did[name]}
                assert [game.observe(w) for w in game.workers] == env.final_observations.tolist()
                seen = sum(game.made.values())
                game = Prototype(env)
            game.check(env, observed=step % 5 == 0)
        assert seen > 0
        if "e_cooldown" in table and "f_in1" not in table:
            assert done == set(DEEDS) - (set() if "energy" in table else {"eaten"})


def test_the_books_balance_after_every_step() -> None:
    """What was taken of a good is in hands, in machines, or was used up; energy and stocks keep within their bounds."""
    uses = {1: (1, 1, 3), 3: (2, 3, 7)}  # good -> kind that uses it, how much, what of
    settings = {**SMALL, **ARMED, "num_levels": 8, "a_machines": 5, "a_cooldown": 4, "b_cooldown": 2, "energy": 45}
    machines = {"b_machines": 4, "c_machines": 3, "workers": 12}
    rng = np.random.default_rng(0)
    with puffer_envs.make("foundry", 8, seed=2, **settings, **machines) as env:
        env.reset()
        for step in range(600):
            wild = step % 3 == 0  # the masks forbid what lacks energy; here nobody asks them
            env.step(rng.integers(0, 8, env.num_agents).astype(np.int32) if wild else busy_actions(env, rng))
            for i in range(8):
                state = env.state(i)
                machines, goods = state.machines, state.workers.goods.sum(0)
                for good, (kind, count, out) in uses.items():
                    own = machines[machines.kind == kind]
                    rounds = state.made[out] + own.out.sum() + (own.due > 0).sum()
                    used = count * rounds + (state.eaten if good == BATTERY else 0)
                    assert state.made[good] == goods[good] + own["in"][:, 0].sum() + used
                assert state.made[LASER] == goods[LASER] + state.attacks
                assert state.made[SHIELD] == goods[SHIELD] + state.blocked
                assert goods[HEART] == state.made[HEART] == state.hearts == state.team_hearts.sum()
                assert state.workers.goods[:, 1:HEART].min() >= 0
                assert state.workers.goods[:, 1:HEART].max() <= state.carry
                assert 0 <= state.workers.energy.min() <= state.workers.energy.max() <= 45
                assert machines.out.max() <= state.stock
        for deed in ("hearts", "attacks", "blocked", "stolen", "eaten"):
            assert sum(int(getattr(env.state(i), deed)) for i in range(8)) > 0, deed


def overwrite(view: NDArray[Any], values: NDArray[Any]) -> None:
    """Write into the state, of which Python only gets views that cannot be written."""
    values = np.ascontiguousarray(values, dtype=view.dtype)
    assert view.flags.c_contiguous and view.shape == values.shape
    ctypes.memmove(view.ctypes.data, values.ctypes.data, values.nbytes)


@pytest.mark.parametrize("teams", [1, 2, 3])
def test_outcomes_do_not_depend_on_the_numbers_of_workers(teams: int) -> None:
    rng = np.random.default_rng(teams)
    settings = {**SMALL, **ARMED, "a_machines": 4, "b_machines": 3, "c_machines": 2, "a_cooldown": 3, "share": 0.5}
    with puffer_envs.make("foundry", seed=7, workers=15, energy=60, **settings | {"teams": teams}) as env:
        env.reset()
        for _ in range(300):
            actions, shuffled = busy_actions(env, rng), rng.permutation(15)
            before = env.snapshot()
            env.step(actions)
            told = [array.copy() for array in (env.rewards, env.observations, env.action_masks)]
            workers, after = env.state(0).workers.copy(), env.snapshot()

            env.restore(before)
            renumber(env.state(0), shuffled)
            env.step(actions[shuffled])
            for array, other in zip((env.rewards, env.observations, env.action_masks), told, strict=True):
                np.testing.assert_array_equal(array, other[shuffled])
            assert np.array_equal(env.state(0).workers, workers[shuffled])
            env.restore(after)
        assert env.state(0).gifts > 0
        assert (env.state(0).attacks > 0) == (teams > 1)


def renumber(state: puffer_envs.State, shuffled: NDArray[np.int64]) -> None:
    """Give each worker the number that it has in `shuffled`, wherever a state speaks of it."""
    numbers, who = np.argsort(shuffled), state.who.copy()
    works = state.what[: state.rows] >= 8
    who[works] = numbers[who[works]]
    overwrite(state.who, who)
    overwrite(state.workers, state.workers[shuffled])
    overwrite(state.order, np.array([*numbers[state.order[:15]], *state.order[15:]]))


LINE = {"a_machines": 1, "b_machines": 1, "c_machines": 1, "workers": 1, "a_cooldown": 9, "b_cooldown": 4}
LINE |= {"c_in1_count": 1, "c_cooldown": 6, "rooms_x": 1, "rooms_y": 1}


@pytest.mark.parametrize("seed", range(4))
def test_no_way_to_a_heart_is_shorter_than_the_planned_one(seed: int) -> None:
    """A mine, a generator, an altar and one worker: breadth-first search over all that it could do."""
    with puffer_envs.make("foundry", seed=seed, num_levels=4, **LINE) as env:
        env.reset()
        planned = least_steps(env)
        state = env.state(0)
        memory, (worker, machines) = state._memory, (state.workers, state.machines)  # views, which change as it steps
        tile, goods, masks = worker.tile, worker.goods, env.action_masks
        frontier, searched, hearts = [(memory.copy(), masks[0].copy())], 0, 0
        while not hearts:
            reached: dict[tuple[int, bytes, bytes], tuple[Any, Any]] = {}
            for before, mask in frontier:
                for action in np.flatnonzero(mask[:GIVE]):
                    memory[:] = before
                    env.step(action[None].astype(np.int32))
                    reached.setdefault(
                        (int(tile[0]), goods.tobytes(), machines.tobytes()), (memory.copy(), masks[0].copy())
                    )
                    hearts += int(goods[0, HEART])
            frontier, searched = list(reached.values()), searched + 1
        assert searched == planned


def least_steps(env: puffer_envs.Environment) -> int:
    """Of a worker who takes ore, puts it in, takes the battery, puts it in, takes the heart: by all of their sides."""
    state, cooldowns = env.state(0), [9, 4, 6]
    columns = int(state.columns)
    sides = []
    for machine in state.machines:
        row, column = divmod(int(machine.tile), columns)
        beside = [(row + down, column + right) for down, right in MOVES]
        sides.append([tile for tile in beside if state.what[tile] in (0, 8)])
    ways = {side: distances(state.what, side) for side in itertools.chain(*sides)}
    best = 10**6
    for plan in itertools.product(*(sides[kind] for kind in (0, 1, 1, 2, 2))):
        tile, time, done = divmod(int(state.workers[0].tile), columns), 0, cooldowns[0]
        for use, side in enumerate(plan):
            time += ways[side][tile]
            takes = use in (0, 2, 4)
            time, tile = max(time, done if takes else 0) + 1, side
            done = done if takes else time + cooldowns[(use + 1) // 2]
        best = min(best, time)
    return best


def distances(what: NDArray[np.uint8], to: Tile) -> dict[Tile, int]:
    """Steps to a tile from all others from which there is a way."""
    found, frontier = {to: 0}, [to]
    for row, column in frontier:
        for down, right in MOVES:
            at = row + down, column + right
            if at not in found and what[at] in (0, 8):
                found[at] = found[row, column] + 1
                frontier.append(at)
    return found


def walk_to_a_mine(env: puffer_envs.Environment) -> int:
    """The action with which the only worker walks into a mine, once it stands beside one."""
    while True:
        state = env.state(0)
        tile, columns = int(state.workers[0].tile), int(state.columns)
        what = state.what.ravel()
        for action, delta in enumerate((-columns, columns, -1, 1), 1):
            if what[tile + delta] == 2:
                return action
        env.step(busy_actions(env, np.random.default_rng(int(state.tick))))


@pytest.mark.parametrize("cooldown", [1, 3, 50])
def test_a_mine_gives_one_ore_in_each_cooldown(cooldown: int) -> None:
    settings = {"workers": 1, "stock": 7, "carry": 20, "a_cooldown": cooldown, "max_steps": 100_000}
    with puffer_envs.make(
        "foundry", seed=1, **SMALL | settings, a_machines=9, b_machines=0, c_machines=0, **ONE
    ) as env:
        env.reset()
        action = walk_to_a_mine(env)
        env.step(np.array([action], np.int32))  # all that it had
        while not env.step(np.array([action], np.int32))[1][0]:
            pass
        taken = sum(float(env.step(np.array([action], np.int32))[1][0]) for _ in range(20 * cooldown))
        assert taken == 20


ONE = {"a_out": "heart", "reward_heart": 1}
"""Mines of hearts, of which a worker can hold any number."""


def test_what_was_given_can_be_given_back() -> None:
    rng = np.random.default_rng(3)
    with puffer_envs.make(
        "foundry", seed=3, **SMALL | {"side": 15, "a_machines": 6}, **FEW, workers=40, a_cooldown=2, carry=3
    ) as env:
        env.reset()
        returned = 0
        while returned < 20:
            env.step(busy_actions(env, rng))
            before = env.state(0).workers.copy()
            givers = np.flatnonzero(env.action_masks[:, GIVE])
            if not len(givers):
                continue
            giver = int(givers[0])
            env.step(only(env, giver, GIVE))
            given = env.state(0).workers.copy()
            taker = int(np.flatnonzero((given.goods > before.goods).any(1))[0])
            back = BACK[int(before[giver].facing)]
            if given[taker].most != before[giver].most or given[taker].facing != back:
                continue
            env.step(only(env, taker, GIVE))
            assert np.array_equal(env.state(0).workers.goods, before.goods)
            returned += 1


def only(env: puffer_envs.Environment, number: int, action: int) -> NDArray[np.int32]:
    """One worker acts, all others stay."""
    actions = np.zeros(env.num_agents, np.int32)
    actions[number] = action
    return actions


def reached(free: NDArray[np.bool_]) -> int:
    """Tiles that can be walked to from the first free one."""
    frontier = [tuple(np.argwhere(free)[0].tolist())]
    found = set(frontier)
    while frontier:
        row, column = frontier.pop()
        for down, right in MOVES:
            at = row + down, column + right
            if free[at] and at not in found:
                found.add(at)
                frontier.append(at)
    return len(found)


def near_to(floor: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tiles of floor, and all that touch one."""
    rolls = [np.roll(floor, (down, right), (0, 1)) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    return np.logical_or.reduce(rolls)


HALLS: list[dict[str, Any]] = [
    {},
    {"rooms_x": 1, "rooms_y": 1, "side": 25, "workers": 64},
    {"rooms_x": 4, "rooms_y": 3, "side": 12},
    {"rooms_x": 1, "rooms_y": 1, "a_machines": 4, "b_machines": 3, "c_machines": 2, "workers": 64},
]


@pytest.mark.parametrize("settings", HALLS, ids=["defaults", "large", "many", "full"])
def test_halls_are_connected_and_machines_stand_apart(settings: dict[str, Any]) -> None:
    with puffer_envs.make("foundry", 48, num_levels=48, spread=0, **settings) as env:
        for i in range(48):
            env.set("difficulty", i / 47, [i])
        env.reset()
        halls = set()
        for i in range(48):
            state = env.state(i)
            assert state.rank == i
            what = state.what.copy()
            halls.add(what[what < 8].tobytes())
            rock = state.who == -1
            free, machines = ((what == 0) | (what >= 8)) & ~rock, (what >= 2) & (what < 8)
            near = near_to(free | machines)
            assert ((what == 1) == (near & ~free & ~machines)).all() and (rock == ~near).all()
            assert not near[:4].any() and not near[-4:].any() and not near[:, :4].any() and not near[:, -4:].any()
            assert reached(free) == free.sum()
            for row, column in np.argwhere(machines).tolist():
                assert machines[row - 1 : row + 2, column - 1 : column + 2].sum() == 1
                assert sum(int(free[row + down, column + right]) for down, right in MOVES) >= 2
            wanted = [env.settings[f"{letter}_machines"] for letter in "abcdef"]
            assert np.bincount(state.machines.kind, minlength=6).tolist() == wanted
        assert len(halls) == 48


GEARS = {"d_machines": 2, "d_in1": "none", "d_in2": "none", "d_out": "crystal", "d_cooldown": 50, "e_machines": 2}
"""Wells of crystal, presses of gears, shrines that make two hearts of a gear and a crystal."""
GEARS |= {"e_out": "gear", "e_in1_count": 2, "e_cooldown": 25, "f_machines": 1, "f_in1": "gear", "f_in2": "crystal"}
GEARS |= {"d_out_count": 1, "e_out_count": 1, "f_out": "heart", "f_out_count": 2, "f_cooldown": 10}


@pytest.mark.parametrize(
    ("settings", "par"),
    [
        ({}, 66),  # 10 mines, 20 ore each, 3 for a heart
        ({"workers": 3}, 50),  # 3 * 1000 / 60
        ({"a_machines": 30, "b_machines": 9, "side": 25}, 100),
        ({"b_machines": 1}, 13),  # 40 batteries
        ({"c_in1": "ore", "c_in1_count": 1, "c_cooldown": 500, "c_machines": 2, "c_out_count": 3}, 12),
        ({**GEARS, "a_machines": 1}, 26),  # 6 by altars, 10 gears: 20 hearts
    ],
)
def test_par_is_what_machines_and_workers_can_make(settings: dict[str, Any], par: int) -> None:
    with puffer_envs.make("foundry", num_levels=1, **settings) as env:
        env.reset()
        assert env.state(0).par == par


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"c_machines": 0}, "no chain of machines leads to a heart"),
        ({"a_in1": "battery"}, "no chain"),
        ({"b_in1": "heart"}, "hearts cannot be an input"),
        ({"b_out_count": 6}, "out_count must not exceed stock"),
        ({"a_machines": 40}, "too small for its machines"),
        ({"rooms_x": 8, "rooms_y": 8, "side": 25, "num_levels": 65536}, "more than 1 GB"),
        ({"a_out": "gold"}, "'a_out' must be one of none, ore"),
    ],
)
def test_what_cannot_work_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        puffer_envs.make("foundry", **settings)


def test_rules_can_change_from_episode_to_episode() -> None:
    with puffer_envs.make("foundry", seed=0, num_levels=2, max_steps=3, rules_seen=True) as env:
        env.reset()
        env.set("c_in1", "ore")
        for _ in range(3):
            env.step(np.zeros(6, np.int32))
        assert env.state(0).kinds[2]["in"].tolist() == [1, 0]
        assert Prototype(env).observe(Prototype(env).workers[0])[242 + 8 + 6] != env.observations[0, 242 + 8 + 6] == 1


def test_what_the_mask_forbids_does_nothing() -> None:
    rng = np.random.default_rng(4)
    with puffer_envs.make("foundry", seed=4, num_levels=4, workers=24, a_cooldown=3) as env:
        env.reset()
        for step in range(200):
            env.step(busy_actions(env, rng))
            before, number = env.snapshot(), step % 24
            env.step(np.zeros(24, np.int32))
            stayed = env.snapshot()
            for action in np.flatnonzero(~env_mask(env, before, number)):
                env.restore(before)
                env.step(only(env, number, int(action)))
                assert env.snapshot() == stayed


def env_mask(env: puffer_envs.Environment, snapshot: bytes, number: int) -> NDArray[np.bool_]:
    """The mask of one worker in a snapshot."""
    env.restore(snapshot)
    return env.action_masks[number].astype(bool)


def test_the_largest_hall_with_the_most_workers() -> None:
    largest = {"rooms_x": 8, "rooms_y": 8, "side": 25, "workers": 64, "num_levels": 1, "stock": 7, "carry": 20}
    machines = {f"{letter}_machines": 64 for letter in "abcdef"}
    rng = np.random.default_rng(5)
    with puffer_envs.make("foundry", seed=5, **largest, **machines) as env:
        env.reset()
        game = Prototype(env)
        for _ in range(30):
            actions = busy_actions(env, rng)
            env.step(actions)
            game.step(actions)
            game.check(env, observed=False)

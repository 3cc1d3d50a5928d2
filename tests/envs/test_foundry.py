"""foundry, told a second time with dictionaries and compared step by step; its books, its halls and its par."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import puffer_envs

Tile = tuple[int, int]
GOODS = ["none", "ore", "crystal", "battery", "gear", "lens", "chip", "heart"]
HEART = 7
STAY, GIVE = 0, 5
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
    facing: int = 1
    goods: Counter[int] = field(default_factory=Counter)

    @property
    def most(self) -> int:
        """The good it carries most of, the later of equals, 0 if its hands are empty."""
        carried = [good for good in range(1, HEART) if self.goods[good]]
        return max(carried, key=lambda good: (self.goods[good], good), default=0)


class Prototype:
    """The rules, written for reading."""

    def __init__(self, env: puffer_envs.Environment, index: int = 0) -> None:
        state, self.settings = env.state(index), env.settings
        self.rules = [self.rule(letter) for letter in "abcdef"]
        self.walls = {tuple(at) for at in np.argwhere(state.what == 1).tolist()}
        columns = int(state.columns)
        self.machines = {divmod(int(m.tile), columns): Machine(int(m.kind)) for m in state.machines}
        self.workers = [Worker(divmod(int(w.tile), columns)) for w in state.workers]
        self.order = [int(number) for number in state.order if number >= 0]
        self.tick = self.hearts = self.gifts = 0
        self.made: Counter[int] = Counter()
        for machine in self.machines.values():
            self.start(machine)

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
        for i in range(len(self.workers)):
            number = self.order[(i + self.tick) % len(self.order)]
            action = int(actions[number])
            if action == GIVE:
                self.give(self.workers[number])
            elif action != STAY:
                self.walk(number, action - 1, rewards)
        for machine in self.machines.values():
            if machine.done_at == self.tick:
                machine.done_at = None
                machine.output += self.rules[machine.kind].amount
                self.start(machine)
        return rewards

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
        if to in self.machines:
            self.use(number, self.machines[to], rewards)
        elif other is None:
            worker.tile = to
        elif other.facing == BACK[direction]:
            worker.tile, other.tile = other.tile, worker.tile

    def can_walk(self, worker: Worker, direction: int) -> bool:
        """Not into walls, and not into machines that have nothing for it and need nothing of it."""
        to = self.ahead(worker, direction)
        machine = self.machines.get(to)
        if machine is None:
            return to not in self.walls
        rule = self.rules[machine.kind]
        takes = machine.output and (rule.makes == HEART or worker.goods[rule.makes] < self.settings["carry"])
        puts = [worker.goods[g] and machine.inputs[i] < 2 * rule.counts[i] for i, g in rule.needs.items()]
        return bool(takes) or any(puts)

    def use(self, number: int, machine: Machine, rewards: list[float]) -> None:
        worker, rule = self.workers[number], self.rules[machine.kind]
        good = rule.makes
        room = machine.output if good == HEART else self.settings["carry"] - worker.goods[good]
        taken = min(machine.output, room)
        if taken:
            machine.output -= taken
            worker.goods[good] += taken
            self.made[good] += taken
            self.reward(number, good, taken, rewards)
        else:
            for slot, needed in rule.needs.items():
                put = min(worker.goods[needed], 2 * rule.counts[slot] - machine.inputs[slot])
                worker.goods[needed] -= put
                machine.inputs[slot] += put
        self.start(machine)

    def reward(self, number: int, good: int, taken: int, rewards: list[float]) -> None:
        earned = taken * self.settings[f"reward_{GOODS[good]}"]
        shared = earned * self.settings["share"] if good == HEART else 0.0
        self.hearts += taken if good == HEART else 0
        rewards[number] += earned - shared
        for i in range(len(rewards)):
            rewards[i] += shared / len(rewards)

    def receiver(self, worker: Worker) -> Worker | None:
        """To whom it can give."""
        other = self.at(self.ahead(worker))
        good = worker.most
        return other if good and other is not None and other.goods[good] < self.settings["carry"] else None

    def give(self, worker: Worker) -> None:
        good, other = worker.most, self.receiver(worker)
        if other is not None:
            worker.goods[good] -= 1
            other.goods[good] += 1
            self.gifts += 1

    def look(self, tile: Tile) -> tuple[int, int, int]:
        """The three codes of a tile."""
        if tile in self.walls:
            return 1, 0, 0
        worker = self.at(tile)
        if worker is not None:
            return 8 + worker.most, 4 + worker.facing, min(7, worker.goods[worker.most] if worker.most else 0)
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
        planes = np.array([self.look((row + down, column + right)) for down in around for right in around]).T
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
            *(code * seen for recipe in recipes for code in recipe),
            *planes[2],
            *(worker.goods[good] for good in range(1, HEART)),
            *([0, 0, 0] if machine is None else [machine.output, machine.inputs[0], machine.inputs[1]]),
            min(255, due),
            min(255, worker.goods[HEART]),
            min(255, self.hearts),
            left,
            *(number * seen for row in numbers for number in row),
        ]

    def mask(self, worker: Worker) -> list[bool]:
        """What it may do."""
        free = [self.can_walk(worker, direction) for direction in range(4)]
        return [True, *free, self.receiver(worker) is not None]

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
        assert (self.hearts, self.gifts) == (state.hearts, state.gifts)
        assert [self.made[good] for good in range(8)] == state.made.tolist()
        if observed:
            assert [self.observe(w) for w in self.workers] == env.observations.tolist()
            assert [self.mask(w) for w in self.workers] == env.action_masks.astype(bool).tolist()


def busy_actions(env: puffer_envs.Environment, rng: np.random.Generator) -> NDArray[np.int32]:
    """Random ones that the masks allow, with a liking for machines and for gifts."""
    scores = np.where(env.action_masks, rng.random(env.action_masks.shape), -1.0)
    scores[:, GIVE] += 0.3 * env.action_masks[:, GIVE]
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
    rules["rules_seen"] = bool(rng.integers(0, 2))
    return rules | {f"reward_{good}": float(i) for i, good in enumerate(GOODS[1:], 1)}


FEW = {"b_machines": 2, "c_machines": 2}
SMALL = {"rooms_x": 1, "rooms_y": 1, "side": 17, "num_levels": 4}
TABLES = [
    {},
    {"workers": 1, "a_machines": 12},
    {"workers": 40},
    *(random_rules(np.random.default_rng(seed)) for seed in range(4)),
]


@pytest.mark.parametrize("table", TABLES, ids=["defaults", "alone", "crowd", "rules0", "rules1", "rules2", "rules3"])
def test_every_step_follows_the_rules(table: dict[str, Any]) -> None:
    machines = {f"{letter}_machines": 2 for letter in "abc"}
    settings = {"max_steps": 400, **SMALL, **machines, "a_cooldown": 5, "b_cooldown": 3} | table
    rng = np.random.default_rng(1)
    with puffer_envs.make("foundry", seed=5, **settings) as env:
        env.reset()
        game = Prototype(env)
        seen = 0
        for step in range(401):
            actions = busy_actions(env, rng) if step % 7 else rng.integers(0, 6, env.num_agents).astype(np.int32)
            _, rewards, terminals, truncations = env.step(actions)
            assert rewards.tolist() == pytest.approx(game.step(actions), abs=1e-5)
            assert not terminals.any()
            assert truncations.all() == truncations.any() == (game.tick == 400)
            if truncations.any():
                assert env.log(0)["heart"] == game.hearts
                assert [game.observe(w) for w in game.workers] == env.final_observations.tolist()
                seen = sum(game.made.values())
                game = Prototype(env)
            game.check(env, observed=step % 5 == 0)
        assert seen > 0


def test_the_books_balance_after_every_step() -> None:
    """What was taken of a good is in hands, in machines, or was used up."""
    uses = {1: (1, 1, 3), 3: (2, 3, 7)}  # good -> kind that uses it, how much, what of
    rng = np.random.default_rng(0)
    with puffer_envs.make("foundry", 8, seed=2, num_levels=8, a_cooldown=4, b_cooldown=2, rooms_x=1, side=14) as env:
        env.reset()
        for _ in range(900):
            env.step(busy_actions(env, rng))
            for i in range(8):
                state = env.state(i)
                machines, goods = state.machines, state.workers.goods.sum(0)
                for good, (kind, count, out) in uses.items():
                    own = machines[machines.kind == kind]
                    rounds = state.made[out] + own.out.sum() + (own.due > 0).sum()
                    assert state.made[good] == goods[good] + own["in"][:, 0].sum() + count * rounds
                assert goods[HEART] == state.made[HEART] == state.hearts
                assert state.workers.goods[:, 1:HEART].max() <= state.carry
                assert machines.out.max() <= state.stock
        assert sum(int(env.state(i).hearts) for i in range(8)) > 0


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


@pytest.mark.parametrize(
    ("settings", "par"),
    [
        ({}, 66),  # 10 mines, 20 ore each, 3 for a heart
        ({"workers": 3}, 50),  # 3 * 1000 / 60
        ({"a_machines": 30, "b_machines": 9, "side": 25}, 100),
        ({"b_machines": 1}, 13),  # 40 batteries
        ({"c_in1": "ore", "c_in1_count": 1, "c_cooldown": 500, "c_machines": 2, "c_out_count": 3}, 12),
        ({"d_machines": 2, "e_machines": 2, "f_machines": 1, "a_machines": 1}, 26),  # 6 by altars, 10 gears: 20 hearts
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
        assert Prototype(env).observe(Prototype(env).workers[0])[242 + 1 + 6] != env.observations[0, 242 + 1 + 6] == 1


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

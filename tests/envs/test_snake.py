"""snake against its rules, written a second time: sets and lists, one cell at a time."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import puffer_envs

from .reference_rules import Pcg32, run_sanitized

Cell = tuple[int, int]
SIGHT = 5
FOOD, EMPTY, OWN, WALL, OTHER, OTHER_HEAD = 4, 0, -1, -2, -3, -4
MOVES = [(-1, 0), (1, 0), (0, -1), (0, 1)]  # up, down, left, right
TRIES = 16


@dataclass
class Animal:
    body: list[Cell]  # from the tail to the head
    growth: int
    heading: int | None = None
    age: int = 0
    eaten: int = 0


@dataclass
class Rules:
    """One map. `seen` counts what happened, so that a test can tell that it met every rule."""

    settings: dict[str, float]
    rng: Pcg32
    animals: list[Animal] = field(default_factory=list)
    food: set[Cell] = field(default_factory=set)
    finals: dict[int, NDArray[np.int8]] = field(default_factory=dict)
    lives: list[tuple[int, float, int]] = field(default_factory=list)  # eaten, return, age
    seen: Counter[str] = field(default_factory=Counter)

    def __getattr__(self, name: str) -> float:
        return self.settings[name]

    def reset(self) -> None:
        self.animals, self.food = [], set()
        for _ in range(int(self.num_snakes)):
            self.animals.append(self.newborn())
        self.grow_food()

    def solid(self) -> set[Cell]:
        return {cell for animal in self.animals for cell in animal.body}

    def free_cell(self) -> Cell | None:
        height, width = int(self.height), int(self.width)
        solid = self.solid()
        for _ in range(TRIES):
            cell = self.rng.below(height), self.rng.below(width)
            if cell not in solid and cell not in self.food:
                return cell
        self.seen["crowded"] += 1
        start = cell[0] * width + cell[1] + 1
        order = [divmod((start + i) % (height * width), width) for i in range(height * width)]
        return next((cell for cell in order if cell not in solid and cell not in self.food), None)

    def newborn(self) -> Animal:
        cell = self.free_cell()
        assert cell is not None, "there is always room"
        return Animal([cell], growth=int(self.start_length) - 1)

    def grow_food(self) -> None:
        while len(self.food) < self.num_food:
            cell = self.free_cell()
            if cell is None:
                self.seen["no room for food"] += 1
                return
            self.food.add(cell)

    def views(self, numbers: Iterable[int]) -> dict[int, NDArray[np.int8]]:
        codes = np.full((int(self.height) + 2 * SIGHT, int(self.width) + 2 * SIGHT), WALL, dtype=np.int8)
        codes[SIGHT:-SIGHT, SIGHT:-SIGHT] = EMPTY
        owners = np.full(codes.shape, -1)
        for row, column in self.food:
            codes[row + SIGHT, column + SIGHT] = FOOD
        for i, animal in enumerate(self.animals):
            for row, column in animal.body:
                codes[row + SIGHT, column + SIGHT] = OTHER if (row, column) != animal.body[-1] else OTHER_HEAD
                owners[row + SIGHT, column + SIGHT] = i
        views = {}
        for i in numbers:
            row, column = self.animals[i].body[-1]
            around = slice(row, row + 2 * SIGHT + 1), slice(column, column + 2 * SIGHT + 1)
            views[i] = np.where(owners[around] == i, OWN, codes[around])
        return views

    def target(self, animal: Animal, action: int) -> tuple[Cell, int]:
        if animal.heading is not None and MOVES[action] == tuple(-d for d in MOVES[animal.heading]):
            self.seen["tried to turn back"] += 1
            action = animal.heading
        (row, column), (down, right) = animal.body[-1], MOVES[action]
        return (row + down, column + right), action

    def step(self, actions: NDArray[np.int32]) -> tuple[list[float], list[bool], list[bool]]:
        self.finals = {}
        targets = [self.target(animal, int(a)) for animal, a in zip(self.animals, actions, strict=True)]
        old_cells = self.solid()
        for animal in self.animals:
            if animal.growth:
                animal.growth -= 1
            else:
                animal.body.pop(0)
        solid, claims = self.solid(), Counter(cell for cell, _ in targets)
        heads = {animal.body[-1]: i for i, animal in enumerate(self.animals) if animal.body}
        died, rewards, late = [], [], []
        for i, (cell, _) in enumerate(targets):
            wall = not (0 <= cell[0] < self.height and 0 <= cell[1] < self.width)
            died.append(wall or cell in solid or claims[cell] > 1)
            self.seen["wall"] += wall
            self.seen["own body"] += cell in self.animals[i].body
            self.seen["another's body"] += cell in solid and cell not in self.animals[i].body
            head_on = claims[cell] > 1 and not wall and cell not in solid
            self.seen["head to head"] += head_on
            self.seen["head to head on food"] += head_on and cell in self.food
            self.seen["three heads"] += head_on and claims[cell] > 2
            other = heads.get(cell)
            self.seen["swapped"] += other is not None and other != i and targets[other][0] == self.animals[i].body[-1]
            self.seen["followed a tail"] += not died[-1] and cell in old_cells
        for i, (animal, (cell, move)) in enumerate(zip(self.animals, targets, strict=True)):
            animal.age += 1
            ate = not died[i] and cell in self.food
            if not died[i]:
                animal.body.append(cell)
                animal.heading = move
                self.food.discard(cell)
                animal.eaten += ate
                animal.growth += ate
            rewards.append(self.reward_death if died[i] else self.reward_food if ate else 0.0)
            late.append(not died[i] and animal.age >= self.max_steps)
        self.leave(died, died=True)
        self.leave(late, died=False)
        for i, over in enumerate(np.logical_or(died, late)):
            if over:
                self.animals[i] = self.newborn()
        self.grow_food()
        return rewards, died, late

    def leave(self, over: list[bool], died: bool) -> None:
        numbers = [i for i, ended in enumerate(over) if ended]
        self.finals |= self.views(numbers)
        for i in numbers:
            animal = self.animals[i]
            corpse = animal.body[::2][: animal.eaten // 2]
            self.seen["left food"] += len(corpse)
            self.seen["truncated"] += not died
            self.seen["longest"] = max(self.seen["longest"], len(animal.body))
            self.food.update(corpse)
            gain = animal.eaten * self.reward_food + died * self.reward_death
            self.lives.append((animal.eaten, gain, animal.age))
            animal.body = []


def careful_actions(views: NDArray[np.int8], rng: np.random.Generator) -> NDArray[np.int32]:
    """Towards the nearest food in sight among the moves that do not kill at once; ties are drawn."""
    rows, columns = np.indices(views.shape[1:])
    costs = []
    for down, right in MOVES:
        row, column = SIGHT + down, SIGHT + right
        distance = np.abs(rows - row) + np.abs(columns - column)
        nearest = np.where(views == FOOD, distance, 30).min(axis=(1, 2))
        costs.append(nearest + 100 * (views[:, row, column] < 0) + rng.random(len(views)))
    return np.argmin(costs, axis=0).astype(np.int32)


def decode(state: Any) -> tuple[list[list[Cell]], set[Cell]]:
    """Bodies, from tail to head, and food, as the cells of the map tell them; every wall and every cell is checked."""
    cells, bodies = state.cells, state.bodies
    inner = cells[SIGHT:-SIGHT, SIGHT:-SIGHT]
    walls = np.ones(cells.shape, dtype=bool)
    walls[SIGHT:-SIGHT, SIGHT:-SIGHT] = False
    assert (cells[walls] == WALL).all()
    assert ((inner == FOOD) | (inner == EMPTY) | (inner < -8)).all()
    chains = []
    for number, (head, tail, *_) in enumerate(bodies):
        at, chain = int(tail), []
        while True:
            row, column = divmod(at, cells.shape[1])
            value = int(cells[row, column])
            assert value + 2**15 >> 3 == number
            chain.append((row - SIGHT, column - SIGHT))
            if value & 1 == 0:
                break
            down, right = MOVES[value >> 1 & 3]
            at += down * cells.shape[1] + right
        assert at == head
        chains.append(chain)
    occupied = sum(map(len, chains))
    assert occupied == len(set().union(*chains)) == (inner < -8).sum(), "every solid cell belongs to one snake"
    return chains, {(int(r), int(c)) for r, c in np.argwhere(inner == FOOD)}


MAPS: dict[str, dict[str, float]] = {
    "crowd": {"num_snakes": 6, "width": 9, "height": 7, "num_food": 4},
    "full": {"num_snakes": 8, "width": 4, "height": 4, "num_food": 0, "start_length": 2},
    "fodder": {"num_snakes": 3, "width": 5, "height": 4, "num_food": 14, "start_length": 2, "max_steps": 60},
    "hurry": {"num_snakes": 5, "width": 8, "height": 11, "num_food": 9, "max_steps": 9, "reward_food": 0.1},
    "lone": {
        "num_snakes": 1,
        "width": 12,
        "height": 13,
        "num_food": 5,
        "start_length": 4,
        "reward_death": -0.7,
    },
    "sights": {"num_snakes": 12, "width": 21, "height": 16, "num_food": 30, "goal": 7},
}
CASES = [
    *("wall", "own body", "another's body", "head to head", "head to head on food", "three heads", "swapped"),
    *("followed a tail", "tried to turn back", "left food", "truncated", "crowded", "no room for food"),
]
"""What the rules tell apart: each has to happen in the games below."""


def play(name: str, care: float, steps: int) -> Counter[str]:
    """Compare every output and the whole map, step by step; `care` is how often a move is not just random."""
    seed, index = 11, 3
    rng = np.random.default_rng(seed)
    with puffer_envs.make("snake", num_envs=2, seed=seed, first=index - 1, **MAPS[name]) as env:
        agents = env.agents
        rows = slice(agents, 2 * agents)  # environment 1 of the batch is number `index` of the run
        rules = Rules(env.settings, Pcg32(seed, index))
        rules.reset()
        env.reset()
        for step in range(steps):
            where = f"{name}, care {care}, step {step}"
            random = rng.integers(0, 4, env.num_agents).astype(np.int32)
            careful = careful_actions(env.observations, rng)
            actions = np.where(rng.random(env.num_agents) < care, careful, random)
            rewards, died, late = rules.step(actions[rows])
            env.step(actions)
            np.testing.assert_array_equal(env.rewards[rows], np.float32(rewards), where)
            np.testing.assert_array_equal(env.terminals[rows], died, where)
            np.testing.assert_array_equal(env.truncations[rows], late, where)
            for i, view in rules.views(range(agents)).items():
                np.testing.assert_array_equal(env.observations[agents + i], view, where)
            for i, final in rules.finals.items():
                np.testing.assert_array_equal(env.final_observations[agents + i], final, where)
            check_state(env.state(1), rules, where)
        check_log(env.log(1), rules)
    return rules.seen


def check_state(state: Any, rules: Rules, where: str) -> None:
    chains, food = decode(state)
    assert chains == [animal.body for animal in rules.animals], where
    assert food == rules.food, where
    assert state.food == len(food), where
    for row, animal in zip(state.bodies.tolist(), rules.animals, strict=True):
        heading = 4 if animal.heading is None else animal.heading
        assert row[2:7] == [heading, len(animal.body), animal.growth, animal.age, animal.eaten], where


def check_log(log: dict[str, float], rules: Rules) -> None:
    eaten, gains, ages = np.array(rules.lives).T
    expected = {
        "n": len(rules.lives),
        "perf": np.minimum(1, eaten / rules.goal).mean(),
        "score": eaten.mean(),
        "episode_return": gains.mean(),
        "episode_length": ages.mean(),
    }
    assert log == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_rules() -> None:
    seen: Counter[str] = Counter()
    for name in MAPS:
        for care in (0.0, 0.9, 1.0):
            for case, count in play(name, care, steps=700).items():
                seen[case] = max(seen[case], count) if case == "longest" else seen[case] + count
    assert [case for case in CASES if seen[case] < 5] == []
    assert seen["longest"] > 30


def test_careful_player_eats_more_than_a_random_one() -> None:
    rng = np.random.default_rng(0)
    scores = {}
    for player in ("random", "careful"):
        with puffer_envs.make("snake", num_envs=8, seed=1) as env:
            env.reset()
            for _ in range(1500):
                random = rng.integers(0, 4, env.num_agents).astype(np.int32)
                env.step(random if player == "random" else careful_actions(env.observations, rng))
            log = env.log()
            scores[player] = log["score"]
            assert 0 <= log["perf"] <= 1
    assert scores["careful"] > 10 * scores["random"]


@pytest.mark.parametrize("settings", [{"num_snakes": 16, "width": 6, "height": 7}, {"num_food": 3000}])
def test_map_too_small_is_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="map is too small"):
        puffer_envs.make("snake", **settings)


def test_largest_map_steps() -> None:
    settings = {"num_snakes": 4000, "width": 1024, "height": 1024, "num_food": 100_000}
    with puffer_envs.make("snake", seed=2, **settings) as env:
        env.reset()
        rng = np.random.default_rng(3)
        for _ in range(20):
            env.step(rng.integers(0, 4, env.num_agents).astype(np.int32))
        chains, food = decode(env.state(0))
        assert len(chains) == 4000 and len(food) >= 100_000
        for number in (0, 1, 3999):  # the last number is not taken for a wall
            assert env.observations[number, SIGHT, SIGHT] == OWN
            assert (env.observations[number] == OWN).sum() <= len(chains[number])


@pytest.mark.parametrize("name", ["crowd", "full", "fodder"])
def test_crowded_maps_are_memory_clean(name: str, tmp_path: Path) -> None:
    """The C driver under sanitizers, with the settings of a crowded map as the defaults of a copy of the header."""
    steps = math.ceil(200_000 / MAPS[name]["num_snakes"])
    run_sanitized("snake", MAPS[name], steps, tmp_path)

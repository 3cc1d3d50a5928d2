"""tower against its rules, written a second time cell by cell, on random worlds and on its own levels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import puffer_envs
from puffer_envs.snapshot import pack_snapshot

Cell = tuple[int, int]
"""Row and column, from the north west."""
Spot = tuple[int, int, int]
"""Row, column and height."""
SIDE, VOID, BASE, TOP, HEIGHTS = 8, 2, 2, 13, 17
NORTH, EAST, SOUTH, WEST, GRAB, RELEASE = range(6)
STEPS: list[Cell] = [(-1, 0), (0, 1), (1, 0), (0, -1)]
HERO = ("cell", "height", "facing", "hanging", "holding")


# ---- The rules, a second time. ----


@dataclass
class World:
    """Blocks, and a hero whose hands are free, hang or hold. `seen` counts what happened."""

    blocks: set[Spot]
    at: Spot
    facing: int
    hands: str = "free"
    goal: Spot = (-1, -1, -1)
    fate: str = "alive"
    seen: Counter[str] = field(default_factory=Counter)

    def near(self, spot: Spot, side: int, up: int = 0) -> Spot | None:
        """The spot beside another, if it is inside the world."""
        row, column = spot[0] + STEPS[side][0], spot[1] + STEPS[side][1]
        return (row, column, spot[2] + up) if 0 <= row < SIDE and 0 <= column < SIDE else None

    def filled(self, spot: Spot | None) -> bool:
        return spot in self.blocks

    def free(self, spot: Spot | None) -> bool:
        return spot is not None and spot not in self.blocks

    def holds(self, spot: Spot) -> bool:
        row, column, height = spot
        below = (row, column, height - 1)
        return height == BASE or self.filled(below) or any(self.filled(self.near(below, side)) for side in range(4))

    def can_climb(self) -> bool:
        """Onto the block ahead, which is there."""
        row, column, height = self.at
        return height < TOP and self.free((row, column, height + 1)) and self.free(self.near(self.at, self.facing, 1))

    def row_end(self) -> Spot | None:
        """Where the last block of the row ahead would be pushed to; None beyond the border."""
        spot = self.near(self.at, self.facing)
        while spot is not None and self.filled(spot):
            spot = self.near(spot, self.facing)
        return spot

    def can(self, action: int) -> bool:
        ahead, back = self.near(self.at, self.facing), (self.facing + 2) % 4
        if action == RELEASE:
            return self.hands != "free"
        if action == GRAB:
            return self.hands == "free" and self.filled(ahead)
        if self.hands == "hang":
            return self.can_climb() if action == self.facing else action != back and bool(self.near(self.at, action))
        if self.hands == "hold" and action == self.facing:
            return self.row_end() is not None
        if self.hands == "hold" and action == back:
            return self.free(self.near(self.at, back))
        if action != self.facing:
            return True
        return self.can_climb() if self.filled(ahead) else ahead is not None

    def act(self, action: int) -> None:
        if not self.can(action):
            self.seen["no effect"] += 1
            return
        if action == RELEASE:
            self.release()
        elif action == GRAB:
            self.hands = "hold"
        elif self.hands == "hang":
            self.climb("pulled himself up") if action == self.facing else self.shimmy(action)
        elif self.hands == "hold" and action == self.facing:
            self.push()
        elif self.hands == "hold" and action == (self.facing + 2) % 4:
            self.pull()
        elif action != self.facing:
            self.seen["turned from a block" if self.hands == "hold" else "turned"] += 1
            self.facing, self.hands = action, "free"
        else:
            self.walk()

    def climb(self, what: str) -> None:
        self.at, self.hands = self.near(self.at, self.facing, 1) or self.at, "free"
        self.seen[what] += 1

    def walk(self) -> None:
        ahead = self.near(self.at, self.facing)
        assert ahead is not None
        if self.filled(ahead):
            self.climb("climbed")
            return
        row, column, height = ahead
        depth = next(d for d in range(1, 4) if self.filled((row, column, height - d)) or d == 3)
        self.at = (row, column, height - (depth > 1))
        self.seen[["", "walked", "stepped down", "let himself down"][depth]] += 1
        if depth == 3:
            self.facing, self.hands = (self.facing + 2) % 4, "hang"

    def shimmy(self, side: int) -> None:
        beside = self.near(self.at, side)
        assert beside is not None
        wall = self.near(beside, self.facing)
        if self.filled(beside):
            self.facing = side
            self.seen["around an inner corner"] += 1
        elif self.filled(wall):
            self.at = beside
            self.seen["along the wall"] += 1
        else:
            assert wall is not None
            self.at, self.facing = wall, (side + 2) % 4
            self.seen["around an outer corner"] += 1

    def release(self) -> None:
        if self.hands == "hang":
            row, column, height = self.at
            floors = [h for h in range(BASE, height) if self.filled((row, column, h))]
            self.at = (row, column, max(floors) + 1 if floors else BASE)
            self.fate = "alive" if floors else "fell"
            self.seen["fell out" if not floors else "landed" if self.at[2] < height else "stood where he hung"] += 1
        self.hands = "free"

    def push(self) -> None:
        ahead, end = self.near(self.at, self.facing), self.row_end()
        assert ahead is not None and end is not None
        length = abs(end[0] - ahead[0]) + abs(end[1] - ahead[1])
        self.seen["pushed a row" if length > 1 else "pushed"] += 1
        self.blocks = self.blocks - {ahead} | {end}
        self.hands = "free"
        self.settle()

    def pull(self) -> None:
        ahead, back = self.near(self.at, self.facing), self.near(self.at, (self.facing + 2) % 4)
        assert ahead is not None and back is not None
        self.blocks = self.blocks - {ahead} | {self.at}
        self.at, self.hands = back, "free"
        if self.filled((back[0], back[1], back[2] - 1)):
            self.seen["pulled"] += 1
        else:
            self.at, self.hands = (back[0], back[1], back[2] - 1), "hang"
            self.seen["pulled over an edge"] += 1
        self.settle()

    def settle(self) -> None:
        """Round by round, from the bottom up, each block that does not hold falls by one."""
        again = True
        while again:
            again = False
            for height in range(BASE + 1, TOP + 1):
                loose = {spot for spot in self.blocks if spot[2] == height and not self.holds(spot)}
                again |= bool(loose)
                self.blocks -= loose
                landed = {(row, column, h - 1) for row, column, h in loose if h - 1 > BASE}
                self.blocks |= landed
                self.seen["a block fell"] += len(landed)
                self.seen["a block fell out"] += len(loose) - len(landed)
            if self.at in self.blocks:
                self.fate = "crushed"
        self.seen["crushed"] += self.fate == "crushed"

    def solved(self) -> bool:
        return self.at == self.goal and self.hands != "hang" and self.fate == "alive"

    def mask(self) -> list[bool]:
        return [self.can(action) for action in range(6)]

    def observation(self) -> NDArray[np.uint8]:
        row, column, height = self.at
        view = [
            (row + r, column + c, height + h) in self.blocks
            for h in range(-2, 4)
            for r in range(-3, 4)
            for c in range(-3, 4)
        ]
        facing = [self.facing == side for side in range(4)]
        north, west, below = (a - b for a, b in zip(self.goal, self.at, strict=True))
        way = [north < 0, west > 0, north > 0, west < 0, below > 0, below < 0]
        bits = [(height - BASE) >> bit & 1 for bit in range(4)]
        return np.array([*view, *facing, self.hands == "hang", self.hands == "hold", *way, *bits], np.uint8)

    def rests(self) -> bool:
        """Whether the hero has room, and stands or hangs on something."""
        row, column, height = self.at
        floor, ahead = (row, column, height - 1) in self.blocks, self.filled(self.near(self.at, self.facing))
        hands_fit = ahead if self.hands == "hang" else floor and (ahead or self.hands == "free")
        return hands_fit and self.at not in self.blocks

    def is_sound(self) -> bool:
        """Whether all blocks hold too."""
        return self.rests() and all(map(self.holds, self.blocks))


# ---- Worlds in and out of an environment. ----


def spot_of(cell: int, height: int) -> Spot:
    return cell // SIDE, cell % SIDE, height


def read_world(state: Any) -> World:
    layers = [int(layer) for layer in state.layers]
    blocks = {spot_of(c, h) for h, layer in enumerate(layers) for c in range(64) if layer >> c & 1}
    hands = "hang" if state.hanging else "hold" if state.holding else "free"
    at, goal = spot_of(int(state.cell), int(state.height)), spot_of(int(state.goal_cell), int(state.goal_height))
    return World(blocks, at, int(state.facing), hands, goal)


Columns = dict[str, NDArray[Any]]
"""By field, a row for each world."""


def columns_of(worlds: list[World]) -> Columns:
    layers = np.zeros((len(worlds), HEIGHTS), np.uint64)
    for i, world in enumerate(worlds):
        for row, column, height in world.blocks:
            layers[i, height] |= np.uint64(1 << SIDE * row + column)
    numbers = {
        "cell": [SIDE * w.at[0] + w.at[1] for w in worlds],
        "height": [w.at[2] for w in worlds],
        "facing": [w.facing for w in worlds],
        "hanging": [w.hands == "hang" for w in worlds],
        "holding": [w.hands == "hold" for w in worlds],
        "choices": [sum(can << action for action, can in enumerate(w.mask())) for w in worlds],
        "goal_cell": [SIDE * w.goal[0] + w.goal[1] for w in worlds],
        "goal_height": [w.goal[2] for w in worlds],
    }
    return {"layers": layers} | {name: np.array(values, np.int32) for name, values in numbers.items()}


def fields_of(env: Any) -> Columns:
    """Views of a copy of all states: a change of them changes the copy, under the key ''."""
    states = env._states.copy()
    rows = states.reshape(env.num_envs, -1)
    views: Columns = {"": states}
    for at in env.spec.fields:
        if at.name in {"layers", "best", "tick", "choices", "goal_cell", "goal_height", *HERO}:
            size = at.dtype.itemsize * (HEIGHTS if at.name == "layers" else 1)
            view = rows[:, at.offset : at.offset + size].view(at.dtype)
            views[at.name] = view if at.name == "layers" else view[:, 0]
    return views


def put(env: Any, columns: Columns) -> None:
    """Let the first environments be in these worlds, at the start of an episode."""
    views = fields_of(env)
    count = len(columns["cell"])
    for name, values in columns.items():
        views[name][:count] = values
    views["best"][:count] = columns["height"].clip(BASE + 1)
    views["tick"][:count] = 0
    env.restore(pack_snapshot(env.spec, env.settings, env.num_envs, views[""]))


def random_blocks(rng: np.random.Generator) -> World:
    """Blocks that hold, more or less densely, all over or on some rows only."""
    world = World(set(), (0, 0, 0), 0)
    density = rng.uniform(0.1, 0.75)
    low, high = sorted(rng.integers(0, SIDE + 1, 2)) if rng.random() < 0.5 else (0, SIDE)
    for height in range(BASE, BASE + int(rng.integers(2, 13))):
        chosen = np.argwhere(rng.random((SIDE, SIDE)) < density).tolist()
        spots = [(row, column, height) for row, column in chosen if low <= row < high]
        world.blocks |= {spot for spot in spots if world.holds(spot)}
    return world


def random_world(rng: np.random.Generator) -> World:
    """Such blocks, and a hero wherever he can be."""
    while True:
        world = random_blocks(rng)
        for spot in rng.integers((0, 0, BASE), (SIDE, SIDE, TOP + 1), (60, 3)).tolist():
            world.at, world.facing = tuple(spot), int(rng.integers(4))
            world.hands = ("free", "hold", "hang")[rng.integers(3)]
            if world.rests() and not (world.hands == "hang" and world.at[2] == TOP):
                world.goal = (*rng.integers(0, SIDE, 2).tolist(), int(rng.integers(BASE + 1, TOP + 1)))
                return world


def undermined(world: World) -> World:
    """The same hero, who holds a block that alone bears one above him, over nothing but his own floor."""
    row, column, height = world.at
    blocks = {(row, column, h) for h in range(BASE, height)}
    held = world.near(world.at, world.facing)
    above = {held, (row, column, height + 1)} if held and height < TOP else {held} if held else set()
    return replace(world, blocks=blocks | above, hands="hold")


def random_worlds(count: int, seed: int) -> list[World]:
    """Every tenth is undermined."""
    rng = np.random.default_rng(seed)
    worlds = [random_world(rng) for _ in range(count)]
    changed = [undermined(world) if i % 10 == 0 and world.hands != "hang" else world for i, world in enumerate(worlds)]
    return [new if new.is_sound() else old for old, new in zip(worlds, changed, strict=True)]


# ---- Every step follows the rules. ----

CASES = [
    *("no effect", "turned", "walked", "climbed", "stepped down", "let himself down"),
    *("pulled himself up", "along the wall", "around an inner corner", "around an outer corner"),
    *("landed", "stood where he hung", "fell out", "turned from a block"),
    *("pushed", "pushed a row", "pulled", "pulled over an edge", "a block fell", "a block fell out", "crushed"),
]
"""What the rules tell apart: each has to happen below."""


def check_step(env: Any, i: int, world: World, best: int, action: int) -> bool:
    """Of one environment against the second telling. Returns whether the episode continues."""
    base = {spot for spot in world.blocks if spot[2] == BASE}
    before, lost = len(world.blocks), world.seen["a block fell out"]
    world.act(action)
    assert before == len(world.blocks) + world.seen["a block fell out"] - lost, "blocks are lost and made nowhere else"
    assert {spot for spot in world.blocks if spot[2] == BASE} == base
    dead, solved = world.fate != "alive", world.solved()
    assert dead or world.is_sound()
    reward = 0.1 * max(0, world.at[2] - best) + solved - dead
    assert env.rewards[i] == pytest.approx(reward, abs=1e-6)
    assert (env.terminals[i], env.truncations[i]) == (solved or dead, False)
    if solved or dead:
        np.testing.assert_array_equal(env.final_observations[i], world.observation())
        assert env.state(i).result == (1 if solved else 2 if world.fate == "fell" else 3)
        return False
    np.testing.assert_array_equal(env.observations[i], world.observation())
    assert env.action_masks[i].tolist() == world.mask()
    after = read_world(env.state(i))
    assert (after.blocks, after.at, after.facing, after.hands) == (world.blocks, world.at, world.facing, world.hands)
    return True


def test_every_step_follows_the_rules() -> None:
    worlds = random_worlds(400, seed=1)
    rng = np.random.default_rng(2)
    for world in worlds[:40]:  # so that some reach it
        ahead = world.near(world.at, world.facing, int(world.filled(world.near(world.at, world.facing))))
        world.goal = ahead if ahead and ahead[2] <= TOP else world.goal
    env = puffer_envs.make("tower", len(worlds), num_levels=4)
    env.reset()
    put(env, columns_of(worlds))
    seen: Counter[str] = Counter()
    alive = list(range(len(worlds)))
    best = [max(BASE + 1, world.at[2]) for world in worlds]
    for step in range(8):
        hands = [4 if world.hands == "free" else world.facing for world in worlds]  # grab, push, climb
        actions = np.where(rng.random(len(worlds)) < 0.2, hands, rng.integers(0, 6, len(worlds))).astype(np.int32)
        actions = np.array(
            [w.facing if i < 40 and step == 0 else a for i, (w, a) in enumerate(zip(worlds, actions, strict=True))]
        )
        env.step(actions.astype(np.int32))
        alive = [i for i in alive if check_step(env, i, worlds[i], best[i], int(actions[i]))]
        best = [max(b, world.at[2]) for b, world in zip(best, worlds, strict=True)]
    for world in worlds:
        seen += world.seen
        seen["solved"] += world.solved()
    assert [case for case in [*CASES, "solved"] if seen[case] < 5] == []


# ---- Episodes: limits and logs. ----


def test_limits_rewards_and_logs() -> None:
    """Along the solutions with some mistakes."""
    num_envs, lives = 16, []
    rng = np.random.default_rng(5)
    with puffer_envs.make("tower", num_envs, seed=3, num_levels=64, reward_height=0.25, reward_death=-0.5) as env:
        env.reset()
        every = [(read_world(env.state(i)), env.state(i).par, env.state(i).puzzle, [0.0], [0]) for i in range(num_envs)]
        for _ in range(300):
            plans = [solution(env.state(i)) for i in range(num_envs)]
            ticks = [int(env.state(i).tick) for i in range(num_envs)]
            wished = [plan[tick] if tick < len(plan) else RELEASE for plan, tick in zip(plans, ticks, strict=True)]
            actions = np.where(rng.random(num_envs) < 0.03, rng.integers(0, 6, num_envs), wished).astype(np.int32)
            env.step(actions)
            for i, (world, par, puzzle, gains, tops) in enumerate(every):
                tops[0] = max(tops[0], world.at[2])
                world.act(int(actions[i]))
                dead, solved = world.fate != "alive", world.solved()
                late = not dead and not solved and ticks[i] + 1 == 4 * par + 20
                reward = 0.25 * max(0, world.at[2] - tops[0]) + solved - 0.5 * dead
                gains[0] += reward
                tops[0] = max(tops[0], world.at[2])
                assert env.rewards[i] == pytest.approx(reward)
                assert (env.terminals[i], env.truncations[i]) == (dead or solved, late)
                if dead or solved or late:
                    steps = ticks[i] + 1
                    facts = (
                        solved,
                        solved * par / steps,
                        gains[0],
                        steps,
                        par,
                        world.fate == "fell",
                        world.fate == "crushed",
                        tops[0] - BASE - 1,
                        puzzle,
                        puzzle * solved,
                        solved,
                        solved * steps,
                        solved * par,
                    )
                    lives.append(facts)
                    state = env.state(i)
                    every[i] = (read_world(state), state.par, state.puzzle, [0.0], [0])
        check_log(env.log(), np.array(lives, float))
        outcomes = np.array(lives)[:, [0, 5]].sum(0)
    assert outcomes.min() > 5 and len(lives) - outcomes.sum() > 5, "solved, dead and late"


def check_log(log: dict[str, float], lives: NDArray[np.float64]) -> None:
    names = ("perf", "score", "episode_return", "episode_length", "par", "fell", "crushed", "climbed")
    expected = dict(zip(names, lives[:, :8].mean(0).tolist(), strict=True)) | {"n": len(lives)}
    puzzles, puzzles_solved, solved, solved_steps, solved_par = lives[:, 8:].sum(0)
    expected |= {"puzzle.n": puzzles, "puzzle.perf": puzzles_solved / puzzles}
    expected |= {"solved.n": solved, "solved.steps": solved_steps / solved, "solved.par": solved_par / solved}
    assert log == pytest.approx(expected, rel=1e-4, abs=1e-4)


# ---- Levels. ----


def solution(state: Any) -> list[int]:
    actions: list[int] = state.solution[0, : int(state.par)].tolist()
    return actions


def all_levels(num_levels: int, **settings: Any) -> Iterator[Any]:
    """The environment in which number i is at the start of the level of rank i."""
    with puffer_envs.make("tower", num_levels, num_levels=num_levels, spread=0, **settings) as env:
        for i in range(num_levels):
            env._set("difficulty", i / max(1, num_levels - 1), [i])
        env.reset()
        assert [env.state(i).rank for i in range(num_levels)] == list(range(num_levels))
        yield env


KINDS: dict[str, dict[str, float]] = {
    "default": {},
    "bare": {"clutter": 0, "level_seed": 7},
    "full": {"clutter": 1, "gadgets": 12, "level_seed": 8},
    "low": {"gadgets": 1},
}


@pytest.mark.parametrize("kind", KINDS)
def test_stored_solutions_solve(kind: str) -> None:
    for env in all_levels(512, **KINDS[kind]):
        states = [env.state(i) for i in range(512)]
        assert all(read_world(state).is_sound() for state in states[::16])
        plans = [solution(state) for state in states]
        pars = [len(plan) for plan in plans]
        assert pars == sorted(pars), "ranks are by par"
        assert [any(a == GRAB for a in plan) for plan in plans] == [bool(state.puzzle) for state in states]
        solved = np.zeros(512, bool)
        for step in range(pars[-1]):
            masks = env.action_masks.copy()
            env.step(np.array([plan[step] if step < len(plan) else RELEASE for plan in plans], np.int32))
            for i, plan in enumerate(plans):
                if step < len(plan):
                    assert masks[i, plan[step]] and env.terminals[i] == (step == len(plan) - 1)
                    solved[i] |= env.terminals[i] and env.rewards[i] > 0.5
        assert solved.all()


def test_levels_are_the_same_in_every_run_and_differ_by_their_seed() -> None:
    def layers(**settings: Any) -> list[tuple[int, ...]]:
        return [tuple(env.state(i).layers.tolist()) for env in all_levels(64, **settings) for i in range(64)]

    assert layers(seed=1) == layers(seed=2)
    assert len(set(layers(level_seed=1)) & set(layers(level_seed=2))) < 8
    assert len(set(layers(level_seed=1))) > 60


def test_par_is_no_less_than_the_shortest_solution() -> None:
    """By breadth-first search with the real step, over all worlds that 100 levels lead to."""
    shortest = np.full(100, -1)
    with puffer_envs.make("tower", 100, num_levels=300, spread=1 / 3, difficulty=0.25) as env:
        env.reset()
        views = fields_of(env)
        pars = np.array([env.state(i).par for i in range(100)])
    names = ("layers", *HERO, "choices", "goal_cell", "goal_height")
    frontier = {name: views[name].copy() for name in names} | {"level": np.arange(100)}
    known: NDArray[np.void] | None = None
    with puffer_envs.make("tower", 1 << 14, num_levels=1) as env:
        env.reset()
        for depth in range(1, int(pars.max()) + 1):
            following, solved = expand(env, frontier)
            shortest[np.unique(frontier["level"][solved // 6])] = depth
            open_ = shortest[following["level"]] < 0
            following = {name: values[open_] for name, values in following.items()}
            frontier, known = fresh(following, known)
    assert (shortest > 0).all() and (shortest <= pars).all()
    assert (shortest == pars).mean() > 0.8
    assert pars.max() > 8


def expand(env: Any, columns: Columns) -> tuple[Columns, NDArray[np.int64]]:
    """All worlds one action later, and which of the six times as many actions reached a goal."""
    parts: list[Columns] = []
    solved = []
    room = env.num_envs // 6
    for start in range(0, len(columns["cell"]), room):
        part = {name: np.repeat(values[start : start + room], 6, axis=0) for name, values in columns.items()}
        level = part.pop("level")
        put(env, part)
        actions = np.resize(np.arange(6, dtype=np.int32), env.num_envs)
        env.step(actions)
        ended = env.terminals[: len(level)] | env.truncations[: len(level)]
        solved.append(6 * start + np.flatnonzero(ended & (env.rewards[: len(level)] > 0.5)))
        views = fields_of(env)
        legal = part["choices"] >> actions[: len(level)] & 1 == 1
        parts.append(
            {name: views[name][: len(level)][legal & ~ended] for name in part} | {"level": level[legal & ~ended]}
        )
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}, np.concatenate(solved)


def fresh(columns: Columns, known: NDArray[np.void] | None) -> tuple[Columns, NDArray[np.void]]:
    """Those worlds that are not known, each once; and all that are known then."""
    numbers = np.stack([columns[name].astype(np.uint64) for name in (*HERO, "level")], axis=1)
    rows = np.ascontiguousarray(np.concatenate([columns["layers"], numbers], axis=1))
    keys = rows.view(np.dtype((np.void, rows.shape[1] * 8)))[:, 0]
    keys, first = np.unique(keys, return_index=True)
    if known is not None:
        new = ~np.isin(keys, known)
        keys, first = keys[new], first[new]
        known = np.concatenate([known, keys])
    return {name: values[first] for name, values in columns.items()}, keys if known is None else known


# ---- Properties. ----


def test_a_push_can_be_taken_back_by_a_pull() -> None:
    """Where nothing fell, and there is floor to follow the block."""
    pushes = []
    for world in random_worlds(1500, seed=3):
        if world.hands != "hold" or not world.can(world.facing):
            continue
        ahead = world.near(world.at, world.facing)
        after = replace(world, blocks=set(world.blocks), seen=Counter())
        after.push()
        floor = ahead is not None and (*ahead[:2], ahead[2] - 1) in world.blocks
        if floor and after.seen["pushed"] and not after.seen["a block fell"] and not after.seen["a block fell out"]:
            world.goal = (0, 0, BASE)  # which is never reached
            pushes.append(world)
    assert len(pushes) > 30
    with puffer_envs.make("tower", len(pushes), num_levels=4) as env:
        env.reset()
        put(env, columns_of(pushes))
        facing = np.array([world.facing for world in pushes])
        before = {name: fields_of(env)[name].copy() for name in ("layers", *HERO)}
        for move in (facing, facing, np.full_like(facing, GRAB), (facing + 2) % 4):
            env.step(move.astype(np.int32))
        for name, values in before.items():
            np.testing.assert_array_equal(fields_of(env)[name], 0 if name == "holding" else values)


def turned(cell: int, flip: bool, quarters: int) -> int:
    """Where a cell goes when the world is mirrored, east for west, and then turned clockwise."""
    row, column = divmod(cell, SIDE)
    column = SIDE - 1 - column if flip else column
    for _ in range(quarters):
        row, column = column, SIDE - 1 - row
    return SIDE * row + column


@pytest.mark.parametrize("quarters", range(4))
@pytest.mark.parametrize("flip", [False, True])
def test_symmetries_commute_with_the_step(flip: bool, quarters: int) -> None:
    cells = np.array([turned(cell, flip, quarters) for cell in range(64)])
    sides = np.array([(-side if flip else side) % 4 + quarters for side in range(4)]) % 4
    actions_of = np.array([*sides, GRAB, RELEASE])

    def turn(columns: Columns) -> Columns:
        bits = columns["layers"][..., None] >> np.arange(64, dtype=np.uint64) & np.uint64(1)
        layers = (bits << cells.astype(np.uint64)).sum(-1, dtype=np.uint64)
        choices = sum((columns["choices"] >> a & 1) << actions_of[a] for a in range(6))
        changed = {"layers": layers, "facing": sides[columns["facing"]], "choices": choices}
        return columns | changed | {name: cells[columns[name]] for name in ("cell", "goal_cell")}

    worlds = columns_of(random_worlds(300, seed=4))
    actions = np.random.default_rng(5).integers(0, 6, 300).astype(np.int32)
    outcomes = []
    for columns, moves in ((worlds, actions), (turn(worlds), actions_of[actions].astype(np.int32))):
        with puffer_envs.make("tower", 300, num_levels=1) as env:
            env.reset()
            put(env, columns)
            env.step(moves)
            views = {name: fields_of(env)[name] for name in worlds}
            outcomes.append((views, env.rewards.copy(), env.terminals.copy()))
    (plain, rewards, ends), (other, other_rewards, other_ends) = outcomes
    np.testing.assert_array_equal(rewards, other_rewards)
    np.testing.assert_array_equal(ends, other_ends)
    assert ends.any() and not ends.all()
    for name, values in turn(plain).items():
        np.testing.assert_array_equal(values[~ends], other[name][~ends])

"""maze against its rules, written a second time: dictionaries, and a search over (tile, keys) of every level."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import puffer_envs
from puffer_envs import vector

Tile = tuple[int, int]
State = tuple[Tile, int]
"""Where the agent is, and the keys that it holds, as bits."""
SIGHT, VIEW = 5, 11
FLOOR, WALL, KEY = 0, -128, 12
MOVES = [(-1, 0), (1, 0), (0, -1), (0, 1)]  # up, down, left, right


@dataclass
class Level:
    """A maze as a set of tiles to stand on, keys and doors by colour."""

    floor: set[Tile]
    keys: dict[Tile, int]
    doors: dict[Tile, int]
    start: Tile
    goal: Tile
    shortest: int
    size: Tile  # in rooms
    rank: int

    def enter(self, state: State, move: int) -> State:
        """Where a move leads to."""
        (row, column), keys = state
        down, right = MOVES[move]
        tile = row + down, column + right
        if tile not in self.floor or (tile in self.doors and not keys >> self.doors[tile] & 1):
            return state
        return tile, keys | (1 << self.keys[tile] if tile in self.keys else 0)

    def solution(self, state: State) -> list[int] | None:
        """The moves of a shortest way to the goal, by breadth-first search over places and keys."""
        came: dict[State, tuple[State, int] | None] = {state: None}
        frontier = [state]
        while frontier:
            following = []
            for at in frontier:
                if at[0] == self.goal:
                    return self.moves_to(at, came)
                for move in range(4):
                    to = self.enter(at, move)
                    if to not in came:
                        came[to] = at, move
                        following.append(to)
            frontier = following
        return None

    @staticmethod
    def moves_to(state: State, came: dict[State, tuple[State, int] | None]) -> list[int]:
        """Back along where each state was reached from."""
        moves = []
        while (before := came[state]) is not None:
            state, move = before
            moves.append(move)
        return moves[::-1]

    def reachable(self, keys: int) -> set[Tile]:
        """What can be reached from the start with these keys alone."""
        reached, frontier = {self.start}, [self.start]
        while frontier:
            at = frontier.pop()
            for move in range(4):
                tile, _ = self.enter((at, keys), move)
                if tile not in reached:
                    reached.add(tile)
                    frontier.append(tile)
        return reached


def read_level(state: Any) -> Level:
    """Of an environment at the start of an episode."""
    tiles: NDArray[np.int8] = state.tiles
    places: dict[int, list[Tile]] = {int(v): [] for v in np.unique(tiles)}
    for row, column in np.argwhere(tiles != WALL).tolist():
        places[int(tiles[row, column])].append((row, column))
    keys = {at[0]: tile - KEY for tile, at in places.items() if tile >= KEY}
    doors = {at[0]: -tile - KEY for tile, at in places.items() if WALL < tile < 0}
    assert all(len(at) == 1 for tile, at in places.items() if tile not in (FLOOR, WALL))
    return Level(
        floor={at for found in places.values() for at in found},
        keys=keys,
        doors=doors,
        start=(int(state.row), int(state.column)),
        goal=(int(state.goal_row), int(state.goal_column)),
        shortest=int(state.shortest),
        size=(int(state.rows) // 2, int(state.columns) // 2),
        rank=int(state.rank),
    )


def all_levels(num_levels: int, **settings: float) -> Iterator[Level]:
    """By rank: with no spread, one difficulty is one level."""
    with puffer_envs.make("maze", num_levels, num_levels=num_levels, spread=0, **settings) as env:
        for i in range(num_levels):
            env._set("difficulty", i / max(1, num_levels - 1), [i])
        env.reset()
        for i in range(num_levels):
            level = read_level(env.state(i))
            assert level.rank == i
            yield level


# ---- Levels. ----

KINDS: dict[str, dict[str, float]] = {
    "default": {},
    "doors": {"doors": 4, "loops": 0.3},
    "small": {"width": 3, "height": 4, "doors": 4, "loops": 0.5},
    "least": {"width": 2, "height": 2, "doors": 4, "loops": 1},
    "bushes": {"branching": 1, "loops": 0, "level_seed": 5},
    "snakes": {"branching": 0, "loops": 0, "width": 14, "height": 5, "doors": 4},
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_level_can_be_solved_and_its_shortest_solution_is_known(kind: str) -> None:
    before = 0
    for level in all_levels(250, **KINDS[kind]):
        solution = level.solution((level.start, 0))
        assert solution is not None and len(solution) == level.shortest
        assert level.shortest >= before, "ranks are by the shortest solution"
        before = level.shortest
        check_doors(level)


def check_doors(level: Level) -> None:
    """Each door is the only way to the goal, and has one key; with all keys, one can go everywhere."""
    everything = 2**4 - 1
    assert level.reachable(everything) == level.floor
    assert set(level.keys.values()) == set(level.doors.values())
    for colour in level.doors.values():
        assert level.goal not in level.reachable(everything - (1 << colour))


@pytest.mark.parametrize(("loops", "doors"), [(0, 0), (0, 3), (1, 0)])
def test_shape_of_levels(loops: float, doors: int) -> None:
    """Rooms, and what is between them, on a grid; a tree without loops, and no inner wall with all of them."""
    sizes, counts = [], []
    for level in all_levels(200, loops=loops, doors=doors, width=9, height=7):
        height, width = level.size
        inner = {(r - SIGHT, c - SIGHT) for r, c in level.floor}
        assert all(0 <= r < 2 * height - 1 and 0 <= c < 2 * width - 1 and not r % 2 * c % 2 for r, c in inner)
        rooms = {tile for tile in inner if not tile[0] % 2 and not tile[1] % 2}
        passages = len(inner) - len(rooms)
        assert len(rooms) == height * width
        assert passages == (len(rooms) - 1 if loops == 0 else 2 * height * width - height - width)
        sizes.append(level.size)
        counts.append(len(level.doors))
    assert Counter(sizes).keys() >= {(3, 3), (7, 9)} and max(sizes) == (7, 9) and min(sizes) == (3, 3)
    assert set(counts) == set(range(doors + 1))


def test_the_goal_is_the_room_farthest_from_the_start() -> None:
    for level in all_levels(200, loops=0, doors=0):
        distances = {level.start: 0}
        queue = [level.start]
        for at in queue:
            for move in range(4):
                to, _ = level.enter((at, 0), move)
                if to not in distances:
                    distances[to] = distances[at] + 1
                    queue.append(to)
        assert distances[level.goal] == level.shortest
        assert distances[level.goal] == max(d for (r, c), d in distances.items() if r % 2 and c % 2)


def test_levels_are_the_same_in_every_run_and_differ_by_their_seed() -> None:
    def floors(**settings: float) -> list[set[Tile]]:
        return [level.floor for level in all_levels(50, **settings)]

    assert floors(seed=1) == floors(seed=2)
    assert sum(a == b for a, b in zip(floors(level_seed=1), floors(level_seed=2), strict=True)) < 15
    larger = {frozenset(level.floor) for level in all_levels(50, level_seed=7)}
    assert len(larger) > 35, "hardly two are the same, but for the smallest"


# ---- Steps. ----


@dataclass
class Rules:
    """One environment. `seen` counts what happened, so that a test can tell that it met every rule."""

    settings: dict[str, float]
    level: Level
    at: State = ((0, 0), 0)
    passed: int = 0
    tick: int = 0
    gain: float = 0
    lives: list[tuple[float, ...]] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)

    def begin(self, level: Level) -> None:
        self.level, self.at, self.passed, self.tick, self.gain = level, (level.start, 0), 0, 0, 0.0

    def planes(self) -> NDArray[np.int8]:
        (row, column), keys = self.at
        level = self.level
        walls, things, goal = np.zeros((3, VIEW, VIEW), dtype=np.int8)
        for r in range(VIEW):
            for c in range(VIEW):
                tile = row + r - SIGHT, column + c - SIGHT
                locked = tile in level.doors and not keys >> level.doors[tile] & 1
                walls[r, c] = tile not in level.floor or locked
                if tile in level.doors:
                    things[r, c] = -KEY - level.doors[tile]
                if tile in level.keys and not keys >> level.keys[tile] & 1:
                    things[r, c] = KEY + level.keys[tile]
        things[SIGHT, SIGHT] = keys
        down, right = level.goal[0] - row, level.goal[1] - column
        if max(abs(down), abs(right)) <= SIGHT:
            goal[SIGHT + down, SIGHT + right] = 2
            self.seen["goal in sight"] += 1
        elif self.settings["compass"]:
            goal[SIGHT + max(-SIGHT, min(SIGHT, down)), SIGHT + max(-SIGHT, min(SIGHT, right))] = 1
        return np.stack([walls, things, goal])

    def step(self, move: int) -> tuple[float, bool, bool]:
        level, before = self.level, self.at
        self.at = level.enter(before, move)
        self.tick += 1
        reward = 0.0
        tile, keys = self.at
        if keys != before[1]:
            reward += self.settings["reward_key"]
            self.seen["took a key"] += 1
        down, right = MOVES[move]
        target = before[0][0] + down, before[0][1] + right
        if target in level.doors:
            bit = 1 << level.doors[target]
            self.seen["locked door"] += tile != target
            self.seen["door again"] += tile == target and bool(self.passed & bit)
            if tile == target and not self.passed & bit:
                self.passed |= bit
                reward += self.settings["reward_door"]
                self.seen["passed a door"] += 1
        self.seen["wall"] += target not in level.floor
        self.seen["stood where a key was"] += tile in level.keys and keys == before[1]
        solved = tile == level.goal
        limit = self.settings["max_steps"] or 2 * len(level.floor)
        late = not solved and self.tick >= limit
        reward += solved
        self.gain += reward
        self.seen["solved"] += solved
        self.seen["late"] += late
        if solved or late:
            score = level.shortest / self.tick if solved else 0
            self.lives.append((solved, score, self.gain, self.tick, level.shortest, bin(keys).count("1")))
        return reward, solved, late


CASES = [
    *("goal in sight", "took a key", "locked door", "door again", "passed a door", "wall", "stood where a key was"),
    *("solved", "late"),
]
"""What the rules tell apart: each has to happen in the games below."""
GAMES: dict[str, dict[str, float]] = {
    "default": {},
    "doors": {"doors": 4, "spread": 0.2, "difficulty": 1, "reward_key": -0.25, "reward_door": 0.5},
    "blind": {"compass": 0, "max_steps": 60, "width": 7, "height": 15},
    "tiny": {"width": 2, "height": 3, "doors": 4, "spread": 1, "loops": 0.5},
}


def play(name: str, care: float, steps: int) -> Counter[str]:
    """Compare every output, step by step; `care` is how often a move is that of a shortest solution."""
    rng = np.random.default_rng(11)
    num_envs = 4
    with puffer_envs.make("maze", num_envs, seed=3, num_levels=100, **GAMES[name]) as env:
        env.reset()
        every = [Rules(env.settings, read_level(env.state(i))) for i in range(num_envs)]
        for i, rules in enumerate(every):
            rules.begin(read_level(env.state(i)))
        plans: list[list[int]] = [[] for _ in every]
        for step in range(steps):
            actions = rng.integers(0, 4, num_envs).astype(np.int32)
            for i in np.flatnonzero(rng.random(num_envs) < care):
                plans[i] = plans[i] or every[i].level.solution(every[i].at) or []
                actions[i] = plans[i].pop(0)
            env.step(actions)
            for i, rules in enumerate(every):
                where = f"{name}, care {care}, step {step}, environment {i}"
                before = rules.at
                reward, solved, late = rules.step(int(actions[i]))
                assert env.rewards[i] == np.float32(reward), where
                assert (env.terminals[i], env.truncations[i]) == (solved, late), where
                if care < 1 or rules.at == before:
                    plans[i] = []
                if solved or late:
                    np.testing.assert_array_equal(env.final_observations[i], rules.planes(), where)
                    rules.begin(read_level(env.state(i)))
                    plans[i] = []
                np.testing.assert_array_equal(env.observations[i], rules.planes(), where)
                assert (env.state(i).row, env.state(i).column) == rules.at[0], where
        check_log(env.log(), [life for rules in every for life in rules.lives])
    return sum((rules.seen for rules in every), Counter[str]())


def check_log(log: dict[str, float], lives: list[tuple[float, ...]]) -> None:
    if not lives:
        assert log == {}
        return
    names = ("perf", "score", "episode_return", "episode_length", "shortest", "keys")
    expected = dict(zip(names, np.mean(lives, axis=0).tolist(), strict=True)) | {"n": len(lives)}
    solved = [life for life in lives if life[0]]
    if solved:
        _, _, _, ticks, shortest, _ = np.mean(solved, axis=0)
        expected |= {"solved.n": len(solved), "solved.steps": ticks, "solved.shortest": shortest}
    assert log == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_rules() -> None:
    seen: Counter[str] = Counter()
    for name in GAMES:
        for care in (0.0, 0.7, 0.95):
            seen += play(name, care, steps=250)
    assert [case for case in CASES if seen[case] < 5] == []


# ---- Players. ----


def test_along_shortest_solutions_every_score_is_one() -> None:
    num_levels = 60
    levels = list(all_levels(num_levels, doors=4))
    plans = [level.solution((level.start, 0)) or [] for level in levels]
    with puffer_envs.make("maze", num_levels, num_levels=num_levels, doors=4, spread=0) as env:
        for i in range(num_levels):
            env._set("difficulty", i / (num_levels - 1), [i])
        env.reset()
        for step in range(levels[-1].shortest):
            env.step(np.array([plan[step] if step < len(plan) else 0 for plan in plans], dtype=np.int32))
            for i, plan in enumerate(plans):
                assert env.terminals[i] == (step == len(plan) - 1) or step >= len(plan)
        # those with short solutions continued straight up, and may have been cut off
        log = env.log()
        assert log["solved.n"] >= num_levels and log["solved.steps"] >= log["solved.shortest"]
    assert all(len(plan) == level.shortest for plan, level in zip(plans, levels, strict=True))


def follow_the_wall(walls: NDArray[np.int8], heading: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first of right, ahead, left, back that is free, for each agent: seen from the walls' plane alone."""
    clockwise = np.array([0, 3, 1, 2])  # up, right, down, left
    chosen = np.full(len(walls), -1)
    for turn in (1, 0, 3, 2):
        move = clockwise[(heading + turn) % 4]
        down, right = np.array(MOVES)[move].T
        free = walls[np.arange(len(walls)), SIGHT + down, SIGHT + right] == 0
        chosen = np.where((chosen < 0) & free, (heading + turn) % 4, chosen)
    return chosen


def test_a_hand_on_the_wall_solves_every_tree_and_chance_does_not() -> None:
    """It goes along each passage twice at most: within the limit that levels bring."""
    clockwise = np.array([0, 3, 1, 2])
    settings = {"doors": 0, "loops": 0, "spread": 1.0, "num_levels": 500}
    perf = {}
    for player in ("hand", "chance"):
        rng = np.random.default_rng(0)
        with puffer_envs.make("maze", 200, seed=1, **settings) as env:
            env.reset()
            heading = np.zeros(200, dtype=np.int64)
            for _ in range(800):
                heading = follow_the_wall(env.observations[:, 0], heading)
                random = rng.integers(0, 4, 200)
                env.step((clockwise[heading] if player == "hand" else random).astype(np.int32))
            perf[player] = env.log()["perf"]
    assert perf["hand"] == 1
    assert perf["chance"] < 0.5


# ---- Difficulty. ----


def window(env: puffer_envs.Environment) -> tuple[int, int]:
    ranks = [int(env.state(i).rank) for i in range(env.num_envs)]
    return min(ranks), max(ranks)


@pytest.mark.parametrize(
    ("difficulty", "spread", "first", "last"),
    [(0, 0.25, 0, 24), (1, 0.25, 75, 99), (0.5, 0.5, 25, 74), (0.5, 0, 50, 50), (0.3, 1, 0, 99), (1, 0, 99, 99)],
)
def test_window_of_levels(difficulty: float, spread: float, first: int, last: int) -> None:
    with puffer_envs.make("maze", 2000, num_levels=100, difficulty=difficulty, spread=spread, seed=1) as env:
        env.reset()
        assert window(env) == (first, last)
        ranks = np.array([int(env.state(i).rank) for i in range(2000)])
        counts = np.bincount(ranks - first, minlength=last - first + 1)
        assert (abs(counts - counts.mean()) < 6 * np.sqrt(counts.mean())).all(), "each has the same chance"


def test_difficulty_pushed_while_running_gives_longer_levels() -> None:
    """In the episodes that begin later, and only in these."""
    rng = np.random.default_rng(5)
    shortest = {}
    with vector.make("maze", 64, backend="threads", workers=2, spread=0.1, max_steps=50, difficulty=0) as env:
        env.reset(1)
        for difficulty in (0, 0.3, 0.7, 1.0):
            env.set("difficulty", difficulty)
            env.log()
            for _ in range(50):  # the episodes that are under way end as they began
                env.step(rng.integers(0, 4, 64).astype(np.int32))
            before = env.log()["shortest"]
            for _ in range(150):
                env.step(rng.integers(0, 4, 64).astype(np.int32))
            shortest[difficulty] = env.log()["shortest"]
            assert before <= shortest[difficulty]
        assert shortest[0] < 10
        assert shortest[0] + 10 < shortest[0.3] < shortest[0.7] - 10 < shortest[1.0] - 20
        with pytest.raises(ValueError, match="fixed"):
            env.set("doors", 1)


# ---- Extremes. ----

EXTREMES: list[dict[str, float]] = [
    {"width": 512, "height": 512, "num_levels": 2, "doors": 4, "difficulty": 1},
    {"width": 2, "height": 2, "num_levels": 1, "doors": 4},
    {"width": 2, "height": 512, "num_levels": 3, "difficulty": 1, "spread": 0},
    {"width": 512, "height": 2, "num_levels": 3, "loops": 1, "branching": 1, "difficulty": 1},
    {"width": 3, "height": 3, "num_levels": 65536, "level_seed": 1e9, "spread": 1},
]


@pytest.mark.parametrize("settings", EXTREMES)
def test_extreme_settings_step(settings: dict[str, float]) -> None:
    with puffer_envs.make("maze", 8, seed=2, **settings) as env:
        env.reset()
        rng = np.random.default_rng(3)
        for _ in range(200):
            env.step(rng.integers(0, 4, 8).astype(np.int32))
            assert env.single_observation_space.contains(env.observations[0])


def test_a_very_large_level_is_solved_by_its_shortest_solution() -> None:
    (level,) = all_levels(1, width=90, height=60, doors=2)
    assert len(level.solution((level.start, 0)) or []) == level.shortest


def test_too_large_a_buffer_is_refused() -> None:
    with pytest.raises(ValueError, match="more than 1 GB"):
        puffer_envs.make("maze", width=512, height=512, num_levels=2000)


class Interrupted(BaseException):
    """Raised by the test's signal handler."""


@pytest.mark.skipif(not hasattr(signal, "SIGUSR2"), reason="there is no such signal")
def test_making_levels_lets_other_threads_run_and_can_be_interrupted() -> None:
    """A second thread sees that levels are being made, and interrupts it then."""
    made = threading.Event()

    def makers() -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if thread.name == "puffer-assets" and thread.is_alive()]

    def system_threads() -> int:
        return len(list(Path("/proc/self/task").glob("*")))

    def watch() -> None:
        while not made.is_set() and not makers():
            time.sleep(0.001)
        time.sleep(0.1)  # its start is over then
        if not made.is_set():
            os.kill(os.getpid(), signal.SIGUSR2)

    def interrupt(*_: object) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGUSR2, interrupt)
    watcher, threads = threading.Thread(target=watch), system_threads()
    watcher.start()
    try:
        with pytest.raises(Interrupted):
            puffer_envs.make("maze", num_levels=60, width=512, height=512)
        watcher.join()
        # Python 3.11 takes a thread whose join was interrupted for one that has ended (bpo-45274)
        assert system_threads() > threads or not Path("/proc/self/task").exists(), "it was not waited for"
    finally:
        made.set()
        watcher.join()
        signal.signal(signal.SIGUSR2, before)

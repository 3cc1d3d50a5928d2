"""lantern against its rules, written a second time: walls as line segments, and a body that moves tick by tick."""

from __future__ import annotations

import importlib.util
import math
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import puffer_envs

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def load(file: str) -> Any:
    """A module of the benchmarks, whose folder is on nobody's path."""
    spec = importlib.util.spec_from_file_location("lantern_" + Path(file).stem, BENCHMARKS / file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


players, scripted = load("players.py"), load("scripted/lantern.py")

Array = NDArray[np.float64]
TICK, THRUST, DRAG, TOP_SPEED = 1 / 30, 4.0, 1.25, 3.2
KEEP, GAIN = 1 - DRAG * TICK, THRUST * TICK
RADIUS, SKIN, BOUNCE, FADE = 0.2, 2**-10, 0.3, 0.8
LIGHT, STILL, SIGHT, GLOW = 0.5, 0.3, 6.0, 2.5
COLOURS, RAYS, PITCH = 4, 16, 4
SIDES = [(-1, 0), (1, 0), (0, -1), (0, 1)]


# ---- Levels. ----


@dataclass
class Level:
    """A maze: tiles to be on, and places in metres."""

    floor: NDArray[np.bool_]
    gates: Array
    lantern: Array
    rank: int

    def rooms(self) -> dict[tuple[int, int], list[tuple[int, int]]]:
        """Rooms by row and column, and those behind their doors."""
        middles = {(i, j) for i in range(7) for j in range(7) if self.floor[PITCH * i + 2, PITCH * j + 2]}
        return {
            (i, j): [(i + a, j + b) for a, b in SIDES if self.floor[PITCH * i + 2 + 2 * a, PITCH * j + 2 + 2 * b]]
            for i, j in middles
        }

    def room_of(self, place: Array) -> tuple[int, int]:
        return int(place[1]) // PITCH, int(place[0]) // PITCH


def read_level(state: Any) -> Level:
    bits = np.asarray(state.rows).reshape(-1)
    floor = (bits[:, None] >> np.arange(32, dtype=np.uint32) & 1).astype(bool)
    gates, lantern = np.asarray(state.gates, np.float64), np.asarray(state.lantern, np.float64).reshape(-1)
    return Level(floor, gates, lantern, int(state.rank))


def all_levels(num_levels: int, **settings: float) -> list[tuple[Level, Any]]:
    """By rank, with the state at the start: with no spread, one difficulty is one level."""
    with puffer_envs.make("lantern", num_levels, num_levels=num_levels, spread=0, **settings) as env:
        for i in range(num_levels):
            env._set("difficulty", i / max(1, num_levels - 1), [i])
        env.reset()
        return [(read_level(env.state(i)), env.state(i)) for i in range(num_levels)]


def walk(level: Level, start: Array) -> NDArray[np.int64]:
    """Steps to each tile, straight or diagonally but not across corners; -1 where there is no way."""
    steps = np.full(level.floor.shape, -1)
    frontier, count = [(int(start[1]), int(start[0]))], 0
    while frontier:
        for tile in frontier:
            steps[tile] = count
        following = set()
        for r, c in frontier:
            for a in (-1, 0, 1):
                for b in (-1, 0, 1):
                    ways = level.floor[r + a, c + b] and level.floor[r + a, c] and level.floor[r, c + b]
                    if ways and steps[r + a, c + b] < 0:
                        following.add((r + a, c + b))
        frontier, count = sorted(following), count + 1
    return steps


@pytest.mark.parametrize("loops", [0.0, 0.1, 1.0])
def test_levels_are_mazes_that_lead_everywhere_ranked_by_rooms_and_the_way(loops: float) -> None:
    before = (0, 0)
    sizes = set()
    for number, (level, state) in enumerate(all_levels(120, loops=loops, rooms=25)):
        rooms = level.rooms()
        sizes.add(len(rooms))
        assert level.rank == number
        tiles = 9 * len(rooms) + sum(len(doors) for doors in rooms.values()) // 2
        steps = walk(level, level.lantern)
        assert level.floor.sum() == tiles == (steps >= 0).sum(), "rooms and doors, nothing else, and all connected"
        doors = sum(len(behind) for behind in rooms.values()) // 2
        assert doors >= len(rooms) - 1
        assert loops > 0 or doors == len(rooms) - 1, "a tree"
        place = np.array([float(state.x), float(state.y)])
        middle = np.array(level.room_of(place))[::-1] * PITCH + 2.5
        way = COLOURS * steps[int(middle[1]), int(middle[0])] + sum(steps[int(y), int(x)] for x, y in level.gates)
        assert (len(rooms), way) >= before
        before = len(rooms), way
    assert sizes == set(range(1, 26))


def test_gates_are_in_dead_ends_from_which_the_lantern_is_not_seen() -> None:
    """In one, up to seven rooms; then each in its own, and the lantern has to be found."""
    for level, state in all_levels(200, rooms=16):
        rooms = level.rooms()
        homes = {level.room_of(gate) for gate in level.gates}
        assert len(homes) == (1 if len(rooms) < 8 else COLOURS)
        assert len({tuple(gate) for gate in level.gates.tolist()}) == COLOURS
        start = np.array([float(state.x), float(state.y)])
        assert np.hypot(*(level.gates - start).T).min() > LIGHT, "nobody begins in a gate"
        if len(rooms) > 1:
            assert all(len(rooms[home]) == 1 for home in homes)
            assert level.room_of(start) not in homes
            assert level.room_of(level.lantern) not in homes
            assert (level.room_of(level.lantern) == level.room_of(start)) == (len(rooms) < 8)
            assert np.hypot(*(level.gates - level.lantern).T).min() > GLOW + LIGHT


def test_levels_are_the_same_in_every_run_and_differ_by_their_seed() -> None:
    def floors(**settings: float) -> list[bytes]:
        return [level.floor.tobytes() for level, _ in all_levels(40, **settings)]

    assert floors(seed=1) == floors(seed=2)
    assert sum(a == b for a, b in zip(floors(level_seed=1), floors(level_seed=2), strict=True)) < 12


def test_every_colour_is_as_likely_at_every_gate_and_in_the_lantern() -> None:
    with puffer_envs.make("lantern", 6000, num_levels=30, seed=2) as env:
        env.reset()
        states = [env.state(i) for i in range(6000)]
    orders = Counter(tuple(np.asarray(state.gate_colour).tolist()) for state in states)
    assert len(orders) == 24 and all(set(order) == {0, 1, 2, 3} for order in orders)
    pairs = Counter((int(state.colour), int(state.gate_colour[0])) for state in states)
    assert len(pairs) == 16
    for counts in (orders, pairs):
        mean = 6000 / len(counts)
        assert all(abs(count - mean) < 5 * math.sqrt(mean) for count in counts.values())


# ---- What rays meet. ----


def segments(floor: NDArray[np.bool_]) -> Array:
    """The edges between floor and wall: rows of x0, y0, x1, y1."""
    found = []
    for r, c in np.argwhere(floor).tolist():
        found += [(c, r, c + 1, r)] if not floor[r - 1, c] else []
        found += [(c, r + 1, c + 1, r + 1)] if not floor[r + 1, c] else []
        found += [(c, r, c, r + 1)] if not floor[r, c - 1] else []
        found += [(c + 1, r, c + 1, r + 1)] if not floor[r, c + 1] else []
    return np.array(found, np.float64)


def cast(at: Array, rays: Array, walls: Array) -> Array:
    """Metres to the nearest segment along each ray, at most SIGHT."""
    start, step = walls[:, :2] - at, walls[:, 2:] - walls[:, :2]
    cross = rays[:, :1] * step[:, 1] - rays[:, 1:] * step[:, 0]
    cross = np.where(np.abs(cross) < 1e-12, np.nan, cross)
    along = (start[:, 0] * step[:, 1] - start[:, 1] * step[:, 0]) / cross
    share = (start[:, 0] * rays[:, 1:] - start[:, 1] * rays[:, :1]) / cross
    with np.errstate(invalid="ignore"):
        hits = np.where((share >= -1e-9) & (share <= 1 + 1e-9) & (along >= 0), along, SIGHT)
    return np.minimum(hits.min(1), SIGHT)


def disc(at: Array, rays: Array, middle: Array) -> Array:
    """Metres to the disc of light around a place along each ray; infinite where it is missed."""
    to = middle - at
    if math.hypot(*to) < LIGHT:
        return np.zeros(len(rays))
    along = rays @ to
    miss = np.hypot(*to) ** 2 - along**2
    with np.errstate(invalid="ignore"):
        return np.where((along > 0) & (miss < LIGHT**2), along - np.sqrt(LIGHT**2 - miss), np.inf)


def directions(turn: float) -> Array:
    """Unit vectors of the rays, turned a little."""
    angles = np.arange(RAYS) * 2 * math.pi / RAYS + turn
    return np.stack([np.cos(angles), np.sin(angles)], 1)


# ---- Steps. ----


@dataclass
class Rules:
    """One environment. `seen` counts what happened, so that a test can tell that it met every rule."""

    settings: dict[str, Any]
    lives: list[tuple[float, ...]] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)

    def begin(self, state: Any) -> None:
        self.level = read_level(state)
        self.walls = segments(self.level.floor)
        self.at, self.velocity = np.array([float(state.x), float(state.y)]), np.zeros(2)
        self.bump, self.tick, self.resting, self.gain = np.zeros(2), 0, 0, 0.0
        self.visited = {(int(self.at[0]), int(self.at[1]))}
        self.colour, self.colours = int(state.colour), np.asarray(state.gate_colour).tolist()
        rooms = len(self.level.rooms())
        self.limit = math.floor(self.settings["patience"] * 2 * PITCH * rooms * 2 / TOP_SPEED / TICK + 1e-3) + 1
        share = self.level.rank / (0.3 * (self.settings["num_levels"] - 1))
        self.needed = 1 + math.floor((self.settings["rest"] - 1) * min(1.0, share) + 0.5)
        assert abs(self.limit - int(state.limit)) <= 1 and self.needed == int(state.needed)
        self.limit = int(state.limit)

    def in_wall(self, at: Array) -> bool:
        return any(
            not self.level.floor[int(at[1] + b), int(at[0] + a)] for a in (-RADIUS, RADIUS) for b in (-RADIUS, RADIUS)
        )

    def move(self, thrust: Array) -> None:
        self.velocity = self.velocity * KEEP + GAIN * thrust
        self.bump = self.bump * FADE
        for axis in (0, 1):
            to = self.at.copy()
            to[axis] += self.velocity[axis] * TICK
            if self.in_wall(to):
                speed = self.velocity[axis]
                front = math.floor(to[axis] + math.copysign(RADIUS, speed))
                to[axis] = front - RADIUS - SKIN if speed > 0 else front + 1 + RADIUS + SKIN
                self.bump[axis], self.velocity[axis] = speed, -BOUNCE * speed
                self.seen["bump"] += 1
            self.at = to

    def visit(self) -> float:
        """What the tile is worth that the body is on now."""
        tile = int(self.at[0]), int(self.at[1])
        first = tile not in self.visited
        self.visited.add(tile)
        self.seen["new tile"] += first
        return float(first * self.settings["reward_tile"])

    def rest(self) -> int | None:
        """The gate that is entered now."""
        inside = [g for g, gate in enumerate(self.level.gates) if math.hypot(*(gate - self.at)) < LIGHT]
        rests = bool(inside) and math.hypot(*self.velocity) < STILL
        self.seen["stopped resting"] += self.resting > 0 and not rests
        self.seen["passed a gate"] += bool(inside) and not rests
        self.resting = self.resting + 1 if rests else 0
        return inside[0] if self.resting >= self.needed else None

    def step(self, thrust: Array) -> tuple[float, bool, bool]:
        reward, gate, late = 0.0, None, False
        for _ in range(self.settings["frameskip"]):
            self.move(thrust)
            self.tick += 1
            reward += self.visit()
            gate = self.rest()
            late = gate is None and self.tick >= self.limit
            if late or gate is not None:
                break
        right = gate is not None and self.colours[gate] == self.colour
        if gate is not None:
            self.seen["right" if right else "wrong"] += 1
            reward += 1.0 if right else -self.settings["penalty"]
        self.seen["late"] += late
        self.gain += reward
        if late or gate is not None:
            self.lives.append((float(right), self.gain, math.ceil(self.tick / self.settings["frameskip"])))
        return reward, gate is not None, late

    def observe(self, turn: float = 0.0) -> Array:
        rays = directions(turn)
        walls = cast(self.at, rays, self.walls)

        def sight(light: Array, reach: float) -> Array:
            near = math.hypot(*(light - self.at)) < reach
            if not near or not (disc(self.at, rays, light) < walls).any():
                return np.zeros(3)
            to = light - self.at
            return np.array([*(to / (1 + math.hypot(*to))), 1.0])

        lantern = sight(self.level.lantern, self.settings["glow"])
        by_colour = [self.level.gates[self.colours.index(colour)] for colour in range(COLOURS)]
        gates = np.array([sight(gate, SIGHT + LIGHT) for gate in by_colour])
        self.seen["saw the lantern"] += lantern[2] > 0
        self.seen["saw a gate"] += gates[:, 2].any()
        colour = lantern[2] * self.settings["beacon"] * np.eye(COLOURS)[self.colour]
        seen = [1 - walls / SIGHT, lantern[:2], colour, gates[:, :2].ravel(), gates[:, 2]]
        moves = [*(self.velocity / TOP_SPEED), *(self.bump / TOP_SPEED), self.resting / self.needed]
        return np.concatenate([*seen, moves, [1 - self.tick / self.limit]])


CASES = [
    *("bump", "stopped resting", "passed a gate", "new tile", "right", "wrong", "late"),
    *("saw the lantern", "saw a gate"),
]
"""What the rules tell apart: each has to happen in the games below."""
GAMES: dict[str, dict[str, Any]] = {
    "default": {},
    "small": {"difficulty": 0, "spread": 0.1, "rooms": 9, "frameskip": 1, "patience": 0.7, "rest": 9},
    "white": {"beacon": 0, "difficulty": 0, "penalty": 0, "frameskip": 7, "reward_tile": 0.125, "glow": 5},
    "large": {"rooms": 49, "loops": 0.5, "difficulty": 1, "patience": 0.1},
}


def play(name: str, steps: int) -> Counter[str]:
    """Compare every output, step by step. Half of the players drift with noise, half explore."""
    rng = np.random.default_rng(11)
    num_envs = 6
    with puffer_envs.make("lantern", num_envs, seed=3, num_levels=60, **GAMES[name]) as env:
        env.reset()
        explore = scripted.explorer(remembers=False)(env)
        every = [Rules(env.settings) for _ in range(num_envs)]
        for i, rules in enumerate(every):
            rules.begin(env.state(i))
        drift = np.zeros((num_envs, 2))
        for step in range(steps):
            drift = 0.8 * drift + 0.4 * rng.standard_normal(drift.shape)
            actions = np.where(np.arange(num_envs)[:, None] < 2, np.clip(drift, -1, 1), explore()).astype(np.float32)
            env.step(actions)
            for i, rules in enumerate(every):
                where = f"{name}, step {step}, environment {i}"
                reward, over, late = rules.step(actions[i].astype(np.float64))
                assert env.rewards[i] == pytest.approx(reward), where
                assert (env.terminals[i], env.truncations[i]) == (over, late), where
                compare((env.final_observations if over or late else env.observations)[i], rules, where)
                if over or late:
                    rules.begin(env.state(i))
                    compare(env.observations[i], rules, where)
                else:  # the second telling has more digits: begin each step from the same place
                    rules.at = np.array([env.state(i).x, env.state(i).y], np.float64)
                    rules.velocity = np.array([env.state(i).vx, env.state(i).vy], np.float64)
                    assert rules.resting == env.state(i).resting, where
        check_log(env.log(), [life for rules in every for life in rules.lives])
    return sum((rules.seen for rules in every), Counter[str]())


def compare(observation: NDArray[np.float32], rules: Rules, where: str) -> None:
    """Rays that just graze something may meet it or not: where there is a difference, turn them a little both ways."""
    expected = rules.observe()
    if np.abs(observation - expected).max() > 2e-5:
        around = np.stack([expected, rules.observe(-1e-5), rules.observe(1e-5)])
        inside = (observation > around.min(0) - 2e-5) & (observation < around.max(0) + 2e-5)
        assert inside.all(), (where, np.flatnonzero(~inside))


def check_log(log: dict[str, float], lives: list[tuple[float, ...]]) -> None:
    perf, gain, length = np.mean(lives, axis=0)
    assert log["n"] == len(lives)
    assert log["perf"] == pytest.approx(perf)
    assert log["episode_return"] == pytest.approx(gain, abs=1e-5)
    assert log["episode_length"] == pytest.approx(length)


def test_every_step_follows_the_rules() -> None:
    seen = sum((play(name, 350) for name in GAMES), Counter[str]())
    assert [case for case in CASES if seen[case] < 5] == []


def test_constant_thrust_gives_the_speed_of_the_formula() -> None:
    """v after n ticks is a h (1 - k^n) / (1 - k), with k = 1 - drag h; the place is the sum of the speeds."""
    with puffer_envs.make("lantern", 64, seed=1, frameskip=1, rooms=1) as env:
        env.reset()
        start = np.array([env.state(i).x for i in range(64)])
        free = 0
        for n in range(1, 25):
            env.step(np.tile(np.array([0.5, 0], np.float32), (64, 1)))
            speed = 0.5 * GAIN * (1 - KEEP**n) / (1 - KEEP)
            way = sum(0.5 * GAIN * (1 - KEEP**i) / (1 - KEEP) for i in range(1, n + 1)) * TICK
            for i in np.flatnonzero(start + way < 3.75):  # before the wall of its room
                free += 1
                assert env.state(i).vx == pytest.approx(speed, rel=1e-5)
                assert env.state(i).x - start[i] == pytest.approx(way, abs=1e-5)
        assert free > 500


def test_held_thrust_is_the_same_as_single_ticks() -> None:
    rng = np.random.default_rng(0)
    thrusts = rng.uniform(-1, 1, (60, 8, 2)).astype(np.float32)
    with (
        puffer_envs.make("lantern", 8, seed=4, frameskip=5, difficulty=1) as held,
        puffer_envs.make("lantern", 8, seed=4, frameskip=1, difficulty=1) as single,
    ):
        held.reset()
        single.reset()
        for thrust in thrusts:
            held.step(thrust)
            for _ in range(5):
                single.step(thrust)
            np.testing.assert_array_equal(held.observations, single.observations)


def fly(steps: int) -> None:
    """Never in a wall, never faster than thrust allows, and every bounce loses energy."""
    count = 500
    rng = np.random.default_rng(5)
    with puffer_envs.make("lantern", count, seed=9, frameskip=1, num_levels=64, spread=1) as env:
        env.reset()
        drift, bumps = np.zeros((count, 2)), 0
        before = env.observations[:, 34:38].copy()
        for _ in range(steps // count):
            drift = 0.95 * drift + 0.3 * rng.standard_normal(drift.shape)
            thrust = np.clip(drift, -1, 1).astype(np.float32)
            env.step(thrust)
            seen = env.observations
            assert (seen[:, [0, 4, 8, 12]] < 1 - RADIUS / SIGHT + 1e-6).all(), "in a wall"
            on = ~(env.terminals | env.truncations)
            speed, bump = seen[on, 34:36], seen[on, 36:38]
            free = KEEP * before[on, :2] + GAIN / TOP_SPEED * thrust[on]
            hit = np.abs(speed - free) > 1e-6
            np.testing.assert_allclose(bump[~hit], FADE * before[on, 2:][~hit], atol=1e-6)
            np.testing.assert_allclose(bump[hit], free[hit], atol=1e-6)
            np.testing.assert_allclose(speed[hit], -BOUNCE * free[hit], atol=1e-6)
            assert (np.abs(speed) <= 1).all()
            bumps += int(hit.sum())
            before = seen[:, 34:38].copy()
        assert bumps > steps / 200


def test_the_body_is_never_in_a_wall_and_no_bounce_gains_energy() -> None:
    fly(300_000)


@pytest.mark.slow
def test_the_same_over_ten_million_steps() -> None:
    fly(10_000_000)


# ---- Players. ----


@pytest.mark.parametrize("difficulty", [1 / 3, 1.0])
@pytest.mark.parametrize("player", ["white noise", "1 s noise", "3 s noise", "10 s noise", "constant"])
def test_noise_hardly_ever_wins_above_the_easy_ranks(player: str, difficulty: float) -> None:
    """Under 1 %: of the mazes from 0.3 on, in the easiest and in the hardest tenth."""
    window = {"difficulty": difficulty, "spread": 0.1}
    log = players.play("lantern", scripted.PLAYERS[player], 1000, 1400, window)
    assert log["episodes"] >= 900
    assert log["perf"] < 0.01


def test_without_the_colour_nobody_is_right_more_than_once_in_four() -> None:
    blind = players.play("lantern", scripted.PLAYERS["colour-blind"], 40, 500, {"spread": 1})
    assert blind["episodes"] > 100
    assert blind["perf"] < 0.25 + 4 * math.sqrt(0.25 * 0.75 / blind["episodes"])


def test_an_explorer_with_memory_solves_all_in_time() -> None:
    log = players.play("lantern", scripted.PLAYERS["explorer"], 60, 500, {"spread": 1, "level_seed": 3, "rooms": 16})
    assert log["episodes"] > 80
    assert log["perf"] == 1
    assert 0.2 < log["score"] <= 1


# ---- Difficulty. ----


@pytest.mark.parametrize(
    ("difficulty", "spread", "first", "last"),
    [(0, 0.25, 0, 24), (1, 0.25, 75, 99), (0.5, 0.5, 25, 74), (0.5, 0, 50, 50), (0.3, 1, 0, 99)],
)
def test_window_of_levels(difficulty: float, spread: float, first: int, last: int) -> None:
    with puffer_envs.make("lantern", 1500, num_levels=100, difficulty=difficulty, spread=spread, seed=1) as env:
        env.reset()
        ranks = [int(env.state(i).rank) for i in range(1500)]
    assert (min(ranks), max(ranks)) == (first, last)


def test_the_time_of_rest_grows_over_the_easy_ranks() -> None:
    needed = [int(state.needed) for _, state in all_levels(101, rest=31)]
    assert needed[0] == 1 and needed[15] == 16 and needed[30] == needed[100] == 31
    assert needed == sorted(needed)


@pytest.mark.parametrize(
    "settings",
    [
        {"rooms": 49, "num_levels": 3, "difficulty": 1, "spread": 0, "loops": 1},
        {"rooms": 1, "num_levels": 1, "rest": 1000},
        {"rooms": 2, "num_levels": 5000, "spread": 1, "frameskip": 12, "patience": 0.1, "rest": 1},
        {"rooms": 30, "patience": 100, "penalty": 1, "beacon": 0},
    ],
)
def test_extreme_settings_step(settings: dict[str, Any]) -> None:
    rng = np.random.default_rng(3)
    with puffer_envs.make("lantern", 8, seed=2, **settings) as env:
        env.reset()
        for _ in range(300):
            env.step(rng.uniform(-1, 1, (8, 2)).astype(np.float32))
            assert env.single_observation_space.contains(env.observations[0])

"""tanks against its rules, written a second time: one thing after another, shells traced with exact fractions."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import puffer_envs

CELL, TURN, RADIUS, TOUCH = 512, 64, 171, 180
FORWARD, BACK, SPEED_UP, SHELL = 40, 24, 8, 80
STAY, GO, REVERSE = 0, 1, 2
STRAIGHT, LEFT, RIGHT = 0, 1, 2
OWN, WHISKERS, ENEMIES, MATES, SHELLS = 12, 13, 3, 2, 3
ENEMY, MATE, DANGER = 7, 6, 5
ANGLES = [0, 3, -3, 7, -7, 12, -12, 18, -18, 24, -24, 30, -30]
WHISKER_RANGE, SIGHT, FAR, DANGER_RANGE = 8 * CELL, 10 * CELL, 16 * CELL, 6 * CELL
Walls = NDArray[np.bool_]


def even_part(length: int, heading: int, quarter: int) -> int:
    """`length` along an axis, to the nearest even number. The sines are rounded to 14 bits first."""
    sine = round(16384 * math.sin(math.tau * ((heading + quarter) % TURN) / TURN))
    exact = abs(Fraction(length * sine, 2 * 16384))
    nearest = math.floor(exact + Fraction(1, 2))
    return 2 * nearest * (1 if length * sine > 0 else -1)


def walls_of(state: Any) -> Walls:
    """(rows, columns), border included."""
    rows, columns = int(state.height) + 2, int(state.width) + 2
    return np.array([[int(word) >> column & 1 for column in range(columns)] for word in state.rows[:rows]], dtype=bool)


def trace(walls: Walls, x: int, y: int, vx: int, vy: int, seen: Counter[str]) -> tuple[int, int, int, int, int]:
    """Fly for one frame, from border to border in exact fractions of it. Returns place, velocity, ricochets."""
    at_x, at_y, rest = Fraction(x), Fraction(y), Fraction(1)
    column, row, bounces = x // CELL, y // CELL, 0
    while True:
        side_x, side_y = (vx > 0) - (vx < 0), (vy > 0) - (vy < 0)
        until_x = (Fraction((column + (vx > 0)) * CELL) - at_x) / vx if vx else Fraction(10)
        until_y = (Fraction((row + (vy > 0)) * CELL) - at_y) / vy if vy else Fraction(10)
        until = min(until_x, until_y)
        if until > rest:
            at_x, at_y = at_x + vx * rest, at_y + vy * rest
            assert at_x.denominator == at_y.denominator == 1
            return int(at_x), int(at_y), vx, vy, bounces
        at_x, at_y, rest = at_x + vx * until, at_y + vy * until, rest - until
        if until_x == until_y:
            beside, below = walls[row, column + side_x], walls[row + side_y, column]
            corner = walls[row + side_y, column + side_x] and not beside and not below
            hit_x, hit_y = bool(beside or corner), bool(below or corner)
            seen["corner"] += 1
            seen["off a corner"] += corner
        else:
            hit_x = until == until_x and bool(walls[row, column + side_x])
            hit_y = until == until_y and bool(walls[row + side_y, column])
        column += 0 if hit_x or until_x != until else side_x
        row += 0 if hit_y or until_y != until else side_y
        vx, vy = (-vx if hit_x else vx), (-vy if hit_y else vy)
        bounces += hit_x + hit_y
        seen["ricochet"] += hit_x or hit_y
        seen["two walls in a frame"] += bounces == 2


@dataclass
class Shell:
    x: int
    y: int
    vx: int
    vy: int
    owner: int
    bounces: int = 0


class Rules:
    """One round of a world, begun from the environment's state right after a reset."""

    def __init__(self, state: Any, settings: dict[str, Any], seen: Counter[str]) -> None:
        self.settings, self.seen, self.walls = settings, seen, walls_of(state)
        self.size = int(settings["team_size"])
        tanks = range(2 * self.size)
        self.x, self.y = [int(state.x[i]) for i in tanks], [int(state.y[i]) for i in tanks]
        self.heading = [int(state.heading[i]) for i in tanks]
        self.speed, self.reload, self.hits = ([0 for _ in tanks] for _ in range(3))
        self.alive, self.blocked = [True for _ in tanks], [False for _ in tanks]
        self.shells: list[Shell] = []
        self.tick = 0

    def team(self, i: int) -> int:
        return i // self.size

    def left(self) -> list[int]:
        return [sum(self.alive[: self.size]), sum(self.alive[self.size :])]

    def step(self, actions: NDArray[np.int32]) -> tuple[list[float], bool, bool]:
        before, hits = self.left(), list(self.hits)
        self.tick += 1
        self.drive(actions)
        self.fire(actions)
        for _ in range(2):
            self.fly()
        left = self.left()
        won, lost = left[1] == 0, left[0] == 0
        lead = (left[0] - left[1]) - (before[0] - before[1])
        gain = lead * self.settings["reward_tank"] / self.size + won - lost
        rewards = [
            (gain, -gain)[self.team(i)] + (self.hits[i] - hits[i]) * self.settings["reward_hit"]
            for i in range(2 * self.size)
        ]
        over = won or lost
        self.seen["draw by both"] += won and lost
        return rewards, over, not over and self.tick >= self.settings["max_steps"]

    def drive(self, actions: NDArray[np.int32]) -> None:
        tanks = range(len(self.x))
        wants = {}
        for i in tanks:
            if not self.alive[i]:
                self.blocked[i] = False
                continue
            aim = {STAY: 0, GO: FORWARD, REVERSE: -BACK}[int(actions[i, 0])]
            self.speed[i] += max(-SPEED_UP, min(SPEED_UP, aim - self.speed[i]))
            self.heading[i] = (self.heading[i] + {STRAIGHT: 0, LEFT: -1, RIGHT: 1}[int(actions[i, 1])]) % TURN
            wants[i] = even_part(self.speed[i], self.heading[i], 16), even_part(self.speed[i], self.heading[i], 0)
            self.blocked[i] = False
        for axis, own in enumerate((self.x, self.y)):
            goal = {i: self.slide(i, axis, want[axis]) for i, want in wants.items()}
            other = (self.y, self.x)[axis]
            stops = {
                i
                for i, end in goal.items()
                for j, others_end in goal.items()
                for there in (own[j], others_end)
                if i != j and end != own[i] and (end - there) ** 2 + (other[i] - other[j]) ** 2 < (2 * RADIUS) ** 2
            }
            for i, end in goal.items():
                cut = end != own[i] + wants[i][axis]
                self.seen["wall in the way"] += cut
                self.seen["tank in the way"] += i in stops
                self.blocked[i] |= cut or i in stops
                if i not in stops:
                    own[i] = end

    def slide(self, i: int, axis: int, want: int) -> int:
        """As far as the square is inside no wall. Walls are thicker than a step: only a way that ends in one is cut."""
        x, y = self.x[i], self.y[i]
        side = (want > 0) - (want < 0)
        ways = [(x + side * done, y) if axis == 0 else (x, y + side * done) for done in range(abs(want) + 1)]
        end = ways[-1] if not self.in_wall(*ways[-1]) else next(w for w in reversed(ways) if not self.in_wall(*w))
        return end[axis]

    def in_wall(self, x: int, y: int) -> bool:
        """Whether the inside of the square around (x, y) has a part inside a wall."""
        rows = slice((y - RADIUS) // CELL, (y + RADIUS - 1) // CELL + 1)
        columns = slice((x - RADIUS) // CELL, (x + RADIUS - 1) // CELL + 1)
        return bool(self.walls[rows, columns].any())

    def fire(self, actions: NDArray[np.int32]) -> None:
        for i in range(len(self.x)):
            self.reload[i] = max(0, self.reload[i] - 1)
            flying = sum(shell.owner == i for shell in self.shells)
            if actions[i, 2] and self.alive[i] and not self.reload[i] and flying < self.settings["max_shells"]:
                vx, vy = even_part(SHELL, self.heading[i], 16), even_part(SHELL, self.heading[i], 0)
                self.shells.append(Shell(self.x[i], self.y[i], vx, vy, i))
                self.reload[i] = int(self.settings["cooldown"])

    def fly(self) -> None:
        for shell in self.shells:
            shell.x, shell.y, shell.vx, shell.vy, more = trace(
                self.walls, shell.x, shell.y, shell.vx, shell.vy, self.seen
            )
            shell.bounces += more
        self.shells = [shell for shell in self.shells if shell.bounces <= self.settings["bounces"]]
        was_alive, gone = list(self.alive), set()
        for i in [i for i in range(len(self.x)) if was_alive[i]]:
            for number, shell in enumerate(self.shells):
                enemy = self.team(shell.owner) != self.team(i)
                harms = enemy or (self.settings["friendly_fire"] and shell.bounces > 0)
                if harms and (shell.x - self.x[i]) ** 2 + (shell.y - self.y[i]) ** 2 <= TOUCH**2:
                    self.alive[i], self.speed[i] = False, 0
                    self.hits[shell.owner] += 1 if enemy else -1
                    gone.add(number)
                    self.seen["own hit" if shell.owner == i else "enemy hit" if enemy else "mate hit"] += 1
        self.shells = [shell for number, shell in enumerate(self.shells) if number not in gone]

    def check(self, state: Any, where: str) -> None:
        n = len(self.x)
        for name in ("x", "y", "heading", "speed", "alive", "blocked", "reload", "hits"):
            assert getattr(state, name)[:n].tolist() == getattr(self, name), f"{where}: {name}"
        flying = [sum(shell.owner == i for shell in self.shells) for i in range(n)]
        assert state.flying[:n].tolist() == flying, where
        assert state.left.tolist() == self.left(), where
        columns = ("shell_x", "shell_y", "shell_vx", "shell_vy", "shell_owner", "shell_bounces")
        table = [getattr(state, name)[: int(state.shells)].tolist() for name in columns]
        own = [[s.x, s.y, s.vx, s.vy, s.owner, s.bounces] for s in self.shells]
        assert [list(row) for row in zip(*table, strict=True)] == own, where


def ray(walls: Walls, x: float, y: float, dx: float, dy: float) -> float:
    """Distance to the first wall: of all their squares, the one that a ray enters first."""
    rows, columns = np.nonzero(walls)
    with np.errstate(divide="ignore", invalid="ignore"):
        enters, leaves = np.full(len(rows), -np.inf), np.full(len(rows), np.inf)
        for at, towards, cells in ((x, dx, columns), (y, dy, rows)):
            sides = np.stack([(cells * CELL - at) / towards, ((cells + 1) * CELL - at) / towards])
            enters, leaves = np.maximum(enters, sides.min(axis=0)), np.minimum(leaves, sides.max(axis=0))
    return float(enters[(enters < leaves) & (enters > 0)].min())


def view(rules: Rules, i: int) -> NDArray[np.float64]:
    """What tank i sees, in float64. NaN where a ray or a line of sight passes within a hair of a corner."""
    out = np.zeros(OWN + WHISKERS + ENEMIES * ENEMY + MATES * MATE + SHELLS * DANGER)
    if not rules.alive[i]:
        return out
    size, team, n = rules.size, rules.team(i), 2 * rules.size
    place = np.array(list(zip(rules.x, rules.y, strict=True)), dtype=float)
    faces = np.array([(math.cos(math.tau * h / TURN), math.sin(math.tau * h / TURN)) for h in rules.heading])
    frame = np.array([faces[i], (-faces[i][1], faces[i][0])])  # forward, right
    settings, facing = rules.settings, 1 - 2 * team
    middle = np.array(rules.walls.shape[::-1]) * CELL / 2
    left = rules.left()
    flying = sum(shell.owner == i for shell in rules.shells)
    out[:5] = (
        1,
        rules.speed[i] / FORWARD,
        rules.reload[i] / settings["cooldown"],
        flying / settings["max_shells"],
        rules.blocked[i],
    )
    out[5:7], out[7:9] = (place[i] - middle) / middle * facing, faces[i] * facing
    out[9:12] = left[team] / size, left[1 - team] / size, rules.tick / settings["max_steps"]
    for k, turn in enumerate(ANGLES):
        angle = math.tau * (rules.heading[i] + turn) / TURN
        beside = [ray(rules.walls, *place[i], math.cos(angle + e), math.sin(angle + e)) for e in (-1e-4, 1e-4)]
        beside = [min(1, distance / WHISKER_RANGE) for distance in beside]
        out[OWN + k] = beside[0] if abs(beside[0] - beside[1]) < 2e-3 else np.nan
    base = OWN + WHISKERS
    for others, columns, most in ((True, ENEMY, ENEMIES), (False, MATE, MATES)):
        group = [j for j in range(n) if rules.alive[j] and j != i and (rules.team(j) != team) == others]
        group.sort(key=lambda j: float(np.hypot(*(place[j] - place[i]))))
        for k, j in enumerate(group[:most]):
            offset = place[j] - place[i]
            distance = float(np.hypot(*offset))
            row = out[base + k * columns : base + (k + 1) * columns]
            row[:6] = 1, min(1, distance / FAR), *(frame @ offset / distance), *(frame @ faces[j])
            if others:
                wall = ray(rules.walls, *place[i], *(offset / distance))
                row[6] = np.nan if abs(wall - distance) < 1 else distance <= SIGHT and wall >= distance
        base += most * columns
    dangers = []
    for shell in rules.shells:
        offset = np.array([shell.x, shell.y]) - place[i]
        hostile = rules.team(shell.owner) != team or (settings["friendly_fire"] and shell.bounces > 0)
        if hostile and np.hypot(*offset) < DANGER_RANGE:
            dangers.append((float(np.hypot(*offset)), offset, np.array([shell.vx, shell.vy])))
    dangers.sort(key=lambda danger: danger[0])
    for k, (_, offset, velocity) in enumerate(dangers[:SHELLS]):
        row = out[base + k * DANGER : base + (k + 1) * DANGER]
        row[:] = 1, *(frame @ offset / DANGER_RANGE), *np.clip(frame @ velocity / SHELL, -1, 1)
    return out


def wander(rng: np.random.Generator, agents: int, steps: int, fire: float) -> Iterator[NDArray[np.int32]]:
    """Actions that last for a while: tanks that get about."""
    actions = np.zeros((agents, 3), dtype=np.int32)
    for _ in range(steps):
        fresh = np.stack(
            [rng.choice([GO, GO, GO, STAY, REVERSE], agents), rng.integers(0, 3, agents), rng.random(agents) < fire], 1
        )
        change = rng.random((agents, 3)) < [0.05, 0.15, 1.0]
        actions = np.where(change, fresh, actions).astype(np.int32)
        yield actions


WORLDS: dict[str, dict[str, float]] = {
    "usual": {},
    "crowd": {"team_size": 8, "width": 8, "height": 5, "walls": 0.3, "cooldown": 4, "bounces": 1},
    "duel": {"team_size": 1, "bounces": 8, "max_shells": 4, "cooldown": 1, "reward_hit": 0, "max_steps": 90},
    "truce": {"team_size": 3, "friendly_fire": 0, "bounces": 4, "walls": 0.5, "reward_tank": 0.25},
    "hall": {"team_size": 2, "walls": 0, "bounces": 0, "max_shells": 1, "cooldown": 2, "max_steps": 150},
    "most": {"team_size": 16, "cooldown": 9},
}
CASES = [
    *("ricochet", "two walls in a frame", "corner", "wall in the way", "tank in the way"),
    *("own hit", "mate hit", "enemy hit", "round won", "truncated", "next round"),
]


def play(name: str, steps: int, look_every: int) -> Counter[str]:
    """Compare the state and the results in every step, and what is seen in some."""
    rng, seen = np.random.default_rng(7), Counter[str]()
    with puffer_envs.make("tanks", seed=5, scripted=0, **WORLDS[name]) as env:
        env.reset()
        rules = Rules(env.state(0), env.settings, seen)
        for step, actions in enumerate(wander(rng, env.num_agents, steps, fire=0.3)):
            where = f"{name}, step {step}"
            rewards, over, late = rules.step(actions)
            env.step(actions)
            np.testing.assert_allclose(env.rewards, rewards, rtol=1e-6, atol=1e-6, err_msg=where)
            assert (env.terminals == over).all() and (env.truncations == late).all(), where
            if over or late:
                seen["round won"] += over
                seen["truncated"] += late
                seen["next round"] += 1
                look(rules, env.final_observations, where)
                rules = Rules(env.state(0), env.settings, seen)
            rules.check(env.state(0), where)
            if step % look_every == 0:
                look(rules, env.observations, where)
    return seen


def look(rules: Rules, observations: NDArray[np.float32], where: str) -> None:
    for i, row in enumerate(observations):
        expected = view(rules, i)
        known = ~np.isnan(expected)
        np.testing.assert_allclose(row[known], expected[known], atol=2e-3, err_msg=f"{where}, tank {i}")


def test_every_step_matches_the_rules() -> None:
    seen = Counter[str]()
    for name, steps, every in (
        ("usual", 500, 7),
        ("crowd", 200, 20),
        ("duel", 400, 5),
        ("truce", 400, 15),
        ("hall", 400, 11),
        ("most", 60, 20),
    ):
        seen += play(name, steps, every)
    assert [case for case in CASES if seen[case] < 3] == []


def reachable(free: Walls) -> Walls:
    """From the first free cell, by steps along rows and columns."""
    seen = np.zeros_like(free)
    queue = deque([tuple(np.argwhere(free)[0])])
    seen[queue[0]] = True
    while queue:
        row, column = queue.popleft()
        for cell in ((row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)):
            if free[cell] and not seen[cell]:
                seen[cell] = True
                queue.append(cell)
    return seen


@pytest.mark.parametrize(
    "settings", [{}, {"team_size": 1}, {"team_size": 16, "walls": 0.5}, {"width": 6, "height": 4, "walls": 0.5}]
)
def test_arenas_are_fair_and_every_cell_can_be_reached(settings: dict[str, float]) -> None:
    shares = []
    with puffer_envs.make("tanks", num_envs=60, seed=3, **settings) as env:
        env.reset()
        for number in range(env.num_envs):
            state = env.state(number)
            walls = walls_of(state)
            height, width = walls.shape
            assert walls[[0, -1]].all() and walls[:, [0, -1]].all()
            assert all(int(row) == 0xFFFFFFFF for row in state.rows[height:])
            assert all(int(row) >> width == 0xFFFFFFFF >> width for row in state.rows)
            assert (walls == walls[::-1, ::-1]).all()
            assert (reachable(~walls) == ~walls).all()
            shares.append(walls[1:-1, 1:-1].mean())
            size = int(state.team_size)
            own, other = slice(0, size), slice(size, 2 * size)
            assert (state.x[own] + state.x[other] == width * CELL).all()
            assert (state.y[own] + state.y[other] == height * CELL).all()
            assert ((state.heading[own] + TURN // 2) % TURN == state.heading[other]).all()
            cells = {(int(x) // CELL, int(y) // CELL) for x, y in zip(state.x[own], state.y[own], strict=True)}
            assert len(cells) == size and all(1 <= column <= 2 for column, _ in cells)
    if "width" not in settings:
        assert np.mean(shares) > 0.8 * settings.get("walls", 0.2)


def test_a_game_seen_from_the_other_side_is_the_same_game() -> None:
    """With the teams' actions exchanged, everything happens to the other team, half a turn around."""
    rng = np.random.default_rng(1)
    settings = {"num_envs": 4, "seed": 9, "scripted": 0}
    with puffer_envs.make("tanks", **settings) as here, puffer_envs.make("tanks", **settings) as there:
        size, ended = 4, 0
        assert here.num_agents == 8 * here.num_envs
        swapped = np.arange(here.num_agents).reshape(-1, 2, size)[:, ::-1].ravel()
        here.reset()
        there.reset()
        for actions in wander(rng, here.num_agents, 600, fire=0.2):
            here.step(actions)
            there.step(actions[swapped])
            np.testing.assert_array_equal(here.observations, there.observations[swapped])
            np.testing.assert_array_equal(here.rewards, there.rewards[swapped])
            np.testing.assert_array_equal(here.terminals, there.terminals)
            np.testing.assert_array_equal(here.truncations, there.truncations)
            ended += int(here.terminals.any())
        assert ended > 3
        assert here.state(0).wins.tolist() == there.state(0).wins[::-1].tolist()


def test_no_tank_is_ever_inside_a_wall_or_another() -> None:
    """128,000 moves of tanks that are crowded together."""
    rng = np.random.default_rng(2)
    with puffer_envs.make("tanks", num_envs=2, seed=4, scripted=0, team_size=16, width=10, height=8) as env:
        env.reset()
        touched = 0
        for actions in wander(rng, env.num_agents, 2000, fire=0.01):
            env.step(actions)
            for number in range(env.num_envs):
                state = env.state(number)
                walls, x, y = walls_of(state), state.x.copy(), state.y.copy()
                for dx, dy in (
                    (-RADIUS, -RADIUS),
                    (-RADIUS, RADIUS - 1),
                    (RADIUS - 1, -RADIUS),
                    (RADIUS - 1, RADIUS - 1),
                ):
                    assert not walls[(y + dy) // CELL, (x + dx) // CELL].any()
                living = np.flatnonzero(state.alive)
                apart = np.hypot(x[living, None] - x[None, living], y[living, None] - y[None, living])
                np.fill_diagonal(apart, np.inf)
                assert (apart >= 2 * RADIUS).all()
                touched += int((apart < 2 * RADIUS + FORWARD).any())
        assert touched > 1000


def test_teams_share_what_they_win_and_lose() -> None:
    rng = np.random.default_rng(3)
    with puffer_envs.make("tanks", num_envs=8, seed=6, scripted=0, reward_hit=0) as env:
        env.reset()
        returns = np.zeros(env.num_agents)
        for actions in wander(rng, env.num_agents, 800, fire=0.3):
            alive = np.concatenate([env.state(number).alive[:8] for number in range(env.num_envs)])
            assert (env.observations[alive == 0] == 0).all(), "a wreck sees nothing"
            env.step(actions)
            teams = env.rewards.reshape(-1, 2, 4)
            assert (teams == teams[:, :, :1]).all(), "wrecks included"
            assert (teams[:, 0] + teams[:, 1] == 0).all()
            returns += env.rewards
        log = env.log()
        assert log["n"] > 80 and log["perf"] == 0.5 and log["score"] == 0 and abs(log["episode_return"]) < 1e-6
        assert np.abs(returns).max() > 1


def aim(observations: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.int32]:
    """Turns to the nearest enemy, drives there, around walls, and fires when it is ahead and in sight."""
    enemy = observations[:, OWN + WHISKERS : OWN + WHISKERS + ENEMY]
    ahead, aside, in_sight = enemy[:, 2], enemy[:, 3], enemy[:, 6] > 0
    wall = observations[:, OWN : OWN + WHISKERS]
    turn = np.where((np.abs(aside) < 0.05) & (ahead > 0), STRAIGHT, np.where(aside < 0, LEFT, RIGHT))
    near = wall[:, [0, 1, 2]].min(axis=1) < 0.12
    turn = np.where(near & ~in_sight, np.where(wall[:, 5] > wall[:, 6], RIGHT, LEFT), turn)
    drive = np.where(in_sight & (enemy[:, 1] < 0.2), STAY, GO)
    drive = np.where(near & (rng.random(len(near)) < 0.3), STAY, drive)
    fire = in_sight & (ahead > 0.99)
    return np.stack([drive, turn, fire], axis=1).astype(np.int32)


def test_who_aims_beats_who_does_not() -> None:
    rng = np.random.default_rng(4)
    perf = {}
    for player in ("random", "aims"):
        with puffer_envs.make("tanks", num_envs=48, seed=8) as env:
            env.reset()
            for actions in wander(rng, env.num_agents, 1300, fire=0.5):
                env.step(actions if player == "random" else aim(env.observations, rng))
            log = env.log()
            assert log["n"] >= 48 * 4
            perf[player] = log["perf"]
    assert perf["random"] < 0.1, "the scripted team beats random tanks"
    assert perf["aims"] > perf["random"] + 0.15


def test_scripted_tanks_fire_as_often_as_they_may() -> None:
    """With a chance of 0 to fire, nobody is ever shot by them, and who stays where it is gets a draw."""
    for chance, ends in ((0.0, "truncations"), (1.0, "terminals")):
        with puffer_envs.make("tanks", num_envs=8, seed=2, bot_fire=chance, max_steps=400) as env:
            env.reset()
            idle, ended = np.zeros((env.num_agents, 3), dtype=np.int32), 0
            for _ in range(400):
                env.step(idle)
                ended += int(getattr(env, ends).sum())
                other = "terminals" if ends == "truncations" else "truncations"
                assert not getattr(env, other).any()
            assert ended >= env.num_agents


def test_as_many_shells_as_there_can_be() -> None:
    most = 0
    settings = {"team_size": 16, "max_shells": 4, "cooldown": 1, "bounces": 8, "friendly_fire": 0, "walls": 0}
    with puffer_envs.make("tanks", seed=1, scripted=0, **settings) as env:
        env.reset()
        actions = np.full((env.num_agents, 3), [STAY, STRAIGHT, 1], dtype=np.int32)
        for _ in range(300):
            env.step(actions)
            state = env.state(0)
            owners = state.shell_owner[: int(state.shells)]
            assert (np.bincount(owners, minlength=32) == state.flying).all()
            assert state.flying.max() <= 4
            most = max(most, int(state.shells))
    assert most == 128


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"width": 5}, "arena is too small"),
        ({"height": 3}, "arena is too small"),
        ({"team_size": 9, "height": 4}, "at least team_size / 2"),
    ],
)
def test_arena_too_small_is_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        puffer_envs.make("tanks", **settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"team_size": 16, "width": 6, "height": 8, "walls": 0.5, "bot_fire": 1, "cooldown": 1, "max_shells": 4},
        {"team_size": 16, "width": 30, "height": 30, "walls": 0.5, "bounces": 8, "reward_hit": 100},
        {"team_size": 1, "width": 30, "height": 4, "walls": 0.5, "max_steps": 1},
    ],
)
def test_extreme_settings(settings: dict[str, float]) -> None:
    rng = np.random.default_rng(5)
    for scripted in (0, 1):
        with puffer_envs.make("tanks", num_envs=2, seed=7, scripted=scripted, **settings) as env:
            env.reset()
            for actions in wander(rng, env.num_agents, 700, fire=0.7):
                env.step(actions)
                assert (np.abs(env.observations) <= 1).all()
                assert np.isfinite(env.rewards).all()
            assert env.log()["n"] > 0

"""blobs against its rules, written a second time: all pairs of players, all dots, no grids."""

from __future__ import annotations

import ctypes
import math
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import puffer_envs

from .reference_rules import Pcg32, run_sanitized

F = np.float32
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
CELL, SIGHT, SAFE, TRIES, BORDER, FAR = F(5), F(17.5), F(5), 16, 4, 1e9
GRAINS, START, LARGEST = 1000, 10_000, 640_000
SECTORS = 16
X, Y, RADIUS, GO_X, GO_Y, RETURN = range(6)
MASS, PEAK, AGE, DOTS, PREY, GAINED = range(6)
DIAGONAL = F(0.70710678)
WAYS = [(0, 0), (1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1)]
"""(x, y) of the moves, before they are brought to length 1."""


@dataclass
class Rules:
    """One plane. `seen` counts what happened, so that a test can tell that it met every rule."""

    settings: dict[str, float]
    rng: Pcg32
    dots: dict[tuple[int, int], tuple[np.float32, np.float32]] = field(default_factory=dict)
    ledger: Counter[str] = field(default_factory=Counter)  # where grains came from and went to
    seen: Counter[str] = field(default_factory=Counter)
    ended: list[tuple[float, ...]] = field(default_factory=list)  # what is logged of each life

    def reset(self) -> None:
        players = int(self.settings["num_players"])
        self.cells = max(4, int(F(math.sqrt(F(players * self.settings["room"]))) / CELL))
        self.side = F(self.cells) * CELL
        for _ in range(int(self.settings["fill"] * self.cells * self.cells)):
            self.add_dot()
        self.places = np.zeros((6, players), dtype=F)
        self.lives = np.zeros((6, players), dtype=np.int64)
        for p in range(players):
            self.start(p, *(self.rng.uniform() * self.side for _ in range(2)))

    def add_dot(self) -> None:
        for _ in range(TRIES):
            row, column = self.rng.below(self.cells), self.rng.below(self.cells)
            if (row, column) not in self.dots:
                break
        while (row, column) in self.dots:
            self.seen["crowded"] += 1
            row, column = divmod((row * self.cells + column + 1) % self.cells**2, self.cells)
        self.dots[row, column] = (F(column) + self.rng.uniform()) * CELL, (F(row) + self.rng.uniform()) * CELL

    def start(self, p: int, x: np.float32, y: np.float32) -> None:
        self.places[:, p] = x, y, 1, 0, 0, 0
        self.lives[:, p] = START, START, 0, 0, 0, 0
        self.ledger["born"] += START

    def step(self, actions: NDArray[Any]) -> tuple[Floats, NDArray[np.bool_], NDArray[np.bool_]]:
        self.move(actions)
        self.eat_dots()
        self.decay()
        died = self.eat_players()
        places, lives = self.places, self.lives
        lives[AGE] += 1
        late = ~died & (lives[AGE] >= self.settings["max_steps"])
        rewards = lives[GAINED].astype(F) * F(1 / F(GRAINS)) * F(self.settings["reward_mass"])
        rewards = rewards + np.where(died, F(self.settings["reward_death"]), F(0))
        places[RETURN] += rewards
        self.finals = self.views()
        self.end(died, late)
        return rewards, died, late

    def move(self, actions: NDArray[Any]) -> None:
        places = self.places
        if self.settings["continuous"]:
            right, down = actions.T
            scale = F(1) / np.maximum(np.sqrt(right * right + down * down), F(1))
            way = np.stack([right * scale, down * scale])
        else:
            steps = np.array(WAYS, dtype=F)[actions].T
            way = np.where(np.abs(steps).sum(axis=0) == 2, steps * DIAGONAL, steps)
        speed = F(self.settings["speed"]) * np.sqrt(np.sqrt(F(1) / places[RADIUS]))
        places[GO_X], places[GO_Y] = way
        places[:2] = np.clip(places[:2] + way * speed, F(0), self.side)
        self.seen["at a wall"] += int((places[:2] == 0).sum())

    def eat_dots(self) -> None:
        places, lives = self.places, self.lives
        lives[GAINED] = 0
        cells = list(self.dots)
        x, y = np.array([self.dots[cell] for cell in cells], dtype=F).reshape(-1, 2).T
        dx, dy = x - places[X, :, None], y - places[Y, :, None]
        covered = dx * dx + dy * dy < (places[RADIUS] * places[RADIUS])[:, None]  # (players, dots)
        eaters = covered.sum(axis=0)
        lives[DOTS] += covered.sum(axis=1)
        share = GRAINS // np.maximum(eaters, 1)
        lives[GAINED] = (covered * share).sum(axis=1)
        self.ledger["dots"] += int((share * eaters).sum())
        self.seen["a dot"] += int((eaters == 1).sum())
        self.seen["a shared dot"] += int((eaters > 1).sum())
        for i in np.flatnonzero(eaters):
            del self.dots[cells[i]]
        for _ in range(int((eaters > 0).sum())):
            self.add_dot()
        self.add_mass(lives[GAINED])

    def add_mass(self, gain: Ints) -> None:
        lives, most = self.lives, int(self.settings["max_mass"]) * GRAINS
        whole = lives[MASS] + gain
        lives[MASS] = np.minimum(whole, most)
        self.ledger["beyond the most"] -= int((whole - lives[MASS]).sum())
        self.seen["beyond the most"] += int((whole > most).sum())
        lives[PEAK] = np.maximum(lives[PEAK], lives[MASS])

    def decay(self) -> None:
        lost = ((self.lives[MASS] - START).astype(F) * F(self.settings["decay"])).astype(np.int64)
        self.lives[MASS] -= lost
        self.ledger["decay"] -= int(lost.sum())
        self.set_radius()

    def set_radius(self) -> None:
        self.places[RADIUS] = np.sqrt(self.lives[MASS].astype(F) * F(F(1) / F(START)))

    def squares(self) -> Floats:
        dx = self.places[X] - self.places[X][:, None]
        dy = self.places[Y] - self.places[Y][:, None]
        return np.asarray(dx * dx + dy * dy, dtype=F)

    def outweighs(self) -> NDArray[np.bool_]:
        """[p, q]: whether p may eat q."""
        mass = self.lives[MASS].astype(F)
        return np.asarray(mass[:, None] > mass * F(self.settings["margin"]))

    def eat_players(self) -> NDArray[np.bool_]:
        lives, radius = self.lives, self.places[RADIUS]
        eats = self.outweighs() & (self.squares() < (radius * radius)[:, None])
        died: NDArray[np.bool_] = eats.any(axis=0)
        gain = np.zeros(len(died), dtype=np.int64)
        for p in np.flatnonzero(died):
            eaters = np.flatnonzero(eats[:, p] & ~died)
            self.seen["a player"] += len(eaters) == 1
            self.seen["a shared player"] += len(eaters) > 1
            self.seen["eaten with its prey"] += len(eaters) == 0
            share = int(lives[MASS, p]) // max(1, len(eaters))
            gain[eaters] += share
            lives[PREY, eaters] += 1
            self.ledger["eaten"] += share * len(eaters)
        lives[GAINED] = np.minimum(lives[GAINED] + gain, LARGEST)
        self.add_mass(gain)
        self.set_radius()
        return died

    def end(self, died: NDArray[np.bool_], late: NDArray[np.bool_]) -> None:
        lives, places = self.lives, self.places
        for p in np.flatnonzero(died | late):
            self.seen["truncated"] += bool(late[p])
            self.ledger["left"] -= int(lives[MASS, p])
            peak = lives[PEAK, p] / GRAINS
            perf = min(1.0, peak / self.settings["goal"])
            self.ended.append((perf, peak, places[RETURN, p], lives[AGE, p], lives[DOTS, p], lives[PREY, p], died[p]))
        before, masses = places.copy(), lives[MASS].astype(F)
        threats = masses > F(START) * F(self.settings["margin"])
        for p in np.flatnonzero(died | late):
            for _ in range(TRIES):
                x, y = (self.rng.uniform() * self.side for _ in range(2))
                dx, dy, reach = before[X] - x, before[Y] - y, before[RADIUS] + SAFE
                if not (threats & (dx * dx + dy * dy < reach * reach)).any():
                    break
                self.seen["a place too near"] += 1
            self.start(p, x, y)

    def views(self) -> NDArray[np.float64]:
        x, y, radius = self.places[:3].astype(np.float64)
        far = self.side
        own = [radius / 8, radius**-0.25]
        own += [np.maximum(0, 1 - gap / SIGHT) for gap in (x, far - x, y, far - y)]
        dots = np.array(list(self.dots.values()), dtype=np.float64).reshape(-1, 2).T
        players, prey, anyone = self.places[:2].astype(np.float64), self.outweighs(), np.ones((len(x), dots.shape[1]))
        parts = [
            self.sectors(dots, radius[:, None] * anyone, anyone > 0),
            self.sectors(players, radius[:, None] * np.ones(len(x)), prey),
            self.sectors(players, radius * np.ones((len(x), 1)), prey.T),
        ]
        return np.hstack([np.stack(own, axis=1), *parts])

    def sectors(
        self, things: NDArray[np.float64], reach: NDArray[np.float64], wanted: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """(players, 16): how close the nearest of the wanted things is in each direction."""
        dx = things[0] - self.places[X].astype(np.float64)[:, None]
        dy = things[1] - self.places[Y].astype(np.float64)[:, None]
        distance = np.hypot(dx, dy)
        closeness = np.where(wanted & (distance < SIGHT), np.clip(1 - (distance - reach) / SIGHT, 0, 1), 0)
        sector = np.round(np.arctan2(dy, dx) / (2 * np.pi / SECTORS)).astype(int) % SECTORS
        return np.stack([np.where(sector == i, closeness, 0).max(axis=1, initial=0) for i in range(SECTORS)], axis=1)


def to_moves(directions: NDArray[np.float64], continuous: bool) -> NDArray[Any]:
    """The actions that go there, given angles clockwise from the right."""
    if continuous:
        return np.stack([np.cos(directions), np.sin(directions)], axis=1).astype(np.float32)
    return (1 + np.round(directions / (np.pi / 4)).astype(int) % 8).astype(np.int32)


def careful_directions(observations: Floats, rng: np.random.Generator) -> NDArray[np.float64]:
    """Away from threats that are close, and from walls; else to the prey that is very close or the nearest dot."""
    walls = observations[:, 2:6]
    dots, prey, threats = observations[:, 6:].reshape(-1, 3, SECTORS).transpose(1, 0, 2)
    angles = np.arange(SECTORS) * 2 * np.pi / SECTORS
    wanted = np.maximum(dots, np.where(prey > 0.75, prey + 0.1, 0)) + 1e-3 * rng.random(dots.shape)
    away_x = 0.3 * (walls[:, 0] ** 4 - walls[:, 1] ** 4) - (np.cos(angles) * threats**4).sum(axis=1)
    away_y = 0.3 * (walls[:, 2] ** 4 - walls[:, 3] ** 4) - (np.sin(angles) * threats**4).sum(axis=1)
    flee = threats.max(axis=1) > 0.7
    return np.where(flee, np.arctan2(away_y, away_x), angles[np.argmax(wanted, axis=1)])


PLANES: dict[str, dict[str, float]] = {
    "crowd": {"num_players": 40, "room": 25, "fill": 0.9, "speed": 2, "max_steps": 60},
    "storm": {"num_players": 50, "room": 40, "fill": 0.5, "speed": 5, "margin": 1, "decay": 0.02, "max_steps": 70},
    "capped": {
        "num_players": 20,
        "room": 60,
        "fill": 0.7,
        "max_mass": 14,
        "continuous": 1,
        "reward_mass": 0.7,
        "max_steps": 70,
    },
    "giants": {"num_players": 8, "room": 500, "fill": 0.9, "speed": 5, "decay": 0, "margin": 1.5, "max_steps": 70},
    "default": {"num_players": 12, "max_steps": 70},
    "lone": {"num_players": 1, "room": 900, "fill": 0.9, "decay": 1, "max_steps": 40, "reward_death": -0.3},
    "bare": {"num_players": 7, "room": 25, "fill": 0, "continuous": 1, "max_steps": 13},
}
CASES = [
    *("at a wall", "a dot", "a shared dot", "a player", "a shared player", "eaten with its prey", "truncated"),
    *("beyond the most", "crowded", "a place too near"),
]
"""What the rules tell apart: each has to happen in the games below."""


def play(name: str, care: float, steps: int) -> Counter[str]:
    """Compare every output and the state, step by step; `care` is how often a direction is not just random."""
    seed, index = 5, 2
    rng = np.random.default_rng(seed)
    with puffer_envs.make("blobs", num_envs=2, seed=seed, first=index - 1, **PLANES[name]) as env:
        agents, continuous = env.agents, bool(env.settings["continuous"])
        rows = slice(agents, 2 * agents)  # environment 1 of the batch is number `index` of the run
        rules = Rules(env.settings, Pcg32(seed, index))
        rules.reset()
        env.reset()
        check_state(env.state(1), rules, f"{name}, reset")
        for step in range(steps):
            where = f"{name}, care {care}, step {step}"
            if step % 6 == 0:
                random = rng.uniform(-np.pi, np.pi, env.num_agents)
            careful = careful_directions(env.observations, rng)
            actions = to_moves(np.where(rng.random(env.num_agents) < care, careful, random), continuous)
            actions[rng.random(len(actions)) < 0.02] = 0  # stay
            if continuous:
                actions *= rng.uniform(0, 1.4, (len(actions), 1)).astype(F)
                actions = np.clip(actions, F(-1), F(1))
            rewards, died, late = rules.step(actions[rows])
            env.step(actions)
            np.testing.assert_array_equal(env.rewards[rows], rewards, where)
            np.testing.assert_array_equal(env.terminals[rows], died, where)
            np.testing.assert_array_equal(env.truncations[rows], late, where)
            np.testing.assert_allclose(env.observations[rows], rules.views(), atol=3e-6, err_msg=where)
            over = np.flatnonzero(died | late)
            np.testing.assert_allclose(
                env.final_observations[agents + over], rules.finals[over], atol=3e-6, err_msg=where
            )
            check_state(env.state(1), rules, where)
        check_log(env.log(1), rules)
    return rules.seen


def check_state(state: Any, rules: Rules, where: str) -> None:
    np.testing.assert_array_equal(state.places, rules.places, where)
    np.testing.assert_array_equal(state.lives, rules.lives, where)
    inner = slice(BORDER, -BORDER)
    full = state.dots_x < FAR
    assert not full.sum() - full[inner, inner].sum(), f"{where}: dots only inside the walls"
    found = {
        (int(r), int(c)): (state.dots_x[inner, inner][r, c], state.dots_y[inner, inner][r, c])
        for r, c in np.argwhere(full[inner, inner])
    }
    assert found == rules.dots, where
    assert state.num_dots == len(found), where
    assert state.lives[MASS].sum() == sum(rules.ledger.values()), f"{where}: every grain is accounted for"


def check_log(log: dict[str, float], rules: Rules) -> None:
    names = ("perf", "score", "episode_return", "episode_length", "dots_eaten", "players_eaten", "eaten")
    means = np.mean(rules.ended, axis=0)
    assert log["n"] == len(rules.ended)
    assert {name: log[name] for name in names} == pytest.approx(
        dict(zip(names, means, strict=True)), rel=1e-4, abs=1e-4
    )


def test_rules() -> None:
    seen: Counter[str] = Counter()
    for name in PLANES:
        for care in (0.0, 0.9):
            seen += play(name, care, steps=90)
    assert [case for case in CASES if seen[case] < 5] == []


def overwrite(view: NDArray[Any], values: NDArray[Any]) -> None:
    """Write into the state, of which Python only gets views that cannot be written."""
    values = np.ascontiguousarray(values, dtype=view.dtype)
    assert view.flags.c_contiguous and view.shape == values.shape
    ctypes.memmove(view.ctypes.data, values.ctypes.data, values.nbytes)


@pytest.mark.parametrize("name", ["crowd", "storm", "capped"])
def test_outcome_does_not_depend_on_numbers(name: str) -> None:
    """The same plane with the players renumbered: after a step it is the same plane, with the players renumbered."""
    rng = np.random.default_rng(1)
    eaten = 0
    with puffer_envs.make("blobs", seed=4, **PLANES[name]) as env:
        env.reset()
        for step in range(150):
            shuffled = rng.permutation(env.agents)
            directions = careful_directions(env.observations, rng)
            actions = to_moves(directions, bool(env.settings["continuous"]))
            before = env.snapshot()
            env.step(actions)
            rewards, died, late = env.rewards.copy(), env.terminals.copy(), env.truncations.copy()
            seen, places, lives = env.observations.copy(), env.state(0).places.copy(), env.state(0).lives.copy()
            after = env.snapshot()

            env.restore(before)
            state = env.state(0)
            overwrite(state.places, state.places[:, shuffled])
            overwrite(state.lives, state.lives[:, shuffled])
            env.step(actions[shuffled])
            state = env.state(0)
            np.testing.assert_array_equal(env.rewards, rewards[shuffled], f"step {step}")
            np.testing.assert_array_equal(env.terminals, died[shuffled], f"step {step}")
            np.testing.assert_array_equal(env.truncations, late[shuffled], f"step {step}")
            # those who restart are identical, so it does not matter which new place is whose
            for one, other in ((env.observations, seen), (state.places.T, places.T), (state.lives.T, lives.T)):
                assert sorted(one.tolist()) == sorted(other.tolist()), f"step {step}"
            lasting = ~(died | late).astype(bool)[shuffled]
            np.testing.assert_array_equal(state.places[:, lasting], places[:, shuffled][:, lasting])
            np.testing.assert_array_equal(state.lives[:, lasting], lives[:, shuffled][:, lasting])
            env.restore(after)
            eaten += int(died.sum())
    assert eaten > 5


def test_careful_player_grows_more_than_a_random_one() -> None:
    rng = np.random.default_rng(0)
    scores = {}
    for player in ("random", "careful"):
        with puffer_envs.make("blobs", num_envs=8, seed=1, max_steps=400) as env:
            env.reset()
            for _ in range(900):
                random = rng.integers(0, 9, env.num_agents).astype(np.int32)
                careful = to_moves(careful_directions(env.observations, rng), False)
                env.step(random if player == "random" else careful)
            log = env.log()
            scores[player] = log["score"]
            assert 0 <= log["perf"] <= 1
    assert scores["careful"] > 3 * scores["random"]


def test_a_lone_player_without_dots_just_moves() -> None:
    with puffer_envs.make("blobs", seed=3, num_players=1, room=400, fill=0, max_steps=50, speed=0.5) as env:
        env.reset()
        x, y = (float(v) for v in env.state(0).places[:2, 0])
        for step in range(1, 50):
            env.step(np.array([1], dtype=np.int32))
            assert float(env.state(0).places[X, 0]) == pytest.approx(min(20, x + 0.5 * step), abs=1e-4)
            assert float(env.state(0).places[Y, 0]) == y
        env.step(np.array([0], dtype=np.int32))
        assert env.truncations[0] == 1
        assert env.log() == pytest.approx(
            {
                "n": 1,
                "perf": 10 / 400,
                "score": 10,
                "episode_return": 0,
                "episode_length": 50,
                "dots_eaten": 0,
                "players_eaten": 0,
                "final_mass": 10,
                "eaten": 0,
            }
        )


EXTREMES: list[dict[str, float]] = [
    {"num_players": 16384, "room": 25, "fill": 0.9, "speed": 5, "margin": 1},
    {"num_players": 16384, "room": 400, "continuous": 1},
    {"num_players": 500, "room": 4000, "fill": 0, "decay": 1},
    {"num_players": 1, "room": 25, "fill": 0.9, "speed": 5, "decay": 0, "max_mass": 640},
    {"num_players": 30, "room": 25, "fill": 0.9, "speed": 5, "max_mass": 10, "max_steps": 1},
    {"num_players": 30, "room": 25, "margin": 10, "reward_mass": 1000, "reward_death": -1000, "decay": 0},
]


@pytest.mark.parametrize("settings", EXTREMES)
def test_extreme_settings_stay_in_bounds(settings: dict[str, float]) -> None:
    rng = np.random.default_rng(2)
    with puffer_envs.make("blobs", seed=2, **settings) as env:
        env.reset()
        for step in range(12 if env.num_agents > 1000 else 300):
            # all into one corner, or anywhere
            directions = np.where(step % 100 < 50, -0.75 * np.pi, rng.uniform(-np.pi, np.pi, env.num_agents))
            env.step(to_moves(directions, bool(env.settings["continuous"])))
            assert env.single_observation_space.contains(env.observations[step % env.num_agents])
            assert ((env.observations >= 0) & (env.observations <= 1)).all()
            assert np.isfinite(env.rewards).all()
            state = env.state(0)
            assert ((state.places[:2] >= 0) & (state.places[:2] <= state.side)).all()
            assert ((state.lives[MASS] >= START) & (state.lives[MASS] <= env.settings["max_mass"] * GRAINS)).all()


@pytest.mark.parametrize("name", ["crowd"])
def test_odd_planes_are_memory_clean(name: str, tmp_path: Path) -> None:
    """The C driver under sanitizers, with these settings as the defaults of a copy of the header."""
    steps = math.ceil(60_000 / PLANES[name]["num_players"])
    run_sanitized("blobs", PLANES[name], steps, tmp_path)

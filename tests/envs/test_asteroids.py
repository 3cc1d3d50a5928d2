"""asteroids against reference rules in whole numbers, laws of conservation, and players."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import puffer_envs
from puffer_envs import Environment, State

from .patch import patch
from .reference_rules import Pcg32

NONE, LEFT, RIGHT = 0, 1, 2
UNIT, PLANE = 128, 65536
FINE = 65536
"""Parts of a subunit in which the ship's position and velocity are counted."""
RADIUS = {1: 10, 2: 18, 4: 32}
POINTS = {1: 100, 2: 50, 4: 20}
SHIP, SHOT = 7, 1
LIFE, COOLDOWN, SHIELD = 40, 8, 90
SEEN = 8

Actions = NDArray[np.int32]
Agent = Callable[[NDArray[np.float32]], Actions]


# ---- the reference rules ----


def sine(heading: int) -> int:
    return round(16384 * math.sin(2 * math.pi * heading / 256))


def cosine(heading: int) -> int:
    return sine(heading + 64)


def share(x: int, parts: int) -> int:
    """Divide, towards zero."""
    return x // parts if x >= 0 else -(-x // parts)


def shortest(difference: int) -> int:
    """The shortest way between two places on the torus that differ by this."""
    return (difference + PLANE // 2) % PLANE - PLANE // 2


def touches(dx: int, dy: int, reach: int) -> bool:
    """Whether a distance is below `reach` units, counted in whole quarters of a unit along either axis."""
    x, y = (abs(shortest(d) // (UNIT // 4)) for d in (dx, dy))
    return x * x + y * y < (4 * reach) ** 2


@dataclass
class Rock:
    size: int
    x: int
    y: int
    vx: int
    vy: int
    look: int


@dataclass
class Shot:
    x: int
    y: int
    vx: int
    vy: int
    life: int


@dataclass
class Game:
    """One episode, a frame at a time. Rocks and shots are kept in dictionaries by their places in the buffers."""

    lots: Pcg32
    large: int
    """Rocks with which the wave begins."""
    lives: int
    rocks: dict[int, Rock] = field(default_factory=dict)
    shots: dict[int, Shot] = field(default_factory=dict)
    x: int = 0
    y: int = 0
    vx: int = 0
    vy: int = 0
    heading: int = 192
    held: int = 0
    turned: int = NONE
    cooldown: int = 0
    shield: int = 0
    score: int = 0
    wave: int = 0
    frame: int = 0
    blasts: list[tuple[int, int, int, int]] = field(default_factory=list)
    happened: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.large -= 1
        self.begin_wave()

    def note(self, what: str) -> None:
        self.happened[what] = self.happened.get(what, 0) + 1

    @property
    def place(self) -> tuple[int, int]:
        """The ship's, in subunits."""
        return self.x // FINE, self.y // FINE

    def vector(self, least: int, most: int) -> tuple[int, int]:
        heading = self.lots.below(256)
        length = least + self.lots.below(most - least + 1)
        return share(length * cosine(heading), 16384), share(length * sine(heading), 16384)

    def begin_wave(self) -> None:
        self.wave += 1
        self.large = min(self.large + 1, 8)
        faster = min(self.wave - 1, 8)
        for number in range(self.large):
            along_x = self.lots.below(2) == 1
            anywhere = self.lots.next() // 2**16
            vx, vy = self.vector(64 + 8 * faster, 160 + 20 * faster)
            off = (PLANE // 2, anywhere) if along_x else (anywhere, PLANE // 2)
            x, y = (at + d for at, d in zip(self.place, off, strict=True))
            self.rocks[4 * number] = Rock(4, x, y, vx, vy, self.lots.below(256))
        self.note("wave")

    def break_rock(self, slot: int) -> None:
        rock = self.rocks.pop(slot)
        self.score += POINTS[rock.size]
        self.note(f"hit {rock.size}")
        self.blasts.append((shortest(rock.x), shortest(rock.y), rock.size, self.frame))
        if rock.size == 1:
            return
        half = rock.size // 2
        kick_x, kick_y = self.vector(64, 128)
        for at, sign in ((slot, 1), (slot + half, -1)):
            assert at not in self.rocks
            velocity = rock.vx + sign * kick_x, rock.vy + sign * kick_y
            self.rocks[at] = Rock(half, rock.x, rock.y, *velocity, self.lots.below(256))

    def come_back(self) -> None:
        """At the first free point of the grid, row by row, each time from the middle outwards."""
        outwards = [64 * k * UNIT for k in (0, 1, -1, 2, -2, 3, -3, -4)]
        free = [
            (x, y)
            for y, x in itertools.product(outwards, outwards)
            if not any(
                math.hypot(int(shortest(r.x - x) / 32), int(shortest(r.y - y) / 32)) < 4 * (RADIUS[r.size] + SHIP + 14)
                for r in self.rocks.values()
            )
        ]
        assert len(free) >= 32
        self.x, self.y = free[0][0] * FINE, free[0][1] * FINE
        self.vx = self.vy = self.held = 0
        self.heading, self.turned, self.shield = 192, NONE, SHIELD

    def step(self, turn: int, thrust: int, fire: int) -> bool:
        """One frame; True if the last life was lost."""
        self.held = self.held + 1 if turn == self.turned else 1
        self.turned = turn
        if turn != NONE:
            rate = 1 if self.held <= 4 else 3
            self.heading = (self.heading + (rate if turn == RIGHT else -rate)) % 256
        self.vx += thrust * 24 * cosine(self.heading) - share(self.vx, 64)
        self.vy += thrust * 24 * sine(self.heading) - share(self.vy, 64)
        self.x, self.y = self.x + self.vx, self.y + self.vy
        self.shield = max(self.shield - 1, 0)

        for shot in self.shots.values():
            shot.x, shot.y, shot.life = shot.x + shot.vx, shot.y + shot.vy, shot.life - 1
        self.shots = {k: shot for k, shot in self.shots.items() if shot.life}
        self.cooldown = max(self.cooldown - 1, 0)
        free = [k for k in range(4) if k not in self.shots]
        if fire and not self.cooldown and free:
            along = cosine(self.heading), sine(self.heading)
            nose = [at + share(8 * UNIT * a, 16384) for at, a in zip(self.place, along, strict=True)]
            velocity = [
                share(v, FINE) + share(7 * UNIT * a, 16384) for v, a in zip((self.vx, self.vy), along, strict=True)
            ]
            self.shots[free[0]] = Shot(nose[0], nose[1], velocity[0], velocity[1], LIFE)
            self.cooldown = COOLDOWN
            self.note("shot")

        for rock in self.rocks.values():
            rock.x, rock.y = rock.x + rock.vx, rock.y + rock.vy
        x, y = self.place
        crashed = not self.shield and any(
            touches(rock.x - x, rock.y - y, RADIUS[rock.size] + SHIP) for rock in self.rocks.values()
        )
        self.frame += 1
        for slot, rock in sorted(self.rocks.items()):
            at_it = [
                k
                for k, s in sorted(self.shots.items())
                if touches(rock.x - s.x, rock.y - s.y, RADIUS[rock.size] + SHOT)
            ]
            if at_it:
                del self.shots[at_it[0]]
                self.break_rock(slot)
        if crashed:
            self.note("crash")
            self.blasts.append((shortest(x), shortest(y), 0, self.frame))
            self.lives -= 1
            if not self.lives:
                return True
            self.come_back()
        if not self.rocks:
            self.begin_wave()
        return False

    def matches(self, state: State) -> None:
        """Raise unless the environment's state is this."""
        assert {k: int(size) for k, size in enumerate(state.rock_size) if size} == {
            k: r.size for k, r in self.rocks.items()
        }
        for slot, rock in self.rocks.items():
            assert (shortest(rock.x), shortest(rock.y)) == (state.rock_x[slot], state.rock_y[slot])
            assert (rock.vx, rock.vy, rock.look) == (state.rock_vx[slot], state.rock_vy[slot], state.rock_look[slot])
        assert {k: int(life) for k, life in enumerate(state.shot_life) if life} == {
            k: s.life for k, s in self.shots.items()
        }
        for k, shot in self.shots.items():
            assert (shortest(shot.x), shortest(shot.y)) == (state.shot_x[k], state.shot_y[k])
            assert (shot.vx, shot.vy) == (state.shot_vx[k], state.shot_vy[k])
        assert (self.x % 2**32, self.y % 2**32, self.vx, self.vy) == (
            state.ship_x,
            state.ship_y,
            state.ship_vx,
            state.ship_vy,
        )
        for number, blast in list(enumerate(self.blasts))[-8:]:
            parts = (state.blast_x, state.blast_y, state.blast_size, state.blast_frame)
            assert tuple(int(part[number % 8]) for part in parts) == blast
        held = min(self.held, 5) * {NONE: 0, LEFT: -1, RIGHT: 1}[self.turned]
        for name, value in {
            "heading": self.heading,
            "turning": held,
            "mass": sum(r.size for r in self.rocks.values()),
        }.items():
            assert getattr(state, name) == value, name
        for name in ("cooldown", "shield", "lives", "large", "wave", "score", "frame"):
            assert getattr(state, name) == getattr(self, name), name

    def sees(self) -> tuple[NDArray[np.float64], list[float]]:
        """The observation of the rocks (7, 8), and the squares of all their distances in units, in that order."""
        seen = []
        for slot, rock in self.rocks.items():
            (x, y), images = self.place, range(-PLANE, PLANE + 1, PLANE)
            dx, dy = (min(((a - b) % PLANE + i for i in images), key=abs) / UNIT for a, b in ((rock.x, x), (rock.y, y)))
            seen.append((dx, dy, slot, rock))
        # nearest first, by the grain that is documented: squares in steps of 32 x 65536 subunits, then by slot
        order = sorted(
            seen, key=lambda e: ((int(e[0] * UNIT) ** 2 // 65536 + int(e[1] * UNIT) ** 2 // 65536) // 32, e[2])
        )
        angle = 2 * math.pi * self.heading / 256
        table = np.zeros((7, SEEN))
        for k, (dx, dy, _, rock) in enumerate(order[:SEEN]):
            distance, bearing = math.hypot(dx, dy), math.atan2(dy, dx)
            vx, vy = rock.vx / UNIT - self.vx / FINE / UNIT, rock.vy / UNIT - self.vy / FINE / UNIT
            radius = RADIUS[rock.size]
            table[:, k] = (
                math.cos(bearing - angle),
                math.sin(bearing - angle),
                64 / (64 + max(distance - radius, 0)),
                np.clip(-(vx * math.cos(bearing) + vy * math.sin(bearing)) / 4, -1, 1),
                np.clip((vy * math.cos(bearing) - vx * math.sin(bearing)) / 4, -1, 1),
                min(radius / distance, 1),
                radius / 32,
            )
        return table, [dx * dx + dy * dy for dx, dy, _, _ in order]


# ---- players ----


def aim(observations: NDArray[np.float32]) -> Actions:
    """Stay, turn to the rock that needs the least turning for how near it is, and fire ahead of it when in line."""
    ahead, right, near, _, drift, width, there = (
        observations[:, 10:].astype(np.float64).reshape(-1, 7, SEEN).swapaxes(0, 1)
    )
    lead = np.arcsin(np.clip(drift * 4 / 7, -1, 1))
    error = (np.arctan2(right, ahead) + lead + np.pi) % (2 * np.pi) - np.pi
    cost = np.where(there > 0, np.abs(error) + 4 * (1 - near), np.inf)
    best = np.argmin(cost, axis=1)[:, None]
    off, half = (np.take_along_axis(a, best, 1)[:, 0] for a in (error, width))
    turn = np.where(off > 0.07, RIGHT, np.where(off < -0.07, LEFT, NONE))
    return np.stack([turn, np.zeros_like(turn), np.abs(off) < np.maximum(half, 0.1)], axis=1).astype(np.int32)


def at_random(rng: np.random.Generator) -> Agent:
    """Keys held for a while, as a child would."""
    held = np.zeros((0, 3), np.int32)

    def act(observations: NDArray[np.float32]) -> Actions:
        nonlocal held
        fresh = rng.integers(0, [3, 2, 2], (len(observations), 3), dtype=np.int32)
        held = fresh if len(held) != len(fresh) else np.where(rng.random((len(fresh), 1)) < 0.2, fresh, held)
        return held

    return act


def place(env: Environment, **values: Any) -> None:
    """Write these fields of the first environment's state."""
    for entry in env.spec.fields:
        if entry.name in values:
            data = np.asarray(values[entry.name], entry.dtype).tobytes()
            env._states[entry.offset : entry.offset + len(data)] = np.frombuffer(data, np.uint8)


# ---- tests ----


@pytest.mark.parametrize(
    ("player", "settings"),
    [
        ("random", {"frameskip": 1, "max_frames": 1000, "rocks": 8}),
        ("random", {"frameskip": 4, "lives": 9, "rocks": 8}),
        ("aim", {"frameskip": 4, "lives": 9, "rocks": 1}),
        ("aim", {"frameskip": 3, "lives": 2}),
    ],
)
def test_every_step_matches_the_rules(player: str, settings: dict[str, Any]) -> None:
    """Whole games, computed from the seed on, without reading the environment: rocks, shots, ship, lots and rewards."""
    act = aim if player == "aim" else at_random(np.random.default_rng(1))
    happened: dict[str, int] = {}
    with puffer_envs.make("asteroids", seed=2, **settings) as env:
        env.reset()
        lots = Pcg32(2, 0)
        rocks, lives = int(env.settings["rocks"]), int(env.settings["lives"])
        game = Game(lots, rocks, lives)
        for step in range(1500):
            actions = act(env.observations)
            score, left, over = game.score, game.lives, False
            for _ in range(settings["frameskip"]):
                over = over or game.step(*map(int, actions[0]))
            late = not over and game.frame >= env.settings["max_frames"]
            env.step(actions)
            assert env.rewards[0] == (game.score - score) / 512 - (left - game.lives)
            assert (env.terminals[0], env.truncations[0]) == (over, late)
            if over or late:
                happened = {k: happened.get(k, 0) + game.happened.get(k, 0) for k in happened | game.happened}
                game = Game(lots, rocks, lives)
            game.matches(env.state(0))
            if step % 4:
                continue
            table, squares = game.sees()
            np.testing.assert_allclose(env.observations[0, 10:].reshape(7, SEEN), table, atol=1e-4)
            # 136 square units are what the order may err by
            assert all(a <= b + 136 for a, b in itertools.pairwise(squares))
    happened = {k: happened.get(k, 0) + game.happened.get(k, 0) for k in happened | game.happened}
    assert {"hit 4", "hit 2", "hit 1", "crash", "shot"} <= happened.keys()
    assert happened["wave"] > (3 if player == "aim" else 0)


def test_the_table_of_sines() -> None:
    """By where a shot fired in each of the 256 directions begins."""
    with puffer_envs.make("asteroids", seed=3, frameskip=1) as env:
        for heading in range(256):
            env.reset(3)
            place(env, heading=heading, rock_size=np.zeros(32), mass=1)
            env.step(np.array([[NONE, 0, 1]], np.int32))
            state = env.state(0)
            angle = 2 * math.pi * heading / 256
            assert abs(state.shot_x[0] - 1024 * math.cos(angle)) <= 1
            assert abs(state.shot_y[0] - 1024 * math.sin(angle)) <= 1
            assert abs(state.shot_vx[0] - 896 * math.cos(angle)) <= 1


def test_breaking_conserves_momentum_and_the_centre_of_mass() -> None:
    """Masses are sizes. Of every rock that breaks, over long games of aimed fire."""
    broken = 0
    with puffer_envs.make("asteroids", seed=4, frameskip=1, lives=9, rocks=8) as env:
        env.reset()
        for _ in range(6000):
            before = {
                n: getattr(env.state(0), n).astype(int) for n in ("rock_size", "rock_x", "rock_y", "rock_vx", "rock_vy")
            }
            env.step(aim(env.observations))
            state, size = env.state(0), before["rock_size"]
            if env.terminals[0] or size.sum() < state.mass:
                continue
            for slot in np.flatnonzero((state.rock_size == size // 2) & (size > 1)):
                halves = [slot, slot + size[slot] // 2]
                kick = state.rock_vx[slot] - before["rock_vx"][slot], state.rock_vy[slot] - before["rock_vy"][slot]
                assert 62 <= math.hypot(*kick) <= 128
                for axis in "xy":
                    velocities = getattr(state, f"rock_v{axis}")[halves].astype(int)
                    assert velocities.sum() * (size[slot] // 2) == before[f"rock_v{axis}"][slot] * size[slot]
                    there = shortest(int(before[f"rock_{axis}"][slot] + before[f"rock_v{axis}"][slot]))
                    assert (getattr(state, f"rock_{axis}")[halves] == there).all()
                broken += 1
    assert broken > 50


def test_buffers_never_overflow() -> None:
    """However well one shoots: a rock of size n is in a slot that n divides, and owns it and the n - 1 after it. Here
    four shots at a time are put right where the largest rocks will be, once halves have drifted apart."""
    most: dict[int, int] = {}
    with puffer_envs.make("asteroids", seed=5, frameskip=1, max_frames=10_000_000) as env:
        env.reset()
        for frame in range(4000):
            state = env.state(0)
            targets = np.argsort(-state.rock_size, kind="stable")[:4]
            at = {f"shot_{a}": getattr(state, f"rock_{a}") + getattr(state, f"rock_v{a}") for a in "xy"}
            still = {f"shot_v{a}": np.zeros(4) for a in "xy"}
            lives = 2 * (state.rock_size[targets] > 0) * (frame % 16 == 0)
            place(env, shot_life=lives, shield=1000, **still, **{name: x[targets] for name, x in at.items()})
            env.step(np.zeros((1, 3), np.int32))
            size = state.rock_size
            slots = np.flatnonzero(size)
            assert (slots % size[slots] == 0).all()
            assert (size[slots][:-1] <= np.diff(slots)).all() and slots[-1] + size[slots[-1]] <= 32
            assert size.sum() == state.mass <= 4 * state.large <= 32
            wave = int(state.wave)
            most[wave] = max(most.get(wave, 0), len(slots))
    assert len(most) > 10 and max(most.values()) == 32


def test_shots_pass_through_no_rock() -> None:
    """Shot and rock that are both there after a frame were never, between frames, deep inside each other. But for
    halves that have just come to be around a shot: those it may leave again."""
    closest = 99.0
    with puffer_envs.make("asteroids", seed=6, frameskip=1, lives=9, rocks=8) as env:
        env.reset()
        known = [np.zeros(32)] * 2
        for _ in range(3000):
            env.step(aim(env.observations))
            state = env.state(0)
            rock, shot = (
                np.stack([getattr(state, f"{thing}_{part}").astype(int) for part in ("x", "y", "vx", "vy")], axis=1)
                for thing in ("rock", "shot")
            )
            old = np.flatnonzero((known[0] == state.rock_look) & (known[1] == state.rock_look) & (state.rock_size > 0))
            known = [known[1], state.rock_look.copy()]
            flying = np.flatnonzero((state.shot_life > 0) & (state.shot_life < LIFE))  # not those fired in this frame
            apart = shot[flying, None] - rock[None, old]
            off = ((apart[..., :2] + PLANE // 2) % PLANE - PLANE // 2) / UNIT
            way = apart[..., 2:] / UNIT
            back = np.clip(
                (off * way).sum(-1) / np.maximum((way * way).sum(-1), 1e-9), 0, 1
            )  # a share of the last frame
            depth = np.hypot(*np.moveaxis(off - back[..., None] * way, -1, 0)) - 8.0 * state.rock_size[old] ** 0.5
            depth = depth.min(initial=99.0)
            closest = min(closest, float(depth))
            assert depth > 0
    assert closest < 4


@pytest.mark.parametrize("thrown", [0, 288, 576])
def test_the_fastest_shot_hits_the_smallest_rock(thrown: int) -> None:
    """A ship at its top speed fires at a small rock that comes towards it, at every distance within range."""
    with puffer_envs.make("asteroids", seed=7, frameskip=1) as env:
        for distance in range(30, 200):
            for aside in (0, 4, 8):
                env.reset(7)
                sizes, xs, ys, vxs = (np.zeros(32) for _ in range(4))
                sizes[5], xs[5], ys[5], vxs[5] = 1, distance * UNIT + 17 * distance % UNIT, aside * UNIT, -thrown
                speed = 384 * FINE
                rocks = {"rock_size": sizes, "rock_x": xs, "rock_y": ys, "rock_vx": vxs, "rock_vy": np.zeros(32)}
                place(env, **rocks, mass=2, heading=0, ship_vx=speed, shield=1000)
                hit = 0.0
                env.step(np.array([[NONE, 0, 1]], np.int32))
                for _ in range(LIFE):
                    hit += env.rewards[0]
                    env.step(np.zeros((1, 3), np.int32))
                assert hit == 100 / 512


def test_frames_add_up_to_steps() -> None:
    """An action held for four frames is four steps of one."""
    act = at_random(np.random.default_rng(8))
    with (
        puffer_envs.make("asteroids", 64, seed=9, lives=2) as held,
        puffer_envs.make("asteroids", 64, seed=9, lives=2, frameskip=1) as single,
    ):
        held.reset()
        single.reset()
        playing = np.ones(64, bool)
        for _ in range(400):
            actions = act(held.observations)
            held.step(actions)
            rewards = np.zeros(64)
            for _ in range(4):
                single.step(actions)
                rewards += single.rewards
                playing &= single.terminals == 0  # after its last life a ship is not flown on
            assert (held.rewards[playing] == rewards[playing]).all()
            assert (held.observations[playing] == single.observations[playing]).all()
        assert 5 < playing.sum() < 60


def test_ships_come_back_clear_of_rocks() -> None:
    returns = 0
    act = at_random(np.random.default_rng(10))
    with puffer_envs.make("asteroids", 64, seed=11, frameskip=1, lives=9, rocks=8) as env:
        env.reset()
        for _ in range(3000):
            env.step(act(env.observations))
            for i in np.flatnonzero(env.observations[:, 6] == 1):
                state = env.state(int(i))
                for slot in np.flatnonzero(state.rock_size):
                    dx, dy = (
                        shortest(int(state[0]) - int(state[1]) // FINE) / UNIT
                        for state in (
                            (state.rock_x[slot], state.ship_x),
                            (state.rock_y[slot], state.ship_y),
                        )
                    )
                    assert math.hypot(dx, dy) >= RADIUS[int(state.rock_size[slot])] + SHIP + 13.5
                returns += 1
    assert returns > 50


def test_there_is_always_a_place_to_come_back() -> None:
    """A circle as large as a rock with all that is kept free around it holds no more points of the grid than the rock
    owns slots, wherever it is. (32 slots, 64 points.)"""
    points = np.stack(np.meshgrid(*2 * [np.arange(-2, 4) * 64.0]), -1).reshape(-1, 2)
    middles = np.stack(np.meshgrid(*2 * [np.arange(0, 64, 0.5)]), -1).reshape(-1, 1, 2)
    distances = np.hypot(*np.moveaxis(points - middles, -1, 0))
    for size, radius in RADIUS.items():
        assert (distances < radius + SHIP + 14 + 0.5).sum(1).max() <= size


def test_the_plane_is_a_torus() -> None:
    """A coasting ship and a rock at the same velocity stay as they are to each other, round the plane and back."""
    with puffer_envs.make("asteroids", seed=12, frameskip=1) as env:
        env.reset()
        sizes, xs, ys, vxs, vys = (np.zeros(32) for _ in range(5))
        sizes[0], xs[0], ys[0], vxs[0], vys[0] = 4, -100 * UNIT, 60 * UNIT, 256, -128
        place(env, rock_size=sizes, rock_x=xs, rock_y=ys, rock_vx=vxs, rock_vy=vys, mass=4)
        place(env, heading=0)
        crossed = 0
        for frame in range(1024):
            ship = 256 * frame % PLANE, -128 * frame % PLANE
            velocity = 256 * FINE + 256 * FINE // 64, -128 * FINE - 128 * FINE // 64  # what drag leaves is 256 and -128
            place(env, ship_x=ship[0] * FINE, ship_y=ship[1] * FINE, ship_vx=velocity[0], ship_vy=velocity[1])
            env.step(np.zeros((1, 3), np.int32))
            near = env.observations[0, 10 + 2 * SEEN]
            assert 64 / near - 64 == pytest.approx(math.hypot(100, 60) - 32, abs=0.1)
            right = env.observations[0, 10 + SEEN]
            assert right == pytest.approx(60 / math.hypot(100, 60), abs=0.01)
            crossed += ship[0] < 256
        assert crossed >= 4


def test_thrust_against_drag() -> None:
    """From rest, n frames of thrust reach 384 (1 - (63/64)^n) subunits a frame, and never more than 3 units."""
    with puffer_envs.make("asteroids", seed=13, frameskip=1) as env:
        env.reset()
        place(env, rock_size=np.zeros(32), mass=1, heading=0)
        for n in range(1, 1500):
            env.step(np.array([[NONE, 1, 0]], np.int32))
            speed = int(env.state(0).ship_vx) / FINE
            assert speed == pytest.approx(384 * (1 - (63 / 64) ** n), abs=0.01)
            assert speed <= 384.001


def test_aimed_fire_beats_random_play() -> None:
    scores = {}
    agents: dict[str, Agent] = {
        "idle": lambda observations: np.zeros((len(observations), 3), np.int32),
        "random": at_random(np.random.default_rng(14)),
        "aim": aim,
    }
    for name, act in agents.items():
        with puffer_envs.make("asteroids", 64, seed=15) as env:
            env.reset()
            for _ in range(2250):
                env.step(act(env.observations))
            log = env.log()
            scores[name] = log["score"]
            assert log["perf"] <= min(1.0, log["score"] / 36400 + 1e-6)
            assert log["episode_return"] >= log["score"] / 512 - 3 - 1e-3
    assert scores["idle"] == 0
    assert scores["aim"] > 3 * scores["random"] > 0


@pytest.mark.parametrize(
    "settings", [{"frameskip": 16, "lives": 9, "rocks": 8}, {"frameskip": 1, "lives": 1, "max_frames": 1}]
)
def test_extreme_settings(settings: dict[str, Any]) -> None:
    act = at_random(np.random.default_rng(16))
    with puffer_envs.make("asteroids", 16, seed=17, **settings) as env:
        env.reset()
        ends = 0
        for _ in range(3000):
            env.step(act(env.observations))
            assert np.isfinite(env.observations).all() and np.abs(env.observations).max() <= 1
            ends += int((env.terminals | env.truncations).sum())
        assert ends > 16


def test_a_last_rock_that_takes_the_last_life_begins_no_wave() -> None:
    with puffer_envs.make("asteroids", seed=3, lives=1, rocks=1) as env:
        env.reset()
        ship = env.state(0)
        rocks = np.zeros((3, len(ship.rock_size)), np.int64)
        x, y = int(ship.ship_x) >> 16, int(ship.ship_y) >> 16
        rocks[:, 0] = 1, x, y
        shots = np.zeros((3, len(ship.shot_life)), np.int64)
        shots[:, 0] = 9, x, y
        patch(env, mass=1, shield=0, rock_size=rocks[0], rock_x=rocks[1], rock_y=rocks[2])
        patch(env, shot_life=shots[0], shot_x=shots[1], shot_y=shots[2])
        env.step(np.array([[1, 0, 0]], np.int32))
        assert env.terminals[0]
        mass = next(i for i, part in enumerate(env.spec.obs) if part.name == "mass")
        start = sum(part.count for part in env.spec.obs[:mass])
        assert env.final_observations[0, start] == 0.0
        assert env.log()["n"] == 1.0

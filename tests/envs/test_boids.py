"""boids against its rules, written a second time: every pair of boids, in float64, without a grid."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import puffer_envs
from puffer_envs import Environment

from .patch import patch

Floats = NDArray[np.float64]

NEAR, TOUCH, ALIGNED, COMPANY, FLOCK = 0.4, 0.2, 0.9, 6, 3
SLOWEST, FASTEST, THRUST, TURN = 0.04, 0.10, 0.01, 0.15
HUNT_SPEED, HUNT_SLOW, HUNT_TURN, CATCH, WATCH, HUNT, REST = 0.12, 0.06, 0.08, 0.15, 2.0, 90, 60
X, Y, HX, HY, SPEED, NEIGHBOURS, ALIGNMENT, COHESION, CROWDING, FLOCKING, AGE, RETURN, SUMS = range(13)
CLOSE = 2e-5
"""Of float32 sums over some dozen numbers of about 1, with positions up to 100."""


def shortest(d: Floats, side: float) -> Floats:
    """Differences of coordinates in a world without borders."""
    return np.asarray(d - side * np.round(d / side))


def turned(heading: Floats, angle: float | Floats) -> Floats:
    """Clockwise on a screen, where y points down."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([heading[0] * c - heading[1] * s, heading[1] * c + heading[0] * s])


@dataclass
class Sight:
    """What all boids see, and how well they keep the rules."""

    views: Floats
    count: Floats
    alignment: Floats
    cohesion: Floats
    crowding: Floats
    flocking: NDArray[np.bool_]
    doubtful: NDArray[np.bool_]
    """Boids with somebody, or a threshold, so near a limit that rounding decides."""


def look(table: Floats, predators: Floats, side: float) -> Sight:
    """From the first five rows of `table` and the rows of `predators`."""
    x, y, hx, hy, speed = table
    n = len(x)
    dx, dy = shortest(x - x[:, None], side), shortest(y - y[:, None], side)
    distance = np.hypot(dx, dy)
    seen = (distance < 1) & ~np.eye(n, dtype=bool)
    count = seen.sum(axis=1)
    share = 1 / np.maximum(count, 1)

    def own(vx: Floats, vy: Floats) -> Floats:
        """Ahead and to the right."""
        return np.stack([vx * hx + vy * hy, vy * hx - vx * hy], axis=-1)

    near = np.where(seen, np.maximum(0, 1 - (distance / NEAR) ** 2), 0)
    crowding = np.minimum(near.sum(axis=1), 1)
    centre = own((seen * dx).sum(axis=1) * share, (seen * dy).sum(axis=1) * share)
    heading = own((seen * hx).sum(axis=1) * share, (seen * hy).sum(axis=1) * share)
    pace = np.where(count > 0, (seen * speed).sum(axis=1) * share - speed, 0) / (FASTEST - SLOWEST)
    way_out = own(-(near * dx).sum(axis=1), -(near * dy).sum(axis=1)) / NEAR

    ahead = dx * hx[:, None] + dy * hy[:, None]
    doubtful = (np.abs(distance - 1) < 1e-5).any(axis=1)
    singles = []
    for half in (seen & (ahead >= 0), seen & (ahead < 0)):
        ranked = np.where(half, distance, 1e9)
        best = ranked.argmin(axis=1)
        least = np.partition(ranked, 1, axis=1)[:, 1] if n > 1 else np.full(n, 2e9)
        found = half.any(axis=1)
        doubtful |= found & (least - ranked.min(axis=1) < 1e-5)
        i = np.arange(n)
        single = np.concatenate([own(dx[i, best], dy[i, best]), own(hx[best], hy[best])], axis=1)
        singles.append(np.where(found[:, None], single, 0))
    doubtful |= (seen & (np.abs(ahead) < 1e-5)).any(axis=1)

    hunters = np.zeros((n, 4))
    if len(predators):
        px, py = (shortest(predators[:, k] - table[k][:, None], side) for k in (0, 1))
        apart = np.hypot(px, py)
        best, i = apart.argmin(axis=1), np.arange(n)
        hunter = np.concatenate([own(px[i, best], py[i, best]) / WATCH, own(*predators[best, 2:4].T)], axis=1)
        hunters = np.where((apart.min(axis=1) < WATCH)[:, None], hunter, 0)
        doubtful |= np.abs(apart.min(axis=1) - WATCH) < 1e-5

    nearest = np.where(seen, distance, np.inf).min(axis=1)
    flocking = (count >= FLOCK) & (nearest >= TOUCH) & (heading[:, 0] >= ALIGNED)
    doubtful |= (np.abs(nearest - TOUCH) < 1e-5) | (np.abs(heading[:, 0] - ALIGNED) < 1e-5)
    pace_of_own = (speed - SLOWEST) / (FASTEST - SLOWEST) * 2 - 1
    company = np.minimum(count / COMPANY, 1)
    columns = [pace_of_own, company, *centre.T, *heading.T, pace, crowding, *way_out.T]
    views = np.concatenate([np.stack(columns, axis=1), *singles, hunters], axis=1)
    cohesion = company * (1 - np.hypot(*centre.T))
    return Sight(np.clip(views, -1, 1), count, heading[:, 0], cohesion, crowding, flocking, doubtful)


def fly(table: Floats, actions: NDArray[np.int32], side: float) -> Floats:
    """The first five rows after everyone moved."""
    x, y, hx, hy, speed = table
    thrust, turn = np.divmod(actions, 3)
    heading = turned(np.array([hx, hy]), (turn - 1) * TURN)
    speed = np.clip(speed + (thrust - 1) * THRUST, SLOWEST, FASTEST)
    return np.array([(x + speed * heading[0]) % side, (y + speed * heading[1]) % side, *heading, speed])


def hunt(predators: Floats, table: Floats, company: Floats, side: float) -> tuple[Floats, set[int]]:
    """The predators after their move, and whom they caught."""
    after, caught = predators.copy(), set()
    for row in after:
        offset = shortest(table[:2] - row[:2, None], side)
        if row[5] == 0:
            choice = ((offset**2).sum(axis=0) * (1 + company)).argmin()
            row[4:] = (choice, HUNT) if row[4] == -1 else (-1, REST)
        row[5] -= 1
        prey, speed = int(row[4]), HUNT_SLOW
        if prey >= 0:
            wanted = np.arctan2(offset[1, prey], offset[0, prey])
            change = (wanted - np.arctan2(row[3], row[2]) + np.pi) % (2 * np.pi) - np.pi
            row[2:4] = turned(row[2:4], float(np.clip(change, -HUNT_TURN, HUNT_TURN)))
            speed = HUNT_SPEED if abs(change) <= HUNT_TURN else HUNT_SLOW
        row[:2] = (row[:2] + speed * row[2:4]) % side
        if prey >= 0 and np.hypot(*shortest(table[:2, prey] - row[:2], side)) < CATCH:
            caught.add(prey)
            row[4:] = -1, REST
    return after, caught


def rows_of(env: Environment, world: int = 0) -> tuple[Floats, Floats]:
    """Copies of the table and of the predators there are."""
    state = env.state(world)
    return state.table.astype(np.float64), state.predator[: int(state.predators)].astype(np.float64)


def put(env: Environment, row: int, values: Any, world: int = 0) -> None:
    """Write a row of the table, which Python may only read."""
    target = env.state(world).table[row]
    source = np.ascontiguousarray(np.broadcast_to(np.float32(values), target.shape))
    ctypes.memmove(target.ctypes.data, source.ctypes.data, source.nbytes)


def close_on_circle(actual: Floats, expected: Floats, side: float, where: str) -> None:
    np.testing.assert_allclose(shortest(actual - expected, side), 0, atol=CLOSE, err_msg=where)


def check_step(env: Environment, actions: NDArray[np.int32], where: str) -> set[int]:
    """One step of a single world, everything about it compared. Returns who was caught."""
    side = float(env.state().side)
    settings = env.settings
    before, hunters = rows_of(env)
    flown = fly(before[: SPEED + 1], actions, side)
    moved, caught = hunt(hunters, flown, before[NEIGHBOURS], side)
    env.step(actions)
    after, hunters_after = rows_of(env)
    terminals = np.isin(np.arange(env.num_agents), list(caught))
    np.testing.assert_array_equal(env.terminals, terminals, where)
    late = before[AGE].max() + 1 >= settings["max_steps"] if not len(hunters) else bool(env.truncations.any())
    np.testing.assert_array_equal(env.truncations, late & ~terminals, where)

    sight = look(flown, moved, side)
    sure = ~sight.doubtful
    kept = (
        settings["alignment"] * sight.alignment
        + settings["cohesion"] * sight.cohesion
        - settings["separation"] * sight.crowding
    )
    expected = np.where(terminals, settings["reward_caught"], kept)
    np.testing.assert_allclose(env.rewards[sure], expected[sure], atol=CLOSE, err_msg=where)
    ended = (terminals | late) & sure
    np.testing.assert_allclose(env.final_observations[ended], sight.views[ended], atol=CLOSE, err_msg=where)

    if late:
        assert not after[AGE:].any(), where
    else:
        lives = ~terminals
        close_on_circle(after[:2, lives], flown[:2, lives], side, where)
        np.testing.assert_allclose(after[HX : SPEED + 1, lives], flown[2:, lives], atol=CLOSE, err_msg=where)
        np.testing.assert_allclose(hunters_after[:, 2:], moved[:, 2:], atol=CLOSE, err_msg=where)
        close_on_circle(hunters_after[:, :2], moved[:, :2], side, where)
        sums = before[AGE:] + np.array([np.ones(len(expected)), expected, *_merits(sight)])
        np.testing.assert_allclose(
            after[AGE:, lives & sure], sums[:, lives & sure], atol=CLOSE, rtol=1e-5, err_msg=where
        )
        assert not after[AGE:, terminals].any(), where
    check_sight(env, where)
    return caught


def _merits(sight: Sight) -> list[Floats]:
    return [sight.count, sight.alignment, sight.cohesion, sight.crowding, sight.flocking.astype(np.float64)]


def check_sight(env: Environment, where: str, most_doubtful: float = 0.1) -> Sight:
    """What is seen now against brute force, from the float32 positions that the state holds."""
    table, hunters = rows_of(env)
    sight = look(table[: SPEED + 1], hunters, float(env.state().side))
    sure = ~sight.doubtful
    assert sight.doubtful.sum() <= max(2, most_doubtful * len(sure)), where
    np.testing.assert_allclose(env.observations[sure], sight.views[sure], atol=CLOSE, err_msg=where)
    merits = np.array(_merits(sight))
    np.testing.assert_allclose(table[NEIGHBOURS:AGE, sure], merits[:, sure], atol=CLOSE, err_msg=where)
    return sight


def reynolds(views: NDArray[np.float32], rng: np.random.Generator | None = None) -> NDArray[np.int32]:
    """The three rules as instructions: a weighted sum of where they point, and the pace of the others."""
    del rng
    wish = 0.3 * views[:, 2:4] + views[:, 4:6] + 4 * views[:, 8:10]
    angle = np.arctan2(wish[:, 1], wish[:, 0])
    faster = views[:, 6] + 0.5 * views[:, 2] + 0.5 * views[:, 8]
    return (1 + np.sign(angle) * (np.abs(angle) > 0.08) + 3 + 3 * np.sign(faster) * (np.abs(faster) > 0.05)).astype(
        np.int32
    )


def at_random(views: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.int32]:
    return rng.integers(0, 9, len(views)).astype(np.int32)


WORLDS: dict[str, dict[str, float]] = {
    "one": {"boids": 1},
    "two": {"boids": 2, "density": 50},
    "smallest": {"boids": 40, "density": 50},
    "usual": {"boids": 64},
    "many": {"boids": 250, "density": 4, "separation": 0.9, "alignment": 0.1},
    "short": {"boids": 17, "density": 9, "max_steps": 7},
    "hunted": {"boids": 30, "density": 2, "predators": 6, "reward_caught": -0.5},
    "pack": {"boids": 3, "predators": 8, "max_steps": 90},
}


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("player", [at_random, reynolds])
def test_every_step_matches_all_pairs(name: str, player: Callable[..., NDArray[np.int32]]) -> None:
    rng = np.random.default_rng(1)
    with puffer_envs.make("boids", seed=2, **WORLDS[name]) as env:
        env.reset()
        check_sight(env, name)
        caught = 0
        for step in range({"many": 20, "hunted": 250, "pack": 250}.get(name, 100)):
            caught += len(check_step(env, player(env.observations, rng), f"{name}, step {step}"))
        assert (caught > 0) == (WORLDS[name].get("predators", 0) > 0)


def test_neighbours_are_seen_across_every_side_and_corner() -> None:
    """Pairs around points on the sides, in the corners and on the borders of cells."""
    rng = np.random.default_rng(3)
    with puffer_envs.make("boids", boids=200, density=8, seed=4) as env:
        env.reset()
        side = float(env.state().side)
        cells = int(side * 0.999)
        for trial in range(20):
            borders = rng.integers(0, cells + 1, (2, 200)) * side / cells
            put(env, X, (borders[0] + rng.normal(0, [0.4, 1e-4][trial % 2], 200)) % side)
            put(env, Y, (borders[1] + rng.normal(0, 0.4, 200)) % side)
            env.step(at_random(env.observations, rng))
            sight = check_sight(env, f"trial {trial}")
        assert sight.count.max() > 3


@pytest.mark.parametrize("share", [1.0, 0.7])
def test_all_in_one_place(share: float) -> None:
    """All, or most, on one point: nobody sees himself, everyone all others."""
    with puffer_envs.make("boids", boids=300, seed=5) as env:
        env.reset()
        crowd = np.arange(300) < 300 * share
        table, _ = rows_of(env)
        for row, value in ((X, 1.25), (Y, 0.0), (HX, 1.0), (HY, 0.0), (SPEED, 0.05)):
            put(env, row, np.where(crowd, value, table[row]))
        env.step(np.full(300, 4, np.int32))
        table, _ = rows_of(env)
        sight = look(table[: SPEED + 1], np.zeros((0, 5)), float(env.state().side))
        np.testing.assert_array_equal(table[NEIGHBOURS, crowd], sight.count[crowd])
        assert (table[NEIGHBOURS, crowd] >= crowd.sum() - 1).all()
        np.testing.assert_array_equal(env.observations[crowd, 7], 1)
        expected = 0.4 * sight.alignment + 0.4 * sight.cohesion - 0.6
        np.testing.assert_allclose(env.rewards[crowd], expected[crowd], atol=1e-4)
        assert np.abs(env.observations).max() <= 1


def test_largest_world() -> None:
    """The most boids at the least and at a higher density; some of them against brute force."""
    rng = np.random.default_rng(6)
    for density in (1, 20):
        with puffer_envs.make("boids", boids=65536, density=density, predators=8, seed=7) as env:
            env.reset()
            env.step(at_random(env.observations, rng))
            table, _ = rows_of(env)
            side = float(env.state().side)
            assert (table[:2] >= 0).all() and (table[:2] < side).all()
            chosen = rng.integers(0, 65536, 50)
            dx, dy = (shortest(table[k] - table[k, chosen][:, None], side) for k in (X, Y))
            distance = np.hypot(dx, dy)
            sure = (np.abs(distance - 1) > 1e-3).all(axis=1)
            assert sure.sum() > 25
            expected = (distance < 1).sum(axis=1) - 1
            np.testing.assert_array_equal(table[NEIGHBOURS, chosen][sure], expected[sure])


def test_turns_keep_headings_and_places_sound() -> None:
    """Flying in circles for long: unit vectors stay unit vectors, and a whole circle leads back."""
    with puffer_envs.make("boids", boids=5, seed=8, max_steps=1_000_000) as env:
        env.reset()
        for _ in range(10_000):
            env.step(np.full(5, 2, np.int32))
        table, _ = rows_of(env)
        np.testing.assert_allclose(np.hypot(table[HX], table[HY]), 1, atol=1e-6)
        assert (table[SPEED] == np.float32(SLOWEST)).all()


def play(player: Callable[..., NDArray[np.int32]], **settings: float) -> dict[str, float]:
    rng = np.random.default_rng(9)
    with puffer_envs.make("boids", num_envs=4, seed=10, **settings) as env:
        env.reset()
        for _ in range(1000):
            env.step(player(env.observations, rng))
        log = env.log()
        assert 0 <= log["perf"] <= 1
        return log


def test_three_rules_make_a_flock() -> None:
    random, flock = play(at_random), play(reynolds)
    assert random["perf"] < 0.02
    assert flock["perf"] > 0.9
    assert flock["alignment"] > 0.9
    assert abs(random["alignment"]) < 0.1
    assert flock["episode_return"] > 300
    assert random["episode_return"] < 50
    assert random["n"] == flock["n"] == 4 * 64


def test_log_is_means_over_lives() -> None:
    rng = np.random.default_rng(11)
    with puffer_envs.make("boids", boids=20, density=2, predators=2, max_steps=150, seed=12) as env:
        env.reset()
        lives = []
        for _ in range(600):
            before, _ = rows_of(env)
            env.step(reynolds(env.observations, rng))
            over = env.terminals | env.truncations
            for i in np.flatnonzero(over):
                lives.append((before[AGE, i] + 1, before[RETURN, i] + env.rewards[i], float(env.terminals[i])))
        lengths, returns, caught = np.array(lives).T
        log = env.log()
        assert log["n"] == len(lives) and 0 < log["caught"] < 1
        assert log["episode_length"] == pytest.approx(lengths.mean(), rel=1e-5)
        assert log["episode_return"] == pytest.approx(returns.mean(), rel=1e-4)
        assert log["caught"] == pytest.approx(caught.mean(), rel=1e-5)


def test_predators_take_stragglers() -> None:
    """A flock and a few boids beyond its sight, all at rest relative to each other: a straggler is caught first."""
    caught_alone = []
    for seed in range(10):
        with puffer_envs.make("boids", boids=32, density=1, predators=1, seed=seed) as env:
            env.reset()
            side = float(env.state().side)
            alone = np.arange(32) < 4
            ring = np.arange(28)
            put(env, X, np.where(alone, 1.0 + 2.2 * np.arange(32) % side, np.r_[0:4, side / 2 + 0.35 * (ring % 6)]))
            put(env, Y, np.where(alone, 1.0, np.r_[0:4, side / 2 + 0.35 * (ring // 6)]))
            put(env, HX, 1.0)
            put(env, HY, 0.0)
            put(env, SPEED, 0.06)
            for _ in range(900):
                env.step(np.full(32, 4, np.int32))
                if env.terminals.any():
                    caught_alone += alone[np.flatnonzero(env.terminals)].tolist()
                    break
    assert len(caught_alone) >= 8
    assert np.mean(caught_alone) > 0.6  # of 32 boids, 4 are alone


def test_caught_boids_come_back_where_no_predator_is() -> None:
    with puffer_envs.make("boids", boids=64, density=1, predators=4, seed=13) as env:
        env.reset()
        distances = []
        for _ in range(990):
            env.step(reynolds(env.observations))
            table, hunters = rows_of(env)
            for i in np.flatnonzero(env.terminals):
                offset = shortest(hunters[:, :2] - table[:2, i], float(env.state().side))
                distances.append(np.hypot(*offset.T).min())
        assert len(distances) > 5
        assert np.mean(np.array(distances) >= WATCH - 1e-4) > 0.9


def test_a_predator_exactly_on_its_prey_keeps_its_course() -> None:
    with puffer_envs.make("boids", boids=20, predators=1, seed=3) as env:
        env.reset()
        start, nothing = env.snapshot(), np.full(20, 4, np.int32)
        env.step(nothing)
        x, y = (float(env.state(0).table[row, 7]) for row in (X, Y))
        env.restore(start)
        hunters = np.array(env.state(0).predator)
        hunters[0] = x, y, 0.6, 0.8, 7, 50
        patch(env, predator=hunters)
        env.step(nothing)
        moved = np.array([HUNT_SPEED * 0.6, HUNT_SPEED * 0.8])
        assert np.flatnonzero(env.terminals).tolist() == [7]
        np.testing.assert_allclose(env.state(0).predator[0, 2:4], (0.6, 0.8), atol=1e-6)
        close_on_circle(
            env.state(0).predator[0, :2] - (x, y), moved, float(env.state(0).side), "the predator kept moving"
        )


def test_boids_at_the_very_edge_are_in_the_last_cell() -> None:
    """Of 215, the float32 just below the side is rounded up to 14 cells, of which there are no more."""
    with puffer_envs.make("boids", boids=215, seed=1) as env:
        env.reset()
        edge = np.nextafter(np.float32(env.state(0).side), np.float32(0))
        for row, heading in ((X, (0.0, 1.0)), (Y, (1.0, 0.0))):
            put(env, row, edge)
            put(env, HX, heading[0])
            put(env, HY, heading[1])
            env.step(np.full(215, 4, np.int32))
            assert (env.state(0).table[row] == edge).all()
            check_sight(env, "at the edge")

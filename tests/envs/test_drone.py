"""drone against a second reading of its rules, in NumPy and double precision: flight, goals, rings, contacts, views."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import puffer_envs
from puffer_envs import Environment, vector

Array = NDArray[np.float64]
Rows = Any
"""The state's `drones`, a record array, in double precision."""
TASKS = ("hover", "orbit", "follow", "cube", "sphere", "flag", "congo", "race")
DT, GRAVITY, TOP = 0.01, 9.81, 20.0
DERIVED = ("lift", "agility", "gyro", "velocity_kept", "rates_kept", "response")
BODY = ("mass", "radius", "arm", "thrust", "inertia", *DERIVED)


def make(task: str, num_envs: int = 1, **settings: Any) -> Environment:
    weights = {name: float(name == task) for name in TASKS}
    env = puffer_envs.make("drone", num_envs, **{"seed": 1, **weights, **settings})
    env.reset()
    return env


def rows_of(env: Environment, index: int = 0) -> Rows:
    drones = env.state(index).drones
    doubles = [(name, np.float64, drones.dtype[name].shape) for name in drones.dtype.names]
    return drones.astype(doubles).view(np.recarray)


def all_rows(env: Environment) -> Rows:
    return np.concatenate([rows_of(env, i) for i in range(env.num_envs)]).view(np.recarray)


def columns_of(rows: Rows, *names: str) -> Array:
    return np.column_stack([rows[name] for name in names])


def goals_of(rows: Rows, tick: float) -> Array:
    return np.asarray(rows.goal + rows.swing * np.sin(rows.pace * tick * 0.02 + rows.phase))


def rotations_of(rows: Rows) -> Array:
    """(n, 3, 3): from the drones' axes to the world's, by turning the three unit vectors with quaternions."""
    w, v = rows.attitude[:, :1], rows.attitude[:, 1:]
    columns = []
    for unit in np.eye(3):
        t = 2 * np.cross(v, unit)
        columns.append(unit + w * t + np.cross(v, t))
    return np.stack(columns, axis=2)


def fly(rows: Rows, actions: Array) -> tuple[Rows, NDArray[np.bool_]]:
    """One step of free flight from the parts of the bodies, and who hit the ground hard."""
    rows, hard = rows.copy(), np.zeros(len(rows), bool)
    mass, inertia = rows.mass[:, None], rows.inertia
    lag = DT / rows.response[:, None] - DT
    side = rows.arm[:, None] / np.sqrt(2)
    places = [np.concatenate([x * side, y * side, 0 * side], axis=1) for x, y in ((1, 1), (1, -1), (-1, -1), (-1, 1))]
    for _ in range(2):
        rows.rotors += DT / (lag + DT) * ((1 + actions) / 2 - rows.rotors)
        thrusts = rows.thrust[:, None] * rows.rotors**2
        torque = np.zeros((len(rows), 3))
        for rotor, place in enumerate(places):
            force = np.column_stack([np.zeros((len(rows), 2)), thrusts[:, rotor]])
            torque += np.cross(place, force)
            torque[:, 2] += (0.016, -0.016, 0.016, -0.016)[rotor] * thrusts[:, rotor]

        def turning(rates: Array, torque: Array = torque) -> Array:
            return np.asarray((torque - np.cross(rates, inertia * rates)) / inertia)

        middle = rows.rates + DT / 2 * turning(rows.rates)
        rates = (rows.rates + DT * turning(middle)) * rows.rates_kept[:, None]
        rows.rates = np.clip(rates, -TOP, TOP)
        w, v, o = rows.attitude[:, :1].copy(), rows.attitude[:, 1:].copy(), rows.rates
        rows.attitude[:, :1] = w - DT / 2 * (v * o).sum(1, keepdims=True)
        rows.attitude[:, 1:] = v + DT / 2 * (w * o + np.cross(v, o))
        rows.attitude /= np.linalg.norm(rows.attitude, axis=1, keepdims=True)
        up = rotations_of(rows)[:, :, 2]
        push = thrusts.sum(1, keepdims=True) / mass * up - (0, 0, GRAVITY)
        rows.velocity = np.clip((rows.velocity + DT * push) * rows.velocity_kept[:, None], -TOP, TOP)
        rows.position += DT * rows.velocity
        ground = rows.position[:, 2] < 0
        hard |= ground & ((rows.velocity[:, 2] < -1.5) | (up[:, 2] < 0.5))
        rows.position[ground, 2] = 0
        rows.velocity[ground] = 0
    return rows, hard


def steer(rows: Rows, acceleration: Array) -> NDArray[np.float32]:
    """A cascade: thrust along the wanted acceleration, turn rates towards that, torques towards those."""
    wanted = np.clip(acceleration, -8, 8) + np.array((0, 0, GRAVITY))
    wanted[:, 2] = np.maximum(wanted[:, 2], 2)
    turns = rotations_of(rows)
    seen = np.einsum("nji,nj->ni", turns, wanted / np.linalg.norm(wanted, axis=1, keepdims=True))
    rates = 9 * np.cross((0, 0, 1), seen) * (1, 1, 0)
    speed_up = 16 * (rates - rows.rates) * (1, 1, 0.3)
    gains = rows.agility
    lift = np.maximum((turns[:, :, 2] * wanted).sum(1), 2) / rows.lift / 4
    roll, pitch, yaw = np.clip((speed_up / gains / 4).T, -1, 1)
    yaw = np.clip(yaw, -0.1, 0.1)
    squares = lift + np.array([roll - pitch + yaw, -roll - pitch - yaw, -roll + pitch + yaw, roll + pitch - yaw])
    return np.asarray(2 * np.sqrt(np.clip(squares, 0, 1)) - 1, np.float32).T.copy()


def towards(rows: Rows, targets: Array, speed: float, drift: Any = 0.0) -> NDArray[np.float32]:
    way = targets - rows.position
    distance = np.linalg.norm(way, axis=1, keepdims=True)
    return steer(rows, 3 * (way * np.minimum(2, speed / np.maximum(distance, 1e-9)) + drift - rows.velocity))


def close_to(found: Array, expected: Array, tolerance: float) -> None:
    assert np.abs(found - expected).max() < tolerance


def test_flight_matches_an_integrator_of_forces_and_torques() -> None:
    rng = np.random.default_rng(1)
    compared = crashed = 0
    with make("hover", 16, num_drones=1) as env:
        actions = np.zeros((16, 4))
        for step in range(300):
            if step % 5 == 0:
                actions = np.clip(rng.normal(0, rng.choice([0.05, 0.5]), (16, 4)), -1, 1)
            expected, hard = fly(all_rows(env), actions.astype(np.float32))
            env.step(actions.astype(np.float32))
            flying = ~(env.terminals | env.truncations)
            outside = (np.abs(expected.position[:, :2]) > env.state(0).half).any(1)
            outside |= expected.position[:, 2] > env.state(0).height
            assert (env.terminals == hard | outside).all()
            found = all_rows(env)
            for part, tolerance in (
                ("position", 2e-5),
                ("velocity", 1e-4),
                ("attitude", 1e-5),
                ("rates", 3e-4),
                ("rotors", 1e-6),
            ):
                close_to(found[part][flying], expected[part][flying], tolerance)
            compared += int(flying.sum())
            crashed += int(hard.sum())
    assert compared > 4000 and crashed > 20


def test_free_fall_without_air_loses_just_what_the_integrator_takes() -> None:
    """Semi-implicit Euler takes g^2 dt^2 / 2 of energy per mass in each substep of free fall, and no momentum."""
    still = np.full((64, 4), -1, np.float32)
    with make("hover", air=0.0) as env:
        for _ in range(14):
            env.step(still)  # the rotors come to rest
        for _ in range(8):
            before = rows_of(env)
            env.step(still)
            after = rows_of(env)
            falling = (after.position[:, 2] > 0.1) & (after.age == before.age + 1) & (after.contact == 0)
            falling &= after.age > 14
            assert falling.sum() > 10
            before, after = before[falling], after[falling]
            close_to(after.velocity - before.velocity, np.array([[0, 0, -2 * DT * GRAVITY]]), 1e-4)
            energies = [GRAVITY * r.position[:, 2] + (r.velocity**2).sum(1) / 2 for r in (before, after)]
            close_to(energies[1] - energies[0], np.array(-((GRAVITY * DT) ** 2)), 2e-3)


def test_angular_momentum_stays_without_torque() -> None:
    rng = np.random.default_rng(2)
    with make("hover", air=0.0) as env:
        for _ in range(6):
            env.step(rng.uniform(-1, 1, (64, 4)).astype(np.float32))
        for _ in range(10):
            env.step(np.full((64, 4), -1, np.float32))
        first = rows_of(env)
        for _ in range(10):
            env.step(np.full((64, 4), -1, np.float32))
        last = rows_of(env)
        flying = (last.age == first.age + 10) & (np.abs(last.rates).max(1) < 15) & (last.position[:, 2] > 0)
        flying &= np.linalg.norm(first.rates, axis=1) > 2
        spins = [np.einsum("nij,nj->ni", rotations_of(r), r.inertia * r.rates)[flying] for r in (first, last)]
        assert flying.sum() > 10
        # of the order of the time step: 0.1 s of tumbling at up to 15 rad/s
        assert (np.linalg.norm(spins[1] - spins[0], axis=1) / np.linalg.norm(spins[0], axis=1)).max() < 0.05


def test_hovering_takes_the_thrust_that_the_weight_says() -> None:
    with make("hover", 8, num_drones=8) as env:
        rows = all_rows(env)
        action = 2 * np.sqrt(rows.mass * GRAVITY / (4 * rows.thrust)) - 1
        for _ in range(30):
            env.step(np.repeat(action[:, None], 4, axis=1).astype(np.float32))
        rows = all_rows(env)
        lift = (rows.rotors**2).sum(1) * rows.thrust
        assert lift == pytest.approx(rows.mass * GRAVITY, rel=1e-3)
        assert np.ptp(action) > 0.2  # bodies differ
    with make("hover", 1, num_drones=8, randomize=0.0) as env:
        rows = rows_of(env)
        assert np.ptp(columns_of(rows, *BODY), axis=0).max() == 0
        assert 4 * rows.thrust[0] * 0.5**2 == pytest.approx(rows.mass[0] * GRAVITY, rel=1e-6)


def test_every_life_has_a_new_body_within_the_stated_spread() -> None:
    with make("hover", 4) as env:
        rows = all_rows(env)
        nominal = {"mass": (0.6, 0.3), "radius": (0.15, 0.2), "thrust": (0.6 * GRAVITY, 0.2)}
        drawn = {name: (rows[name], *limits) for name, limits in nominal.items()}
        drawn |= {"x": (rows.inertia[:, 0], 0.004, 0.3), "z": (rows.inertia[:, 2], 0.007, 0.3)}
        for found, value, spread in drawn.values():
            factors = found / value
            assert np.abs(factors - 1).max() <= spread + 1e-6 and np.abs(factors - 1).max() > 0.8 * spread
        for _ in range(110):
            env.step(np.full((256, 4), -1, np.float32))
        assert env.log()["crashes"] == 1
        assert (all_rows(env).mass != rows.mass).all()


@pytest.mark.parametrize("count", [1, 5, 64, 200])
@pytest.mark.parametrize("task", TASKS[:-1])
def test_formations_keep_their_distance_inside_the_room(task: str, count: int) -> None:
    with make(task, num_drones=count) as env:
        state, rows = env.state(0), rows_of(env)
        for tick in range(0, 1024, 111):
            goals = goals_of(rows, tick)
            apart = np.linalg.norm(goals[:, None] - goals[None], axis=2) + 1e9 * np.eye(count)
            assert apart.min() > 0.99
            assert (np.abs(goals[:, :2]) < state.half - 1).all()
            assert (goals[:, 2] > 1.99).all() and (goals[:, 2] < state.height - 1.9).all()


def test_formations_are_what_they_are_called() -> None:
    with make("cube", num_drones=64) as env:
        local = np.abs(rows_of(env).swing[:, :2] * np.sin(rows_of(env).phase[:, :2]))
        height = np.abs(rows_of(env).goal[:, 2] - env.state(0).center[2])
        at = np.column_stack([local, height]) / float(env.state(0).size)
        assert ((at > 1 - 1e-5).sum(1) >= 2).all() and ((at > 1 - 1e-5).sum(1) == 3).sum() == 8
    with make("sphere") as env:
        away = goals_of(rows_of(env), 77) - env.state(0).center
        assert np.linalg.norm(away, axis=1) == pytest.approx(float(env.state(0).size), rel=1e-5)
    with make("flag") as env:
        rows = rows_of(env)
        columns = np.unique(np.round(rows.goal[:, 0], 3))
        assert len(columns) == 13 and np.diff(columns) == pytest.approx(1, abs=2e-3)
        assert np.abs(rows.swing).max() == 0.5 and (rows.swing[:, [0, 2]] == 0).all()
    with make("congo") as env:
        rows = rows_of(env)
        ticks = (rows.phase[0][0] - rows.phase[1][0]) / rows.pace[0][0] / 0.02
        for later in (50, 300):
            close_to(goals_of(rows, later)[1:], goals_of(rows, later - ticks)[:-1], 1e-4)
        assert ticks > 0
    with make("follow") as env:
        rows = rows_of(env)
        moves = goals_of(rows, 200) - goals_of(rows, 0)
        assert np.ptp(moves, axis=0).max() < 1e-9 and np.abs(moves).max() > 0.3


def test_distances_to_the_goal_and_time_at_it() -> None:
    with make("orbit", num_drones=16, max_steps=400) as env:
        within = np.zeros(16)
        for step in range(1, 400):
            rows = rows_of(env)
            env.step(towards(rows, goals_of(rows, step), 4))
            after = rows_of(env)
            same = after.age == step
            away = np.linalg.norm(goals_of(after, step) - after.position, axis=1)
            close_to(after.distance[same], away[same], 1e-4)
            within += (after.distance < 0.3) & (after.age > 150)
            assert (after.within[same] == within[same]).all()
        env.step(np.zeros((16, 4), np.float32))
        assert env.truncations.all() and env.log()["perf"] == pytest.approx(within.mean() / 250, abs=0.005)


def test_rings_count_when_passed_in_order_from_the_right_side() -> None:
    """A pilot that aims beside the middles; every crossing of a plane is judged by geometry alone."""
    rng = np.random.default_rng(3)
    passed = missed = backwards = 0
    with make("race") as env:
        offsets = rng.uniform(-1.3, 1.3, (64, 3))
        for _ in range(350):
            rows = rows_of(env)
            gates = env.state(0).gates
            number = rows.ring.astype(int)
            centers, ways = (np.asarray(x[number], np.float64) for x in (gates.center, gates.direction))
            beyond = ((rows.position - centers) * ways).sum(1, keepdims=True)
            depth = np.select([beyond > 0, beyond > -2], [-3.0, 3.0], 0.0)  # those who missed come back from behind
            aim = centers + offsets + depth * ways
            env.step(towards(rows, aim, 5))
            after = rows_of(env)
            for i in np.flatnonzero(~(env.terminals | env.truncations)):
                center, way = centers[i], ways[i]
                one, two = rows.position[i] - center, after.position[i] - center
                crossing = one @ way < 0 <= two @ way
                part = one @ way / (one @ way - two @ way) if crossing else 0.0
                distance = np.linalg.norm(one + part * (two - one))
                if min(abs(one @ way), abs(two @ way)) < 1e-5 or abs(distance - 1.2) < 1e-4:
                    continue  # float32 may see this otherwise
                through = crossing and distance < 1.2
                assert after.rings[i] - rows.rings[i] == through
                assert after.ring[i] == (number[i] + through) % 10
                assert (env.rewards[i] > 0.3) == through
                passed += through
                missed += crossing and not through
                backwards += two @ way < 0 <= one @ way
                if through:
                    offsets[i] = rng.uniform(-1.3, 1.3, 3)
    assert passed > 50 and missed > 10 and backwards > 10


def test_courses_are_closed_and_look_ahead() -> None:
    with make("race", 16) as env:
        for i in range(16):
            gates = env.state(i).gates
            centers, ways = np.asarray(gates.center, np.float64), np.asarray(gates.direction, np.float64)
            assert np.linalg.norm(ways, axis=1) == pytest.approx(1, abs=1e-6)
            ahead = np.roll(centers, -1, 0) - np.roll(centers, 1, 0)
            assert (ahead * ways).sum(1) == pytest.approx(np.linalg.norm(ahead, axis=1), rel=1e-5)
            assert np.linalg.norm(np.roll(centers, -1, 0) - centers, axis=1).min() > 2.5


def test_contacts_keep_momentum_and_energy() -> None:
    rng = np.random.default_rng(4)
    events = 0
    with make("race", num_drones=64) as env:
        for _ in range(150):
            rows = rows_of(env)
            actions = towards(rows, rows.goal + rng.normal(0, 0.2, (64, 3)), 5)
            free, _ = fly(rows, actions)
            env.step(actions)
            after = rows_of(env)
            if env.terminals.any():
                continue
            apart = np.linalg.norm(free.position[:, None] - free.position[None], axis=2) + 9 * np.eye(64)
            reach = free.radius[:, None] + free.radius[None]
            if np.abs(apart - reach).min() > 1e-4:
                assert (after.contact == (apart < reach).any(1)).all()
                assert (after.contacts - rows.contacts == after.contact).all()
            untouched = after.contact == 0
            close_to(after.velocity[untouched], free.velocity[untouched], 1e-4)
            mass = free.mass[:, None]
            close_to((mass * after.velocity).sum(0), (mass * free.velocity).sum(0), 1e-3)
            energies = [float((mass * r.velocity**2).sum()) for r in (after, free)]
            assert energies[0] == pytest.approx(energies[1], rel=1e-4)
            events += int(np.abs(after.velocity - free.velocity).max() > 0.1)
    assert events > 10


@pytest.mark.parametrize("count", [1, 3, 33, 64])
def test_views_match_what_a_slow_observer_computes(count: int) -> None:
    rng = np.random.default_rng(5)
    with puffer_envs.make("drone", 4, seed=6, num_drones=count, neighbours=8) as env:
        env.reset()
        for step in range(1, 120):
            env.step(np.clip(rng.normal(0, 0.1, (4 * count, 4)), -1, 1).astype(np.float32))
            if step % 20 == 0:
                for world in range(4):
                    check_views(rows_of(env, world), step, env.observations[world * count : (world + 1) * count])


def check_views(rows: Rows, tick: int, seen: NDArray[np.float32]) -> None:
    own = rotations_of(rows)
    count = len(rows)

    def turned(vectors: Array) -> Array:
        return np.clip(np.einsum("nji,nj->ni", own, vectors), -1, 1)

    def soft(ways: Array, softness: float) -> Array:
        return np.asarray(ways / (np.linalg.norm(ways, axis=1, keepdims=True) + softness))

    way = goals_of(rows, tick) - rows.position
    drift = rows.swing * rows.pace * np.cos(rows.pace * tick * 0.02 + rows.phase)
    races, one, two = rows.races[:, None], rows.ring_direction, rows.next_direction
    parts = [
        turned(rows.velocity / 8),
        np.clip(rows.rates / 8, -1, 1),
        own[:, 2, :],
        2 * rows.rotors - 1,
        np.clip(rows.position[:, 2:] / 4 - 1, -1, 1),
        np.clip(np.linalg.norm(way, axis=1, keepdims=True) / 2 - 1, -1, 1),
        turned(soft(way, 0.5)),
        turned(way / 16),
        turned(drift / 8),
        turned(rows.ring_direction),
        turned(soft((rows.next_ring - rows.position) * races, 4)),
        (one[:, :2] * two[:, :2]).sum(1, keepdims=True),
        (one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0])[:, None],
    ]
    for rank in range(8):
        near, relative = np.zeros((count, 3)), np.zeros((count, 3))
        for i in range(count):
            away = np.linalg.norm(rows.position - rows.position[i], axis=1)
            away[i] = np.inf
            order = np.argsort(away, kind="stable")
            if rank < count - 1:
                other = rows[order[rank]]
                near[i] = other.position - rows.position[i]
                relative[i] = other.velocity - rows.velocity[i]
        parts += [turned(soft(near, 0.5)), turned(relative / 8)]
    close_to(seen.astype(np.float64), np.concatenate(parts, axis=1), 2e-4)


@pytest.mark.parametrize("count", [1, 5, 16, 20])
def test_any_number_of_worlds_gives_the_same_bits(count: int) -> None:
    """Small worlds share lanes: a world must not notice which others it is with."""
    rng = np.random.default_rng(7)
    actions = np.clip(rng.normal(0, 0.3, (150, 17 * count, 4)), -1, 1).astype(np.float32)
    results = {}
    for worlds in (1, 16, 17):
        with puffer_envs.make("drone", worlds, seed=8, num_drones=count, max_steps=100) as env:
            env.reset()
            seen = []
            for action in actions:
                env.step(action[: worlds * count])
                parts = (env.observations, env.final_observations, env.rewards[:, None], env.terminals[:, None])
                seen.append(np.concatenate([p[:count].astype(np.float32) for p in parts], axis=1))
            results[worlds] = np.stack(seen).tobytes(), rows_of(env).tobytes()
    assert results[1] == results[16] == results[17]


def play(task: str, steps: int, scripted: bool, count: int = 16) -> dict[str, float]:
    rng = np.random.default_rng(9)
    with make(task, num_drones=count, max_steps=steps) as env:
        for step in range(1, steps + 1):
            rows = rows_of(env)
            if not scripted:
                env.step(rng.uniform(-1, 1, (count, 4)).astype(np.float32))
                continue
            goals = goals_of(rows, step)
            if task == "race":
                beyond = ((rows.position - goals) * rows.ring_direction).sum(1, keepdims=True)
                goals = goals + np.where(beyond > -3, 0.8, -1.0) * rows.ring_direction
            drift = (goals_of(rows, step) - goals_of(rows, step - 1)) / (2 * DT)
            env.step(towards(rows, goals, 5 if task == "race" else 4, drift))
        return dict(env.log())


@pytest.mark.parametrize("task", ["hover", "cube", "flag"])
def test_a_cascade_of_controllers_holds_formations(task: str) -> None:
    scripted, random = play(task, 400, True), play(task, 400, False)
    assert scripted["perf"] > 0.6 and random["perf"] < 0.05
    assert scripted[f"{task}.n"] == scripted["n"] and scripted[f"{task}.perf"] == pytest.approx(scripted["perf"])


def test_a_cascade_of_controllers_races() -> None:
    scripted, random = play("race", 700, True, 4), play("race", 700, False)
    assert scripted["rings"] > 5 and random["rings"] < 0.5
    assert scripted["race.rings"] == scripted["rings"] == pytest.approx(scripted["score"])


def test_a_lost_drone_counts_for_the_time_that_it_missed() -> None:
    with make("hover", num_drones=1, max_steps=1000) as env:
        for step in range(1, 400):
            rows = rows_of(env)
            env.step(towards(rows, goals_of(rows, step), 4))
        within = rows_of(env).within[0]
        assert within > 200
        while not env.terminals[0]:
            env.step(np.full((1, 4), -1, np.float32))
            within = max(within, rows_of(env).within[0])
        assert env.log()["perf"] == pytest.approx(within / 850, abs=0.01)


def test_tasks_are_drawn_by_their_weights() -> None:
    with puffer_envs.make("drone", 2000, seed=10, num_drones=1) as env:
        env.reset()
        tasks = np.bincount([int(env.state(i).task) for i in range(2000)], minlength=8)
    assert abs(tasks[7] - 1000) < 100 and (np.abs(tasks[:7] - 1000 / 7) < 50).all()
    with pytest.raises(ValueError, match="every task has weight 0"):
        puffer_envs.make("drone", **dict.fromkeys(TASKS, 0.0))


@pytest.mark.parametrize("task", TASKS)
def test_a_task_by_name_is_its_weight_alone(task: str) -> None:
    with puffer_envs.make("drone", 4, seed=1, task=task) as named, make(task, 4) as weighted:
        named.reset()
        for env in (named, weighted):
            for _ in range(20):
                env.step(np.full(env.actions.shape, 0.1, np.float32))
        assert named.state_hash() == weighted.state_hash()
        assert int(named.state(0).task) == TASKS.index(task)
        assert named.settings["task"] == task


def test_a_task_is_set_by_name_while_it_runs(tmp_path: Path) -> None:
    with vector.make("drone", 3, backend="serial", task="flag", num_drones=2, max_steps=8) as env:
        env.reset(0)
        snapshot = env.snapshot()
        env.set("task", "race", [1])
        for _ in range(8):
            env.step(np.zeros_like(env.actions))
        assert [env.env_settings(i)["task"] for i in range(3)] == ["flag", "race", "flag"]
        with pytest.raises(ValueError, match=r"got 'rase'. Did you mean 'race'\?"):
            env.set("task", "rase", [1])
        env.restore(snapshot)
        assert env.env_settings(1)["task"] == "flag"
    with puffer_envs.make("drone", task="cube", num_drones=2) as env:
        env.start_replay(0)
        env.step(np.zeros_like(env.actions))
        env.save_replay(tmp_path / "cube.puf")
    replay = puffer_envs.Replay.load(tmp_path / "cube.puf")
    assert replay.settings["task"] == "cube"
    assert len(list(replay.play())) == 2


@pytest.mark.parametrize(
    "settings",
    [
        {"num_drones": 256, "neighbours": 8, "max_steps": 20},
        {"num_drones": 1, "neighbours": 0, "max_steps": 1},
        {"num_drones": 7, "neighbours": 8, "air": 10.0, "reward_ring": 10.0, "reward_lost": -10.0},
        {"num_drones": 2, "neighbours": 1, "air": 0.0, "max_steps": 32767},
    ],
)
def test_extreme_settings_and_actions(settings: dict[str, Any]) -> None:
    rng = np.random.default_rng(11)
    with puffer_envs.make("drone", 3, seed=12, **settings) as env:
        env.reset()
        for step in range(120):
            scale = (1e30, 1.0, 0.1)[step % 3]
            env.step((rng.choice([-1, 1], env.actions.shape) * scale).astype(np.float32))
            assert (np.abs(env.observations) <= 1).all() and np.isfinite(env.rewards).all()
            rows = all_rows(env)
            assert all(np.isfinite(rows[name]).all() for name in rows.dtype.names)
            assert (np.abs(rows.velocity) <= TOP + 1e-3).all()


def test_two_drones_in_one_place_touch_and_fly_on() -> None:
    """There is no line between them along which they could push each other."""
    with make("hover", num_drones=2) as env:
        table = env.state(0).drones
        twins = np.repeat(np.array(table)[:1], 2)
        ctypes.memmove(table.ctypes.data, twins.ctypes.data, twins.nbytes)
        free, _ = fly(rows_of(env), np.zeros((2, 4)))
        env.step(np.zeros((2, 4), np.float32))
        after = rows_of(env)
        assert (after.position[0] == after.position[1]).all() and (after.contact == 1).all()
        close_to(after.velocity, free.velocity, 1e-4)


def test_hundreds_of_lives_begin_in_one_step() -> None:
    """More than are observed together: each world sees what it would see among fewer."""
    seen = {}
    for worlds in (100, 300):
        with puffer_envs.make("drone", worlds, seed=8, num_drones=1, max_steps=2) as env:
            env.reset()
            for _ in range(3):
                env.step(np.zeros((worlds, 4), np.float32))
                seen[worlds, int(env.truncations.all())] = env.observations[:100].copy()
            rows = all_rows(env)
            assert len(np.unique(rows.position, axis=0)) == worlds
    assert sorted(seen) == [(100, 0), (100, 1), (300, 0), (300, 1)]
    for ended in (0, 1):
        assert (seen[100, ended] == seen[300, ended]).all()

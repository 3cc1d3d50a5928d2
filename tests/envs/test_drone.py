"""drone against a second reading of its rules, in NumPy and double precision: flight, goals, rings, contacts, views."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import puffer_envs
from puffer_envs import Environment

Array = NDArray[np.float64]
TASKS = ("hover", "orbit", "follow", "cube", "sphere", "flag", "congo", "race")
DT, GRAVITY, TOP = 0.01, 9.81, 20.0
POSITION, VELOCITY, ATTITUDE, RATES, ROTORS = slice(0, 3), slice(3, 6), slice(6, 10), slice(10, 13), slice(16, 20)
AGE, WITHIN, SLOW, CALM, FOLLOWS, FAR, TOUCHES = 13, 14, 27, 28, 29, 30, 31
GOAL, SWING, PACE, PHASE = slice(32, 35), slice(35, 38), slice(38, 41), slice(41, 44)
NORMAL, MASS, RADIUS, ARM, THRUST, INERTIA = slice(44, 47), 54, 55, 56, 57, slice(58, 61)
CONTACTS, RINGS, RING = 61, 62, 63


def make(task: str, num_envs: int = 1, **settings: Any) -> Environment:
    weights = {name: float(name == task) for name in TASKS}
    env = puffer_envs.make("drone", num_envs, **{"seed": 1, **weights, **settings})
    env.reset()
    return env


def rows_of(env: Environment, index: int = 0) -> Array:
    return np.array(env.state(index).drones, np.float64)


def all_rows(env: Environment) -> Array:
    return np.concatenate([rows_of(env, i) for i in range(env.num_envs)])


def goals_of(rows: Array, tick: float) -> Array:
    return np.asarray(rows[:, GOAL] + rows[:, SWING] * np.sin(rows[:, PACE] * tick * 0.02 + rows[:, PHASE]))


def rotations_of(rows: Array) -> Array:
    """(n, 3, 3): from the drones' axes to the world's, by turning the three unit vectors with quaternions."""
    w, v = rows[:, 6:7], rows[:, 7:10]
    columns = []
    for unit in np.eye(3):
        t = 2 * np.cross(v, unit)
        columns.append(unit + w * t + np.cross(v, t))
    return np.stack(columns, axis=2)


def fly(rows: Array, actions: Array) -> tuple[Array, NDArray[np.bool_]]:
    """One step of free flight from the parts of the bodies, and who hit the ground hard."""
    rows, hard = rows.copy(), np.zeros(len(rows), bool)
    mass, inertia = rows[:, MASS, None], rows[:, INERTIA]
    lag = DT / rows[:, FOLLOWS, None] - DT
    side = rows[:, ARM, None] / np.sqrt(2)
    places = [np.concatenate([x * side, y * side, 0 * side], axis=1) for x, y in ((1, 1), (1, -1), (-1, -1), (-1, 1))]
    for _ in range(2):
        rows[:, ROTORS] += DT / (lag + DT) * ((1 + actions) / 2 - rows[:, ROTORS])
        thrusts = rows[:, THRUST, None] * rows[:, ROTORS] ** 2
        torque = np.zeros((len(rows), 3))
        for rotor, place in enumerate(places):
            force = np.column_stack([np.zeros((len(rows), 2)), thrusts[:, rotor]])
            torque += np.cross(place, force)
            torque[:, 2] += (0.016, -0.016, 0.016, -0.016)[rotor] * thrusts[:, rotor]

        def turning(rates: Array, torque: Array = torque) -> Array:
            return np.asarray((torque - np.cross(rates, inertia * rates)) / inertia)

        middle = rows[:, RATES] + DT / 2 * turning(rows[:, RATES])
        rates = (rows[:, RATES] + DT * turning(middle)) * rows[:, CALM, None]
        rows[:, RATES] = np.clip(rates, -TOP, TOP)
        w, v, o = rows[:, 6:7].copy(), rows[:, 7:10].copy(), rows[:, RATES]
        rows[:, 6:7] = w - DT / 2 * (v * o).sum(1, keepdims=True)
        rows[:, 7:10] = v + DT / 2 * (w * o + np.cross(v, o))
        rows[:, ATTITUDE] /= np.linalg.norm(rows[:, ATTITUDE], axis=1, keepdims=True)
        up = rotations_of(rows)[:, :, 2]
        push = thrusts.sum(1, keepdims=True) / mass * up - (0, 0, GRAVITY)
        rows[:, VELOCITY] = np.clip((rows[:, VELOCITY] + DT * push) * rows[:, SLOW, None], -TOP, TOP)
        rows[:, POSITION] += DT * rows[:, VELOCITY]
        ground = rows[:, 2] < 0
        hard |= ground & ((rows[:, 5] < -1.5) | (up[:, 2] < 0.5))
        rows[ground, 2] = 0
        rows[ground, VELOCITY] = 0
    return rows, hard


def steer(rows: Array, acceleration: Array) -> NDArray[np.float32]:
    """A cascade: thrust along the wanted acceleration, turn rates towards that, torques towards those."""
    wanted = np.clip(acceleration, -8, 8) + np.array((0, 0, GRAVITY))
    wanted[:, 2] = np.maximum(wanted[:, 2], 2)
    turns = rotations_of(rows)
    seen = np.einsum("nji,nj->ni", turns, wanted / np.linalg.norm(wanted, axis=1, keepdims=True))
    rates = 9 * np.cross((0, 0, 1), seen) * (1, 1, 0)
    speed_up = 16 * (rates - rows[:, RATES]) * (1, 1, 0.3)
    gains = rows[:, 21:24]
    lift = np.maximum((turns[:, :, 2] * wanted).sum(1), 2) / rows[:, 20] / 4
    roll, pitch, yaw = np.clip((speed_up / gains / 4).T, -1, 1)
    yaw = np.clip(yaw, -0.1, 0.1)
    squares = lift + np.array([roll - pitch + yaw, -roll - pitch - yaw, -roll + pitch + yaw, roll + pitch - yaw])
    return np.asarray(2 * np.sqrt(np.clip(squares, 0, 1)) - 1, np.float32).T.copy()


def towards(rows: Array, targets: Array, speed: float, drift: Any = 0.0) -> NDArray[np.float32]:
    way = targets - rows[:, POSITION]
    distance = np.linalg.norm(way, axis=1, keepdims=True)
    return steer(rows, 3 * (way * np.minimum(2, speed / np.maximum(distance, 1e-9)) + drift - rows[:, VELOCITY]))


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
            outside = (np.abs(expected[:, :2]) > env.state(0).half).any(1) | (expected[:, 2] > env.state(0).height)
            assert (env.terminals == hard | outside).all()
            found = all_rows(env)
            for part, tolerance in (
                (POSITION, 2e-5),
                (VELOCITY, 1e-4),
                (ATTITUDE, 1e-5),
                (RATES, 3e-4),
                (ROTORS, 1e-6),
            ):
                close_to(found[flying, part], expected[flying, part], tolerance)
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
            falling = (after[:, 2] > 0.1) & (after[:, AGE] == before[:, AGE] + 1) & (after[:, TOUCHES] == 0)
            falling &= after[:, AGE] > 14
            assert falling.sum() > 10
            before, after = before[falling], after[falling]
            close_to(after[:, VELOCITY] - before[:, VELOCITY], np.array([[0, 0, -2 * DT * GRAVITY]]), 1e-4)
            energies = [GRAVITY * r[:, 2] + (r[:, VELOCITY] ** 2).sum(1) / 2 for r in (before, after)]
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
        flying = (last[:, AGE] == first[:, AGE] + 10) & (np.abs(last[:, RATES]).max(1) < 15) & (last[:, 2] > 0)
        flying &= np.linalg.norm(first[:, RATES], axis=1) > 2
        spins = [np.einsum("nij,nj->ni", rotations_of(r), r[:, INERTIA] * r[:, RATES])[flying] for r in (first, last)]
        assert flying.sum() > 10
        # of the order of the time step: 0.1 s of tumbling at up to 15 rad/s
        assert (np.linalg.norm(spins[1] - spins[0], axis=1) / np.linalg.norm(spins[0], axis=1)).max() < 0.05


def test_hovering_takes_the_thrust_that_the_weight_says() -> None:
    with make("hover", 8, num_drones=8) as env:
        rows = all_rows(env)
        action = 2 * np.sqrt(rows[:, MASS] * GRAVITY / (4 * rows[:, THRUST])) - 1
        for _ in range(30):
            env.step(np.repeat(action[:, None], 4, axis=1).astype(np.float32))
        rows = all_rows(env)
        lift = (rows[:, ROTORS] ** 2).sum(1) * rows[:, THRUST]
        assert lift == pytest.approx(rows[:, MASS] * GRAVITY, rel=1e-3)
        assert np.ptp(action) > 0.2  # bodies differ
    with make("hover", 1, num_drones=8, randomize=0.0) as env:
        rows = rows_of(env)
        assert np.ptp(rows[:, [*range(20, 30), *range(MASS, 61)]], axis=0).max() == 0
        assert 4 * rows[0, THRUST] * 0.5**2 == pytest.approx(rows[0, MASS] * GRAVITY, rel=1e-6)


def test_bodies_are_drawn_anew_and_within_what_is_said() -> None:
    with make("hover", 4) as env:
        rows = all_rows(env)
        nominal = {
            MASS: (0.6, 0.3),
            RADIUS: (0.15, 0.2),
            THRUST: (0.6 * GRAVITY, 0.2),
            58: (0.004, 0.3),
            60: (0.007, 0.3),
        }
        for column, (value, spread) in nominal.items():
            factors = rows[:, column] / value
            assert np.abs(factors - 1).max() <= spread + 1e-6 and np.abs(factors - 1).max() > 0.8 * spread
        for _ in range(110):
            env.step(np.full((256, 4), -1, np.float32))
        assert env.log()["crashes"] == 1
        assert (all_rows(env)[:, MASS] != rows[:, MASS]).all()


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
        local = np.abs(rows_of(env)[:, SWING][:, :2] * np.sin(rows_of(env)[:, PHASE][:, :2]))
        height = np.abs(rows_of(env)[:, GOAL][:, 2] - env.state(0).center[2])
        at = np.column_stack([local, height]) / float(env.state(0).size)
        assert ((at > 1 - 1e-5).sum(1) >= 2).all() and ((at > 1 - 1e-5).sum(1) == 3).sum() == 8
    with make("sphere") as env:
        away = goals_of(rows_of(env), 77) - env.state(0).center
        assert np.linalg.norm(away, axis=1) == pytest.approx(float(env.state(0).size), rel=1e-5)
    with make("flag") as env:
        rows = rows_of(env)
        columns = np.unique(np.round(rows[:, GOAL][:, 0], 3))
        assert len(columns) == 13 and np.diff(columns) == pytest.approx(1, abs=2e-3)
        assert np.abs(rows[:, SWING]).max() == 0.5 and (rows[:, SWING][:, [0, 2]] == 0).all()
    with make("congo") as env:
        rows = rows_of(env)
        ticks = (rows[0, PHASE][0] - rows[1, PHASE][0]) / rows[0, PACE][0] / 0.02
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
            same = after[:, AGE] == step
            away = np.linalg.norm(goals_of(after, step) - after[:, POSITION], axis=1)
            close_to(after[same, FAR], away[same], 1e-4)
            within += (after[:, FAR] < 0.3) & (after[:, AGE] > 150)
            assert (after[same, WITHIN] == within[same]).all()
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
            gates = np.array(env.state(0).gates, np.float64)
            number = rows[:, RING].astype(int)
            gate = gates[number]
            beyond = ((rows[:, POSITION] - gate[:, :3]) * gate[:, 3:]).sum(1, keepdims=True)
            depth = np.select([beyond > 0, beyond > -2], [-3.0, 3.0], 0.0)  # those who missed come back from behind
            aim = gate[:, :3] + offsets + depth * gate[:, 3:]
            env.step(towards(rows, aim, 5))
            after = rows_of(env)
            for i in np.flatnonzero(~(env.terminals | env.truncations)):
                center, way = gate[i, :3], gate[i, 3:]
                one, two = rows[i, POSITION] - center, after[i, POSITION] - center
                crossing = one @ way < 0 <= two @ way
                part = one @ way / (one @ way - two @ way) if crossing else 0.0
                distance = np.linalg.norm(one + part * (two - one))
                if min(abs(one @ way), abs(two @ way)) < 1e-5 or abs(distance - 1.2) < 1e-4:
                    continue  # float32 may see this otherwise
                through = crossing and distance < 1.2
                assert after[i, RINGS] - rows[i, RINGS] == through
                assert after[i, RING] == (number[i] + through) % 10
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
            gates = np.array(env.state(i).gates, np.float64)
            assert np.linalg.norm(gates[:, 3:], axis=1) == pytest.approx(1, abs=1e-6)
            ahead = np.roll(gates, -1, 0)[:, :3] - np.roll(gates, 1, 0)[:, :3]
            assert (ahead * gates[:, 3:]).sum(1) == pytest.approx(np.linalg.norm(ahead, axis=1), rel=1e-5)
            assert np.linalg.norm(np.roll(gates, -1, 0)[:, :3] - gates[:, :3], axis=1).min() > 2.5


def test_contacts_keep_momentum_and_energy() -> None:
    rng = np.random.default_rng(4)
    events = 0
    with make("race", num_drones=64) as env:
        for _ in range(150):
            rows = rows_of(env)
            actions = towards(rows, rows[:, GOAL] + rng.normal(0, 0.2, (64, 3)), 5)
            free, _ = fly(rows, actions)
            env.step(actions)
            after = rows_of(env)
            if env.terminals.any():
                continue
            apart = np.linalg.norm(free[:, None, POSITION] - free[None, :, POSITION], axis=2) + 9 * np.eye(64)
            reach = free[:, None, RADIUS] + free[None, :, RADIUS]
            if np.abs(apart - reach).min() > 1e-4:
                assert (after[:, TOUCHES] == (apart < reach).any(1)).all()
                assert (after[:, CONTACTS] - rows[:, CONTACTS] == after[:, TOUCHES]).all()
            untouched = after[:, TOUCHES] == 0
            close_to(after[untouched, VELOCITY], free[untouched, VELOCITY], 1e-4)
            mass = free[:, MASS, None]
            close_to((mass * after[:, VELOCITY]).sum(0), (mass * free[:, VELOCITY]).sum(0), 1e-3)
            energies = [float((mass * r[:, VELOCITY] ** 2).sum()) for r in (after, free)]
            assert energies[0] == pytest.approx(energies[1], rel=1e-4)
            events += int(np.abs(after[:, VELOCITY] - free[:, VELOCITY]).max() > 0.1)
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


def check_views(rows: Array, tick: int, seen: NDArray[np.float32]) -> None:
    own = rotations_of(rows)
    count = len(rows)

    def turned(vectors: Array) -> Array:
        return np.clip(np.einsum("nji,nj->ni", own, vectors), -1, 1)

    def soft(ways: Array, softness: float) -> Array:
        return np.asarray(ways / (np.linalg.norm(ways, axis=1, keepdims=True) + softness))

    way = goals_of(rows, tick) - rows[:, POSITION]
    drift = rows[:, SWING] * rows[:, PACE] * np.cos(rows[:, PACE] * tick * 0.02 + rows[:, PHASE])
    races = rows[:, 47:48]
    parts = [
        turned(rows[:, VELOCITY] / 8),
        np.clip(rows[:, RATES] / 8, -1, 1),
        own[:, 2, :],
        2 * rows[:, ROTORS] - 1,
        np.clip(rows[:, 2:3] / 4 - 1, -1, 1),
        np.clip(np.linalg.norm(way, axis=1, keepdims=True) / 2 - 1, -1, 1),
        turned(soft(way, 0.5)),
        turned(way / 16),
        turned(drift / 8),
        turned(rows[:, NORMAL]),
        turned(soft((rows[:, 48:51] - rows[:, POSITION]) * races, 4)),
        (rows[:, 44:46] * rows[:, 51:53]).sum(1, keepdims=True),
        (rows[:, 44] * rows[:, 52] - rows[:, 45] * rows[:, 51])[:, None],
    ]
    for rank in range(8):
        near, relative = np.zeros((count, 3)), np.zeros((count, 3))
        for i in range(count):
            away = np.linalg.norm(rows[:, POSITION] - rows[i, POSITION], axis=1)
            away[i] = np.inf
            order = np.argsort(away, kind="stable")
            if rank < count - 1:
                other = rows[order[rank]]
                near[i] = other[POSITION] - rows[i, POSITION]
                relative[i] = other[VELOCITY] - rows[i, VELOCITY]
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
                beyond = ((rows[:, POSITION] - goals) * rows[:, NORMAL]).sum(1, keepdims=True)
                goals = goals + np.where(beyond > -3, 0.8, -1.0) * rows[:, NORMAL]
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
        within = rows_of(env)[0, WITHIN]
        assert within > 200
        while not env.terminals[0]:
            env.step(np.full((1, 4), -1, np.float32))
            within = max(within, rows_of(env)[0, WITHIN])
        assert env.log()["perf"] == pytest.approx(within / 850, abs=0.01)


def test_tasks_are_drawn_by_their_weights() -> None:
    with puffer_envs.make("drone", 2000, seed=10, num_drones=1) as env:
        env.reset()
        tasks = np.bincount([int(env.state(i).task) for i in range(2000)], minlength=8)
    assert abs(tasks[7] - 1000) < 100 and (np.abs(tasks[:7] - 1000 / 7) < 50).all()
    with pytest.raises(ValueError, match="no task is left"):
        puffer_envs.make("drone", **dict.fromkeys(TASKS, 0.0))


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
            assert np.isfinite(rows).all() and (np.abs(rows[:, 3:6]) <= TOP + 1e-3).all()

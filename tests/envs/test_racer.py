"""racer against its rules, written a second time in float64 NumPy: car, road, whiskers, progress, laps."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import puffer_envs
from puffer_envs import Environment, _core

Array = NDArray[np.float64]
GATES, AROUND, NOTES, OWN = 128, 24, 8, 17
TICK, GRAVITY, SIGHT = 1 / 60, 9.81, 50.0
FRONT, REAR = 1.43, 1.17
ENGINE, LAST_GEAR, DRAG = 8.0, 60.0, 0.0022
LAP_REWARD, OFF_REWARD = 5.0, -1.0


@dataclass
class Car:
    """The physics, in the environment's own terms."""

    x: float
    y: float
    yaw: float
    vx: float
    vy: float
    spin: float
    steering: float

    @classmethod
    def of(cls, env: Environment, index: int = 0) -> Car:
        state = env.state(index)
        return cls(*(float(getattr(state, name)) for name in cls.__dataclass_fields__))

    def energy(self) -> float:
        """Per mass."""
        return 0.5 * (self.vx**2 + self.vy**2) + 0.5 * FRONT * REAR * self.spin**2

    def tick(self, steer: float, pedals: float, grip: float) -> None:
        """The rules in vectors: each wheel has a direction, a velocity over the ground and a load."""
        nose = np.array([math.cos(self.yaw), math.sin(self.yaw)])
        speed = float(nose @ [self.vx, self.vy])
        goal = steer * 0.6 / (1 + abs(speed) / 20)
        self.steering += min(max(goal - self.steering, -0.05), 0.05)
        total, torque = np.zeros(2), 0.0
        for arm, load, stiffness, angle in ((FRONT, 0.45, 7.0, self.steering), (-REAR, 0.55, 8.5, 0.0)):
            wheel = np.array([math.cos(self.yaw + angle), math.sin(self.yaw + angle)])
            axle = np.array([-wheel[1], wheel[0]])
            velocity = np.array([self.vx, self.vy]) + self.spin * arm * np.array([-nose[1], nose[0]])
            rolling, slipping = float(velocity @ wheel), float(velocity @ axle)
            across = -stiffness * slipping / (abs(rolling) + 3.0)
            along = 0.0
            if pedals < 0:
                along = -math.copysign(min(-pedals, abs(rolling) / (grip * GRAVITY * TICK)), rolling)
            elif arm < 0:
                along = pedals * ENGINE * min(max(1 - speed / LAST_GEAR, 0), 1) / (grip * GRAVITY * load)
            asked = math.hypot(along, across)
            force = (along * wheel + across * axle) * load * grip * GRAVITY / max(asked, 1.0)
            assert np.hypot(*force) <= load * grip * GRAVITY * (1 + 1e-9)
            total += force
            torque += arm * float(force @ [-nose[1], nose[0]])
        total -= DRAG * abs(speed) * speed * nose
        self.vx += TICK * total[0]
        self.vy += TICK * total[1]
        self.spin += TICK * torque / (FRONT * REAR)
        self.x += TICK * self.vx
        self.y += TICK * self.vy
        self.yaw = (self.yaw + TICK * self.spin + math.pi) % (2 * math.pi) - math.pi


def put(env: Environment, index: int, **values: float) -> None:
    """Write into the state of one environment."""
    size = len(env._states) // env.num_envs
    memory = env._states[index * size : (index + 1) * size]
    for field in env.spec.fields:
        if field.name in values:
            memory[field.offset : field.offset + field.dtype.itemsize].view(field.dtype)[0] = values[field.name]


def posts_of(env: Environment, index: int = 0) -> Array:
    """Left and right ends of the gates, (129, 2, 2), the last of which is the first."""
    table = np.asarray(env.state(index).posts, np.float64)
    return table[AROUND : AROUND + GATES + 1].reshape(-1, 2, 2)


def cross(a: Array, b: Array) -> Array:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def whisker(posts: Array, origin: Array, ray: Array) -> float:
    """The nearest of all edges of the whole track."""
    nearest = SIGHT
    for side in (0, 1):
        start, step = posts[:-1, side] - origin, np.diff(posts[:, side], axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            along, share = cross(start, step) / cross(ray, step), cross(start, ray) / cross(ray, step)
        nearest = min([nearest, *along[(share >= 0) & (share <= 1) & (along >= 0)]])
    return nearest


def arc(gates: Array, place: Array, cell: int) -> float:
    """Gates passed, with the share of the cell, from the distances to the gates behind and ahead."""
    near, far = gates[cell], gates[cell + 1]
    behind, ahead = float((place - near[:2]) @ near[2:]), float((place - far[:2]) @ far[2:])
    assert behind >= -1e-3 and ahead <= 1e-3
    return cell + min(max(behind / (behind - ahead), 0.0), 1.0)


def driver(observations: NDArray[np.float32]) -> NDArray[np.float32]:
    """Stay in the middle, slow down before bends: all from what a policy sees."""
    speed, offset, angle = 40 * observations[:, 0], observations[:, 6], observations[:, 7]
    bends = observations[:, 9:OWN]
    allowed = np.sqrt(0.72 * 1.2 * GRAVITY * 12 / np.maximum(np.abs(bends), 0.02))
    allowed = np.sqrt(allowed**2 + 2 * 5 * 10 * np.arange(NOTES)).min(1)
    steer = 1.3 * bends[:, 0] - 0.8 * offset - 3.0 * angle - 0.15 * 4 * observations[:, 2]
    pedals = 0.4 * (allowed - speed)
    return np.stack([steer, pedals], 1).clip(-1, 1).astype(np.float32)


@pytest.mark.parametrize("settings", [{}, {"frameskip": 1, "grip": 0.5}, {"frameskip": 6, "grip": 2.0, "width": 14}])
@pytest.mark.parametrize("agent", ["random", "driver"])
def test_every_step_matches_the_rules(agent: str, settings: dict[str, Any]) -> None:
    """One car: moved as the rules say, rewarded by the way along the road that it never made before."""
    rng = np.random.default_rng(1)
    seen = {"off": 0, "slide": 0}
    with puffer_envs.make("racer", seed=2, max_steps=32767, **settings) as env:
        env.reset()
        grip, frameskip = env.settings["grip"], int(env.settings["frameskip"])
        gates = np.asarray(env.state(0).gates, np.float64)
        best = -0.5
        for step in range(800):
            car, passed = Car.of(env), arc(gates, np.array([env.state(0).x, env.state(0).y]), int(env.state(0).cell))
            action = driver(env.observations) if agent == "driver" else np.zeros((1, 2), np.float32)
            if agent == "random" or step % 40 > 30:
                action = rng.uniform([-1, -0.4], 1, (1, 2)).astype(np.float32)
            env.step(action)
            for _ in range(frameskip):
                car.tick(float(action[0, 0]), float(action[0, 1]), grip)
            if env.terminals[0]:
                assert env.rewards[0] == OFF_REWARD
                seen["off"] += 1
                gates, best = np.asarray(env.state(0).gates, np.float64), -0.5
                continue
            now = Car.of(env)
            seen["slide"] += abs(env.state(0).rear_slip) > 1
            np.testing.assert_allclose([now.x, now.y], [car.x, car.y], atol=1e-4)
            np.testing.assert_allclose([now.vx, now.vy, now.spin], [car.vx, car.vy, car.spin], atol=1e-4)
            assert now.steering == pytest.approx(car.steering, abs=1e-5)
            assert abs((now.yaw - car.yaw + math.pi) % (2 * math.pi) - math.pi) < 1e-5
            after = arc(gates, np.array([car.x, car.y]), int(env.state(0).cell))
            moved = (after - passed + GATES / 2) % GATES - GATES / 2
            along = (best % GATES - passed + GATES / 2) % GATES - GATES / 2  # how far the best is ahead
            progress = max(moved - along, 0.0)
            assert env.rewards[0] == pytest.approx(progress * LAP_REWARD / GATES, abs=2e-5)
            best += progress
            assert env.state(0).best_passed + env.state(0).best_within == pytest.approx(best, abs=2e-2)
    assert seen["slide"] > 3 if agent == "driver" else seen["off"] > 0


@pytest.mark.parametrize("settings", [{}, {"width": 14, "whiskers": 32, "length": 800}, {"width": 6, "length": 400}])
def test_whiskers_and_notes_match_brute_force(settings: dict[str, Any]) -> None:
    """At random places on random tracks, facing anywhere: as measured against every edge of the track."""
    rng = np.random.default_rng(3)
    total, short = 0, 0
    with puffer_envs.make("racer", 128, seed=4, **settings) as env:
        env.reset()
        count = int(env.settings["whiskers"])
        places: list[tuple[Array, float, int, float]] = []
        for i in range(128):
            posts, cell = posts_of(env, i), int(rng.integers(GATES))
            along, across, yaw = rng.uniform(0.01, 0.99), rng.uniform(0.002, 0.998), rng.uniform(-np.pi, np.pi)
            near = posts[cell, 0] * (1 - across) + posts[cell, 1] * across
            far = posts[cell + 1, 0] * (1 - across) + posts[cell + 1, 1] * across
            place = (near * (1 - along) + far * along).astype(np.float32).astype(np.float64)
            places.append((place, float(np.float32(yaw)), cell, across))
            put(env, i, x=place[0], y=place[1], yaw=yaw, cell=cell, passed=cell)
        env.step(np.zeros((128, 2), np.float32))
        assert not env.terminals.any()
        for i, (place, yaw, cell, across) in enumerate(places):
            posts, observation = posts_of(env, i), env.observations[i]
            for k in range(count):
                angle = yaw + math.pi * (k / (count - 1) - 0.5)
                expected = whisker(posts, place, np.array([math.cos(angle), math.sin(angle)]))
                assert observation[OWN + k] == pytest.approx(expected / SIGHT, abs=2e-3), (i, k)
                total += 1
                short += expected < SIGHT
            assert observation[6] == pytest.approx(2 * across - 1, abs=0.1)
            road = posts[cell + 1].mean(0) - posts[cell].mean(0)
            off = yaw - math.atan2(road[1], road[0])
            assert observation[7] == pytest.approx(math.sin(off), abs=0.35)
            assert observation[8] == pytest.approx(math.cos(off), abs=0.35)
    assert 0.5 * total < short <= total


LONG = {"num_tracks": 400, "length": 800, "width": 14}


@functools.cache
def straightest() -> int:
    """Which of 600 environments starts on the straightest road."""
    with puffer_envs.make("racer", 600, seed=5, **LONG) as env:
        env.reset()
        tables = np.array([np.asarray(env.state(i).gates, np.float64) for i in range(600)])
    return int((1 - (tables[:, GATES - 1 : GATES, 2:] * tables[:, :10, 2:]).sum(2)).max(1).argmin())


def on_a_straight(**settings: Any) -> Environment:
    """A single car there."""
    env = puffer_envs.make("racer", 1, seed=5, first=straightest(), frameskip=1, max_steps=32767, **LONG, **settings)
    env.reset()
    return env


def drive(env: Environment, steps: int, steer: float, pedals: float) -> list[Car]:
    """The car before each step, and after the last. It must stay on the road."""
    cars = [Car.of(env)]
    for _ in range(steps):
        env.step(np.array([[steer, pedals]], np.float32))
        assert not env.terminals[0]
        cars.append(Car.of(env))
    return cars


def test_the_engine_and_the_brakes_follow_closed_forms() -> None:
    """Full throttle: u' = A (1 - u / U) - D u^2, a logistic curve. Full brakes: all the grip, and drag."""
    with on_a_straight(grip=2.0) as env:
        cars = drive(env, 180, 0.0, 1.0)
        spread = math.sqrt((ENGINE / LAST_GEAR) ** 2 + 4 * DRAG * ENGINE)
        top, low = (spread - ENGINE / LAST_GEAR) / (2 * DRAG), (-spread - ENGINE / LAST_GEAR) / (2 * DRAG)
        q = top / -low * np.exp(-DRAG * (top - low) * TICK * np.arange(181))
        np.testing.assert_allclose([math.hypot(car.vx, car.vy) for car in cars], (top + q * low) / (1 + q), atol=0.05)
        assert 30 < top < 45
        fast = math.hypot(cars[-1].vx, cars[-1].vy)
        stop = drive(env, 70, 0.0, -1.0)
        distance = math.hypot(stop[-1].x - stop[0].x, stop[-1].y - stop[0].y)
        assert distance == pytest.approx(math.log(1 + DRAG * fast**2 / (2 * GRAVITY)) / (2 * DRAG), rel=0.02)
        assert math.hypot(stop[-1].vx, stop[-1].vy) < 1e-3  # and it does not roll backwards
    with on_a_straight(grip=0.6) as env:  # the rear wheel spins
        cars = drive(env, 30, 0.0, 1.0)
        assert math.hypot(cars[-1].vx, cars[-1].vy) == pytest.approx(30 * TICK * 0.6 * GRAVITY * 0.55, rel=0.01)


def test_a_steady_bend_has_the_radius_of_linear_theory() -> None:
    """curvature = steering / (L + K u^2), with K from how soft the tyres are in front and behind."""
    for speed, steering in ((6.0, 0.05), (10.0, 0.04), (14.0, 0.02), (10.0, -0.04)):
        with on_a_straight() as env:
            yaw = float(env.state(0).yaw)
            put(env, 0, vx=speed * math.cos(yaw), vy=speed * math.sin(yaw))
            steer = steering * (1 + speed / 20) / 0.6
            car = drive(env, 60, steer, DRAG * speed**2 / (ENGINE * (1 - speed / LAST_GEAR)))[-1]
            softness = (speed + 3.0) / speed / (1.2 * GRAVITY) * (1 / 7.0 - 1 / 8.5)
            now = math.hypot(car.vx, car.vy)
            assert now == pytest.approx(speed, rel=0.02)
            assert car.spin / now == pytest.approx(steering / (FRONT + REAR + softness * now**2), rel=0.03)


def test_energy_never_rises_without_throttle_and_grip_is_never_exceeded() -> None:
    """From any motion, spinning and sliding backwards too, whatever is steered."""
    rng = np.random.default_rng(6)
    checked = 0
    with puffer_envs.make("racer", 256, seed=7, frameskip=1, width=14, grip=1.5) as env:
        for _ in range(6):
            env.reset()
            for i in range(256):
                speed, angle = rng.uniform(0, 40), rng.uniform(-np.pi, np.pi)
                put(env, i, vx=speed * math.cos(angle), vy=speed * math.sin(angle), spin=rng.uniform(-6, 6))
            before = [Car.of(env, i) for i in range(256)]
            for _ in range(4):
                actions = np.stack([rng.uniform(-1, 1, 256), rng.uniform(-1, 0, 256)], 1).astype(np.float32)
                env.step(actions)
                after = [Car.of(env, i) for i in range(256)]
                for old, new, end in zip(before, after, env.terminals | env.truncations, strict=True):
                    if end:
                        continue
                    assert new.energy() <= old.energy() * (1 + 1e-5)
                    change = math.hypot(new.vx - old.vx, new.vy - old.vy) / TICK
                    assert change <= 1.5 * GRAVITY + DRAG * (old.vx**2 + old.vy**2) + 1e-2
                    checked += 1
                before = after
    assert checked > 2500


@pytest.mark.parametrize("settings", [{}, {"length": 400, "width": 14}, {"length": 800, "width": 6}])
def test_tracks_are_closed_even_wide_enough_and_do_not_cross_themselves(settings: dict[str, Any]) -> None:
    """Hundreds of them at each setting, by brute force over all pairs of gates."""
    with puffer_envs.make("racer", 1500, seed=8, num_tracks=600, **settings) as env:
        env.reset()
        rows = {int(env.state(i).track): i for i in range(1500)}
        gates = np.array([np.asarray(env.state(i).gates, np.float64) for i in rows.values()])
        posts = np.array([posts_of(env, i) for i in rows.values()])
        length, width = env.settings["length"], env.settings["width"]
    assert len(rows) > 500
    middle, along = gates[:, :-1, :2], gates[:, :-1, 2:]
    assert (gates[:, -1] == gates[:, 0]).all() and (posts[:, -1] == posts[:, 0]).all()
    steps = np.roll(middle, -1, 1) - middle
    sizes = np.linalg.norm(steps, axis=2)
    assert abs(sizes / (length / GATES) - 1).max() < 0.05
    np.testing.assert_allclose(np.linalg.norm(along, axis=2), 1, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(posts[:, :, 1] - posts[:, :, 0], axis=2), width, rtol=1e-4)
    np.testing.assert_allclose(posts.mean(2)[:, :-1], middle, atol=1e-3)

    # Every cell is convex, and clockwise: left, left ahead, right ahead, right.
    corners = np.stack([posts[:, :-1, 0], posts[:, 1:, 0], posts[:, 1:, 1], posts[:, :-1, 1]], 2)
    sides = np.roll(corners, -1, 2) - corners
    assert (cross(sides, np.roll(sides, -1, 2)) > 0).all()

    # Radius, and the distance of parts between which the road may turn back.
    last = np.roll(steps, 1, 1)
    bend = 2 * cross(last, steps) / (np.linalg.norm(last, axis=2) * sizes * np.linalg.norm(last + steps, axis=2))
    radius = width / 2 + 7
    assert abs(bend).max() * radius < 1.001
    near = int(np.pi * radius / (length / GATES))
    for gap in range(near, GATES - near + 1):
        apart = np.linalg.norm(np.roll(middle, -gap, 1) - middle, axis=2)
        assert apart.min() >= width + 2 - 1e-3
    # Both ways around, and seldom as dull as a circle.
    turns = np.sign(bend.sum(1))
    assert 0.4 < (turns > 0).mean() < 0.6
    assert (abs(bend).sum(1) * length / GATES > 2.5 * np.pi).mean() > 0.95


def test_a_scripted_driver_laps_every_track_and_random_drivers_none() -> None:
    """And the log is what was seen on the way: laps, their times, the way as a share of the reference driver's."""
    rng = np.random.default_rng(9)
    with puffer_envs.make("racer", 384, seed=10) as env:
        env.reset()
        tracks = [int(env.state(i).track) for i in range(384)]
        reference = np.array([float(env.state(i).reference[0, 0]) for i in range(384)])
        returns, times = np.zeros(384), {}
        for step in range(1200):
            env.step(driver(env.observations))
            returns += env.rewards
            assert not env.terminals.any() and (env.truncations == (step == 1199)).all()
            if step % 200 == 0 or step == 1198:  # a lap takes longer
                times |= {(i, int(env.state(i).laps)): float(env.state(i).last_lap) for i in range(384)}
        times = {key: time for key, time in times.items() if key[1]}
        log = env.log()
        assert len(set(tracks)) > 120 and log["n"] == 384 and log["off"] == 0
        assert log["lap.n"] == len(times) >= 384
        assert log["lap.time"] == pytest.approx(np.mean(list(times.values())), rel=1e-4)
        assert log["score"] == pytest.approx((returns / LAP_REWARD).mean(), rel=1e-4)  # laps in the 60 s of an episode
        assert log["perf"] == pytest.approx(np.minimum(returns / LAP_REWARD * reference / 60, 1).mean(), rel=1e-4)
        assert log["perf"] > 0.8
        for _ in range(800):
            env.step(rng.uniform(-1, 1, (384, 2)).astype(np.float32))
        assert env.log()["perf"] < 0.1


def test_the_reference_is_that_of_an_ideal_car_in_the_middle_of_the_road() -> None:
    """Worked out again: the greatest speeds that bends, engine and brakes allow, by relaxation instead of sweeps."""
    with puffer_envs.make("racer", 8, seed=11) as env:
        env.reset()
        for i in range(8):
            points = np.asarray(env.state(i).gates, np.float64)[:-1, :2]
            last, steps = points - np.roll(points, 1, 0), np.roll(points, -1, 0) - points
            product = (
                np.linalg.norm(last, axis=1) * np.linalg.norm(steps, axis=1) * np.linalg.norm(last + steps, axis=1)
            )
            bend, gap, grip = abs(2 * cross(last, steps) / product), 600 / GATES, 1.2 * GRAVITY
            speed = np.minimum(np.sqrt(grip / np.maximum(bend, 1e-6)), LAST_GEAR)
            for _ in range(800):
                spare = np.sqrt(np.maximum(grip**2 - (speed**2 * bend) ** 2, 0))
                drive = np.minimum(ENGINE * np.clip(1 - speed / LAST_GEAR, 0, 1), 0.55 * spare) - DRAG * speed**2
                faster = np.sqrt(np.maximum(speed**2 + 2 * gap * drive, 1))
                earlier = np.sqrt(speed**2 + 2 * gap * (spare + DRAG * speed**2))
                speed = np.minimum(speed, np.minimum(np.roll(faster, 1), np.roll(earlier, -1)))
            time = (2 * gap / (speed + np.roll(speed, -1))).sum()
            assert float(env.state(i).reference[0, 0]) == pytest.approx(time, rel=0.01)


def test_holding_an_action_for_three_ticks_is_three_steps_of_one() -> None:
    rng = np.random.default_rng(12)
    with puffer_envs.make("racer", 64, seed=13) as held, puffer_envs.make("racer", 64, seed=13, frameskip=1) as single:
        held.reset()
        single.reset()
        on = np.ones(64, bool)
        for _ in range(150):
            actions = driver(held.observations) + rng.normal(0, 0.3, (64, 2)).astype(np.float32)
            held.step(actions)
            for _ in range(3):
                single.step(actions)
                on &= ~single.terminals & ~held.terminals
            assert (held.observations[on] == single.observations[on]).all()
        assert on.sum() > 30


def test_turning_back_is_no_progress() -> None:
    """Forwards, backwards over the line and forwards again: each metre counts once, and there is no lap in it."""
    with puffer_envs.make("racer", seed=14) as env:
        env.reset()
        total = 0.0
        yaw = float(env.state(0).yaw)
        for speed in (8.0, -8.0, -8.0, 8.0, 8.0, 8.0, -8.0, 8.0):
            for _ in range(12):
                put(env, 0, vx=speed * math.cos(yaw), vy=speed * math.sin(yaw), spin=0.0, yaw=yaw)
                env.step(np.zeros((1, 2), np.float32))
                total += float(env.rewards[0])
                assert not env.terminals[0] and env.rewards[0] >= 0
                state = env.state(0)
                way = float(state.best_passed) + float(state.best_within) + 0.5
                assert total == pytest.approx(way * LAP_REWARD / GATES, abs=1e-5)
        assert env.state(0).laps == 0


@pytest.mark.parametrize("settings", [{}, {"whiskers": 32, "max_steps": 40}, {"whiskers": 2, "frameskip": 6}])
def test_batch_is_bit_for_bit_single_environments(settings: dict[str, Any]) -> None:
    """Cars move 32 at a time: neither their number nor the instruction set may show."""
    rng = np.random.default_rng(15)
    total = 70
    variants: list[dict[str, Any]] = [{"num_envs": n} for n in (1, 31, 33, total)]
    variants += [{"num_envs": total, "isa": isa} for isa in _core.supported_isas()]
    variants += [{"num_envs": total, "threads": 2}]
    batches = [puffer_envs.make("racer", **v, seed=16, first=total - v["num_envs"], **settings) for v in variants]
    for env in batches:
        env.reset()
    whole = batches[3]
    for step in range(120):
        actions = driver(whole.observations) if step % 3 else rng.uniform(-1, 1, (total, 2)).astype(np.float32)
        for env in batches:
            env.step(actions[-env.num_envs :])
        for env in batches:
            for name in ("observations", "rewards", "terminals", "truncations"):
                assert getattr(env, name).tobytes() == getattr(whole, name)[-env.num_envs :].tobytes(), name
    hashes = [whole.state_hash(i) for i in range(total)]
    for env in batches:
        assert [env.state_hash(i) for i in range(env.num_envs)] == hashes[-env.num_envs :]
        env.close()

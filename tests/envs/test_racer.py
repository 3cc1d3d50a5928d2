"""racer against its rules, written a second time in float64 NumPy: the car, the road, the whiskers, progress and laps."""

from __future__ import annotations

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
LAP_REWARD, OFF_REWARD = 10.0, -1.0


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
    size = env.spec.layout.state_size if hasattr(env.spec, "layout") else len(env._states) // env.num_envs
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
        nearest = min(nearest, *along[(share >= 0) & (share <= 1) & (along >= 0)])
    return nearest


def arc(gates: Array, place: Array, cell: int) -> float:
    """Gates passed, with the share of the cell: the line through `place` that turns evenly from one gate to the next."""
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
    seen = {"off": 0, "back": 0, "slide": 0}
    with puffer_envs.make("racer", seed=2, max_steps=32767, **settings) as env:
        env.reset()
        grip, frameskip = env.settings["grip"], int(env.settings["frameskip"])
        gates = np.asarray(env.state(0).gates, np.float64)
        best = -0.5
        for step in range(2500):
            car, passed = Car.of(env), arc(gates, np.array([env.state(0).x, env.state(0).y]), int(env.state(0).cell))
            action = driver(env.observations) if agent == "driver" else np.zeros((1, 2), np.float32)
            if agent == "random" or step % 50 > 40:
                action = rng.uniform(-1, 1, (1, 2)).astype(np.float32)
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
            seen["back"] += moved < 0
            assert env.rewards[0] == pytest.approx(progress * LAP_REWARD / GATES, abs=2e-5)
            best += progress
            assert env.state(0).best_passed + env.state(0).best_within == pytest.approx(best, abs=2e-2)
    assert seen["off"] > 3 or agent == "driver"
    assert seen["slide"] > 3


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

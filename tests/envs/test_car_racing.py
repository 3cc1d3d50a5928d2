"""car_racing: drives of Gymnasium's, which are stored, tracks told a second time, and what rewards add up to.

See also docs/ports/car_racing.md; tests/engine/test_port.py compares both where Box2D is installed.
"""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import puffer_envs
from puffer_envs import _core
from puffer_envs.policy import load_policy
from puffer_envs.porting import Draws

from .patch import patch

DRIVES = json.loads(Path(__file__).with_name("car_racing_drives.json").read_text("utf-8"))
EVERY = 15
POLICY = Path(puffer_envs.__file__).parent / "trained/car_racing.safetensors"
HALF_ROAD, STRIDE = 40 / 6, 3.5
TOUCH = ("x", "y", "wheel_x", "wheel_y", "wheel_angle", "tiles", "seen", "road_x", "road_y", "road_cosine", "road_sine")
TYRE = np.array([[-0.28, 0.54], [0.28, 0.54], [0.28, -0.54], [-0.28, -0.54]])


@pytest.mark.parametrize("drive", DRIVES, ids=lambda drive: f"{drive['variant']}-{drive['seed']}")
def test_drives_are_those_of_gymnasium(drive: dict[str, Any]) -> None:
    """150 steps on and off the road, left alone. make_car_racing_drives.py stored what Gymnasium did."""
    with puffer_envs.make("car_racing", 1, drive["seed"], **drive["settings"]) as env:
        env.reset()
        assert env.state().tiles == drive["tiles"]
        for step, (action, reward) in enumerate(zip(drive["actions"], drive["rewards"], strict=True)):
            env.step(np.array([action], env.actions.dtype))
            assert env.rewards[0] == pytest.approx(reward, abs=1e-4)
            if step % EVERY == EVERY - 1:
                hull = [env.state().x, env.state().y, env.state().angle]
                np.testing.assert_allclose(hull, drive["hull"][step // EVERY], atol=2e-3)


def rng_of(env: puffer_envs.Environment, index: int) -> Draws:
    """The generator of one of ours."""
    at = index * (env._states.size // env.num_envs) + _core.describe("car_racing")["rng_offset"]
    return Draws.of(env._states[at : at + 16].tobytes())


def told_track(draws: Draws) -> NDArray[np.float64] | None:
    """The rules of tracks, told a second time: x, y and heading of every post; None where none is made."""
    points = []
    for i in range(12):
        noise, far = draws.uniform(), 50 + 100 * draws.uniform()
        ends = i in (0, 11)
        angle, far = math.tau / 12 * (i if ends else i + noise), 225 if ends else far
        points.append((angle, far * math.cos(angle), far * math.sin(angle)))
    x, y, heading, goal, laps, beyond = 225.0, 0.0, 0.0, 0, 0, False
    rows: list[tuple[float, float, float, float]] = []
    while laps < 5 and len(rows) < 2500:
        around = math.atan2(y, x)
        if beyond and around > 0:
            laps, beyond = laps + 1, False
        if around < 0:
            beyond, around = True, around + math.tau
        while around > points[goal % 12][0]:
            goal += 1
            around -= math.tau * (goal % 12 == 0)
        while abs(heading - around) > 1.5 * math.pi:
            heading -= math.copysign(math.tau, heading - around)
        _, to_x, to_y = points[goal % 12]
        aside = 6 * (math.cos(heading) * (to_x - x) + math.sin(heading) * (to_y - y))
        turn = -math.copysign(min(0.31, 0.001 * abs(aside)), aside) if abs(aside) > 0.3 else 0.0
        x, y = x - STRIDE * math.sin(heading), y + STRIDE * math.cos(heading)
        heading += turn
        rows.append((around, x, y, heading - turn / 2))
    line = -math.pi / 12
    begins = [i for i, (a, b) in enumerate(pairwise(rows), 1) if a[0] <= line < b[0]]
    if len(begins) < 2:
        return None
    lap = np.array(rows[begins[-2] : begins[-1] - 1])[:, 1:]
    gap = (lap[0, :2] - lap[-1, :2]) * [math.cos(lap[0, 2]), math.sin(lap[0, 2])]
    return lap if math.hypot(*gap) <= STRIDE else None


def test_tracks_follow_their_rules() -> None:
    with puffer_envs.make("car_racing", 30, seed=11) as env:
        env.reset()
        for i in range(30):
            state, lap = env.state(i), told_track(rng_of(env, i).before(24))
            assert lap is not None
            count = len(lap)
            assert state.tiles == count
            np.testing.assert_allclose(state.road_x[:count], lap[:, 0], atol=2e-5)
            np.testing.assert_allclose(state.road_y[:count], lap[:, 1], atol=2e-5)
            np.testing.assert_allclose(state.road_cosine[:count], np.cos(lap[:, 2]), atol=1e-6)
            np.testing.assert_allclose(state.road_sine[:count], np.sin(lap[:, 2]), atol=1e-6)


def test_some_draws_make_no_track_and_are_drawn_again() -> None:
    """One in fifteen, by Gymnasium; then the 24 numbers before those of the track made none."""
    with puffer_envs.make("car_racing", 200, seed=5) as env:
        env.reset()
        again = [i for i in range(200) if told_track(rng_of(env, i).before(48)) is None]
        assert 2 <= len(again) <= 40


def states(env: puffer_envs.Environment, *names: str) -> list[SimpleNamespace]:
    """These fields of all of ours, copied."""
    live = [env.state(i) for i in range(env.num_envs)]
    return [SimpleNamespace(**{name: np.copy(getattr(state, name)) for name in names}) for state in live]


def corners(state: Any, tile: int) -> NDArray[np.float64]:
    posts = [tile, tile, tile - 1, tile - 1] if tile else [0, 0, int(state.tiles) - 1, int(state.tiles) - 1]
    across = HALF_ROAD * np.array([-1, 1, 1, -1])
    x = state.road_x[posts] + across * state.road_cosine[posts]
    return np.stack([x, state.road_y[posts] + across * state.road_sine[posts]], 1).astype(np.float64)


def apart(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """How far two convex shapes are apart along one of their sides' normals, at most."""
    sides = np.concatenate([np.roll(shape, -1, 0) - shape for shape in (one, other)])
    normals = np.stack([sides[:, 1], -sides[:, 0]], 1) / np.hypot(*sides.T)[:, None]
    a, b = one @ normals.T, other @ normals.T
    return float(np.maximum(b.min(0) - a.max(0), a.min(0) - b.max(0)).max())


def wander(env: puffer_envs.Environment, rng: np.random.Generator) -> NDArray[np.float32]:
    """Random controls that lead on and off the road."""
    rows = env.num_envs
    steer, gas, brake = rng.uniform(-0.5, 0.5, rows), rng.uniform(0.3, 1, rows), np.maximum(rng.uniform(-4, 1, rows), 0)
    return np.stack([steer, gas, brake], 1).astype(np.float32)


def test_wheels_touch_the_tiles_that_they_are_on() -> None:
    """Told again by all tiles, with no search: where a wheel is before a step decides what it touches in it."""
    rng, grass, checked = np.random.default_rng(2), 0, 0
    with puffer_envs.make("car_racing", 6, seed=8) as env:
        env.reset()
        for step in range(240):
            before = states(env, *TOUCH) if step % 8 == 0 else []
            if step % 4 == 0:
                action = wander(env, rng)
            env.step(action)
            for i, old in enumerate(before):
                seen = old.seen.copy()
                near = np.flatnonzero(np.hypot(old.road_x - old.x, old.road_y - old.y)[: old.tiles] < 13)
                gaps = np.full((4, old.tiles), 9.0)
                for wheel in range(4):
                    c, s = math.cos(old.wheel_angle[wheel]), math.sin(old.wheel_angle[wheel])
                    tyre = TYRE @ np.array([[c, s], [-s, c]]) + [old.wheel_x[wheel], old.wheel_y[wheel]]
                    for tile in {0, *near.tolist()}:
                        gaps[wheel, tile] = apart(corners(old, tile), tyre)
                if (np.abs(gaps - 0.02) < 1e-3).any():
                    continue
                new = env.state(i)
                np.testing.assert_array_equal(new.on_road, (gaps < 0.02).any(1))
                seen[: old.tiles] |= (gaps < 0.02).any(0)
                np.testing.assert_array_equal(new.seen, seen)
                checked += 1
                grass += int((new.on_road == 0).sum())
    assert checked > 100 and grass > 40


def test_wheels_stay_at_the_hull_and_within_their_lock() -> None:
    rng = np.random.default_rng(3)
    side, ahead = np.array([-1.1, 1.1, -1.1, 1.1]), np.array([1.6, 1.6, -1.64, -1.64]) + 0.0825309
    with puffer_envs.make("car_racing", 8, seed=9) as env:
        env.reset()
        for step in range(200):
            if step % 10 == 0:
                action = wander(env, rng)
                action[:, 0] *= 2
            env.step(action)
            for i in range(8):
                s = env.state(i)
                c, sine = math.cos(s.angle), math.sin(s.angle)
                np.testing.assert_allclose(s.wheel_x, s.x + side * c - ahead * sine, atol=5e-3)
                np.testing.assert_allclose(s.wheel_y, s.y + side * sine + ahead * c, atol=5e-3)
                assert (np.abs(s.wheel_angle - s.angle) < 0.4 + 3 / 50 + 1e-3).all()


def test_who_does_nothing_stands_still_and_pays() -> None:
    with puffer_envs.make("car_racing", 4, seed=1, max_steps=80) as env:
        env.reset()
        x = [float(state.x) for state in states(env, "x")]
        env.step(np.zeros((4, 3), np.float32))
        for _ in range(78):
            env.step(np.zeros((4, 3), np.float32))
            np.testing.assert_allclose(env.rewards, -0.1)
        assert [float(state.x) for state in states(env, "x")] == pytest.approx(x, abs=1e-3)
        env.step(np.zeros((4, 3), np.float32))
        assert env.truncations.all()


def test_returns_are_tiles_less_time_and_worlds_have_an_end() -> None:
    """Straight on at full gas leads out of the world, which costs 100 instead of the step's reward."""
    with puffer_envs.make("car_racing", 16, seed=6) as env:
        env.reset()
        for _ in range(1000):
            before = states(env, "x", "y", "visited", "tiles", "tick", "episode_return")
            env.step(np.tile(np.array([[0.0, 0.6, 0.0]], np.float32), (16, 1)))
            for i in np.flatnonzero(env.terminals):
                last = before[i]
                assert env.rewards[i] == -100
                assert max(abs(last.x), abs(last.y)) > 330
                assert last.episode_return == pytest.approx(
                    1000 * last.visited / last.tiles - 0.1 * last.tick, abs=0.02
                )
            if env.terminals.any():
                break
        assert env.terminals.any()
        assert env.log()["lost"] == 1


def test_a_lap_is_complete_when_all_tiles_were_visited() -> None:
    policy = load_policy(POLICY, seed=1)
    with puffer_envs.make("car_racing", 24, seed=12) as env:
        observations = env.reset()
        policy.reset()
        finished = 0
        for _ in range(700):
            visited = [int(state.visited) for state in states(env, "visited")]
            observations, rewards, terminals, _ = env.step(policy.act(observations))
            policy.reset(terminals | env.truncations)
            for i in np.flatnonzero(terminals & (rewards > -50)):
                finished += 1
                assert env.final_observations[i, 13] == 1
                assert visited[i] > 100
        assert finished > 0
        assert env.log()["tiles"] == 1


@pytest.mark.parametrize(("missed", "lap_share", "ends"), [(4, 0.95, True), (4, 0.999, False), (60, 0.95, False)])
def test_a_lap_also_ends_at_the_first_tile_if_enough_were_visited(missed: int, lap_share: float, ends: bool) -> None:
    """Like Gymnasium's: the first tile has to be visited late. Here the car stands on it, and never was there."""
    with puffer_envs.make("car_racing", seed=3, lap_share=lap_share) as env:
        env.reset()
        tiles = int(env.state(0).tiles)
        seen = np.zeros(len(env.state(0).seen), np.int64)
        seen[1 : tiles - missed + 1] = 1
        patch(env, seen=seen, visited=tiles - missed, due=0.0)
        env.step(np.zeros_like(env.actions))
        assert bool(env.terminals[0]) == ends
        assert env.rewards[0] == pytest.approx(
            1000 / tiles * round((env.rewards[0] + 0.1) * tiles / 1000) - 0.1, abs=1e-3
        )
        assert env.rewards[0] > 0
        if not ends:
            assert int(env.state(0).seen[0]) == 1

"""bipedal_walker: walks of Gymnasium's, which are stored, and mechanics; see also docs/ports/bipedal_walker.md.

tests/engine/test_port.py compares single steps too, where Box2D is installed.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import puffer_envs
from puffer_envs import _core
from puffer_envs.policy import load_policy
from puffer_envs.porting import Draws
from puffer_envs.porting.known.bipedal_walker import _reset_draws
from puffer_envs.snapshot import pack_snapshot

WALKS = json.loads(Path(__file__).with_name("bipedal_walker_walks.json").read_text("utf-8"))
BODIES = ("hull", "thigh1", "shin1", "thigh2", "shin2")
STRIDE = 14 / 30
LEG = 34 / 30
HULL_AREA = (64 * 17 - 28 * 8 / 2) / 900
MASS = np.array([5 * HULL_AREA, 8 * 34 / 900, 6.4 * 34 / 900, 8 * 34 / 900, 6.4 * 34 / 900])
"""The hull is 64 x 17 thirtieths of a metre, less a triangle of 28 x 8; its density is 5."""


def throw(env: puffer_envs.Environment, height: float) -> None:
    """Lift every walker."""
    size = env._states.size // env.num_envs
    table = env._states.reshape(env.num_envs, size).copy()
    offsets = {field.name: field.offset for field in env.spec.fields}
    for body in BODIES:
        at = offsets[f"{body}_y"]
        table[:, at : at + 4] = (np.ascontiguousarray(table[:, at : at + 4]).view(np.float32) + height).view(np.uint8)
    env.restore(pack_snapshot(env.spec, env.settings, env.num_envs, table.reshape(-1)))


def columns(env: puffer_envs.Environment, name: str) -> Any:
    """A number of the five bodies of every walker: (walkers, 5)."""
    states = [env.state(i) for i in range(env.num_envs)]
    return np.array([[float(getattr(state, f"{body}_{name}")) for body in BODIES] for state in states])


@pytest.mark.parametrize("walk", WALKS, ids=lambda walk: f"{walk['kind']}-{walk['seed']}")
def test_walks_are_those_of_gymnasium(walk: dict[str, Any]) -> None:
    """Left alone they stay within 1e-4, 60 steps in the air, and 30 in which feet touch the ground."""
    count = len(walk["rewards"])
    rng = np.random.default_rng(walk["seed"])
    actions = np.repeat(rng.uniform(-1.4, 1.4, (count // 8 + 1, 4)).clip(-1, 1).round(3), 8, axis=0)[:count]
    with puffer_envs.make("bipedal_walker", 1, walk["seed"]) as env:
        env.reset()
        if walk["kind"] == "thrown":
            throw(env, 20.0)
        for action, seen, reward in zip(actions, walk["observations"], walk["rewards"], strict=True):
            env.step(action[None].astype(np.float32))
            np.testing.assert_allclose(env.observations[0], seen, atol=1e-4)
            assert env.rewards[0] == pytest.approx(reward, abs=1e-3)


def test_hinges_and_motors_change_no_momentum() -> None:
    """In the air, only gravity acts on all five bodies together."""
    rng = np.random.default_rng(1)
    with puffer_envs.make("bipedal_walker", 6, seed=1) as env:
        env.reset()
        throw(env, 30.0)
        for _ in range(25):
            before = [columns(env, name) @ MASS for name in ("vx", "vy")]
            env.step(rng.uniform(-1, 1, (6, 4)).astype(np.float32))
            after = [columns(env, name) @ MASS for name in ("vx", "vy")]
            np.testing.assert_allclose(after[0] - before[0], 0, atol=2e-4)
            np.testing.assert_allclose(after[1] - before[1], -10 / 50 * MASS.sum(), atol=2e-4)


def test_legs_stay_together_and_within_their_limits() -> None:
    rng = np.random.default_rng(2)
    with puffer_envs.make("bipedal_walker", 40, seed=3) as env:
        env.reset()
        throw(env, 30.0)
        for _ in range(40):
            env.step(rng.uniform(-1, 1, (40, 4)).astype(np.float32))
        x, y, angle = (columns(env, name) for name in ("x", "y", "angle"))
    slop = math.radians(2) + 0.2  # a step with a motor behind it leads beyond a limit, before it holds
    for thigh, rest in ((1, -0.05), (3, 0.05)):
        hip, knee = angle[:, thigh] - angle[:, 0] - rest, angle[:, thigh + 1] - angle[:, thigh]
        assert hip.min() > -0.8 - slop and hip.max() < 1.1 + slop
        assert knee.min() > -1.6 - slop and knee.max() < -0.1 + slop
        down = x[:, thigh] + np.sin(angle[:, thigh]) * LEG / 2, y[:, thigh] - np.cos(angle[:, thigh]) * LEG / 2
        up = (
            x[:, thigh + 1] - np.sin(angle[:, thigh + 1]) * LEG / 2,
            y[:, thigh + 1] + np.cos(angle[:, thigh + 1]) * LEG / 2,
        )
        assert np.hypot(down[0] - up[0], down[1] - up[1]).max() < 0.006


def test_the_ground_is_that_of_its_draws() -> None:
    at = _core.describe("bipedal_walker")["rng_offset"]
    with puffer_envs.make("bipedal_walker", 1) as env:
        for seed in range(5):
            env.reset(seed)
            draws = Draws.of(env._states[at : at + 16].tobytes())
            told = [_reset_draws(draws.before(count))[1] for count in (181, 182)]
            assert min(np.abs(np.array(heights) - env.state(0).ground).max() for heights in told) < 1e-6
            assert np.ptp(env.state(0).ground[:21]) == 0 < np.ptp(env.state(0).ground[21:])


def test_obstacles_are_those_of_their_draws() -> None:
    at = _core.describe("bipedal_walker")["rng_offset"]
    kinds: set[int] = set()
    with puffer_envs.make("bipedal_walker", 1, hardcore=True) as env:
        for seed in range(4):
            env.reset(seed)
            state, draws = env.state(0), Draws.of(env._states[at : at + 16].tobytes())
            told = [_reset_draws(draws.before(count), hardcore=True)[1] for count in range(100, 260)]
            assert min(np.abs(np.array(heights) - state.ground).max() for heights in told) < 1e-6
            kinds |= _check_obstacles(state)
    assert kinds == {1, 2, 3}


def _check_obstacles(state: Any) -> set[int]:
    """Stumps stand on the ground, walls of pits reach down to its floor, steps of stairs rise or fall by a stride."""
    count, ground = int(state.num_blocks), np.asarray(state.ground, np.float64)
    posts, kinds = state.block_post[:count].astype(int), state.block_kind[:count]
    bottom, wide, high = (np.asarray(column[:count], np.float64) for column in
                          (state.block_bottom, state.block_wide, state.block_high))  # fmt: skip
    gaps = np.diff(posts) - wide[:-1]
    assert posts[0] == 20 and (gaps[kinds[:-1] == 2] >= 0).all()
    for i in range(count):
        if posts[i] + 5 >= len(ground):
            continue
        top = bottom[i] + high[i] * STRIDE
        if kinds[i] == 1:
            assert wide[i] == high[i] and bottom[i] == pytest.approx(ground[posts[i]], abs=1e-5)
        elif kinds[i] == 3:
            assert high[i] == 4 and max(ground[posts[i]], ground[posts[i] + 1]) == pytest.approx(top, abs=1e-5)
            assert min(ground[posts[i]], ground[posts[i] + 1]) == pytest.approx(bottom[i], abs=1e-5)
        elif i and kinds[i - 1] == 2 and gaps[i - 1] == 0:
            assert abs(bottom[i] - bottom[i - 1]) == pytest.approx(STRIDE, abs=1e-5)
    return {int(kind) for kind in kinds}


def test_walkers_stand_on_blocks_and_bump_into_them() -> None:
    """Thrown onto a block wider than they are, all come to rest on its top, not in it, and see it below."""
    with puffer_envs.make("bipedal_walker", 8, seed=7, hardcore=True) as env:
        env.reset()
        rows = env._states.reshape(8, -1).copy()
        fields = {field.name: field for field in env.spec.fields}

        def put(name: str, value: Any) -> None:
            of = fields[name]
            flat = np.atleast_1d(np.asarray(value, of.dtype)).view(np.uint8)
            rows[:, of.offset : of.offset + flat.size] = flat

        floor = float(env.state(0).ground[10])
        put("num_blocks", 6)
        for name, values in (("post", [0, 4, 8, 12, 16, 20]), ("wide", [4] * 6), ("high", [4] * 6), ("kind", [2] * 6)):
            put(f"block_{name}", values + [0] * 34)
        put("block_bottom", [floor] * 6 + [0] * 34)
        env.restore(pack_snapshot(env.spec, env.settings, 8, rows.reshape(-1)))
        throw(env, 4 * STRIDE + 0.1)
        for step in range(30):
            env.step(np.zeros((8, 4), np.float32))
            if step == 0:
                height = 2 * LEG + 0.1
                assert np.abs(env.observations[:, 14] * 160 / 30 - height).max() < 0.3
        assert columns(env, "y").min() > floor + 4 * STRIDE - 0.05
        assert any(env.state(i).touches["edge"].max() >= 199 for i in range(8))


def test_rays_end_where_they_meet_the_ground() -> None:
    """Told a second time: every edge is tried, and the nearest counts."""
    rng = np.random.default_rng(4)
    with puffer_envs.make("bipedal_walker", 16, seed=4) as env:
        env.reset()
        for _ in range(30):
            env.step(rng.uniform(-1, 1, (16, 4)).astype(np.float32))
        for i in range(16):
            state = env.state(i)
            ground, posts = np.asarray(state.ground, np.float64), np.arange(200) * STRIDE
            centre = _hull_centre()
            sine, cosine = math.sin(state.hull_angle), math.cos(state.hull_angle)
            x = float(state.hull_x) - (cosine * centre[0] - sine * centre[1])
            y = float(state.hull_y) - (sine * centre[0] + cosine * centre[1])
            for ray in range(10):
                dx, dy = math.sin(0.15 * ray) * 160 / 30, -math.cos(0.15 * ray) * 160 / 30
                assert env.observations[i, 14 + ray] == pytest.approx(_meet(x, y, dx, dy, posts, ground), abs=1e-4)


def _hull_centre() -> tuple[float, float]:
    """Of the hull's rectangle, less its triangle."""
    whole, cut = 64 * 17, 28 * 8 / 2
    x = (whole * 2 - cut * (6 + 28 * 2 / 3)) / (whole - cut)
    y = (whole * 0.5 - cut * (1 + 8 * 2 / 3)) / (whole - cut)
    return x / 30, y / 30


def _meet(x: float, y: float, dx: float, dy: float, posts: Any, ground: Any) -> float:
    ex, ey = np.diff(posts), np.diff(ground)
    det = dx * ey - dy * ex
    t = ((posts[:-1] - x) * ey - (ground[:-1] - y) * ex) / det
    share = ((posts[:-1] - x) * dy - (ground[:-1] - y) * dx) / det
    return float(np.where((t >= 0) & (share >= 0) & (share <= 1), t, 1.0).min(initial=1.0))


def test_the_shipped_policy_walks_and_every_end_is_counted() -> None:
    policy = load_policy(puffer_envs.trained_policy("bipedal_walker"), seed=1)
    with puffer_envs.make("bipedal_walker", 16, seed=3) as env:
        observations, scores, first = env.reset(), [], np.ones(16, bool)
        while first.any():
            observations, rewards, terminals, truncations = env.step(policy.act(observations))
            over = terminals | truncations
            policy.reset(over)
            for i in np.flatnonzero(over & first):
                log = env.log(int(i))
                scores.append(log["score"])
                assert log["arrived"] + log["fell"] == terminals[i]
                assert (log["fell"] == 1) == (rewards[i] == -100)
                assert (log["distance"] > 80) == (log["arrived"] == 1)
            first &= ~over
    assert np.mean(scores) > 250


def test_effort_costs_and_who_falls_loses_100() -> None:
    """A reward is what the hull's origin moves and its angle turns, less 0.028 for each full torque."""
    with puffer_envs.make("bipedal_walker", 1, seed=5) as env:
        env.reset()
        throw(env, 30.0)
        shaped = _shaping(env.state(0))
        for action in (np.zeros(4), np.ones(4), np.array([1, -1, 0.5, 0])):
            env.step(action[None].astype(np.float32))
            before, shaped = shaped, _shaping(env.state(0))
            assert env.rewards[0] == pytest.approx(shaped - before - 0.028 * np.abs(action).sum(), abs=1e-3)
    with puffer_envs.make("bipedal_walker", 8, seed=6) as env:
        env.reset()
        while not env.terminals.any():
            env.step(np.ones((8, 4), np.float32))
        assert set(env.rewards[env.terminals]) == {-100}


def _shaping(state: Any) -> float:
    x, y = _hull_centre()
    origin = float(state.hull_x) - (math.cos(state.hull_angle) * x - math.sin(state.hull_angle) * y)
    return 130 / 30 * origin - 5 * abs(float(state.hull_angle))


def test_who_stumbles_over_blocks_alone_or_among_others_does_the_same() -> None:
    """Many walkers are stepped side by side, and one alone is not: both fall over the same stumps in the same way."""
    actions = np.random.default_rng(5).uniform(-1, 1, (90, 96, 4)).repeat(8, axis=0).astype(np.float32)
    with puffer_envs.make("bipedal_walker", 96, seed=11, hardcore=True) as env:
        env.reset()
        begin = env._states.reshape(96, -1).copy()
        walks = np.array([env.step(rows)[0].copy() for rows in actions])
    with puffer_envs.make("bipedal_walker", 1, seed=11, hardcore=True) as env:
        for index in range(0, 96, 24):
            env.reset()
            env.restore(pack_snapshot(env.spec, env.settings, 1, begin[index]))
            for rows, right in zip(actions, walks, strict=True):
                assert np.array_equal(env.step(rows[index : index + 1])[0][0], right[index])

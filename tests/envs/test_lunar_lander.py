"""lunar_lander: flights of Gymnasium's, which are stored, and mechanics; see also docs/ports/lunar_lander.md.

tests/engine/test_port.py compares contacts too, where Box2D is installed.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import puffer_envs
from puffer_envs.policy import load_policy

FLIGHTS = json.loads(Path(__file__).with_name("lunar_lander_flights.json").read_text("utf-8"))
BODIES = ("hull", "left", "right")
MASS = np.array([867 / 900 * 5, 64 / 900, 64 / 900])
"""Areas in thirtieths of a metre: 34 x 10 and a trapezium of 34 and 28 x 17; 4 x 16; the hull's density is 5."""
LEG_MOMENT = 64 / 900 * (4**2 + 16**2) / 900 / 12


@pytest.mark.parametrize("flight", FLIGHTS, ids=lambda flight: f"{flight['variant']}-{flight['seed']}")
def test_flights_are_those_of_gymnasium(flight: dict[str, Any]) -> None:
    """50 steps in the air, left alone, stay within 1e-4. make_lunar_lander_flights.py stored what Gymnasium showed."""
    with puffer_envs.make("lunar_lander", 1, flight["seed"], **flight["settings"]) as env:
        env.reset()
        for action, seen, reward in zip(flight["actions"], flight["observations"], flight["rewards"], strict=True):
            env.step(np.array([action], env.actions.dtype))
            np.testing.assert_allclose(env.observations[0], seen, atol=1e-4)
            assert env.rewards[0] == pytest.approx(reward, abs=0.02)
            assert not env.terminals[0]


def columns(env: puffer_envs.Environment, name: str) -> Any:
    """A number of the three bodies of every lander: (landers, 3)."""
    states = [env.state(i) for i in range(env.num_envs)]
    return np.array([[float(getattr(state, f"{body}_{name}")) for body in BODIES] for state in states])


def test_hinges_and_motors_change_no_momentum() -> None:
    """Without engines and ground, only gravity acts on all three bodies together."""
    with puffer_envs.make("lunar_lander", 6, seed=1) as env:
        env.reset()
        for _ in range(25):
            before = [columns(env, name) @ MASS for name in ("vx", "vy")]
            env.step(np.zeros(6, np.int32))
            after = [columns(env, name) @ MASS for name in ("vx", "vy")]
            np.testing.assert_allclose(after[0] - before[0], 0, atol=1e-4)
            np.testing.assert_allclose(after[1] - before[1], -10 / 50 * MASS.sum(), atol=1e-4)


def test_hinges_and_motors_change_no_angular_momentum() -> None:
    """About the centre of all three; places change after speeds, so that the levers are those before the step."""
    hull_moment = 0.7838806
    moments = np.array([hull_moment, LEG_MOMENT, LEG_MOMENT])

    def spin(x: Any, y: Any, vx: Any, vy: Any, w: Any) -> Any:
        x, y = x - (x @ MASS / MASS.sum())[:, None], y - (y @ MASS / MASS.sum())[:, None]
        return (x * vy - y * vx) @ MASS + w @ moments

    with puffer_envs.make("lunar_lander", 6, seed=2) as env:
        env.reset()
        for _ in range(25):
            x, y = columns(env, "x"), columns(env, "y")
            before = spin(x, y, columns(env, "vx"), columns(env, "vy"), columns(env, "spin"))
            env.step(np.zeros(6, np.int32))
            after = spin(x, y, columns(env, "vx"), columns(env, "vy"), columns(env, "spin"))
            np.testing.assert_allclose(after, before, atol=2e-4)


def test_legs_stay_at_the_hull_and_within_their_limits() -> None:
    with puffer_envs.make("lunar_lander", 100, seed=3) as env:
        env.reset()
        rng = np.random.default_rng(1)
        for _ in range(60):
            env.step(rng.integers(0, 4, 100).astype(np.int32))
        touched = np.array([env.state(i).touched.any() for i in range(100)])
        angle, x, y = (columns(env, name)[~touched] for name in ("angle", "x", "y"))
    assert len(angle) > 50
    slop = math.radians(2) + 1e-3
    out = np.stack([angle[:, 0] - angle[:, 1], angle[:, 2] - angle[:, 0]], 1)
    assert (out > 0.35 - slop).all() and (out < 0.85 + slop).all()
    origin = x[:, :1] + 0.101307 * np.sin(angle[:, :1]), y[:, :1] - 0.101307 * np.cos(angle[:, :1])
    for leg, side in ((1, 1), (2, -1)):
        sine, cosine = np.sin(angle[:, leg]), np.cos(angle[:, leg])
        hinge_x = x[:, leg] + (cosine * side * 20 - sine * 18) / 30
        hinge_y = y[:, leg] + (sine * side * 20 + cosine * 18) / 30
        assert np.hypot(hinge_x - origin[0][:, 0], hinge_y - origin[1][:, 0]).max() < 0.006


def test_the_shipped_policy_solves_it_and_every_end_is_counted() -> None:
    policy = load_policy(puffer_envs.trained_policy("lunar_lander"), seed=1)
    with puffer_envs.make("lunar_lander", 32, seed=3) as env:
        observations, scores, first = env.reset(), [], np.ones(32, bool)
        while first.any():
            observations, rewards, terminals, truncations = env.step(policy.act(observations))
            over = terminals | truncations
            policy.reset(over)
            assert set(np.unique(rewards[terminals])) <= {-100, 100}
            for i in np.flatnonzero(over & first):
                log = env.log(int(i))
                scores.append(log["score"])
                assert log["landed"] + log["crashed"] + log["lost"] == terminals[i]
                assert (log["landed"] == 1) == (rewards[i] == 100)
            first &= ~over
    assert np.mean(scores) > 240


def test_who_does_nothing_crashes_or_without_gravity_is_lost() -> None:
    for gravity, end, share in ((-10, "crashed", 0.9), (0, "lost", 0.3)):
        with puffer_envs.make("lunar_lander", 32, seed=4, gravity=gravity) as env:
            env.reset()
            for _ in range(200):
                env.step(np.zeros(32, np.int32))
                assert set(np.unique(env.rewards[env.terminals])) <= {-100}
            assert env.log()[end] > share


def test_wind_blows_until_a_leg_touches() -> None:
    with puffer_envs.make("lunar_lander", 12, seed=5, wind=True) as env:
        env.reset()
        seen = [0, 0]
        for _ in range(120):
            before = [env.state(i) for i in range(12)]
            moments = np.array([[int(state.wind_at), int(state.twist_at)] for state in before])
            standing = np.array([bool(state.touched[1:3].any()) for state in before])
            env.step(np.zeros(12, np.int32))
            moved = np.array([[int(env.state(i).wind_at), int(env.state(i).twist_at)] for i in range(12)])
            same = ~(env.terminals | env.truncations)
            assert (moved[same] - moments[same] == ~standing[same][:, None]).all()
            seen[0] += int((standing & same).sum())
            seen[1] += int((~standing & same).sum())
    assert seen[0] > 5 and seen[1] > 800

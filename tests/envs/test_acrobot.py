"""acrobot: mechanics that the certificate (tests/engine/test_port.py) does not ask for; see also test_classics.py."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import puffer_envs

REST = 1


def energy(state: Any) -> float:
    """Kinetic and potential energy of both links, J: Lagrange's terms of the equations in the header."""
    one, two = float(state.theta1), float(state.theta2)
    d_one, d_two = float(state.dtheta1), float(state.dtheta2)
    # each link turns with its own moment of 1 about its middle; the second one's middle moves with both
    speed = d_one**2 + 0.25 * (d_one + d_two) ** 2 + d_one * (d_one + d_two) * np.cos(two)
    kinetic = 0.5 * (0.25 + 1) * d_one**2 + 0.5 * speed + 0.5 * (d_one + d_two) ** 2
    return float(kinetic - 9.8 * (0.5 * np.cos(one) + np.cos(one) + 0.5 * np.cos(one + two)))


def test_energy_is_kept_without_a_torque() -> None:
    """Runge and Kutta's fourth order loses little in a step of 0.2 s, as long as nothing turns fast."""
    kept = []
    with puffer_envs.make("acrobot", 200, seed=1, scatter=1) as env:
        env.reset()
        for _ in range(5):
            before = [energy(env.state(i)) for i in range(200)]
            env.step(np.full(200, REST, np.int32))
            over = env.terminals | env.truncations
            kept += [energy(env.state(i)) - before[i] for i in np.flatnonzero(~over)]
    assert len(kept) > 500
    assert np.median(np.abs(kept)) < 0.02 and np.quantile(np.abs(kept), 0.9) < 0.3


def test_a_torque_adds_the_energy_that_it_works() -> None:
    with puffer_envs.make("acrobot", 300, seed=2) as env:
        env.reset()
        rng = np.random.default_rng(3)
        errors: list[float] = []
        for _ in range(20):
            actions: NDArray[np.int32] = rng.integers(0, 3, 300).astype(np.int32)
            states = [env.state(i) for i in range(300)]
            before, start = [energy(s) for s in states], np.array([s.theta2 for s in states])
            env.step(actions)
            turned = np.array([s.theta2 for s in states]) - start
            work = (actions - REST) * turned
            errors += [energy(states[i]) - before[i] - work[i] for i in range(300)]
    assert np.abs(errors).max() < 0.01


def test_the_height_that_ends_is_one_link_above_the_hinge() -> None:
    with puffer_envs.make("acrobot", 2000, seed=4, scatter=1) as env:
        env.reset()
        heights, ended = [], []
        for _ in range(20):
            env.step(np.full(2000, REST, np.int32))
            rows = np.where((env.terminals | env.truncations)[:, None], env.final_observations, env.observations)
            c1, s1, c2, s2 = rows[:, :4].T
            heights.append(-c1 - (c1 * c2 - s1 * s2))
            ended.append(env.terminals.copy())
    above = np.concatenate(heights) > 1
    assert above.sum() > 100
    assert np.array_equal(above, np.concatenate(ended))

"""car_racing_pixels: the rules of car_racing, and Gymnasium's pictures of some states, which are stored.

benchmarks/car_racing_pictures.py compares thousands, where Box2D and pygame are installed, and stores these.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import puffer_envs
from puffer_envs.snapshot import pack_snapshot

STORED = Path(__file__).with_name("car_racing_pictures.npz")


def actions(steps: int, num_envs: int, discrete: bool) -> NDArray[Any]:
    """Some that are held for a while, so that cars get somewhere."""
    rng = np.random.default_rng(steps)
    shape = ((steps + 7) // 8, num_envs)
    if discrete:
        return np.repeat(rng.choice([0, 1, 2, 3, 3, 3, 4], shape), 8, 0)[:steps].astype(np.int32)
    drawn = rng.uniform([-0.4, 0.2, -1.0], [0.4, 1.0, 0.5], (*shape, 3))
    return np.repeat(drawn, 8, 0)[:steps].astype(np.float32).clip([-1, 0, 0], 1)


@pytest.mark.parametrize("discrete", [False, True])
def test_rules_are_those_of_car_racing(discrete: bool) -> None:
    settings = {"max_steps": 60, "continuous": not discrete}
    with (
        puffer_envs.make("car_racing", 3, seed=4, **settings) as numbers,
        puffer_envs.make("car_racing_pixels", 3, seed=4, **settings) as pixels,
    ):
        numbers.reset()
        pixels.reset()
        for action in actions(130, 3, discrete):
            numbers.step(action)
            pixels.step(action)
            np.testing.assert_array_equal(pixels.rewards, numbers.rewards)
            np.testing.assert_array_equal(pixels.truncations, numbers.truncations)
            np.testing.assert_array_equal(pixels._states, numbers._states)
        assert pixels.log() == numbers.log()


def test_a_repeated_action_is_as_many_steps() -> None:
    """Up to the end of the episode: of 50 steps, the last four-fold one has two."""
    with (
        puffer_envs.make("car_racing_pixels", 2, seed=4, max_steps=50) as single,
        puffer_envs.make("car_racing_pixels", 2, seed=4, max_steps=50, repeat=4) as fourfold,
    ):
        single.reset()
        fourfold.reset()
        for i, action in enumerate(actions(13, 2, discrete=False)):
            rewards = np.zeros(2)
            for _ in range(2 if i == 12 else 4):
                single.step(action)
                rewards += single.rewards
            fourfold.step(action)
            np.testing.assert_allclose(fourfold.rewards, rewards, atol=1e-5)
            np.testing.assert_array_equal(fourfold.observations, single.observations)
        assert fourfold.truncations.all() and single.truncations.all()
        np.testing.assert_array_equal(fourfold.final_observations, single.final_observations)


def pictures_of(stored: dict[str, NDArray[Any]]) -> NDArray[np.uint8]:
    """What ours shows of these states."""
    count = len(stored["x"])
    with puffer_envs.make("car_racing_pixels", count) as env:
        env.reset()
        table = env._states.reshape(count, -1).copy()
        for field in env.spec.fields:
            if field.name in stored:
                row = np.ascontiguousarray(stored[field.name].astype(field.dtype).reshape(count, -1)).view(np.uint8)
                table[:, field.offset : field.offset + row.shape[1]] = row
        env.restore(pack_snapshot(env.spec, env.settings, count, table.reshape(-1)))
        return env.observations.copy()


def test_pictures_are_those_of_gymnasium() -> None:
    stored = dict(np.load(STORED))
    apart = np.abs(pictures_of(stored).astype(int) - stored["picture"])
    largest = apart.max(-1)
    assert len(largest) >= 20 and stored["tick"].min() < 50 < stored["tick"].max()
    assert (largest == 0).mean() > 0.95
    assert (largest <= 4).mean() > 0.995
    assert apart.mean((1, 2, 3)).max() < 0.3


def test_pictures_show_what_changes() -> None:
    """Road ahead, grass beside it, the speed, and the return: each in its place."""
    with puffer_envs.make("car_racing_pixels", 1, seed=2) as env:
        env.reset()
        for _ in range(70):
            env.step(np.array([[0.0, 0.3, 0.0]], np.float32))
        picture = env.observations[0].astype(int)
        state = env.state()
        assert picture[66:77, 46:50, 0].max() > 180  # the hull
        assert set(np.unique(picture[:84, :, 2])) <= set(range(256)) and picture[84:86].max() == 0
        bar = picture[84:, 12:15, 0].sum() * 125 / 12 * 25 / 3 / 253  # dots of it
        speed = float(np.hypot(state.vx, state.vy))
        assert bar == pytest.approx(26 * (1 + 0.4 * speed), rel=0.1)

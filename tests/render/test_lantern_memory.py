"""What the picture of lantern keeps of what was seen."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

import puffer_envs
from puffer_render.draw.lantern import SIGHT, remembered


def test_what_was_seen_stays_and_nothing_else_is_shown() -> None:
    rng = np.random.default_rng(0)
    with puffer_envs.make("lantern", num_levels=8, difficulty=1, spread=0, patience=100) as env:
        env.reset()
        rows = np.asarray(env.state(0).rows).reshape(-1)
        floor = {(r, c) for r in range(32) for c in range(32) if int(rows[r]) >> c & 1}
        seen = []
        for _ in range(40):
            thrust = rng.uniform(-1, 1, env.actions.shape).astype(np.float32)
            for _ in range(10):
                env.step(thrust)
            state = env.state(0)
            feet = np.asarray(state.footprints).reshape(-1)
            trodden = {(r, c) for r in range(32) for c in range(32) if int(feet[r]) >> c & 1}
            tiles, walls = remembered(rows.tobytes(), feet.tobytes())
            assert trodden <= tiles <= floor
            for row, column in tiles:
                assert min(math.dist((row, column), step) for step in trodden) < SIGHT + 1
            assert all(math.dist(wall[:2], wall[2:]) == 1 for wall in walls)
            for x0, y0, x1, y1 in walls:
                row, column = int((y0 + y1) / 2 - (x0 != x1) / 2), int((x0 + x1) / 2 - (y0 != y1) / 2)
                beside = {(row, column), (row + (x0 != x1), column + (y0 != y1))}
                assert len(beside & floor) == 1 and beside & floor <= tiles
            seen.append(tiles)
        assert all(one <= other for one, other in pairwise(seen))
        assert len(seen[0]) < len(seen[-1]) < len(floor)

"""What the picture of lantern keeps of what was seen."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np

import puffer_envs
from puffer_render.draw.lantern import SIZE, draw
from puffer_render.frame import HUD_HEIGHT, LINE, RECT, Frame, pack
from puffer_render.palette import STEEL, fade

SIGHT = 6.0
Tile = tuple[int, int]


def tiles_of(rows: Any) -> set[Tile]:
    bits = np.asarray(rows).reshape(-1)
    return {(r, c) for r in range(32) for c in range(32) if int(bits[r]) >> c & 1}


def remembered(state: Any) -> tuple[set[Tile], list[tuple[float, ...]]]:
    """The tiles and the walls that are drawn as remembered, in metres."""
    frame = Frame(*SIZE)
    draw(state, frame)
    rows, columns = zip(*tiles_of(state.rows), strict=True)
    high, wide = max(rows) - min(rows) + 3, max(columns) - min(columns) + 3
    tile = min(600 / max(high, wide), 60)
    left = 20 + (600 - wide * tile) / 2 - (min(columns) - 1) * tile
    top = HUD_HEIGHT + (600 - high * tile) / 2 - (min(rows) - 1) * tile
    tiles, walls = set(), []
    for verb, numbers in frame.entries():
        if verb == RECT and numbers[-1] == pack(fade(STEEL, 0.1)):
            column, row, count = (round(x / tile) for x in (numbers[0] - left, numbers[1] - top, numbers[2]))
            tiles |= {(row, column + k) for k in range(count)}
        elif verb == LINE and numbers[-1] == pack(fade(STEEL, 0.4)):
            x0, y0, x1, y1 = ((x - start) / tile for x, start in zip(numbers, (left, top) * 2, strict=False))
            walls.append((round(x0), round(y0), round(x1), round(y1)))
    return tiles, walls


def test_what_was_seen_stays_and_nothing_else_is_shown() -> None:
    rng = np.random.default_rng(0)
    with puffer_envs.make("lantern", num_levels=8, difficulty=1, spread=0, patience=100) as env:
        env.reset()
        floor = tiles_of(env.state(0).rows)
        seen = []
        for _ in range(40):
            thrust = rng.uniform(-1, 1, env.actions.shape).astype(np.float32)
            for _ in range(10):
                env.step(thrust)
            state = env.state(0)
            trodden = tiles_of(state.footprints)
            tiles, walls = remembered(state)
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

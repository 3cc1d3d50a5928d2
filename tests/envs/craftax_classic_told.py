"""Craftax-Classic's random keys and worlds, told a second time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SIDE = 64
Key = tuple[int, int]
TURNS = ((13, 15, 26, 6), (17, 29, 16, 24))


def threefry(key: Key, high: Any, low: Any) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Threefry-2x32 with 20 rounds (Salmon et al. 2011) of counters."""
    words = [np.uint32(key[0]), np.uint32(key[1]), np.uint32(key[0] ^ key[1] ^ 0x1BD11BDA)]
    with np.errstate(over="ignore"):
        x, y = np.asarray(high, np.uint32) + words[0], np.asarray(low, np.uint32) + words[1]
        for four in range(5):
            for turn in TURNS[four % 2]:
                x = x + y
                y = ((y << np.uint32(turn)) | (y >> np.uint32(32 - turn))) ^ x
            x, y = x + words[(four + 1) % 3], y + words[(four + 2) % 3] + np.uint32(four + 1)
    return x, y


def split(key: Key) -> tuple[Key, Key]:
    """JAX's split(key)."""
    a, b = threefry(key, np.zeros(2), np.arange(2))
    return (int(a[0]), int(b[0])), (int(a[1]), int(b[1]))


def bits(key: Key, count: int = 1) -> NDArray[np.uint32]:
    """So many random words."""
    a, b = threefry(key, np.zeros(count), np.arange(count))
    return a ^ b


def uniform(key: Key, *shape: int) -> NDArray[np.float32]:
    """JAX's uniform(key, shape)."""
    return ((bits(key, int(np.prod(shape))) >> np.uint32(9)) * np.float32(2**-23)).astype(np.float32).reshape(shape)


def below(key: Key, n: int) -> int:
    """JAX's randint(key, (), 0, n), for a power of two."""
    return int(bits(split(key)[1])[0]) % n


class Chain:
    """A key from which children are split off, one after the other."""

    def __init__(self, key: Key) -> None:
        self.key = key

    def child(self) -> Key:
        """The next one."""
        self.key, child = split(self.key)
        return child


def noise(key: Key, rows: int, columns: int) -> NDArray[np.float64]:
    """Perlin's noise on a lattice of so many cells, from 0 to 1."""
    angles = 2 * np.pi * uniform(split(split(key)[1])[1], rows + 1, columns + 1).astype(np.float64)
    tile = np.arange(SIDE) + 0.0
    y, x = np.meshgrid(tile * rows / SIDE, tile * columns / SIDE, indexing="ij")
    row, column = y.astype(int), x.astype(int)
    y, x = y % 1, x % 1

    def corner(down: int, right: int) -> NDArray[np.float64]:
        angle = angles[row + down, column + right]
        return np.asarray((y - down) * np.cos(angle) + (x - right) * np.sin(angle))

    def ease(t: NDArray[np.float64]) -> NDArray[np.float64]:
        return t**3 * (t * (t * 6 - 15) + 10)

    left = corner(0, 0) * (1 - ease(y)) + corner(1, 0) * ease(y)
    right = corner(0, 1) * (1 - ease(y)) + corner(1, 1) * ease(y)
    mixed = left * (1 - ease(x)) + right * ease(x)
    return np.asarray((mixed - mixed.min()) / (mixed.max() - mixed.min()))


def world(key: Key) -> NDArray[np.uint8]:
    """The world of a key, computed with doubles: a tile where float32 rounds over a threshold is another one."""
    chain = Chain(key)
    away = np.abs(np.arange(SIDE) - SIDE // 2)
    full = np.minimum((away[:, None] + away) / 5, 1) - 1
    water = noise(chain.child(), 4, 4) + full
    chain.child()
    mountain = noise(chain.child(), 4, 4) + 0.05 + full
    paths = noise(chain.child(), 8, 32) > 0.8
    chain.child()
    tiles = np.where(water > 0.7, 1, np.where((water > 0.6) & (water < 0.75), 11, 0))
    inside = np.where(paths | paths.T | ((mountain > 0.85) & (water > 0.4)), 5, 2)
    tiles = np.where(mountain > 0.7, inside, tiles)
    for ore, share, above in ((6, 0.04, 0.0), (7, 0.03, 0.0), (8, 0.005, 0.8)):
        found = uniform(chain.child(), SIDE, SIDE) < np.float32(share)
        tiles = np.where((tiles == 2) & (mountain > above) & found, ore, tiles)
    trees = noise(chain.child(), 4 * 4, 4 * 4)
    tiles = np.where((tiles == 0) & (trees > 0.5) & (uniform(chain.key, SIDE, SIDE) > np.float32(0.8)), 3, tiles)
    tiles = np.where((mountain > 0.85) & (trees > 0.7), 12, tiles)
    tiles[SIDE // 2, SIDE // 2] = 0
    stone = np.flatnonzero(tiles == 2)
    if len(stone):  # sums of equal shares, from the other end: rounding moves the choice where it is near a border
        at = len(stone) * (1 - float(uniform(chain.child(), 1)[0]))
        tiles.reshape(-1)[stone[min(int(np.ceil(at)) - 1, len(stone) - 1)]] = 8
    return tiles.astype(np.uint8)

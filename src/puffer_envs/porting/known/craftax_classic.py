"""craftax_classic and the package craftax's Craftax-Classic."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_envs.porting import Draws, Given, craftax

IGNORED = {"episode_return": "the reference has none: it is summed for the log"}
NOTES = (
    "The package's observation is 1,345 numbers of 0 to 1; here it is 145 bytes that say the same, but for the light, "
    "which has 256 levels. The comparison translates.",
    "Both draw from the same keys: those that the package is given are two words of the generator here.",
    "The package never says whether an episode was cut off; after 10,000 steps it was, if you live.",
    "Not compared: the key that the package keeps in its state, from which nothing is drawn; and how far arrows went, "
    "how long creatures have rested and how old plants are, once that cannot matter any more.",
    "The package computes on the processor with 32-bit floats, whose cosines are those of glibc: another C library may "
    "round them otherwise, and make a tile of a few worlds another one.",
)
observe = craftax.bytes_of


def read(env: Any) -> dict[str, Any]:
    """Our fields, from the reference."""
    return craftax.read_state(env.unwrapped.state)


def write(env: Any, state: Mapping[str, Any]) -> None:
    """Put our fields into the reference."""
    env.unwrapped.state = craftax.written(env.unwrapped.state, state)


def share(env: Any, draws: Draws, state: Mapping[str, Any], action: Any) -> None:
    """The key of a step is two words."""
    del state, action
    env.unwrapped.np_random = Given([draws.bits(), draws.bits()])


# a player who gets farther than chance

_GRASS, _WATER, _STONE, _TREE, _COAL, _IRON, _DIAMOND, _TABLE, _FURNACE, _LAVA, _RIPE = (
    0,
    1,
    2,
    3,
    6,
    7,
    8,
    9,
    10,
    12,
    14,
)
_DO, _SLEEP, _PLACE_STONE, _PLACE_TABLE, _PLACE_FURNACE, _PLACE_SAPLING, _MAKE = 5, 6, 7, 8, 9, 10, 11
_FRONT = ((0, -1), (0, 1), (-1, 0), (1, 0))
_chance = np.random.default_rng(3)


def _wanted(things: NDArray[Any], drink: int) -> NDArray[np.bool_]:
    """Which tiles are worth going to."""
    want = np.zeros(16, np.bool_)
    want[_TREE], want[_WATER], want[_RIPE] = things[0] < 5, drink < 6, True
    want[_STONE], want[_COAL] = (things[6] > 0) & (things[1] < 5), (things[6] > 0) & (things[2] < 2)
    want[_IRON], want[_DIAMOND] = (things[7] > 0) & (things[3] < 2), things[8] > 0
    return want


def _craft(things: NDArray[Any], near: NDArray[Any], front: int, free: bool) -> int:
    """Something to make or to place; 0: nothing."""
    wood, stone, coal, iron = things[:4]
    lacking = np.flatnonzero(things[6:12] == 0)
    for tool in lacking if (near == _TABLE).any() else ():
        hard = tool % 3
        if wood and stone >= (hard > 0) and (hard < 2 or (coal and iron and (near == _FURNACE).any())):
            return _MAKE + int(tool)
    if free and len(lacking) and wood >= 4 and not (near == _TABLE).any():
        return _PLACE_TABLE
    if free and things[7] and stone >= 2 and (near == _TABLE).any() and not (near == _FURNACE).any():
        return _PLACE_FURNACE
    if things[5] and front == _GRASS and free:
        return _PLACE_SAPLING
    return _PLACE_STONE if stone > 4 and front in (_WATER, _LAVA) else 0


def gather(observation: NDArray[np.uint8]) -> int:
    """Take what is near, make what can be made, and wander."""
    tiles, creatures = observation[:63].reshape(7, 9), observation[63:126].reshape(7, 9)
    facing, things, drink, energy = (
        int(observation[126]),
        observation[127:139],
        int(observation[141]),
        int(observation[142]),
    )
    row, column = 3 + _FRONT[facing][0], 4 + _FRONT[facing][1]
    front, who, want = int(tiles[row, column]), int(creatures[row, column]), _wanted(things, drink)
    made = _craft(things, tiles[2:5, 3:6], front, who == 0 and front in (0, 5, 11))
    if made or energy < 3:
        return made or _SLEEP
    if who or want[front] or (front == _GRASS and _chance.random() < 0.1):
        return _DO
    seen = np.argwhere(want[tiles] | (creatures == 2)) - (3, 4)
    if len(seen) and _chance.random() < 0.8:
        down, right = min(seen.tolist(), key=lambda place: abs(place[0]) + abs(place[1]))
        way = (3 if down > 0 else 2) if abs(down) > abs(right) else (1 if right > 0 else 0)
    else:
        way = facing if _chance.random() < 0.7 else int(_chance.integers(4))
    ahead = tiles[3 + _FRONT[way][0], 4 + _FRONT[way][1]]
    return _DO if way == facing and ahead in (_STONE, _TREE) and things[6] else 0 if ahead == _LAVA else 1 + way


PLAYERS = {"a gatherer": gather}

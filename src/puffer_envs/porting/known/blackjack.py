"""blackjack and Gymnasium's Blackjack-v1."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_envs.porting import Draws, Given

_DRAWS = 4
"""Of four cards each: more than a dealer takes."""
IGNORED = {
    "hand": "it is kept for drawing: only the sum, the number of cards and aces matter",
    "last_mine": "it is kept for drawing: points of the game before",
    "last_theirs": "it is kept for drawing: points of the game before",
    "last_won": "it is kept for drawing: who won the game before",
}
NOTES = (
    "Gymnasium's observation is a tuple of three numbers; here they are an array of three bytes.",
    "Certified are the rules of Gymnasium's default, `sab`; tests compare the others, too.",
)


def observe(observation: tuple[int, int, int]) -> NDArray[np.uint8]:
    """The three numbers."""
    return np.array(observation, np.uint8)


def read(env: Any) -> dict[str, Any]:
    """Our fields, from the reference."""
    mine, dealers = env.unwrapped.player, env.unwrapped.dealer
    return {"sum": sum(mine), "ace": 1 in mine, "cards": len(mine), "open": dealers[0], "hidden": dealers[1]}


def write(env: Any, state: Mapping[str, Any]) -> None:
    """Put our fields into the reference. Of your cards only the sum, their number and aces matter."""
    total, cards, ace = int(state["sum"]), int(state["cards"]), bool(state["ace"])
    first = 1 if ace else min(10, total - 2)
    env.unwrapped.player = [first, total - first, *[0] * (cards - 2)]
    env.unwrapped.dealer = [int(state["open"]), int(state["hidden"])]


def share(env: Any, draws: Draws, state: Mapping[str, Any], action: Any) -> None:
    """The cards that will be drawn, by you or the dealer."""
    del state, action
    env.unwrapped.np_random = Given([card for _ in range(_DRAWS) for card in _four(draws.bits())])


def _four(chance: int) -> Iterator[int]:
    """The cards that one random number of ours holds."""
    for _ in range(4):
        chance *= 13
        yield min(10, 1 + (chance >> 32))
        chance &= 0xFFFFFFFF

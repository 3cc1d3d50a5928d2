"""craftax_classic and the package craftax's Craftax-Classic."""

from collections.abc import Mapping
from typing import Any

from puffer_envs.porting import Draws, Given, craftax

IGNORED = {"episode_return": "the reference has none: it is summed for the log"}
NOTES = (
    "The package's observation is 1,345 numbers of 0 to 1; here it is 145 bytes that say the same, but for the light, "
    "which has 256 levels. The comparison translates.",
    "Both draw from the same keys: those that the package is given are two words of the generator here.",
    "The package never says whether an episode was cut off; after 10,000 steps it was, if you live.",
    "Not compared: the key that the package keeps in its state, from which nothing is drawn; and how far arrows went, or "
    "how long creatures have rested, once that cannot matter any more.",
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

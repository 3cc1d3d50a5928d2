"""How encoders and decoders split nested Gymnasium spaces, and name their parts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import gymnasium
from gymnasium import spaces

Space = gymnasium.spaces.Space[Any]

ONLY_LEAF = "value"
"""Name of the only leaf of a space that is not nested."""
MAX_CHOICES = 2**31 - 1
"""Maximum number of choices, because discrete values are int32."""


def join(path: str, key: object) -> str:
    """Return the name of a part: the keys and positions that lead to it, joined by dots."""
    return f"{path}.{key}" if path else str(key)


def children(space: Space) -> list[tuple[Any, Space]] | None:
    """Return keys or positions and subspaces of a Dict or Tuple; None for a leaf."""
    if isinstance(space, spaces.Dict):
        return list(space.spaces.items())
    if isinstance(space, spaces.Tuple):
        return list(enumerate(space.spaces))
    return None


def number_of_choices(space: Space) -> int | None:
    """Return the length of a flat action mask; None if a part of the space is not discrete."""
    parts = children(space)
    if parts is not None:
        counts = [number_of_choices(part) for _, part in parts]
        return None if None in counts else sum(count for count in counts if count is not None)
    if isinstance(space, spaces.Discrete):
        return int(space.n)
    if isinstance(space, spaces.MultiDiscrete):
        return int(space.nvec.sum())
    return 2 * math.prod(space.shape) if isinstance(space, spaces.MultiBinary) else None


def leaves(space: Space, what: str, path: str = "") -> Iterator[tuple[str, Space]]:
    """Yield the name and space of every leaf, in order.

    Args:
        space: any space.
        what: "observation" or "action", for messages.
        path: name of `space` itself, if it is a part.

    Raises:
        ValueError: a leaf has values of no fixed size, or too many choices.
    """
    parts = children(space)
    if parts is not None:
        for key, part in parts:
            yield from leaves(part, what, join(path, key))
        return
    name = path or ONLY_LEAF
    if not isinstance(space, spaces.Box | spaces.Discrete | spaces.MultiDiscrete | spaces.MultiBinary):
        raise ValueError(
            f"the {what} space's part {name!r} is a {type(space).__name__}, whose values have no fixed size. "
            "Use Box, Discrete, MultiDiscrete and MultiBinary, and Dict and Tuple of these"
        )
    choices = space.n if isinstance(space, spaces.Discrete) else getattr(space, "nvec", None)
    if choices is not None and (choices > MAX_CHOICES).any():
        raise ValueError(f"the {what} space's part {name!r} has {choices.max()} choices: at most 2**31 - 1 are allowed")
    yield name, space

"""What happens to an observation between an environment and its row: leaves left out, pictures, kinds, stacks.

Each step is a function per leaf and the space that it leads to. Environments without such steps pay nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from gymnasium import spaces

from puffer_envs.adapters.pictures import is_picture, picture_change
from puffer_envs.adapters.spaces import ONLY_LEAF, Space, children, join
from puffer_envs.adapters.stack import Stack
from puffer_envs.contract.names import suggest
from puffer_envs.contract.wrap import Wrap

Change = Callable[[Any], Any]
"""From a leaf's value to what is shown of it."""

FIXED = (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)
"""Leaves whose values have a fixed size."""


class Preparation:
    """Prepares observations of one space, for a number of rows."""

    space: Space
    """Of what `__call__` returns."""
    notes: tuple[str, ...]
    """What a person should know: leaves that were left out without being asked."""

    def __init__(self, space: Space, wrap: Wrap, rows: int) -> None:
        """Find out what is to be done.

        Raises:
            ValueError: a leaf that is named does not exist or does not fit, or nothing is left.
        """
        self._wrap, self._notes = wrap, list[str]()
        self._names = [name for name, _ in _leaves(space)]
        self._check_names()
        self._pictures = 0
        built = self._build(space, "")
        if built is None:
            raise ValueError(_nothing_left(space))
        if (wrap.gray or wrap.size is not None) and not self._pictures:
            raise ValueError(
                "wrap.gray and wrap.size are for pictures, uint8 of shape (h, w), (h, w, 1) or (h, w, 3), and there is "
                "none among the observations"
            )
        self._stacks: list[Stack] = []
        self.space, self._change = built
        if wrap.stack > 1:
            self.space, self._push = self._stacked(self.space, rows)
        self.notes = tuple(self._notes)
        self.does_something = self._change is not None or wrap.stack > 1

    def restart(self, row: int) -> None:
        """The next observation of this row is the first of an episode."""
        for stack in self._stacks:
            stack.restart(row)

    def __call__(self, row: int, observation: Any) -> Any:
        """Return what is shown of an observation."""
        if self._change is not None:
            observation = self._change(observation)
        return self._push(row, observation) if self._stacks else observation

    def _check_names(self) -> None:
        for word, names in (("drop", self._wrap.drop), ("choices", tuple(self._wrap.choices))):
            for name in names:
                if not any(known == name or known.startswith(f"{name}.") for known in self._names):
                    there = ", ".join(map(repr, self._names))
                    hint = suggest(name, self._names)
                    raise ValueError(f"wrap.{word} names {name!r}, and the observations are {there}.{hint}")

    def _build(self, space: Space, path: str) -> tuple[Space, Change | None] | None:
        """Return a part's new space and what is done to its values, if anything; None if it is left out."""
        name = path or ONLY_LEAF
        if name in self._wrap.drop:
            return None
        parts = children(space)
        if parts is not None:
            built = {key: self._build(part, join(path, key)) for key, part in parts}
            kept = {key: part for key, part in built.items() if part is not None}
            return _composed(space, parts, kept) if kept else None
        if not isinstance(space, FIXED):
            if len(self._names) == 1:
                return None
            self._notes.append(
                f"observation {name!r} is left out: it is a {type(space).__name__}, and policies read numbers of a "
                f"fixed size (--wrap.drop {name} silences this line)"
            )
            return None
        return self._leaf(space, name)

    def _leaf(self, space: Space, name: str) -> tuple[Space, Change | None]:
        sizes = self._wrap.choices.get(name)
        if sizes is not None:
            return _as_choices(space, name, sizes), None
        if is_picture(space) and (self._wrap.gray or self._wrap.size is not None):
            self._pictures += 1
            return picture_change(space, self._wrap.gray, self._wrap.size)
        return space, None

    def _stacked(self, space: Space, rows: int) -> tuple[Space, Callable[[int, Any], Any]]:
        """Return a space whose leaves are stacked, and the function that adds an observation to a row's stacks."""
        parts = children(space)
        if parts is None:
            stack = Stack(space, self._wrap.stack, rows)
            self._stacks.append(stack)
            return stack.space, stack.push
        below = [(key, *self._stacked(part, rows)) for key, part in parts]
        if isinstance(space, spaces.Dict):

            def push(row: int, observation: Any) -> Any:
                if not isinstance(observation, Mapping) or observation.keys() != space.spaces.keys():
                    return observation  # the codec says what is wrong
                return {key: add(row, observation[key]) for key, _, add in below}

            return spaces.Dict({key: part for key, part, _ in below}), push

        def push_parts(row: int, observation: Any) -> Any:
            if len(observation) != len(below):
                return observation
            return tuple(add(row, part) for (_, _, add), part in zip(below, observation, strict=True))

        return spaces.Tuple([part for _, part, _ in below]), push_parts


def _leaves(space: Space, path: str = "") -> list[tuple[str, Space]]:
    parts = children(space)
    if parts is None:
        return [(path or ONLY_LEAF, space)]
    return [leaf for key, part in parts for leaf in _leaves(part, join(path, key))]


def _composed(
    space: Space, parts: list[tuple[Any, Space]], kept: dict[Any, tuple[Space, Change | None]]
) -> tuple[Space, Change | None]:
    """Return a Dict or a Tuple of the parts that are kept. A Tuple with gaps becomes a Dict, to keep their names."""
    changes = {key: change for key, (_, change) in kept.items() if change is not None}
    whole = len(kept) == len(parts)
    if whole and not changes and all(kept[key][0] is part for key, part in parts):
        return space, None
    if isinstance(space, spaces.Tuple) and whole:
        listed = [kept[key] for key, _ in parts]
        new: Space = spaces.Tuple([part for part, _ in listed])
        if not changes:
            return new, None

        def change_tuple(observation: Any) -> Any:
            if len(observation) != len(listed):
                return observation
            pairs = zip(listed, observation, strict=True)
            return tuple(value if change is None else change(value) for (_, change), value in pairs)

        return new, change_tuple
    names = {key: str(key) if isinstance(space, spaces.Tuple) else key for key in kept}
    steps = [(names[key], key, change) for key, (_, change) in kept.items()]

    def change_dict(observation: Any) -> Any:
        try:
            return {name: observation[key] if ch is None else ch(observation[key]) for name, key, ch in steps}
        except (KeyError, IndexError, TypeError):
            return observation  # the codec says what is wrong

    return spaces.Dict({names[key]: part for key, (part, _) in kept.items()}), change_dict


def _as_choices(space: Space, name: str, sizes: tuple[int, ...]) -> Space:
    """Return the space of integers that are kinds."""
    shape = space.shape or ()
    if (
        not isinstance(space, spaces.Box)
        or space.dtype.kind not in "iu"
        or not shape
        or len(sizes) not in (1, shape[-1])
    ):
        raise ValueError(
            f"wrap.choices.{name} is {list(sizes)}, for {space}: it needs a Box of integers, and one number, or one "
            "for each element of its last axis"
        )
    return spaces.MultiDiscrete(np.broadcast_to(np.array(sizes, np.int64), shape), dtype=np.int64)


def _nothing_left(space: Space) -> str:
    kind = type(space).__name__
    what = {
        "Text": "write a wrapper that turns the text into numbers, for example the number of each known sentence",
        "Graph": "write a wrapper that shows its nodes as a Box of a fixed size, with zeros where there are fewer",
        "Sequence": "write a wrapper that shows a Box of a fixed length, with zeros where there are fewer",
    }
    if kind in what:
        return f"the observation space is a {kind}, whose values have no fixed size: {what[kind]}"
    return "nothing is left of the observations: leave out fewer (wrap.drop), or show some of a fixed size"
